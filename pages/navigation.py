"""The one script Streamlit runs: sidebar with the project, and the pages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.ui import tour
from pages.ui.components.connection import watch_connection
from pages.ui.components.remember import remember, remembered
from pages.ui.now import sidebar_jobs
from pages.ui.session import (
    ANNOTATOR,
    ARRIVED,
    COOKIE,
    LONGEST_NAME,
    NAMELESS,
    PROJECT,
    given_name,
    plain_errors,
    recall_annotator,
    turned_to,
    workspace,
)

LOOK = Path(__file__).parent / "ui"

# Pictures of our own: Streamlit fetches a Material icon for the browser's tab from another site.
st.set_page_config(page_title="alcore", page_icon=str(LOOK / "mark.svg"), layout="wide", initial_sidebar_state=240)
st.logo(str(LOOK / "wordmark.svg"), icon_image=str(LOOK / "mark.svg"), size="medium")
st.html(LOOK / "app.css")

with plain_errors():
    names = workspace().projects()
    wanted = st.session_state.pop(ARRIVED, None) or st.session_state.get(PROJECT) or st.query_params.get("project")
    if wanted not in names:
        wanted = names[0] if names else None
    st.session_state[PROJECT] = wanted

    pages = [
        st.Page("data.py", title="Data", icon=":material/photo_library:", default=True),
        st.Page("train.py", title="Train", icon=":material/model_training:"),
        st.Page("label.py", title="Label", icon=":material/sell:"),
        st.Page("images.py", title="Images", icon=":material/grid_view:"),
        st.Page("classes.py", title="Classes", icon=":material/category:"),
        st.Page("explore.py", title="Explore", icon=":material/scatter_plot:"),
        st.Page("progress.py", title="Progress", icon=":material/trending_up:"),
        st.Page("simulate.py", title="Simulate", icon=":material/science:"),
        st.Page("learn.py", title="Learn", icon=":material/school:"),
        st.Page("methods.py", title="Methods", icon=":material/menu_book:"),
    ]
    page = st.navigation(pages)
    turned_to(page.title)

    recall_annotator()
    with st.sidebar:
        if names:
            st.selectbox("Project", names, key=PROJECT)
        told = "Written beside every label you give; this browser remembers it."
        st.text_input("Labeling as", key=ANNOTATOR, persist_state="session", placeholder=NAMELESS, max_chars=LONGEST_NAME, help=told)
        if given_name() != remembered(COOKIE):
            remember(COOKIE, given_name(), key="remember_annotator")
        sidebar_jobs()
        tour.resume()
        watch_connection()

    if st.session_state[PROJECT]:
        st.query_params["project"] = st.session_state[PROJECT]
    tour.strip(page.title)
    page.run()
