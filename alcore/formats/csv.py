"""Tables of images and labels: `path,label[,split]`, or what Kaggle, ISIC and the like write, as a file or beside the images they name."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from alcore.formats.tabled import Tabled
from alcore.formats.writing import Labeled


class CsvFile(Tabled):
    """CSV and TSV, see Tabled."""

    name = "csv"
    title = "CSV file: path, label, split"


FORMAT = CsvFile()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Writes the table `out`: path, label, split and annotator of each image. No name needs to change: the list is empty."""
    out.write_text(text_of(items), encoding="utf-8", newline="")
    return []


def text_of(items: Iterable[Labeled]) -> str:
    """The table that `write_labels` writes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "label", "split", "annotator"])
    writer.writerows([item.path, item.label, item.split, item.annotator] for item in items)
    return text.getvalue()
