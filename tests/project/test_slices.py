"""The test slice: drawn from the pool in whole groups, asked for, never trained on, and what a model's accuracy on it is."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput, Busy
from alcore.groups import whole
from alcore.metrics import wilson
from alcore.project import doctor, exporting, labeling, loop, predictions, slices
from alcore.project.facade import Workspace
from alcore.project.features import Features
from alcore.project.slices import Measured, mixed, slice_of
from alcore.storage.apart import Apart
from alcore.storage.database import Database
from tests.project.photos import POOL
from tests.project.sliced import QUICK, grouped, say

SHOWN = 40  # photos of the pool, none like another


# ---- drawing


def test_images_are_drawn_from_the_pool_and_the_same_with_a_seed(apart):
    pool = set(apart.pool().unlabeled.tolist())
    drawn = slices.draw(apart, 8, seed=3)
    assert (drawn.drawn, drawn.labels, len(drawn.waiting)) == (8, {}, 8)
    assert set(drawn.waiting) < pool
    assert apart.counts()["splits"] == {"pool": SHOWN - 8, "test": 16, "slice": 8}
    assert set(apart.pool().unlabeled.tolist()) == pool - set(drawn.waiting)
    expected = np.flatnonzero(np.isin(np.arange(SHOWN), np.random.default_rng(3).permutation(SHOWN)[:8]))
    assert list(drawn.waiting) == [sorted(pool)[at] for at in expected]


def test_more_may_be_drawn_later_and_nothing_is_put_back(apart):
    first = set(slices.draw(apart, 4, seed=0).waiting)
    assert slices.draw(apart, 4, seed=1) == slice_of(apart)
    assert set(slices.draw(apart, 10, seed=1).waiting) > first
    assert slices.draw(apart, 0).drawn == 10


@pytest.mark.parametrize(("n", "told"), [(-1, "use 0 to 500"), (501, "use 0 to 500"), (21, "Use at most 20")])
def test_a_slice_that_cannot_be_is_refused(apart, n, told):
    with pytest.raises(BadInput, match=told):
        slices.draw(apart, n)
    assert slice_of(apart).drawn == 0


def test_masks_have_none(scenes):
    with pytest.raises(AlcoreError, match="pixel by pixel"):
        slices.draw(scenes, 2)


def test_groups_are_drawn_whole_and_one_that_is_too_large_stays(apart, monkeypatch):
    ids = apart.pool().unlabeled.tolist()
    series = dict.fromkeys(ids[:12], ids[0]) | dict.fromkeys(ids[12:15], ids[12]) | dict.fromkeys(ids[15:18], ids[15])
    grouped(monkeypatch, series)
    met = set()
    for seed in range(12):
        chosen = set(whole(np.array([series.get(i, i) for i in ids]), 8, seed).tolist())
        assert len(chosen) == 8
        assert not chosen & set(range(12))  # twelve do not fit into eight
        for group in (range(12, 15), range(15, 18)):
            assert len(chosen & set(group)) in (0, 3)
            met.add(len(chosen & set(group)))
    assert met == {0, 3}


def test_every_image_is_as_likely_as_any_other():
    groups = np.array([0, 0, 0, *range(1, 28)])
    drawn = [whole(groups, 10, seed) for seed in range(3000)]
    often = np.bincount(np.concatenate(drawn), minlength=30) / 3000
    assert np.abs(often - 1 / 3).max() < 0.06  # the series of three a little less often: it may not fit at the end
    assert {len(one) for one in drawn} == {10}


def test_near_duplicates_of_what_anybody_answered_are_not_drawn(apart, monkeypatch):
    ids = apart.pool().unlabeled.tolist()
    grouped(monkeypatch, dict.fromkeys(ids[:5], ids[0]) | dict.fromkeys(ids[5:10], ids[5]))
    say(apart, ids[:1])
    say(apart, ids[9:10], "skip")
    assert not set(slices.draw(apart, 17).waiting) & {*ids[:5], ids[9]}


# ---- what the journal and the source make of it


def test_the_journal_tells_who_was_drawn_and_doctor_follows_it(apart, workspace: Database):
    drawn = slices.draw(apart, 6).waiting
    told = [(e["item_id"], e["kind"], e["value"], e["annotator"]) for e in apart.journal.events()]
    assert told == [(i, "slice", None, "alcore") for i in drawn]
    assert doctor.examine(apart, rebuild=False) == []
    with apart.place.database.write() as conn:
        conn.exec_driver_sql("UPDATE items SET split = 'pool' WHERE split = 'slice'")
    (wrong,) = doctor.examine(apart, rebuild=False)
    assert "6 current labels do not follow from the journal" in wrong
    (mended,) = doctor.examine(apart, rebuild=True)
    assert "6 current labels differed" in mended
    assert slice_of(apart).waiting == drawn


def test_reading_the_source_again_leaves_it_as_it_is(apart):
    drawn = slices.draw(apart, 6).waiting
    say(apart, drawn[:2])
    apart.refresh()
    assert slice_of(apart).waiting == drawn[2:]


def test_nobody_takes_the_drawing_back(apart):
    (one, *_) = slices.draw(apart, 6).waiting
    say(apart, [one], "undo", "alcore")
    say(apart, [one], "label")
    say(apart, [one], "undo")
    assert one in slice_of(apart).waiting
    assert apart.queries.standing([one]) == {one: []}


# ---- trained and tested on


def test_nothing_of_it_is_trained_on_or_asked_for_by_a_model(apart):
    drawn = slices.draw(apart, 10).waiting
    apart.label_from_truth(12, seed=0)
    say(apart, drawn[:6])
    pool = apart.pool()
    assert not set(drawn) & {*pool.labeled.tolist(), *pool.unlabeled.tolist()}
    assert set(drawn[:6]) < set(pool.test.tolist())
    assert not set(drawn[6:]) & set(pool.test.tolist())  # its hidden truth says nothing before a person has
    done = apart.run_round("margin", 6, 1, "cpu", train=QUICK, report=lambda _: None)
    assert done.labeled == 12
    assert not set(apart.files(done).ids.tolist()) & set(drawn)


def test_a_skipped_image_neither_waits_nor_counts(apart):
    drawn = slices.draw(apart, 4).waiting
    say(apart, drawn[:1], "skip")
    say(apart, drawn[1:2], "flag")
    assert slice_of(apart).waiting == drawn[2:]
    assert slice_of(apart).labels == {}


@pytest.mark.parametrize("labeled_before", [False, True])
def test_a_near_duplicate_of_what_is_tested_on_is_not_trained_on_whenever_it_came(apart, monkeypatch, labeled_before):
    drawn = slices.draw(apart, 5).waiting
    twin, other = apart.pool().unlabeled[:2].tolist()
    apart.label_from_truth(20, seed=1)
    if labeled_before and twin not in apart.items.labels():
        say(apart, [twin])
    if not labeled_before and twin in apart.items.labels():
        say(apart, [twin], "undo", "oracle")
    grouped(monkeypatch, {twin: drawn[2]})
    found = Features(apart)
    before = apart.pool()
    after = slices.kept_apart(apart, before, found)
    everybody = {*after.labeled.tolist(), *after.unlabeled.tolist()}
    assert everybody == {*before.labeled.tolist(), *before.unlabeled.tolist()} - {twin}
    assert len(after.labeled) == len(after.targets) == len(before.labeled) - labeled_before
    assert other in everybody
    done = apart.run_round("margin", 5, 1, "cpu", train=QUICK, report=lambda _: None)
    assert twin not in apart.files(done).walked_ids.tolist()


def test_every_fifth_image_that_is_asked_is_one_to_be_tested_on():
    assert mixed(range(1, 11), [101, 102, 103]) == [1, 2, 3, 4, 101, 5, 6, 7, 8, 102, 9, 10]
    assert mixed(range(1, 4), [101]) == [1, 2, 3]
    assert mixed(range(3), []) == [0, 1, 2]
    assert mixed([], [7]) == []
    assert mixed(range(1, 6), [101, 102, 103], last=True) == [1, 2, 3, 4, 101, 5, 102, 103]


def test_rounds_and_starts_ask_for_it_among_the_others_or_before_them(apart):
    drawn = slices.draw(apart, 5).waiting
    begun = loop.start(apart, 8, "random", 0)
    assert [at for at, i in enumerate(begun.query) if i in drawn] == [4, 9]
    assert len(begun.query) == 10
    first = loop.start(apart, 8, "random", 0, slice_first=True)
    assert first.query[:5] == drawn
    shown = labeling.query(apart, 20)["items"]
    assert [entry["test"] for entry in shown] == [True] * 5 + [False] * 8
    apart.label_from_truth(8, seed=0)
    done = apart.run_round("margin", 8, 1, "cpu", train=QUICK, report=lambda _: None)
    assert [at for at, i in enumerate(done.query) if i in drawn] == [4, 9]
    (entry,) = [one for one in labeling.query(apart, 20)["items"] if one["id"] == done.query[4]]
    assert (entry["test"], entry["draft"], entry["top"], entry["scores"], entry["rank"]) == (True, None, [], {}, None)
    assert "nothing learns from it" in entry["reason"]


# ---- how right a model is


def test_accuracy_follows_the_labels_of_the_slice(apart):
    drawn = slices.draw(apart, 10).waiting
    assert slices.measured(apart) is None
    say(apart, drawn[:4])
    assert slices.measured(apart) is None  # no model yet
    apart.label_from_truth(16, seed=0)
    done = apart.run_round("margin", 5, 1, "cpu", train=QUICK, report=lambda _: None)
    ids, logits = predictions.logits(apart, done, drawn)
    guess = dict(zip(ids.tolist(), [apart.classes[k] for k in logits.argmax(1)], strict=True))
    truth = {i: row["truth"] for i, row in apart.items.rows(drawn).items()}
    assert slices.measured(apart) == Measured(sum(guess[i] == truth[i] for i in drawn[:4]), 4)
    wrong = next(c for c in apart.classes if c != guess[drawn[4]])
    say(apart, drawn[4:5], value=wrong)
    assert slices.measured(apart) == Measured(sum(guess[i] == truth[i] for i in drawn[:4]), 5)


def test_an_accuracy_is_told_with_its_interval():
    found = Measured(84, 100)
    low, high = wilson(0.84, 100)
    assert found.interval == (low, high)
    assert found.words() == "84 % right on 100 test images (76 to 90)"
    assert Measured(1, 1).words() == "100 % right on 1 test image (21 to 100)"
    assert (found.says_little, Measured(29, 29).says_little, Measured(0, 30).says_little) == (False, True, False)


# ---- out


def test_an_export_has_what_people_said_of_it_as_test_images(apart, tmp_path):
    drawn = slices.draw(apart, 6).waiting
    say(apart, drawn[:2])
    say(apart, apart.pool().unlabeled[:3].tolist())
    told = exporting.export(apart, "csv", tmp_path / "out.csv")
    assert told["splits"] == {"train": 3, "test": 16 + 2}  # the hidden truth of the other four does not go out


def test_fewer_photos_than_a_slice_wants(apart):
    say(apart, apart.pool().unlabeled[: 4 * POOL - 3].tolist())
    with pytest.raises(BadInput, match="of 3 unlabeled ones 3 could be drawn"):
        slices.draw(apart, 3)
    assert slices.draw(apart, 1).drawn == 1


def test_two_that_draw_at_once_draw_what_one_would(apart, monkeypatch):
    """The second chooses while the first has chosen and not yet drawn: it chooses again, and finds nothing left to do."""
    other = Workspace(apart.workspace.home)
    draw, begun = Apart.draw, []

    def late(self, ids, annotator, client, before):
        if not begun:
            begun.append(True)
            slices.draw(other.project(apart.name), 8, seed=5)
        return draw(self, ids, annotator, client, before)

    monkeypatch.setattr(Apart, "draw", late)
    assert slices.draw(apart, 8, seed=1).drawn == 8
    assert len(apart.items.slice()) == sum(event["kind"] == "slice" for event in apart.journal.events()) == 8
    other.close()


def test_an_image_labeled_while_it_is_drawn_stays_in_the_pool(apart, monkeypatch):
    draw, chosen = Apart.draw, []

    def late(self, ids, annotator, client, before):
        if not chosen:
            chosen.extend(ids)
            say(apart, ids[:1])
        return draw(self, ids, annotator, client, before)

    monkeypatch.setattr(Apart, "draw", late)
    assert slices.draw(apart, 8, seed=1).drawn == 8
    assert chosen[0] in apart.pool().labeled.tolist()
    assert chosen[0] not in [i for i, _, _ in apart.items.slice()]


def test_who_never_gets_to_draw_is_told(apart, monkeypatch):
    monkeypatch.setattr(Apart, "draw", lambda *given: False)
    with pytest.raises(Busy, match="at this moment: try again"):
        slices.draw(apart, 8)
