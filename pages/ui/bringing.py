"""How a source comes to the import form: uploaded, chosen from the server's folders, or typed; and which of those may be read."""

from __future__ import annotations

import streamlit as st

from alcore.errors import BadInput
from alcore.uploads.roots import Roots
from pages.ui.components.upload import upload
from pages.ui.session import sign, workspace


def bring(field: str) -> None:
    """Draws the way in. What arrives is put into the text field of the key `field`, which must not be drawn yet in this run."""
    if arrived := upload(token=sign(""), key="upload"):
        st.session_state[field] = arrived


def refusal(source: str) -> str:
    """Why a source may not be read, or ""; says nothing of whether it is there."""
    try:
        Roots.of(workspace().home).check(source)
    except BadInput as problem:
        return str(problem)
    return ""
