"""Parquet files with the images in them, as Hugging Face's `datasets` writes and reads them: `data/train-00000-of-00001.parquet`."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats import columnar
from alcore.formats.base import AS_FOUND, Format, ReadOptions, count, near, split_of_listing
from alcore.formats.listing import LABELS
from alcore.formats.writing import Free, Labeled, upright
from alcore.naming import check_class, class_fault, class_name, class_order, printable
from alcore.reading import Reading
from alcore.types import Skipped

CLASS_COLUMNS = ("label", "labels", "fine_label", *LABELS)
SHARD = 500_000_000  # bytes of images, from which on a new file is begun: as large as datasets makes them
GROUP = 100  # rows of a group, as datasets has it
UNLABELED = -1  # what datasets writes where a ClassLabel is not known


class Parquets(Format):
    """A file, or the files of a folder, of the splits their names tell. A class is the number of a name in the schema, or a name itself.

    An image is called as its `path` says, else by its split and row. Of several columns of classes one is read, and which is said.
    """

    name = "hf"
    title = "Hugging Face Parquet (images within)"
    rank = 16

    def recognizes(self, src: Path) -> str | None:
        """A Parquet file whose schema has images, alone or in a folder or its folder data."""
        return "Parquet files of images" if _with_images(src) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        names = _with_images(src, every=True)
        if not names:
            raise BadInput(f"{src} holds no Parquet file with a column of images: for paths and labels name the format parquet")
        root = src if src.is_dir() else src.parent
        skipped: list[Skipped] = []
        found: list[tuple[Path, columnar.ImageColumns]] = []
        classes: dict[str, None] = {}
        entries, free, size, warnings = Entries(), Free(), 0, list[str]()
        at, rows = array("i"), array("q")
        for name in names:
            try:
                columns = columnar.image_columns(root / name, CLASS_COLUMNS)
            except BadInput as wrong:
                if len(names) == 1:
                    raise
                skipped.append(Skipped(printable(name), str(wrong)))
                continue
            if columns is None:
                continue
            known = tuple(check_class(one, f"{name}: the names of {columns.label}") for one in columns.names)
            classes.update(dict.fromkeys(known))
            size += (root / name).stat().st_size
            if columns.others and not found:
                also = ", ".join(columns.others[:3])
                warnings.append(
                    f"the classes are those of the column {columns.label}; {also} {'is' if len(columns.others) == 1 else 'are'} not read"
                )
            split = split_of_listing(name) or "pool"
            for row, path, label, doubt in _rows(root / name, columns, known):
                if doubt:
                    skipped.append(Skipped(printable(name), f"row {row + 1}: {doubt}"))
                    continue
                entries.append(free.take(path or f"{split if split != 'pool' else 'train'}/{row:06d}"), split, label)
                at.append(len(found))
                rows.append(row)
            found.append((root / name, columns))
        if not len(entries):
            first = f"; the first: {skipped[0].reason}" if skipped else ""
            raise BadInput(f"{src} holds no row that can be taken{first}")
        labeled = int((entries.labels >= 0).sum())
        every = tuple(dict.fromkeys([*classes, *class_order(entries.names)]))
        files = count(len(found), "Parquet file")
        rest = f", {len(entries) - labeled:,} of them unlabeled" if labeled < len(entries) else ""
        told = f"images within {files}: {count(len(every), 'class', 'classes')}, {count(len(entries), 'image')}{rest}"
        contents = columnar.ParquetImages(found, size, (np.array(at), np.array(rows)))
        reading = Reading(root, every, entries, skipped, contents=contents, took_for=told, warnings=warnings)
        reading.used = frozenset(names)
        return reading


def _with_images(src: Path, every: bool = False) -> list[str]:
    """The Parquet files with images, relative to the folder they lie in; the first one alone unless `every`. One that is damaged is among
    them when all are asked for, so that it is said."""
    root = src if src.is_dir() else src.parent
    names = near(src, columnar.PARQUET) if src.is_dir() else [src.name] if src.suffix.lower() == columnar.PARQUET else []
    found: list[str] = []
    for name in names:
        try:
            has = columnar.image_columns(root / name, CLASS_COLUMNS) is not None
        except BadInput:
            has = every
        if has:
            found.append(name)
            if not every:
                break
    return found


def _rows(file: Path, columns: columnar.ImageColumns, names: Sequence[str]) -> Iterable[tuple[int, str, str | None, str]]:
    """(row, the image's own path or "", class or None, why the row cannot be taken) of each; no image is read."""
    wanted = [*([] if columns.bare else [f"{columns.image}.path"]), *([columns.label] if columns.label else [])]
    if not wanted:
        with columnar.parquet(file) as opened:
            yield from ((row, "", None, "") for row in range(opened.metadata.num_rows))
        return
    row = 0
    for batch in columnar.batches(file, wanted):
        length = len(next(iter(batch.values())))
        images = batch.get(columns.image, [None] * length)
        labels = batch[columns.label] if columns.label else [None] * length
        for image, value in zip(images, labels, strict=True):
            path = image.get("path") if isinstance(image, dict) else None
            label, doubt = _class(value, names)
            yield row, path if isinstance(path, str) else "", label, doubt
            row += 1


def _class(value: Any, names: Sequence[str]) -> tuple[str | None, str]:
    text = columnar.cell(value)
    if text == "" or (names and text == str(UNLABELED)):
        return None, ""
    if names:
        if not text.isdecimal() or int(text) >= len(names):
            return (
                None,
                f"its class is {text[:40]} and {count(len(names), 'class is', 'classes are')} named: export it again with all names",
            )
        return names[int(text)], ""
    name = class_name(text)
    return (None, fault) if (fault := class_fault(name)) else (name, "")


FORMAT = Parquets()


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str], shard: int = SHARD) -> list[tuple[str, str]]:
    """Writes `data/train-00000-of-00001.parquet`, …: image (bytes and path), label (a ClassLabel of the project's classes), annotator; and
    the README.md that tells the hub's reader the same. No name needs to change: the list is empty.

    Args:
        shard: bytes of images from which on a new file is begun.
    """
    columnar.check_parquet()
    import pyarrow
    import pyarrow.parquet

    schema = _schema(classes)
    numbers = {name: at for at, name in enumerate(classes)}
    (out / "data").mkdir(parents=True)
    parts: dict[str, list[Path]] = {}
    open_ones: dict[str, tuple[Any, int, list[dict[str, Any]]]] = {}
    counted: dict[str, tuple[int, int]] = {}  # images and their bytes

    def put(split: str, last: bool) -> None:
        writer, size, rows = open_ones[split]
        writer.write_table(pyarrow.Table.from_pylist(rows, schema), row_group_size=GROUP)
        open_ones[split] = (writer, size, [])
        if last:
            writer.close()
            del open_ones[split]

    try:
        for item in items:
            content, _ = upright(item)
            split = "validation" if item.split == "val" else item.split
            if split not in open_ones:
                part = out / "data" / f"{split}-{len(parts.setdefault(split, [])):05d}.part"
                parts[split].append(part)
                open_ones[split] = (pyarrow.parquet.ParquetWriter(part, schema), 0, [])
            writer, size, rows = open_ones[split]
            image = {"bytes": content, "path": printable(item.path)}
            rows.append({"image": image, "label": numbers[item.label], "annotator": item.annotator})
            open_ones[split] = (writer, size + len(content), rows)
            before = counted.get(split, (0, 0))
            counted[split] = (before[0] + 1, before[1] + len(content))
            if size + len(content) >= shard or len(rows) >= GROUP:
                put(split, last=size + len(content) >= shard)
    finally:
        for split in list(open_ones):
            put(split, last=True)
    for split, files in parts.items():
        for at, part in enumerate(files):
            part.rename(out / "data" / f"{split}-{at:05d}-of-{len(files):05d}.parquet")
    (out / "README.md").write_text(_card(classes, counted), encoding="utf-8")
    return []


def _schema(classes: Sequence[str]) -> Any:
    import pyarrow

    features = {
        "image": {"_type": "Image"},
        "label": {"names": list(classes), "_type": "ClassLabel"},
        "annotator": {"dtype": "string", "_type": "Value"},
    }
    image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    fields = [("image", image), ("label", pyarrow.int64()), ("annotator", pyarrow.string())]
    return pyarrow.schema(fields, metadata={columnar.FEATURES: json.dumps({"info": {"features": features}}).encode()})


def _card(classes: Sequence[str], counted: Mapping[str, tuple[int, int]]) -> str:
    """The head of a data set's README as the hub wants it. JSON's texts are YAML's too, whatever a class is called."""
    names = "".join(f"          '{at}': {json.dumps(name)}\n" for at, name in enumerate(classes))
    splits = "".join(f"  - name: {split}\n    num_bytes: {size}\n    num_examples: {number}\n" for split, (number, size) in counted.items())
    files = "".join(f"  - split: {split}\n    path: data/{split}-*\n" for split in counted)
    return (
        "---\ndataset_info:\n  features:\n  - name: image\n    dtype: image\n"
        "  - name: label\n    dtype:\n      class_label:\n        names:\n"
        f"{names}  - name: annotator\n    dtype: string\n  splits:\n{splits}configs:\n- config_name: default\n  data_files:\n{files}---\n"
    )
