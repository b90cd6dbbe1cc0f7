"""Images of the very same bytes, against a comparison of every pair: files, hard links, arrays, files that went."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from alcore.importing.alike import TAIL, groups_of


def brute_force(contents: list[bytes | None], good: np.ndarray) -> list[int]:
    """For each entry the first good one with its content, -1 for one that has no twin."""
    taken = set(good.tolist())
    return [
        next((j for j in sorted(taken) if contents[j] == content), -1)
        if i in taken and content is not None and sum(contents[j] == content for j in taken) > 1
        else -1
        for i, content in enumerate(contents)
    ]


def same_partition(groups: np.ndarray, expected: list[int]) -> bool:
    return all((groups[i] == groups[j]) == (expected[i] == expected[j]) for i in range(len(expected)) for j in range(i)) and [
        group >= 0 for group in groups.tolist()
    ] == [first >= 0 for first in expected]


@pytest.mark.parametrize("marked", [True, False])
def test_files_are_grouped_by_their_bytes_whatever_is_cheap_to_compare(tmp_path: Path, marked: bool) -> None:
    rng = np.random.default_rng(3)
    base = rng.bytes(3 * TAIL)
    kinds = [base, base[:-1] + b"x", b"y" + base[1:], rng.bytes(20), b"", rng.bytes(20)]  # alike in size, or in size and end
    contents: list[bytes | None] = [kinds[k] for k in rng.integers(0, len(kinds), 40)]
    files = [tmp_path / f"{at}.bin" for at in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content or b"")
    for at in (5, 17):  # hard links
        files[at].unlink()
        os.link(files[at - 1], files[at])
        contents[at] = contents[at - 1]
    files[9].unlink()  # went meanwhile
    contents[9] = None
    good = np.setdiff1d(np.arange(len(files)), [0, 21])
    marks = np.array([0 if content is None else len(content) for content in contents], np.uint32) if marked else None
    assert same_partition(groups_of(files, good, marks), brute_force(contents, good))


def test_arrays_are_grouped_by_shape_and_pixels() -> None:
    rows = [np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), np.ones((2, 3), np.uint8), np.zeros((2, 3), np.uint8)]
    assert groups_of(rows, np.arange(4), np.zeros(4, np.uint32)).tolist() == [0, -1, -1, 0]
    assert groups_of(rows, np.arange(0), np.zeros(4, np.uint32)).tolist() == [-1] * 4
