"""The Images page's grid: every image of a project, filtered and sorted, many answered at once."""

from __future__ import annotations

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component(
    "alcore_images", js=script("images/images.js"), css=style("shared/look.css", "images/images.css", "shared/why.css")
)


def image_grid(
    *, project: str, token: str, annotator: str, role: str, identity: str, dense: bool = False, view: str = "", api: str = API, key: str
) -> str:
    """Draw the grid. What is asked and answered goes by the HTTP API; a rerun learns of the view alone.

    Args:
        project: name of the project, as in the API's addresses.
        token: signed token for the API.
        annotator: the name the token was signed for; what was done is undone by the same person.
        role: of who looks at it: a viewer answers nothing, an owner may also hold out and make classes.
        identity: names the workspace and the project's life: nothing of another one is undone here.
        dense: images have masks, and no class each.
        view: address of the view to begin with.
        key: Streamlit's key; keep it constant.

    Returns:
        The address of the view that is shown.
    """
    data = {"project": project, "token": token, "annotator": annotator, "role": role, "identity": identity, "dense": dense, "view": view}
    result = _mount(key=key, data={**data, "api": api.rstrip("/")}, default={"view": view}, on_view_change=lambda: None)
    shown: str = result.view
    return shown
