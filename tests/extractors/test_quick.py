"""Quicker networks give the plain one's vectors, or are not taken."""

from __future__ import annotations

import os
import threading

import pytest
import torch
from torch import nn

from alcore.extractors import quick
from alcore.extractors.quick import bf16_is_fast, crew, folded, quickened
from alcore.priority import NO_HURRY
from tests.extractors.brought import drawn
from tests.nets.feeding import seeded_noise

CPU = torch.device("cpu")


class Small(nn.Module):
    """Convolution, batch norm with a history, ReLU, the mean over space."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.alone = nn.BatchNorm2d(8)
        for norm in (self.layers[1], self.alone):
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(values, 0.5, 2.0)

    def forward(self, x):
        return self.alone(self.layers(x)).mean((2, 3))


class Stubborn(Small):
    """Makes numbers of 32 bits on the way."""

    def forward(self, x):
        return super().forward(x + torch.zeros_like(x, dtype=torch.float32))


class Coarse(Small):
    """Is something else in 16 bits."""

    def forward(self, x):
        made = super().forward(x)
        return made if x.dtype == torch.float32 else made.flip(1) * torch.tensor([1, -1] * 4, dtype=x.dtype)


@pytest.fixture
def x():
    return seeded_noise(2, 3, 12, 12)


def plain(net, x):
    with torch.no_grad():
        return net(x)


def test_a_folded_network_gives_the_same_without_its_batch_norms(x):
    net = drawn(Small)
    lighter = folded(net)
    assert [type(layer).__name__ for layer in lighter.layers] == ["Conv2d", "Identity", "ReLU"]
    assert type(lighter.alone) is type(net.layers[1]) is nn.BatchNorm2d  # the copy's lone one, and the network itself, stay
    torch.testing.assert_close(plain(lighter, x), plain(net, x))


@pytest.mark.parametrize(
    ("make", "fast", "expected", "copied"),
    [
        (Small, True, torch.bfloat16, True),
        (Small, False, torch.float32, True),
        (Stubborn, True, torch.float32, True),
        (Coarse, True, torch.float32, True),
    ],
)
def test_bf16_is_taken_where_it_is_fast_and_right(x, monkeypatch, make, fast, expected, copied):
    monkeypatch.setattr(quick, "bf16_is_fast", lambda device: fast)
    net = drawn(make)
    made, dtype = quickened(net, x, plain(net, x))
    assert (dtype, made is not net) == (expected, copied)
    assert next(made.parameters()).dtype == expected
    assert torch.cosine_similarity(plain(made, x.to(dtype)).float(), plain(net, x)).min() > 0.99


def test_where_digits_count_it_computes_in_float32_and_is_folded_all_the_same(x, monkeypatch):
    monkeypatch.setattr(quick, "bf16_is_fast", lambda device: True)
    net = drawn(Small)
    made, dtype = quickened(net, x, plain(net, x), exact=True)
    assert (dtype, type(made.layers[1])) == (torch.float32, nn.Identity)
    torch.testing.assert_close(plain(made, x), plain(net, x))


def test_a_network_whose_quicker_form_differs_stays_as_it_is(x):
    net = drawn(Small)
    assert quickened(net, x, -plain(net, x)) == (net, torch.float32)
    assert quickened(net, x, plain(net, x) * float("nan")) == (net, torch.float32)


def test_what_is_computed_outside_torch_stays_as_it_is(x):
    net = nn.Flatten()
    assert quickened(net, x, plain(net, x)) == (net, torch.float32)


@pytest.mark.parametrize(
    ("flags", "fast"), [("fpu avx512f amx_bf16 amx_tile", True), ("fpu avx512_bf16", True), ("fpu avx2 avx512f", False), ("", False)]
)
def test_bf16_is_fast_where_the_processor_says_so(tmp_path, flags, fast):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: amx_bf16\n")
    assert bf16_is_fast(CPU, tmp_path / "cpuinfo") is fast


def test_where_no_processor_says_so_bf16_is_not_assumed(tmp_path):
    assert not bf16_is_fast(CPU, tmp_path / "gone")


# ---- threads


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def asked_in_a_new_thread() -> int:
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


def test_each_of_a_crew_computes_on_one_thread_and_nobody_else_does(three_threads):
    pool = crew(drawn(Small), CPU)
    meeting = threading.Barrier(3)  # all three are there at once

    def ask() -> int:
        meeting.wait()
        return torch.get_num_threads()

    assert [asked.result() for asked in [pool.submit(ask) for _ in range(3)]] == [1, 1, 1]
    assert (torch.get_num_threads(), asked_in_a_new_thread()) == (3, 3)
    assert pool.submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())).result() == NO_HURRY


def test_where_nothing_can_be_shared_out_there_is_no_crew(three_threads):
    assert crew(nn.Flatten(), CPU) is None
    assert crew(drawn(Small), torch.device("cuda")) is None
    torch.set_num_threads(1)
    assert crew(drawn(Small), CPU) is None
