"""The one page of fake_editor.py: the mask editor, what Streamlit got from it, and the things a page has beside it."""

import streamlit as st

from pages.ui.components.mask_editor import mask_editor
from tests.browser.fake_editor import class_colors, class_names

st.set_page_config(layout="wide")
st.html("<style>[data-testid=stMainBlockContainer] { padding: 1.5rem 2.5rem 3rem }</style>")  # as pages/ui/app.css
asked = st.query_params
project = asked.get("project", "c4-n6-w64-h48")
with st.sidebar:
    st.write("Projects, pages …")
    st.text_input("note", key="note")
    st.button("again")
    token = st.text_input("token", asked.get("token", "good"))
runs = st.session_state["runs"] = st.session_state.get("runs", 0) + 1
st.title("Label", anchor=False)
finished = mask_editor(
    project=project,
    token=token,
    annotator=asked.get("annotator", "anna"),
    classes=class_names(project),
    colors=class_colors(project),
    round_number=2,
    identity="fake",
    unit="tiles" if "tiles" in project else "frames",
    empty="Nothing to label yet. Train first.",
    key="editor",
)
if finished:
    st.session_state["finished"] = finished
st.caption(f"finished: {st.session_state.get('finished')}")
st.caption(f"runs: {runs}")
