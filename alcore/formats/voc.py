"""Pascal VOC: `JPEGImages`, `SegmentationClass`, `ImageSets/Segmentation`, and `labelmap.txt` for classes of one's own; or boxes in XML."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.formats import void
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, has_images, inside_of
from alcore.formats.dense import Color, Found, check_classes, images_below, listed, owned, stem_of
from alcore.formats.voc_xml import has_boxes, reading_of_boxes
from alcore.formats.writing import Item, Legend, Writing, distinct
from alcore.naming import class_name, printable
from alcore.pixels import kinds, masks
from alcore.reading import Reading
from alcore.types import VOID, WRITTEN, Skipped

IMAGES, LABELS, SETS, LABEL_MAP = "JPEGImages", "SegmentationClass", "ImageSets/Segmentation", "labelmap.txt"
NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable"),
    *("dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
BORDER = (224, 224, 192)  # of the border around objects, which is void
UNDER = ("ignored", "ignore", "void")  # what that color is called where a list names it: other programs refuse colors that it lacks
SPLITS = {name: split for split, name in WRITTEN.items()}


class Voc(Format):
    """The 20 classes and the background, or those of labelmap.txt (`name:r,g,b:parts:actions` a line), as labeling tools write it.

    Only images that a list names are taken; without lists all are. trainval.txt adds what train.txt and val.txt do not name. Without masks,
    or for the task classification, an image has the class of the objects in its XML file, when that is only one.
    """

    name = "voc"
    title = "Pascal VOC (masks, or boxes in XML)"
    rank = 30
    tasks = ("segmentation", "classification")
    chooses_void = True

    def recognizes(self, src: Path) -> str | None:
        """By its folders of images and masks, with the lists or a labelmap.txt; or by an XML file of an image's objects."""
        place = _place(src)
        known = place is not None and ((src / place / SETS).is_dir() or Inside(src).has(f"{place}{LABEL_MAP}"))
        return "Pascal VOC" if known or has_boxes(src) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        place = _place(src)
        no_masks = place is None or not has_images(src / place / LABELS)  # some write an empty folder
        if options.task == "classification" or (no_masks and options.task == "auto" and has_boxes(src)):
            return reading_of_boxes(src)
        if place is None:
            raise BadInput(
                f"{src} has no folder {IMAGES} beside one of {LABELS}: give the folder these lie in, or that of one year (VOC2012)"
            )
        found = Found(src, [])
        door = Inside(src)
        own = door.has(f"{place}{LABEL_MAP}")
        if not own and options.void not in void.SAYS_NOTHING:
            raise BadInput(f"void={options.void} cannot be: without a {LABEL_MAP} the masks are VOC's own, whose void is 255. Use auto")
        mask_of = {stem_of(path): path for path in images_below(src, f"{place}{LABELS}", found.skipped)}
        paths: dict[str, str] = {}
        for path in images_below(src, f"{place}{IMAGES}", found.skipped):
            if paths.setdefault(stem_of(path), path) != path:
                found.skipped.append(Skipped(printable(path), "another image has the same name: rename one"))
        splits = _splits(src, place, list(paths.values()), found.skipped)
        masked = owned(paths, mask_of)
        for stem, path in paths.items():
            if path in splits:
                found.add(path, splits[path], masked.get(stem, ""))
        found.skipped.extend(Skipped(printable(mask), "a mask without its image") for mask in mask_of.values())
        classes = _read_label_map(door, f"{place}{LABEL_MAP}") if own else dict(zip(NAMES, color_map(len(NAMES)), strict=True))
        check_classes(src, list(classes))
        painted = {BORDER: VOID, **{color: at for at, color in enumerate(classes.values())}}
        means = void.Values(tuple(classes), {at: at for at in range(len(classes))})
        if own and (options.void not in void.SAYS_NOTHING or _is_grey(src, list(masked.values()))):
            means = void.chosen(list(classes), options.void, void.counter(src, list(masked.values()), painted))
        classes = {name: classes[name] for name in means.names}

        def read(name: str) -> np.ndarray:
            return masks.relabeled(masks.read_mask(src / name, painted), means.classes)

        reading = found.reading("Pascal VOC", classes, read)
        reading.naming = {"place": place}
        reading.warnings += means.notes
        reading.used = frozenset((f"{place}{LABEL_MAP}",))
        return reading


def _is_grey(src: Path, names: Sequence[str]) -> bool:
    """Whether the masks are grey: where they have a palette or colors, as the format wants it, 255 is void for sure."""
    try:
        with kinds.opened(src / names[0]) as picture:
            return picture.mode == "L"
    except (BadInput, IndexError):
        return False


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
    door = Inside(src)
    names = [name for name in inside_of(folder)[1] if name.endswith(".txt") and door.has(f"{place}{SETS}/{name}")]
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


def _read_label_map(door: Inside, file: str) -> dict[str, Color]:
    classes: dict[str, Color] = {}
    lines: dict[object, int] = {}
    for number, line in door.lines(file):
        if line.startswith("#"):
            continue
        parts = line.split(":")
        name = class_name(parts[0].strip())
        channels = [int(text) for text in parts[1].split(",") if text.strip().isdecimal() and len(text) < 5] if len(parts) > 1 else []
        if len(channels) != 3 or max(channels) > 255:
            raise BadInput(f"{LABEL_MAP} line {number}: {line[:80]!r} is not of the form name:r,g,b:parts:actions")
        color = (channels[0], channels[1], channels[2])
        if color == BORDER and name.lower() in UNDER:
            continue
        for what, key in (("class", name), ("color", color)):
            if lines.setdefault(key, number) != number:
                raise BadInput(f"{LABEL_MAP} line {number}: the {what} {key!r} is in line {lines[key]} already")
        classes[name] = color
    return classes


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """Writes JPEGImages/, SegmentationClass/ with a palette, ImageSets/Segmentation/ and labelmap.txt; read again, every mask is the same.
    The format has no folders below these: of `a/x.jpg` the name x is kept.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    odd = next((name for name in legend.classes if ":" in name or name.startswith("#")), None)
    if odd is not None:
        raise BadInput(f"class {odd!r} cannot be in a {LABEL_MAP}, where a colon ends a name: rename it or write camvid or coco")
    writing = Writing(out, legend.classes)
    given = distinct(legend.colors, len(legend.classes))
    palette = [*given, *[(0, 0, 0)] * (VOID - len(given)), BORDER]
    for item in items:
        path = writing.image(item, f"{IMAGES}/{item.path.rsplit('/', 1)[-1]}")
        picture = Image.fromarray(np.ascontiguousarray(item.mask))
        picture.putpalette([channel for color in palette for channel in color])
        encoded = io.BytesIO()
        picture.save(encoded, "PNG")
        writing.file(f"{LABELS}/{stem_of(path)}.png", encoded.getvalue())
    writing.lists(f"{SETS}/", lambda stem: stem.rsplit("/", 1)[-1])
    rows = [f"{name}:{red},{green},{blue}::\n" for name, (red, green, blue) in zip(legend.classes, given, strict=True)]
    void_name = next((name for name in UNDER if name not in legend.classes), None)
    rows += [f"{void_name}:{BORDER[0]},{BORDER[1]},{BORDER[2]}::\n"] if void_name and BORDER not in given else []
    writing.file(LABEL_MAP, "# label:color_rgb:parts:actions\n" + "".join(rows))
    return writing.renamed


FORMAT = Voc()
