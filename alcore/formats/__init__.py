"""Data set formats. A format is one file of this folder; importing the folder finds it. What `auto` takes a source for is decided here.

Imported from elsewhere are FORMATS, read, recognize, the writers, and what formats share: `base`, `writing`, `places`, `tables`.
It may import pixels and the ground; a format imports no other format.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, ModuleType

from alcore.errors import BadInput, one_line
from alcore.formats import void
from alcore.formats.base import NO_IMAGE, Format, Inside, ReadOptions, has_images, inside_of, is_image_name, split_of_folder, walk
from alcore.formats.oddities import oddities
from alcore.naming import clean_classes, printable
from alcore.reading import Reading
from alcore.types import Skipped

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
DEEPEST = 6  # lone folders around a data set that are stepped into


Renamed = list[tuple[str, str]]  # (the source's path, what it is called now) of those whose name could not be kept


def _discover() -> Iterator[tuple[Format, ModuleType]]:
    for module in (importlib.import_module(f"{__name__}.{there.name}") for there in pkgutil.iter_modules(__path__)):
        yield from ((value, module) for value in vars(module).values() if isinstance(value, Format))


_FOUND = sorted(_discover(), key=lambda found: found[0].name)
FORMATS: Mapping[str, Format] = MappingProxyType({known.name: known for known, _ in _FOUND})


def _writers(function: str) -> Mapping[str, Callable[..., Renamed]]:
    """The formats whose file has such a function."""
    return MappingProxyType({known.name: getattr(module, function) for known, module in _FOUND if hasattr(module, function)})


# What writes images with masks: (folder, items as writing.Item, writing.Legend); and labels: (path, items as writing.Labeled, classes).
MASK_WRITERS, LABEL_WRITERS = _writers("write_masks"), _writers("write_labels")


WHOLE = frozenset(known.name for known, module in _FOUND if getattr(module, "WHOLE", False))  # write images without a label too


def read(src: str | Path, format: str = "auto", task: str = "auto", options: ReadOptions | None = None) -> Reading:
    """What lies in `src`, read as `format`; `auto` takes the first format that recognises it and `Reading.took_for` says which.

    Args:
        task: only formats that serve it are taken; `auto` takes all.
        options: what else a person said; its task is `task`.

    Raises:
        BadInput: the path is missing, the format is unknown or does not serve the task, or nothing in `src` can be taken.
    """
    serving = _serving(task)
    if format != "auto" and format not in FORMATS:
        raise BadInput(f"unknown format {format!r}: use auto, {', '.join(serving)}")
    if format != "auto" and format not in serving:
        tasks = " or ".join(FORMATS[format].tasks)
        raise BadInput(f"the format {format} is of {tasks}, not of {task}: use auto, {', '.join(serving)}, or the task {tasks}")
    src = _checked(src)
    options = replace(options or ReadOptions(), task=task)
    options = replace(options, classes=tuple(dict.fromkeys(clean_classes(options.classes))))
    place, chosen = located(src, task) if format == "auto" else (src, FORMATS[format])
    reading = chosen.read(place, options)
    if reading.masks is not None and options.void not in void.SAYS_NOTHING and not chosen.chooses_void:
        raise BadInput(f"void={options.void} cannot be: {chosen.title} says itself what is void. Use auto")
    reading.format, reading.read_from = chosen.name, place
    root = Path(reading.root)
    if root != src and src.is_dir() and src in root.parents:
        reading.took_for = f"{reading.took_for}, in {root.relative_to(src).as_posix()}"
    reading.took_for = one_line(reading.took_for)
    read_as_text = reading.used.intersection(one.path for one in reading.skipped)
    reading.skipped = [one for one in reading.skipped if one.path not in read_as_text or not one.reason.startswith(NO_IMAGE)]
    reading.warnings += oddities(reading, src)
    return reading


def _checked(src: str | Path) -> Path:
    """The source, once it is sure that it is there and that looking at it will not wait for ever."""
    src = Path(os.path.expanduser(src))
    try:
        mode = os.stat(src).st_mode
        if stat.S_ISDIR(mode):
            os.scandir(src).close()
    except FileNotFoundError:
        raise BadInput(f"{src} does not exist: give a folder of images, a CSV file or an npz file") from None
    except (OSError, ValueError) as wrong:  # ValueError: a zero byte in the name
        why = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise BadInput(f"{printable(str(src))[:120]!r} cannot be read ({why}): change its permissions or give another path") from wrong
    if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise BadInput(f"{src} is neither a folder nor a regular file: give a folder of images, a CSV file or an npz file")
    if not stat.S_ISDIR(mode) and (fault := Inside(src.parent).fault(src.name)):  # its lines may be shown, and images lie beside it
        raise BadInput(f"{src} cannot be read: {fault}")
    return src


def _serving(task: str) -> Mapping[str, Format]:
    """The formats of a task, all for "auto"."""
    serving = {name: known for name, known in FORMATS.items() if task in ("auto", *known.tasks)}
    if not serving:
        tasks = sorted({one for known in FORMATS.values() for one in known.tasks})
        raise BadInput(f"unknown task {task!r}: use auto, {', '.join(tasks)}")
    return serving


def recognize(src: Path, task: str = "auto") -> Format:
    """The format `auto` takes `src` for, of those that serve the task. Raises BadInput when none knows it."""
    return located(_checked(src), task)[1]


def located(src: Path, task: str = "auto") -> tuple[Path, Format]:
    """What `auto` reads and by which format: `src`, or what lies in the lone folders around it. Raises BadInput when none knows it."""
    serving = sorted(_serving(task).values(), key=lambda known: (known.rank, known.name))
    particular = [known for known in serving if known.rank < FORMATS["folder"].rank]
    place: Path | None = src
    for _ in range(DEEPEST):  # a data set of a particular layout may lie some folders deeper
        if place is None:
            break
        for candidate in particular:
            if candidate.recognizes(place):
                return place, candidate
        place = _lone_folder(place)
    for candidate in serving:
        if candidate.recognizes(src):
            return src, candidate
    raise _unknown(src, task, _serving(task))


def _lone_folder(src: Path) -> Path | None:
    """The only folder of `src` that is not empty of images, when none lies beside it and it is no split."""
    folders, files = inside_of(src) if src.is_dir() else ([], [])
    if any(is_image_name(name) for name in files) or len(folders) > 64:  # so many folders are no wrapper
        return None
    holding = [name for name in folders if has_images(src / name)] if len(folders) != 1 else folders
    return src / holding[0] if len(holding) == 1 and not split_of_folder(holding[0]) else None


def _unknown(src: Path, task: str, serving: Mapping[str, Format]) -> BadInput:
    if src.is_file():
        if src.suffix.lower() in ARCHIVES:
            return BadInput(f"{src} is an archive: unpack it and import the folder")
        if is_image_name(src.name):
            return BadInput(f"{src} is a single image: import the folder it lies in")
        files = "give a folder of images, a .csv or an .npz file" if task in ("auto", "classification") else f"for {task} give a folder"
        return BadInput(f"{src} is not a data set of a known format: {files}")
    if is_tree := FORMATS["folder"].recognizes(src):  # only where the task is not the folders' own
        known = f"no data set of a known format ({', '.join(serving)})"
        return BadInput(f"{src} holds {is_tree} and {known}: for unlabeled images below folders name the format flat")
    return BadInput(f"{src} holds no images{_first_unreadable(src)}: put images there or give another folder")


def _first_unreadable(src: Path) -> str:
    """The first file that is called like an image or is something else, and why it is none, in parentheses."""
    skipped: list[Skipped] = []
    next(walk(src, skipped), None)
    files = "the only file is" if len(skipped) == 1 else f"the first of {len(skipped):,} other files is"
    return f" ({files} {skipped[0].path[:80]}: {skipped[0].reason})" if skipped else ""


__all__ = ["FORMATS", "MASK_WRITERS", "ReadOptions", "located", "read", "recognize"]
