"""The pages over projects of masks, run headless: no exception, the words and tables a person needs, what the buttons store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alcore.project import facade as workspaces
from alcore.project import loop
from alcore.project.facade import Project, Workspace
from tests.pages.headless import show
from tests.scenes import CLASSES, QUICK, write_scenes

PAGES = ("data", "train", "label", "explore", "progress")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with a project of masks in each state; nothing changes it but where a test says so."""
    folder = tmp_path_factory.mktemp("pages")
    home, source = folder / "home", write_scenes(folder / "scenes")
    opened = workspaces.shared(home)
    Project.create("new", source, home)
    Project.create("bare", source / "images", home, task="segmentation", classes=["a", "b"])
    frames = Project.create("frames", source, home)
    frames.label_from_truth(4, seed=0)
    frames.run_round("mcdal", 3, seed=0, train=QUICK, report=lambda progress: None)
    regions = Project.create("regions", source, home)
    regions.label_from_truth(4, seed=0)
    for number in range(2):
        train = {**QUICK, "query_unit": "tiles", "region_count": 6}
        regions.run_round("entropy", 4, seed=number, train=train, report=lambda progress: None)
        regions.label_query_from_truth()
    yield home
    opened.close()


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("ALCORE_HOME", str(home))
    return workspaces.shared(home)


def said(at: AppTest) -> str:
    nodes = [node for part in (at.main, at.sidebar) for node in part]
    return " ".join(str(value) for node in nodes for name in ("label", "value") if isinstance(value := getattr(node, name, None), str))


@pytest.mark.parametrize("project", ["new", "bare", "frames", "regions"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_every_state_without_an_error(here, page, project):
    show(page, project)


def test_the_data_page_counts_pixels_of_each_class(here):
    at = show("data", "frames")
    frame = at.dataframe[0].value
    expected = here.project("frames").class_table()
    assert frame["class"].tolist() == list(CLASSES)
    assert frame["pixels"].tolist() == [row["pixels"] for row in expected]
    assert frame["color"].str.startswith("data:image/svg+xml").all()


def test_the_train_page_offers_what_serves_masks(here):
    project = here.project("frames")
    at = show("train", "frames")
    assert "BADGE" not in at.button_group(key="strategy").options
    assert at.selectbox(key=f"network.{project.id}").options == ["Small DRN", "DRN-D-22"]
    assert at.selectbox(key=f"train.{project.id}.small_drn.query_unit").options == ["whole images", "tiles", "superpixels"]
    recipe = loop.defaults(project)
    assert at.number_input(key=f"train.{project.id}.small_drn.steps").value == recipe["steps"]
    assert at.number_input(key=f"train.{project.id}.small_drn.batch_size").value == recipe["batch_size"]


def test_the_train_page_recommends_what_suits_masks_and_lists_their_metric(here):
    project = here.project("frames")
    at = show("train", "frames")
    left = project.counts()["splits"]["pool"] - 4
    assert 1 < left < 10
    assert f"**MCDAL, {left} images.** Trains on 4 labels and then asks for the {left} images" in said(at)
    measured = at.dataframe[0].value
    assert measured["mean IoU"].tolist() == [pytest.approx(100 * project.round().metrics["mean_iou"])]
    assert "accuracy" not in measured


def test_the_progress_page_has_iou_by_class_and_the_costs(here):
    project = here.project("regions")
    at = show("progress", "regions")
    (table,) = [d.value for d in at.dataframe if "iou" in d.value.columns]
    assert table["class"].tolist() == list(CLASSES)
    assert table["iou"].tolist() == [row["iou"] for row in project.class_table(project.round())]
    assert "Mean IoU" in said(at)
    at.button_group(key="against").set_value("pixels")
    at.run()
    assert list(at.exception) == []


def test_the_new_project_form_imports_the_street(here, monkeypatch):
    at = show("data", "new")
    next(b for b in at.button if b.label == "New project").click()
    at.run()
    assert any("street scenes" in b.label for b in at.button)
