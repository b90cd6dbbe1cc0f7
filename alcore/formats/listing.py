"""What the columns of a table beside images mean: which one names the image, which one its class, or a column a class (one-hot).

Knows no format: csv asks it. A guess is told in `Columns.told`, so that it is seen before it is acted on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from alcore.formats.places import Places
from alcore.formats.tables import Table
from alcore.naming import class_name

PATHS = (
    *("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "img_path", "image", "image_name", "img", "img_name"),
    *("image_file", "images", "image_id", "img_id", "id", "id_code", "name", "photo", "fname", "uuid"),
)
LABELS = (
    *("label", "labels", "class", "class_name", "classname", "category", "category_name", "target", "species", "breed", "diagnosis", "dx"),
    *("tag", "class_id", "y"),
)
SPLIT_COLUMNS = ("split", "subset", "partition", "set")
LOOKED_AT = 200  # rows a guess is made from
TRIED = 20  # rows whose path is looked for
YES, NO = ("1", "1.0", "true"), ("0", "0.0", "false", "")


@dataclass(frozen=True)
class Columns:
    """Places of the columns in a row.

    Attributes:
        label: None when each class has a column of its own, or when there are no labels.
        one_hot: (place, class) of the columns of classes.
        told: how they were understood, for people; "" when they are called path and label.
    """

    path: int
    label: int | None
    split: int | None
    one_hot: tuple[tuple[int, str], ...] = ()
    told: str = ""

    @property
    def labeled(self) -> bool:
        """True when the table has labels at all."""
        return self.label is not None or bool(self.one_hot)

    def label_of(self, cells: Sequence[str]) -> tuple[str | None, str]:
        """(class or None, ""), or (None, why the row's label cannot be taken)."""
        if self.label is not None:
            return class_name(cells[self.label]) or None, ""
        marked = [name for at, name in self.one_hot if cells[at].strip().lower() in YES]
        if len(marked) > 1:
            return None, f"marked with {len(marked)} classes ({', '.join(marked[:3])}): an image has one"
        return (marked[0] if marked else None), ""


def understood(table: Table, places: Places) -> Columns | None:
    """The columns of a table that lists images, None when its first rows name none of those at `places`."""
    if table.heading.count("path") and table.heading.count("label"):
        return Columns(table.heading.index("path"), table.heading.index("label"), table.column(SPLIT_COLUMNS))
    rows = [cells for _, cells in islice(table.rows(), LOOKED_AT)]
    path = next((at for at in _likely(table.heading, PATHS) if any(places.find(cells[at].strip())[0] for cells in rows[:TRIED])), None)
    if path is None:
        return None
    split = table.column(SPLIT_COLUMNS)
    others = [at for at in range(len(table.heading)) if at not in (path, split)]
    label = next((at for at in _likely(table.heading, LABELS) if at in others), None)
    one_hot = _one_hot(table, rows, others) if label is None else ()
    if label is None and not one_hot and len(others) == 1:
        label = others[0]
    named = table.heading[path]
    if label is not None:
        told = f"images from the column {named}, classes from {table.heading[label]}"
    else:
        told = f"images from the column {named}, " + (f"{len(one_hot)} columns of 0 and 1 are the classes" if one_hot else "no labels")
    return Columns(path, label, split, one_hot, told)


def _likely(heading: Sequence[str], names: Sequence[str]) -> list[int]:
    return [heading.index(name) for name in names if name in heading]


def _one_hot(table: Table, rows: Sequence[Sequence[str]], others: Sequence[int]) -> tuple[tuple[int, str], ...]:
    """Columns that hold nothing but 0 and 1, when there are two of them at least and hardly a row is marked twice."""
    flags = [at for at in others if table.heading[at] and all(cells[at].strip().lower() in YES + NO for cells in rows)]
    marks = [sum(cells[at].strip().lower() in YES for at in flags) for cells in rows]
    usual = len(flags) > 1 and sum(mark == 1 for mark in marks) >= max(1, 0.5 * len(rows))
    return tuple((at, class_name(table.names[at])) for at in flags) if usual else ()
