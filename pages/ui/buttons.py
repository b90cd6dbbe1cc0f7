"""Buttons whose press is not lost.

Streamlit keeps a press for the run that it begins, and takes presses back whenever a run of the session begins or ends. A run that was on
its way already, as each look of a part of a page at its job is one, takes back a press that it never saw. A callback has heard of it by
then: it notes the press, and whoever draws the button takes it, in the next run where the first one was broken off.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

NOTED = "presses"


def pressed(label: str, *, key: str | None = None, **look: Any) -> bool:
    """Draws a button like `st.button` and says whether it was pressed."""
    name = key or label
    st.button(label, key=key, on_click=_note, args=(name,), **look)
    return _taken(name)


def submitted(label: str, **look: Any) -> bool:
    """Draws the button of a form like `st.form_submit_button` and says whether it was pressed."""
    st.form_submit_button(label, on_click=_note, args=(label,), **look)
    return _taken(label)


def forget() -> None:
    """What was pressed and is not there any more counts no longer: once a page was drawn to its end, or another one is."""
    st.session_state.pop(NOTED, None)


def _note(name: str) -> None:
    st.session_state.setdefault(NOTED, set()).add(name)


def _taken(name: str) -> bool:
    noted: set[str] = st.session_state.get(NOTED, set())
    was = name in noted
    noted.discard(name)
    return was
