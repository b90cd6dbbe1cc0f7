"""A folder of unlabeled images. Sub-folders are searched and mean nothing."""

from __future__ import annotations

from pathlib import Path

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, ReadOptions, count, has_images, no_images, walk
from alcore.reading import Reading
from alcore.types import Skipped


class FlatFolder(Format):
    """Images without labels. `auto` takes a folder for this as soon as images lie directly in it; asked for by name, any tree will do."""

    name = "flat"
    title = "Folder of unlabeled images"
    rank = 90
    tasks = ("classification", "segmentation")

    def recognizes(self, src: Path) -> str | None:
        """At least one image directly in `src`."""
        return "a folder of unlabeled images" if src.is_dir() and has_images(src, directly=True) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        if not src.is_dir():
            raise BadInput(f"{src} is not a folder: the format flat wants a folder of images")
        skipped: list[Skipped] = []
        entries, nested = Entries(), 0
        for path in walk(src, skipped):
            entries.append(path)
            nested += "/" in path
        if not len(entries):
            raise no_images(src, skipped)
        remark = f", {nested:,} of them in sub-folders, which were not taken for classes (the format folder does that)" if nested else ""
        return Reading(src, (), entries, skipped, took_for=f"a folder of unlabeled images: {count(len(entries), 'image')}{remark}")


FORMAT = FlatFolder()
