"""A name that this browser keeps for the next visit."""

from __future__ import annotations

from urllib.parse import unquote

import streamlit as st

from alcore.browser import script

_mount = st.components.v2.component("alcore_remember", js=script("page/remember.js"))


def remember(name: str, value: str, *, key: str) -> None:
    """Keeps `value` under `name` in this browser for a year; forgets it when it is empty."""
    _mount(key=key, data={"name": name, "value": value})


def remembered(name: str) -> str:
    """What this browser kept under `name` when the page was opened; empty without it."""
    kept = st.context.cookies.get(name)
    return unquote(kept) if isinstance(kept, str) else ""  # Streamlit's own test harness has no cookies but mocks
