"""BDD100K's segmentation set: `images/10k/<split>/x.jpg` with `labels/sem_seg/masks/<split>/x.png`, or the older `seg/`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, ReadOptions
from alcore.formats.dense import DRIVING, Found, images_below, labeled_otherwise, owned, stem_of
from alcore.naming import printable
from alcore.pixels import masks
from alcore.reading import Reading
from alcore.types import WRITTEN, Skipped

# images, masks, what a mask's name has behind its image's
LAYOUTS = (("images/10k", "labels/sem_seg/masks", ""), ("seg/images", "seg/labels", "_train_id"))
PLACES = ("", "bdd100k/", "bdd100k_seg/bdd100k/")
SPLITS = {name: split for split, name in WRITTEN.items()}
VALUES = {value: value for value in range(19)}


class Bdd100k(Format):
    """The 19 classes of Cityscapes by their trainIds. The test split has no masks."""

    name = "bdd100k"
    title = "BDD100K (segmentation)"
    rank = 30
    tasks = ("segmentation",)

    def recognizes(self, src: Path) -> str | None:
        """By its folder of images with a split below it."""
        layout = _layout(src)
        return "BDD100K" if layout and ((src / layout[1]).is_dir() or not labeled_otherwise(src)) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        layout = _layout(src)
        if layout is None:
            raise BadInput(f"{src} has neither images/10k nor seg/images with train or val below it: give the folder these lie in")
        images, labels, tail = layout
        found = Found(src, [])
        for folder, split in SPLITS.items():
            if not (src / images / folder).is_dir():
                continue
            paths = images_below(src, f"{labels}/{folder}", []) if (src / labels / folder).is_dir() else ()
            mask_of = {stem_of(path).removesuffix(tail): path for path in paths if stem_of(path).endswith(tail)}
            images_there = list(images_below(src, f"{images}/{folder}", found.skipped))
            masked = owned([stem_of(path) for path in images_there], mask_of)
            for path in images_there:
                found.add(path, split, masked.get(stem_of(path), ""))
            found.skipped.extend(Skipped(printable(mask), "a mask without its image") for mask in mask_of.values())

        def read(name: str) -> np.ndarray:
            return masks.relabeled(masks.read_mask(src / name), VALUES)

        return found.reading("BDD100K", dict(DRIVING), read)


def _layout(src: Path) -> tuple[str, str, str] | None:
    for place in PLACES:
        for images, labels, tail in LAYOUTS:
            if any((src / place / images / folder).is_dir() for folder in SPLITS):
                return place + images, place + labels, tail
    return None


FORMAT = Bdd100k()
