"""Near duplicates: how many there are, and from which likeness on two photos are some, shown with pairs to either side of the limit."""

from __future__ import annotations

import streamlit as st

from alcore.project import alike, tables
from alcore.project.background import submit_features
from alcore.project.facade import Project
from alcore.project.features import Features
from pages.ui.components.gallery import gallery
from pages.ui.session import plain_errors, plural, token

EACH = 4  # pairs to either side of the limit
ABOUT = (
    "Of a group of near duplicates one is asked for, its label is offered for the others, and they are tested on together or not at all. "
    "Photos that one camera took within two seconds are compared less strictly."
)


def near_duplicates(of: Project) -> None:
    """The section of the Data page; nothing before the photos were compared."""
    found = Features(of)
    counted = alike.counted(found)
    if counted is None:
        return
    compared, twins = counted
    told = plural(twins, "near duplicate") if twins else "No near duplicates"
    with st.expander(f"{told} among {plural(compared, 'photo')}", icon=":material/content_copy:", type="compact"):
        _limit(of, found.cosine)


@st.fragment
def _limit(of: Project, now: float) -> None:
    with plain_errors():
        st.caption(ABOUT)
        if not st.toggle("Show pairs, and choose how alike they must be", key=f"pairs.{of.id}"):
            return
        cosine = st.slider("Near duplicates from a likeness of", alike.LEAST, alike.LIKEST, now, 0.005, format="%.3f", key=f"close.{of.id}")
        with st.spinner("Looking for pairs"):
            pairs = alike.pairs_about(of, cosine, EACH)
        pictures = tables.pictures(of, sorted({i for one, other, _ in pairs for i in (one, other)}))
        rows = [
            (f"{likeness:.3f}", "near duplicates" if likeness >= cosine else "told apart", [pictures[one], pictures[other]])
            for one, other, likeness in pairs
            if one in pictures and other in pictures
        ]
        if rows:
            gallery(rows, token=token(of), key=f"pairs.shown.{of.id}")
        else:
            st.caption(f"No two photos reach {alike.LEAST:g}.")
        if round(cosine, 3) != round(now, 3) and st.button(f"Use {cosine:.3f}", type="primary", icon=":material/check:"):
            alike.choose(of, cosine)
            submit_features(of.workspace.runner, of)
            st.rerun()
