"""Buttons whose press is not lost.

Streamlit keeps a press for the run that it begins, and takes presses back whenever a run of the session begins or ends. A run that was on
its way already, as each look of a part of a page at its job is one, takes back a press that it never saw. A callback has heard of it by
then: it notes the press, and whoever draws the button takes it, in the next run where the first one was broken off. A press of a button
that no run knows at that moment has no callback, and only Streamlit keeps it: either counts.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

NOTED = "presses"


def pressed(label: str, *, key: str | None = None, **look: Any) -> bool:
    """Draws a button like `st.button` and says whether it was pressed."""
    name = key or label
    kept = st.button(label, key=key, on_click=_note, args=(name,), **look)
    return _taken(name) or kept


def submitted(label: str, **look: Any) -> bool:
    """Draws the button of a form like `st.form_submit_button` and says whether it was pressed."""
    kept = st.form_submit_button(label, on_click=_note, args=(label,), **look)
    return _taken(label) or kept


def noted() -> frozenset[str]:
    """What was pressed and is not taken yet."""
    return frozenset(st.session_state.get(NOTED, ()))


def forget(those: frozenset[str]) -> None:
    """What was pressed and is not there any more counts no longer: a page was drawn to its end since, or another one is."""
    st.session_state.get(NOTED, set()).difference_update(those)


def _note(name: str) -> None:
    st.session_state.setdefault(NOTED, set()).add(name)


def _taken(name: str) -> bool:
    noted: set[str] = st.session_state.get(NOTED, set())
    was = name in noted
    noted.discard(name)
    return was
