"""What the tests of accounts share."""

from __future__ import annotations

import pytest

from alcore.accounts.accounts import Accounts
from tests.storage.conftest import database

__all__ = ["database"]


@pytest.fixture
def accounts(database) -> Accounts:
    return Accounts(database)


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.delenv("ALCORE_SIGN_IN", raising=False)
