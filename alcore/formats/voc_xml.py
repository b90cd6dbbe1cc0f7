"""VOC's other half: an XML file an image with a box around each object. The class of an image is that of its objects, when that is one.

Also what others write in this form, as Label Studio, Roboflow and labelImg do: the files in a folder of their own or beside the images.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from alcore.errors import BadInput
from alcore.formats.base import Inside, inside_of, split_of_path, walk
from alcore.formats.dense import listed, stem_of
from alcore.formats.markup import opens_with, root_of
from alcore.formats.places import SEVERAL, Places
from alcore.formats.said import Image, Said, Source, joined, reading_of
from alcore.formats.shapes import Counted
from alcore.naming import check_class, printable
from alcore.reading import Reading
from alcore.types import WRITTEN, Skipped

ROOT, FOLDER, IMAGES, SETS = "annotation", "Annotations", "JPEGImages", "ImageSets/Main"
MASKS = re.compile(r"(^|/)Segmentation(Class|Object)[^/]*/")
SPLITS = {name: split for split, name in WRITTEN.items()}


def has_boxes(src: Path) -> bool:
    """Whether there is such a file near the images."""
    return next(_files(src), None) is not None


def reading_of_boxes(src: Path) -> Reading:
    """One class an image. Raises BadInput when no file can be read or none of their images is there."""
    door, paths = Inside(src), [path for path in walk(src, []) if not MASKS.search(path)]
    places = Places(src, paths)
    source = Source(src, "Pascal VOC", {}, [])
    images: dict[str, Image] = {}
    called_by: dict[str, str] = {}
    left_out, names, faults = Counted(), list(_files(src)), []
    if not names:
        cure = f"put them into {src.name}/{FOLDER}, beside {src.name}/{IMAGES}, or import its masks as segmentation"
        raise BadInput(f"{src} holds no XML file of VOC's objects: {cure}")
    for name in names:
        try:
            top = root_of(door, name)
        except BadInput as wrong:
            faults.append(wrong)
            source.skipped.append(Skipped(printable(name), str(wrong)))
            continue
        called = (top.findtext("filename") or "").strip() or stem_of(name)
        path, reason = _place(name, called, places)
        if not path:
            source.skipped.append(Skipped(printable(called[:200]), f"{name}: {reason if reason == SEVERAL else 'there is no such image'}"))
            continue
        said = Said()
        for one in top.iter("object"):
            try:
                said.shapes.append(("object", check_class(one.findtext("name") or "")))
            except BadInput as wrong:
                left_out.add(str(wrong), f"in {printable(name)[:80]}")
        image = Image(path, split_of_path(path) or "pool", listing=name)
        if said.shapes:
            image.add(said)
        joined(images, image, called, source.skipped, called_by)
    if not images:
        raise faults[0] if len(faults) == len(names) else BadInput(f"{src}: of the {len(names):,} XML files none has its image there")
    splits = _splits(src, door, list(images), source.skipped)
    for path, image in images.items():
        image.split = splits.get(path, image.split)
    source.images, source.others = list(images.values()), [path for path in paths if path not in images]
    source.warnings, source.used = left_out.told(), frozenset(names)
    return reading_of(source, "classification")


def _files(src: Path) -> Iterator[str]:
    """Those files, relative to `src`: in it, in its folders, and in Annotations below these or below VOCdevkit."""
    if not src.is_dir():
        return
    door = Inside(src)
    places = ["", *(f"{name}/" for name in inside_of(src)[0])]
    places += [f"{place}{name}/" for place in places[1:] for name in inside_of(src / place)[0] if name.lower() == FOLDER.lower()]
    places += [f"{found.relative_to(src).as_posix()}/" for found in sorted(src.glob(f"VOCdevkit/VOC*/{FOLDER}"))]
    for place in places:
        for name in inside_of(src / place)[1]:
            if name.lower().endswith(".xml") and door.has(place + name) and opens_with(src / place / name, ROOT):
                yield place + name


def _place(name: str, called: str, places: Places) -> tuple[str, str]:
    """The image of a file, by the name it gives or else by its own."""
    own = name.rpartition("/")[0]
    up = own.rpartition("/")[0]
    folders = [f"{place}/{folder}".strip("/") for place in (own, up) for folder in (IMAGES, "images", "")]
    path, reason = "", ""
    for one in dict.fromkeys((called, stem_of(name))):
        path, reason = places.find(one, list(dict.fromkeys(folders)))
        if path or reason == SEVERAL:
            break
    return path, reason


def _splits(src: Path, door: Inside, paths: Sequence[str], skipped: list[Skipped]) -> dict[str, str]:
    """Image -> split by VOC's lists, where there are some."""
    sets = [
        found for found in (src / SETS, *sorted(src.glob(f"VOC*/{SETS}")), *sorted(src.glob(f"VOCdevkit/VOC*/{SETS}"))) if found.is_dir()
    ]
    below = [f"{found.relative_to(src).as_posix()}/{name}.txt" for found in sets for name in SPLITS]
    lists = [(name, SPLITS[stem_of(name)]) for name in below if door.has(name)]
    return listed(src, lists, paths, skipped) if lists else {}
