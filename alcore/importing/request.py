"""What a person asks of an import, checked before anything is read. Knows no format, no pixel and no store."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alcore.errors import BadInput
from alcore.formats import ReadOptions, void
from alcore.importing.renaming import Pairs, rename_of
from alcore.naming import clean_classes
from alcore.pixels.images import LEAST, MOST
from alcore.pixels.streaming import CACHES

TRUTHS = ("hidden", "labels")
CUTS = ("aside", "keep")
DUPLICATES = ("apart", "keep")


@dataclass(frozen=True)
class ImportRequest:
    """All of an import.

    Attributes:
        source: folder, table or array file.
        format: one of formats.FORMATS, or auto.
        task: classification (a label an image), segmentation (a label a pixel), or auto: what the source's format is for.
        truth: given labels are "hidden" as truth for an oracle, or taken as "labels".
        hold_out: share of the labeled pool kept for testing when there is no test split; None is 20 % where there are labels.
        image_size: side in pixels of the images models see; 0 chooses by the images.
        cache: "pack" decodes all images into one file now, "stream" decodes them from their files whenever they are needed; "auto" packs
            what takes at most a third of the free disk.
        classes: class names, for sources without labels or with masks and no list of classes; more can be added later.
        void: the value of masks that is void: auto, none, 0 or 255; see formats.void.chosen.
        cut: JPEGs that end before their picture does are set "aside", or with "keep" taken, gray where nothing is.
        duplicates: "apart" leaves images out of the pool whose very bytes are tested too, "keep" takes them all.
        rename: (name in the source, class) of names that are to be another class, "" to leave them out; see renaming.rename_of.
        metadata: a table of columns that describe the images, "" for none; see described.read.
        group_by: the column of it whose equal values are held out together or not at all, "" for none.
        levels: the values that become black and white in pictures of more than 8 bits, "low,high"; None chooses one range for them all.
    """

    source: Path
    format: str = "auto"
    task: str = "auto"
    truth: str = "hidden"
    hold_out: float | None = None
    image_size: int = 0
    cache: str = "auto"
    classes: tuple[str, ...] = ()
    void: str = "auto"
    cut: str = "aside"
    duplicates: str = "apart"
    levels: tuple[float, float] | None = None
    metadata: str = ""
    group_by: str = ""
    rename: Pairs = ()

    @classmethod
    def of(cls, source: str | Path, options: Mapping[str, Any]) -> ImportRequest:
        """A request from options by name, as a notebook, a form or a stored job has them. Raises BadInput for what cannot be."""
        known = {field.name for field in dataclasses.fields(cls)} - {"source"}
        if unknown := sorted(options.keys() - known):
            raise BadInput(f"an import has no option {unknown[0]!r}: use {', '.join(sorted(known))}")
        if isinstance(source, str) and "://" in source:
            raise BadInput(f"{source[:80]!r} is an address: name a folder or a file, or fetch it first with the verb import")
        values = dict(options)
        values["classes"] = tuple(dict.fromkeys(clean_classes(values.get("classes") or ())))
        values["rename"] = rename_of(values.get("rename"))
        values["levels"] = levels_of(values.get("levels"))
        made = cls(Path(os.path.abspath(Path(source).expanduser())), **values)  # without `..`, links as they are
        made._check()
        return made

    def _check(self) -> None:
        for name, allowed in (("truth", TRUTHS), ("cache", CACHES), ("void", void.CHOICES), ("cut", CUTS), ("duplicates", DUPLICATES)):
            if getattr(self, name) not in allowed:
                raise BadInput(f"{name}={getattr(self, name)!r}: use one of {', '.join(allowed)}")
        if self.group_by and not self.metadata:
            raise BadInput(f"group_by={self.group_by!r} is a column of a table of metadata: name the table too")
        if self.hold_out is not None and not 0 <= self.hold_out < 1:
            raise BadInput(f"hold out a share from 0 to below 1, not {self.hold_out}")
        if self.image_size and not LEAST <= self.image_size <= MOST:
            raise BadInput(f"image_size={self.image_size}: use {LEAST} to {MOST} pixels, or 0 to choose by the images")

    @property
    def reading(self) -> ReadOptions:
        """What of it the formats want to know."""
        return ReadOptions(self.task, self.classes, self.void)


def levels_of(given: Any) -> tuple[float, float] | None:
    """What becomes black and white, of a text "low,high" or of two numbers; None for none and auto. Raises BadInput for others."""
    if given in (None, "", "auto"):
        return None
    parts = given.split(",") if isinstance(given, str) else list(given)
    try:
        low, high = (float(part) for part in parts)
    except (TypeError, ValueError):
        raise BadInput(f"levels={given!r}: write two numbers, the values that become black and white, as in 0,4095") from None
    if not low < high < float("inf") or low == float("-inf"):
        raise BadInput(f"levels={given!r}: the first number must be below the second")
    return low, high
