"""The form that makes a project from a folder, CSV or array file. What it starts is a job; the Data page shows that."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from alcore.errors import AlcoreError
from alcore.formats import FORMATS, recognize
from alcore.project import bundled_digits, bundled_street
from alcore.tasks import TASKS
from pages.ui.session import FORM_WIDTH, plain_errors, workspace
from pages.ui.work import running

# of the session: the project the form was opened over, its source, the import it started, what went wrong
ADDING, SOURCE, SUBMITTED, FAILURE = "adding", "new.source", "submitted", "import_failure"


def new_project() -> None:
    """The form that imports a source as a new project; with projects there, it can be left again."""
    names = workspace().projects()
    st.subheader("New project" if names else "Start here", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        taken = "digits" in names
        if st.button("Try the bundled digits", icon=":material/bolt:", type="primary", disabled=taken or bool(running("import"))):
            with plain_errors():
                _submit("digits", {"source": str(bundled_digits())})
        st.caption("1,797 handwritten digits. Their labels are hidden: label them yourself, or let them answer for you.")
    with st.container(horizontal=True, vertical_alignment="center"):
        taken = "street" in names
        if st.button("Try the bundled street scenes", icon=":material/add_road:", disabled=taken or bool(running("import"))):
            with plain_errors():
                _submit("street", {"source": str(bundled_street())})
        st.caption("200 small drawn streets with a label for every pixel: segmentation, masks painted in the browser.")
    with st.container(border=True, width=FORM_WIDTH):
        source = st.text_input(
            "Folder, CSV or array file on this machine", placeholder="/home/me/photos", key=SOURCE, persist_state="session"
        ).strip()
        found = _recognized(source)
        left, right = st.columns(2)
        name = left.text_input("Name of the project", value=Path(source).stem if source and found else "", max_chars=80).strip()
        kind = right.selectbox("Format", ["auto", *FORMATS], format_func=lambda f: "Recognize it" if f == "auto" else FORMATS[f].title)
        task = right.selectbox(
            "Labels are",
            ["auto", *TASKS],
            format_func=lambda t: (
                "What the format is for" if t == "auto" else {"segmentation": "a class a pixel"}.get(t, "a class an image")
            ),
        )
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
        with st.container(horizontal=True):
            start = st.button("Import", type="primary", icon=":material/upload:")
            if names and st.button("Back"):
                st.session_state[ADDING] = st.session_state[FAILURE] = None
                st.rerun()
        if start:
            options = {
                "format": kind,
                "task": task,
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
        st.caption(
            ":material/info: Class folders, with or without train/test folders, a folder of images, CSV, npz, CIFAR or IDX files; "
            "images with masks as CamVid, Cityscapes, BDD100K, Pascal VOC or COCO have them."
        )
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
    st.session_state["importing"] = st.session_state[SUBMITTED] = job.id
    st.session_state[FAILURE] = ""
    st.rerun()
