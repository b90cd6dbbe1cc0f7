"""The labeling part of the Label page: one large image or a grid, keys, and the reasons an image was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component(
    "alcore_labeler",
    js=script("label/labeler.js"),
    css=style("shared/look.css", "label/labeler.css", "shared/why.css"),
)


def labeler(
    *,
    project: str,
    token: str,
    annotator: str,
    classes: Sequence[str],
    api: str = API,
    mode: Literal["single", "grid"] = "single",
    looks: Mapping[str, Mapping[str, str]] | None = None,
    round_number: int | None = None,
    identity: str = "",
    empty: str = "Nothing to label yet.",
    key: str,
) -> dict[str, Any] | None:
    """Draw the labeler. Labels go from the browser to the HTTP API at once and never through a Streamlit rerun.

    Args:
        project: name of the project, as in the API's addresses.
        token: signed token for the API. A new one at every rerun is fine and keeps the session alive.
        annotator: the name the token was signed for. Unsent labels kept in the browser are only sent under the name they were given by.
        classes: class names in index order; the first get the keys 1 to 9, 0, then letters. Classes that are all single digits
            keep each name as its key.
        api: where the API is mounted.
        looks: class -> color, key, about, of those for which somebody chose something.
        mode: one large image, or a grid of 48.
        round_number: changes when a new query is open, so that the labeler starts on it; None when there is no round yet.
        identity: names the workspace (and the project's life). Unsent labels are never sent to another one of the same name.
        empty: shown when nothing was ever asked for.
        key: Streamlit's key; keep it constant.

    Returns:
        None while labels are being given. Once, in the rerun that follows the last label of the query:
        `{"round", "total", "labeled", "skipped", "flagged"}`, after the server has acknowledged all of them.
    """
    data = {
        "project": project,
        "token": token,
        "annotator": annotator,
        "classes": list(classes),
        "api": api.rstrip("/"),
        "mode": mode,
        "looks": {name: dict(look) for name, look in (looks or {}).items()},
        "round": round_number,
        "identity": identity,
        "empty": empty,
    }
    result = _mount(key=key, data=data, on_finished_change=lambda: None)
    finished: dict[str, Any] | None = result.finished
    return finished
