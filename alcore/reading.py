"""What a format found in a source: the contract between the formats, who imports and who simulates. Knows no format and no store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from alcore.types import Answer, Entry, Skipped


class Contents(Protocol):
    """Images that lie in a container, a tar or a Parquet file: the content of each, taken out when it is asked for.

    Attributes:
        size: bytes of all of them, as far as the container tells before they are read.
    """

    @property
    def size(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, at: int, /) -> bytes:
        """The content of entry `at`. Quickest in the order of the entries. Raises BadInput naming what is damaged."""


@dataclass
class Reading:
    """What a format found in a source, before anything is decoded.

    Attributes:
        root: folder the entries' paths are relative to.
        classes: class names in index order; empty when the source has no labels.
        entries: the images, in a stable order; formats of many files hand over columns.Entries. For array formats entry i is row i of the
            concatenated `arrays`.
        skipped: files that are no images or cannot be named; more are added when decoding fails.
        arrays: uint8 blocks of shape (n, H, W) or (n, H, W, 3); empty when the entries are files below `root`.
        contents: of images that lie in a container; the entries' paths are then what they are called once they are unpacked.
        took_for: one sentence saying what the source was taken for.
        masks: of dense labels, beside the entries: `masks[i]` is a (H, W) uint8 of class indices with 255 for void, or None without a mask;
            read when asked for, from many threads; raises BadInput naming the file.
        mask_files: the masks' names beside the entries, for messages; "" without one.
        colors: RGB of each class where the source has them.
        warnings: what a person should know before it is acted on, a sentence each.
        used: files of the source that were read as listings, relative to `root`.
        format: name of the format; read_from: what it was given. Set by formats.read.
        naming: how masks lie beside their images and what their values are, for an export that gives them back so.
        answers: entry -> who said what of it, oldest first, where the source tells who; an entry's label is what most of them said.
        remarks: asked once all masks were read: what was found on the way, a sentence each.
    """

    root: Any  # Path
    classes: tuple[str, ...]
    entries: Sequence[Entry]
    skipped: list[Skipped] = field(default_factory=list)
    arrays: Sequence[np.ndarray] = ()
    contents: Contents | None = None
    took_for: str = ""
    masks: Any = None
    mask_files: Any = None
    colors: tuple[tuple[int, int, int], ...] = ()
    warnings: list[str] = field(default_factory=list)
    used: frozenset[str] = frozenset()
    format: str = ""
    read_from: Any = None  # Path
    naming: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[int, Sequence[Answer]] = field(default_factory=dict)
    remarks: Callable[[], list[str]] = list
