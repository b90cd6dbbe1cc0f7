"""Data: import a source, see what is in it, what was set aside, and take the labels out again."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from alcore.figures import swatch
from alcore.importing.request import levels_of
from alcore.nets.tasks import train_params
from alcore.project import exporting, features, loop, samples, sharing
from alcore.project.background import IMPORTS, submit_features, submit_refresh
from alcore.project.facade import Project
from alcore.types import HELD, SLICE
from pages.ui import tour
from pages.ui.components.download import download
from pages.ui.components.gallery import gallery
from pages.ui.delivering import deliver
from pages.ui.describing import describe
from pages.ui.forms import in_titles
from pages.ui.importing import ADDING, FAILURE, SOURCE, SUBMITTED, new_project
from pages.ui.jobs import running, watch
from pages.ui.likeness import near_duplicates
from pages.ui.session import FORM_WIDTH, annotator, choose_later, header, plain_errors, plural, project, token, workspace

ABOUT = (
    "alcore finds the images worth labeling: it trains a model on the labels there are, asks for the images it would learn most from, and "
    "takes your labels, round after round. **Data** reads a folder of images, **Train** trains a model in the background, **Label** shows "
    "what it asks for and takes your labels, **Explore** shows all images as the model sees them, **Progress** tells whether more labels "
    "are worth it."
)
NEXT = "Train a model, label what it asks for, and see on Progress whether more labels are worth it."
SHOWN_CLASSES = 12
SHOWN_MASK_CLASSES = 30  # rows of the table of masks before it scrolls
SAMPLES = 10


def main() -> None:
    there = bool(workspace().projects())
    is_adding = not there or st.session_state.get(ADDING) == project().name
    with st.container(horizontal=True, vertical_alignment="center"):
        header("Data", "What the project holds, and where new projects come from." + (f" {NEXT}" if there else ""))
        if not is_adding and st.button("New project", icon=":material/add:"):
            st.session_state[ADDING] = project().name
            st.rerun()
    if not there:
        st.markdown(ABOUT, width=FORM_WIDTH)
        tour.offer()
    if not is_adding:
        st.session_state[ADDING] = st.session_state[FAILURE] = None
    with st.container():  # always there: what comes and goes above must not fold what is open below
        for job in running(*IMPORTS):
            watch(job)
            st.session_state["importing"] = job.id
        _arrived()
    if is_adding:
        new_project()
        return
    of = project()
    counts, hidden = samples.counts_for(of, annotator())
    _facts(of, counts)
    _features(of)
    describe(of)
    deliver(of)
    classes, shown, aside = st.tabs(["Classes", "Samples", f"Set aside ({counts['set_aside']:,})"])
    with classes:
        _class_table(of, counts, hidden)
    with shown:
        _samples(of)
    with aside:
        _set_aside(of)
    _manage(of)


def _arrived() -> None:
    """Says how the import ended that this session was watching, and moves to its project."""
    number = st.session_state.get("importing")
    job = workspace().runner.snapshot(number) if number is not None else None
    if job and job.over:
        del st.session_state["importing"]
        if job.state == "done":
            st.session_state[ADDING], st.session_state[SOURCE] = None, ""
            # Whoever only looked on stays where they are.
            if st.session_state.pop(SUBMITTED, None) == number or len(workspace().projects()) == 1:
                choose_later(job.project)
        else:
            ended = f"{job.project} was not imported: {job.error}"
            st.session_state[FAILURE] = (
                ended if job.state == "failed" else f"The import of {job.project} was {job.state}; nothing of it was kept."
            )
    if failure := st.session_state.get(FAILURE):
        st.error(failure, icon=":material/error:")


def _facts(of: Project, counts: dict[str, Any]) -> None:
    splits = counts["splits"]
    with st.container(horizontal=True, gap=44):
        st.metric("Images", f"{counts['items']:,}", width="content")
        st.metric("In the pool", f"{splits.get('pool', 0):,}", width="content")
        held = splits.get("test", 0) or splits.get("val", 0)
        st.metric("Held out for testing", f"{held + splits.get(SLICE, 0) + splits.get(HELD, 0):,}", width="content")
        st.metric("Classes", f"{len(of.classes):,}", width="content")
        st.metric("Labeled", f"{counts['labeled'] + counts['sliced']:,}", width="content")
        st.metric("Skipped / flagged", f"{counts['skipped']:,} / {counts['flagged']:,}", width="content")
    size = of.settings["image_size"]
    notes = [of.settings["took_for"], *of.settings["notes"], f"models see {size} × {size} pixels"]
    if levels := of.settings.get("levels"):
        notes.append(f"pictures of more than 8 bits are shown from {levels[0]:g} (black) to {levels[1]:g} (white)")
    st.caption(f"`{of.source}` · {' · '.join(notes)}")
    if len(of.classes) < 2:
        there = "one class" if of.classes else "no classes"
        st.warning(
            f"This project has {there} yet; labeling and training need at least two. Add them under Manage.", icon=":material/label:"
        )
    elif not any(splits.get(name) for name in ("test", "val", SLICE, HELD)):
        learns = "draw some where labeling begins, on the Label page, or " if features.suits(of) else ""
        st.info(
            "There are no labeled test images, so accuracy cannot be measured. Everything else works. "
            f"To measure it: {learns}import a folder with a `test` folder inside, or labeled images of which a share is held out.",
            icon=":material/info:",
        )


def _features(of: Project) -> None:
    """The reading of photos by the pretrained network: how far it is, or how it is begun when nothing reads them."""
    if not features.suits(of):
        return
    if jobs := running("features", of=of):
        for job in jobs:
            watch(job)
        st.caption("Label and train meanwhile: a round takes the photos that have been read, the labeled ones come first.")
        return
    missing, _ = features.left_to_do(of, train_params(of.task, loop.defaults(of)))
    last = next((job for job in of.workspace.runner.jobs(of.name) if job.kind == "features"), None)
    if missing and last and last.state == "failed":
        st.error(in_titles(f"The photos could not be read: {last.error}"), icon=":material/error:")
    told = (last.result if last else None) or {}
    if told.get("unreadable"):
        cannot = f"{plural(told['unreadable_count'], 'photo')} cannot be read: rounds do without"
        with st.expander(cannot, icon=":material/broken_image:", type="compact"):
            st.dataframe(pd.DataFrame(told["unreadable"]), hide_index=True)
            if not missing and st.button("Try them again", icon=":material/replay:"):
                _begin_reading(of)
    if not missing:
        near_duplicates(of)
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plural(missing, 'photo')} not read yet** by the pretrained network that rounds stand on.")
        st.space("stretch")
        if st.button("Read them", icon=":material/play_arrow:", help="In the background, once for each photo; the next round does it too."):
            _begin_reading(of)


def _begin_reading(of: Project) -> None:
    with plain_errors():
        submit_features(of.workspace.runner, of)
        st.rerun()


def _class_table(of: Project, counts: dict[str, Any], hidden: int) -> None:
    truth = counts["truth"]
    if of.dense:
        _mask_table(of)
        return
    frame = pd.DataFrame({"class": of.classes, "labeled": [counts["labels"].get(c, 0) for c in of.classes]})
    for split, name in (("pool", "in the pool (hidden truth)"), ("val", "validation"), ("test", "test")):
        if split in truth:
            frame[name] = [truth[split].get(c, 0) for c in of.classes]
    if frame.empty:
        st.caption("No classes yet: add them under Manage, then label.")
        return
    biggest = max(1, int(frame["labeled"].max()))
    known = st.column_config.NumberColumn(format="localized")
    columns = {**dict.fromkeys(frame.columns[2:], known), "labeled": st.column_config.ProgressColumn(format="localized", max_value=biggest)}
    st.dataframe(frame, hide_index=True, column_config=columns, width=FORM_WIDTH)
    if hidden:
        st.caption(samples.left_out(hidden))


def _mask_table(of: Project) -> None:
    """Of masks: how many images have a class, and what share of the labeled pixels it is."""
    frame = pd.DataFrame(of.class_table(), columns=["class", "images", "pixels", "share"])
    frame.insert(0, "color", [swatch(color) for color in of.colors])
    columns = {
        "color": st.column_config.ImageColumn("", width=44),
        "images": st.column_config.NumberColumn("images with it", format="localized"),
        "pixels": st.column_config.NumberColumn("labeled pixels", format="localized"),
        "share": st.column_config.ProgressColumn("share of the labeled pixels", format="percent", min_value=0, max_value=1, width="medium"),
    }
    if len(frame) <= SHOWN_MASK_CLASSES:
        st.dataframe(frame, hide_index=True, column_config=columns, width="content", height="content")
    else:
        st.dataframe(frame, hide_index=True, column_config=columns, width="content")


def _samples(of: Project) -> None:
    rows = samples.samples(of, SHOWN_CLASSES, SAMPLES, annotator())
    gallery([(name, f"{count:,} images", images) for name, count, images in rows], token=token(of), key=f"samples.{of.id}")
    if len(of.classes) > SHOWN_CLASSES:
        st.caption(f"The first {SHOWN_CLASSES} of {len(of.classes):,} classes.")


def _set_aside(of: Project) -> None:
    found = of.items.set_aside()
    if not found:
        st.caption("Every file of the source is a usable image.")
        return
    st.dataframe(pd.DataFrame({"file": [s.path for s in found], "reason": [s.reason for s in found]}), hide_index=True)


def _download(of: Project) -> None:
    formats = exporting.export_formats(of)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if not of.dense:
            about = "path, label, split, annotator"
            download("Labels as CSV", of.name, "labels.csv", token=token(of), help=about, key=f"labels.{of.id}")
            formats = tuple(name for name in formats if name != "csv")
        titles = {name: exporting.title_of(name) for name in formats}
        kind = st.selectbox(
            "Format", titles, format_func=titles.__getitem__, label_visibility="collapsed", width=300, key=f"export.{of.id}"
        )
        about = "A copy of each labeled image with its " + ("mask" if of.dense else "label") + ", in one archive."
        title, file = ("Images and masks", "masks.zip") if of.dense else ("Images and labels", "labels.zip")
        download(title, of.name, file, query={"format": kind}, token=token(of), help=about, key=f"copies.{of.id}")
    if sharing.settings(of).opinions > 1:
        st.caption("With everybody's labels, also of images that you have not answered yet.")


def _brightness(of: Project, levels: list[float]) -> None:
    """Other values for black and white of deep pictures: every image is decoded anew then, for people and models alike."""
    with plain_errors(), st.form(f"levels.{of.id}", border=False):
        st.caption(
            "Black and white of its deep pictures",
            help="Values beyond them are cut off. Labels stay; rounds saw the pictures as they were.",
        )
        low = st.number_input("Black", value=float(levels[0]), label_visibility="collapsed")
        high = st.number_input("White", value=float(levels[1]), label_visibility="collapsed")
        if st.form_submit_button("Use these", icon=":material/contrast:"):
            job = submit_refresh(workspace().runner, of, levels_of((low, high)))
            st.session_state["importing"] = job.id
            st.rerun()


def _manage(of: Project) -> None:
    with st.expander("Manage", icon=":material/tune:"):
        first, second, third, fourth = st.columns(4, gap="medium")
        with first, plain_errors(), st.form(f"class.{of.id}", clear_on_submit=True, border=False):
            st.caption("Add a class")
            name = st.text_input("Add a class", placeholder="name", max_chars=200, label_visibility="collapsed")
            if st.form_submit_button("Add", icon=":material/add:") and name:
                of.add_class(name)
                st.rerun()
        with second:
            st.caption("Take the labels out")
            _download(of)
        with third:
            st.caption("The source has changed")
            if st.button("Read it again", icon=":material/refresh:", help="New and changed files are read; labels stay."):
                job = submit_refresh(workspace().runner, of)
                st.session_state["importing"] = job.id
                st.rerun()
            if levels := of.settings.get("levels"):
                _brightness(of, levels)
        with fourth, plain_errors():
            st.caption(
                "Delete the project", help="Type its name to allow it. Labels and rounds are gone then; the images stay where they are."
            )
            typed = st.text_input(
                "Delete the project", key=f"delete.{of.id}", placeholder=f"type {of.name}", live="300ms", label_visibility="collapsed"
            )
            is_named = typed.strip() == of.name
            why = None if is_named else "Type the project's name above to allow it."
            if st.button("Delete", icon=":material/delete:", disabled=not is_named, help=why):
                of.delete()
                st.rerun()


main()
