"""When a photo was taken, and with which camera, as its file says. Knows files, no project."""

from __future__ import annotations

import zlib
from datetime import datetime
from pathlib import Path

from alcore.errors import AlcoreError
from alcore.pixels.kinds import opened

_EXIF, _TAKEN, _PART, _MAKE, _MODEL = 0x8769, 0x9003, 0x9291, 0x010F, 0x0110


def taken(path: Path) -> tuple[float, int] | None:
    """Seconds of the camera's clock, to be compared with those of the same camera only, and a number for the camera; None where the file
    does not say, or cannot be read, which is told where it is decoded."""
    try:
        with opened(path) as image:
            if image.format == "PNG" and "exif" not in image.info:
                return None  # Pillow would decode the picture to look for a tag behind it
            exif = image.getexif()
            inner = exif.get_ifd(_EXIF)
            told, part = str(inner.get(_TAKEN, "")).strip("\0 "), str(inner.get(_PART, "")).strip("\0 ")
            camera = zlib.crc32(f"{exif.get(_MAKE, '')}|{exif.get(_MODEL, '')}".encode(errors="replace"))
        moment = datetime.strptime(told, "%Y:%m:%d %H:%M:%S")
    except (AlcoreError, ValueError):
        return None
    fraction = float(f"0.{part}") if part.isascii() and part.isdigit() else 0.0
    return (moment - datetime(1970, 1, 1)).total_seconds() + fraction, camera
