"""The pages over photos: read by themselves after an import, mapped before the first label, asked for by group, trained on by one button."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alcore.project import background, delivery, goals, guide, live, slices
from alcore.project import facade as workspaces
from alcore.project.facade import Workspace
from alcore.project.features import Features
from tests.extractors.colors import stand_in
from tests.pages.headless import show
from tests.pages.test_pages_masks import said
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
    background.submit_import(fresh.runner, fresh, "photos", {"source": str(source)})
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
    assert "not read yet" not in said(show("data", "photos"))


def test_before_the_first_label_explore_has_the_map(imported: Workspace):
    at = show("explore", "photos")
    assert at.selectbox(key=f"explore.round.{imported.project('photos').id}").options == ["Before the first round: 40 images"]
    assert at.selectbox(key="explore.color").options == ["Label"]


def test_photos_that_were_not_read_say_so_and_are_read_by_a_button(fresh: Workspace, tmp_path: Path):
    workspaces.Project.import_into(fresh, "photos", write_photos(tmp_path / "photos"))
    at = show("data", "photos")
    assert "**56 photos not read yet** by the pretrained network that rounds stand on." in said(at)
    press(at, "Read them")
    wait(lambda: all(job.over for job in fresh.job_rows.jobs("photos")) and bool(fresh.job_rows.jobs("photos")))
    assert Features(fresh.project("photos")).done == 56
    assert "not read yet" not in said(show("data", "photos"))


def test_the_first_minutes_are_one_card_and_the_recommended_round_is_mcdal_on_features(imported: Workspace):
    project = imported.project("photos")
    live.choose(project, False)
    at = show("label", "photos")
    assert "**40 photos, " in said(at)
    assert "16 labeled images are held out already" in " ".join(c.value for c in at.caption)
    assert (at.number_input[0].value, at.number_input[0].max) == (0, 10)
    at.number_input[0].set_value(4).run()
    at.toggle[0].set_value(False).run()
    press(at, "Start labeling")
    begun = project.round()
    assert (begun.start, len(begun.query), slices.slice_of(project).drawn) == ("groups", 20 + 4, 4)
    assert live.settings(project) == live.Settings(False, 10)
    project.label_query_from_truth()
    at = show("train", "photos")
    assert "**MCDAL, drawn diversely" in said(at)
    press(at, "Start this")
    wait(lambda: [j.state for j in imported.job_rows.jobs("photos") if j.kind == "round"] == ["done"])
    done = project.round()
    assert (done.strategy, done.train["architecture"], done.labeled) == ("mcdal", "features", 20)
    assert done.metrics["accuracy"] > 0.9  # a color a class
    show("progress", "photos")
    titles = show("explore", "photos").selectbox(key=f"explore.round.{project.id}").options
    assert titles[0] == "Round 1: MCDAL, drawn diversely, 20 labels"


def test_classes_are_named_where_labeling_begins_and_what_is_wrong_is_said_there(fresh: Workspace, tmp_path: Path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for at, path in enumerate(sorted(write_photos(tmp_path / "photos").rglob("*.png"))):
        path.rename(flat / f"{at:03d}.png")
    project = workspaces.Project.import_into(fresh, "flat", flat)
    at = show("label", "flat")
    assert at.number_input[0].value == 14  # a quarter of 56
    press(at, "Start labeling")
    assert [e.value for e in at.error] == ["0 classes to choose from: name at least two, with commas between them"]
    assert (slices.slice_of(project).drawn, project.rounds()) == (0, [])
    at.text_input[0].set_value("brick, sea,sea , ").run()
    press(at, "Start labeling")
    project = fresh.project("flat")
    assert (project.classes, slices.slice_of(project).drawn) == (("brick", "sea"), 14)
    assert live.settings(project).on


def test_a_project_that_learns_shows_a_line_instead_of_a_form_and_delivers_every_label(imported: Workspace, tmp_path: Path):
    project = imported.project("photos")
    drawn = slices.draw(project, 8).waiting
    project.annotate({i: project.items.row(i)["truth"] for i in drawn})
    project.label_from_truth(12, seed=0)
    project.run_round("margin", 5, 1, "cpu", train={"steps": 12, "batch_size": 8}, report=lambda _: None)
    at = show("train", "photos")
    right = slices.measured(project).words()
    assert f"**Learning as you label**: learned from 12 labels; {right}." in said(at)
    assert "Start this" not in [b.label for b in at.button]
    at = show("data", "photos")
    assert f"The model of round 1, from 12 labels: **{right}**." in said(at)
    assert "20 images at 0 % and more" in said(at)
    assert "takes at least 45 labeled test images; there are 8" in " ".join(c.value for c in at.caption)
    at.slider[0].set_value(100).run()
    assert f"{delivery.guesses(project).accepting(1.0).accepted} images at 100 % and more" in said(at)
    at = show("progress", "photos")
    assert "Too early to tell" in said(at)


def test_why_photos_could_not_be_read_is_said_where_they_are_begun(fresh: Workspace, tmp_path: Path):
    source = write_photos(tmp_path / "photos")
    project = workspaces.Project.import_into(fresh, "photos", source)
    source.rename(tmp_path / "elsewhere")
    at = show("data", "photos")
    press(at, "Read them")
    wait(lambda: [job.state for job in fresh.job_rows.jobs("photos")] == ["failed"])
    at = show("data", "photos")
    assert [e.value for e in at.error] == [
        f"The photos could not be read: the source folder {source} is gone: put it back, so that its images can be read"
    ]
    (tmp_path / "elsewhere").rename(source)
    first = project.items.row(1)["path"]
    (source / first).write_bytes(b"no picture any more")
    press(at, "Read them")
    wait(lambda: fresh.job_rows.jobs("photos")[0].state == "done")
    at = show("data", "photos")
    assert list(at.error) == []
    assert [e.label for e in at.expander if "cannot be read" in e.label] == ["1 photo cannot be read: rounds do without"]
    (named,) = [frame.value for frame in at.dataframe if "reason" in frame.value]
    assert [path.endswith(first) for path in named["path"]] == [True]
    assert "not read yet" not in said(at)
    project.source.joinpath(first).write_bytes((source / project.items.row(2)["path"]).read_bytes())
    press(at, "Try them again")
    wait(lambda: fresh.job_rows.jobs("photos")[0].state == "done" and len(fresh.job_rows.jobs("photos")) >= 3)
    assert [e.label for e in show("data", "photos").expander if "cannot be read" in e.label] == []


def test_how_alike_near_duplicates_must_be_is_chosen_with_pairs_in_sight(imported: Workspace):
    project = imported.project("photos")
    Features(project).groups()
    at = show("data", "photos")
    assert any("near duplicates among 56 photos" in box.label.lower() for box in at.expander)
    at.toggle(key=f"pairs.{project.id}").set_value(True).run()
    assert all(button.label[:3] != "Use" for button in at.button)
    at.slider(key=f"close.{project.id}").set_value(0.9).run()
    press(at, "Use 0.900")
    assert Features(imported.project("photos")).cosine == 0.9
    wait(lambda: Features(imported.project("photos")).known_groups() is not None)
    wait(lambda: all(job.over for job in imported.job_rows.jobs("photos")))


def test_a_goal_is_typed_on_the_label_page_and_taken_away(imported: Workspace):
    project = imported.project("photos")
    guide.begin(project, test=6)
    at = show("label", "photos")
    at.number_input(key=f"goal.accuracy.{project.id}").set_value(85)
    at.number_input(key=f"goal.minutes.{project.id}").set_value(20)
    press(at, "Save")
    found = goals.goal(imported.project("photos"))
    assert (found.accuracy, found.until is not None) == (0.85, True)
    press(at, "No goal")
    assert goals.goal(imported.project("photos")) == goals.Goal()
