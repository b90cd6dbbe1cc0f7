"""The contract of extractors: preparation, marks, files of weights, and what an Embedder refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from alcore.errors import AlcoreError, BadInput
from alcore.extractors.base import Embedder, Extractor, digest_of_state, fill, known_pictures, mark_of, prepared, state_dict_of

CPU = torch.device("cpu")


class Mean(nn.Module):
    """A picture's mean color, times a number."""

    def __init__(self, times: float = 1.0, dim: int = 3) -> None:
        super().__init__()
        self.times, self.dim = times, dim

    def forward(self, x):
        return (x.mean((2, 3)) * self.times)[:, : self.dim]


def extractor(make=Mean, **changed) -> Extractor:
    fields = {"mean": (0.5, 0.25, 0.0), "std": (0.5, 0.25, 1.0), "dim": 3, "mark": "ab" * 6, **changed}
    return Extractor("mean", "Mean color", 8, licence="none", source="made here", make=make, **fields)


@pytest.mark.parametrize("upright", [False, True])
def test_of_a_picture_the_center_square_is_taken(upright):
    wide = np.zeros((16, 48, 3), np.uint8)
    wide[:, 16:24], wide[:, 24:32] = 100, 200  # the center's halves; what is beside it is black
    row = prepared(Image.fromarray(wide.swapaxes(0, 1) if upright else wide), 8)
    assert (row.shape, row.dtype) == ((8, 8, 3), np.uint8)
    row = row.swapaxes(0, 1) if upright else row
    assert (row[:, :2] == 100).all()
    assert (row[:, 6:] == 200).all()


def test_a_long_strip_takes_no_more_memory_than_its_square():
    strip = Image.new("RGB", (200_000, 2), (10, 20, 30))  # whole at 224 pixels it would take 15 GB
    assert (prepared(strip, 224) == (10, 20, 30)).all()


def test_the_known_pictures_differ_and_have_color():
    cat, coffee = known_pictures(32)
    assert cat.shape == (32, 32, 3)
    assert cat.mean((0, 1)).round().tolist() == [148.0, 111.0, 87.0]
    assert coffee.mean((0, 1)).round().tolist() == [158.0, 86.0, 51.0]


def test_vectors_are_of_normalized_pixels():
    pixels = np.stack([np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)])
    made = Embedder(extractor(), CPU)(pixels)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, [[1, 3, 1], [-1, -1, 0]], atol=1e-6)


def test_no_pictures_give_no_vectors():
    assert Embedder(extractor(), CPU)(np.empty((0, 8, 8, 3), np.uint8)).shape == (0, 3)


@pytest.mark.parametrize("pixels", [np.zeros((2, 9, 8, 3), np.uint8), np.zeros((2, 8, 8, 3), np.float32)])
def test_other_sizes_and_types_are_a_bug_of_the_caller(pixels):
    with pytest.raises(ValueError, match="for an extractor of 8 pixels"):
        Embedder(extractor(), CPU)(pixels)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (extractor(lambda: Mean(float("nan"))), "mean gave numbers that are not finite for 2 of 2 pictures: use another extractor"),
        (extractor(lambda: Mean(float("inf"))), "mean gave numbers that are not finite for 2 of 2 pictures: use another extractor"),
        (extractor(dim=5), r"mean gave vectors of shape \(3,\), not of 5 numbers"),
        (extractor(lambda: Mean(0.0)), "mean gives two different pictures the same vector: .* get them again .made here."),
        (extractor(check=lambda net, vectors: "sees nothing"), "mean sees nothing: its weights are not what they should be"),
    ],
)
def test_a_network_whose_vectors_are_wrong_is_refused_when_it_is_first_used(given, words):
    with pytest.raises(AlcoreError, match=words):
        Embedder(given, CPU)


class Hungry(nn.Module):
    """Has room for so many pictures at a time."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.asked = room, []

    def forward(self, x):
        self.asked.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("no")
        return x.mean((2, 3))


def test_a_device_that_is_full_is_asked_for_fewer_at_a_time():
    net = Hungry(9)
    embedder = Embedder(extractor(lambda: net), CPU)
    net.asked.clear()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    np.testing.assert_allclose(embedder(pixels), Embedder(extractor(), CPU)(pixels), atol=1e-6)
    assert net.asked == [32, 16, 8, 8, 8, 8, 8]


def test_a_device_that_has_no_room_for_one_picture_is_named():
    with pytest.raises(AlcoreError, match="mean needs more memory than cpu has"):
        Embedder(extractor(lambda: Hungry(0)), CPU)


# ---- marks


def test_a_mark_follows_weights_size_and_normalization():
    plain = mark_of(b"weights", 224, (0.5,) * 3, (0.5,) * 3)
    others = [mark_of(b"other", 224, (0.5,) * 3, (0.5,) * 3), mark_of(b"weights", 225, (0.5,) * 3, (0.5,) * 3)]
    others += [mark_of(b"weights", 224, (0.4,) * 3, (0.5,) * 3), mark_of(b"weights", 224, (0.5,) * 3, (0.4,) * 3)]
    assert len(plain) == 12
    assert len({plain, *others}) == 5


def test_a_digest_follows_names_and_values_and_not_their_order():
    one, two = torch.zeros(2), torch.ones(2, 2, dtype=torch.bfloat16)
    kept = digest_of_state({"a": one, "b": two})
    assert digest_of_state({"b": two, "a": one}) == kept
    assert digest_of_state({"a": one, "c": two}) != kept
    assert digest_of_state({"a": one + 1, "b": two}) != kept
    assert digest_of_state({"a": one, "b": two.view(4)}) != kept


# ---- files


def test_both_kinds_of_file_give_their_tensors(tmp_path):
    state = {"w": torch.arange(3.0)}
    torch.save(state, tmp_path / "w.pth")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "in.pth")
    save_file(state, tmp_path / "w.safetensors")
    for name in ("w.pth", "in.pth", "w.safetensors"):
        assert state_dict_of(tmp_path / name)["w"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut short"])
def test_a_damaged_file_is_refused_with_its_path_and_the_cure(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=r"(?s)cannot be read .*: take the file away and get it again") as refused:
        state_dict_of(tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self):
        return Path.touch, (self.touched,)


def test_a_file_that_would_run_code_is_refused_and_not_run(tmp_path):
    torch.save({"w": Evil(tmp_path / "executed")}, tmp_path / "w.pth")
    with pytest.raises(BadInput, match="cannot be read"):
        state_dict_of(tmp_path / "w.pth")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("held", [torch.zeros(3), {}, {"w": 3}, {"state_dict": {"w": "text"}}])
def test_a_file_that_holds_no_named_tensors_is_refused(tmp_path, held):
    torch.save(held, tmp_path / "w.pth")
    with pytest.raises(BadInput, match="not a state dict of named tensors"):
        state_dict_of(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight": torch.zeros(3, 2)}, "0 tensors missing, 0 too many, 1 of another shape, first weight"),
        ({"more": torch.zeros(1)}, "0 tensors missing, 1 too many, 0 of another shape, first more"),
        ({"weight": None}, "1 tensors missing, 0 too many, 0 of another shape, first weight"),
    ],
)
def test_weights_of_another_network_are_refused(change, words):
    net = nn.Linear(2, 2)
    state = {name: value for name, value in {**net.state_dict(), **change}.items() if value is not None}
    with pytest.raises(BadInput, match=rf"the weights x.pth do not fit a line \({words}\): bring the file of that network"):
        fill(net, state, "x.pth", "a line")
