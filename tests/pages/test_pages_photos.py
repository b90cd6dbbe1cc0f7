"""The pages over photos: read by themselves after an import, mapped before the first label, asked for by group, trained on by one button."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alcore.project import background
from alcore.project import facade as workspaces
from alcore.project.facade import Workspace
from alcore.project.features import Features
from tests.extractors.colors import stand_in
from tests.pages.test_pages_masks import said, show
from tests.project.photos import write_photos
from tests.project.timed import wait


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace, whose lite0 takes no time."""
    stand_in(monkeypatch.setattr)
    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "home"))
    opened = workspaces.shared()
    yield opened
    opened.close()


@pytest.fixture
def imported(fresh: Workspace, tmp_path: Path) -> Workspace:
    """Photos imported as the app does it, and read by themselves."""
    source = write_photos(tmp_path / "photos")
    background.submit_import(fresh.runner, "photos", {"source": str(source)})
    wait(lambda: any(job.kind == "features" and job.over for job in fresh.job_rows.jobs("photos")))
    return fresh


def press(at: AppTest, label: str) -> None:
    next(b for b in at.button if b.label == label).click()
    at.run()
    assert list(at.exception) == []


def test_an_import_in_the_app_reads_the_photos_once(imported: Workspace):
    (job,) = [j for j in imported.job_rows.jobs("photos") if j.kind == "features"]
    assert (job.state, job.title) == ("done", "Reading the images of photos with lite0")
    assert (job.result or {})["items"] == 56
    assert background.begin_features(imported.runner, imported.project("photos")) is not None  # asked again it finds nothing to do
    assert "have not been read" not in said(show("data", "photos"))


def test_before_the_first_label_explore_has_the_map(imported: Workspace):
    at = show("explore", "photos")
    assert at.selectbox(key=f"explore.round.{imported.project('photos').id}").options == ["Before the first round: 40 images"]
    assert at.selectbox(key="explore.color").options == ["Label"]


def test_photos_that_were_not_read_say_so_and_are_read_by_a_button(fresh: Workspace, tmp_path: Path):
    workspaces.Project.import_into(fresh, "photos", write_photos(tmp_path / "photos"))
    at = show("data", "photos")
    assert "**56 photos have not been read** by the pretrained network that rounds stand on." in said(at)
    press(at, "Read them")
    wait(lambda: all(job.over for job in fresh.job_rows.jobs("photos")) and bool(fresh.job_rows.jobs("photos")))
    assert Features(fresh.project("photos")).done == 56
    assert "have not been read" not in said(show("data", "photos"))


def test_a_first_query_is_typical_of_each_group_and_the_recommended_round_is_mcdal_on_features(imported: Workspace):
    project = imported.project("photos")
    at = show("label", "photos")
    labels = [b.label for b in at.button if b.label.startswith("Ask for")]
    assert labels == ["Ask for 40 at random", "Ask for 40 spread over the pixels"]  # groups of one image say nothing
    at = show("train", "photos")
    project.start(8, how="groups")
    project.label_query_from_truth()
    at = show("train", "photos")
    assert "**MCDAL, drawn diversely, 32 images.** Trains on 8 labels" in said(at)
    press(at, "Start this")
    (job,) = [j for j in imported.job_rows.jobs("photos") if j.kind == "round"]
    wait(lambda: imported.runner.snapshot(job.id).over)
    done = project.round()
    assert (done.strategy, done.train["architecture"], done.train["batch"], len(done.query)) == ("mcdal", "features", "auto", 32)
    assert done.metrics["accuracy"] == 1.0  # a color a class
    show("progress", "photos")
    titles = show("explore", "photos").selectbox(key=f"explore.round.{project.id}").options
    assert titles == ["Round 1: MCDAL, drawn diversely, 8 labels", "Before the first round: 40 images"]
