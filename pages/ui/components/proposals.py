"""What methods would ask for by one look at the pool, side by side; all of it goes by the HTTP API."""

from __future__ import annotations

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component("alcore_proposals", js=script("page/proposals.js"), css=style("shared/look.css", "page/proposals.css"))


def proposals(*, project: str, token: str, size: int, open_images: int, api: str = API, key: str) -> int | None:
    """Draw what there is of a comparison, and the button that makes one.

    Args:
        project: name of the project, as in the API's addresses.
        token: signed token for the API.
        size: images each method is to ask for, to begin with.
        open_images: how many there are to ask for.
        key: Streamlit's key; keep it constant.

    Returns:
        The number of the round that was made of one of them, once; else None.
    """
    data = {"project": project, "token": token, "size": size, "open": open_images, "api": api.rstrip("/")}
    result = _mount(key=key, data=data, on_taken_change=lambda: None)
    return None if result.taken is None else int(result.taken)
