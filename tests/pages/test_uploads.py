"""The Data page where only some folders may be read: a source elsewhere is refused, whether or not it is there."""

from __future__ import annotations

import io
import zipfile

import pytest

from alcore.errors import BadInput
from alcore.project.background import FETCH
from alcore.project.facade import Project
from alcore.uploads import reach
from alcore.uploads.roots import VARIABLE, Roots
from tests.conftest import write_source
from tests.pages.headless import field, press, ran, show, words
from tests.project.timed import wait

SOURCE = "new.source"


@pytest.fixture
def roots(tmp_path, monkeypatch):
    write_source(tmp_path / "data" / "digits")
    write_source(tmp_path / "secret")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "secret")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "data"))
    return tmp_path


def typed(at, path):
    at.text_input(key=SOURCE).set_value(str(path))
    return ran(at)


@pytest.mark.parametrize("path", ["secret", "data/link", "data/../secret", "nowhere"])
def test_a_source_outside_the_roots_is_neither_read_nor_told_of(fresh, roots, path):
    at = typed(show("data"), f"{roots}/{path}")
    with pytest.raises(BadInput, match="lies outside the folders that this server may read: choose one below") as refused:
        Roots.of(fresh.home).check(f"{roots}/{path}")
    assert [error.value for error in at.error] == [f"{refused.value}."]
    field(at, "Name of the project").set_value("taken")
    press(at, "Import")
    assert fresh.runner.jobs() == []


def test_a_source_in_a_root_is_looked_at_as_ever(fresh, roots):
    at = typed(show("data"), roots / "data" / "digits")
    assert [error.value for error in at.error] == []
    assert "Read as class folders" in words(at)
    assert field(at, "Name of the project").value == "digits"


def test_a_simulation_reads_no_more_than_an_import(fresh, roots):
    at = show("simulate")
    at.button_group[0].set_value("path")
    ran(at)
    at.text_input(key="simulate.source").set_value(str(roots / "secret"))
    assert "lies outside the folders that this server may read" in ran(at).error[0].value


def fetched(at, workspace):
    """The page once the fetch that was begun has ended."""
    (job,) = [job for job in workspace.runner.jobs() if job.kind == FETCH]
    wait(lambda: workspace.runner.snapshot(job.id).over)
    return ran(at)


def test_an_address_is_fetched_shown_and_imported(fresh, host, tmp_path, monkeypatch):
    monkeypatch.setenv(reach.VARIABLE, "photos.test")
    source = write_source(tmp_path / "far", train=3, test=1)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as into:
        for path in source.rglob("*.png"):
            into.write(path, path.relative_to(source))
    host.files["/far.zip"] = made.getvalue()
    at = typed(show("data"), host.at("/far.zip"))
    assert host.asked == []
    press(at, "Fetch it")
    at = fetched(at, fresh)
    assert at.text_input(key=SOURCE).value == str(fresh.home / "uploads" / "far")
    assert "Read as class folders" in words(at)
    assert field(at, "Name of the project").value == "far"


@pytest.mark.parametrize(
    "text", ["https://photos.test/far.zip", "https://2130706433/x", "https://good.example@127.0.0.1/x", "https://localhost./x"]
)
def test_an_address_of_this_machine_is_refused_in_a_sentence(fresh, host, text):
    at = typed(show("data"), text)
    if not at.error:
        press(at, "Fetch it")
    (problem,) = at.error
    assert "leads to this machine itself" in problem.value or "is not taken" in problem.value
    assert fresh.runner.jobs() == []
    assert host.asked == []


def test_a_fetch_that_fails_says_why_and_goes_on(fresh, host, monkeypatch):
    monkeypatch.setenv(reach.VARIABLE, "photos.test")
    at = typed(show("data"), host.at("/gone.zip"))
    press(at, "Fetch it")
    at = fetched(at, fresh)
    assert at.error[0].value.startswith("There is nothing at https://photos.test")
    assert "fetch it again to go on" in at.error[0].value


def test_a_bucket_is_not_for_pages_where_others_reach_the_server(fresh, roots):
    at = typed(show("data"), "s3://photos/train")
    assert "--remote s3://photos" in at.error[0].value


def test_a_setting_that_names_a_file_elsewhere_is_refused_on_train_and_simulate(fresh, roots):
    toy = Project.import_into(fresh, "toy", write_source(roots / "data" / "toy", train=140))
    toy.label_from_truth(12)
    at = show("train", toy.name)
    weights = str(roots / "secret" / "0.pt")
    field(at, "Starting weights").set_value(weights)
    at = press(at, "Start")
    assert "lies outside the folders that this server may read" in at.error[0].value
    assert any("lies outside" in caption.value for caption in at.caption)  # in place of a forecast, and nothing is timed
    at = show("simulate", toy.name)
    field(at, "Starting weights").set_value(weights)
    assert "lies outside the folders that this server may read" in press(ran(at), "Start").error[0].value
    assert [job for job in toy.workspace.runner.jobs() if not job.over] == []
