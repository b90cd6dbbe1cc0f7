"""Projects of what lies elsewhere: imported by an address, read again with what changed there."""

from __future__ import annotations

import json

import pytest

from alcore.cli.main import main
from alcore.errors import BadInput
from alcore.importing.request import ImportRequest
from alcore.project.background import FETCH, submit_fetch, submit_refresh
from alcore.project.facade import Project
from alcore.project.remote import look, standing_of
from alcore.uploads.reach import VARIABLE
from tests.conftest import write_source
from tests.project.timed import wait


@pytest.fixture
def served(host, tmp_path):
    """The address of a table beside 24 images of 8 x 8."""
    source = write_source(tmp_path / "far", train=4, test=2)
    files = sorted(path.relative_to(source).as_posix() for path in source.rglob("*.png"))
    host.files = {f"/ds/{path}": (source / path).read_bytes() for path in files}
    rows = [f"{path},{path.split('/')[1]},{path.split('/')[0]}" for path in files]
    host.files["/ds/labels.csv"] = "\n".join(["path,label,split", *rows]).encode()
    return host.at("/ds/labels.csv")


def test_an_address_becomes_a_project_on_the_command_line(served, home, capsys):
    assert main(["import", served, "--project", "far", "--home", str(home), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["items"], told["classes"], told["splits"]) == (24, ["0", "1", "2", "3"], {"pool": 16, "test": 8})


def test_a_look_lists_and_fetches_nothing(served, host, home, capsys):
    assert main(["import", served, "--dry-run", "--home", str(home), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["files"], told["bytes"], told["first"][0]) == (24, None, "test/0/00.png")
    assert host.paths() == ["/ds/labels.csv"]
    assert not (home / "uploads").exists()
    assert look(host.at("/ds/test/0/00.png"))["bytes"] == len(host.files["/ds/test/0/00.png"])


def test_again_brings_what_changed_there(served, host, workspace, write_image, tmp_path):
    project = Project.import_into(workspace, "far", served)
    assert standing_of(project).address == served
    project.annotate({max(item[0] for item in project.snapshot()): "2"})
    write_image(tmp_path / "new.png", 3)
    host.files["/ds/new.png"] = (tmp_path / "new.png").read_bytes()
    host.files["/ds/labels.csv"] = host.files["/ds/labels.csv"].replace(b"train/0/00.png,0,train", b"new.png,3,train")
    del host.files["/ds/train/0/00.png"]
    host.asked.clear()
    told = project.refresh()
    assert (told["items"], told["labeled"]) == (24, 1)
    assert sorted(host.paths(200)) == ["/ds/labels.csv", "/ds/new.png"]


def test_a_page_reads_again_as_far_as_pages_may(served, host, workspace, monkeypatch):
    project = Project.import_into(workspace, "far", served)

    def again():
        job = submit_refresh(workspace.runner, project)
        wait(lambda: workspace.runner.snapshot(job.id).over)
        return workspace.runner.snapshot(job.id)

    refused = again()
    assert refused.state == "failed"
    assert "photos.test leads to this machine itself (a loopback address)" in refused.error
    monkeypatch.setenv(VARIABLE, f"photos.test:{host.port}")
    assert again().state == "done"


def test_a_page_fetches_as_a_job_that_keeps_no_address(served, host, workspace, home, monkeypatch):
    with pytest.raises(BadInput, match="where pages may fetch nothing"):
        submit_fetch(workspace.runner, workspace, served)
    assert host.asked == []
    assert not (home / "uploads").exists()
    monkeypatch.setenv(VARIABLE, "photos.test")
    job = submit_fetch(workspace.runner, workspace, served)
    wait(lambda: workspace.runner.snapshot(job.id).over)
    done = workspace.runner.snapshot(job.id)
    assert (done.kind, done.state, dict(done.arguments)) == (FETCH, "done", {"upload": "labels"})
    assert done.result["source"] == str(home / "uploads" / "labels")
    assert done.device == "fetches"  # archives that were dropped do not wait for it


def test_an_address_where_a_path_is_meant_is_told(tmp_path):
    with pytest.raises(BadInput, match="is an address"):
        ImportRequest.of("https://photos.test/a.zip", {})


@pytest.mark.parametrize("text", ["https://user:secret-word@photos.test/a.zip", "https://photos.test/a.zip?X-Amz-Signature=secret-word"])
def test_a_secret_is_kept_nowhere(text, host, home, capsys):
    assert main(["import", text, "--project", "far", "--home", str(home)]) == 2
    assert "secret-word" not in "".join(capsys.readouterr())
    assert [path for path in home.rglob("*") if path.is_file() and b"secret-word" in path.read_bytes()] == []
    assert host.asked == []
