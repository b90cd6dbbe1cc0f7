"""What the tests of storage share."""

from __future__ import annotations

from pathlib import Path

import pytest

from alcore.storage.database import Database
from alcore.storage.journal import Journal
from tests.storage.rows import add_project, address

CLASSES = ("cat", "dog")


@pytest.fixture
def database(tmp_path, store):
    opened = Database(address(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def project(database) -> int:
    """Project 1 with the items 1...6."""
    return add_project(database, "pets", [f"{n}.png" for n in range(1, 7)])


@pytest.fixture
def journal(database, project) -> Journal:
    return Journal(database, project)


@pytest.fixture
def file(tmp_path) -> Path:
    """A database that was made and closed."""
    path = tmp_path / "kept.sqlite"
    Database(f"sqlite:///{path}").close()
    return path
