"""Other names for the classes of a source: how they are written, what becomes of images, masks and answers, and that it is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alcore.cli.main import main
from alcore.errors import BadInput
from alcore.formats import read
from alcore.importing.preview import preview
from alcore.importing.renaming import alike, lines_of, rename, rename_of
from alcore.importing.request import ImportRequest
from alcore.project.facade import Project, Workspace
from alcore.types import Answer
from tests.formats.layouts import camvid
from tests.sources import labels_of, pictures, write


@pytest.mark.parametrize(
    ("given", "pairs"),
    [
        ("kitty, Cat = cat", [("kitty", "cat"), ("Cat", "cat")]),
        ("kitty=cat\n\n  blurred = \n", [("kitty", "cat"), ("blurred", "")]),
        (['"a, b", "c=d" = "e, ""f"""'], [("a, b", 'e, "f"'), ("c=d", 'e, "f"')]),
        ("a=b=c", None),
        ([["x", "y"], ["z", ""]], [("x", "y"), ("z", "")]),
        ({"x": "y"}, [("x", "y")]),
        ("a\u0308 = ä", [("ä", "ä")]),
        (None, []),
        ("cat = dog\ndog = cat", [("cat", "dog"), ("dog", "cat")]),
    ],
)
def test_a_line_a_class(given: Any, pairs: list[tuple[str, str]] | None) -> None:
    assert list(rename_of(given)) == (pairs if pairs is not None else [("a=b", "c")])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("kitty", "'kitty' renames nothing: write the names, =, and their class, as in: kitty, Cat = cat"),
        ("= cat", "renames nothing"),
        ("a = b, c", "names several classes behind the ="),
        ("a = b\na = c", "'a' cannot become both 'b' and 'c'"),
        ("a = " + "x" * 300, "cannot be a class"),
        ("a = b\x00", "use printable characters"),
    ],
)
def test_what_renames_nothing_is_a_sentence(given: str, words: str) -> None:
    with pytest.raises(BadInput) as wrong:
        rename_of(given)
    assert words in str(wrong.value)


def test_an_argument_without_the_sign_is_a_file_of_lines(tmp_path: Path) -> None:
    file = write(tmp_path / "names.txt", "\ufeffkitty = cat\r\n\r\nx =\n")
    assert rename_of(lines_of(["a = b", str(file)])) == (("a", "b"), ("kitty", "cat"), ("x", ""))
    write(tmp_path / "odd.txt", b"\xff\xfe\xff")
    for name, words in (("none.txt", "is no text file of class names"), ("odd.txt", "cannot be read as text of UTF-8")):
        with pytest.raises(BadInput, match=words):
            lines_of([str(tmp_path / name)])


def test_images_of_several_names_are_of_one_class_and_others_are_unlabeled(tmp_path: Path) -> None:
    reading = read(pictures(tmp_path, "Cat/1.jpg", "cat/2.jpg", "cat/3.jpg", "dog/4.jpg", "kitty/5.jpg", "blurred/6.jpg"))
    told = rename(reading, rename_of("kitty, Cat = cat\nblurred =\ndog = hound\nbird = dog"))
    assert reading.classes == ("cat", "hound")
    assert labels_of(reading) == {
        "Cat/1.jpg": "cat", "cat/2.jpg": "cat", "cat/3.jpg": "cat", "dog/4.jpg": "hound", "kitty/5.jpg": "cat", "blurred/6.jpg": None
    }  # fmt: skip
    assert told == [
        "'Cat', 'cat' and 'kitty' are one class here, 'cat' (4 images)",
        "'blurred' is left out (1 image): unlabeled here",
        "'dog' is called 'hound' here (1 image)",
    ]
    assert any("no class is called 'bird'" in said for said in reading.warnings)


def test_two_classes_may_change_their_names_with_each_other(tmp_path: Path) -> None:
    reading = read(pictures(tmp_path, "cat/1.jpg", "dog/2.jpg"))
    rename(reading, rename_of("cat = dog\ndog = cat"))
    assert (reading.classes, labels_of(reading)) == (("dog", "cat"), {"cat/1.jpg": "dog", "dog/2.jpg": "cat"})


def test_values_of_masks_are_joined_or_void_and_keep_their_color_and_value(tmp_path: Path) -> None:
    reading = read(camvid(tmp_path, values=[0, 1, 2, 1]))
    before = reading.masks[0].copy()
    assert (reading.classes, before[0].tolist()) == (("sky", "road", "car"), [0, 1, 2, 1])
    rename(reading, rename_of("road, car = ground\nsky ="))
    assert (reading.classes, reading.masks[0][0].tolist()) == (("ground",), [255, 0, 0, 0])
    assert reading.colors == ((9, 9, 9),)
    assert list(reading.naming["values"]) == [1]


def test_answers_are_counted_by_their_new_names(tmp_path: Path) -> None:
    def said(who: int, name: str) -> dict[str, Any]:
        return {"completed_by": who, "result": [{"id": "r", "from_name": "x", "type": "choices", "value": {"choices": [name]}}]}

    pictures(tmp_path, "a.jpg", "b.jpg")
    tasks = [
        {"data": {"image": "a.jpg"}, "annotations": [said(1, "cat"), said(2, "kitty"), said(3, "dog"), said(4, "dog")]},
        {"data": {"image": "b.jpg"}, "annotations": [said(1, "cat"), said(2, "junk")]},
    ]
    write(tmp_path / "x.json", json.dumps(tasks))
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "dog", "b.jpg": None}
    assert any(said.startswith("1 image has as many") for said in reading.warnings)
    rename(reading, rename_of("kitty = cat\njunk ="))
    assert labels_of(reading) == {"a.jpg": None, "b.jpg": "cat"}
    assert reading.answers[1] == [Answer("user 1", "cat")]
    assert sum(said.startswith("1 image has as many") for said in reading.warnings) == 1


def test_it_is_seen_before_it_is_acted_on_and_kept_for_the_next_reading(tmp_path: Path, workspace: Workspace) -> None:
    source = pictures(tmp_path / "set", *(f"{name}/{at}.png" for name in ("cat", "kitty", "dog") for at in range(4)))
    seen = preview(ImportRequest.of(source, {"rename": ["kitty = cat"]}))
    assert (seen.classes, seen.counts) == (("cat", "dog"), {"cat": 8, "dog": 4})
    assert seen.notes[0] == "'cat' and 'kitty' are one class here, 'cat' (8 images)"
    project = Project.import_into(workspace, "renamed", source, rename="kitty = cat", truth="labels", hold_out=0.0)
    assert (project.classes, project.counts()["labels"]) == (("cat", "dog"), {"cat": 8, "dog": 4})
    pictures(source, "kitty/new.png")
    project.refresh()
    assert (project.classes, project.counts()["labels"]) == (("cat", "dog"), {"cat": 9, "dog": 4})


def test_a_project_of_masks_is_read_again_with_its_joined_values(tmp_path: Path, workspace: Workspace) -> None:
    source = camvid(tmp_path / "set", values=[0, 1, 2, 1])
    project = Project.import_into(workspace, "joined", source, rename={"car": "road"}, truth="labels", hold_out=0.0)
    (item,) = project.items.labeled()
    assert (project.classes, project.masks.load(item["label"])[0].tolist()) == (("sky", "road"), [0, 1, 1, 1])
    project.refresh()
    assert np.array_equal(project.masks.load(project.items.labeled()[0]["label"])[0], [0, 1, 1, 1])


def test_the_command_line_takes_lines_and_a_file_and_says_first_what_they_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = pictures(tmp_path / "set", *(f"{name}/{at}.png" for name in ("cat", "kitty", "dog") for at in range(3)))
    file = write(tmp_path / "names.txt", "dog = hound\n")
    assert main(["import", str(source), "--dry-run", "--json", "--rename", "kitty = cat", "--rename", str(file)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"] == ["cat", "hound"]
    assert told["warnings"][:2] == ["'cat' and 'kitty' are one class here, 'cat' (6 images)", "'dog' is called 'hound' here (3 images)"]
    assert main(["import", str(source), "--dry-run", "--rename", "kitty"]) == 2
    assert capsys.readouterr().err == (
        "alcore: 'kitty' is no text file of class names: write the names, =, and their class, as in: kitty, Cat = cat, or name a file of such lines\n"
    )


def test_names_that_may_be_one_are_pointed_at() -> None:
    assert alike(["cat", "dog", "hot dog", "1", "2"]) == []
    assert alike(["Cat", "cat", "hot-dog", "hot dog"]) == [
        "'Cat' and 'cat' differ in capitals, blanks or dashes alone; so does 1 other group: if they are one class, rename cat = Cat"
    ]
