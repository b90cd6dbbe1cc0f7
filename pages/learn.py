"""Learn: both papers as something to play with, by the code that runs for real; and a class that labels in one room."""

from __future__ import annotations

import streamlit as st

from alcore.accounts.roles import Role
from alcore.strategies import STRATEGIES
from alcore.teaching.lessons import ASKING
from alcore.teaching.points import KINDS
from alcore.teaching.switches import SWITCHES, in_words, measured
from pages.ui.components.classroom import classroom
from pages.ui.components.playground import playground
from pages.ui.session import METHOD, PROJECT, header, may, sign, workspace

TITLES = {"moons": "Moons", "blobs": "Blobs", "rings": "Rings", "spiral": "Spiral", "rare": "99 : 1"}
PLAYGROUND, CLASS = "Playground", "A class in one room"


def main() -> None:
    header(
        "Learn",
        "Points in place of images: watch a method learn a few labels, and ask for the next. A click on a point labels it.",
    )
    if not may(Role.OWNER):  # to open a class
        _playground()
        return
    alone, together = st.tabs([PLAYGROUND, CLASS])  # both stay mounted: to change costs no rerun, and a class goes on
    with alone:
        _playground()
    with together:
        classroom(token=sign(""), projects=_labelable(), key="classroom")


def _playground() -> None:
    effects = measured()
    asked = st.query_params.get(METHOD, "")
    playground(
        token=sign(""),
        kinds={name: TITLES.get(name, name.capitalize()) for name in KINDS},
        strategies={name: STRATEGIES[name].title for name in reversed(ASKING)},
        strategy=asked if asked in ASKING else ASKING[-1],
        switches=[
            (switch, in_words([e for e in effects if (e.strategy, e.switch) == (switch.strategy, switch.name)])) for switch in SWITCHES
        ],
        key="playground",
    )
    st.caption("Every step is one of the library's own training loop, on a network of two hidden layers whose features are two numbers.")
    st.page_link("methods.py", label="What each method is, and when to use it", icon=":material/menu_book:")


def _labelable() -> list[str]:
    """Projects whose images have a class each, that of the sidebar first."""
    rows = (workspace().project_rows.row(name) for name in workspace().projects())
    names = [str(row["name"]) for row in rows if row["task"] == "classification"]
    return sorted(names, key=lambda name: name != st.session_state.get(PROJECT))


main()
