"""The line beside a Start button that says how long what it starts would take. It comes when it is known; the page does not wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from alcore.errors import AlcoreError
from alcore.project.facade import Project
from alcore.project.loop import drafted
from pages.ui.forms import in_titles

LOOK = 1.0  # seconds


def forecast_line(of: Project, strategy: str, size: int, device: str, params: Mapping[str, Any], train: Mapping[str, Any]) -> None:
    """Says how long such a round would take, and while that is being found out, that it is."""

    def said() -> str | None:
        try:
            found = of.workspace.forecasts.look(of, drafted(of, strategy, size, 0, device, params, train))
        except AlcoreError:
            return ""  # a field is wrong: Start says which
        if found is None or isinstance(found, AlcoreError):
            return None if found is None else in_titles(str(found))
        line = found.words()
        return f"{line[0].upper()}{line[1:]}. {found.cure()}".strip()

    shown_when_known(said)


def shown_when_known(said: Callable[[], str | None]) -> None:
    """Shows what `said` gives, small and with a clock; while that is None it is asked again and again, and the rest of the page does not
    wait. "" shows nothing."""
    words = said()
    if words is not None:
        _show(words)
        return
    whole = True  # while the whole page runs: a rerun then would lose the button that was pressed for it

    @st.fragment(run_every=LOOK)
    def wait() -> None:
        nonlocal whole
        if not whole and said() is not None:
            st.rerun()
        whole = False
        _show("estimating…")

    wait()


def _show(words: str) -> None:
    if words:
        st.caption(f":material/schedule: {words}")
