"""The guided tour: from the first page to the second round, each step saying what to look at. A strip over the page at hand; where it
stands is read off the project itself, so that it can be left and gone on with, whatever was done meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from alcore.project import features
from alcore.project.facade import Project
from alcore.types import Round
from pages.ui.components.remember import remember, remembered
from pages.ui.session import FORM_WIDTH, PROJECT, workspace

COOKIE = "alcore_tour"
STATE = "tour"  # of the session: what the cookie will say
OFF, LEFT, ON = "off", "left", "on"  # never again; can be gone on with; shown, with the names of what was looked at behind it
POLL = 2.0  # seconds: labels come by HTTP and rounds from the background, without a run of the page
FIRST, MORE, FRAMES = 20, 10, 3  # labels before the first model, and before its second; images with masks
CHANGED, LOOKED = "tour_changed", "tour_looked_at"  # of the session: something is to be kept; the step whose page was seen


@dataclass(frozen=True)
class Step:
    """One thing to do, or to look at.

    Attributes:
        name: of it, for what was looked at.
        page: where it is done.
        title, look: what to do, and what to look at.
        done: whether the project shows that it was done; None for a step that is over when one goes on from its page.
    """

    name: str
    page: str
    title: str
    look: str
    done: Callable[[Project], bool] | None = None


def begin() -> None:
    """Starts the tour, or goes on with it, at its first step that is not done."""
    _keep(f"{ON}:{_seen()}")


def offer() -> None:
    """The button that starts it, where there is no project yet; nothing once it was switched off."""
    if not _kept().startswith((ON, OFF)) and st.button(
        "Take the tour",
        icon=":material/signpost:",
        help="Five minutes, from the first image to the second round. It can be left at any step.",
    ):
        begin()
        st.rerun()


def strip(page: str) -> None:
    """Draws the step at hand over a page of that title; nothing where the tour is not on."""
    if _kept().startswith(ON):
        _note_looked(page)
    _remember()
    if not _kept().startswith(ON):
        return
    every, at = _place()
    waits = every[at].done is not None and page == every[at].page
    if waits:
        st.fragment(_strip, run_every=POLL)(page, at)
    else:  # part of the page: a click on a part of its own may be lost where the page is just drawn anew
        _strip(page, at)


def resume() -> None:
    """The button that goes on with a tour that was left; for the sidebar."""
    if _kept().startswith(LEFT) and st.button("Go on with the tour", icon=":material/signpost:", type="tertiary"):
        begin()
        st.rerun()


# ---- the steps


def steps(of: Project | None) -> list[Step]:
    """Those of a project: photos that learn while one labels, images, or masks."""
    photos = of is not None and features.suits(of)
    few = FRAMES if of is not None and of.dense else FIRST
    return [
        Step(
            "import",
            "Data",
            "Take some images",
            "“Try the bundled digits” is the quickest. A folder of your own photos works as well: type its path, look at what was "
            "recognized, and import it.",
            lambda project: True,  # whoever has a project has done it
        ),
        Step(
            "facts",
            "Data",
            "See what there is",
            "“In the pool” can be asked for. What is held out for testing is never learned from: it says how often a model is right.",
        ),
        Step(
            "ask",
            "Label" if photos else "Train",
            "Name the classes and begin" if photos else "Ask for the first images",
            "Some of the photos are drawn for testing: you label them like the others, and they measure the model."
            if photos
            else "A model needs a few labels first, of images drawn at random or spread over what there is. Press “Ask for these”.",
            lambda project: bool(project.rounds()),
        ),
        Step(
            "label",
            "Label",
            f"{'Paint' if of is not None and of.dense else 'Label'} {few} of them",
            "One key an image: the keys stand on the class buttons. Z takes the last answer back, S skips, and all is saved at once."
            if of is None or not of.dense
            else "Draw over the picture with a class chosen by its key; Enter saves the mask. A model’s guess is there to be corrected.",
            lambda project: _labeled(project) >= few,
        ),
        Step(
            "train",
            "Label" if photos else "Train",
            "Let it learn" if photos else "Train a model",
            "It learns by itself after some labels: the line above the picture says from how many, and how often it is right."
            if photos
            else "Press “Start this”. Its losses, the time left and a cancel stand where you started it; you may label meanwhile.",
            lambda project: len(_models(project)) >= 1,
        ),
        Step(
            "query",
            "Label",
            "Label what the model asked for",
            "“Why this image” says what made it ask: how unsure it is, how unlike anything labeled, how far its heads disagree. "
            f"Label {MORE} of them.",
            lambda project: _labeled(project) - _models(project)[0].labeled >= (1 if project.dense else MORE),
        ),
        Step(
            "map",
            "Explore",
            "Look at the map",
            "Images that look alike to the model lie together. Color it by a score: what it asks for lies where classes meet. "
            "The lasso shows the pictures behind points.",
        ),
        Step(
            "second",
            "Label" if photos else "Train",
            "The second round",
            "Go on labeling: it learns again by itself." if photos else "Start it as before: it learns from your new labels too.",
            lambda project: len(_models(project)) >= 2,
        ),
        Step(
            "progress",
            "Progress",
            "Is it worth going on?",
            "Accuracy against labels, with the range it is known to. Below it stands whether more labels are worth your time. "
            "Labels leave by the Data page.",
        ),
    ]


def _labeled(project: Project) -> int:
    counts = project.counts()
    return int(counts["labeled"]) + int(counts["sliced"])


def _models(project: Project) -> list[Round]:
    """Its rounds that have a model, oldest first."""
    return [round_ for round_ in project.rounds() if not round_.start]


# ---- where it stands


def _place() -> tuple[list[Step], int]:
    """The steps, and the first that is not done; the last one when all are."""
    of, seen = _project(), _seen().split(",")
    every = steps(of)
    for at, step in enumerate(every):
        if not (step.name in seen if step.done is None else of is not None and step.done(of)):
            return every, at
    return every, len(every) - 1


def _project() -> Project | None:
    name = st.session_state.get(PROJECT)
    return workspace().project(name) if name in workspace().projects() else None


def _strip(page: str, before: int) -> None:
    every, at = _place()
    if at != before:
        st.rerun()  # another step may belong to another page, and wait for another thing
    step, is_last = every[at], at == len(every) - 1
    with st.container(border=True, key="tour", width=FORM_WIDTH, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f":material/signpost: **{step.title}** :gray[· step {at + 1} of {len(every)}]")
            st.space("stretch")
            # links, as a click on a button may be lost where the page is just drawn anew
            if page != step.page:
                _link(step.page, f"Go to {step.page}")
            elif step.done is None and not is_last:
                _link(every[at + 1].page, f"Next: {every[at + 1].title}")
            if is_last and page == step.page and st.button("End the tour", type="primary", key="tour.end"):
                _keep(OFF)
                st.rerun()
            if st.button("Leave", type="tertiary", key="tour.leave", help="It can be gone on with from the sidebar."):
                _keep(f"{LEFT}:{_seen()}")
                st.rerun()
            if st.button("Never again", type="tertiary", key="tour.off"):
                _keep(OFF)
                st.rerun()
        if page == step.page:
            st.caption(step.look)


def _link(page: str, words: str) -> None:
    st.page_link(f"{page.lower()}.py", label=words, icon=":material/arrow_forward:")


def _note_looked(page: str) -> None:
    """A step that is only looked at is over once its page was seen and one went on to the next step's."""
    every, at = _place()
    step = every[at]
    if step.done is not None or at == len(every) - 1:
        return
    if page == step.page:
        st.session_state[LOOKED] = step.name
    elif page == every[at + 1].page and st.session_state.get(LOOKED) == step.name:
        _keep(f"{_kept()}{step.name},")


# ---- what this browser keeps


def _kept() -> str:
    if STATE not in st.session_state:
        st.session_state[STATE] = remembered(COOKIE)
    return str(st.session_state[STATE])


def _seen() -> str:
    """What was looked at."""
    return _kept().partition(":")[2]


def _keep(state: str) -> None:
    st.session_state[STATE], st.session_state[CHANGED] = state, True


def _remember() -> None:
    if CHANGED in st.session_state:
        remember(COOKIE, _kept(), key="remember_tour")
