"""Images and their masks found by structure: folders beside each other, in each split or below both, or pairs of names in one folder.

Knows no classes file and opens no mask.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from alcore.formats.base import has_images, inside_of, is_image_name, split_of_folder, walk
from alcore.naming import printable, spelled
from alcore.types import Skipped

IMAGE_FOLDERS = (
    "images",
    "image",
    "imgs",
    "img",
    "jpegimages",
    "photos",
    "img_dir",
    "rgb",
    "inputs",
    "input",
    "originals",
    "original",
    "raw",
)
MASK_FOLDERS = (
    *("masks", "mask", "labels", "label", "annotations", "annotation", "segmentationclass", "segmentations", "segmentation", "segs", "seg"),
    *("gt", "gts", "ground_truth", "groundtruth", "ann_dir", "annots", "annot", "targets", "target"),
)
# train beside train_labels, as at Kaggle, or trainannot, as in SegNet's tutorial
BESIDE = ("annot", "_annot", "_labels", "_masks", "_label", "_mask", "labels", "masks", "_seg", "_gt")
# what a mask's name may have around its image's
TAILS = (
    "_L",
    "_P",
    "_mask",
    "_masks",
    "_label",
    "_labels",
    "_labelids",
    "_gt",
    "_seg",
    "_segmentation",
    "-mask",
    "-label",
    "-seg",
    ".mask",
    " mask",
)
HEADS = ("mask_", "label_", "gt_", "seg_", "mask-")
TRIED = 20  # masks that are looked up before a pair of folders is believed


@dataclass(frozen=True)
class Pair:
    """A folder of images and that of their masks, relative to the source: "" is the source itself, `masks` is None without one."""

    images: str
    masks: str | None


def pairs_of(src: Path) -> list[Pair]:
    """The pairs of a source; empty when nothing looks like images with masks."""
    folders, _ = inside_of(src)
    lower = {name.lower(): name for name in folders}
    images = next((lower[name] for name in IMAGE_FOLDERS if name in lower), None)
    masks = next((lower[name] for name in MASK_FOLDERS if name in lower and has_images(src / lower[name])), None)
    if images and masks:
        return [Pair(images, masks)]
    splits = [name for name in folders if split_of_folder(name)]
    beside = {name: next((lower[name.lower() + tail] for tail in BESIDE if name.lower() + tail in lower), None) for name in splits}
    masked = {name for name in beside.values() if name}
    if masked:
        return [Pair(name, beside[name]) for name in splits if name not in masked]
    nested = [
        Pair(f"{name}/{pair.images}", f"{name}/{pair.masks}" if pair.masks else None) for name in splits for pair in _in_split(src / name)
    ]
    if any(pair.masks for pair in nested):
        return nested
    return [Pair("", "")] if named_in_pairs(src) else []


def _in_split(folder: Path) -> list[Pair]:
    folders, _ = inside_of(folder)
    lower = {name.lower(): name for name in folders}
    images = next((lower[name] for name in IMAGE_FOLDERS if name in lower), None)
    masks = next((lower[name] for name in MASK_FOLDERS if name in lower and has_images(folder / lower[name])), None)
    return [Pair(images, masks)] if images else []


def named_in_pairs(src: Path) -> bool:
    """True when about every other image below `src` is called like the mask of one beside it."""
    if not src.is_dir():
        return False
    names = list(islice(walk(src, []), 400))
    stems = {spelled(_stem(name)) for name in names}
    masks = [name for name in names if any(spelled(own) in stems for own in _owners(name))]
    return len(masks) > 0 and len(masks) >= 0.4 * len(names)


def matches(src: Path, pair: Pair) -> bool:
    """Whether the masks have their images: half of the first ones at least."""
    if pair.masks is None:
        return False
    if pair.masks == pair.images:
        return True
    masks = list(islice(walk(src / pair.masks, []), TRIED))
    found = sum(any(_lies(src / pair.images, name) for name in _image_names(mask)) for mask in masks)
    return bool(masks) and found * 2 >= len(masks)


def _lies(folder: Path, stem: str) -> bool:
    place, name = os.path.split(folder / stem)
    if (folder / stem).is_file():
        return True
    return any(spelled(os.path.splitext(file)[0]) == spelled(name) and is_image_name(file) for file in inside_of(Path(place))[1])


def paired(src: Path, pair: Pair, skipped: list[Skipped]) -> Iterator[tuple[str, str]]:
    """The images of one pair of folders, each with its mask or "", both relative to the source."""
    same = pair.masks == pair.images
    paths: dict[str, str] = {}  # name below the folder, without its suffix -> image
    left: list[str] = []
    everything = [*_below(src, pair.images, skipped)]
    stems = {spelled(_stem(path[len(_prefix(pair.images)) :])) for path in everything}
    for path in everything:
        name = path[len(_prefix(pair.images)) :]
        if same and any(spelled(own) in stems for own in _owners(name)):
            left.append(path)
        elif _stem(name) in paths:
            reason = f"{printable(paths[_stem(name)])} has the same name and it cannot be told whose mask there is: rename one"
            skipped.append(Skipped(printable(path), reason))
        else:
            paths[_stem(name)] = path
    if not same and pair.masks is not None:
        left = list(_below(src, pair.masks, skipped))
    mask_of: dict[str, str] = {}
    before = len(_prefix(pair.masks or ""))
    for exact in (True, False):  # x_L may be another image as well as the mask of x
        left = [mask for mask in left if not _claim(mask[before:], mask, exact, paths, mask_of)]
    called = _spelled_once(stem for stem in paths if stem not in mask_of)
    left = [mask for mask in left if not _claim_spelled(mask[before:], mask, called, mask_of)]
    skipped.extend(Skipped(printable(mask), "a mask without an image of that name") for mask in left)
    for stem, path in paths.items():
        yield path, mask_of.get(stem, "")


def _below(src: Path, folder: str, skipped: list[Skipped]) -> Iterator[str]:
    inside: list[Skipped] = []
    for path in walk(src / folder, inside):
        yield _prefix(folder) + path
    skipped.extend(Skipped(_prefix(folder) + one.path, one.reason) for one in inside)


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""


def _stem(path: str) -> str:
    return os.path.splitext(path)[0]


def _image_names(mask: str) -> Iterator[str]:
    """What the image of a mask may be called, without its suffix or with it, the likeliest first."""
    yield _stem(mask)
    yield from _owners(mask)


def _owners(mask: str) -> Iterator[str]:
    """The same without the mask's own name: x of x_mask.png, mask_x.png and x.jpg.png."""
    stem = _stem(mask)
    folder, _, name = stem.rpartition("/")
    place = f"{folder}/" if folder else ""
    for tail in TAILS:
        if name.lower().endswith(tail.lower()) and len(name) > len(tail):
            yield place + name[: -len(tail)]
    for head in HEADS:
        if name.lower().startswith(head) and len(name) > len(head):
            yield place + name[len(head) :]
    if is_image_name(name):
        yield place + os.path.splitext(name)[0]


def _claim(name: str, mask: str, exact: bool, paths: Mapping[str, str], mask_of: dict[str, str]) -> bool:
    for stem in list(_image_names(name))[: 1 if exact else None]:
        if stem in paths and stem not in mask_of and paths[stem] != mask:
            mask_of[stem] = mask
            return True
    return False


def _spelled_once(stems: Iterable[str]) -> dict[str, str]:
    """Names by what is left of them when capitals and composed letters do not count; without those that are two then."""
    called: dict[str, str] = {}
    for stem in stems:
        key = spelled(stem)
        called[key] = "" if key in called else stem
    return {key: stem for key, stem in called.items() if stem}


def _claim_spelled(name: str, mask: str, called: Mapping[str, str], mask_of: dict[str, str]) -> bool:
    stem = next((called[key] for own in _image_names(name) if (key := spelled(own)) in called and called[key] not in mask_of), None)
    if stem is None:
        return False
    mask_of[stem] = mask
    return True


def naming(pairs: Sequence[Pair], found: Mapping[str, str]) -> dict[str, object]:
    """How the masks are called, as an export needs it: {"pairs": [[images, masks], ...], "mask": [before, "name" or "stem", behind]}, what
    stands before and behind the image's name, with or without its suffix.

    Args:
        found: image -> mask.
    """
    patterns: Counter[tuple[str, str, str]] = Counter()
    for path, mask in islice(((path, mask) for path, mask in found.items() if mask), 200):
        name, own = os.path.splitext(os.path.basename(mask))[0], os.path.basename(path)
        for key, part in (("name", own), ("stem", os.path.splitext(own)[0])):
            if part in name:
                before, _, behind = name.partition(part)
                patterns[before, key, f"{behind}.png"] += 1
                break
    usual = patterns.most_common(1)[0][0] if patterns else ("", "stem", ".png")
    return {"pairs": [[pair.images, pair.masks] for pair in pairs if pair.masks is not None], "mask": list(usual)}
