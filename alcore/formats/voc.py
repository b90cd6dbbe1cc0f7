"""Pascal VOC's segmentation: `JPEGImages`, `SegmentationClass`, `ImageSets/Segmentation`, and `labelmap.txt` for classes of one's own."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from alcore import masks
from alcore.errors import BadInput
from alcore.formats.base import Format, class_name, printable
from alcore.formats.dense import Color, Found, Item, Writing, distinct, images_below, lines_of, listed, stem_of
from alcore.types import Reading, Skipped

IMAGES, LABELS, SETS, LABEL_MAP = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation", "labelmap.txt"
NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable"),
    *("dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
BORDER = (224, 224, 192)  # of the border around objects, which is void
SPLITS = {"train": "pool", "val": "val", "test": "test"}


class Voc(Format):
    """The 20 classes and the background, or those of labelmap.txt (`name:r,g,b:parts:actions` a line), as labeling tools write it.

    Only images that a list names are taken; without lists all are. trainval.txt adds what train.txt and val.txt do not name.
    """

    name = "voc"
    title = "Pascal VOC (segmentation)"
    rank = 30
    tasks = ("segmentation",)

    def recognizes(self, src: Path) -> str | None:
        """By its folders of images and masks, with the lists or a labelmap.txt."""
        place = _place(src)
        known = place is not None and ((src / place / SETS).is_dir() or (src / place / LABEL_MAP).is_file())
        return "Pascal VOC" if known else None

    def read(self, src: Path) -> Reading:
        """See Format."""
        place = _place(src)
        if place is None:
            raise BadInput(
                f"{src} has no folder {IMAGES} beside one of {LABELS}: give the folder these lie in, or that of one year (VOC2012)"
            )
        found = Found(src, [])
        mask_of = {stem_of(path): path for path in images_below(src, f"{place}{LABELS}", found.skipped)}
        paths: dict[str, str] = {}
        for path in images_below(src, f"{place}{IMAGES}", found.skipped):
            if paths.setdefault(stem_of(path), path) != path:
                found.skipped.append(Skipped(printable(path), "another image has the same name: rename one"))
        splits = _splits(src, place, list(paths.values()), found.skipped)
        for stem, path in paths.items():
            mask = mask_of.pop(stem, "")
            if path in splits:
                found.add(path, splits[path], mask)
        found.skipped.extend(Skipped(printable(mask), "a mask without its image") for mask in mask_of.values())
        label_map = src / place / LABEL_MAP
        classes = _read_label_map(label_map) if label_map.is_file() else dict(zip(NAMES, color_map(len(NAMES)), strict=True))
        values = {at: at for at in range(min(len(classes), masks.MOST_CLASSES))}
        painted = {BORDER: masks.VOID, **{color: at for at, color in enumerate(classes.values())}}

        def read(name: str) -> np.ndarray:
            return masks.relabeled(masks.read_mask(src / name, painted), values)

        return found.reading("Pascal VOC", classes, read)


def color_map(n: int) -> list[Color]:
    """VOC's first `n` colors: the bits of the index, three at a time, from the highest bit of red, green and blue down."""
    bits = [[at >> 3 * step & 7 for step in range(8)] for at in range(n)]
    mixed = [[sum((three >> channel & 1) << 7 - step for step, three in enumerate(of)) for channel in range(3)] for of in bits]
    return [(red, green, blue) for red, green, blue in mixed]


def _place(src: Path) -> str | None:
    """Where the folders are: "" or a prefix like "VOCdevkit/VOC2012/". Raises BadInput when there are several years."""
    if not src.is_dir():
        return None
    if (src / IMAGES).is_dir() and (src / LABELS).is_dir():
        return ""
    years = [
        f"{found.parent.relative_to(src).as_posix()}/" for depth in ("VOC*", "VOCdevkit/VOC*") for found in src.glob(f"{depth}/{IMAGES}")
    ]
    having = sorted(year for year in years if (src / year / LABELS).is_dir())
    if len(having) > 1:
        raise BadInput(f"{src} holds several years of VOC ({', '.join(having)}): give the folder of one")
    return having[0] if having else None


def _splits(src: Path, place: str, paths: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    """Image -> split; all of the pool without lists."""
    folder = src / place / SETS
    names = sorted(file.name for file in folder.glob("*.txt")) if folder.is_dir() else []
    if not names:
        return dict.fromkeys(paths, "pool")
    own = [(f"{place}{SETS}/{name}", SPLITS[name.removesuffix(".txt")]) for name in names if name.removesuffix(".txt") in SPLITS]
    more = [(f"{place}{SETS}/{name}", "pool") for name in names if name.removesuffix(".txt") not in SPLITS]
    below = [path.removeprefix(place) for path in paths]
    whole = dict(zip(below, paths, strict=True))
    splits = listed(src, own, below, skipped)
    added = listed(src, more, below, skipped)
    conflicting = {one.path for one in skipped}
    return {whole[path]: split for path, split in {**added, **splits}.items() if path in splits or printable(path) not in conflicting}


def _read_label_map(file: Path) -> dict[str, Color]:
    classes: dict[str, Color] = {}
    lines: dict[object, int] = {}
    for number, line in lines_of(file):
        if line.startswith("#"):
            continue
        parts = line.split(":")
        name = class_name(parts[0].strip())
        channels = [int(text) for text in parts[1].split(",") if text.strip().isdecimal() and len(text) < 5] if len(parts) > 1 else []
        if len(channels) != 3 or max(channels) > 255:
            raise BadInput(f"{file.name} line {number}: {line[:80]!r} is not of the form name:r,g,b:parts:actions")
        color = (channels[0], channels[1], channels[2])
        for what, key in (("class", name), ("color", color)):
            if lines.setdefault(key, number) != number:
                raise BadInput(f"{file.name} line {number}: the {what} {key!r} is in line {lines[key]} already")
        classes[name] = color
    return classes


def write_masks(out: Path, items: Iterable[Item], classes: Sequence[str], colors: Sequence[Sequence[int]]) -> None:
    """Writes JPEGImages/, SegmentationClass/ with a palette, ImageSets/Segmentation/ and labelmap.txt; read again, every mask is the same.

    Args:
        items: (name without suffix, image file or its content, train | val | test, mask).
    """
    odd = next((name for name in classes if ":" in name or name.startswith("#")), None)
    if odd is not None:
        raise BadInput(f"class {odd!r} cannot be in a {LABEL_MAP}, where a colon ends a name: rename it or write camvid or coco")
    writing = Writing(out, classes)
    given = distinct(colors, len(classes))
    palette = [*given, *[(0, 0, 0)] * (masks.VOID - len(given)), BORDER]
    for item in items:
        writing.image(item, IMAGES)
        picture = Image.fromarray(np.ascontiguousarray(item[3]))
        picture.putpalette([channel for color in palette for channel in color])
        encoded = io.BytesIO()
        picture.save(encoded, "PNG")
        writing.file(f"{LABELS}/{item[0]}.png", encoded.getvalue())
    writing.lists(f"{SETS}/")
    rows = [f"{name}:{red},{green},{blue}::\n" for name, (red, green, blue) in zip(classes, given, strict=True)]
    writing.file(LABEL_MAP, "# label:color_rgb:parts:actions\n" + "".join(rows))


FORMAT = Voc()
