"""Views against a slow restatement, image by image; addresses there and back; what cannot be is a sentence."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import parse_qsl

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.project import alike, chosen
from alcore.project.features import Features
from alcore.project.views import ORDERS, STATES, View, found
from alcore.types import SPLITS, Annotation


def ids(project, **filters) -> list[int]:
    of, _, at = found(project, View(**filters))
    return of.ids[at].tolist()


@pytest.fixture
def mixed(toy):
    """Every state, three people."""
    rng = np.random.default_rng(5)
    events = []
    for seq, item in enumerate(rng.permutation(toy.pool().unlabeled)[:24].tolist(), 1):
        kind = ["label", "label", "skip", "flag"][seq % 4]
        value = str(rng.choice(toy.classes)) if kind == "label" else None
        events.append(Annotation("m", seq, item, kind, value, annotator=["ann", "ben", "cy"][seq % 3]))
    toy.journal.take(events, toy.classes)
    return toy


def slowly(project, view: View) -> set[int]:
    """The same filters, one image after the other, from the items' rows."""
    rows = {}
    paths = project.items.paths()
    for part in project.items.states(list(paths)):
        for item, split, label, skip, flag, disputed, who, _ in part:
            free = label is None and not skip and not flag
            state = {"unlabeled": free, "labeled": label is not None, "skipped": skip, "flagged": flag, "disputed": disputed}
            rows[item] = (project.shown_name(item, paths[item]), split, label, who, {name for name, so in state.items() if so})

    def passes(path, split, label, who, states) -> bool:
        return (
            (not view.state or bool(states & set(view.state)))
            and (not view.label or (label or "") in view.label)
            and (not view.by or who in view.by)
            and (not view.split or split in view.split)
            and view.text.casefold() in path.casefold()
        )

    return {item for item, row in rows.items() if passes(*row)}


@pytest.mark.parametrize("seed", range(30))
def test_filters_combine_as_they_say(mixed, seed):
    rng = np.random.default_rng(seed)

    def some(values, most=2):
        return tuple(rng.choice(values, int(rng.integers(0, most + 1)), replace=False).tolist())

    view = View(
        state=some(STATES),
        label=some([*mixed.classes, ""]),
        by=some(["ann", "ben", "cy", "oracle"]),
        split=some([s for s in SPLITS if s != "val"]),
        text=str(rng.choice(["", "", "TRAIN", "/2/", "9.png"])),
    )
    assert set(ids(mixed, **{name: getattr(view, name) for name in ("state", "label", "by", "split", "text")})) == slowly(mixed, view)


def test_orders(played):
    everything = sorted(played.snapshot().ids.tolist())
    assert ids(played) == everything
    assert ids(played, back=True) == everything[::-1]
    _, said, _ = found(played, View())
    for order in [name for name in ORDERS if name not in ("similar", "doubt", "iou")] + ["score:total"]:
        one, other = ids(played, order=order), ids(played, order=order, back=True)
        assert sorted(one) == sorted(other) == everything
    of, said, at = found(played, View(order="confidence"))
    values = said.confidence[at]
    there = np.isfinite(values)
    assert there[: there.sum()].all()  # those without one come last
    assert (np.diff(values[: there.sum()]) <= 0).all()
    of, said, at = found(played, View(order="confidence", back=True))
    assert np.isfinite(said.confidence[at][: there.sum()]).all()  # from this end too
    assert (np.diff(said.confidence[at][: there.sum()]) >= 0).all()
    frame = played.scores()
    assert ids(played, order="score:total")[: len(frame)] == frame.sort_values(["total", "id"], ascending=[False, True])["id"].tolist()
    of, _, at = found(played, View(order="time"))
    assert (np.diff(of.changed[at][: int((of.changed > 0).sum())]) <= 0).all()


def test_guesses_confidence_and_rounds_filter(played):
    of, said, _ = found(played, View())
    wanted = played.classes[1]
    assert set(ids(played, guess=(wanted,))) == set(of.ids[said.classes == 1].tolist())
    assert set(ids(played, guess=("",))) == set(of.ids[said.classes == -1].tolist())
    assert set(ids(played, above=0.5, below=0.9)) == set(of.ids[(said.confidence >= 0.5) & (said.confidence <= 0.9)].tolist())
    assert set(ids(played, differs=True)) == set(of.ids[(of.labels >= 0) & (said.classes >= 0) & (of.labels != said.classes)].tolist())
    query = played.round().query
    assert set(ids(played, asked=(played.round().number,))) == set(query)
    first = played.rounds()[0]
    assert set(ids(played, asked=(first.number, played.round().number))) == {*query, *first.query}


def test_a_kept_selection_is_a_filter(toy):
    some = toy.pool().unlabeled[[3, 1, 8]].tolist()
    name = chosen.keep(toy, some)
    assert ids(toy, among=name) == sorted(some)


def test_near_duplicates_and_likeness(photos):
    with pytest.raises(AlcoreError, match="no features to compare"):
        ids(photos, like=(int(photos.pool().unlabeled[0]),), order="similar")
    Features(photos).complete("cpu")
    a = int(photos.pool().unlabeled[0])
    close = alike.groups(photos)
    assert set(ids(photos, alike=True)) == set(close)
    assert set(ids(photos, group=a)) == set(close.get(a, (a,)))
    found_ids, vectors = photos.vectors()
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    to_a = dict(zip(found_ids.tolist(), unit @ unit[found_ids.tolist().index(a)], strict=True))
    order = ids(photos, like=(a,), order="similar")
    values = [to_a[i] for i in order]
    assert order[0] == a or values[0] == pytest.approx(1)
    assert all(x >= y - 1e-3 for x, y in pairwise(values))


def test_addresses_say_the_same_there_and_back():
    view = View(
        state=("labeled", "flagged"), label=("a & b", ""), guess=("ü",), by=("me",), asked=(0, 3), split=("pool",), text="x=1&y",
        above=0.25, below=0.5, differs=True, alike=True, group=7, among="0123456789abcdef", like=(4, 2), order="similar", back=True,
        answered=2,
    )  # fmt: skip
    assert View.of(parse_qsl(view.address(), keep_blank_values=True)) == view
    assert View().address() == ""
    assert View.of([]) == View()


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("colour", "red")], "there is no filter 'colour'"),
        ([("state", "gone")], "state cannot be 'gone': use unlabeled"),
        ([("above", "2")], "above must be a confidence from 0 to 1"),
        ([("above", "x")], "above must be a confidence"),
        ([("asked", "-1")], "asked must be whole numbers"),
        ([("like", "٣")], "like must be whole numbers"),
        ([("order", "beauty")], "order cannot be 'beauty'"),
        ([("order", "similar")], "needs an image to compare with"),
        ([("differs", "0")], "differs cannot be '0'"),
        ([("split", "train")], "split cannot be 'train'"),
    ],
)
def test_what_no_address_says_is_refused(pairs, words):
    with pytest.raises(BadInput, match=words):
        View.of(pairs)


def test_what_a_project_does_not_have_is_refused(toy):
    with pytest.raises(BadInput, match="'red' is not a class"):
        ids(toy, label=("red",))
    with pytest.raises(BadInput, match="no model has said anything"):
        ids(toy, guess=("1",))
    with pytest.raises(BadInput, match="no model has said anything"):
        ids(toy, order="score:entropy")
    with pytest.raises(NotFound, match="no round 9"):
        ids(toy, asked=(9,))
    with pytest.raises(NotFound, match="no item 99999"):
        ids(toy, group=99999)
    with pytest.raises(BadInput, match="is not kept"):
        ids(toy, among="../../etc")


def test_an_unknown_score_names_those_there_are(played):
    with pytest.raises(BadInput, match=r"no score 'beauty': use one of .*entropy"):
        ids(played, order="score:beauty")


def test_masks_have_states_and_no_classes(scenes):
    assert len(ids(scenes, state=("unlabeled",))) == 14
    say_nothing = ids(scenes, order="time")
    assert len(say_nothing) == 14
