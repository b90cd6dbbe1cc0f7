"""What names of classes mean: worked by hand, and against classes that are followed as objects."""

from __future__ import annotations

import pytest

from alcore.storage.lineage import Change, Lineage


def change(id: int, kind: str, name: str, value, after: int) -> Change:
    return Change(id, kind, name, value, None, after, "ann", 0.0)


def test_a_name_is_followed_from_when_it_was_said():
    of = Lineage(
        [change(1, "rename", "frock", "dress", 10), change(2, "merge", "dress", "clothes", 20), change(3, "add", "dress", None, 20)]
    )
    assert [of.today("frock", event) for event in (1, 10, 11)] == ["clothes", "clothes", "frock"]
    assert [of.today("dress", event) for event in (15, 20, 21)] == ["clothes", "clothes", "dress"]  # 21 means the new class
    assert of.today(None, 3) is None
    assert of.since("frock", 0) == "clothes"
    assert of.since("dress", 1) == "clothes"
    assert of.since("dress", 2) == "dress"


def test_a_class_that_was_taken_away_is_nobodys():
    of = Lineage([change(4, "rename", "a", "b", 3), change(5, "remove", "b", None, 7)])
    assert (of.today("a", 2), of.today("b", 5), of.today("b", 8)) == (None, None, "b")


def test_what_is_taken_back_never_was():
    of = Lineage([change(1, "merge", "a", "b", 5), change(2, "rename", "b", "c", 6), change(3, "undo", "a", 1, 9)])
    assert (of.today("a", 5), of.today("b", 5), of.taken_back) == ("a", "c", {1})
    assert bool(of)
    assert not Lineage([change(1, "merge", "a", "b", 5), change(2, "undo", "a", 1, 9)])


def test_somebody_who_has_not_heard_means_what_the_class_became():
    of = Lineage([change(1, "rename", "a", "b", 5), change(2, "merge", "b", "c", 6), change(3, "remove", "d", None, 6)])
    assert of.meant("a", ("c",)) == "c"
    assert of.meant("a", ("c", "a")) == "a"  # there is a class of that name again
    assert of.meant("d", ("c",)) is None
    assert of.meant("never", ("c",)) is None


@pytest.mark.parametrize(("at", "names"), [(0, {"a"}), (1, {"a", "b"}), (2, {"a", "b", "c", "x"})])
def test_every_name_under_which_the_journal_speaks_of_a_class(at, names):
    changes = [change(1, "rename", "a", "b", 5), change(2, "rename", "b", "c", 6), change(3, "merge", "c", "d", 9)]
    changes.insert(2, change(2, "merge", "x", "c", 7))
    of = Lineage(sorted(changes, key=lambda one: one.id))
    asked = [one for one in of.changes if one.kind == "rename" or one.name == "c"][at]
    assert of.names_before(asked) == names
