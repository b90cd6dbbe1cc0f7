"""CVAT for images 1.1: one XML file with tags, masks, polygons and boxes of all images. Read and written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, split_of_folder, split_of_path, walk
from alcore.formats.dense import Color
from alcore.formats.markup import color, files_with, number, opens_with, root_of, whole
from alcore.formats.places import SEVERAL, Places
from alcore.formats.said import Image, Said, Source, joined, reading_of
from alcore.formats.shapes import Counted, Shape, box, polygon
from alcore.formats.writing import Item, Labeled, Legend, Pictures, Writing, distinct
from alcore.naming import check_class, printable
from alcore.reading import Reading
from alcore.types import Skipped

FILE, IMAGES, ROOT = "annotations.xml", "images", "annotations"
SUBSETS = {"train": "Train", "val": "Validation", "test": "Test"}  # as CVAT offers them
DRAWN = ("polygon", "box", "mask")
ABSENT = "there is no such image"
WHOLE = True  # images without a label are written too: a project moves


class Cvat(Format):
    """annotations.xml beside the images or their folder; the classes in the order of the labels that its head lists.

    A tag is the class of an image when it is the only one; shapes are painted by their z_order, a later one over an earlier one. What has
    no area (points, lines, skeletons) is left out and told; tracks of videos are not read.
    """

    name = "cvat"
    title = "CVAT for images (XML)"
    rank = 33
    tasks = ("classification", "segmentation")

    def recognizes(self, src: Path) -> str | None:
        """By the first element of an XML file, given itself or near the images."""
        return "CVAT" if _files(src) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        root, names = (src.parent, [src.name]) if src.is_file() else (src, _files(src))
        if not names:
            raise BadInput(f"{src} holds no XML file of CVAT: put it beside the images, or give the file itself")
        paths = None if src.is_file() else list(walk(src, []))
        places, door = Places(root, paths), Inside(root)
        source = Source(root, "CVAT", {}, [])
        images: dict[str, Image] = {}
        called_by: dict[str, str] = {}
        left_out, listed, faults = Counted(), 0, []
        for name in names:
            try:
                top = root_of(door, name)
                source.classes |= {one: hue for one, hue in _labels(top) if one not in source.classes}
            except BadInput as wrong:
                faults.append(wrong)
                source.skipped.append(Skipped(printable(name), str(wrong)))
                continue
            for element in top.iter("image"):
                listed += 1
                _add(element, name, top, places, images, called_by, source.skipped, left_out)
            source.warnings += (
                ["tracks of a video were not read: export the task as CVAT for images"] if top.find("track") is not None else []
            )
        if faults and len(faults) == len(names):
            raise faults[0]
        if not images:
            first = next((one.path for one in source.skipped if one.reason.endswith(ABSENT)), "")
            where = f"; the first is {first[-60:]!r}: put the images beside {names[0][-60:]}" if first else ""
            raise BadInput(f"{src}: none of the {listed:,} images that CVAT's file lists is there{where}")
        source.images, source.others = list(images.values()), [path for path in paths or () if path not in images]
        source.warnings += left_out.told()
        source.used = frozenset(names)
        return reading_of(source, options.task)


def _files(src: Path) -> list[str]:
    if src.is_file():
        return [src.name] if src.suffix.lower() == ".xml" and opens_with(src, ROOT) else []
    return list(files_with(src, ROOT))


def _labels(top: ElementTree.Element) -> Iterator[tuple[str, Color | None]]:
    """The labels of the task or project; of skeletons' parts none."""
    for label in top.iterfind("meta//label"):
        if (named := label.findtext("name")) and label.find("parent") is None:
            yield check_class(named, "a label of CVAT's file"), color(label.findtext("color"))


def _add(
    element: ElementTree.Element,
    name: str,
    top: ElementTree.Element,
    places: Places,
    images: dict[str, Image],
    called_by: dict[str, str],
    skipped: list[Skipped],
    left_out: Counted,
) -> None:
    """Takes one image of the file."""
    called = element.get("name") or ""
    around = name.rpartition("/")[0]
    subset = element.get("subset") or top.findtext("meta/task/subset") or ""
    folders = [f"{around}/{folder}".strip("/") for folder in (IMAGES, f"{IMAGES}/{subset}" if subset else IMAGES, "", subset)]
    path, reason = places.find(called, [*folders, ""])
    if not path:
        told = reason if reason == SEVERAL else ABSENT
        skipped.append(Skipped(printable(called[:200]) or printable(name), f"{name}, image {element.get('id', '')[:20]}: {told}"))
        return
    said = Said()
    tags: list[str] = []
    drawn: list[tuple[float, Shape]] = []
    for one in element:
        try:
            if one.tag == "tag":
                tags.append(check_class(one.get("label") or ""))
            elif one.tag in DRAWN:
                drawn.append((number(one.get("z_order") or "0", "z_order"), _shape(one)))
            else:
                raise BadInput(f"a {printable(str(one.tag))[:40]} has no area")
        except BadInput as wrong:
            left_out.add(str(wrong), f"of {printable(called)[:80]}")
    said.classes = tuple(dict.fromkeys(tags))
    said.shapes = [shape for _, shape in sorted(drawn, key=lambda pair: pair[0])]  # stable: of one height the later lies above
    try:
        said.size = (whole(element.get("width"), "width"), whole(element.get("height"), "height")) if element.get("width") else (0, 0)
    except BadInput as wrong:
        left_out.add(str(wrong), f"of {printable(called)[:80]}")
    image = Image(path, split_of_folder(subset) or split_of_path(path) or "pool", listing=name)
    if said.classes or said.shapes:
        image.add(said)
    joined(images, image, called, skipped, called_by)


def _shape(element: ElementTree.Element) -> Shape:
    """A shape that has an area. Raises BadInput with the reason when it cannot be one."""
    name = check_class(element.get("label") or "")
    if element.tag == "polygon":
        corners = [one for pair in (element.get("points") or "").split(";") for one in pair.split(",")]
        return polygon(corners, name)
    if element.tag == "box":
        left, top, right, bottom = (number(element.get(side), side) for side in ("xtl", "ytl", "xbr", "ybr"))
        return box(left, top, right, bottom, name, number(element.get("rotation") or "0", "rotation"))
    runs = [whole(one, "run length") for one in (element.get("rle") or "").split(",")]
    left_, top_, wide, high = (whole(element.get(side), side) for side in ("left", "top", "width", "height"))
    return "runs", name, runs, left_, top_, wide, high


# ---- writing


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Writes annotations.xml, a tag an image, and the images.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    pictures = Pictures(out)
    with closing(_Writer(out, [(name, None) for name in classes])) as images:
        for item in items:
            path, size = pictures.write(_below(item.path), *item.picture(), was=item.path)
            images.add(path, size, item.split, [f'<tag label={quoteattr(item.label)} source="manual"></tag>'] if item.label else [])
    return pictures.renamed


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """The same of masks: a mask a class that an image has."""
    writing = Writing(out, legend.classes)
    colors = distinct(legend.colors, len(legend.classes))
    with closing(_Writer(out, list(zip(legend.classes, colors, strict=True)))) as images:
        for item in items:
            path = writing.image(item, _below(item.path))
            present = [value for value in np.unique(item.mask).tolist() if value < len(legend.classes)]
            drawn = [_mask(item.mask == value, legend.classes[value]) for value in present]
            images.add(path, writing.size, item.split, drawn)
    return writing.renamed


def _below(path: str) -> str:
    return path if path.startswith(f"{IMAGES}/") else f"{IMAGES}/{path}"


def _mask(inside: np.ndarray, name: str) -> str:
    """A mask's element: run lengths of its box, row by row, the first of what is not covered."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, left = int(rows[0]), int(columns[0])
    flat = inside[top : rows[-1] + 1, left : columns[-1] + 1]
    high, wide = flat.shape
    flat = flat.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, len(flat))
    runs = np.diff(ends, prepend=0).tolist()
    runs = [0, *runs] if flat[0] else runs
    place = f'left="{left}" top="{top}" width="{wide}" height="{high}" z_order="0"'
    return f'<mask label={quoteattr(name)} source="manual" occluded="0" rle="{", ".join(map(str, runs))}" {place}></mask>'


class _Writer:
    """annotations.xml of a project, as CVAT has a task for each split; an image at a time."""

    def __init__(self, out: Path, labels: Sequence[tuple[str, Color | None]]) -> None:
        self._out, self._labels = out, labels
        (out / IMAGES).mkdir(parents=True, exist_ok=True)
        self._body: TextIO = (out / f"{FILE}.part").open("w+", encoding="utf-8")
        self._splits: dict[str, int] = {}

    def add(self, path: str, size: tuple[int, int], split: str, inside: Sequence[str]) -> None:
        """Writes one image."""
        at = sum(self._splits.values())
        self._splits[split] = self._splits.get(split, 0) + 1
        name = quoteattr(path.removeprefix(f"{IMAGES}/"))
        self._body.write(f'  <image id="{at}" name={name} subset="{SUBSETS[split]}" width="{size[0]}" height="{size[1]}">\n')
        self._body.writelines(f"    {one}\n" for one in inside)
        self._body.write("  </image>\n")

    def close(self) -> None:
        """Puts the head before the images, which only now says how many there are in which split."""
        self._body.seek(0)
        with (self._out / FILE).open("w", encoding="utf-8") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n')
            file.write(self._head())
            file.write("  </meta>\n")
            while block := self._body.read(1 << 20):
                file.write(block)
            file.write("</annotations>\n")
        self._body.close()
        (self._out / f"{FILE}.part").unlink()

    def _head(self) -> str:
        labels = "".join(
            f"        <label>\n          <name>{escape(name)}</name>\n"
            + ("" if hue is None else f"          <color>#{hue[0]:02x}{hue[1]:02x}{hue[2]:02x}</color>\n")
            + "          <type>any</type>\n          <attributes>\n          </attributes>\n        </label>\n"
            for name, hue in self._labels
        )
        labels = f"      <labels>\n{labels}      </labels>\n"
        named = [(SUBSETS[split], size) for split, size in self._splits.items()]
        tasks = "".join(
            f"        <task>\n          <id>{at}</id>\n          <name>{subset}</name>\n          <size>{size}</size>\n"
            f"          <subset>{subset}</subset>\n        </task>\n"
            for at, (subset, size) in enumerate(named, 1)
        )
        return f"    <project>\n      <name>alcore</name>\n{labels}      <tasks>\n{tasks}      </tasks>\n    </project>\n"


FORMAT = Cvat()
