"""A project as it was when a round began: rebuilt from the journal, the same labels by the same digest, whatever happened since."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from alcore.errors import AlcoreError
from alcore.project import classes, doctor, labeling, past, views
from alcore.project.catalog import LABELED, catalog
from alcore.storage.schema import annotation_rows
from alcore.types import Annotation
from tests.project.sliced import say

pytestmark = pytest.mark.both_databases


def fresh(project):
    return project.workspace.project(project.name)


def test_every_round_of_a_random_history_is_rebuilt_to_the_same_digest(toy, quick):
    """Labels, skips, flags, undos, classes renamed, merged and taken back, in random order, with rounds in between."""
    rng = np.random.default_rng(4)
    ids = toy.snapshot().ids.tolist()
    kept = {}
    for turn in range(5):
        for seq in range(1, 12):
            of = fresh(toy)
            kind = str(rng.choice(["label", "label", "label", "skip", "flag", "undo"]))
            value = str(rng.choice(of.classes)) if kind == "label" else None
            of.journal.take(
                [Annotation(f"t{turn}", seq, int(rng.choice(ids)), kind, value, annotator=str(rng.choice(["ann", "ben"])))], of.classes
            )
        of = fresh(toy)
        if turn == 1:
            classes.rename(of, "0", "zero")
        elif turn == 2:
            classes.merge(of, "1", "2")
        elif turn == 3:
            classes.undo(of, next(c["id"] for c in classes.changes(of) if c["undoable"]))
            classes.add(of, "0")
        round_ = fresh(toy).run_round("margin", 3, turn, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
        kept[round_.number] = (of.items.labels(), {i: (r["skipped"], r["flagged"]) for i, r in of.items.rows(ids).items()})
    for number, (labels, marks) in kept.items():
        found = past.past(fresh(toy), fresh(toy).round(number))
        assert found.as_noted
        assert found.labels == labels
        assert {i: (s["skipped"], s["flagged"]) for i, s in found.states.items()} == {i: m for i, m in marks.items() if i in found.states}
    assert [f for f in doctor.findings(fresh(toy)) if "journal" in f] == []


def test_a_first_query_and_a_round_know_what_was_labeled_before_them(project):
    start = project.start(5, seed=0)
    project.label_query_from_truth()
    assert past.past(project, project.round(start.number)).labels == {}
    assert past.past(project, project.round(start.number)).as_noted


def test_what_was_is_looked_at_like_what_is(toy, quick):
    before = toy.items.labels()
    first = toy.run_round("margin", 4, 0, "cpu", train=quick, report=lambda _: None)
    toy.label_query_from_truth("ben")
    classes.merge(toy, "1", "2")
    toy.run_round("margin", 4, 0, "cpu", train=quick, report=lambda _: None)
    now = fresh(toy)
    of, said, at = views.found(now, views.View(then=first.number, state=("labeled",)))
    assert sorted(of.ids[at].tolist()) == sorted(before)
    as_now = {"1": "2"}
    told = dict(zip(of.ids.tolist(), of.labels.tolist(), strict=True))
    assert {i: now.classes[told[i]] for i in before} == {i: as_now.get(name, name) for i, name in before.items()}
    assert said.number == first.number
    assert catalog(now).states[at].tolist() == [LABELED] * len(at)
    assert "ben" not in {of.people[who] for who in of.annotators[at].tolist()}
    assert views.View.of([("then", "1")]).address() == "then=1"


def test_a_journal_that_was_changed_is_found(toy, quick):
    toy.run_round("margin", 4, 0, "cpu", train=quick, report=lambda _: None)
    with toy.place.database.write() as conn:
        a = annotation_rows.c
        one = conn.scalar(sa.select(sa.func.min(a.id)).where(a.kind == "label"))
        was = conn.scalar(sa.select(a.value).where(a.id == one))
        conn.execute(annotation_rows.update().where(a.id == one).values(value="0" if was != "0" else "1"))
    assert any("the journal gives other labels than round 1 noted when it began" in f for f in doctor.findings(fresh(toy)))


def test_a_round_of_an_older_version_says_that_it_noted_nothing(toy, quick):
    done = toy.run_round("margin", 4, 0, "cpu", train=quick, report=lambda _: None)
    toy.round_rows.update(done.id, event=None, digest=None)
    with pytest.raises(AlcoreError, match="round 1 of 'toy' was stored by an older version, which did not note when it began"):
        views.found(toy, views.View(then=1))
    assert doctor.findings(toy) == []


def test_labels_given_while_a_round_is_frozen_belong_to_the_next(toy, quick):
    """What is noted is of one look at the database: no label slips in between the labels and their digest."""
    free = toy.pool().unlabeled.tolist()
    done = []

    def report(progress):
        if len(done) < 5:
            done.append(progress)
            say(fresh(toy), [free[len(done)]], annotator="other")

    round_ = toy.run_round("margin", 4, 0, "cpu", train=quick, report=report)
    assert past.past(fresh(toy), round_).as_noted
    assert labeling.query(fresh(toy), 5)["round"] == round_.number


def test_masks_are_looked_back_at_too(asked):
    labels = asked.items.labels()
    asked.label_query_from_truth()
    found = past.past(asked, asked.round())
    assert (found.as_noted, found.labels) == (True, labels)
