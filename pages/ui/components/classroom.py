"""A class in one room: the teacher's part of the Learn page, and what the page that students open is made of."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component(
    "alcore_classroom", js=script("room/teacher.js"), css=style("shared/look.css", "room/teacher.css", "room/board.css")
)


def classroom(*, token: str, projects: Sequence[str], api: str = API, key: str) -> None:
    """Draw the teacher's part. Everything goes by the HTTP API; nothing of it passes a rerun.

    Args:
        token: signed token for the API; that of no project.
        projects: names of those whose images a class can label.
        key: Streamlit's key; keep it constant.
    """
    _mount(key=key, data={"token": token, "api": api.rstrip("/"), "projects": [{"name": name, "title": name} for name in projects]})


def student_script() -> str:
    """The script of the page that students open: it starts by itself where it finds the element `class`."""
    return script("room/student.js")


def student_style() -> str:
    """Its style sheet."""
    return style("room/student.css", "room/board.css")
