"""Selections that travel: the same images, the same name; what is none is refused."""

from __future__ import annotations

import os

import numpy as np
import pytest

from alcore.errors import BadInput, NotFound
from alcore.project import chosen


def test_a_selection_is_kept_whole_whatever_its_order(toy):
    some = toy.pool().unlabeled[:7].tolist()
    name = chosen.keep(toy, some)
    assert chosen.keep(toy, some[::-1] + some[:2]) == name
    assert chosen.kept(toy, name).tolist() == sorted(some)
    assert chosen.keep(toy, np.array(some[:3])) != name


def test_the_oldest_are_forgotten(toy, monkeypatch):
    monkeypatch.setattr(chosen, "KEPT", 3)
    ids = toy.pool().unlabeled.tolist()
    names = []
    for at in range(5):
        names.append(chosen.keep(toy, ids[at : at + 2]))
        os.utime(toy.folder / chosen.FOLDER / f"{names[-1]}.npy", (at, at))
    assert len(list((toy.folder / chosen.FOLDER).glob("*.npy"))) == 3
    assert chosen.kept(toy, names[-1]).tolist() == ids[4:6]
    with pytest.raises(BadInput, match="not kept"):
        chosen.kept(toy, names[0])


@pytest.mark.parametrize("name", ["", "x", "0" * 16, "../../../etc/passwd"])
def test_a_name_of_none_is_refused(toy, name):
    with pytest.raises(BadInput, match="select the images again"):
        chosen.kept(toy, name)


def test_nothing_and_strangers_are_refused(toy):
    with pytest.raises(BadInput, match="nothing is selected"):
        chosen.keep(toy, [])
    with pytest.raises(NotFound, match="no item 424242"):
        chosen.keep(toy, [int(toy.pool().unlabeled[0]), 424242])
