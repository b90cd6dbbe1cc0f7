"""The benchmark for other people's folders: what each kind of strange thing ends as, its sums, and what makes it fail."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import __main__ as command
from benchmarks import strange


def picture(file: Path, seed: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)


@pytest.mark.slow
def test_a_folder_of_strange_things_ends_as_each_of_them_is(tmp_path: Path, monkeypatch, capsys):
    folder = tmp_path / "others"
    for at, name in enumerate(("classes/cat/0.png", "classes/cat/1.png", "classes/dog/2.png")):
        picture(folder / name, at)
    (folder / "classes/dog/cut.png").write_bytes((folder / "classes/dog/2.png").read_bytes()[:60])
    (folder / "foreign").mkdir()
    (folder / "foreign/package.json").write_text('{"annotations": [{"id": 1}]}')
    (folder / "pipe").mkdir()
    os.mkfifo(folder / "pipe/x.png")
    (folder / "hollow.npz").write_bytes(b"PK\x03\x04")
    picture(folder / "table/a.png", 5)
    picture(folder / "table/b.png", 6)
    (folder / "table/list.csv").write_text("path,label\na.png,x\nb.png,y\nc.png,y\n")
    out = tmp_path / "figures.json"

    monkeypatch.setattr(sys, "argv", ["benchmarks", "strange", str(folder), "--depth", "1", "--out", str(out), "--memory", "3"])
    assert command.main() == 0

    figures = json.loads(out.read_text())["strange"]
    cut, unlisted = {"cut short: the file ends before the picture does": 1}, {"line N: there is no such file": 1}
    no_pictures = {f"not an image (its suffix is {suffix})": 1 for suffix in (".npz", ".json", ".csv")} | {"not a regular file": 1}
    empty = "holds no images (the only file is {}): put images there or give another folder"
    assert {one["place"]: (one["taken"], one["aside"], one["refused"].removeprefix(f"{folder}/")) for one in figures["outcomes"]} == {
        ".": (5, no_pictures | cut, ""),
        "classes": (3, cut, ""),
        "foreign": (0, {}, f"foreign {empty.format('package.json: not an image (its suffix is .json)')}"),
        "hollow.npz": (0, {}, "hollow.npz cannot be read as an npz file (File is not a zip file): write it again with numpy.savez"),
        "pipe": (0, {}, f"pipe {empty.format('x.png: not a regular file')}"),
        "table": (2, unlisted, ""),
        "table/list.csv": (2, unlisted, ""),
    }
    assert [one["labels"] for one in figures["outcomes"] if one["place"] == "classes"] == [{"cat": 2, "dog": 2}]
    total = figures["summary"]
    assert [total[name] for name in ("tried", "images taken", "refused with a sentence", "tracebacks", "hangs", "bad messages")] == [
        *(7, 12, 3, 0, 0, 0)
    ]
    assert "tried 7, images taken 12, set aside 8 (2 x cut short" in capsys.readouterr().out

    with strange.Trials(seconds=0.01) as trials:
        late = trials.tried(folder / "classes", "late")
    assert (late.hung, late.traceback, late.taken) == (True, "", 0)


@pytest.mark.parametrize(
    ("outcome", "count"),
    [
        (strange.Outcome("a", hung=True), "hangs"),
        (strange.Outcome("a", traceback="Traceback: …"), "tracebacks"),
        (strange.Outcome("a", bad_messages=["two\nlines"]), "bad messages"),
        (strange.Outcome("a", refused="a sentence"), None),
    ],
)
def test_only_what_must_never_be_fails_the_benchmark(outcome: strange.Outcome, count: str | None):
    total = strange.summary([outcome])
    assert [name for name in ("tracebacks", "hangs", "bad messages") if total[name]] == [name for name in (count,) if name]
    assert strange.failed({"summary": total}) is (count is not None)


@pytest.mark.parametrize(("message", "bad"), [("x" * 299, False), ("x" * 300, True), ("one\ntwo", True), ("naïve, ok", False)])
def test_a_message_of_several_lines_or_of_300_letters_is_a_fault(message: str, bad: bool):
    assert strange._is_bad(message) is bad


def test_the_benchmark_is_not_part_of_all_and_wants_a_folder(monkeypatch, capsys):
    assert "strange" not in command.NAMES
    monkeypatch.setattr(sys, "argv", ["benchmarks", "strange"])
    with pytest.raises(SystemExit):
        command.main()
    assert "python -m benchmarks strange FOLDER" in capsys.readouterr().err
