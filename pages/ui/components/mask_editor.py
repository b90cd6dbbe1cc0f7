"""The mask editor of the Label page: one large image with its mask, tools to paint it with, and the reasons it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component(
    "alcore_mask_editor",
    js=script("mask/editor.js"),
    css=style("shared/look.css", "label/labeler.css", "shared/why.css", "mask/editor.css"),
)


def mask_editor(
    *,
    project: str,
    token: str,
    annotator: str,
    classes: Sequence[str],
    colors: Sequence[Sequence[int]],
    api: str = API,
    round_number: int | None = None,
    identity: str = "",
    unit: str = "frames",
    empty: str = "Nothing to label yet.",
    key: str,
) -> dict[str, Any] | None:
    """Draw the mask editor. Masks go from the browser to the HTTP API at once and never through a Streamlit rerun.

    Args:
        project: name of the project, as in the API's addresses.
        token: signed token for the API. A new one at every rerun is fine and keeps the session alive.
        annotator: the name the token was signed for. Masks and strokes kept in the browser are only used under the name they were made by.
        classes: class names in index order, at most 254; the first get the keys 1 to 9, 0, then the letters that are no tool's.
        colors: RGB of each class, 0 to 255.
        api: where the API is mounted.
        round_number: changes when a new query is open, so that the editor starts on it; None when there is no round yet.
        identity: names the workspace (and the project's life). Unsent masks are never sent to another one of the same name.
        unit: what was asked for: `frames`, or `tiles` or `superpixels` of them; a word in the caption.
        empty: shown when nothing was ever asked for.
        key: Streamlit's key; keep it constant.

    Returns:
        None while masks are being painted. Once, in the rerun that follows the last answer of the query:
        `{"round", "total", "labeled", "skipped", "flagged"}`, after the server has acknowledged all of them.
    """
    data = {
        "project": project,
        "token": token,
        "annotator": annotator,
        "classes": list(classes),
        "colors": [[int(part) for part in color] for color in colors],
        "api": api.rstrip("/"),
        "round": round_number,
        "identity": identity,
        "unit": unit,
        "empty": empty,
    }
    result = _mount(key=key, data=data, on_finished_change=lambda: None)
    finished: dict[str, Any] | None = result.finished
    return finished
