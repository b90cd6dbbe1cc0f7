"""Cityscapes: `leftImg8bit/<split>/<city>/x_leftImg8bit.png` with `gtFine/<split>/<city>/x_gtFine_labelTrainIds.png` or `_labelIds.png`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from alcore import masks
from alcore.errors import BadInput
from alcore.formats.base import SPLIT_NAMES, Format, printable
from alcore.formats.dense import DRIVING, Found, Item, Writing, images_below
from alcore.types import Reading, Skipped

IMAGES, LABELS = "leftImg8bit", "gtFine"
IMAGE_TAIL, TRAIN_TAIL, ID_TAIL = "_leftImg8bit", "_gtFine_labelTrainIds", "_gtFine_labelIds"
# The official table, as in cityscapesScripts' labels.py; every other id from 0 to 33 is void.
TRAIN_ID_OF = dict(zip((7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33), range(19), strict=True))
OF_ID = {value: TRAIN_ID_OF.get(value, masks.VOID) for value in range(34)}
OF_TRAIN_ID = {value: value for value in range(19)}


class Cityscapes(Format):
    """Its 19 classes. Where both kinds of mask are there, the trainIds are taken. The test split's masks are blank and no truth."""

    name = "cityscapes"
    title = "Cityscapes"
    rank = 30
    tasks = ("segmentation",)

    def recognizes(self, src: Path) -> str | None:
        """By its folder of images with a split below it."""
        there = any((src / IMAGES / split).is_dir() for split in ("train", "val", "test"))
        return "Cityscapes" if there else None

    def read(self, src: Path) -> Reading:
        """See Format."""
        if not (src / IMAGES).is_dir():
            raise BadInput(f"{src} has no folder {IMAGES}: give the folder that {IMAGES} and {LABELS} lie in")
        found = Found(src, [])
        mask_of = _masks(src, found.skipped)
        with os.scandir(src / IMAGES) as there:
            folders = sorted(entry.name for entry in there if entry.is_dir())
        for folder in folders:
            split = SPLIT_NAMES.get(folder)
            if split is None:  # train_extra has coarse masks only
                found.skipped.append(
                    Skipped(printable(f"{IMAGES}/{folder}"), "the folder is none of train, val, test: its images are left out")
                )
                continue
            for path in images_below(src, f"{IMAGES}/{folder}", found.skipped):
                stem = os.path.splitext(path.removeprefix(f"{IMAGES}/"))[0].removesuffix(IMAGE_TAIL)
                found.add(path, split, mask_of.pop(stem, ""))
        found.skipped.extend(Skipped(printable(mask), "a mask without its image") for mask in mask_of.values())

        def read(name: str) -> np.ndarray | None:
            values = masks.read_mask(src / name)
            mask = masks.relabeled(values, OF_TRAIN_ID if TRAIN_TAIL in name else OF_ID)
            return None if name.startswith(f"{LABELS}/test/") and masks.is_void(mask) else mask

        return found.reading("Cityscapes", dict(DRIVING), read)


def _masks(src: Path, skipped: list[Skipped]) -> dict[str, str]:
    """`<split>/<city>/<image>` -> mask, relative to `src`; pictures of other kinds lie beside the masks and are no news."""
    taken: dict[str, str] = {}
    if (src / LABELS).is_dir():
        paths = list(images_below(src, LABELS, []))
        for tail in (TRAIN_TAIL, ID_TAIL):
            for path in paths:
                stem = os.path.splitext(path.removeprefix(f"{LABELS}/"))[0]
                if stem.endswith(tail):
                    taken.setdefault(stem.removesuffix(tail), path)
    return taken


def write_masks(out: Path, items: Iterable[Item], classes: Sequence[str], colors: Sequence[Sequence[int]]) -> None:
    """Writes leftImg8bit/ and gtFine/ with trainIds into `out`, all below one city; read again, every mask is the same.

    Args:
        items: (name without suffix, image file or its content, train | val | test, mask).
        colors: have no place in this format.
    """
    if tuple(classes) != tuple(DRIVING):
        raise BadInput(
            f"Cityscapes has its own 19 classes ({', '.join(list(DRIVING)[:3])}, …) and these are others: write camvid, voc or coco"
        )
    writing = Writing(out, classes)
    for item in items:
        city = f"{item[2]}/city"
        writing.image(item, f"{IMAGES}/{city}", IMAGE_TAIL)
        writing.file(f"{LABELS}/{city}/{item[0]}{TRAIN_TAIL}.png", masks.encode(item[3]))


FORMAT = Cityscapes()
