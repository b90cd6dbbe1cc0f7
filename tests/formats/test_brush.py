"""Label Studio's run lengths, bit for bit as its own package packs them, and from whatever a browser may have written."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.formats import brush
from tests.formats.peers import CLASSES, PEERS, painted

TASKS = json.loads((PEERS / "labelstudio_masks.json").read_text(encoding="utf-8"))


def packed(values: list[int], literal: bool) -> list[int]:
    """Four widths of 3, 4, 8 and 16 bits; `literal` writes each value by itself, nine at a time."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{one - 1:04b}" for one in (3, 4, 8, 16))
    for start in range(0, len(values), 9):
        part = values[start : start + 9]
        bits += f"0{3:02b}{len(part) - 1:016b}" + "".join(f"{one:08b}" for one in part) if literal else ""
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_what_their_package_packed_is_packed_the_same_and_read_the_same() -> None:
    masks, seen = painted("labelstudio"), 0
    for name, task in zip("ab", TASKS, strict=False):
        for result in task["annotations"][0]["result"]:
            rle, label = result["value"]["rle"], CLASSES.index(result["value"]["brushlabels"][0])
            inside = ((masks[name] == label) * 255).astype(np.uint8)
            assert brush.encoded(inside) == rle
            np.testing.assert_array_equal(brush.decoded(rle, 24, 18), inside)
            seen += 1
    assert seen == 6


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 4), (2, 32), (128, 129), (300, 400)])
def test_runs_of_every_length_come_back(shape: tuple[int, int]) -> None:
    for values in ((0,), (255,), (0, 255), tuple(range(256))):
        mask = np.random.default_rng(2).choice(np.array(values, np.uint8), shape)
        np.testing.assert_array_equal(brush.decoded(brush.encoded(mask), shape[1], shape[0]), mask)


def test_a_full_last_byte_is_followed_by_an_empty_one() -> None:
    one = brush.encoded(np.full((1, 5), 255, np.uint8))
    assert one == [0, 0, 0, 20, 57, 27, 254, 19, 255, 0]  # as their mask2rle has it: 53 bits, and 19 of the run


def test_values_that_stand_by_themselves_are_read_and_of_four_channels_the_last_counts() -> None:
    values = np.random.default_rng(3).integers(0, 256, 5 * 7 * 4)
    found = brush.decoded(packed(values.tolist(), literal=True), 7, 5)
    np.testing.assert_array_equal(found, values.reshape(5, 7, 4)[:, :, 3])


@pytest.mark.parametrize(
    ("rle", "words"),
    [
        ([0, 0], "they end too early"),
        ([], "they end too early"),
        ([300], "whole numbers from 0 to 255"),
        (["a"], "whole numbers from 0 to 255"),
        ([255] * 40, "they are 4,294,967,295 values, a picture of 7 x 5 has 140"),
        (packed([0] * 140, literal=False), "they end too early"),
        ([0, 0, 0, 140, 127, 26, 252], "a value has 16 bits, not 8"),
    ],
)
def test_damaged_run_lengths_are_a_sentence(rle: list[int], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        brush.decoded(rle, 7, 5)
