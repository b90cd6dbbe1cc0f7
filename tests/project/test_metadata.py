"""Columns beside a project's images: looked at, kept, replaced, told to pages, filtered and sorted by, and the groups that are held out."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput
from alcore.project import delivery, history, leftovers, listing, metadata, views
from alcore.project.facade import Project
from alcore.project.views import View

HEADING = ("path", "camera", "age", "taken", "shot at")
NOWHERE = ("nowhere.png", "x", "1", "2026-01-01", "")


def rows_of(project: Project) -> list[tuple[str, ...]]:
    """A row an image but for the last: camera x, y or none by turns, age 0, 1, …, a day each."""
    paths = sorted(project.items.paths().values())[:-1]
    return [(path, ("x", "y", "")[at % 3], str(at), f"2026:01:{at % 28 + 1:02d} 12:00:00", f"p{at // 8}") for at, path in enumerate(paths)]


def write(folder: Path, rows, heading=HEADING, name: str = "meta.csv") -> Path:
    with (folder / name).open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([heading, *rows])
    return folder / name


@pytest.fixture
def given(project, tmp_path) -> Project:
    metadata.attach(project, metadata.look(project, write(tmp_path, [*rows_of(project), NOWHERE])))
    return project


def shown(project, address: str) -> list[str]:
    """Paths of a view, in its order."""
    pairs = [tuple(pair.split("=", 1)) for pair in address.split("&")]
    of, _, at = views.found(project, View.of(pairs))
    return [of.names.paths[int(i)] for i in at]


# ---- given


def test_a_look_tells_how_a_table_fits_and_keeps_nothing(project, tmp_path):
    seen = metadata.look(project, write(tmp_path, [*rows_of(project), NOWHERE]))
    assert (seen.images, seen.described, seen.unmatched, seen.strange) == (56, 55, 1, ("nowhere.png",))
    assert seen.words() == "56 rows of meta.csv: 55 of 56 images have one; 1 name no image ('nowhere.png')"
    camera, age, taken, shot = seen.columns
    assert camera == {"name": "camera", "kind": "text", "images": 37, "different": 2, "examples": ["x", "y"]}
    assert (age["kind"], age["different"], age["examples"][:2]) == ("number", 55, ["0", "1"])
    assert (taken["kind"], taken["examples"][0], shot["kind"]) == ("date", "2026-01-01 12:00:00", "text")
    assert metadata.table(project) is None
    assert metadata.aligned(project).told == []


def test_a_table_that_joins_nothing_is_refused_with_both_spellings(project, tmp_path):
    with pytest.raises(
        BadInput, match=r"none of the 1 rows of meta.csv names an image of 'toy': its column 'path' has 'nowhere.png', an image is"
    ):
        metadata.look(project, write(tmp_path, [NOWHERE]))


def test_a_new_table_takes_the_place_of_the_one_before_and_its_file(given, tmp_path):
    (before,) = given.folder.glob("metadata-*")
    metadata.attach(given, metadata.look(given, write(tmp_path, rows_of(given)[:5])))
    (after,) = given.folder.glob("metadata-*")
    assert after != before
    assert int(metadata.aligned(given).column("camera").known.sum()) == 4
    metadata.remove(given)
    assert list(given.folder.glob("metadata-*")) == []
    assert metadata.facts(given, int(given.pool().ids[0])) == []
    with pytest.raises(BadInput, match="this project has no metadata"):
        shown(given, "meta.camera=x")


def test_another_process_sees_the_newest(given, tmp_path):
    other = given.workspace.project(given.name)
    metadata.aligned(other)
    metadata.attach(given, metadata.look(given, write(tmp_path, rows_of(given)[:5])))
    assert int(metadata.aligned(other).column("age").known.sum()) in (5, 55)  # what it remembers, or the newest
    metadata._read.forget(other.folder / other.settings["metadata"]["file"])
    metadata._joined.few = 0
    assert len(metadata.table(other).keys) == 5
    metadata._joined.few = 8


def test_images_that_are_imported_later_get_their_rows(project, tmp_path, digits_source, write_image):
    rows = [*rows_of(project), ("train/0/99.png", "new", "7", "", "")]
    metadata.attach(project, metadata.look(project, write(tmp_path, rows)))
    write_image(digits_source / "train" / "0" / "99.png", 0)
    project.refresh()
    (new,) = shown(project, "meta.camera=new")
    assert new == "train/0/99.png"


def test_a_lost_file_says_what_to_do_and_a_stray_one_is_left_over(given):
    (file,) = given.folder.glob("metadata-*")
    assert leftovers.find(given.place, given, older_than=-1) == []
    stray = given.folder / "metadata-0123456789abcdef.npz"
    stray.write_bytes(b"x")
    assert [left.path for left in leftovers.find(given.place, given, older_than=-1)] == [stray]
    metadata._read.forget(file)
    file.unlink()
    with pytest.raises(AlcoreError, match="the metadata of 'toy' are gone .*: give meta.csv again"):
        metadata.table(given)


def test_a_column_of_classes_is_named_while_the_truth_is_hidden(workspace, make_source, tmp_path):
    animals = Project.import_into(workspace, "animals", make_source(tmp_path / "animals", classes=("ant", "bee", "cat", "dog")))
    rows = [(path, path.split("/")[1], "x") for path in animals.items.paths().values()]
    file = write(tmp_path, rows, ("path", "what", "camera"))
    (note,) = metadata.look(animals, file).notes
    assert note == "'what' holds the names of classes: who labels sees them, though the truth is hidden"
    animals.change_settings(truth="labels")
    assert metadata.look(animals, file).notes == ()


# ---- looked at


def test_views_are_filtered_by_values_bounds_and_what_is_in_them(given):
    everything = {row[0]: row for row in rows_of(given)}
    last = sorted(given.items.paths().values())[-1]
    assert set(shown(given, "meta.camera=x")) == {path for path, row in everything.items() if row[1] == "x"}
    assert set(shown(given, "meta.camera=x&meta.camera=")) == {last, *(path for path, row in everything.items() if row[1] in ("x", ""))}
    assert set(shown(given, "meta.age.from=10&meta.age.to=12")) == {
        path for path, row in everything.items() if row[2] in ("10", "11", "12")
    }
    assert set(shown(given, "meta.age=3&meta.age=4")) == {path for path, row in everything.items() if row[2] in ("3", "4")}
    assert set(shown(given, "meta.taken.from=2026-01-27&meta.taken.to=2026-01-28")) == {
        path for path, row in everything.items() if row[3][8:10] in ("27", "28")
    }
    assert set(shown(given, "meta.shot at.has=P6")) == {path for path, row in everything.items() if row[4] == "p6"}
    assert shown(given, "meta.age=&meta.camera=") == [last]
    assert shown(given, "meta.camera=x&meta.age.from=3&meta.age.to=3&split=pool&split=test") == [list(everything)[3]]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("meta.lens=x", "there is no metadata column 'lens': use one of camera, age, taken, shot at"),
        ("meta.lens.from=3", "there is no metadata column 'lens'"),
        ("meta.age.from=old", "'age' takes a number, not 'old'"),
        ("meta.taken.to=soon", "'taken' takes a date, as 2026-05-31, not 'soon'"),
        ("meta.camera.from=3", "'camera' is text and has no bounds"),
        ("meta.age.has=3", "'age' is no text"),
        ("order=meta:lens", "there is no metadata column 'lens'"),
    ],
)
def test_filters_that_cannot_be_are_told(given, address, said):
    with pytest.raises(BadInput, match=said):
        shown(given, address)


def test_a_column_may_be_called_like_a_bound(project, tmp_path):
    rows = [(path, "a" if at else "b", at) for at, path in enumerate(project.items.paths().values())]
    metadata.attach(project, metadata.look(project, write(tmp_path, rows, ("path", "age.from", "age"))))
    assert len(shown(project, "meta.age.from=b")) == 1
    assert len(shown(project, "meta.age.to=3")) == 4


def test_an_order_by_a_column_begins_with_the_lowest_and_ends_with_those_without(given):
    by_age = shown(given, "order=meta:age")
    assert by_age[:-1] == [row[0] for row in rows_of(given)]
    assert shown(given, "order=meta:age&back=1")[:-1] == by_age[:-1][::-1]
    assert by_age[-1] == shown(given, "order=meta:age&back=1")[-1]
    cameras = [metadata.facts(given, i) for i in given.items.ids_of(shown(given, "order=meta:camera")).values()]
    assert {facts[0] for facts in cameras if facts and facts[0][0] == "camera"} == {("camera", "x"), ("camera", "y")}


def test_an_address_says_filters_on_metadata_as_it_got_them():
    view = View.of([("meta.a b&c", "x=1"), ("meta.a b&c", ""), ("meta.age.from", "3"), ("order", "meta:age"), ("meta.a b&c", "")])
    assert view.meta == (("a b&c", "x=1"), ("a b&c", ""), ("age.from", "3"))
    assert view.address() == "order=meta%3Aage&meta.a+b%26c=x%3D1&meta.a+b%26c=&meta.age.from=3"
    with pytest.raises(BadInput, match="501 filters on metadata are too many"):
        View.of([("meta.a", str(at)) for at in range(501)])


def test_pages_are_told_each_column_with_how_often(given):
    camera, age, taken, _ = metadata.aligned(given).told
    assert camera == {"name": "camera", "kind": "text", "without": 19, "values": [["x", 19], ["y", 18]], "more": 0}
    assert age == {"name": "age", "kind": "number", "without": 1, "low": 0.0, "high": 54.0}
    assert (taken["kind"], taken["high"] - taken["low"]) == ("date", 27 * 86400.0)


def test_of_many_texts_the_most_frequent_are_listed(project, tmp_path, monkeypatch):
    monkeypatch.setattr(metadata, "LISTED", 3)
    rows = [(path, f"c{min(at, 49)}") for at, path in enumerate(project.items.paths().values())]
    metadata.attach(project, metadata.look(project, write(tmp_path, rows, ("path", "c"))))
    (told,) = metadata.aligned(project).told
    assert (told["values"], told["more"]) == ([["c0", 1], ["c1", 1], ["c49", 7]], 47)


def test_an_image_its_view_as_a_table_and_the_every_label_export_carry_it(given, quick):
    path, *_ = rows_of(given)[4]
    item = given.items.ids_of([path])[path]
    expected = [("camera", "y"), ("age", "4"), ("taken", "2026-01-05 12:00:00"), ("shot at", "p0")]
    assert history.history(given, item)["meta"] == expected
    frame = listing.table(given, View(order="name")).set_index("path")
    assert frame.loc[path, ["meta.camera", "meta.age", "meta.taken", "meta.shot at"]].tolist() == ["y", 4.0, "2026-01-05 12:00:00", "p0"]
    assert frame["meta.age"].isna().sum() == 1
    given.label_from_truth(12, seed=0)
    given.run_round("margin", 4, 1, "cpu", train=quick, report=lambda _: None)
    every = delivery.table(given, delivery.guesses(given)).set_index("path")
    assert every.loc[path, ["meta.camera", "meta.age"]].tolist() == ["y", 4.0]
    assert list(every.columns)[:8] == list(delivery.COLUMNS)[1:]


# ---- groups


def test_the_column_of_groups_is_one_there_is(given, tmp_path):
    with pytest.raises(BadInput, match="there is no metadata column 'lens'"):
        metadata.group_by(given, "lens")
    metadata.group_by(given, "shot at")
    assert metadata.grouped_by(given) == "shot at"
    with pytest.raises(BadInput, match="images are held out by 'shot at', which other.csv does not have"):
        metadata.attach(given, metadata.look(given, write(tmp_path, [(p, "1") for p, *_ in rows_of(given)], ("path", "x"), "other.csv")))
    metadata.group_by(given, "")
    assert metadata.grouped_by(given) is None
    metadata.remove(given)
    with pytest.raises(BadInput, match="'toy' has no metadata yet"):
        metadata.group_by(given, "x")


def test_a_column_that_would_leave_nothing_to_train_on_is_refused(project, tmp_path):
    rows = [(path, "one") for path in project.items.paths().values()]
    metadata.attach(project, metadata.look(project, write(tmp_path, rows, ("path", "site"))))
    with pytest.raises(BadInput, match="every image to label shares its 'site' with one that is held out"):
        metadata.group_by(project, "site")
    assert metadata.grouped_by(project) is None


def test_numbers_and_dates_are_groups_too(given):
    for name in ("age", "taken"):
        given.change_settings(group_by=name)
        ids = given.pool().ids
        codes = metadata.groups(given, ids)
        values = metadata.of_items(given, ids).column(name)
        assert (codes >= 0).tolist() == values.known.tolist()
        assert len(np.unique(codes[codes >= 0])) == len(np.unique(values.values[values.known]))
