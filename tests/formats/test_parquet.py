"""Tables as Parquet: the columns as of a CSV, values that are no text, files that break off."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alcore.errors import BadInput
from alcore.formats import LABEL_WRITERS, read
from alcore.formats.columnar import cell
from tests.formats.exchanged import parquet
from tests.formats.test_hf import items
from tests.sources import labels_of, pictures


def test_a_file_takes_what_it_lists_and_names_rows(tmp_path: Path) -> None:
    parquet(tmp_path)
    (tmp_path / "images" / "b.jpg").unlink()
    pq.write_table(pa.table({"path": ["images/a.jpg", "/etc/b.jpg", "no.jpg"], "label": ["x", "x", "x"]}), tmp_path / "labels.parquet")
    reading = read(tmp_path / "labels.parquet")
    assert labels_of(reading) == {"images/a.jpg": "x"}
    assert [(skip.path, skip.reason) for skip in reading.skipped] == [
        ("/etc/b.jpg", "row 2: the path leaves the folder of the Parquet file: put the image below it"),
        ("no.jpg", "row 3: there is no such file"),
    ]


def test_a_frame_of_pandas_is_read_as_a_csv_of_it_would_be(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    frame = pd.DataFrame(
        {"file_name": ["a.jpg", "b.jpg", "c.jpg"], "label": [1.0, None, 12.0], "taken": pd.to_datetime(["2026-01-01"] * 3)}
    )
    frame["label"] = frame["label"].astype("float64")
    frame.to_parquet(tmp_path / "t.parquet")
    assert labels_of(read(tmp_path)) == {"a.jpg": "1", "b.jpg": None, "c.jpg": "12"}


def test_a_value_becomes_the_text_a_person_would_write() -> None:
    values = [None, float("nan"), 3.0, 0.5, 7, True, "x", ["a"]]
    assert [cell(value) for value in values] == ["", "", "3", "0.5", "7", "true", "x", '["a"]']
    assert cell(float("inf")) == "Infinity"


def test_a_file_that_breaks_off_is_a_sentence(tmp_path: Path) -> None:
    parquet(tmp_path)
    file = tmp_path / "labels.parquet"
    content = file.read_bytes()
    for cut in (content[: len(content) // 2], b"", b"PAR1" + b"\0" * 40 + b"PAR1"):
        file.write_bytes(cut)
        with pytest.raises(BadInput, match="labels.parquet cannot be read as Parquet"):
            read(file)


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "deep/b.jpg")
    assert LABEL_WRITERS["parquet"](tmp_path / "out.parquet", items(("a.jpg", "train", "1"), ("deep/b.jpg", "val", "größe")), ()) == []
    reading = read(tmp_path / "out.parquet")
    assert {(entry.path, entry.split, entry.label) for entry in reading.entries} == {("a.jpg", "pool", "1"), ("deep/b.jpg", "val", "größe")}
