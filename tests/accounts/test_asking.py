"""Whether anybody is asked: ALCORE_SIGN_IN."""

from __future__ import annotations

import pytest

from alcore.accounts.asking import mark_of, wanted
from alcore.errors import BadInput


@pytest.mark.parametrize(("said", "means"), [("1", True), ("Yes", True), ("0", False), (" off ", False), ("", None)])
def test_it_says_always_never_or_nothing(monkeypatch, said, means):
    monkeypatch.setenv("ALCORE_SIGN_IN", said)
    assert wanted() is means


def test_anything_else_is_told(monkeypatch):
    monkeypatch.setenv("ALCORE_SIGN_IN", "perhaps")
    with pytest.raises(BadInput, match="ALCORE_SIGN_IN is 'perhaps': 1 asks everybody"):
        wanted()


def test_a_mark_is_of_what_streamlit_keeps_of_somebody_and_of_nothing_else():
    kept = {"_streamlit_user": "a", "_streamlit_user__1": "b"}
    assert mark_of(kept) == mark_of({"other": "x", **dict(reversed(kept.items()))})
    assert len({mark_of(kept), mark_of({"_streamlit_user": "a"}), mark_of({}), mark_of(kept | {"_streamlit_user": "c"})}) == 4
