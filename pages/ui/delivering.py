"""A label for every image: what people gave, and the model's guesses above a confidence whose precision is shown beforehand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from alcore import figures
from alcore.measures.promises import Promise, least_slice
from alcore.project import delivery, slices
from alcore.project.background import GUESSES, submit_guesses
from alcore.project.facade import Project
from alcore.project.predictions import at_hand, newest_model
from pages.ui.components.download import download
from pages.ui.jobs import PLAIN_CHART, running, watch
from pages.ui.session import plain_errors, plural, token

BINS = 5  # of confidence: a hundred test images are about twenty in each
GIVEN = " The test images came with the source: it holds as far as the others are like them."
TYPES = {"csv": "CSV", "parquet": "Parquet"}


def deliver(of: Project) -> None:
    """The section of the Data page; nothing without a model."""
    round_ = None if of.dense else newest_model(of)
    if round_ is None:
        return
    st.subheader("Labels for every image", anchor=False)
    with st.container(border=True), plain_errors():
        if at_hand(of, round_):
            _choose(of)
            return
        if jobs := running(GUESSES, of=of):
            watch(jobs[0])
            return
        # networks of pixels look at the pictures themselves again, which takes as long as scoring them did
        st.write("The model has not looked at every image yet.")
        if st.button("Let it guess them all", icon=":material/play_arrow:"):
            submit_guesses(of.workspace.runner, of, round_)
            st.rerun()


@st.fragment
def _choose(of: Project) -> None:
    with plain_errors():  # a fragment runs again without what is around it
        _chosen(of)


def _chosen(of: Project) -> None:
    found = delivery.guesses(of)
    tested = int(found.tested.sum())
    right = slices.Measured(int(found.right[found.tested].sum()), tested).words() if tested else "how right it is has not been measured"
    st.markdown(f"The model of round {found.round.number}, from {plural(found.round.labeled, 'label')}: **{right}**.")
    promise = found.promised()
    left, rest = st.columns([3, 2], gap="large")
    with left:
        usual = round(100 * promise.threshold) if promise else 0
        percent = st.slider("Accept guesses of at least", 0, 100, usual, format="%d %%", key=f"accept.{of.id}")
        threshold = promise.threshold if promise and percent == usual else percent / 100
        accepting = found.accepting(threshold)
        st.markdown(f"**{delivery.words(accepting)}.**")
        st.caption(_promise_words(promise, tested) + (GIVEN if found.given and tested else ""))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for kind, title in TYPES.items():
                about = f"Every image: {', '.join(delivery.COLUMNS)}."
                query = {"above": repr(float(threshold))}
                download(title, of.name, f"every-label.{kind}", query=query, token=token(of), help=about, key=f"deliver.{kind}.{of.id}")
            with st.popover("Class folders", icon=":material/folder:"):
                place = st.text_input("A new folder on this machine", placeholder="/photos/labeled", key=f"deliver.folder.{of.id}").strip()
                link = st.toggle("Links instead of copies", help="They take no space; only on the disk where the photos are.")
                if st.button("Write them", disabled=not place):
                    with st.spinner("Writing"):
                        told = delivery.deliver(of, Path(place).expanduser(), "folder", threshold, link)
                    st.success(
                        f"{told['person'] + told['model'] + told['given']:,} images are in {told['out']}.", icon=":material/check_circle:"
                    )
    with rest:
        if tested:
            st.plotly_chart(figures.reliability_diagram(_bins(found)), key="reliability", height=240, config=PLAIN_CHART)
            st.caption("How often the model is right by how sure it is, on the test images; the line is where both are equal.")
        else:
            st.caption("Without labeled test images nobody knows how right the guesses are. They are drawn where labeling begins.")


def _bins(found: delivery.Guesses) -> pd.DataFrame:
    bins = [one for one in found.reliability(BINS) if one.interval]
    return pd.DataFrame(
        {
            "confidence": [one.confidence for one in bins],
            "right": [one.right for one in bins],
            "low": [one.interval[0] for one in bins if one.interval],
            "high": [one.interval[1] for one in bins if one.interval],
            "count": [one.count for one in bins],
        }
    )


def _promise_words(promise: Promise | None, tested: int) -> str:
    target = f"{100 * delivery.TARGET:.0f} %"
    if promise:
        shown = f"From {100 * promise.threshold:.0f} % on, the test images show that at least {target} are right"
        return f"{shown}; such a promise is broken in at most 1 of 10 projects."
    least = least_slice(delivery.TARGET)
    if tested < least:
        return f"To show that {target} of the accepted guesses are right takes at least {least} labeled test images; there are {tested}."
    return f"The test images do not show of any guesses that {target} of them are right."
