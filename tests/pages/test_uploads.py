"""The Data page where only some folders may be read: a source elsewhere is refused, whether or not it is there."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.uploads.roots import VARIABLE, Roots
from tests.conftest import write_source
from tests.pages.headless import field, press, ran, show, words

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
