"""Whole groups are held out: over random tables, draws, holds and labels, no group is ever on both sides of training and testing."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput, NotEnoughLabels
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.project import holding, loop, metadata, proposals, slices
from alcore.project.facade import Project
from alcore.project.features import Features, suits
from alcore.training.pool import Pool
from tests.project.sliced import grouped, say


def attach(project: Project, tmp_path, groups: dict[str, str], column: str = "patient") -> None:
    """path -> group, "" for none."""
    file = tmp_path / f"{column}.csv"
    with file.open("w", newline="") as text:
        csv.writer(text).writerows([("path", column, "other"), *((path, group, "1") for path, group in groups.items())])
    metadata.attach(project, metadata.look(project, file))


def group_of(project: Project) -> dict[int, str]:
    """id -> group, of those that have one."""
    return {i: facts[0][1] for i in project.items.paths() if (facts := metadata.facts(project, i)) and facts[0][0] == "patient"}


def everything_tested(project: Project) -> set[int]:
    """Ids of everything that is tested on, or is kept for that."""
    return {i for i, split, *_ in project.snapshot() if split != "pool"}


def trained_and_asked(project: Project) -> Pool:
    return slices.kept_apart(project, project.pool(), Features(project) if suits(project) else None)


def sides(project: Project, pool: Pool) -> tuple[set[str], set[str]]:
    """The groups that are trained on or asked for, and those that are tested on."""
    of = group_of(project)
    learned = {*pool.labeled.tolist(), *pool.unlabeled.tolist()}
    return {of[i] for i in learned if i in of}, {of[i] for i in {*everything_tested(project), *pool.test.tolist()} if i in of}


def play(project: Project, rng: np.random.Generator) -> None:
    """Something that people do."""
    ids = project.pool().ids.tolist()
    some = [int(i) for i in rng.choice(ids, int(rng.integers(1, 6)), replace=False)]
    what = rng.integers(5)
    if what == 0:
        holding.hold(project, some, annotator="me")
    elif what == 1:
        holding.hold(project, some, annotator="me", back=True)
    elif what == 2:
        project.annotate({i: project.classes[int(rng.integers(len(project.classes)))] for i in some}, annotator="me")
    elif what == 3:
        say(project, some, "skip")
    else:
        try:
            slices.draw(project, slices.slice_of(project).drawn + int(rng.integers(1, 5)), int(rng.integers(100)))
        except BadInput as problem:
            assert "cannot test on" in str(problem)  # noqa: PT017 - both refusals begin so


@pytest.mark.parametrize("seed", range(12))
def test_no_group_is_ever_on_both_sides(project, tmp_path, seed):
    rng = np.random.default_rng(seed)
    paths = list(project.items.paths().values())
    own = {p: f"g{rng.integers(40)}" if rng.random() < 0.8 else "" for p in paths}
    attach(project, tmp_path, own)
    metadata.group_by(project, "patient")
    met = 0
    for _ in range(12):
        play(project, rng)
        try:
            pool = trained_and_asked(project)
        except AlcoreError as problem:
            assert "nothing is left to train on or to ask for" in str(problem)  # noqa: PT017
            continue
        learned, out = sides(project, pool)
        assert not learned & out
        met += bool(out)
        alone = set(project.pool().ids.tolist()) - set(group_of(project))
        before, kept = project.pool(), {*pool.labeled.tolist(), *pool.unlabeled.tolist()}
        assert alone & {*before.labeled.tolist(), *before.unlabeled.tolist()} <= kept  # who is of no group stays
        drawn = {i for i, _, _ in project.items.slice()}
        assert len(pool.targets) == len(pool.labeled)
        assert not drawn & kept
    assert met


@pytest.mark.parametrize("seed", range(4))
def test_groups_and_near_duplicates_are_joined(apart, tmp_path, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    ids = apart.pool().ids.tolist()
    near = {i: int(rng.choice(ids)) if rng.random() < 0.3 else i for i in ids}
    near = {i: near[j] if near[j] <= j else j for i, j in near.items()}
    attach(apart, tmp_path, {p: f"g{rng.integers(60)}" for p in apart.items.paths().values()})
    metadata.group_by(apart, "patient")
    grouped(monkeypatch, near)
    slices.draw(apart, 4, seed)
    pool = trained_and_asked(apart)
    learned, out = sides(apart, pool)
    assert out
    assert not learned & out
    kept, of = {*pool.labeled.tolist(), *pool.unlabeled.tolist()}, group_of(apart)
    reach = everything_tested(apart)
    while True:  # whoever is a near duplicate of these, or of their group, and so on
        further = {i for i in ids if any(near[i] == near[j] or of[i] == of[j] for j in reach)}
        if further == reach:
            break
        reach = further
    assert kept == {i for i in ids if i not in reach}


def test_the_slice_is_drawn_in_whole_groups_and_a_larger_one_stays(project, tmp_path):
    paths = {p: f"g{at // 5}" if p.startswith("train") else "" for at, p in enumerate(sorted(project.items.paths().values(), reverse=True))}
    attach(project, tmp_path, paths)
    metadata.group_by(project, "patient")
    slices.draw(project, 12, seed=2)
    of = group_of(project)
    drawn = [of[i] for i in everything_tested(project) if i in of]
    assert {drawn.count(group) for group in drawn} <= {sum(g == group for g in of.values()) for group in drawn}
    assert all(drawn.count(group) == list(of.values()).count(group) for group in drawn)
    held = slices.held_groups(project)
    assert (held.groups, held.images, held.beside) == (len(set(drawn)), 16 + slices.slice_of(project).drawn, 0)
    assert held.words() == f"{held.groups} groups of 'patient', {held.images} images held out"


def test_a_slice_smaller_than_every_group_says_how_large_it_must_be(project, tmp_path):
    paths = {p: f"g{at // 8}" for at, p in enumerate(sorted(p for p in project.items.paths().values() if p.startswith("train")))}
    attach(project, tmp_path, paths)
    metadata.group_by(project, "patient")
    with pytest.raises(
        BadInput, match="no group of 'patient' that could be drawn is as small as 3. Use at least 8, or hold groups out by hand"
    ):
        slices.draw(project, 3)
    assert slices.draw(project, 8).drawn == 8


def test_a_round_trains_on_no_group_that_is_tested_on_also_without_features(project, tmp_path, quick):
    paths = sorted(project.items.paths().values())
    attach(project, tmp_path, {p: f"g{at % 20}" for at, p in enumerate(p for p in paths if p.startswith("train"))})
    metadata.group_by(project, "patient")
    project.label_from_truth(24, seed=0)
    of = group_of(project)
    held = project.pool().unlabeled.tolist()[:3]
    holding.hold(project, held, annotator="me")
    out = {of[i] for i in held}
    done = project.run_round("margin", 6, 1, "cpu", train=quick, report=lambda _: None)
    files = project.files(done)
    assert done.labeled == sum(of[i] not in out for i in project.items.labels())
    assert done.labeled < 24
    assert not {of[i] for i in (*files.ids.tolist(), *done.query) if i in of} & out
    begun = loop.start(project, 50, "random", 0)
    assert not {of[i] for i in begun.query if i in of} & out
    compared = proposals.compare(project, 4)
    assert not {of[i] for one in compared["proposals"] for i in one["ids"]} & out


def test_labels_of_held_groups_alone_are_told(project, tmp_path, quick):
    paths = sorted(project.items.paths().values())
    attach(project, tmp_path, {p: "g0" if at < 10 else f"g{at}" for at, p in enumerate(p for p in paths if p.startswith("train"))})
    metadata.group_by(project, "patient")
    first = [i for i, group in group_of(project).items() if group == "g0"]
    two = {first[0]: "0", first[1]: "1"}
    project.annotate(two)
    holding.hold(project, first[2:3], annotator="me")
    with pytest.raises(NotEnoughLabels, match="all 2 labeled images share their 'patient' with images that are held out"):
        project.run_round("margin", 6, 1, "cpu", train=quick, report=lambda _: None)


def test_masks_are_kept_apart_by_group_too(scenes, tmp_path):
    paths = sorted(p for p in scenes.items.paths().values())
    attach(scenes, tmp_path, {p: f"g{at // 2}" for at, p in enumerate(paths)})
    scenes.label_from_truth(6, seed=0)
    holding.hold(scenes, scenes.pool().labeled.tolist()[:1], annotator="me")
    scenes.change_settings(group_by="patient")
    pool = trained_and_asked(scenes)
    learned, out = sides(scenes, pool)
    assert out
    assert not learned & out


def test_it_is_said_where_most_of_the_pool_stays_out(project, tmp_path):
    attach(project, tmp_path, {p: f"g{at % 17}" for at, p in enumerate(sorted(project.items.paths().values()))})
    metadata.group_by(project, "patient")
    held = slices.held_groups(project)
    assert held.beside > held.left
    assert f"so {held.left} are left to learn from: importing the source anew with these metadata holds out whole groups" in held.words()


# ---- imports


def splits_of(project: Project) -> dict[str, str]:
    paths = project.items.paths()
    return {paths[row[0]]: row[1] for row in project.snapshot()}


@pytest.mark.parametrize("seed", range(6))
def test_an_import_holds_out_whole_groups(workspace, make_source, tmp_path, seed):
    rng = np.random.default_rng(seed)
    source = make_source(tmp_path / "source", train=12, test=0)
    paths = [file.relative_to(source).as_posix() for file in sorted(source.rglob("*.png"))]
    own = {p: f"g{rng.integers(15)}" if rng.random() < 0.9 else "" for p in paths}
    with (tmp_path / "p.csv").open("w", newline="") as text:
        csv.writer(text).writerows([("path", "patient"), *own.items()])
    options = {"metadata": str(tmp_path / "p.csv"), "group_by": "patient", "hold_out": 0.25}
    project = Project.import_into(workspace, f"held {seed}", source, **options)
    splits = {p.removeprefix("train/"): split for p, split in splits_of(project).items()}
    groups = {p.removeprefix("train/"): group for p, group in own.items()}
    out, stay = ({groups[p] for p, split in splits.items() if (split == "pool") == is_pool and groups[p]} for is_pool in (False, True))
    assert not out & stay
    number = sum(split == "test" for split in splits.values())
    assert 0 < number <= 12
    assert metadata.grouped_by(project) == "patient"
    assert slices.held_groups(project).beside == 0
    held = f"{len(out)} group{'s' if len(out) != 1 else ''} of 'patient', {number} of 48 labeled images, are held out for testing"
    assert f"there is no test split: {held}" in project.settings["notes"]
    assert "the table p.csv describes 48 of 48 images" in project.settings["notes"]
    project.refresh()  # what was given stays
    assert {p.removeprefix("train/"): split for p, split in splits_of(project).items()} == splits
    assert len(metadata.aligned(project).columns) == 1


def test_a_preview_foretells_the_groups(make_source, tmp_path, workspace):
    source = make_source(tmp_path / "source", train=5, test=0)
    paths = [file.relative_to(source).as_posix() for file in sorted(source.rglob("*.png"))]
    with (tmp_path / "p.csv").open("w", newline="") as text:
        csv.writer(text).writerows([("path", "patient"), *((p, f"g{at // 2}") for at, p in enumerate(paths))])
    options = {"metadata": str(tmp_path / "p.csv"), "group_by": "patient"}
    foretold = preview(ImportRequest.of(source, options))
    project = Project.import_into(workspace, "p", source, **options)
    assert foretold.splits == project.counts()["splits"] == {"pool": 16, "test": 4}
    assert [note for note in project.settings["notes"] if "patient" in note] == [note for note in foretold.notes if "patient" in note]


def test_groups_that_the_source_has_on_both_sides_are_told(workspace, make_source, tmp_path):
    source = make_source(tmp_path / "source", train=5, test=1)
    paths = [file.relative_to(source).as_posix() for file in sorted(source.rglob("*.png"))]
    with (tmp_path / "p.csv").open("w", newline="") as text:
        csv.writer(text).writerows([("path", "patient"), *((p, p.split("/")[1] if "/0/" in p else p) for p in paths)])
    project = Project.import_into(workspace, "both", source, metadata=str(tmp_path / "p.csv"), group_by="patient")
    told = "5 images of the pool share their 'patient' with images that are held out: neither trained on nor asked for"
    assert told in project.settings["notes"]
    assert len(trained_and_asked(project).unlabeled) == 15


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"group_by": "patient"}, "name the table too"),
        ({"metadata": "p.csv", "group_by": "doctor"}, "there is no metadata column 'doctor': use one of patient"),
        ({"metadata": "gone.csv"}, "gone.csv cannot be read"),
        ({"metadata": "p.csv", "group_by": "patient", "hold_out": 0.05}, None),
    ],
)
def test_an_import_that_cannot_group_leaves_nothing_behind(workspace, make_source, tmp_path, options, said):
    source = make_source(tmp_path / "source", train=5, test=0)
    paths = [file.relative_to(source).as_posix() for file in sorted(source.rglob("*.png"))]
    with (tmp_path / "p.csv").open("w", newline="") as text:
        csv.writer(text).writerows([("path", "patient"), *((p, f"g{at // 10}") for at, p in enumerate(paths))])
    options = {**options, **({"metadata": str(tmp_path / options["metadata"])} if "metadata" in options else {})}
    if said is None:  # no group is that small: told, and nothing is held out
        project = Project.import_into(workspace, "none", source, **options)
        assert "nothing is held out: the smallest group of 'patient' has 10 labeled images, over 5 % of all" in project.settings["notes"]
        assert project.counts()["splits"] == {"pool": 20}
        return
    with pytest.raises(BadInput, match=said):
        Project.import_into(workspace, "none", source, **options)
    assert workspace.projects() == {} or list(workspace.projects()) == []
    assert list((workspace.home / "projects").glob("*")) == []
