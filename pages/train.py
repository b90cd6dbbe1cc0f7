"""Train: choose a strategy and its parameters, start a round, watch it live, cancel or resume it."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import streamlit as st

from alcore.project import Project
from alcore.strategies import STRATEGIES
from alcore.types import TrainParams
from pages.ui.forms import params_form
from pages.ui.session import header, plain_errors, project
from pages.ui.work import past, running, watch


def main() -> None:
    header("Train", "One round: train on the labels, test, score the pool, query the next images. It runs in the background.")
    of = project()
    jobs = running("round", of)
    for job in jobs:
        watch(job, of)
    if done := _just_done(of, [j.id for j in jobs]):
        st.success(f"Round {done} is ready: its query is waiting.", icon=":material/check_circle:")
        st.page_link("label.py", label="Label the query", icon=":material/sell:")
    counts = of.counts()
    if not counts["labeled"]:
        _first_query(of, counts)
    with st.container(border=True):
        _new_round(of, counts, bool(jobs))
    st.subheader("Past jobs", anchor=False)
    past(of)


def _just_done(of: Project, ids: list[int]) -> int | None:
    """The round that ended since this session last looked."""
    key = f"watched.{of.id}"
    before = st.session_state.get(key, [])
    st.session_state[key] = ids
    ended = [of.workspace.runner.snapshot(i) for i in before if i not in ids]
    finished = [int((j.result or {})["round"]) for j in ended if j.state == "done"]
    for job in ended:
        if job.state == "failed":
            st.error(job.error, icon=":material/error:")
    return finished[-1] if finished else None


def _first_query(of: Project, counts: dict[str, Any]) -> None:
    with st.container(border=True):
        st.subheader("Nothing is labeled yet", anchor=False)
        st.write("A model needs a few labels first. Ask for some images without one, label them, then train.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            size = st.number_input(
                "Images", 1, max(1, counts["splits"].get("pool", 1)), min(50, max(1, counts["splits"].get("pool", 1))), width=140
            )
            how = st.segmented_control(
                "Chosen",
                ["random", "kcenter"],
                default="random",
                required=True,
                format_func={"random": "at random", "kcenter": "spread over the pixels"}.__getitem__,
            )
            if st.button("Ask for these", type="primary", icon=":material/sell:"):
                with plain_errors():
                    of.start(int(size), how or "random", seed=0)
                    st.switch_page("label.py")
            if sum(counts["truth"].get("pool", {}).values()) and st.button(
                "Label 50 from the hidden truth",
                icon=":material/visibility_off:",
                help="For demos: the labels that came with the data answer.",
            ):
                with plain_errors():
                    of.label_from_truth(min(50, counts["splits"]["pool"]), seed=0)
                    st.rerun()


def _new_round(of: Project, counts: dict[str, Any], busy: bool) -> None:
    st.subheader("New round", anchor=False)
    name = (
        st.segmented_control(
            "Strategy", list(STRATEGIES), default="mal", required=True, format_func=lambda s: STRATEGIES[s].title, key="strategy"
        )
        or "mal"
    )
    strategy = STRATEGIES[name]
    paragraphs = (inspect.getdoc(strategy) or "").split("\n\n")
    st.caption(f"{' '.join(paragraphs[-1].split())} ({strategy.paper})")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        left = max(1, counts["splits"].get("pool", 1) - counts["labeled"])
        size = st.number_input("Query size", 1, 100_000, min(50, left), width=140, help="How many images to ask for.", key="query_size")
        seed = st.number_input(
            "Seed", 0, 2**31, len(of.rounds()), width=120, help="The same seed, labels and parameters give the same round."
        )
        device = st.selectbox("Device", of.devices(), width=180, format_func=lambda d: d[1], key="device")[0]
        start = st.button("Queue it" if busy else "Start", type="primary", icon=":material/play_arrow:", disabled=not counts["labeled"])
    params = {}
    if dataclasses.fields(strategy.Params):
        with st.expander(f"{strategy.title}: parameters", expanded=False):
            params = params_form(strategy.Params, name)
    with st.expander("Training: parameters"):
        train = params_form(TrainParams, "train", {"flip": of.settings["flip"]})
    if strategy.differences:
        with st.expander("How this differs from the paper"):
            st.markdown("\n".join(f"- {d}" for d in strategy.differences))
    st.caption(f"{counts['labeled']:,} labels will be trained on. Labels given while it runs are kept for the next round.")
    if start:
        with plain_errors():
            of.submit_round(name, int(size), int(seed), device, params, train)
            st.rerun()


main()
