"""Rows of pictures: a title a row, its images beside it. Pictures come by HTTP with a token, cached by the browser."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component("alcore_gallery", js=script("page/gallery.js"), css=style("page/gallery.css"))


def gallery(rows: Sequence[tuple[str, str, Sequence[tuple[str, str]]]], *, token: str, size: int = 72, api: str = API, key: str) -> None:
    """Draw the rows.

    Args:
        rows: (title, text under it, [(address of the picture, what to say of it)]).
        token: signed token for the API.
        size: side of a picture on the page, in pixels.
        key: Streamlit's key; keep it constant.
    """
    shown = [
        {"title": title, "text": text, "images": [{"image": image, "title": about} for image, about in images]}
        for title, text, images in rows
    ]
    _mount(key=key, data={"rows": shown, "token": token, "size": size, "api": api.rstrip("/")})
