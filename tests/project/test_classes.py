"""Classes that change while people label: what labels, rounds and exports say of them then."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.project import batches, classes, delivery, history, loop, predictions, queue, slices, tables
from alcore.project.carrying import ProjectModel, export_model
from alcore.project.catalog import catalog, guesses
from alcore.project.facade import Project
from alcore.project.passes import Pass
from alcore.storage.classes import Classes
from alcore.types import Annotation
from tests.project.sliced import QUICK, say

pytestmark = pytest.mark.both_databases

BAD_NAMES = ("", "  ", "a\tb", "x" * 201)


def of_classes(project: Project) -> dict[str, int]:
    return project.counts()["labels"]


def fresh(project: Project) -> Project:
    return project.workspace.project(project.name)


# ---- names


def test_a_renamed_class_is_renamed_wherever_it_stands(toy):
    before, truths = of_classes(toy), toy.counts()["truth"]["pool"]
    ids = [i for i, label in toy.items.labels().items() if label == "2"]
    classes.rename(toy, "2", "two", "ann")
    assert fresh(toy).classes == toy.classes == ("0", "1", "two", "3")
    assert of_classes(toy) == {"two" if name == "2" else name: n for name, n in before.items()}
    assert toy.counts()["truth"]["pool"]["two"] == truths["2"]
    assert {e["value"] for i in ids for e in toy.journal.of_item(i)} == {"two"}
    assert toy.journal.differences() == 0
    assert [c["words"] for c in classes.changes(toy)] == ["renamed “2” to “two”"]


def test_the_hidden_truth_stays_hidden_in_the_names_of_files(toy):
    classes.rename(toy, "2", "two")
    classes.merge(toy, "two", "3")
    shown = {fresh(toy).shown_name(i, path) for i, path in toy.items.paths().items()}
    assert not any(part in name.split("/") for name in shown for part in ("2", "two", "3"))


def test_a_source_that_is_read_again_has_the_names_of_now(toy, write_image):
    classes.rename(toy, "2", "two")
    classes.merge(toy, "3", "two")
    write_image(toy.source / "train" / "2" / "new.png", 2)
    write_image(toy.source / "train" / "4" / "new.png", 1)
    again = fresh(toy)
    again.refresh()
    assert again.classes == ("0", "1", "two", "4")
    assert again.counts()["truth"]["pool"] == {"0": 10, "1": 10, "two": 21, "4": 1}
    classes.undo(again, next(c["id"] for c in classes.changes(again) if "merged" in c["words"]))
    assert again.counts()["truth"]["pool"] == {"0": 10, "1": 10, "two": 11, "3": 10, "4": 1}


def test_merging_and_taking_it_back_keeps_what_was_said_meanwhile(toy):
    labels = toy.items.labels()
    of_two = sorted(i for i, label in labels.items() if label == "2")
    count = classes.merge(toy, "2", "3", "ann")
    assert (count, toy.classes) == (len(of_two), ("0", "1", "3"))
    free = toy.pool().unlabeled[:2].tolist()
    toy.annotate({free[0]: "3"})
    toy.journal.record([Annotation("late", 1, free[1], "label", "2")], toy.classes)  # a page that has not heard
    assert toy.items.labels()[free[1]] == "3"
    classes.undo(toy, classes.changes(toy)[0]["id"], "ben")
    assert toy.classes == ("0", "1", "2", "3")
    assert toy.items.labels() == labels | {free[0]: "3", free[1]: "3"}
    assert toy.journal.differences() == 0
    assert [c["words"] for c in classes.changes(toy)] == ["took back: merged “2” into “3”", "merged “2” into “3”"]
    assert [c["undoable"] for c in classes.changes(toy)] == [False, False]


def test_a_name_that_is_free_again_means_another_class(toy):
    of_two = sorted(i for i, label in toy.items.labels().items() if label == "2")
    classes.rename(toy, "2", "two")
    classes.add(toy, "2")
    new = int(toy.pool().unlabeled[0])
    toy.annotate({new: "2"})
    labels = toy.items.labels()
    assert {labels[i] for i in of_two} == {"two"}
    assert labels[new] == "2"
    assert toy.journal.rebuild() == 0
    with pytest.raises(BadInput, match="there is a class '2' already: merge 'two' into it"):
        classes.undo(toy, next(c["id"] for c in classes.changes(toy) if c["words"].startswith("renamed")))


def test_only_a_class_that_nobody_has_is_deleted(toy):
    classes.add(toy, "spare")
    one = int(toy.pool().unlabeled[0])
    toy.annotate({one: "spare"})
    with pytest.raises(BadInput, match="1 image has the class 'spare': merge it into another one, or label them anew"):
        classes.remove(toy, "spare")
    toy.annotate({one: "1"})
    classes.remove(toy, "spare")
    assert toy.classes == ("0", "1", "2", "3")
    toy.journal.record([Annotation("u", 1, one, "undo", annotator="notebook")])  # what was said before that is of no class any more
    assert toy.items.rows([one])[one]["label"] is None
    with pytest.raises(BadInput, match="'0' is what images of the source came with|images? ha(s|ve) the class '0'"):
        classes.remove(toy, "0")
    classes.undo(toy, classes.changes(toy)[0]["id"])
    assert toy.classes == ("0", "1", "2", "3", "spare")
    assert toy.items.rows([one])[one]["label"] == "spare"
    assert toy.journal.differences() == 0


def test_a_selection_becomes_a_class_of_its_own(toy):
    ids = toy.pool().unlabeled[:5].tolist()
    done = classes.split(toy, ids, "new", "ann", "browser-1")
    assert (done.stored, toy.classes[-1], of_classes(toy)["new"]) == (5, "new", 5)
    batches.take_back(toy, "browser-1", annotator="ann")
    assert "new" not in of_classes(toy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: classes.rename(p, "9", "x"), "'9' is not a class of 'toy': it has 0, 1, 2, 3"),
        (lambda p: classes.rename(p, "1", "2"), "there is a class '2' already: merge '1' into it, or choose another name"),
        (lambda p: classes.merge(p, "1", "1"), "'1' cannot be merged into itself: name another class"),
        (lambda p: classes.merge(p, "1", "9"), "'9' is not a class of 'toy'"),
        (lambda p: classes.remove(p, "9"), "'9' is not a class of 'toy'"),
        (lambda p: classes.arrange(p, ["0", "1"]), "the order must name each class once"),
        (lambda p: classes.arrange(p, ["0", "1", "2", "2"]), "the order must name each class once"),
        (lambda p: classes.describe(p, "1", color="red"), "'red' is no color: write #rrggbb"),
        (lambda p: classes.describe(p, "1", key="s"), "'s' cannot be a key"),
        (lambda p: classes.describe(p, "1", key="ab"), "'ab' cannot be a key"),
        (lambda p: classes.describe(p, "1", about="x" * 1001), "a description of 1,001 characters is too long"),
        (lambda p: classes.undo(p, 77), "there is no such change of the classes to take back"),
        (lambda p: classes.split(p, [], "new", "ann"), "nothing is selected"),
        *((lambda p, name=name: classes.rename(p, "1", name), "class") for name in BAD_NAMES),
        *((lambda p, name=name: classes.add(p, name), "class") for name in BAD_NAMES),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(toy, change, message):
    before = of_classes(toy)
    with pytest.raises(BadInput, match=message):
        change(toy)
    assert (fresh(toy).classes, of_classes(toy), classes.changes(toy)) == (("0", "1", "2", "3"), before, [])


# ---- looks


def test_order_color_key_and_description_are_kept_follow_a_new_name_and_are_taken_back(toy):
    classes.arrange(toy, ["3", "1", "0", "2"], "ann")
    classes.describe(toy, "1", "ann", color="#AA0010", key="q", about=" Long,\n with  sleeves ")
    classes.rename(toy, "1", "one")
    assert classes.told(fresh(toy))[1] == {"name": "one", "color": "#aa0010", "key": "q", "about": "Long, with sleeves"}
    with pytest.raises(BadInput, match="the key 'q' is that of 'one' already"):
        classes.describe(toy, "0", key="q")
    newest = {c["words"]: c["id"] for c in classes.changes(toy)}
    classes.undo(toy, newest["changed color and key and description of “1”"])
    classes.undo(toy, newest["changed the order"])
    classes.undo(toy, newest["renamed “1” to “one”"])
    assert classes.looks(fresh(toy)) == {name: classes.Look() for name in "0123"}
    classes.describe(toy, "1", color="")  # nothing changes, nothing is noted
    assert [c["undoable"] for c in classes.changes(toy)] == [False] * 6  # three changes, and three that took them back


def test_a_class_that_comes_back_has_its_look_and_its_place(toy):
    classes.describe(toy, "1", key="q")
    classes.merge(toy, "1", "2")
    assert "q" not in {look.key for look in classes.looks(toy).values()}
    classes.undo(toy, classes.changes(toy)[0]["id"])
    assert (toy.classes, classes.looks(toy)["1"].key) == (("0", "1", "2", "3"), "q")


# ---- rounds


def test_a_round_is_told_in_todays_classes(toy, quick):
    round_ = toy.run_round("margin", 5, 0, "cpu", train=quick, report=lambda _: None)
    assert round_.classes == ("0", "1", "2", "3")
    item = int(round_.query[0])
    p = dict(zip(toy.classes, toy.files(round_).probabilities([toy.files(round_).position[item]])[0], strict=True))
    classes.rename(toy, "0", "none")
    classes.merge(toy, "1", "2")
    classes.arrange(toy, ["3", "2", "none"])
    now = fresh(toy)
    after = dict(zip(now.classes, now.files(round_).probabilities([now.files(round_).position[item]])[0], strict=True))
    assert after == pytest.approx({"3": p["3"], "2": p["1"] + p["2"], "none": p["0"]}, abs=1e-6)
    told = queue.item(now, item)
    assert [name for name, _ in told["top"]] == sorted(after, key=lambda name: -after[name])
    assert told["draft"] == max(after, key=lambda name: after[name])
    said = guesses(now, catalog(now))
    at = int(catalog(now).places(np.array([item]))[0])
    assert now.classes[said.classes[at]] == told["draft"]
    every, logits = predictions.logits(now, round_)
    assert now.classes[int(logits[every.tolist().index(item)].argmax())] == told["draft"]
    assert history.history(now, item)["item"]["draft"] == told["draft"]
    assert now.scores(round_).set_index("id").loc[item, "prediction"] == told["draft"]


def test_a_class_changed_while_a_round_trains_is_the_next_rounds(toy, quick):
    """The round says what it trained with, and is told in the names of now."""
    changed = []

    def report(progress):
        if progress.stage.startswith("train") and progress.done and not changed:
            changed.append(1)
            classes.rename(fresh(toy), "0", "zero")
            classes.merge(fresh(toy), "3", "2")
            classes.add(fresh(toy), "new")

    done = toy.run_round("margin", 5, 0, "cpu", train=quick, report=report)
    now = fresh(toy)
    assert (done.classes, now.classes) == (("0", "1", "2", "3"), ("zero", "1", "2", "new"))
    assert now.places(done) == (0, 1, 2, 2)
    assert {name for i in done.query for name, _ in queue.item(now, int(i))["top"]} == {"zero", "1", "2"}
    later = now.run_round("margin", 5, 0, "cpu", train=quick, report=lambda _: None)
    assert (later.classes, now.places(later)) == (("zero", "1", "2", "new"), ())


def test_a_round_that_was_stopped_goes_on_with_the_classes_it_began_with(toy, quick_one, tmp_path):
    order = quick_one("margin")
    frozen = loop._Frozen.now(toy)
    (tmp_path / "work").mkdir()
    frozen.write(tmp_path / "work")
    classes.rename(toy, "0", "zero")
    done = loop.perform_round(fresh(toy), order, tmp_path / "work", lambda _: None)
    assert (done.classes, fresh(toy).places(done)) == (("0", "1", "2", "3"), ())


def test_accuracy_and_what_goes_out_follow_a_merge(guessing, tmp_path):
    drawn = slices.slice_of(guessing)
    labels, before = drawn.labels, delivery.guesses(guessing)
    apart = {int(i): guessing.classes[g] for i, g in zip(before.ids, before.guess, strict=True)}
    classes.merge(guessing, "sea", "grass")
    now = fresh(guessing)
    as_now = {"sea": "grass"}
    measured = slices.measured(now)
    by_sum = {int(i): now.classes[g] for i, g in zip(*_guessed(now), strict=True)}
    assert measured.right == sum(by_sum[i] == as_now.get(label, label) for i, label in labels.items() if i in by_sum)
    frame = delivery.table(now, delivery.guesses(now)).set_index("path")
    paths = now.items.paths()
    for i, guess in by_sum.items():
        assert frame.loc[paths[i], "guess"] == guess
        if apart[i] in ("sea", "grass"):  # the greater of two is not beaten by a third once both are added up
            assert guess == "grass"
    told = export_model(now, tmp_path / "m.onnx")
    assert told["classes"] == list(now.classes) == ["brick", "grass", "sand"]
    assert told["difference"] < 1e-4
    rows = np.random.default_rng(0).integers(0, 256, (2, told["side"], told["side"], 3), dtype=np.uint8)
    assert ProjectModel(now, "cpu")(rows).shape == (2, 3)


def _guessed(project: Project) -> tuple[np.ndarray, np.ndarray]:
    found = delivery.guesses(project)
    return found.ids, found.guess


def test_a_class_younger_than_the_model_that_stands_before_others_is_never_guessed(guessing):
    classes.add(guessing, "snow")
    classes.arrange(guessing, ["snow", "sea", "grass", "brick", "sand"])
    say(guessing, slices.slice_of(guessing).waiting[:1], value="snow")
    found = delivery.guesses(fresh(guessing))
    assert 0 not in found.guess
    assert 0.2 < found.temperature < 20  # a label that the model cannot give says nothing of how sure it may be
    assert found.tested.sum() == 7


# ---- masks


def test_classes_of_masks_are_renamed_and_colored_and_stay_where_they_are(asked):
    name = asked.classes[1]
    classes.rename(asked, name, "other")
    classes.describe(asked, "other", color="#010203")
    now = fresh(asked)
    assert now.classes[1] == "other"
    assert now.colors[1] == (1, 2, 3)
    assert now.places(now.round()) == ()
    for change in (
        lambda: classes.merge(now, "other", now.classes[0]),
        lambda: classes.remove(now, "other"),
        lambda: classes.arrange(now, now.classes[::-1]),
    ):
        with pytest.raises(BadInput, match="classes of masks cannot be (merged|deleted|put in another order)"):
            change()


def test_a_round_without_a_word_of_its_classes_has_those_of_then(toy, quick):
    """Rounds of 0.10 named none; the migration gives them the project's, of which theirs are the first."""
    done = toy.run_round("margin", 5, 0, "cpu", train={**QUICK, **quick}, report=lambda _: None)
    toy.round_rows.update(done.id, classes=[*toy.classes, "later"])
    toy.add_class("later")
    assert fresh(toy).places(toy.round()) == ()
    assert toy.files(toy.round()).logits.shape[1] == 4


def test_what_a_round_looked_at_is_asked_by_its_own_outputs(toy, quick):
    """Targets are outputs of the model: those of merged classes its first, those of classes it does not know left out."""
    toy.run_round("margin", 5, 0, "cpu", train=quick, report=lambda _: None)
    labels = toy.items.labels()
    classes.merge(toy, "3", "1")
    classes.arrange(toy, ["2", "1", "0"])
    classes.add(toy, "new")
    fresh_one = int(toy.pool().unlabeled[0])
    toy.annotate({fresh_one: "new"})
    looked = Pass(fresh(toy), toy.round())
    assert looked.classes == ("0", "1", "2", "3")
    assert looked.outputs.tolist() == [2, 1, 0, -1]
    seen = looked.now(fresh(toy).pool())
    expected = {i: {"0": 0, "1": 1, "2": 2, "3": 1}[name] for i, name in labels.items()}
    places = np.arange(len(looked.files.walked_ids))
    at, targets = looked._with_labels(places, fresh(toy).pool())
    assert dict(zip(looked.files.walked_ids[at].tolist(), targets.tolist(), strict=True)) == expected
    assert len(seen.targets) == len(expected)


def test_a_chosen_color_is_that_of_the_map(toy, quick):
    toy.run_round("margin", 5, 0, "cpu", train=quick, report=lambda _: None)
    assert not any("colors" in column for column in tables.columns(toy, toy.round()))
    classes.describe(toy, "2", color="#123456")
    told = {column["name"]: column.get("colors") for column in tables.columns(fresh(toy), toy.round())}
    assert told["label"] == told["prediction"] == ["", "", "#123456", ""]
    assert told["total"] is None


@pytest.mark.parametrize("kind", ["rename", "arrange", "look", "add", "merge"])
def test_an_undo_that_is_stopped_midway_has_changed_nothing(toy, monkeypatch, kind):
    {
        "rename": lambda: classes.rename(toy, "0", "zero"),
        "arrange": lambda: classes.arrange(toy, ["3", "2", "1", "0"]),
        "look": lambda: classes.describe(toy, "1", key="q"),
        "add": lambda: classes.add(toy, "new"),
        "merge": lambda: classes.merge(toy, "0", "1"),
    }[kind]()
    (change,) = classes.changes(toy)
    before = (fresh(toy).classes, classes.looks(fresh(toy)), toy.items.labels())
    note = Classes.note

    def killed(self, conn, kind, *rest, **more):
        told = note(self, conn, kind, *rest, **more)
        if kind == "undo":
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(Classes, "note", killed)
    with pytest.raises(KeyboardInterrupt):
        classes.undo(fresh(toy), change["id"])
    monkeypatch.setattr(Classes, "note", note)
    assert (fresh(toy).classes, classes.looks(fresh(toy)), toy.items.labels()) == before
    assert classes.changes(fresh(toy)) == [change]
    classes.undo(fresh(toy), change["id"])
    assert fresh(toy).classes == ("0", "1", "2", "3")
    assert toy.journal.differences() == 0


def test_a_notebook_that_was_opened_before_speaks_of_the_same_classes(toy):
    other, one = fresh(toy), toy.pool().unlabeled[:2].tolist()
    classes.rename(other, "0", "zero")
    classes.add(other, "new")
    toy.annotate({one[0]: "0", one[1]: "new"})
    assert [toy.items.labels()[i] for i in one] == ["zero", "new"]
    with pytest.raises(BadInput, match="not a class of toy: never. Classes are zero, 1, 2, 3, new"):
        toy.annotate({one[0]: "never"})


def test_a_class_is_shown_by_images_that_people_gave_it(toy):
    ids = toy.pool().unlabeled.tolist()
    classes.add(toy, "ring", "ann")
    assert classes.examples(toy, "ring")["images"] == []
    toy.annotate(dict.fromkeys(ids[:11], "ring"))
    classes.describe(toy, "ring", "ann", about="A hole in it")
    disputed = ids[3]
    toy.journal.take([Annotation("ben", 1, disputed, "label", "0", annotator="ben", replaces="")], toy.classes)
    classes.rename(toy, "ring", "hoop", "ann")
    told = classes.examples(toy, "ring")  # of a page that has not heard
    given = [i for i in ids[:11] if i != disputed]
    assert [one["id"] for one in told["images"]] == [given[k] for k in (0, 2, 4, 5, 7, 9)]
    assert (told["name"], told["about"], told["labels"]) == ("hoop", "A hole in it", 10)
    zeros = [i for i, label in toy.items.labels().items() if label == "0" and i != disputed]
    assert [one["id"] for one in classes.examples(toy, "0", 100)["images"]] == sorted(zeros)  # not the hidden truth, not what is disputed
    with pytest.raises(BadInput, match="'fish' is not a class"):
        classes.examples(toy, "fish")
