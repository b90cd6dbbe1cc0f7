"""The map part of the Explore page: every image of the pool as a point, coloured by a score or a class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API

_mount = st.components.v2.component(
    "alcore_embedding_map",
    js=script("map/map.js"),
    css=style("shared/look.css", "map/map.css"),
)


@dataclass(frozen=True)
class Selection:
    """What a lasso caught: how many points, and the ids of at most 2,000 of them, in the order that was asked for. `opened` is the name of
    the kept selection that somebody wants to see on the page of all images, once; `left` that of `among` once something else was selected.
    Else both are empty."""

    ids: tuple[int, ...] = ()
    count: int = 0
    opened: str = ""
    left: str = ""


def embedding_map(
    *,
    project: str,
    token: str,
    round_number: int,
    color: str,
    order: Literal["most", "least", "name"] = "most",
    classes: Sequence[str],
    timeline: Mapping[str, Any] | None = None,
    on_round: Callable[[int], None] | None = None,
    among: str = "",
    api: str = API,
    height: int = 560,
    renderer: Literal["auto", "webgl", "canvas"] = "auto",
    key: str,
) -> Selection:
    """Draw the map. Positions and columns come from the HTTP API as raw arrays; a new `color` fetches that column and nothing else.

    Args:
        project: name of the project, as in the API's addresses.
        token: signed token for the API; a new one at every rerun is fine.
        round_number: the round whose map and scores are shown.
        color: name of a number, class or flag column.
        order: of the images of a selection: the most or the least wanted first, by the score shown or, where classes are, by what the
            strategy ranks by; or by name.
        classes: class names in index order.
        timeline: of `points.timeline`: a slider over the rounds stands below the map where there are several.
        on_round: called with the number of the round that the slider was moved to, before the page runs again.
        among: name of a kept selection, which is selected as if somebody had drawn around it.
        api: where the API is mounted.
        height: pixels on the page.
        renderer: auto takes WebGL where the browser has it on a real GPU and draws on a 2-D canvas elsewhere.
        key: Streamlit's key; keep it constant.

    Returns:
        The points of the last lasso; empty when there is none.
    """
    data = {
        "project": project,
        "token": token,
        "round": round_number,
        "color": color,
        "order": order,
        "classes": list(classes),
        "api": api.rstrip("/"),
        "height": height,
        "renderer": renderer,
        "opens": True,
        "among": among,
        **(timeline or {}),
    }

    def moved() -> None:
        to = st.session_state[key].get("round")
        if on_round and to is not None:
            on_round(int(to))

    result = _mount(
        key=key,
        data=data,
        default={"selection": None},
        on_selection_change=lambda: None,
        on_opened_change=lambda: None,
        on_round_change=moved,
    )
    caught, opened = result.selection, str(result.opened or "")
    if not caught:
        return Selection(opened=opened)
    return Selection(tuple(int(i) for i in caught["ids"]), int(caught["count"]), opened, str(caught.get("left") or ""))
