"""Label: the queried images with the reasons they were asked for. Labels go by HTTP; this page reruns only when the query is used up."""

from __future__ import annotations

import math
import time
from textwrap import shorten

import streamlit as st

from alcore.accounts.roles import Role
from alcore.project import features, goals, guide, labeling, live, sharing, slices
from alcore.project.facade import Project
from pages.ui.components.labeler import labeler
from pages.ui.components.mask_editor import mask_editor
from pages.ui.jobs import running, watch
from pages.ui.people import share_ways
from pages.ui.session import (
    FORM_WIDTH,
    LONGEST_NAME,
    NAMELESS,
    annotator,
    empty,
    given_name,
    header,
    may,
    name_later,
    plain_errors,
    plural,
    project,
    several,
    token,
)

SHOWN_NAMES = 200  # characters of classes that are there already
ORDERS = {"mixed": "1 of 5", "first": "before all others"}
TEST_HELP = (
    "Drawn at random and labeled by you like the others, but nothing learns from them: they say how often the model is right. "
    "With 100 of them the answer is known within about 8 points to either side; with 0 it is not known."
)
GOAL_HELP = (
    "Told as a range that holds the truth about three times in four: the more test images are labeled, the narrower it is. Empty: no goal."
)
START_ICONS = {"random": ":material/casino:", "kcenter": ":material/bubble_chart:", "groups": ":material/bubble_chart:"}


def main() -> None:
    of = project()
    rounds = of.rounds()
    if not rounds and not may(Role.OWNER):
        header("Label", "One key an image.")
        empty("Nothing was asked for yet", "An owner begins; then the first images come here.")
        return
    if not rounds and features.suits(of):
        header("Label", "One key an image.")
        _begin(of)
        return
    if len(of.classes) < 2:
        header("Label", "One key an image.")
        empty(
            "Classes first",
            f"This project has {'one class' if of.classes else 'no classes'}; labeling needs two. Add them on the Data page, under Manage.",
            "data.py",
            "Add classes",
        )
        return
    if not rounds:
        header("Label", "One key an image.")
        _nothing_asked(of)
        return
    others = [who for who in labeling.people(of) if who != NAMELESS]
    if others and not given_name():
        header("Label", "One key an image.")
        _ask_name(others)
        return
    newest = rounds[-1]
    finished = _masks(of, newest.number) if of.dense else _classes(of, newest.number)
    waiting = labeling.waiting(of)
    if not waiting or (finished and sharing.settings(of).mode == "shared"):  # else it is somebody's share that is used up
        _next_step(of)
    elif running("round", of=of):
        st.caption(":material/model_training: A round is training. What you label now counts for the one after it.")


def _ask_name(others: list[str]) -> None:
    """Once, before labels of two people go under one name."""
    with st.form("name", width=FORM_WIDTH, border=True):
        st.subheader("Who is labeling?", anchor=False)
        st.write(
            f"{several(others)} labeled here before. Your name is written beside your labels, so that each can be told from the others'."
        )
        name = st.text_input("Your name", max_chars=LONGEST_NAME, placeholder=NAMELESS).strip()
        if st.form_submit_button("Start labeling", type="primary"):
            name_later(name or NAMELESS)


def _classes(of: Project, number: int) -> object:
    """One class an image, on a large picture or in a grid; something once the query is used up."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Label", anchor=False, width="content")
        st.space("stretch")
        if may(Role.OWNER):
            share_ways(of)
            _goal(of)
        mode = st.segmented_control(
            "View",
            ["single", "grid"],
            default="single",
            required=True,
            format_func=str.capitalize,
            label_visibility="collapsed",
            key="view",
            persist_state="session",
        )
    return labeler(
        project=of.name,
        token=token(of),
        annotator=annotator(),
        classes=of.classes,
        looks=of.settings.get("looks"),
        mode="grid" if mode == "grid" else "single",
        round_number=number,
        identity=of.identity,
        empty="Nothing was asked for yet: train a round.",
        key="labeler",
    )


def _goal(of: Project) -> None:
    """What a person wants to reach; how far off it is stands in the line above the picture."""
    if not features.suits(of):
        return
    now = goals.goal(of)
    left = math.ceil(max(0.0, now.until - time.time()) / 60) if now.until else 0
    with st.popover("Goal", icon=":material/flag:", key=f"goal.{of.id}"):
        st.caption("How many labels and minutes it takes at your pace is said above the picture.")
        accuracy = round(100 * now.accuracy) if now.accuracy else None
        percent = st.number_input("Right guesses, in %", 1, 99, accuracy, placeholder="85", help=GOAL_HELP, key=f"goal.accuracy.{of.id}")
        about = f"{left} left" if left else "20"
        minutes = st.number_input("Minutes from now", 1, goals.LONGEST, None, placeholder=about, key=f"goal.minutes.{of.id}")
        with st.container(horizontal=True):
            if st.button("Save", type="primary") and (percent or minutes):
                with plain_errors():
                    goals.aim(of, percent / 100 if percent else None, minutes)
                    st.rerun()
            if now != goals.Goal() and st.button("No goal"):
                goals.forget(of)
                st.rerun()


def _masks(of: Project, number: int) -> object:
    """A mask an image, painted; something once the query is used up."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Label", anchor=False, width="content")
        st.space("stretch")
        if may(Role.OWNER):
            share_ways(of)
    return mask_editor(
        project=of.name,
        token=token(of),
        annotator=annotator(),
        classes=of.classes,
        colors=of.colors,
        round_number=number,
        identity=of.identity,
        unit=of.round(number).unit,
        empty="Nothing was asked for yet: train a round.",
        key="mask_editor",
    )


def _begin(of: Project) -> None:
    """The first minutes with a folder of photos: all that has to be said before the first picture, in one place."""
    there, most = guide.found(of), guide.most_tested(of)
    given = sum(of.counts()["truth"].get("test", {}).values())
    if not there.photos:
        with st.container(border=True, width=FORM_WIDTH):
            st.write("The pool is empty: every image is held out for testing. Import a folder with more images.")
        return
    with st.container(border=True, width=FORM_WIDTH, gap="small"):
        st.subheader("Begin", anchor=False)
        st.markdown(f"**{there.words()}.** You label a few; the model learns as you go, and guesses the rest.")
        for job in running("features", of=of):
            watch(job)
        named = ""
        if len(of.classes) < 2:
            named = st.text_input("Classes", placeholder="dress, shirt, shoes", help="With commas between them. More can be added later.")
        else:
            named_so_far = shorten(", ".join(name.replace(" ", "\xa0") for name in of.classes), SHOWN_NAMES, placeholder=" …")
            st.caption(f"{plural(len(of.classes), 'class', 'classes')}: {named_so_far}")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            test = st.number_input("Test images", 0, max(0, most), 0 if given else min(slices.USUAL, most), width=140, help=TEST_HELP)
            order = st.segmented_control(
                "Asked for", ["mixed", "first"], default="mixed", required=True, format_func=ORDERS.__getitem__, disabled=not test
            )
            learn = st.toggle("Learn while labeling", True, help=f"A round in the background after every {live.settings(of).every} labels.")
        if given:
            st.caption(f"{given:,} labeled images are held out already: accuracy is measured on them. More of your own are not needed.")
        if st.button("Start labeling", type="primary", icon=":material/play_arrow:"):
            with plain_errors():
                with st.spinner("Choosing the first images"):
                    guide.begin(of, named.split(","), int(test), test_first=order == "first", learn=learn)
                st.rerun()


def _nothing_asked(of: Project) -> None:
    pool = of.counts()["splits"].get("pool", 0)
    size = min(10 if of.dense else 50, pool)
    with st.container(border=True, width=FORM_WIDTH, gap="xsmall"):
        st.subheader("Nothing was asked for yet", anchor=False)
        if not pool:
            st.write("The pool is empty: every image is held out for testing. Import a folder with more images.")
            return
        st.write("Start with some images chosen without a model, or train a round if there are labels already.")
        with st.container(horizontal=True):
            for at, (how, words) in enumerate(features.ways_to_start(of, size).items()):
                if st.button(f"Ask for {size:,} {words}", type="secondary" if at else "primary", icon=START_ICONS[how]):
                    _ask(of, size, how)
            if st.button("Train a round", icon=":material/model_training:"):
                st.switch_page("train.py")


def _ask(of: Project, size: int, how: str) -> None:
    with plain_errors():
        of.start(size, how, seed=0)
        st.rerun()


def _next_step(of: Project) -> None:
    if running("round", of=of):
        st.caption(":material/model_training: This query is done. A round is training; its query shows here when it is ready.")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        missing = of.queries.missing() if sharing.settings(of).opinions > 1 else 0
        done = f"**Every image has an answer**, {plural(missing, 'image')} not yet of all." if missing else "**This query is done.**"
        next_ = "Train the next round on the new labels." if may(Role.OWNER) else "More comes once an owner trains the next round."
        st.markdown(f":green[:material/check_circle:] {done} {next_}")
        st.space("stretch")
        if may(Role.OWNER) and st.button("Train the next round", type="primary", icon=":material/model_training:"):
            st.switch_page("train.py")


main()
