"""The one script Streamlit runs: sidebar with the project and who is there, and the pages that they may see."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from alcore.accounts.roles import Role
from pages.ui import tour
from pages.ui.components.connection import watch_connection
from pages.ui.components.remember import remember, remembered
from pages.ui.listed import PAGES, Listed
from pages.ui.now import sidebar_jobs
from pages.ui.session import (
    ANNOTATOR,
    ARRIVED,
    COOKIE,
    LONGEST_NAME,
    NAMELESS,
    PROJECT,
    Visitor,
    given_name,
    header,
    here,
    link,
    literal,
    plain_errors,
    recall_annotator,
    turned_to,
    visitor,
    workspace,
)
from pages.ui.vouching import is_on_the_way, send_on

LOOK = Path(__file__).parent / "ui"


def pages_of(role: Role) -> list[st.Page]:
    """What this role may see. The first one stands at the app's own address, and at the one with its name too."""
    first, *others = [page for page in PAGES if role >= page.needs]
    return [
        st.Page(first.file, title=first.title, icon=first.icon, url_path="start", default=True),
        st.Page(first.file, title=first.title, icon=first.icon, url_path=first.name, visibility="hidden"),
        *(st.Page(page.file, title=page.title, icon=page.icon) for page in others),
        *(
            st.Page(partial(refuse, page, role), title=page.title, url_path=page.name, visibility="hidden")
            for page in PAGES
            if role < page.needs
        ),
    ]


def refuse(page: Listed, role: Role) -> None:
    """Stands at the address of a page that whoever is there may not see."""
    header(page.title, f"This page takes the role {page.needs.word}, and yours is {role.word}. An owner can change that.")


def choose_project(names: list[str]) -> None:
    """The project of this session: one that was just made, the one chosen before, or the address's."""
    wanted = st.session_state.pop(ARRIVED, None) or st.session_state.get(PROJECT) or st.query_params.get("project")
    if wanted not in names:
        wanted = names[0] if names else None
    st.session_state[PROJECT] = wanted


def draw_sidebar(there: Visitor, names: list[str]) -> None:
    with st.sidebar:
        if names:
            st.selectbox("Project", names, key=PROJECT)
        if there.account is not None:
            st.markdown(f"**{literal(there.account.name)}**, {there.role.word}")
            with st.container(horizontal=True, gap="small"):
                if there.account.has_password:
                    link("./password", "Change password")
                link("./logout", "Sign out")
        else:
            told = "Written beside every label you give; this browser remembers it."
            st.text_input("Labeling as", key=ANNOTATOR, persist_state="session", placeholder=NAMELESS, max_chars=LONGEST_NAME, help=told)
            if given_name() != remembered(COOKIE):
                remember(COOKIE, given_name(), key="remember_annotator")
        sidebar_jobs()
        if there.role >= Role.OWNER:
            tour.resume()
        watch_connection()


# Pictures of our own: Streamlit fetches a Material icon for the browser's tab from another site.
st.set_page_config(page_title="alcore", page_icon=str(LOOK / "mark.svg"), layout="wide", initial_sidebar_state=240)
st.logo(str(LOOK / "wordmark.svg"), icon_image=str(LOOK / "mark.svg"), size="medium")
st.html(LOOK / "app.css")

with plain_errors():
    if visitor() is None and is_on_the_way():
        send_on()
        st.stop()
    there = here()
    names = workspace().projects()
    choose_project(names)
    page = st.navigation(pages_of(there.role))
    turned_to(page.title)
    recall_annotator()
    draw_sidebar(there, names)
    if st.session_state[PROJECT]:
        st.query_params["project"] = st.session_state[PROJECT]
    if there.role >= Role.OWNER:
        tour.strip(page.title)
    page.run()
