"""What the tests of project share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alcore.project import live, loop, slices
from alcore.project.facade import Project, Workspace
from alcore.project.features import Features
from alcore.training.turn import Order
from alcore.types import Annotation
from tests.extractors.colors import stand_in
from tests.project.painted import ids_of
from tests.project.photos import write_photos
from tests.project.sliced import QUICK as SHORT
from tests.project.sliced import grouped, say
from tests.scenes import QUICK, truth_of, write_scenes

SPECIAL = ("a & b", "ü", 'it\'s "x"', "100 %")


@pytest.fixture(scope="session")
def played(tmp_path_factory, make_source, quick):
    """A project after a start, a round of MAL and one of MCDAL, whose query of 8 is open; its classes have awkward names. Read only."""
    folder = tmp_path_factory.mktemp("played")
    workspace = Workspace(folder / "home")
    project = Project.import_into(workspace, "to y", make_source(folder / "source", classes=SPECIAL))
    project.start(10, seed=2)
    project.label_query_from_truth()
    for strategy in ("mal", "mcdal"):
        project.run_round(strategy, 8, 1, "cpu", train={**quick, "steps": 10}, report=lambda _: None)
        if strategy == "mal":
            project.label_query_from_truth()
    yield project
    workspace.close()


@pytest.fixture
def waiting(project):
    """Nothing but a start of 6 at random."""
    project.start(6, seed=0)
    return project


IMAGES = {"pool": 40, "test": 16, "labeled": 10}  # of the toys below


@pytest.fixture
def toy(project: Project) -> Project:
    """40 images in the pool, 10 of them labeled, and 16 for testing."""
    project.label_from_truth(IMAGES["labeled"], seed=0)
    return project


@pytest.fixture
def quick_one(toy: Project, quick) -> Callable[..., Order]:
    """`quick_one(strategy, query=5, **train)` gives the order of a round of 30 steps."""

    def order(strategy: str, query: int = 5, **train: Any) -> Order:
        return loop.ordered(toy, strategy, query, 0, "cpu", None, {**quick, **train})

    return order


@pytest.fixture
def source(tmp_path) -> Path:
    return write_scenes(tmp_path / "scenes")


@pytest.fixture
def scenes(workspace, source) -> Project:
    """Ten scenes in the pool and four for testing, with hidden truth."""
    return Project.import_into(workspace, "scenes", source)


@pytest.fixture
def asked(scenes) -> Project:
    """After a round of mcdal on five masks, which asked for two frames."""
    scenes.label_from_truth(5, seed=0)
    scenes.run_round("mcdal", query_size=2, seed=0, train=QUICK)
    return scenes


@pytest.fixture
def photo_source(tmp_path) -> Path:
    """40 photos of four classes in train and 16 in test."""
    return write_photos(tmp_path / "photos")


@pytest.fixture
def photos(workspace, photo_source, monkeypatch) -> Project:
    """They imported, with an extractor that takes no time in lite0's place."""
    stand_in(monkeypatch.setattr)
    return Project.import_into(workspace, "photos", photo_source)


@pytest.fixture
def apart(photos, monkeypatch):
    """Photos whose features are made; each is its own group unless a test says otherwise (`grouped`)."""
    Features(photos).complete("cpu")
    grouped(monkeypatch, {})
    return photos


@pytest.fixture
def learning(photos, monkeypatch) -> Project:
    """Photos that learn after every 5 labels, by rounds of 12 steps."""
    Features(photos).complete("cpu")
    grouped(monkeypatch, {})
    usual = loop.ordered
    monkeypatch.setattr(loop, "ordered", lambda of, strategy, size: usual(of, "margin", size, None, "cpu", {}, SHORT))
    live.choose(photos, True, 5)
    return photos


@pytest.fixture
def guessing(apart) -> Project:
    """40 photos of which 10 are drawn and 6 of these labeled, 12 labeled for training, one skipped; 16 held out with given labels."""
    drawn = slices.draw(apart, 10).waiting
    say(apart, drawn[:6])
    apart.label_from_truth(12, seed=0)
    say(apart, apart.pool().unlabeled[:1].tolist(), "skip")
    apart.run_round("margin", 5, 1, "cpu", train=SHORT, report=lambda _: None)
    return apart


@pytest.fixture
def drafted(scenes):
    """Four scenes painted, of one a part alone; then a model that drafts two of the others."""
    by = ids_of(scenes)
    for seq, number in enumerate((0, 1, 2), 1):
        mask = truth_of(number)
        if number == 1:
            mask[mask == 2] = 0  # no dot
        digest = scenes.masks.keep(mask, 3)
        scenes.journal.take([Annotation("t", seq, by[number], "mask", digest, annotator="ann")], scenes.classes)
    scenes.run_round("entropy", 2, seed=0, train=QUICK, report=lambda _: None)
    return scenes
