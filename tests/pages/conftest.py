"""What the tests of several pages begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alcore.project import facade as workspaces
from alcore.project.facade import Workspace


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """An empty workspace of the test's own, seen by the pages."""
    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "home"))
    opened = workspaces.shared()
    yield opened
    opened.close()
