"""Data: import a source, see what is in it, what was set aside, and take the labels out again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from alcore.errors import AlcoreError
from alcore.formats import FORMATS, recognize
from alcore.project import Project
from pages.ui.components.gallery import gallery
from pages.ui.session import choose_later, header, plain_errors, project, token, workspace
from pages.ui.work import running, watch

SHOWN_CLASSES = 12
SAMPLES = 10


def main() -> None:
    header("Data", "What the project holds, and where new projects come from.")
    jobs = running("import")
    for job in jobs:
        watch(job)
        st.session_state["importing"] = job.id
    _arrived()
    names = workspace().projects()
    if not names:
        if not jobs:
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
        choose_later(job.project)
    elif job.state == "failed":
        st.error(job.error, icon=":material/error:")
    else:
        st.warning(f"The import of {job.project} was {job.state}; nothing of it was kept.")


def _facts(of: Project, counts: dict) -> None:  # type: ignore[type-arg]
    splits = counts["splits"]
    with st.container(horizontal=True, gap="large"):
        st.metric("images", f"{counts['items']:,}", width="content")
        st.metric("in the pool", f"{splits.get('pool', 0):,}", width="content")
        st.metric("held out for testing", f"{splits.get('test', 0) or splits.get('val', 0):,}", width="content")
        st.metric("classes", f"{len(of.classes):,}", width="content")
        st.metric("labeled", f"{counts['labeled']:,}", width="content")
        st.metric("skipped / flagged", f"{counts['skipped']:,} / {counts['flagged']:,}", width="content")
    notes = "; ".join([of.settings["took_for"], *of.settings["notes"]])
    st.caption(f"{of.source}: {notes}. Models see images of {of.settings['image_size']} x {of.settings['image_size']} pixels.")
    if not splits.get("test") and not splits.get("val"):
        st.info(
            "There are no labeled test images, so accuracy cannot be measured. Import again with a test folder, or hold out a share of labeled images."
        )
    if len(of.classes) < 2:
        st.warning(f"This project has {len(of.classes)} class(es). Training needs at least two: add them under Manage.")


def _class_table(of: Project, counts: dict) -> None:  # type: ignore[type-arg]
    truth = counts["truth"]
    frame = pd.DataFrame({"class": of.classes, "labeled": [counts["labels"].get(c, 0) for c in of.classes]})
    for split, name in (("pool", "pool (hidden truth)"), ("val", "val"), ("test", "test")):
        if split in truth:
            frame[name] = [truth[split].get(c, 0) for c in of.classes]
    if frame.empty:
        st.caption("No classes yet: add them under Manage, then label.")
        return
    biggest = max(1, int(frame["labeled"].max()))
    column = st.column_config.ProgressColumn("labeled", format="%d", min_value=0, max_value=biggest)
    st.dataframe(frame, hide_index=True, column_config={"labeled": column}, height=min(420, 38 + 35 * len(frame)))


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
    st.dataframe(
        pd.DataFrame({"file": [s.path for s in found], "reason": [s.reason for s in found]}),
        hide_index=True,
        height=min(420, 38 + 35 * len(found)),
    )


def _manage(of: Project) -> None:
    with st.expander("Manage", icon=":material/tune:"):
        left, middle, right = st.columns(3)
        with left, plain_errors(), st.form(f"class.{of.id}", clear_on_submit=True):
            name = st.text_input("Add a class", placeholder="name")
            if st.form_submit_button("Add") and name:
                of.add_class(name)
                st.rerun()
        with middle, st.container(border=True):
            st.write("Labels as CSV")
            st.download_button(
                "Download",
                lambda: of.labels_csv(),
                f"{of.name}-labels.csv",
                "text/csv",
                icon=":material/download:",
                help="path, label, split, annotator",
            )
            if st.button("Read the source again", icon=":material/refresh:", help="New and changed files are read; labels stay."):
                job = workspace().runner.submit("import", of.name, f"Reading {of.source.name} again", {"again": True}, "disk")
                st.session_state["importing"] = job.id
                st.rerun()
        with right, st.container(border=True), plain_errors():
            st.write("Delete the project")
            typed = st.text_input("Its name", key=f"delete.{of.id}", placeholder=of.name, label_visibility="collapsed")
            if st.button("Delete", disabled=typed != of.name, help="Labels and rounds are gone then; the images stay where they are."):
                of.delete()
                st.rerun()


def _new_project() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        taken = "digits" in workspace().projects()
        if st.button("Try the bundled digits", icon=":material/bolt:", type="primary", disabled=taken or bool(running("import"))):
            from alcore.cli import bundled_digits

            with plain_errors():
                _submit("digits", {"source": str(bundled_digits())})
        st.caption("1,797 handwritten digits; labels are hidden, so that you can play the annotator or let the truth answer.")
    with st.container(border=True):
        source = st.text_input("Folder, CSV or array file", placeholder="/home/me/photos", key="new.source")
        found = _recognized(source)
        left, right = st.columns(2)
        name = left.text_input("Name of the project", value=Path(source).stem if source and found else "", max_chars=80)
        kind = right.selectbox("Format", ["auto", *FORMATS], format_func=lambda f: "Recognize it" if f == "auto" else FORMATS[f].title)
        truth = left.radio(
            "Labels that come with it",
            ["hidden", "labels"],
            format_func={"hidden": "Hide them: they answer for a person in demos", "labels": "Take them as labels"}.__getitem__,
        )
        hold = right.slider(
            "Held out for testing when there is no test split",
            0,
            50,
            20,
            format="%d %%",
            help="Without test images no accuracy is measured.",
        )
        classes = st.text_input(
            "Classes, for images without labels", placeholder="cat, dog, other", help="Separated by commas; more can be added later."
        )
        if st.button("Import", type="primary", disabled=not (source and name), icon=":material/upload:"):
            options = {
                "format": kind,
                "truth": truth,
                "hold_out": None if hold == 20 else hold / 100,
                "classes": [c for c in classes.split(",") if c.strip()],
            }
            with plain_errors():
                _submit(name, {"source": source, **options})


def _recognized(source: str) -> bool:
    if not source:
        return False
    path = Path(source).expanduser()
    if not path.exists():
        st.caption(f":material/help: {source} does not exist on this machine.")
        return False
    try:
        st.caption(f":material/check: {recognize(path).recognizes(path)}")
    except (AlcoreError, OSError) as problem:
        st.caption(f":material/help: {problem}")
        return False
    return True


def _submit(name: str, arguments: dict[str, object]) -> None:
    if name in workspace().projects():
        raise AlcoreError(f"a project {name!r} exists already: choose another name")
    job = workspace().runner.submit("import", name, f"Importing {name}", arguments, "disk")
    st.session_state["importing"] = job.id
    st.rerun()


main()
