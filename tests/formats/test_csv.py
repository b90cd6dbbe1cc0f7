"""Lists of images in CSV: any delimiter and mark, rows that cannot be used, lists that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.columns import Entries
from alcore.errors import BadInput
from alcore.formats import read
from alcore.types import Entry, Skipped
from tests.formats.found import found, put


@pytest.mark.parametrize(("delimiter", "word"), [(",", "comma"), (";", "semicolon"), ("\t", "tab")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_is_read_with_any_delimiter_and_mark(tmp_path: Path, delimiter: str, word: str, encoding: str) -> None:
    for name in ("sub/a.png", "b, c.png", "d.png"):
        put(tmp_path / name)
    lines = ["Path|LABEL|split", "sub/a.png|Katze ü|train", '"b, c.png"||test', "", "d.png|2|valid"]
    (tmp_path / "list.csv").write_text("\r\n".join(lines).replace("|", delimiter), encoding=encoding)
    reading = read(tmp_path / "list.csv")
    assert found(reading) == [("sub/a.png", "pool", "Katze ü"), ("b, c.png", "test", None), ("d.png", "val", "2")]
    assert reading.classes == ("2", "Katze ü")
    assert reading.root == tmp_path
    assert reading.took_for == f"a CSV file (list.csv, separated by {word}): 3 images, 2 classes"


def test_csv_rows_that_cannot_be_used_are_set_aside_with_their_line(tmp_path: Path) -> None:
    src = tmp_path / "src"
    for name in ("ok.png", "twice.png", "torn.png", "half.png", "win/dows.png", "two.png"):
        put(src / name)
    put(tmp_path / "secret.png")
    (src / "link.png").symlink_to(tmp_path / "secret.png")
    (src / "out").symlink_to(tmp_path)
    rows = [
        *("ok.png,a", "gone.png,a", "../secret.png,a", f"{tmp_path}/secret.png,a", "link.png,a", "out/secret.png,a", ",a", "win,a"),
        *("twice.png,a", "./twice.png,a", "torn.png,a", "torn.png,b", "half.png,", "half.png,b", "win\\dows.png,a", "nul\0.png,a"),
        *("x" * 300 + ".png,a", "ok.png/deeper,a", "two.png,a,train", "two.png,a,test", "ok.png,a,holdout", "<script>.png"),
    ]
    (src / "list.csv").write_text("path,label,split\n" + "\n".join(rows) + "\n")
    reading = read(src / "list.csv")
    assert found(reading) == [("ok.png", "pool", "a"), ("twice.png", "pool", "a"), ("half.png", "pool", "b"), ("win/dows.png", "pool", "a")]
    leaves = "the path leaves the folder of the CSV file: put the image below it"
    assert reading.skipped == [
        Skipped("gone.png", "line 3: there is no such file"),
        Skipped("../secret.png", f"line 4: {leaves}"),
        Skipped(f"{tmp_path}/secret.png", f"line 5: {leaves}"),
        Skipped("link.png", f"line 6: {leaves}"),
        Skipped("out/secret.png", f"line 7: {leaves}"),
        Skipped("", "line 8: the path is empty"),
        Skipped("win", "line 9: a folder, not a file"),
        Skipped("nul\0.png", "line 17: the path holds a zero byte"),
        Skipped("x" * 300 + ".png", "line 18: the file cannot be read: File name too long"),
        Skipped("ok.png/deeper", "line 19: there is no such file"),
        Skipped("ok.png", "line 22: unknown split 'holdout': use train, val or test"),
        Skipped("<script>.png", "line 23: there is no such file"),
        Skipped("twice.png", "listed 2 times (lines 10, 11); kept once"),
        Skipped("torn.png", "listed with different labels: a (line 12), b (line 13)"),
        Skipped("half.png", "listed 2 times (lines 14, 15); kept once"),
        Skipped("two.png", "listed with different splits: pool (line 20), test (line 21)"),
    ]


def test_entries_of_files_are_columns_and_equal_a_list(tmp_path: Path) -> None:
    for name in ("a/1.png", "b/2.png"):
        put(tmp_path / name)
    (tmp_path / "list.csv").write_text("path,label\na/1.png,a\nb/2.png,b\n")
    expected = [Entry("a/1.png", "pool", "a"), Entry("b/2.png", "pool", "b")]
    for name, entries in (("folder", expected), ("csv", expected), ("flat", [Entry("a/1.png"), Entry("b/2.png")])):
        found = read(tmp_path, name).entries
        assert isinstance(found, Entries)
        assert found == entries


def test_a_csv_of_windows_is_read_and_said_also_when_only_its_end_gives_it_away(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "b.png")
    lines = b"path,label\n" + b"a.png,x\n" * 5000
    (tmp_path / "list.csv").write_bytes(lines + "b.png,größe\n".encode("cp1252"))
    reading = read(tmp_path / "list.csv")
    assert found(reading) == [("a.png", "pool", "x"), ("b.png", "pool", "größe")]
    assert reading.warnings[0] == "list.csv is not UTF-8 and was read as Windows' cp1252: check the letters with accents"
    (tmp_path / "list.csv").write_bytes(lines + b"\x81,x\n")
    with pytest.raises(BadInput, match="list.csv is neither UTF-8 nor cp1252 nor UTF-16: save it as UTF-8"):
        read(tmp_path / "list.csv")


def test_csv_takes_absolute_paths_below_its_folder(tmp_path: Path) -> None:
    put(tmp_path / "sub" / "a.png")
    (tmp_path / "list.csv").write_text(f"path,label\n{tmp_path}/sub/a.png,x\n")
    assert found(read(tmp_path / "list.csv")) == [("sub/a.png", "pool", "x")]


def test_a_folder_with_one_csv_of_the_right_columns_is_read_by_it(tmp_path: Path) -> None:
    put(tmp_path / "images" / "a.png")
    (tmp_path / "labels.csv").write_text("path,label\nimages/a.png,x\n")
    assert found(read(tmp_path)) == [("images/a.png", "pool", "x")]
    (tmp_path / "labels.csv").write_text("name,index,r,g,b\nSky,0,1,2,3\n")
    reading = read(tmp_path)
    assert (found(reading), reading.root) == ([("a.png", "pool", None)], tmp_path / "images")  # no class is called images


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"path;klass\na.png;1\n", ["lacks the column label", "it has path, klass"]),
        (b"file,klass\n", ["lacks the columns path and label"]),
        (b"", ["is empty"]),
        (b"\n \n", ["is empty"]),
        (b"path,label\n", ["lists no usable image (0 rows)"]),
        (b"path,label\nx.png,1\n", ["lists no usable image (1 row; the first, x.png: line 2: there is no such file)"]),
        (b"path,label\n\x81\x8d,1\n", ["is neither UTF-8 nor cp1252 nor UTF-16"]),
        (b'path,label\n"' + b"x" * 200_000 + b'",1\n', ["is not a CSV file", "field larger than field limit"]),
    ],
)
def test_a_csv_without_what_is_needed_says_what(tmp_path: Path, content: bytes, words: list[str]) -> None:
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(BadInput) as wrong:
        read(tmp_path / "list.csv")
    for word in words:
        assert word in str(wrong.value)
