"""Hugging Face's `imagefolder`: images beside a `metadata.jsonl` of `file_name` and `label`; one with a metadata.csv is read as csv."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from alcore.formats.columnar import LINES, open_lines
from alcore.formats.tabled import Tabled
from alcore.formats.tables import Table
from alcore.formats.writing import Free, Labeled, upright

METADATA = "metadata.jsonl"


class ImageFolder(Tabled):
    """The columns are found as those of a CSV file are, see Tabled; a metadata.jsonl may lie in each folder of a split."""

    name = "imagefolder"
    title = "Hugging Face imagefolder (metadata.jsonl)"
    suffixes = (LINES,)
    noun = "JSON Lines file"
    rank = 22

    def open(self, file: Path) -> Table:
        """See Tabled."""
        return open_lines(file)


FORMAT = ImageFolder()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Writes the images below `train/`, `validation/` and `test/`, each with a metadata.jsonl of file_name, label and annotator.

    JSON and no CSV, where `datasets` makes numbers of classes called 1 and nothing of one called NA.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    free, renamed = Free(), list[tuple[str, str]]()
    lines: dict[str, list[str]] = {}
    for item in items:
        content, suffix = upright(item)
        folder = "validation" if item.split == "val" else item.split
        own = item.path if item.path.lower().endswith(suffix.lower()) else item.path + suffix
        place = free.take(f"{folder}/{own.removeprefix(f'{folder}/')}")
        if place.removeprefix(f"{folder}/") != own.removeprefix(f"{folder}/"):
            renamed.append((item.path, place))
        (out / place).parent.mkdir(parents=True, exist_ok=True)
        (out / place).write_bytes(content)
        told = {"file_name": place.removeprefix(f"{folder}/"), "label": item.label, "annotator": item.annotator}
        lines.setdefault(folder, []).append(json.dumps(told, ensure_ascii=False) + "\n")
    for folder, of in lines.items():
        (out / folder / METADATA).write_text("".join(of), encoding="utf-8")
    return renamed
