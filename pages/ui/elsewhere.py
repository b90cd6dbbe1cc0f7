"""A source that lies at an address: fetched into the workspace in the background, then as any folder there."""

from __future__ import annotations

import streamlit as st

from alcore.errors import AlcoreError
from alcore.project.background import FETCH, submit_fetch
from alcore.uploads.reach import Reach, is_address
from pages.ui.jobs import running, watch
from pages.ui.session import workspace

FETCHING, TOLD, ASKED = (
    "new.fetching",
    "new.fetched",
    "new.address",
)  # of the session: the job it waits for, and of one that ended whether it failed and what is said of it


def arrived(field: str) -> None:
    """Puts what was fetched into the text field of the key `field`, which must not be drawn yet in this run; says how a fetch ended."""
    number = st.session_state.get(FETCHING)
    job = workspace().runner.snapshot(number) if number is not None else None
    if job and job.over:
        del st.session_state[FETCHING]
        if job.state == "done":
            result = job.result or {}
            st.session_state[field] = st.session_state[ASKED] = result["source"]
            st.session_state[TOLD] = (False, " ".join(result["notes"]))
        else:
            ended = job.error or f"the fetch was {job.state}"
            words = f"{ended[0].upper()}{ended[1:]}. What has come so far is kept: fetch it again to go on."
            st.session_state[TOLD] = (job.state == "failed", words)


def elsewhere(source: str) -> bool:
    """Draws the way from an address to a folder, and what is being fetched; True where `source` is one, which nothing can read yet."""
    jobs = running(FETCH)
    for job in jobs:
        watch(job)
    if st.session_state.get(ASKED) != source:  # what was said is of another address
        st.session_state[ASKED], st.session_state[TOLD] = source, None
    failed, words = st.session_state.get(TOLD) or (False, "")
    if words and not failed:
        st.caption(f":material/info: {words}")
    if not is_address(source):
        return False
    mine = any(job.id == st.session_state.get(FETCHING) for job in jobs)
    try:
        address = Reach.of_pages(workspace().home).check(source)
    except AlcoreError as problem:
        st.error(f"{str(problem)[0].upper()}{str(problem)[1:]}.", icon=":material/block:")
        return True
    if failed:
        st.error(words, icon=":material/error:")
    if mine:
        return True
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Fetch it", icon=":material/cloud_download:", type="primary", key="new.fetch"):
            _begin(source)
        st.caption(f"`{address.text}` is copied into the workspace, in the background. Then it is shown before anything is imported.")
    return True


def _begin(source: str) -> None:
    try:
        job = submit_fetch(workspace().runner, workspace(), source)
    except AlcoreError as problem:
        st.session_state[TOLD] = (True, f"{str(problem)[0].upper()}{str(problem)[1:]}.")
    else:
        st.session_state[FETCHING], st.session_state[TOLD] = job.id, None
    st.rerun()
