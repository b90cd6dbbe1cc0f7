"""The Classes page's part: the classes as rows, what can be done to each, what is taken for what."""

from __future__ import annotations

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component("alcore_classes", js=script("classes/classes.js"), css=style("shared/look.css", "classes/classes.css"))


def class_table(*, project: str, token: str, role: str, identity: str, api: str = API, key: str) -> str | None:
    """Draw the classes. What is done to them goes by the HTTP API; a rerun learns of a view alone that somebody wants to see.

    Args:
        project: name of the project, as in the API's addresses.
        token: signed token for the API.
        role: of who looks at it: an owner may change classes, others see them.
        identity: names the workspace and the project's life.
        api: where the API is mounted.
        key: Streamlit's key; keep it constant.

    Returns:
        Once, the address of a view of the Images page that somebody wants to see.
    """
    data = {"project": project, "token": token, "role": role, "identity": identity, "api": api.rstrip("/")}
    opened: str | None = _mount(key=key, data=data, on_open_change=lambda: None).open
    return opened
