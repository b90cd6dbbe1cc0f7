"""The Data page's section of metadata: a table of a path or an upload is looked at, kept, grouped by and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alcore.project import facade, metadata
from alcore.project.facade import Project
from tests.pages.headless import field, press, ran, show, words

HELD = "16 images held out"


@pytest.fixture
def of(home: Path, digits_source: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("ALCORE_HOME", str(home))
    opened = facade.shared()
    yield Project.import_into(opened, "toy", digits_source)
    opened.close()


@pytest.fixture
def table(of: Project, tmp_path: Path) -> Path:
    file = tmp_path / "p.csv"
    rows = [f"{p},{'a' if p.startswith('test') else f'g{at % 9}'},{at}\n" for at, p in enumerate(sorted(of.items.paths().values()))]
    file.write_text("path,patient,age\n" + "".join(rows) + "nowhere.png,x,1\n")
    return file


def typed(at: AppTest, text: str) -> AppTest:
    field(at, "Or a file on this machine").set_value(text)
    return ran(at)


def test_a_table_is_kept_grouped_by_and_taken_away(of: Project, table: Path):
    at = typed(show("data", "toy"), str(table))
    assert "57 rows of p.csv: 56 of 56 images have one; 1 name no image ('nowhere.png')" in words(at)
    assert metadata.table(of.workspace.project("toy")) is None  # looked at alone
    press(at, "Keep it")
    at = show("data", "toy")
    assert "Metadata: 2 columns of p.csv" in words(at) or of.workspace.project("toy").settings["metadata"]["columns"] == ["patient", "age"]
    groups = next(box for box in at.selectbox if box.label == "Hold out whole groups of")
    assert groups.options == ["no column", "patient", "age"]
    groups.select("patient")
    at = ran(at)
    assert f"1 group of 'patient', {HELD}." in words(at)
    assert metadata.grouped_by(of.workspace.project("toy")) == "patient"
    press(at, "Take it away")
    again = of.workspace.project("toy")
    assert (metadata.table(again), metadata.grouped_by(again)) == (None, None)


def test_an_upload_is_looked_at_under_its_own_name(of: Project, table: Path):
    at = show("data", "toy")
    (upload,) = at.file_uploader
    upload.upload("patients.csv", table.read_bytes(), "text/csv")
    at = ran(at)
    assert "57 rows of patients.csv: 56 of 56 images have one" in words(at)
    press(at, "Keep it")
    assert of.workspace.project("toy").settings["metadata"]["source"] == "patients.csv"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("path,patient\nx.png,1\n", "none of the 1 rows of p.csv names an image of 'toy'"),
        ("", "is empty: its first line must name the columns"),
        ("path,a\ntrain/0/00.png,1\ntrain/0/00.png,2\n", "two rows for 'train/0/00.png' that differ"),
    ],
)
def test_what_cannot_be_taken_is_told_on_the_page(of: Project, table: Path, content: str, said: str):
    table.write_text(content)
    at = typed(show("data", "toy"), str(table))
    assert said in "\n".join(error.value for error in at.error)
    assert [b for b in at.button if b.label.startswith("Keep it")] == []


def test_a_file_outside_the_folders_that_may_be_read_is_not(of: Project, table: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALCORE_DATA_ROOTS", str(of.workspace.home / "elsewhere"))
    at = typed(show("data", "toy"), str(table))
    assert len(at.error) == 1
    assert "rows of" not in words(at)
