"""The one page of fake_app.py: a component, what Streamlit got from it, and the things a page has beside it."""

from typing import Literal

import streamlit as st

from pages.ui.components.embedding_map import embedding_map
from pages.ui.components.labeler import labeler
from tests.browser.fake_map import ROUNDS, class_names

st.set_page_config(layout="wide")
asked = st.query_params
project = asked.get("project", "c3-n50-s32")
with st.sidebar:
    st.write("Projects, pages …")
    st.text_input("note", key="note")
    st.button("again")
    color = st.radio("color", ["entropy", "label", "total", "prediction", "truth", "asked", "annotator", "correct"])
    token = st.text_input("token", "good")
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
if asked.get("view") == "map":
    wanted = asked.get("renderer")
    renderer: Literal["auto", "webgl", "canvas"] = "webgl" if wanted == "webgl" else "canvas" if wanted == "canvas" else "auto"
    names = class_names(project)
    rounds = [{"number": r, "title": f"Round {r}: a title"} for r in ROUNDS]
    timed = {"rounds": rounds, "moves": "moves" in project} if "moves" in project or "stays" in project else None
    selection = embedding_map(
        project=project,
        token=token,
        round_number=st.session_state.get("round", 2),
        color=color,
        classes=names,
        timeline=timed,
        on_round=lambda to: st.session_state.update(round=to),
        renderer=renderer,
        key="map",
    )
    st.caption(f"selection: {selection}")
    st.caption(f"round: {st.session_state.get('round', 2)}")
else:
    finished = labeler(
        project=project,
        token=token,
        annotator=asked.get("annotator", "anna"),
        classes=class_names(project),
        mode="grid" if asked.get("mode") == "grid" else "single",
        empty="Nothing to label yet. Train first.",
        key="labeler",
    )
    if finished:
        st.session_state["finished"] = finished
    st.caption(f"finished: {st.session_state.get('finished')}")
st.caption(f"runs: {runs}")
