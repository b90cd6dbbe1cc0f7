"""What a page says when its server is gone, instead of Streamlit's dialog; it draws itself anew when the server is back."""

from __future__ import annotations

import streamlit as st

from alcore.browser import script

TITLE = "The server is not running"
TEXT = (
    "Start it again where it was started, with `make app` or `python -m alcore serve`: this page goes on by itself then. "
    "Labels that are not saved yet stay in this browser."
)

_mount = st.components.v2.component("alcore_connection", js=script("page/connection.js"))


def watch_connection() -> None:
    """Mount the watcher; once a page, whatever else is on it."""
    _mount(key="connection", data={"title": TITLE, "text": TEXT}, on_again_change=lambda: None)
