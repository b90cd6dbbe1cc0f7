"""Label: the queried images with the reasons they were asked for. Labels go by HTTP; this page reruns only when the query is used up."""

from __future__ import annotations

import streamlit as st

from alcore.project import Project
from pages.ui.components.labeler import labeler
from pages.ui.session import annotator, empty, header, identity, plain_errors, project, token
from pages.ui.work import running


def main() -> None:
    of = project()
    rounds = of.rounds()
    if len(of.classes) < 2:
        header("Label", "One key an image.")
        empty(
            "Classes first",
            f"{of.name} has {len(of.classes)} class(es). Add at least two under Manage on the Data page.",
            "data.py",
            "Add classes",
        )
        return
    if not rounds:
        header("Label", "One key an image.")
        _nothing_asked(of)
        return
    newest = rounds[-1]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Label", anchor=False, width="content")
        st.space("stretch")
        mode = st.segmented_control(
            "View",
            ["single", "grid"],
            default="single",
            required=True,
            format_func=str.capitalize,
            label_visibility="collapsed",
            key="view",
        )
    finished = labeler(
        project=of.name,
        token=token(of),
        annotator=annotator(),
        classes=of.classes,
        mode="grid" if mode == "grid" else "single",
        round_number=newest.number,
        identity=identity(of),
        empty="Nothing was asked for yet: train a round.",
        key="labeler",
    )
    waiting = of.waiting()
    if finished or not waiting:
        _next_step(of)
    elif running("round", of):
        st.caption(":material/model_training: A round is training. What you label now counts for the one after it.")


def _nothing_asked(of: Project) -> None:
    with st.container(border=True):
        st.subheader("Nothing was asked for yet", anchor=False)
        st.write("Start with some images chosen without a model, or train a round if there are labels already.")
        with st.container(horizontal=True):
            if st.button("Ask for 50 at random", type="primary", icon=":material/casino:"):
                with plain_errors():
                    of.start(50, "random", seed=0)
                    st.rerun()
            if st.button("Ask for 50 spread over the pixels", icon=":material/bubble_chart:"):
                with plain_errors():
                    of.start(50, "kcenter", seed=0)
                    st.rerun()
            st.page_link("train.py", label="Train a round", icon=":material/model_training:")


def _next_step(of: Project) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(":material/check_circle: This query is done. Train the next round on the new labels.")
        st.space("stretch")
        st.page_link("train.py", label="Train the next round", icon=":material/model_training:")


main()
