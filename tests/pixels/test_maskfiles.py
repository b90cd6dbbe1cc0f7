"""Masks as files: named by their content, whole, read at import with what cannot be used set aside, and loaded as models see them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.pixels import maskfiles, masks
from alcore.reading import Reading
from alcore.types import Entry

MASK = np.array([[0, 1, 1, 255], [0, 1, 1, 255]], np.uint8)


def test_a_mask_is_kept_once_under_its_digest_and_comes_back(tmp_path: Path) -> None:
    digest, row = maskfiles.keep(tmp_path, MASK, 3)
    path = maskfiles.place(tmp_path, digest)
    assert row == {"digest": masks.digest(MASK), "width": 4, "height": 2, "pixels": [2, 4, 0, 2]}
    assert path.relative_to(tmp_path).as_posix() == f"masks/{digest[:2]}/{digest}.png"
    made = path.stat().st_mtime_ns
    assert maskfiles.keep(tmp_path, MASK.copy(), 3) == (digest, row)
    assert path.stat().st_mtime_ns == made
    np.testing.assert_array_equal(maskfiles.load(tmp_path, digest), MASK)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_a_file_that_is_cut_short_or_gone_is_not_whole_is_told_and_is_written_again(tmp_path: Path) -> None:
    digest, _ = maskfiles.keep(tmp_path, MASK, 2)
    path = maskfiles.place(tmp_path, digest)
    assert maskfiles.is_whole(path)
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert not maskfiles.is_whole(path)
    for damage in (b"", content[:10], content[: len(content) // 2]):
        path.write_bytes(damage)
        assert not maskfiles.is_whole(path)
        with pytest.raises(AlcoreError, match=r"cannot be read: .*`doctor` names what is missing\.$"):
            maskfiles.load(tmp_path, digest)
    path.unlink()
    assert not maskfiles.is_whole(path)
    with pytest.raises(AlcoreError, match=f"^the mask {digest} cannot be read from .*masks: No such file or directory$"):
        maskfiles.png(tmp_path, digest)
    maskfiles.keep(tmp_path, MASK, 2)
    assert path.read_bytes() == content


class Given:
    """Masks of a reading; what is an exception is raised when it is asked for."""

    def __init__(self, *masks: np.ndarray | BadInput | None) -> None:
        self.masks = masks

    def __getitem__(self, at: int) -> np.ndarray | None:
        mask = self.masks[at]
        if isinstance(mask, BadInput):
            raise mask
        return mask


def test_an_import_keeps_good_masks_once_and_sets_the_others_aside_with_the_reason(tmp_path: Path) -> None:
    other = np.full((2, 4), 1, np.uint8)
    given = Given(MASK, None, BadInput("b.png is damaged"), np.zeros((3, 3), np.uint8), np.full((2, 4), 255, np.uint8), other, MASK, other)
    entries = [Entry(f"{at}.jpg", "pool", None) for at in range(8)]
    names = ["", "", "b.png", "small.png", "", "", "", ""]
    reading = Reading(tmp_path, ("x", "y"), entries, masks=given, mask_files=names)
    good = np.array([0, 1, 2, 3, 4, 5, 6])  # entry 7 is no picture
    found = maskfiles.keep_all(reading, good, np.tile([4, 2], (8, 1)), tmp_path / "project")
    first, second = masks.digest(MASK), masks.digest(other)
    assert found.names == [first, second]
    assert found.codes.tolist() == [0, -1, -1, -1, -1, 1, 0, -1]
    assert {digest: row["pixels"] for digest, row in found.rows.items()} == {first: [2, 4, 2], second: [0, 8, 0]}
    assert [one.path for one in found.skipped] == ["b.png", "small.png", "4.jpg"]
    for reason, words in zip(
        (one.reason for one in found.skipped), ("b.png is damaged", "small.png: ", "every pixel is void"), strict=True
    ):
        assert words in reason
    assert sorted(path.stem for path in (tmp_path / "project").rglob("*.png")) == sorted([first, second])


def test_models_see_masks_at_their_own_side_in_the_order_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    made = [rng.integers(0, 3, (6 + at, 9)).astype(np.uint8) for at in range(5)]
    digests = [maskfiles.keep(tmp_path, mask, 3)[0] for mask in made]
    order = [3, 0, 3, 4]
    small = maskfiles.at_size(tmp_path, [digests[at] for at in order], 4)
    np.testing.assert_array_equal(small, np.stack([masks.resized(made[at], 4, 4) for at in order]))


def test_counts_of_before_a_class_was_added_are_summed_with_void_last() -> None:
    assert maskfiles.class_counts([[5, 1, 2], [1, 0, 4, 3], []][:2], 3).tolist() == [6, 1, 4, 5]
    assert maskfiles.class_counts([], 2).tolist() == [0, 0, 0]
