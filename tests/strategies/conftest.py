"""What the tests of strategies share."""

from __future__ import annotations

import pytest


@pytest.fixture
def task() -> str:
    """The task of tests that do not name theirs."""
    return "classification"
