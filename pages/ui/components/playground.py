"""The Learn page's playground: points in a plane that the library's strategies learn, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from alcore.browser import script, style
from alcore.project.addresses import API
from alcore.teaching.switches import Switch

_mount = st.components.v2.component("alcore_playground", js=script("learn/learn.js"), css=style("shared/look.css", "learn/learn.css"))


def playground(
    *,
    token: str,
    kinds: Mapping[str, str],
    strategies: Mapping[str, str],
    strategy: str,
    switches: Sequence[tuple[Switch, str]],
    api: str = API,
    key: str,
) -> None:
    """Draw the playground. Films of what is learned come from the HTTP API; nothing of it passes a rerun.

    Args:
        token: signed token for the API; that of no project does.
        kinds: name -> title of the points there are.
        strategies: name -> title of those that can be played.
        strategy: the one it begins with.
        switches: changes of them, each with what was measured of it, in a sentence.
        key: Streamlit's key; keep it constant.
    """
    data = {
        "token": token,
        "api": api.rstrip("/"),
        "kinds": [{"name": name, "title": title} for name, title in kinds.items()],
        "strategies": [{"name": name, "title": title} for name, title in strategies.items()],
        "strategy": strategy,
        "switches": [
            {"name": s.name, "strategy": s.strategy, "title": s.title, "params": dict(s.params), "why": s.why, "measured": measured}
            for s, measured in switches
        ],
    }
    _mount(key=key, data=data)
