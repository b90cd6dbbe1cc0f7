"""A Parquet file of paths and labels, as a file or beside the images it names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from alcore.formats.columnar import PARQUET, check_parquet, open_parquet
from alcore.formats.tabled import Tabled
from alcore.formats.tables import Table
from alcore.formats.writing import Labeled


class ParquetFile(Tabled):
    """The columns are found as those of a CSV file are, see Tabled. Files with the images in them are of the format hf."""

    name = "parquet"
    title = "Parquet file: path, label, split"
    suffixes = (PARQUET,)
    noun = "Parquet file"
    rank = 21

    def open(self, file: Path) -> Table:
        """See Tabled."""
        return open_parquet(file)


FORMAT = ParquetFile()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Writes the table `out`: path, label, split and annotator of each image. No name needs to change: the list is empty."""
    check_parquet()
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, list[str]] = {"path": [], "label": [], "split": [], "annotator": []}
    for item in items:
        for name, value in zip(columns, (item.path, item.label, item.split, item.annotator), strict=True):
            columns[name].append(value.encode("utf-8", "backslashreplace").decode())
    schema = pyarrow.schema([(name, pyarrow.string()) for name in columns])
    pyarrow.parquet.write_table(pyarrow.table(columns, schema), out)
    return []
