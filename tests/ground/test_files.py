"""Files that appear whole or not at all, what killed work leaves, and who is at work."""

from __future__ import annotations

import os

import numpy as np
import pytest

from alcore.files import PART, alone_in, at_work, hold, kept_columns, let_go, made_beside, part_of, written_whole


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "a.npy"
    with written_whole(path, lasting=True) as file:
        file.write(b"old")
    with pytest.raises(KeyError), written_whole(path) as file:
        file.write(b"new")
        assert [bool(PART.fullmatch(p.name)) for p in sorted(path.parent.iterdir())] == [True, False]
        raise KeyError
    assert [p.name for p in path.parent.iterdir()] == ["a.npy"]
    assert path.read_bytes() == b"old"
    assert PART.fullmatch(part_of(path).name)


def test_what_fails_while_it_is_made_leaves_what_was_there(tmp_path):
    out = tmp_path / "out"
    out.write_text("old")
    with pytest.raises(ZeroDivisionError), made_beside(out) as made:
        made.write_text("half")
        raise ZeroDivisionError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out": "old"}
    with made_beside(out) as made:
        made.write_text("new")
        assert out.read_text() == "old"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out": "new"}


def test_columns_are_read_from_their_file_until_their_state_is_another(tmp_path):
    path, made = tmp_path / "kept" / "a.npz", []

    def make():
        made.append(1)
        return {"ids": np.arange(3) * len(made), "names": np.array(["a", "bc"])}

    for state, ids in (("1", [0, 1, 2]), ("1", [0, 1, 2]), ("2", [0, 2, 4]), ("2", [0, 2, 4]), ("1", [0, 3, 6])):
        found = kept_columns(path, state, make)
        assert (found["ids"].tolist(), found["names"].tolist(), sorted(found)) == (ids, ["a", "bc"], ["ids", "names"])
    assert len(made) == 3


@pytest.mark.parametrize("damaged", [b"", b"no archive", None])
def test_columns_whose_file_is_damaged_or_cannot_be_written_are_made_anew(tmp_path, damaged):
    path, made = tmp_path / "a.npz", []

    def make():
        made.append(1)
        return {"ids": np.arange(4)}

    kept_columns(path, "1", make)
    path.write_bytes(path.read_bytes()[:200] if damaged is None else damaged)
    assert kept_columns(path, "1", make)["ids"].tolist() == [0, 1, 2, 3]
    assert kept_columns(path, "1", make)["ids"].tolist() == [0, 1, 2, 3]
    assert len(made) == 2
    (tmp_path / "file").write_text("in the way of a folder")
    assert kept_columns(tmp_path / "file" / "a.npz", "1", make)["ids"].tolist() == [0, 1, 2, 3]


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(tmp_path):
    out = tmp_path / "o[u]t"  # a name that a pattern would take for another
    dead, living, foreign = part_of(out), part_of(out), tmp_path / ".o[u]t.mine.part"
    for folder in (dead, living, foreign):
        folder.mkdir()
        (folder / "whole").write_text("x")
    with at_work(living), made_beside(out) as made:
        made.mkdir()
        assert not dead.exists()
        assert (living / "whole").is_file()
    assert foreign.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([out.name, living.name, foreign.name])


def test_many_are_at_work_at_once_and_alone_is_who_meets_nobody(tmp_path):
    with at_work(tmp_path), at_work(tmp_path), alone_in(tmp_path) as alone:
        assert alone is False
    with alone_in(tmp_path) as alone, alone_in(tmp_path) as second:
        assert (alone, second) == (True, False)
    with alone_in(tmp_path / "new") as alone:
        assert alone is True


def test_who_holds_a_file_keeps_others_out_until_it_lets_go(tmp_path):
    first, second, third = (os.open(tmp_path / "held", os.O_RDWR | os.O_CREAT) for _ in range(3))
    assert hold(first) is True
    assert hold(second) is False
    assert hold(second, shared=True) is False
    let_go(first)
    assert (hold(second, shared=True), hold(third, shared=True)) == (True, True)
    assert hold(third) is False  # no longer shared by one alone
    let_go(second)
    assert hold(third, wait=True) is True
    let_go(third)
