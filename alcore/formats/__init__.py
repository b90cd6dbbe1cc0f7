"""Data set formats. A format is one file of this folder; importing the folder finds it."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from alcore.errors import BadInput
from alcore.formats.base import Format, is_image_name, printable
from alcore.types import Reading

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def _discover() -> Mapping[str, Format]:
    found = {}
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, Format):
                found[value.name] = value
    return MappingProxyType(dict(sorted(found.items())))


FORMATS: Mapping[str, Format] = _discover()


def read(src: str | Path, format: str = "auto") -> Reading:
    """What lies in `src`, read as `format`; `auto` takes the first format that recognises it and `Reading.took_for` says which.

    Raises:
        BadInput: the path is missing, the format is unknown, or nothing in `src` can be taken.
    """
    if format != "auto" and format not in FORMATS:
        raise BadInput(f"unknown format {format!r}: use auto, {', '.join(FORMATS)}")
    src = Path(os.path.expanduser(src))
    try:
        os.stat(src)
        if src.is_dir():
            os.scandir(src).close()
    except FileNotFoundError:
        raise BadInput(f"{src} does not exist: give a folder of images, a CSV file or an npz file") from None
    except (OSError, ValueError) as wrong:  # ValueError: a zero byte in the name
        raise BadInput(f"{printable(str(src))!r} cannot be read ({wrong}): change its permissions or give another path") from wrong
    chosen = recognize(src) if format == "auto" else FORMATS[format]
    return chosen.read(src)


def recognize(src: Path) -> Format:
    """The format `auto` takes `src` for. Raises BadInput when no format knows it."""
    for candidate in sorted(FORMATS.values(), key=lambda known: (known.rank, known.name)):
        if candidate.recognizes(src):
            return candidate
    if src.is_file():
        if src.suffix.lower() in ARCHIVES:
            raise BadInput(f"{src} is an archive: unpack it and import the folder")
        if is_image_name(src.name):
            raise BadInput(f"{src} is a single image: import the folder it lies in")
        raise BadInput(f"{src} is not a data set of a known format: give a folder of images, a .csv or an .npz file")
    raise BadInput(
        f"{src} holds no images and no data set of a known format ({', '.join(FORMATS)}): put images there or give another folder"
    )
