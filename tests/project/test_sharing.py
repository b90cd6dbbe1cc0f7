"""Several people at one project: random interleavings in each mode, what a newcomer gets, what is left alone, and what is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.project import again, classes, labeling, queue, sharing, slices, tables, why
from alcore.project.features import Features
from alcore.project.history import history
from alcore.project.labeling import Window
from alcore.project.sharing import Settings, owner, share
from alcore.project.views import View, found
from alcore.storage.presence import GONE
from alcore.storage.queries import Event
from alcore.types import SLICE, Annotation
from tests.project.crowd import Worker, finish, play
from tests.project.sliced import QUICK

pytestmark = pytest.mark.both_databases

NOW = 1_000_000.0


@pytest.fixture
def many(project):
    """A query of 30 of the 40 images."""
    project.start(30, seed=0)
    return project


# ---- whatever happens, in whatever order


@pytest.mark.sqlite_only
@pytest.mark.parametrize("mode", ["shared", "split", "2", "3"])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_shown_twice_lost_or_starved(many, mode, seed, monkeypatch):
    nothing_is_shown_twice_lost_or_starved(many, mode, seed, monkeypatch)


def test_nor_is_it_on_either_database(project, monkeypatch):
    project.start(10, seed=0)
    nothing_is_shown_twice_lost_or_starved(project, "2", 1, monkeypatch, steps=60)


def nothing_is_shown_twice_lost_or_starved(many, mode, seed, monkeypatch, steps=400):
    if asked_again := seed % 2 == 0:  # with images asked again, soon enough to happen here
        for name, value in (("APART", 3), ("REST", 0.0), ("EVERY", 5)):
            monkeypatch.setattr(again, name, value)
    drawn = set(slices.draw(many, 5, seed).waiting)  # what is to be tested on comes with the rounds
    workers = play(many, mode, seed, steps, asked_again=asked_again)
    undone = {item for one in workers for item in one.undone}
    for one in workers:
        assert {item for item, times in Counter(one.shown).items() if times > 1} <= undone  # only what somebody took back comes again
        assert {item for item, times in Counter(item for item, *_ in one.answered).items() if times > 1} <= one.undone
    every_query = {item for round_ in many.rounds() for item in round_.query}
    assert set(many.round().query).isdisjoint(slices.slice_of(many).waiting)
    assert drawn & every_query
    for one in workers:
        assert len(one.asked_again) == len(set(one.asked_again))
        assert set(one.asked_again) <= {item for item, *_ in one.answered} - drawn
        assert bool(one.asked_again) is asked_again or len(one.answered) < 12
    events = [event for event in many.journal.events() if event["kind"] != SLICE]
    for one in workers:  # whatever was acknowledged and not taken back stands
        standing = many.queries.standing(sorted({item for item, *_ in one.told}))
        for item, kind, value in one.told:
            assert any((e.kind, e.value, e.annotator) == (kind, value, one.name) for e in standing[item])
    assert len({(e["client"], e["seq"]) for e in events}) == len(events) == sum(one.seq for one in workers)
    asked = set(many.round().query)
    assert many.queries.open().waiting == []
    said: dict[int, set[str]] = {}
    for one in workers:
        for item, *_ in one.told:
            said.setdefault(item, set()).add(one.name)
    rows = many.items.rows(sorted(said))
    if mode.isdigit():
        assert all(len(who) >= int(mode) for who in said.values())
        assert all(len(who) == int(mode) for item, who in said.items() if item not in undone)  # and nobody is asked for one too many
        assert many.queries.missing() == 0
        for item, who in said.items():
            votes = Counter(next(v for i, _, v in reversed(one.told) if i == item) for one in workers if one.name in who)
            top = [value for value, n in votes.items() if n == max(votes.values())]
            assert rows[item]["label"] in top or rows[item]["skipped"]
            assert rows[item]["disputed"] == (len(top) > 1)
    elif mode == "split":
        assert all(len(who) == 1 for item, who in said.items() if item not in undone)
    assert asked <= set(said)
    assert many.journal.differences() == 0
    assert many.journal.rebuild() == 0


@pytest.mark.parametrize("mode", ["split", "2"])
def test_who_joins_is_shown_nothing_that_others_are_on(many, mode):
    sharing.choose(many, split=mode == "split", opinions=2 if mode == "2" else 1)
    first = [Worker(many, name, f"w-{name}") for name in ("ann", "ben")]
    for one in first:
        one.fetch()
    on = Counter(entry["id"] for one in first for entry in one.open)
    newcomer = Worker(many, "cleo", "w-cleo")
    newcomer.fetch()
    got = [entry["id"] for entry in newcomer.open]
    assert len(got) == 6
    assert all(on[item] == 0 for item in got)
    assert set(on.values()) == ({1} if mode == "split" else {2})


def test_a_share_stays_its_persons_when_others_come_and_is_taken_over_at_the_end(many):
    sharing.choose(many, split=True)
    ann = Worker(many, "ann", "w-ann")
    ann.fetch()
    before = [entry["id"] for entry in ann.open]
    ben = Worker(many, "ben", "w-ben")
    ben.fetch()
    ann.hear()
    ann.fetch()
    assert [entry["id"] for entry in ann.open][: len(before)] == before  # what she has in hand stays hers
    mine = {item for item in many.queries.open().waiting if owner(item, {"ann", "ben"}) == "ben"}
    assert {entry["id"] for entry in ben.open} <= mine
    finish(many, [ben, ann], np.random.default_rng(0))
    assert {item for item, *_ in ben.told} | {item for item, *_ in ann.told} == set(many.round().query)


def test_an_owner_changes_only_with_who_comes_or_goes():
    of_two = {i: owner(i, {"ann", "ben"}) for i in range(2000)}
    of_three = {i: owner(i, {"ann", "ben", "cleo"}) for i in range(2000)}
    assert all(of_three[i] in (of_two[i], "cleo") for i in of_two)
    assert all(500 < n < 830 for n in Counter(of_three.values()).values())
    assert 900 < Counter(of_two.values())["ann"] < 1100
    crowd = {f"p{n}" for n in range(20)}
    assert set(Counter(owner(i, crowd) for i in range(2000))) == crowd


def test_what_somebody_who_left_had_in_hand_comes_to_the_others(many):
    sharing.choose(many, split=True)
    taken = share(many, None, 30, "ann", "w-ann", NOW)
    assert len(taken.items) == 30
    assert share(many, None, 6, "ben", "w-ben", NOW + GONE - 1).elsewhere == 30
    later = share(many, None, 6, "ben", "w-ben", NOW + GONE)
    assert (later.free, later.elsewhere, len(later.items)) == (30, 0, 6)
    assert many.presence.beat("w-ann", "ann", None, NOW + GONE + 1)  # ann is told that what she had is not hers any more
    assert not many.presence.beat("w-ann", "ann", None, NOW + GONE + 5)
    assert set(share(many, None, 30, "ann", "w-ann", NOW + GONE + 6).items).isdisjoint(later.items)


@pytest.mark.parametrize("mode", ["split", "2"])
def test_two_windows_of_one_person_do_not_show_the_same(many, mode):
    sharing.choose(many, split=mode == "split", opinions=2 if mode == "2" else 1)
    one, two = share(many, None, 6, "ann", "w-1", NOW), share(many, None, 6, "ann", "w-2", NOW)
    assert len(one.items) == len(two.items) == 6
    assert set(one.items).isdisjoint(two.items)
    assert share(many, None, 6, "ann", "w-1", NOW + 1).items == one.items  # asked again, the same is given


@pytest.mark.parametrize("mode", ["split", "2"])
def test_a_window_that_was_loaded_anew_gets_what_the_one_before_had(many, mode):
    sharing.choose(many, split=mode == "split", opinions=2 if mode == "2" else 1)
    assert len(share(many, None, 30, "ann", "w-1", NOW).items) == 30
    again = share(many, None, 6, "ann", "w-2", NOW + 1)  # the server has not heard yet that the first one is closed
    assert (len(again.items), again.elsewhere) == (6, 0)
    many.presence.leave("w-1")
    assert [seat.client for seat in many.presence.seats(NOW + 2)] == ["w-2"]
    assert len(share(many, None, 30, "ben", "w-3", NOW + 2).items) == (24 if mode == "split" else 30)


# ---- several opinions


def say(
    of,
    who: str,
    item: int,
    value: str | None,
    opinions: int | None = 2,
    kind: str = "label",
    replaces: str | None = "",
    seq: int = 1,
    client: str = "",
) -> None:
    name = client or f"t-{who}-{item}-{kind}-{len(of.journal.events())}"
    event = Annotation(name, seq, item, kind, value, ms=900, annotator=who, replaces=replaces, opinions=opinions)
    assert of.journal.take([event], of.classes).acked == [seq]


def test_each_person_sees_an_image_unanswered_until_they_answered_it(many):
    sharing.choose(many, opinions=2)
    ann, ben, cleo = (Window(name, f"w-{name}") for name in ("ann", "ben", "cleo"))
    item = labeling.query(many, 1, window=ann)["items"][0]["id"]
    say(many, "ann", item, "0")
    told = labeling.query(many, 6, done=5, window=ben)
    (entry,) = [entry for entry in told["items"] if entry["id"] == item]
    assert (entry["state"], entry["events"], entry["disputed"], entry["opinions"]) == (
        {"label": None, "skipped": False, "flagged": False},
        [],
        False,
        2,
    )
    assert told["done"] == []
    (change,) = labeling.changes(many, 0, ben)["items"]
    assert (change["events"], change["state"]["label"], change["opinions"]) == ([], None, 2)
    (own,) = labeling.query(many, 0, done=5, window=ann)["done"]
    assert ([e["annotator"] for e in own["events"]], own["state"]["label"], own["opinions"]) == (["ann"], "0", 2)
    assert many.items.row(item)["label"] == "0"  # it trains with one opinion
    say(many, "ben", item, "1")
    assert (many.items.row(item)["disputed"], many.items.row(item)["missing"]) == (True, 0)
    (own,) = labeling.query(many, 0, done=5, window=ann)["done"]
    assert [e["value"] for e in own["events"]] == ["0"]  # hers alone, still
    (reviewed,) = labeling.review(many, 5)["items"]
    assert [(e["annotator"], e["value"]) for e in reviewed["events"]] == [("ann", "0"), ("ben", "1")]
    assert all(e["at"] > 1e9 for e in reviewed["events"])
    assert item not in {entry["id"] for entry in labeling.query(many, 40, window=cleo)["items"]}
    say(many, "cleo", item, "1", None, replaces="0")  # in sight of both
    assert (many.items.row(item)["label"], many.items.row(item)["disputed"]) == ("1", False)
    (own,) = labeling.query(many, 0, done=5, window=ann)["done"]
    assert [e["annotator"] for e in own["events"]] == ["ann", "ben", "cleo"]


def test_the_page_of_all_images_keeps_others_opinions_too_until_ones_own_is_given(many):
    sharing.choose(many, opinions=2)
    item = labeling.query(many, 1, window=Window("ann", "w-ann"))["items"][0]["id"]
    say(many, "ann", item, "0")

    def told(who: str | None) -> tuple[int, bool, list[str], str | None]:
        of, _, _ = found(many, View(), who)
        (at,) = of.places(np.array([item])).tolist()
        shown = history(many, item, who)
        labeled = item in of.ids[found(many, View(state=("labeled",)), who)[2]].tolist()
        return int(of.labels[at]), labeled, [event["annotator"] for event in shown["events"]], shown["item"]["state"]["label"]

    def shown(who: str) -> set[int]:
        return {one["id"] for one in classes.examples(many, "0", 100, who)["images"]}

    assert (item in shown("ann"), item in shown("ben")) == (True, False)
    assert queue.item(many, item, "ben")["state"]["label"] is None
    assert queue.item(many, item, "ann")["state"]["label"] == queue.item(many, item)["state"]["label"] == "0"
    whole = (0, True, ["ann"], "0")
    assert (told("ann"), told(None)) == (whole, whole)
    assert told("ben") == (-1, False, [], None)
    say(many, "ben", item, "0")
    assert told("ben") == told("cleo") == (0, True, ["ann", "ben"], "0")
    other = many.pool().unlabeled[:1].tolist()[0]
    say(many, "cleo", other, "1", None)
    assert found(many, View(answered=2))[0].ids[found(many, View(answered=2))[2]].tolist() == [item]
    say(many, "ben", item, None, kind="undo")
    assert found(many, View(answered=2))[2].tolist() == []


def test_the_map_and_the_neighbors_keep_them_too(photos, monkeypatch):
    sharing.choose(photos, opinions=2)
    Features(photos).complete("cpu")
    photos.label_from_truth(12, seed=0)
    round_ = photos.run_round("margin", 4, 0, "cpu", train=QUICK, report=lambda _: None)
    first, second = photos.pool().unlabeled[:2].tolist()
    label = photos.classes[0]
    say(photos, "ann", first, label)
    ids = tables.column(photos, round_, "id")
    for name in tables.SAID:
        whole = tables.column(photos, round_, name)
        assert tables.column_for(photos, round_, name, "ann").tolist() == whole.tolist()
        assert tables.column_for(photos, round_, name, "ben").tolist() == np.where(ids == first, -1, whole).tolist()
    assert tables.column(photos, round_, "label")[ids == first].tolist() == [0]
    assert tables.column_for(photos, round_, "prediction", "ben").tolist() == tables.column(photos, round_, "prediction").tolist()
    monkeypatch.setattr(why, "NEIGHBORS", 100)
    near = {who: {row["id"] for row in why.why(photos, second, viewer=who)["neighbors"]["rows"]} for who in ("ann", "ben")}
    assert near["ann"] - near["ben"] == {first}
    assert near["ben"]


def test_one_person_alone_is_told_that_second_opinions_are_missing_and_training_goes_on(many):
    sharing.choose(many, opinions=2)
    ann = Worker(many, "ann", "w-ann")
    ann.fetch()
    finish(many, [ann], np.random.default_rng(0))
    told = labeling.query(many, 6, window=ann.window)
    assert (told["items"], told["remaining"], told["free"], told["elsewhere"]) == ([], 0, 0, 30)
    assert (told["total"], labeling.waiting(many)) == (30, 0)
    assert many.items.labeled_count() == 30  # all of them train
    many.start(5, seed=1)
    ben = labeling.query(many, 40, window=Window("ben", "w-ben"))
    assert (ben["remaining"], len(ben["items"])) == (35, 35)  # a newer round does not take away what lacks a second opinion
    assert ben["items"][0]["id"] == ann.told[0][0]


def test_what_was_answered_before_the_choice_stays_as_it_is(many):
    item, other = many.queries.open().waiting[:2]
    say(many, "ann", item, "0", None)
    sharing.choose(many, opinions=2)
    told = labeling.query(many, 40, done=5, window=Window("ben", "w-ben"))
    assert item not in {entry["id"] for entry in told["items"]}
    assert [e["value"] for e in told["done"][0]["events"]] == ["0"]
    say(many, "ann", other, "0")
    sharing.choose(many)
    assert other not in {entry["id"] for entry in labeling.query(many, 40, window=Window("ben", "w-ben"))["items"]}


def test_a_name_that_changes_in_an_open_window_gives_no_second_opinion(many):
    sharing.choose(many, opinions=2)
    (item, *_) = share(many, None, 6, "ann", "w-1", NOW).items
    say(many, "ann", item, "0", client="w-1")
    assert item not in share(many, None, 30, "Anna", "w-1", NOW + 1).mine
    assert item in share(many, None, 30, "ben", "w-2", NOW + 1).mine


def test_a_flag_takes_an_image_out_for_everybody_and_an_undo_brings_it_back(many):
    sharing.choose(many, opinions=2)
    (item, *_) = share(many, None, 6, "ann", "w-1", NOW).items
    say(many, "ann", item, "0")
    say(many, "ben", item, None, None, "flag")
    assert item not in share(many, None, 30, "cleo", "w-3", NOW).mine
    say(many, "ben", item, None, None, "undo")
    assert item in share(many, None, 30, "cleo", "w-3", NOW).mine
    assert item not in share(many, None, 30, "ann", "w-1", NOW).mine
    say(many, "ann", item, None, None, "undo")
    assert item in share(many, None, 30, "ann", "w-1", NOW).mine


def event(number: int, who: str, value: str, opinions: int | None = 2, replaces: str | None = "") -> Event:
    return Event(number, "label", value, who, 0, float(number), replaces, opinions)


@pytest.mark.parametrize(
    ("events", "who", "missing", "seen"),
    [
        ([event(1, "ann", "a")], "ben", 1, ([], True)),
        ([event(1, "ann", "a"), event(2, "ben", "b")], "ann", 0, ([1], True)),
        ([event(1, "ann", "a"), event(2, "ben", "b")], "cleo", 0, ([1, 2], False)),
        ([event(1, "ann", "a"), event(2, "ben", "b"), event(3, "cleo", "a", None, "a")], "ann", 0, ([1, 2, 3], False)),
        ([event(1, "ann", "a", None)], "ben", 0, ([1], False)),
        ([], "ben", 0, ([], True)),
    ],
)
def test_what_a_person_sees_of_what_others_said(events, who, missing, seen):
    shown, blind = sharing.seen_by(events, who, missing)
    assert ([e.id for e in shown], blind) == seen


# ---- the choice


def test_a_choice_is_kept_and_what_makes_no_sense_is_refused(project, scenes):
    assert sharing.settings(project) == Settings()
    sharing.choose(project, split=True, again=True)
    assert (sharing.settings(project), sharing.settings(project).mode) == (Settings(True, 1, True), "split")
    sharing.choose(project, split=True, opinions=3)
    assert (sharing.settings(project), sharing.settings(project).mode) == (Settings(False, 3, False), "3")
    for wrong in (0, 10):
        with pytest.raises(BadInput, match=f"{wrong} people cannot answer each image"):
            sharing.choose(project, opinions=wrong)
    for wrong in ({"opinions": 2}, {"again": True}):
        with pytest.raises(BadInput, match="labeled pixel by pixel"):
            sharing.choose(scenes, **wrong)
    sharing.choose(scenes, split=True)
    assert sharing.settings(scenes).mode == "split"


def test_twenty_people_get_each_their_own(many):
    sharing.choose(many, split=True)
    given = [share(many, None, 2, f"p{n}", f"w-{n}", NOW).items for n in range(20)]
    every = [item for items in given for item in items]
    assert len(every) == len(set(every)) == 30  # there are no more
    assert share(many, None, 2, "late", "w-late", NOW).elsewhere == 30
