"""Data set formats. A format is one file of this folder; importing the folder finds it."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from alcore.errors import BadInput
from alcore.formats.base import Format, is_image_name, printable
from alcore.types import Reading

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def _discover() -> tuple[Mapping[str, Format], Mapping[str, Callable[..., None]]]:
    found, writers = {}, {}
    for module in (importlib.import_module(f"{__name__}.{there.name}") for there in pkgutil.iter_modules(__path__)):
        for value in vars(module).values():
            if isinstance(value, Format):
                found[value.name] = value
                if hasattr(module, "write_masks"):
                    writers[value.name] = module.write_masks
    return MappingProxyType(dict(sorted(found.items()))), MappingProxyType(dict(sorted(writers.items())))


FORMATS: Mapping[str, Format]
# What writes images with masks: (folder, items as dense.Item, class names, a color a class).
MASK_WRITERS: Mapping[str, Callable[..., None]]
FORMATS, MASK_WRITERS = _discover()


def read(src: str | Path, format: str = "auto", task: str = "auto") -> Reading:
    """What lies in `src`, read as `format`; `auto` takes the first format that recognises it and `Reading.took_for` says which.

    Args:
        task: only formats that serve it are taken; `auto` takes all.

    Raises:
        BadInput: the path is missing, the format is unknown or does not serve the task, or nothing in `src` can be taken.
    """
    serving = _serving(task)
    if format != "auto" and format not in FORMATS:
        raise BadInput(f"unknown format {format!r}: use auto, {', '.join(serving)}")
    if format != "auto" and format not in serving:
        tasks = " or ".join(FORMATS[format].tasks)
        raise BadInput(f"the format {format} is of {tasks}, not of {task}: use auto, {', '.join(serving)}, or the task {tasks}")
    src = Path(os.path.expanduser(src))
    try:
        os.stat(src)
        if src.is_dir():
            os.scandir(src).close()
    except FileNotFoundError:
        raise BadInput(f"{src} does not exist: give a folder of images, a CSV file or an npz file") from None
    except (OSError, ValueError) as wrong:  # ValueError: a zero byte in the name
        raise BadInput(f"{printable(str(src))!r} cannot be read ({wrong}): change its permissions or give another path") from wrong
    chosen = recognize(src, task) if format == "auto" else FORMATS[format]
    return chosen.read(src)


def _serving(task: str) -> Mapping[str, Format]:
    """The formats of a task, all for "auto"."""
    serving = {name: known for name, known in FORMATS.items() if task in ("auto", *known.tasks)}
    if not serving:
        tasks = sorted({one for known in FORMATS.values() for one in known.tasks})
        raise BadInput(f"unknown task {task!r}: use auto, {', '.join(tasks)}")
    return serving


def recognize(src: Path, task: str = "auto") -> Format:
    """The format `auto` takes `src` for, of those that serve the task. Raises BadInput when none knows it."""
    serving = _serving(task)
    for candidate in sorted(serving.values(), key=lambda known: (known.rank, known.name)):
        if candidate.recognizes(src):
            return candidate
    if src.is_file():
        if src.suffix.lower() in ARCHIVES:
            raise BadInput(f"{src} is an archive: unpack it and import the folder")
        if is_image_name(src.name):
            raise BadInput(f"{src} is a single image: import the folder it lies in")
        files = "give a folder of images, a .csv or an .npz file" if task in ("auto", "classification") else f"for {task} give a folder"
        raise BadInput(f"{src} is not a data set of a known format: {files}")
    known = f"no data set of a known format ({', '.join(serving)})"
    if is_tree := FORMATS["folder"].recognizes(src):  # only where the task is not the folders' own
        raise BadInput(f"{src} holds {is_tree} and {known}: for unlabeled images below folders name the format flat")
    raise BadInput(f"{src} holds no images and {known}: put images there or give another folder")
