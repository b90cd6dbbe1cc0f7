"""The Data page's section of metadata: a table of a path or an upload is looked at, kept, grouped by and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alcore.project import facade, metadata
from alcore.project.facade import Project
from alcore.uploads.roots import VARIABLE
from tests.pages.headless import field, press, ran, show, wait, words

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


# ---- in the form of a new project


def form(of: Project, source: Path) -> AppTest:
    at = press(show("data", "toy"), "New project")
    at.text_input(key="new.source").set_value(str(source))
    return ran(at)


def grouped(at: AppTest, column: str) -> AppTest:
    at.selectbox(key="new.group_by").select(column)
    return ran(at)


def imported(at: AppTest, of: Project, name: str) -> Project:
    field(at, "Name of the project").set_value(name)
    press(at, "Import")
    wait(lambda: of.workspace.runner.jobs(name)[0].over)
    assert of.workspace.runner.jobs(name)[0].error is None
    return of.workspace.project(name)


@pytest.fixture
def flat(tmp_path: Path, write_image) -> Path:
    """Forty images of two classes from ten patients, without any split."""
    for at in range(40):
        write_image(tmp_path / "clinic" / f"{at % 2}" / f"{at:02d}.png", at % 2, at)
    lines = [f"{at:02d}.png,p{at % 10},{20 + at}\n" for at in range(40)]
    (tmp_path / "patients.csv").write_text("image,patient,age\n" + "".join(lines))
    return tmp_path / "clinic"


def test_a_table_is_shown_with_the_source_and_groups_are_held_out(of: Project, flat: Path):
    at = form(of, flat)
    at.text_input(key="new.table.path").set_value(str(flat.parent / "patients.csv"))
    at = ran(at)
    (table,) = [frame.value for frame in at.dataframe if "column" in frame.value]
    assert table[["column", "kind", "images", "different"]].values.tolist() == [["patient", "text", 40, 10], ["age", "number", 40, 40]]
    assert "The table patients.csv describes 40 of 40 images." in words(at)
    assert at.selectbox(key="new.group_by").options == ["no column", "patient", "age"]
    at = grouped(at, "patient")
    assert "held out" in words(at)
    made = imported(at, of, "clinic")
    assert metadata.grouped_by(made) == "patient"
    patients = metadata.aligned(made).column("patient")
    sides = {split: set() for split in ("pool", "test")}
    for item, split, *_ in made.snapshot():
        path = made.items.paths()[item]
        sides[split].add(int(path[-6:-4]) % 10)
    assert len(sides["test"]) == 2
    assert sides["test"] & sides["pool"] == set()
    assert len(patients.values) == 40


def test_a_table_of_a_browser_is_kept_until_the_import_has_read_it(of: Project, flat: Path):
    at = form(of, flat)
    (upload,) = [one for one in at.file_uploader if one.key == "new.table"]
    upload.upload("patients.csv", (flat.parent / "patients.csv").read_bytes(), "text/csv")
    at = grouped(ran(at), "patient")
    kept = of.place.home / "uploads" / ".tables"
    assert [path.name for path in kept.rglob("*.csv")] == ["patients.csv"]
    made = imported(at, of, "clinic")
    assert (made.settings["metadata"]["source"], made.settings["group_by"]) == ("patients.csv", "patient")
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("image,patient\n00.png,1\n00.png,2\n", "Patients.csv has two rows for '00.png' that differ"),
        ("patient\n1\n", "Patients.csv has no column that names images"),
        ("image,patient\nnowhere.png,1\n", "none of the 1 rows of patients.csv names an image"),
    ],
)
def test_a_table_that_cannot_be_taken_is_told_and_nothing_is_imported(of: Project, flat: Path, content: str, said: str):
    (flat.parent / "patients.csv").write_text(content)
    at = form(of, flat)
    at.text_input(key="new.table.path").set_value(str(flat.parent / "patients.csv"))
    at = ran(at)
    assert said in "\n".join(error.value for error in at.error)
    field(at, "Name of the project").set_value("clinic")
    press(at, "Import")
    assert of.workspace.runner.jobs("clinic") == []


def test_a_column_that_tells_the_classes_is_named_while_they_are_hidden(of: Project, flat: Path):
    for at in range(2):
        (flat / str(at)).rename(flat / f"kind{at}")
    (flat.parent / "patients.csv").write_text("image,what\n00.png,kind0\n01.png,kind1\n")
    at = form(of, flat)
    at.text_input(key="new.table.path").set_value(str(flat.parent / "patients.csv"))
    told = "'what' holds the names of classes: who labels sees them, though the truth is hidden"
    assert told in words(ran(at))
    at.radio[0].set_value("labels")
    assert told not in words(ran(at))


def test_a_table_outside_the_roots_is_not_read(of: Project, flat: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, str(flat))
    at = form(of, flat)
    at.text_input(key="new.table.path").set_value(str(flat.parent / "patients.csv"))
    assert "lies outside the folders that this server may read" in ran(at).error[0].value
