"""Files by HTTP: each is what the library writes, and what cannot be had is a sentence."""

from __future__ import annotations

import io
import sys
import zipfile

import pandas as pd
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore import formats
from alcore.project import delivery, exporting
from alcore.project.facade import Project
from alcore.web.routes import routes


@pytest.fixture
def ask(workspace):
    """`ask(project, file, **query)` gives the answer to somebody who may enter that project."""
    client = TestClient(Starlette(routes=routes(lambda: workspace)))

    def asked(of: Project, file: str, **query: str):
        token = workspace.sign(of.name, "me")
        return client.get(f"/api/v1/projects/{of.name}/files/{file}", params=query, headers={"Authorization": f"Bearer {token}"})

    return asked


def test_labels_come_as_the_library_writes_them_under_the_projects_name(ask, toy):
    answer = ask(toy, "labels.csv")
    assert (answer.status_code, answer.text) == (200, toy.labels_csv())
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''toy-labels.csv"
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("text/csv; charset=utf-8", "no-store")


def test_every_label_comes_above_the_confidence_that_was_asked_for(ask, guessing):
    found = delivery.guesses(guessing)
    threshold = float(sorted(found.confidence[found.rest])[5])
    for kind, read in (("csv", pd.read_csv), ("parquet", pd.read_parquet)):
        answer = ask(guessing, f"every-label.{kind}", above=repr(threshold))
        frame = read(io.BytesIO(answer.content))
        assert (frame["source"] == "model").sum() == found.accepting(threshold).accepted == found.rest.sum() - 5
    assert len(pd.read_csv(io.BytesIO(ask(guessing, "every-label.csv").content))) == len(guessing.items.facts())


def test_images_with_masks_come_as_the_export_in_an_archive(ask, asked, tmp_path):
    exporting.export(asked, "camvid", tmp_path / "out")
    files = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    answer = ask(asked, "masks.zip", format="camvid")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert (answer.status_code, answer.headers["content-type"], len(files) > 10) == (200, "application/zip", True)
    assert {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")} == files


def test_labels_come_in_every_format_in_an_archive_and_are_read_again(ask, toy, tmp_path):
    toy.label_from_truth(20, seed=0)
    rows = toy.items.rows(list(toy.items.labels()))
    for kind in exporting.export_formats(toy):
        answer = ask(toy, "labels.zip", format=kind)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), kind
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            archive.extractall(tmp_path / kind)
        names = [path for path in (tmp_path / kind).rglob("*") if path.is_file()]
        assert names
        if kind in ("csv", "parquet"):
            continue  # they name images of the source, which are not in it
        found = formats.read(tmp_path / kind, "auto")
        assert sum(entry.label is not None for entry in found.entries) >= len(rows), kind
    assert not list(toy.folder.glob(".export-*"))
    assert ask(toy, "labels.zip", format="bmp").status_code == 400


@pytest.mark.parametrize("above", ["2", "-1", "nan", "0.5x", "1.5", "\uff11", "0" * 40])
def test_a_confidence_that_is_none_is_refused(ask, guessing, above):
    answer = ask(guessing, "every-label.csv", above=above)
    assert (answer.status_code, answer.json()) == (400, {"error": "above must be a confidence from 0 to 1"})


def test_what_cannot_be_had_says_so(ask, toy, asked, guessing, monkeypatch):
    assert (
        ask(toy, "labels.doc")
        .json()["error"]
        .startswith("there is no file 'labels.doc': ask for one of labels.csv, images.csv, labels.zip, masks")
    )
    assert ask(toy, "masks.zip").json() == {"error": "'toy' has no masks: ask for labels.csv or labels.zip"}
    assert ask(asked, "labels.csv").status_code == ask(asked, "labels.zip").status_code == 404
    assert ask(asked, "masks.zip", format="bmp").status_code == 400
    assert "has no model yet" in ask(toy, "every-label.csv").json()["error"]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert "pip install pyarrow" in ask(guessing, "every-label.parquet").json()["error"]


def test_nobody_gets_a_file_without_a_token_or_with_that_of_another_project(workspace, toy):
    client = TestClient(Starlette(routes=routes(lambda: workspace)))
    address = "/api/v1/projects/toy/files/labels.csv"
    assert client.get(address).status_code == 401
    assert client.get(address, headers={"Authorization": f"Bearer {workspace.sign('other', 'me')}"}).status_code == 401
