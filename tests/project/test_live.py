"""Live rounds: begun by themselves where they are due, one at a time, nothing asked twice and nothing lost, whatever happens meanwhile."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from alcore.errors import BadInput, Busy
from alcore.jobs.runner import JobRunner
from alcore.project import labeling, live, loop, slices
from alcore.project.facade import Project, Workspace
from alcore.project.features import Features
from alcore.project.place import Place
from alcore.project.stored import stored
from tests.project.sliced import say
from tests.project.timed import wait


def jobs(of: Project) -> list[str]:
    return [job.state for job in of.place.job_rows.jobs(of.name) if job.kind == "round"]


def shuffled(of: Project) -> list[int]:
    """The unlabeled items of the pool, classes among each other."""
    return [int(i) for i in np.random.default_rng(0).permutation(of.pool().unlabeled)]


def settled(of: Project, rounds: int) -> None:
    """Until so many rounds with a model are there and nothing is on its way."""
    wait(lambda: sum(not r.start for r in of.rounds()) >= rounds and "running" not in jobs(of) and "queued" not in jobs(of))


# ---- what is chosen


def test_photos_learn_unless_somebody_says_otherwise_and_others_do_not(photos, project):
    assert live.settings(photos) == live.Settings(True, 10)
    assert live.settings(project).on is False
    live.choose(photos, False)
    assert live.settings(photos) == live.Settings(False, 10)
    live.choose(photos, True, 25)
    photos.refresh()
    assert live.settings(photos) == live.Settings(True, 25)  # reading the source again forgets nothing
    for every in (0, 1001):
        with pytest.raises(BadInput, match="use 1 to 1000"):
            live.choose(photos, True, every)
    with pytest.raises(BadInput, match="only rounds on pretrained features"):
        live.choose(project, True)


# ---- when a round begins


def test_a_round_begins_after_every_few_labels_of_the_pool(learning):
    ids = shuffled(learning)
    say(learning, ids[:4])
    assert not learning.workspace.live._look(learning)
    assert jobs(learning) == []
    say(learning, ids[4:5])
    learning.workspace.live.answered(learning.name)
    settled(learning, 1)
    assert learning.round().labeled == 5
    assert [job.title for job in learning.place.job_rows.jobs(learning.name)] == ["Learning from 5 labels"]
    say(learning, ids[5:9])
    learning.workspace.live.answered(learning.name)
    assert not learning.workspace.live._look(learning)
    say(learning, ids[9:10])
    learning.workspace.live.answered(learning.name)
    settled(learning, 2)
    assert [r.labeled for r in learning.rounds()] == [5, 10]


def test_labels_of_the_slice_begin_none(learning):
    drawn = slices.draw(learning, 8).waiting
    say(learning, drawn)
    learning.workspace.live.answered(learning.name)
    assert not learning.workspace.live._look(learning)
    assert jobs(learning) == []


def test_what_was_labeled_while_a_round_ran_counts_for_the_next_one(learning, monkeypatch):
    ids = shuffled(learning)
    begun, go = threading.Event(), threading.Event()
    usual = loop.run

    def slow(*args, **kwargs):
        begun.set()
        assert go.wait(20)
        return usual(*args, **kwargs)

    monkeypatch.setattr(loop, "run", slow)
    say(learning, ids[:5])
    learning.workspace.live.answered(learning.name)
    assert begun.wait(20)
    say(learning, ids[5:16])
    learning.workspace.live.answered(learning.name)
    assert learning.workspace.live._look(learning) is True  # due, and waits
    assert jobs(learning) == ["running"]
    go.set()
    settled(learning, 2)
    assert [r.labeled for r in learning.rounds()] == [5, 16]


def test_labels_of_one_class_wait_for_a_second_one(learning):
    ids = shuffled(learning)
    rows = learning.items.rows(ids)
    one = [i for i in ids if rows[i]["truth"] == "sea"]
    say(learning, one[:6])
    learning.workspace.live.answered(learning.name)
    assert learning.workspace.live._waits(learning.name) is False
    say(learning, [next(i for i in ids if rows[i]["truth"] == "brick")])
    learning.workspace.live.answered(learning.name)
    settled(learning, 1)
    assert learning.round().labeled == 7


def test_a_query_that_is_used_up_is_followed_by_a_round_at_once(learning):
    first = learning.start(3, "random", seed=0)
    say(learning, first.query)
    learning.workspace.live.answered(learning.name)
    settled(learning, 1)
    assert learning.round().labeled == 3


def test_who_has_labeled_everything_while_another_projects_job_runs_gets_more_by_the_same_look(learning, monkeypatch):
    say(learning, learning.start(12, "random", seed=0).query)
    first = learning._round_now(loop.ordered(learning, "margin", 6), report=lambda _: None)
    rest = [i for i in learning.pool().unlabeled.tolist() if i not in first.query]
    with monkeypatch.context() as patched:
        patched.setattr(live, "_held_up", lambda of: True)
        patched.setattr(live, "_at_work", lambda of, kind: kind == "round")
        say(learning, first.query)
        assert learning.workspace.live._look(learning) is True
        more = learning.newest_round()
        assert (more.number, more.strategy, more.params["round"]) == (2, "start:proposed", 1)
        assert set(more.query) <= set(rest)
        assert learning.queries.open().waiting == list(more.query)
        assert learning.workspace.live._look(learning) is True  # there is something to label: no more of it
        assert learning.newest_round().number == 2
        said = labeling.query(learning, 1)["items"][0]["reason"]
        assert "by round 1's look at the pool" in said
        say(learning, more.query)
        assert len(learning.pool().unlabeled) == 0
        assert learning.workspace.live._look(learning) is True  # nothing is left, and nothing is asked for
    numbers = [i for r in learning.rounds() for i in r.query]
    assert len(numbers) == len(set(numbers))


def test_without_a_model_more_is_drawn_at_random(learning, monkeypatch):
    first = learning.start(4, "random", seed=0)
    say(learning, first.query)
    monkeypatch.setattr(live, "_held_up", lambda of: True)
    monkeypatch.setattr(live, "_at_work", lambda of, kind: kind == "round")
    assert learning.workspace.live._look(learning) is True
    assert learning.newest_round().strategy == "start:random"
    assert set(learning.newest_round().query).isdisjoint(first.query)


def test_of_two_processes_that_see_everything_labeled_one_asks_for_more(learning, monkeypatch):
    """Both had looked before either had asked: there were two random queries."""
    first = learning.start(4, "random", seed=0)
    say(learning, first.query)
    monkeypatch.setattr(live, "_held_up", lambda of: True)
    usual, other = loop.start, stored(Place(learning.place.home), learning.name)

    def later(project, *args, **kwargs):
        monkeypatch.setattr(loop, "start", usual)
        live._go_on(other)
        return usual(project, *args, **kwargs)

    monkeypatch.setattr(loop, "start", later)
    live._go_on(learning)
    assert [round_.number for round_ in learning.rounds()] == [0, 1]
    live._go_on(learning)
    assert [round_.number for round_ in learning.rounds()] == [0, 1]
    other.place.close()
    with pytest.raises(Busy, match="round 1 of 'photos' is there already"):
        loop.start(learning, 2, number=1)


def test_it_is_held_up_by_a_running_job_of_another_project_alone(learning):
    rows = learning.place.job_rows
    assert not live._held_up(learning)
    assert live.state(learning)["waits"] is False
    rows.add_job("round", "other", "in the way", {}, "cpu", owner="somebody")
    assert not live._held_up(learning)  # nothing of its own waits
    rows.add_job("round", learning.name, "waits", {}, "cpu")
    assert live._held_up(learning)
    assert live.state(learning)["waits"] is True


def test_switched_off_it_begins_none(learning):
    live.choose(learning, False)
    say(learning, shuffled(learning)[:12])
    assert not learning.workspace.live._look(learning)
    assert jobs(learning) == []


def test_without_features_it_waits_and_with_nothing_left_it_ends(learning, monkeypatch):
    ids = shuffled(learning)
    say(learning, ids[:6])
    with monkeypatch.context() as patched:
        patched.setattr(Features, "done", 0)
        assert learning.workspace.live._look(learning) is False  # nobody makes them: there is nothing to wait for
        learning.place.job_rows.add_job("features", learning.name, "t", {}, "features", owner="somebody")
        assert learning.workspace.live._look(learning) is True
    say(learning, ids[6:])
    assert learning.workspace.live._look(learning) is False
    assert jobs(learning) == []


def test_a_failed_round_is_tried_again_after_as_many_labels_and_the_thread_lives_on(learning, monkeypatch):
    ids = shuffled(learning)
    usual = JobRunner.submit
    monkeypatch.setattr(JobRunner, "submit", lambda *args, **kwargs: 1 / 0)
    say(learning, ids[:5])
    assert learning.workspace.live._waits(learning.name) is False
    monkeypatch.setattr(JobRunner, "submit", usual)
    say(learning, ids[5:10])
    learning.workspace.live.answered(learning.name)
    settled(learning, 1)
    assert learning.round().labeled == 10


def test_a_project_that_is_gone_and_a_closed_workspace_begin_none(workspace: Workspace):
    assert workspace.live._waits("nobody") is False
    begun = workspace.live
    begun.close()
    begun.answered("nobody")
    assert begun._due == set()


# ---- what the labeling page hears


def test_what_is_told_of_it(learning):
    assert live.state(learning) == {
        "on": True,
        "every": 5,
        "labeled": 0,
        "learned": None,
        "learning": False,
        "waits": False,
        "tested": 0,
        "test": 0,
        "accuracy": None,
        "low": False,
        "pace": None,
        "goal": [],
    }
    drawn = slices.draw(learning, 6).waiting
    say(learning, [*drawn[:3], *shuffled(learning)[:8]])
    learning.workspace.live.answered(learning.name)
    settled(learning, 1)
    told = live.state(learning)
    assert (told["labeled"], told["learned"], told["tested"], told["test"], told["low"]) == (11, 8, 3, 6, True)
    assert told["accuracy"] == slices.measured(learning).words()
    assert labeling.changes(learning, 0)["live"] == told
    assert labeling.query(learning, 3)["live"] == told


def test_a_project_that_neither_learns_nor_is_tested_tells_nothing(learning, scenes):
    live.choose(learning, False)
    assert live.state(learning) is None
    assert labeling.query(scenes, 1)["live"] is None
    slices.draw(learning, 4)
    assert live.state(learning)["test"] == 4


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_said_meanwhile_nothing_is_asked_twice_or_lost(learning, seed):
    """Random interleavings of labels, skips, undos and rounds: an open item is one that nobody dealt with, and all of them come."""
    rng = np.random.default_rng(seed)
    slices.draw(learning, 6, seed)
    learning.start(6, "random", seed=seed)
    said: dict[int, str] = {}
    for step in range(60):
        opened = labeling.query(learning, 100)["items"]
        ids = [entry["id"] for entry in opened]
        assert len(set(ids)) == len(ids)
        assert not set(ids) & said.keys()
        what = rng.choice(["label", "label", "label", "undo", "skip", "round"])
        if what in ("label", "skip") and ids:
            one = ids[int(rng.integers(min(3, len(ids))))]
            say(learning, [one], what, f"p{step}")
            said[one] = f"p{step}"
        elif what == "undo" and said:
            one = list(said)[-1]
            say(learning, [one], "undo", said.pop(one))
        elif what == "round":
            learning.workspace.live.answered(learning.name)
            wait(lambda: not learning.workspace.live._due and not live._at_work(learning, "round"))
    standing = learning.items.rows(list(said))
    assert all(row["label"] or row["skipped"] for row in standing.values())
    assert {i for i, row in learning.items.rows(learning.pool().ids.tolist()).items() if row["label"] or row["skipped"]} == set(said)


def test_what_was_answered_to_earlier_rounds_can_be_gone_back_to(learning):
    ids = shuffled(learning)
    for part in (ids[:5], ids[5:10]):
        say(learning, part)
        learning.workspace.live.answered(learning.name)
        settled(learning, len(learning.rounds()) + 1)
    told = labeling.query(learning, 5, done=7)
    assert (told["round"], told["answered"]) == (2, 10)
    assert [entry["id"] for entry in told["done"]] == ids[:10][3:]
    assert [entry["id"] for entry in labeling.query(learning, 5, done=4, skip=7)["done"]] == ids[:3]
    live.choose(learning, False)
    assert labeling.query(learning, 5, done=7)["answered"] == 0  # nothing of the newest query
