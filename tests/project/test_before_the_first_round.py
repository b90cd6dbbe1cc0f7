"""What features give before there is a model: a first query of groups, and a map."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError, NotFound
from alcore.project import features, tables
from alcore.project.features import Features
from alcore.project.queue import STARTS
from tests.project.test_rounds_on_features import some_features


@pytest.fixture
def read(photos):
    """Nothing labeled; with features and their map."""
    found = Features(photos)
    found.complete("cpu")
    found.map()
    return photos


def test_a_first_query_has_one_of_each_group_that_looks_alike(read):
    """The photos of a class look alike, so that four groups are the four classes."""
    start = read.start(4, how="groups", seed=0)
    truth = {i: t for i, _, t, *_ in read.snapshot()}
    assert sorted(truth[i] for i in start.query) == ["brick", "grass", "sand", "sea"]
    assert (start.start, read.queue()["items"][0]["reason"]) == ("groups", STARTS["groups"])
    assert sorted(read.start(40, how="groups", seed=0).query) == sorted(i for i, split, *_ in read.snapshot() if split == "pool")


def test_groups_are_of_images_that_have_been_read(photos):
    with pytest.raises(AlcoreError, match=r"no image of 'photos' has features yet: run `features` first"):
        photos.start(4, how="groups")
    some_features(photos, 9, photos.pool().unlabeled[:9].tolist())
    start = photos.start(4, how="groups")
    assert len(set(start.query)) == 4
    found = Features(photos)
    assert set(start.query) <= set(found.ids[found.rows >= 0].tolist())


def test_groups_are_offered_first_while_labels_are_few(read):
    assert list(features.ways_to_start(read, 10)) == ["groups", "random"]
    assert list(features.ways_to_start(read, 21)) == ["random", "kcenter"]  # groups of less than two say nothing


def test_before_the_first_round_the_map_is_of_the_features_of_who_may_be_asked_for(read):
    start = tables.mapped_round(read, 0)
    assert [c["name"] for c in tables.columns(read, start)] == ["x", "y", "label", "selected"]
    ids = tables.column(read, start, "id")
    assert ids.tolist() == [i for i, split, *_ in read.snapshot() if split == "pool"]
    kept = dict(zip(*(part.tolist() for part in Features(read).kept_map()), strict=True))
    assert [kept[i] for i in ids.tolist()] == np.stack([tables.column(read, start, name) for name in "xy"], 1).tolist()
    assert tables.column(read, start, "label").tolist() == [-1] * 40
    assert not tables.column(read, start, "selected").any()
    read.annotate({int(ids[3]): "sea"})
    asked = read.start(4, how="groups")
    assert tables.column(read, tables.mapped_round(read, 0), "label")[3] == read.classes.index("sea")
    chosen = ids[tables.column(read, tables.mapped_round(read, asked.number), "selected") == 1]
    assert sorted(chosen.tolist()) == sorted(asked.query)
    with pytest.raises(NotFound, match="no column 'entropy'"):
        tables.column(read, start, "entropy")


def test_without_features_there_is_no_map_before_the_first_round(photos):
    assert tables.columns(photos, tables.mapped_round(photos, 0)) == []
    with pytest.raises(NotFound, match="no map"):
        tables.column(photos, tables.mapped_round(photos, 0), "id")
