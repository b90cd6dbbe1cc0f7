"""Methods: a page for each strategy, made from its class: what it does, when to use it and when not, with what was measured."""

from __future__ import annotations

import streamlit as st

from alcore.accounts.roles import Role
from alcore.project.facade import Project
from alcore.strategies import STRATEGIES
from alcore.teaching.methods import Formula, Method, Part, Section, Table, method, methods
from pages.ui.session import FORM_WIDTH, METHOD, PROJECT, asked_method, header, may, tell_method, workspace

CHOSEN = "methods.chosen"


def main() -> None:
    header("Methods", "What each way of asking does, when to use it and when not, and what was measured of it.")
    workspace().look_for_strategies()
    titles = methods()
    asked = st.query_params.get(METHOD, "")
    if asked and not asked_method(titles, CHOSEN):
        st.warning(f"There is no method “{asked[:40]}” here. Those there are can be chosen below.", icon=":material/warning:")
    name = st.selectbox("Method", list(titles), format_func=titles.__getitem__, key=CHOSEN, width=320)
    tell_method(name)
    shown = method(name)
    with st.container(width=FORM_WIDTH):
        _head(shown)
        for section in shown.sections:
            _section(section)


def _head(shown: Method) -> None:
    paper = f"[{shown.paper}]({shown.link})" if shown.link else shown.paper
    st.caption(f"`{shown.name}`, for {shown.tasks}. {paper}.")
    with st.container(horizontal=True):
        if shown.playable:
            st.page_link("learn.py", label="Try it on points", icon=":material/school:", query_params={METHOD: shown.name})
        project = st.session_state.get(PROJECT)
        if project and may(Role.OWNER) and _serves(workspace().project(project), shown.name):
            st.page_link("train.py", label="Choose it for a round", icon=":material/model_training:", query_params={METHOD: shown.name})


def _serves(of: Project, name: str) -> bool:
    return of.task in STRATEGIES[name].tasks


def _section(section: Section) -> None:
    if section.folded:
        with st.expander(section.title):
            for part in section.parts:
                _part(part)
        return
    st.subheader(section.title, anchor=False)
    for part in section.parts:
        _part(part)


def _part(part: Part) -> None:
    if isinstance(part, Formula):
        st.latex(part.latex)
        st.markdown(part.words)
    elif isinstance(part, Table):
        columns = [list(column) for column in zip(*part.rows, strict=True)]
        st.table(dict(zip(part.heads, columns, strict=True)), border="horizontal", hide_index=True)
    else:
        st.markdown(part.words)


main()
