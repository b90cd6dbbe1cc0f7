"""The first minutes with a folder of photos."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.project import features, guide, live, slices
from alcore.project.features import Features


def test_the_first_minutes_of_a_folder(learning):
    assert guide.found(learning).words() == "40 photos"
    assert guide.most_tested(learning) == 10
    begun = guide.begin(learning, ["sky", "sea", " "], 10, learn=False, seed=1)
    assert learning.classes == ("brick", "grass", "sand", "sea", "sky")
    assert slices.slice_of(learning).drawn == 10
    assert len(begun.query) == 20 + 5
    assert begun.start == next(iter(features.ways_to_start(learning, guide.FIRST)))
    assert live.settings(learning) == live.Settings(False, 5)
    with pytest.raises(BadInput, match="has begun already"):
        guide.begin(learning)


def test_what_is_wrong_in_the_first_minutes_changes_nothing(learning):
    with pytest.raises(BadInput, match="use at most 10"):
        guide.begin(learning, [], 11)
    learning.classes = ("one",)
    with pytest.raises(BadInput, match="1 class to choose from: name at least two"):
        guide.begin(learning, [" "], 4)
    assert (slices.slice_of(learning).drawn, learning.rounds()) == (0, [])


def test_near_duplicates_are_counted_once_they_are_known(photos):
    Features(photos).complete("cpu")
    assert guide.found(photos).alike is None
    ids, group = Features(photos).groups()
    assert guide.found(photos).alike == len(ids) - len(set(group.tolist()))
    assert guide.Found(1, 5, 2, 1).words() == "1 photo, 1 near duplicate, 2 read so far"
    assert guide.Found(12400, 12400, 12400, 0).words() == "12,400 photos, no near duplicates"
