"""What is told of each person: labels, pace without pauses, when they were seen, how far they agree; and what counts as independent."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa
from sklearn.metrics import cohen_kappa_score

from alcore.project.people import PAUSE, crew, independent
from alcore.storage.schema import annotation_rows
from alcore.types import Annotation

pytestmark = pytest.mark.both_databases


def say(of, who: str, events: list[tuple], at: float = 0.0, gap: float = 10.0, **more) -> None:
    """Events (item, kind, value), one every few seconds from a time on."""
    client = f"{who}-{len(of.journal.events())}"
    given = [
        Annotation(client, n, int(item), kind, value, **{"ms": 2000, "annotator": who, "replaces": "", **more})
        for n, (item, kind, value) in enumerate(events, 1)
    ]
    assert of.journal.take(given, of.classes).rejected == []
    a = annotation_rows.c
    with of.place.database.write() as conn:
        conn.execute(sa.update(annotation_rows).where(a.client == client).values(created=at + gap * a.seq))


def labels(ids, value: str = "0") -> list[tuple]:
    return [(i, "label", value) for i in ids]


def test_each_person_has_what_they_said_and_did_not_take_back(project):
    ids = project.pool().unlabeled
    say(
        project,
        "ann",
        [*labels(ids[:10]), (ids[10], "skip", None), (ids[11], "flag", None), (ids[9], "undo", None), (ids[8], "label", "1")],
        1e6,
    )
    say(project, "ben", labels(ids[20:23]), 2e6)
    project.label_from_truth(4, seed=0)  # an oracle is nobody
    found = crew(project, now=3e6)
    assert [(p.name, p.labels, p.skipped, p.flags, p.here) for p in found.people] == [("ann", 9, 1, 1, False), ("ben", 3, 0, 0, False)]
    assert [p.seconds for p in found.people] == [2.0, 2.0]
    assert found.people[1].seen == 2e6 + 30
    assert [p.agrees.short for p in found.people] == ["can't tell (0 in common)"] * 2
    assert found.agreement.words() == "ann and ben have no image in common yet."


def test_the_pace_leaves_pauses_of_more_than_five_minutes_out(project):
    ids = project.pool().unlabeled
    say(project, "ann", labels(ids[:11]), 1e6, gap=20.0)
    say(project, "ann", labels(ids[11:22]), 1e6 + 5000, gap=20.0)
    (ann,) = crew(project).people
    assert ann.an_hour == pytest.approx(180.0)
    say(project, "ben", labels(ids[:6]), 1e6, gap=PAUSE)  # five minutes are no pause yet
    say(project, "cleo", labels(ids[:6]), 1e6, gap=PAUSE + 1)
    of = {p.name: p.an_hour for p in crew(project).people}
    assert of["ben"] == pytest.approx(12.0)
    assert of["cleo"] is None


def test_skips_take_time_and_are_no_labels(project):
    ids = project.pool().unlabeled
    say(project, "ann", [(i, "skip" if n % 2 else "label", None if n % 2 else "0") for n, i in enumerate(ids[:21])], 1e6, gap=10.0)
    assert crew(project).people[0].an_hour == pytest.approx(180.0)


def test_agreement_is_on_the_images_that_both_answered_unseen(project):
    ids = project.pool().unlabeled.tolist()
    ann = {i: "01"[n % 2] for n, i in enumerate(ids[:30])}
    ben = {i: "01"[n % 3 == 0] for n, i in enumerate(ids[5:35])}
    say(project, "ann", [(i, "label", v) for i, v in ann.items()], 1e6, opinions=2)
    say(project, "ben", [(i, "label", v) for i, v in ben.items()], 1e6, opinions=2)
    say(project, "cleo", [(i, "label", "2") for i in ids[:30]], 1e6, replaces="0")  # in sight of theirs: no opinion of her own
    both = sorted(ann.keys() & ben.keys())
    found = crew(project)
    assert found.agreement.who == ("ann", "ben")
    assert found.agreement.images == 25
    assert found.agreement.kappa == pytest.approx(cohen_kappa_score([ann[i] for i in both], [ben[i] for i in both]), abs=1e-12)
    assert {p.name: p.agrees and p.agrees.images for p in found.people} == {"ann": 25, "ben": 25, "cleo": None}
    assert found.pairs == ()


def test_pairs_of_more_than_two_people_are_told_those_that_agree_least_first(project):
    ids = project.pool().unlabeled.tolist()
    for who, other in (("ann", 0), ("ben", 3), ("cleo", 20)):
        say(project, who, [(i, "label", "1" if n < other else "0") for n, i in enumerate(ids[:30])], 1e6, opinions=3)
    say(project, "dora", labels(ids[35:38]), 1e6)
    found = crew(project)
    assert [(p.who, round(p.share * 30)) for p in found.pairs] == [(("ann", "cleo"), 10), (("ben", "cleo"), 13), (("ann", "ben"), 27)]
    assert found.agreement.images == 30


def test_who_is_here_and_a_person_alone(project):
    assert crew(project).people == ()
    say(project, "ann", labels(project.pool().unlabeled[:2]), 1e6)
    now = time.time()
    project.presence.beat("w1", "ann", None, now)
    found = crew(project, now)
    assert [(p.here, p.agrees, p.steady, p.an_hour) for p in found.people] == [(True, None, None, None)]
    assert (found.agreement, found.pairs) == (None, ())


def answer(who: str, value: str, saw: str | None = "", opinions: int | None = None) -> tuple:
    return ("label", value, who, 0.0, saw, opinions)


@pytest.mark.parametrize(
    ("standing", "left"),
    [
        ([answer("ann", "a"), answer("ben", "b")], [("ann", "a"), ("ben", "b")]),
        ([answer("ann", "a"), answer("ben", "b", "a")], [("ann", "a")]),
        ([answer("ann", "a"), answer("ann", "b", "a")], [("ann", "b")]),
        ([answer("ann", "a"), answer("ben", "b", "", 2), answer("ann", "b", "a")], [("ann", "a"), ("ben", "b")]),
        ([answer("oracle", "a", None)], []),
        ([("skip", None, "ann", 0.0, "", 2), answer("ben", "b", "", 2)], [("ben", "b")]),
    ],
)
def test_an_answer_in_sight_of_somebody_elses_is_not_independent(standing, left):
    assert independent(standing) == left
