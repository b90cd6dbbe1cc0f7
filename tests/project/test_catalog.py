"""The columns of all images follow the journal: what is kept is what reading everything anew gives."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from alcore.naming import natural
from alcore.project import catalog as room
from alcore.project.catalog import DISPUTED, FLAGGED, LABELED, SKIPPED, Catalog, catalog, guesses
from alcore.project.facade import Project
from alcore.project.stored import ROOM
from alcore.storage import items as items_rows
from alcore.types import SLICE, SPLITS, Annotation

pytestmark = pytest.mark.both_databases


def same(one: Catalog, other: Catalog) -> None:
    for field in dataclasses.fields(Catalog):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "names":
            assert list(a.shown) == list(b.shown)
        elif field.name == "people":
            continue  # by the order they were met; compared by name below
        elif field.name == "annotators":
            assert [one.people[k] if k >= 0 else None for k in a] == [other.people[k] if k >= 0 else None for k in b]
        else:
            np.testing.assert_array_equal(a, b)


def anew(project) -> Catalog:
    room._kept.clear()
    return catalog(project)


def test_the_columns_say_what_stands(toy):
    first, second, third, fourth = toy.pool().unlabeled[:4].tolist()
    told = [
        Annotation("a", 1, first, "label", "2", annotator="ann"),
        Annotation("a", 2, second, "skip", annotator="ann"),
        Annotation("a", 3, third, "flag", annotator="ben"),
        Annotation("a", 4, fourth, "label", "0", annotator="ann", replaces=""),
        Annotation("b", 1, fourth, "label", "1", annotator="ben", replaces=""),
    ]
    toy.journal.take(told, toy.classes)
    of = catalog(toy)
    at = of.places(np.array([first, second, third, fourth, 10**9]))
    assert at[4] == -1
    assert of.states[at[:4]].tolist() == [LABELED, SKIPPED, FLAGGED, LABELED | DISPUTED]
    assert of.labels[at[:4]].tolist() == [2, -1, -1, 1]
    assert [of.people[k] for k in of.annotators[at[:4]]] == ["ann", "ann", "ben", "ben"]
    assert len(of) == 56
    assert np.bincount(of.splits, minlength=len(SPLITS)).tolist() == [40, 0, 16, 0, 0]
    assert int((of.states & LABELED > 0).sum()) == 12
    assert of.event == toy.queries.newest_event()
    assert (of.changed > 0).tolist() == (of.states > 0).tolist()


@pytest.mark.parametrize("seed", range(4))
def test_following_the_journal_gives_what_reading_it_anew_gives(toy, seed):
    rng = np.random.default_rng(seed)
    ids = toy.snapshot().ids.tolist()
    catalog(toy)
    for turn in range(12):
        events = []
        for seq in range(1, int(rng.integers(2, 9))):
            kind = str(rng.choice(["label", "skip", "flag", "undo"]))
            value = str(rng.choice(toy.classes)) if kind == "label" else None
            who = str(rng.choice(["ann", "ben", "cy"]))
            events.append(Annotation(f"t{turn}", seq, int(rng.choice(ids)), kind, value, annotator=who))
        toy.journal.take(events, toy.classes)
        followed = catalog(toy)
    same(followed, anew(toy))


def test_many_events_are_followed_in_as_many_looks_as_they_take(toy, monkeypatch):
    monkeypatch.setattr("alcore.storage.queries.CHANGES", 3)
    before = catalog(toy)
    ids = toy.pool().unlabeled[:10].tolist()
    toy.journal.take([Annotation("x", seq, i, "label", "3", annotator="ann") for seq, i in enumerate(ids, 1)], toy.classes)
    followed = catalog(toy)
    assert followed.event == before.event + 10
    assert set(followed.labels[followed.places(np.array(ids))].tolist()) == {3}
    same(followed, anew(toy))


@pytest.mark.parametrize("change", ["nothing", "drawn", "class", "import"])
def test_of_many_images_the_files_hold_what_the_rows_do(toy, monkeypatch, write_image, change):
    monkeypatch.setattr(room, "KEPT_FROM", 10)
    monkeypatch.setattr(items_rows, "KEPT_FROM", 10)
    stale = anew(toy)
    if change == "drawn":
        toy.journal.apart.draw(toy.pool().unlabeled[:3].tolist(), "ann", "drawn", 0)
    elif change == "class":
        toy.add_class("image")  # files that are called so are shown by their number from now on
    elif change == "import":
        write_image(toy.source / "train" / "2" / "brand_new.png", 3)
        toy.refresh()
    items_rows._lying._answers.clear()
    made = anew(toy)
    items_rows._lying._answers.clear()
    kept = anew(toy)
    assert sorted(path.name for path in (toy.folder / ROOM).iterdir()) == ["items.npz", "names.npz"]
    snapshot = list(toy.items.snapshot())
    shutil.rmtree(toy.folder / ROOM)
    items_rows._lying._answers.clear()
    for read in (made, kept):
        same(read, anew(toy))
        assert list(read.names.paths) == [item.path for item in toy.items.pool()]
        assert list(read.names.shown) == [toy.shown_name(item.id, item.path) for item in toy.items.pool()]
    assert snapshot == list(toy.items.snapshot())
    assert (len(stale), len(kept)) == (56, 57 if change == "import" else 56)


def test_a_drawn_image_changes_its_part(toy):
    catalog(toy)
    ids = toy.pool().unlabeled[:3].tolist()
    assert toy.journal.apart.draw(ids, "ann", "drawn", 0)
    of = catalog(toy)
    assert {SPLITS[k] for k in of.splits[of.places(np.array(ids))]} == {SLICE}


def test_a_new_class_and_a_new_import_are_seen(toy, write_image):
    before = catalog(toy)
    toy.add_class("later")
    toy.annotate({int(toy.pool().unlabeled[0]): "later"})
    assert catalog(toy).labels.max() == 4
    write_image(toy.source / "train" / "0" / "new.png", 0)
    toy.refresh()
    assert len(catalog(toy)) == len(before) + 1


def test_names_sort_as_people_sort_them_and_are_found_whatever_their_case(toy):
    names = catalog(toy).names
    shown = [names.shown[at] for at in np.argsort(names.places)]
    assert shown == sorted(names.shown, key=natural)
    assert "train/2/09.png" not in shown  # the folder would tell the hidden truth
    assert names.with_text("TRAIN/").sum() == 40
    assert names.with_text("/2/").sum() == 0


def test_names_tell_the_folder_where_nothing_is_hidden(workspace, digits_source):
    open_ = Project.import_into(workspace, "open", digits_source, truth="labels")
    assert catalog(open_).names.with_text("train/2/").sum() == 10


def test_guesses_are_those_of_the_newest_round(played):
    of, round_ = catalog(played), played.round()
    said = guesses(played, of)
    frame = played.scores(round_).set_index("id")
    for i, row in frame.iterrows():
        at = int(of.places(np.array([i]))[0])
        assert played.classes[said.classes[at]] == row["prediction"]
        assert said.scores["total"][at] == np.float32(row["total"])
        p = played.files(round_).probabilities([played.files(round_).position[i]])[0]
        assert said.confidence[at] == pytest.approx(p.max(), rel=1e-5)
    tested = of.splits == SPLITS.index("test")
    assert (said.classes[tested] == -1).all()
    assert np.isnan(said.scores["total"][tested]).all()
    assert said.number == round_.number


def test_without_a_model_nothing_is_guessed(toy, scenes):
    assert guesses(toy, catalog(toy)) is None
    assert guesses(scenes, catalog(scenes)) is None
    assert catalog(scenes).labels.max() == -1


def test_guesses_stand_beside_their_images_when_one_comes_back_and_another_goes(project, quick):
    """Both times there were as many, with the same last one."""
    project.label_from_truth(12, seed=0)
    project.run_round("entropy", 4, 0, "cpu", train=quick, report=lambda _: None)
    source, paths = project.source, project.items.paths()
    first, later = (project.round().query[k] for k in (0, 1))
    kept = {i: (source / paths[i]).read_bytes() for i in (first, later)}
    expected = {
        i: int(project.files(project.round()).guesses[list(project.files(project.round()).walked_ids).index(i)]) for i in (first, later)
    }
    for gone, there in ((first, later), (later, first)):
        (source / paths[there]).write_bytes(kept[there])
        (source / paths[gone]).unlink()
        project.refresh()
        of = catalog(project)
        said = guesses(project, of)
        assert of.places(np.array([gone, there])).tolist()[0] == -1
        assert said.classes[of.places(np.array([there]))[0]] == expected[there]
        everyone = {int(i): int(k) for i, k in zip(of.ids, said.classes, strict=True) if k >= 0}
        assert set(everyone) <= set(project.files(project.round()).walked_ids.tolist())
