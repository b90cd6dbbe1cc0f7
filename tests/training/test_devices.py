"""Devices: which one is taken, what there is, and where chance starts."""

from __future__ import annotations

import pytest
import torch

from alcore.errors import BadInput
from alcore.training import devices
from alcore.training.devices import device_list, pick_device, seeded

CPU = torch.device("cpu")


def test_auto_is_the_first_gpu_or_else_the_cpu():
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpu", "^unknown device 'gpu': use auto, cpu or cuda:0$"),
        ("meta", "^device 'meta' is not supported: use auto, cpu or cuda:0$"),
        ("cuda:3", r"^there is no cuda:3 here \(2 GPUs\): use --device cpu or auto$"),
    ],
)
def test_a_device_that_is_not_here_is_refused_with_those_there_are(monkeypatch, name, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(BadInput, match=words):
        pick_device(name)


def test_a_gpu_has_its_number_and_is_listed_before_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"card {index}")
    monkeypatch.setattr(devices.os, "cpu_count", lambda: 6)
    assert (pick_device("cuda"), pick_device("cuda:1"), pick_device("cpu")) == (
        torch.device("cuda", 0),
        torch.device("cuda", 1),
        torch.device("cpu"),
    )
    assert device_list() == [("cuda:0", "card 0"), ("cuda:1", "card 1"), ("cpu", "CPU, 6 cores")]


def test_chance_starts_from_the_seed_inside_and_goes_on_outside_as_if_nothing_had_been_drawn():
    torch.manual_seed(7)
    undisturbed = torch.rand(4)
    torch.manual_seed(7)
    before = torch.rand(2)
    with seeded(3, torch.device("cpu")):
        inside = torch.rand(5)
    with pytest.raises(ZeroDivisionError), seeded(3, torch.device("cpu")):
        assert torch.equal(torch.rand(5), inside)
        raise ZeroDivisionError
    assert torch.equal(torch.cat([before, torch.rand(2)]), undisturbed)
