"""Parquet with the images in it: what the schema says, what rows cannot be taken, what is written."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alcore.errors import BadInput
from alcore.formats import LABEL_WRITERS, hf, read
from alcore.formats.writing import Labeled
from tests.formats.exchanged import content, parquet_of_images
from tests.formats.exchanged import hf as hf_folder
from tests.sources import labels_of, picture


def items(*of: tuple[str, str, str]) -> list[Labeled]:
    return [Labeled(path, split, label, "ann", partial(lambda name: (content(name), ".jpg"), path)) for path, split, label in of]


def test_rows_are_called_by_their_path_or_by_split_and_row_and_have_their_bytes(tmp_path: Path) -> None:
    hf_folder(tmp_path)
    reading = read(tmp_path)
    assert labels_of(reading) == {"c.jpg": "dog", "d.jpg": None, "a.jpg": "cat", "train/000001": "dog"}
    given = {entry.path: reading.contents[at] for at, entry in enumerate(reading.entries)}
    assert given == {"c.jpg": content("c"), "d.jpg": content("d"), "a.jpg": content("a"), "train/000001": content("b")}


def test_contents_are_given_in_any_order(tmp_path: Path) -> None:
    rows = [(content(str(at)), f"{at}.jpg", at % 2) for at in range(50)]
    reading = read(parquet_of_images(tmp_path / "x.parquet", rows))
    for at in (49, 0, 17, 17, 16, 33):
        assert reading.contents[at] == rows[at][0]


def test_a_class_beyond_the_names_is_told_with_its_row(tmp_path: Path) -> None:
    reading = read(parquet_of_images(tmp_path / "x.parquet", [(content("a"), "a.jpg", 0), (content("b"), "b.jpg", 2)]))
    assert labels_of(reading) == {"a.jpg": "cat"}
    assert [(skip.path, skip.reason) for skip in reading.skipped] == [
        ("x.parquet", "row 2: its class is 2 and 2 classes are named: export it again with all names")
    ]


def test_paths_never_lead_out_and_never_meet(tmp_path: Path) -> None:
    odd = ["../../etc/passwd", "/etc/passwd", "A.jpg", "a.jpg", "a.jpg/b.jpg", "c\0d.jpg", "x" * 300]
    reading = read(parquet_of_images(tmp_path / "x.parquet", [(content(name), name, 0) for name in odd]))
    paths = [entry.path for entry in reading.entries]
    assert paths[:6] == ["_./_./etc/passwd", "_/etc/passwd", "A.jpg", "a-2.jpg", "a.jpg_b.jpg", "c_d.jpg"]
    assert all(not path.startswith("/") and ".." not in path.split("/") and len(path) < 200 for path in paths)
    folded = [path.casefold() for path in paths]
    assert not any(other.startswith(f"{path}/") for path in folded for other in folded)


def test_other_columns_of_classes_are_told(tmp_path: Path) -> None:
    features = {
        "img": {"_type": "Image"},
        "fine_label": {"_type": "ClassLabel", "names": ["oak", "rose"]},
        "coarse_label": {"_type": "ClassLabel", "names": ["tree", "flower"]},
    }
    rows = {"img": [{"bytes": content("a"), "path": None}], "fine_label": [1], "coarse_label": [0]}
    table = pa.table(rows).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "train.parquet")
    reading = read(tmp_path)
    assert labels_of(reading) == {"train/000000": "rose"}
    assert reading.warnings == ["the classes are those of the column fine_label; coarse_label is not read"]


def test_plain_bytes_beside_names_are_images_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [content("a"), content("b")], "label": ["cat", None]}), tmp_path / "x.parquet")
    reading = read(tmp_path / "x.parquet")
    assert labels_of(reading) == {"train/000000": "cat", "train/000001": None}
    assert reading.contents[1] == content("b")


def test_a_row_without_bytes_says_so_when_it_is_unpacked(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    reading = read(parquet_of_images(tmp_path / "x.parquet", [(None, "a.jpg", 0)]), "hf")
    with pytest.raises(BadInput, match="row 1 of x.parquet has no bytes of an image: embed them and export it again"):
        reading.contents[0]


def test_a_file_that_breaks_off_is_a_sentence_and_costs_only_itself(tmp_path: Path) -> None:
    hf_folder(tmp_path)
    file = tmp_path / "data" / "test-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "cat", "train/000001": "dog"}
    (skip,) = [skip for skip in reading.skipped if skip.path == "data/test-00000-of-00001.parquet"]
    assert "cannot be read as Parquet" in skip.reason
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        read(file)
    (tmp_path / "data" / "train-00000-of-00001.parquet").unlink()
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        read(tmp_path, "hf")


def test_what_is_written_comes_back_in_files_of_a_size(tmp_path: Path) -> None:
    given = items(("x/a.jpg", "train", "no"), ("b", "val", "größe"), ("c.jpg", "train", "10"), ("d.jpg", "train", "no"))
    classes = ("no", "10", "größe", "none of these")
    assert hf.write_labels(tmp_path / "out", given, classes, shard=len(content("x/a.jpg")) + 1) == []
    names = sorted(file.name for file in (tmp_path / "out" / "data").iterdir())
    assert names == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "validation-00000-of-00001.parquet"]
    reading = read(tmp_path / "out")
    assert (reading.format, reading.classes) == ("hf", classes)
    assert {(e.path, e.split, e.label, reading.contents[at]) for at, e in enumerate(reading.entries)} == {
        (one.path, {"train": "pool"}.get(one.split, one.split), one.label, content(one.path)) for one in given
    }
    assert pq.read_table(tmp_path / "out" / "data" / names[0]).column("annotator").to_pylist() == ["ann", "ann"]


def test_the_card_is_yaml_that_names_classes_and_files(tmp_path: Path) -> None:
    import yaml

    LABEL_WRITERS["hf"](tmp_path / "out", items(("a.jpg", "train", "no"), ("b.jpg", "val", 'q"')), ("no", 'q"'))
    card = yaml.safe_load((tmp_path / "out" / "README.md").read_text().split("---\n")[1])
    label = card["dataset_info"]["features"][1]
    assert label == {"name": "label", "dtype": {"class_label": {"names": {"0": "no", "1": 'q"'}}}}
    assert card["configs"][0]["data_files"] == [
        {"split": "train", "path": "data/train-*"},
        {"split": "validation", "path": "data/validation-*"},
    ]
    assert [split["num_examples"] for split in card["dataset_info"]["splits"]] == [1, 1]
