"""What the tests of accounts share."""

from __future__ import annotations

import pytest

from alcore.accounts.accounts import Accounts
from alcore.storage.database import Database
from tests.storage.rows import address


@pytest.fixture
def database(tmp_path, store):
    opened = Database(address(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def accounts(database) -> Accounts:
    return Accounts(database)


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch):
    monkeypatch.delenv("ALCORE_SIGN_IN", raising=False)
