"""The Data page's way in: files dropped or chosen, uploads that the server has, and folders of it."""

from __future__ import annotations

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component("alcore_upload", js=script("upload/upload.js"), css=style("shared/look.css", "upload/upload.css"))


def upload(*, token: str, api: str = API, key: str) -> str:
    """Draw it. Files go by the HTTP API; a rerun learns of what an import can take, once it is whole.

    Args:
        token: signed token for the API; that of no project.
        key: Streamlit's key; keep it constant.

    Returns:
        The path of an upload or of a folder in the run after it has arrived or was chosen, else "".
    """
    result = _mount(key=key, data={"token": token, "api": api.rstrip("/")}, on_arrived_change=lambda: None)
    return str(result.arrived or "")
