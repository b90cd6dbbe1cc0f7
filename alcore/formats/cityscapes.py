"""Cityscapes: `leftImg8bit/<split>/<city>/x_leftImg8bit.png` with `gtFine/<split>/<city>/x_gtFine_labelTrainIds.png` or `_labelIds.png`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, SPLIT_NAMES, Format, ReadOptions, inside_of
from alcore.formats.dense import DRIVING, Found, images_below, labeled_otherwise, owned
from alcore.formats.writing import Item, Legend, Writing
from alcore.naming import printable
from alcore.pixels import masks
from alcore.reading import Reading
from alcore.types import VOID, Skipped

IMAGES, LABELS = "leftImg8bit", "gtFine"
IMAGE_TAIL, TRAIN_TAIL, ID_TAIL = "_leftImg8bit", "_gtFine_labelTrainIds", "_gtFine_labelIds"
# The official table, as in cityscapesScripts' labels.py; every other id from 0 to 33 is void.
TRAIN_ID_OF = dict(zip((7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33), range(19), strict=True))
OF_ID = {value: TRAIN_ID_OF.get(value, VOID) for value in range(34)}
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
        return "Cityscapes" if there and ((src / LABELS).is_dir() or not labeled_otherwise(src)) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        if not (src / IMAGES).is_dir():
            raise BadInput(f"{src} has no folder {IMAGES}: give the folder that {IMAGES} and {LABELS} lie in")
        found = Found(src, [])
        mask_of = _masks(src, found.skipped)
        for folder in inside_of(src / IMAGES)[0]:
            split = SPLIT_NAMES.get(folder)
            if split is None:  # train_extra has coarse masks only
                found.skipped.append(
                    Skipped(printable(f"{IMAGES}/{folder}"), "the folder is none of train, val, test: its images are left out")
                )
                continue
            images = list(images_below(src, f"{IMAGES}/{folder}", found.skipped))
            stems = [os.path.splitext(path.removeprefix(f"{IMAGES}/"))[0].removesuffix(IMAGE_TAIL) for path in images]
            masked = owned(stems, mask_of)
            for path, stem in zip(images, stems, strict=True):
                found.add(path, split, masked.get(stem, ""))
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


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """Writes leftImg8bit/ and gtFine/ with trainIds into `out`, in the cities they came from, or all below one; read again, every mask is
    the same.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    if tuple(legend.classes) != tuple(DRIVING):
        raise BadInput(
            f"Cityscapes has its own 19 classes ({', '.join(list(DRIVING)[:3])}, …) and these are others: write camvid, voc or coco"
        )
    writing = Writing(out, legend.classes)
    for item in items:
        folder, _, name = item.path.rpartition("/")
        stem, suffix = os.path.splitext(name)
        city = folder.split("/")[2] if folder.startswith(f"{IMAGES}/") and folder.count("/") > 1 else "city"
        path = writing.image(item, f"{IMAGES}/{item.split}/{city}/{stem.removesuffix(IMAGE_TAIL)}{IMAGE_TAIL}{suffix}")
        place = os.path.splitext(path)[0].removeprefix(f"{IMAGES}/")
        called = place.removesuffix(IMAGE_TAIL) if IMAGE_TAIL in place else place
        writing.file(f"{LABELS}/{called}{TRAIN_TAIL}.png", masks.encode(item.mask))
    return writing.renamed


FORMAT = Cityscapes()
