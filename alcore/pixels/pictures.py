"""An item's picture at a size, for browsers: from its file, its kept original or the packed cache; made once, then read from disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.errors import BadInput, NotFound
from alcore.files import written_whole
from alcore.pixels import images, packing
from alcore.pixels.levels import Decoding

MIMES = {".png": "image/png", ".jpg": "image/jpeg"}


class Pictures:
    """The pictures of one project.

    Args:
        folder: the project's folder; thumbnails are kept below it.
        source: root the items' paths are relative to.
        settings: the project's: packed, arrays, array_source, and how files become 8-bit RGB.
    """

    def __init__(self, folder: Path, source: Path, settings: Mapping[str, Any]) -> None:
        self._folder, self._settings = folder, settings
        self._root = Path(settings.get("root", source))
        self._decoding = Decoding.of(settings)

    def picture(self, row: Mapping[str, Any], size: int) -> tuple[bytes, str, str]:
        """(encoded, mime type, etag) of the item's row, long side at most `size`, never enlarged.

        Raises:
            NotFound: the file is gone or no longer readable.
        """
        etag = f"{row['fingerprint']}-{size}"
        if self._settings["array_source"]:  # encoding a small array is quicker than finding a file
            return (*images.thumbnail(self._from_array(row["row"]), size), etag)
        folder = self._folder / "thumbs" / str(size)
        for suffix, mime in MIMES.items():
            kept = folder / f"{row['id']}-{row['fingerprint']}{suffix}"
            if kept.is_file():
                return kept.read_bytes(), mime, etag
        try:
            encoded, mime = images.thumbnail(images.decode(self._root / row["path"], at_least=size, decoding=self._decoding), size)
        except (OSError, BadInput) as wrong:
            raise NotFound(f"the picture of {row['path']!r} cannot be read any more: {wrong}") from wrong
        suffix = next(suffix for suffix, kind in MIMES.items() if kind == mime)
        keep_copy(folder / f"{row['id']}-{row['fingerprint']}{suffix}", encoded)
        return encoded, mime, etag

    def whole(self, row: Mapping[str, Any]) -> Image.Image:
        """The item's picture in RGB, upright, at its full size. NotFound when its file is gone or no longer readable."""
        if self._settings["array_source"]:
            return self._from_array(row["row"]).convert("RGB")
        try:
            return images.decode(self._root / row["path"], decoding=self._decoding)
        except (OSError, BadInput) as wrong:
            raise NotFound(f"the picture of {row['path']!r} cannot be read any more: {wrong}") from wrong

    def original(self, row: Mapping[str, Any]) -> Path | None:
        """The item's file; None for arrays."""
        return None if self._settings["array_source"] else self._root / row["path"]

    def source(self, path: str, row: int) -> Path | np.ndarray:
        """What an item's picture is made of: its file, or (H, W[, 3]) uint8 of an array."""
        return self._array(row) if self._settings["array_source"] else self._root / path

    @property
    def decoding(self) -> Decoding:
        """How its files become 8-bit RGB."""
        return self._decoding

    def _from_array(self, at: int) -> Image.Image:
        return Image.fromarray(self._array(at))

    def _array(self, at: int) -> np.ndarray:
        for name, start, count in self._settings["arrays"]:
            if start <= at < start + count:
                return np.array(np.load(self._folder / name, mmap_mode="r")[at - start])  # a copy: a view keeps the file open
        return np.array(packing.open_packed(self._folder / self._settings["packed"])[at])


def keep_copy(path: Path, content: bytes) -> None:
    """Keeps what was made, whole, so that it need not be made again."""
    try:
        with written_whole(path) as file:
            file.write(content)
    except OSError:
        return  # a full disk must not keep anyone from seeing it: it is made again next time
