"""The form that makes a project from a folder, CSV or array file. What it starts is a job; the Data page shows that."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from alcore.errors import AlcoreError
from alcore.formats import FORMATS
from alcore.importing import samples
from alcore.nets.tasks import TASKS
from alcore.project.background import IMPORTS, submit_import
from alcore.uploads.reach import is_address
from pages.ui.bringing import bring, refusal
from pages.ui.describing import brought
from pages.ui.elsewhere import arrived, elsewhere
from pages.ui.jobs import running
from pages.ui.previewing import look
from pages.ui.session import FORM_WIDTH, plain_errors, workspace

VOIDS = {
    "auto": "255, unless it must be a class",
    "none": "Nothing: 255 is the last class",
    "0": "0: the names are those of 1, 2, …",
    "255": "255 in any case",
}
CUTS = {"aside": "Set them aside", "keep": "Keep them, gray where nothing is"}
TWINS = {"apart": "Leave them out of the pool", "keep": "Keep them in both"}
# of the session: the project the form was opened over, its source, the import it started, what went wrong
ADDING, SOURCE, SUBMITTED, FAILURE = "adding", "new.source", "submitted", "import_failure"


def new_project() -> None:
    """The form that imports a source as a new project; with projects there, it can be left again."""
    names = workspace().projects()
    st.subheader("New project" if names else "Start here", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        taken = "digits" in names
        if st.button("Try the bundled digits", icon=":material/bolt:", type="primary", disabled=taken or bool(running(*IMPORTS))):
            with plain_errors():
                _submit("digits", {"source": str(samples.bundled_digits())})
        st.caption("1,797 handwritten digits. Their labels are hidden: label them yourself, or let them answer for you.")
    with st.container(horizontal=True, vertical_alignment="center"):
        taken = "street" in names
        if st.button("Try the bundled street scenes", icon=":material/add_road:", disabled=taken or bool(running(*IMPORTS))):
            with plain_errors():
                _submit("street", {"source": str(samples.bundled_street())})
        st.caption("200 small drawn streets with a label for every pixel: segmentation, masks painted in the browser.")
    with st.container(border=True, width=FORM_WIDTH):
        bring(SOURCE)
        arrived(SOURCE)
        source = st.text_input(
            "Folder, CSV or array file on this machine, or an address",
            placeholder="/home/me/photos, https://… or s3://…",
            key=SOURCE,
            persist_state="session",
        ).strip()
        shown = st.container()  # filled once the form is known
        left, right = st.columns(2)
        name = left.text_input("Name of the project", value=_name_of(source), max_chars=80).strip()
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
            "Classes, where the source does not name them",
            placeholder="cat, dog, other",
            help="Separated by commas; more can be added later. Of masks without a list of classes: in the order of their values, 0 first.",
        )
        rename = st.text_area(
            "Classes under another name",
            placeholder="kitty, Cat = cat\nblurred =",
            height=92,
            help="One line a class: names of the source, =, and the class they are. Nothing behind the = leaves them out. A name with a "
            'comma or = in it stands in quotes: "a, b" = cat. It is kept for reading the source again.',
        )
        described = brought()
        options = {
            **(described or {}),
            "format": kind,
            "task": task,
            "truth": truth,
            "hold_out": None if hold == 20 else hold / 100,
            "classes": [c for c in classes.split(",") if c.strip()],
            "rename": [line for line in rename.splitlines() if line.strip()],
            **_rarely(),
        }
        with shown:
            found = None
            if elsewhere(source):
                source = ""  # until it is here
            elif source and described is not None:
                found = look(source, options)
            else:
                _what_can_be_read()
        with st.container(horizontal=True):
            start = st.button("Import", type="primary", icon=":material/upload:")
            if names and st.button("Back"):
                st.session_state[ADDING] = st.session_state[FAILURE] = None
                st.rerun()
        if start:
            with plain_errors():
                if not (source and name):
                    raise AlcoreError("give a folder, a file or an address, and a name for the project first")
                if described is None:
                    raise AlcoreError("the table of metadata cannot be taken as it is: give another one, or none")
                if found is not None:
                    _submit(name, {"source": source, **options})


def _name_of(source: str) -> str:
    """A name for a project of this source, when there is something at it."""
    path = Path(source)
    try:
        path = path.expanduser()
        return path.stem if source and not is_address(source) and not refusal(source) and path.exists() else ""
    except (OSError, ValueError, RuntimeError):
        return ""


def _rarely() -> dict[str, object]:
    """Choices that most imports need not make."""
    with st.expander("Masks, damaged files, duplicates, dark pictures"):
        left, right = st.columns(2)
        void = left.selectbox(
            "Void in masks",
            list(VOIDS),
            format_func=VOIDS.__getitem__,
            help="The value of pixels without a class: they neither train nor count.",
        )
        cut = right.selectbox("JPEGs that end too early", list(CUTS), format_func=CUTS.__getitem__)
        duplicates = left.selectbox("Images that are tested and in the pool too, byte for byte", list(TWINS), format_func=TWINS.__getitem__)
        levels = right.text_input(
            "Black and white of pictures with more than 8 bits",
            placeholder="chosen by the pictures, as in 0, 4095",
            help="Two numbers, the values that become black and white: for pictures of 12 or 16 bits that look too dark or too bright.",
        )
    return {"void": void, "cut": cut, "duplicates": duplicates, "levels": levels.strip() or None}


def _what_can_be_read() -> None:
    st.caption(
        ":material/info: Class folders, with or without train/test folders, a folder of images, CSV files beside images, npz, CIFAR or IDX "
        "files; images with masks as CamVid, Cityscapes, BDD100K, Pascal VOC, COCO or YOLO have them; exports of Label Studio, CVAT and "
        "FiftyOne; Parquet, Hugging Face and WebDataset. What lies at an address is fetched first: a zip, a folder as web servers list it, "
        "a table or list of addresses, or a bucket's folder."
    )


def _submit(name: str, arguments: dict[str, object]) -> None:
    if name in workspace().projects():
        raise AlcoreError(f"a project {name!r} exists already: choose another name")
    job = submit_import(workspace().runner, workspace(), name, arguments)
    st.session_state["importing"] = st.session_state[SUBMITTED] = job.id
    st.session_state[FAILURE] = ""
    st.rerun()
