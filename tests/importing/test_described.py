"""Tables that describe images: read from files as people have them, kept as one file, what cannot be taken said in a sentence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from alcore.errors import BadInput
from alcore.importing.described import beside, keep, kept, read

LONG = "n" * 200


@pytest.fixture
def table(tmp_path):
    """`table(content, name)` is a file with that content."""

    def write(content: str | bytes, name: str = "meta.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def told(found):
    """{column: values as text} and the keys."""
    return {column.name: [column.shown(value) for value in column.values] for column in found.columns}, list(found.keys)


CAMERAS = ({"camera": ["x", "", "y z"], "age": ["3", "4.5", ""]}, ["a/1.png", "a/2.png", "3"])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("path,camera,age\n./a/1.png,x,3\na\\2.png,,4.5\n3,y z,\n", "meta.csv"),
        ("camera;age;File_Name\nx;3;a/1.png\n;4.5;a/2.png\ny z;;3\n", "meta.csv"),
        ("\ufeffpath\tcamera\tage\na/1.png\tx\t3\na/2.png\t\t4.5\n3\ty z\t\n", "meta.tsv"),
        (
            json.dumps([{"path": "a/1.png", "camera": "x", "age": 3}, {"path": "a/2.png", "age": 4.5}, {"path": "3", "camera": "y z"}]),
            "m.json",
        ),
        (json.dumps({"a/1.png": {"camera": "x", "age": 3}, "a/2.png": {"age": 4.5}, "3": {"camera": "y z", "age": None}}), "m.json"),
        ('{"image": "a/1.png", "camera": "x", "age": 3}\n\n{"image": "a/2.png", "age": 4.5}\n{"image": "3", "camera": "y z"}\n', "m.jsonl"),
    ],
)
def test_every_kind_of_table_gives_the_same(table, content, name):
    assert told(read(table(content, name))) == CAMERAS


def test_parquet_is_such_a_table_too(tmp_path):
    frame = pd.DataFrame({"path": ["a/1.png", "a/2.png", "3"], "camera": ["x", None, "y z"], "age": [3, 4.5, None]})
    frame.to_parquet(tmp_path / "m.parquet")
    assert told(read(tmp_path / "m.parquet")) == CAMERAS
    whole = (tmp_path / "m.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    with pytest.raises(BadInput, match="^meta.parquet cannot be read as Parquet"):
        read(tmp_path / "cut.parquet", "meta.parquet")


def test_names_of_columns_may_be_anything_printable(table):
    heading = ["path", 'it\'s "x"', "zwei  Wörter", LONG, "a.from", "label"]
    file = table(json.dumps([dict(zip(heading, ["1.png", *"abcde"], strict=True))]), "m.json")
    assert [column.name for column in read(file).columns] == ['it\'s "x"', "zwei Wörter", LONG, "a.from", "label"]


def test_what_is_kept_is_read_again(table, tmp_path):
    found = read(table("path,camera,age,when\n1.png,ü,3,2026-05-31\n2.png,x,,\n"))
    name = keep(found, tmp_path)
    again = kept(tmp_path / name)
    assert told(again) == told(found)
    assert [(c.kind, c.values.dtype, c.names) for c in again.columns] == [(c.kind, c.values.dtype, c.names) for c in found.columns]
    assert keep(found, tmp_path) == name  # of the same content the same name
    assert keep(read(table("path,camera\n1.png,y\n")), tmp_path) != name
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:200])
    with pytest.raises(BadInput, match=f"the kept metadata {name} is damaged"):
        kept(tmp_path / name)


def test_equal_rows_count_once_and_rows_without_a_path_not_at_all(table):
    found = read(table("path,camera\n1.png,x\n1.png,x\n,y\n"))
    assert (told(found), found.repeated) == (({"camera": ["x"]}, ["1.png"]), 1)
    assert found.notes == ("1 row said again what another one said",)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (
            "path,camera\na/1.png,x\n./a/1.png,y\n",
            "m.csv",
            "two rows for 'a/1.png' that differ: 'camera' is 'x' in line 2 and 'y' in line 3",
        ),
        ("camera,age\nx,3\n", "m.csv", "no column that names images .path, file, .*: it has camera, age. Call one of them path"),
        ("path,camera,camera\n1,x,y\n", "m.csv", "two columns called 'camera'"),
        ("path\n1.png\n", "m.csv", "no column beside 'path'"),
        ("path,camera\n1.png,\n", "m.csv", "none of its columns can be kept .'camera' has no values and is left out"),
        ("path,camera\n,x\n", "m.csv", "has no row that names an image"),
        ("path," + ",".join(f"c{i}" for i in range(65)) + "\n1" + ",1" * 65 + "\n", "m.csv", "has 65 columns: up to 64"),
        (f"path,{'n' * 201}\n1,2\n", "m.csv", "has a name of 201 characters: use up to 200"),
        ("", "m.csv", "is empty: its first line must name the columns"),
        ("[{", "m.json", "m.json is not JSON .* cut short"),
        ("[1, 2]", "m.json", "holds no list of objects"),
        ("{}", "m.json", "holds no list of objects"),
        ('{"path": "a"}\n{"path":', "m.jsonl", "^m.jsonl line 2 is no JSON"),
        (b"\xff\xfe\x00\xd8", "m.json", "m.json is not UTF-8"),
        ("[" * 100_000, "m.json", "m.json is not JSON"),
        ("x", "m.parquet", "^m.parquet cannot be read as Parquet"),
        ("x", "m.xlsx", "m.xlsx is no table that can be read here"),
    ],
)
def test_what_cannot_be_taken_is_told_in_a_sentence(table, content, name, said):
    with pytest.raises(BadInput, match=said):
        read(table(content, name))


def test_the_column_of_paths_may_be_named(table):
    file = table("path,shot,camera\nx,1.png,c\n")
    assert list(read(file, key="shot").keys) == ["1.png"]
    with pytest.raises(BadInput, match="no column 'nope': it has path, shot, camera"):
        read(file, key="nope")


def test_beside_an_import_it_gives_groups_and_says_how_it_fits(table):
    found = beside(str(table("path,patient\n1.png,p1\n2.png,p2\n3.png,p1\n")), ["a/3.png", "a/1.png", "a/9.png"])
    groups = found.groups("patient")
    assert (groups[0] == groups[1] >= 0, groups[2]) == (True, -1)
    assert found.words == ["the table meta.csv describes 2 of 3 images"]
    with pytest.raises(BadInput, match="no metadata column 'x': use one of patient"):
        found.groups("x")
    with pytest.raises(
        BadInput, match=r"none of the 1 rows of meta.csv names an image: its column 'path' has 'zz.png', an image is called 'a.png'"
    ):
        beside(str(table("path,c\nzz.png,1\n")), ["a.png"])
    assert np.array_equal(found.rows, [2, 0, -1])
