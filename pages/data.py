"""Data: import a source, see what is in it, what was set aside, and take the labels out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from alcore.errors import AlcoreError
from alcore.formats import FORMATS, recognize
from alcore.project import Project
from pages.ui.components.gallery import gallery
from pages.ui.session import FORM_WIDTH, choose_later, header, plain_errors, project, token, workspace
from pages.ui.work import running, watch

SHOWN_CLASSES = 12
SAMPLES = 10


def main() -> None:
    header("Data", "What the project holds, and where new projects come from.")
    with st.container():  # always there: what comes and goes above must not fold what is open below
        for job in running("import"):
            watch(job)
            st.session_state["importing"] = job.id
        _arrived()
        if failure := st.session_state.get("import_failure"):
            st.error(failure, icon=":material/error:")
    if not workspace().projects():
        st.subheader("Start here", anchor=False)
        _new_project()
        return
    of = project()
    counts = of.counts()
    _facts(of, counts)
    classes, samples, aside = st.tabs(["Classes", "Samples", f"Set aside ({counts['set_aside']:,})"])
    with classes:
        _class_table(of, counts)
    with samples:
        _samples(of)
    with aside:
        _set_aside(of)
    _manage(of)
    with st.expander("New project", icon=":material/add_photo_alternate:"):
        _new_project()


def _arrived() -> None:
    """Says how the import ended that this session was watching, and moves to its project."""
    number = st.session_state.get("importing")
    if number is None:
        return
    job = workspace().runner.snapshot(number)
    if not job.over:
        return
    del st.session_state["importing"]
    if job.state == "done":
        st.session_state["new.source"] = ""
        # Whoever only looked on stays where they are.
        if st.session_state.pop("submitted", None) == number or len(workspace().projects()) == 1:
            choose_later(job.project)
    elif job.state == "failed":
        st.session_state["import_failure"] = f"{job.project} was not imported: {job.error}"
    else:
        st.warning(f"The import of {job.project} was {job.state}; nothing of it was kept.")


def _facts(of: Project, counts: dict[str, Any]) -> None:
    splits = counts["splits"]
    with st.container(horizontal=True, gap=44):
        st.metric("Images", f"{counts['items']:,}", width="content")
        st.metric("In the pool", f"{splits.get('pool', 0):,}", width="content")
        st.metric("Held out for testing", f"{splits.get('test', 0) or splits.get('val', 0):,}", width="content")
        st.metric("Classes", f"{len(of.classes):,}", width="content")
        st.metric("Labeled", f"{counts['labeled']:,}", width="content")
        st.metric("Skipped / flagged", f"{counts['skipped']:,} / {counts['flagged']:,}", width="content")
    size = of.settings["image_size"]
    notes = [of.settings["took_for"], *of.settings["notes"], f"models see {size} × {size} pixels"]
    st.caption(f"`{of.source}` · {' · '.join(notes)}")
    if len(of.classes) < 2:
        there = "one class" if of.classes else "no classes"
        st.warning(
            f"This project has {there} yet; labeling and training need at least two. Add them under Manage.", icon=":material/label:"
        )
    elif not splits.get("test") and not splits.get("val"):
        st.info(
            "There are no labeled test images, so accuracy cannot be measured. Everything else works. "
            "To measure it, import a folder with a `test` folder inside, or labeled images of which a share is held out.",
            icon=":material/info:",
        )


def _class_table(of: Project, counts: dict[str, Any]) -> None:
    truth = counts["truth"]
    frame = pd.DataFrame({"class": of.classes, "labeled": [counts["labels"].get(c, 0) for c in of.classes]})
    for split, name in (("pool", "in the pool (hidden truth)"), ("val", "validation"), ("test", "test")):
        if split in truth:
            frame[name] = [truth[split].get(c, 0) for c in of.classes]
    if frame.empty:
        st.caption("No classes yet: add them under Manage, then label.")
        return
    biggest = max(1, int(frame["labeled"].max()))
    column = st.column_config.ProgressColumn("labeled", format="%d", min_value=0, max_value=biggest)
    st.dataframe(frame, hide_index=True, column_config={"labeled": column}, width=FORM_WIDTH)


def _samples(of: Project) -> None:
    rows = of.samples(SHOWN_CLASSES, SAMPLES)
    gallery([(name, f"{count:,} images", images) for name, count, images in rows], token=token(of), key=f"samples.{of.id}")
    if len(of.classes) > SHOWN_CLASSES:
        st.caption(f"The first {SHOWN_CLASSES} of {len(of.classes):,} classes.")


def _set_aside(of: Project) -> None:
    found = of.set_aside()
    if not found:
        st.caption("Every file of the source is a usable image.")
        return
    st.dataframe(pd.DataFrame({"file": [s.path for s in found], "reason": [s.reason for s in found]}), hide_index=True)


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
            st.download_button(
                "Labels as CSV",
                lambda: of.labels_csv(),
                f"{of.name}-labels.csv",
                "text/csv",
                icon=":material/download:",
                help="path, label, split, annotator",
            )
        with third:
            st.caption("The source has changed")
            if st.button("Read it again", icon=":material/refresh:", help="New and changed files are read; labels stay."):
                job = workspace().runner.submit("import", of.name, f"Reading {of.source.name} again", {"again": True}, "disk")
                st.session_state["importing"] = job.id
                st.rerun()
        with fourth, plain_errors():
            st.caption(
                "Delete the project", help="Type its name to allow it. Labels and rounds are gone then; the images stay where they are."
            )
            typed = st.text_input(
                "Delete the project", key=f"delete.{of.id}", placeholder=f"type {of.name}", live="300ms", label_visibility="collapsed"
            )
            if st.button("Delete", icon=":material/delete:", disabled=typed.strip() != of.name):
                of.delete()
                st.rerun()


def _new_project() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        taken = "digits" in workspace().projects()
        if st.button("Try the bundled digits", icon=":material/bolt:", type="primary", disabled=taken or bool(running("import"))):
            from alcore.cli import bundled_digits

            with plain_errors():
                _submit("digits", {"source": str(bundled_digits())})
        st.caption("1,797 handwritten digits. Their labels are hidden: label them yourself, or let them answer for you.")
    with st.container(border=True, width=FORM_WIDTH):
        source = st.text_input("Folder, CSV or array file on this machine", placeholder="/home/me/photos", key="new.source").strip()
        found = _recognized(source)
        left, right = st.columns(2)
        name = left.text_input("Name of the project", value=Path(source).stem if source and found else "", max_chars=80).strip()
        kind = right.selectbox("Format", ["auto", *FORMATS], format_func=lambda f: "Recognize it" if f == "auto" else FORMATS[f].title)
        truth = left.radio(
            "Labels that come with it",
            ["hidden", "labels"],
            format_func={"hidden": "Keep them hidden", "labels": "Use them as labels"}.__getitem__,
            captions=["To try the loop: you label, or they answer for you.", "Those images count as labeled from the start."],
        )
        hold = right.slider(
            "Held out for testing when there is no test split",
            0,
            50,
            20,
            format="%d %%",
            help="Of the labeled images. Without test images no accuracy is measured.",
        )
        classes = st.text_input(
            "Classes, for images without labels", placeholder="cat, dog, other", help="Separated by commas; more can be added later."
        )
        if st.button("Import", type="primary", icon=":material/upload:"):
            options = {
                "format": kind,
                "truth": truth,
                "hold_out": None if hold == 20 else hold / 100,
                "classes": [c for c in classes.split(",") if c.strip()],
            }
            with plain_errors():
                if not (source and name):
                    raise AlcoreError("give a folder or file and a name for the project first")
                _submit(name, {"source": source, **options})


def _recognized(source: str) -> bool:
    """Says what is at `source`, in a line that is always there, so that the form does not jump."""
    if not source:
        st.caption(":material/info: Class folders, with or without train/test folders, a folder of images, CSV, npz, CIFAR or IDX files.")
        return False
    path = Path(source).expanduser()
    try:
        if not path.exists():
            st.caption(f":material/error: There is no `{source}` on this machine.")
            return False
        st.caption(f":material/check: Found: {recognize(path).recognizes(path)}.")
    except AlcoreError as problem:
        st.caption(f":material/error: {problem}")
        return False
    except OSError as problem:
        st.caption(f":material/error: `{source}` cannot be read: {problem.strerror}")
        return False
    return True


def _submit(name: str, arguments: dict[str, object]) -> None:
    if name in workspace().projects():
        raise AlcoreError(f"a project {name!r} exists already: choose another name")
    job = workspace().runner.submit("import", name, f"Importing {name}", arguments, "disk")
    st.session_state["importing"] = st.session_state["submitted"] = job.id
    st.session_state["import_failure"] = ""
    st.rerun()


main()
