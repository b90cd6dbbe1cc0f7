"""Simulate: label budgets played through on labeled data, a strategy beside the other, by the same code as `python -m alcore simulate`."""

from __future__ import annotations

import streamlit as st

from alcore.errors import AlcoreError, NotFound
from alcore.jobs.contract import RESUMABLE
from alcore.project.background import SIMULATION, simulation_of
from alcore.project.facade import Project
from alcore.simulation import shelf
from alcore.simulation.asking import Asked
from alcore.types import Job
from pages.ui.forms import in_titles
from pages.ui.jobs import STATES, watch
from pages.ui.session import FORM_WIDTH, PROJECT, header, plain_errors, workspace
from pages.ui.simulated import asked_for, results, take_along
from pages.ui.simulating import folder, kept_of, new_simulation

OPENED = "simulation"  # in the page's address: the one that is shown


def main() -> None:
    header(
        "Simulate",
        "Which strategy needs the fewest labels? Each one labels the same data, whose labels are known, from the same first labels.",
    )
    with plain_errors():
        names = _names()
        name = st.query_params.get(OPENED)
        if name in names:
            _opened(name)
            return
        if started := new_simulation(_project()):
            _open(started)
        _earlier(names)


def _project() -> Project | None:
    chosen = st.session_state.get(PROJECT)
    try:
        return workspace().project(chosen) if chosen else None
    except NotFound:  # deleted meanwhile in another tab
        return None


def _names() -> list[str]:
    """Every simulation of the workspace: those that wait for their turn have no folder yet."""
    waiting = [str(job.arguments["name"]) for job in workspace().runner.jobs(limit=200) if job.kind == SIMULATION and not job.over]
    return list(dict.fromkeys([*waiting, *shelf.names(folder())]))


def _job(name: str) -> Job | None:
    """The newest job of a simulation; None of a folder that was brought here."""
    found = workspace().runner.jobs(simulation_of(name), limit=1)
    return found[0] if found else None


def _open(name: str | None) -> None:
    if name is None:
        del st.query_params[OPENED]
    else:
        st.query_params[OPENED] = name
    st.rerun()


# ---- one


def _opened(name: str) -> None:
    job = _job(name)
    live = job is not None and not job.over
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(name, anchor=False, width="content")
        if not live:  # else the job below says it, and this heading is not drawn again with it
            _badge(name, job)
        st.space("stretch")
        if st.button("All simulations", icon=":material/arrow_back:"):
            _open(None)
    if job is not None and live:
        watch(job)
    else:
        _stopped(name, job)
    results(name, live)
    asked_for(name)
    if job is not None:
        take_along(name, Asked.read(job.arguments["asked"]))


def _progress(name: str, job: Job | None) -> tuple[int, int]:
    """Rounds done of all."""
    kept = kept_of(name)
    if kept is not None:
        return kept.finished, kept.planned
    return 0, int(job.arguments["rounds"]) if job else 0


def _badge(name: str, job: Job | None) -> None:
    state = _state(name, job)
    st.badge(state, color=STATES.get(state, "green" if state == "finished" else "orange"))  # type: ignore[arg-type]


def _state(name: str, job: Job | None) -> str:
    if job is not None and not job.over:
        return job.state
    try:
        done, planned = _progress(name, job)
    except AlcoreError:
        return "damaged"
    if planned and done >= planned and (job is None or job.state == "done"):
        return "finished"
    return job.state if job is not None and job.state in RESUMABLE else "unfinished"


def _stopped(name: str, job: Job | None) -> None:
    """What to do with one that ended before its last round."""
    done, planned = _progress(name, job)
    if _state(name, job) == "finished":
        return
    if job is not None and job.state == "failed":
        st.error(in_titles(str(job.error)), icon=":material/error:")
    with st.container(border=True, horizontal=True, vertical_alignment="center", width=FORM_WIDTH):
        where = f"at {done:,} of {planned:,} rounds" if done else "before its first round was done"
        st.markdown(f"**{_words(job)} {where}.** What is done is kept.")
        st.space("stretch")
        _go_on(name, job)


def _words(job: Job | None) -> str:
    state = job.state if job else ""
    return {"cancelled": "Cancelled", "failed": "It failed", "interrupted": "Interrupted"}.get(state, "It ended")


def _go_on(name: str, job: Job | None) -> None:
    if job is None or job.state not in RESUMABLE:
        return
    if st.button(
        "Go on", key=f"go_on.{name}", icon=":material/play_arrow:", type="primary", help="Does what is missing, and no round twice."
    ):
        with plain_errors():
            workspace().runner.resume(job.id)
            _open(name)


# ---- all of them


def _earlier(names: list[str]) -> None:
    st.subheader("Simulations", anchor=False)
    if not names:
        st.caption("None yet. What you start here is kept, and can be opened and gone on with.")
        return
    for name in names:
        job = _job(name)
        with st.container(border=True, horizontal=True, vertical_alignment="center", width=FORM_WIDTH):
            st.markdown(f"**{name}**")
            _badge(name, job)
            with plain_errors():
                done, planned = _progress(name, job)
                st.caption(f"{done:,} of {planned:,} rounds" if planned else "no round yet")
            st.space("stretch")
            _go_on(name, job)
            if st.button("Open", key=f"open.{name}", icon=":material/folder_open:"):
                _open(name)


main()
