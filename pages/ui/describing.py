"""Metadata: a table of columns beside the images, looked at before it is kept, and the column by which whole groups are held out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from alcore.errors import AlcoreError, BadInput
from alcore.importing.described import Described, read
from alcore.importing.values import Column, sketch
from alcore.project import metadata, slices
from alcore.project.facade import Project
from alcore.uploads import tables
from pages.ui.bringing import refusal
from pages.ui.session import FORM_WIDTH, plain_errors, plural, workspace

TYPES = ["csv", "tsv", "json", "jsonl", "parquet"]
ABOUT = (
    "A table with a row an image and a column of paths or file names: cameras, dates, patients, whatever is known. Its columns are filters "
    "on Images, colors on Explore, and go out with the labels."
)
GROUPS = (
    "Images with the same value are tested on together or not at all, and nothing trains on an image whose group is held out: a model is "
    "not praised for knowing a patient or a camera again."
)


def brought() -> dict[str, str] | None:
    """The fields of a table beside a source that is to be imported: the options of the import, None where the table cannot be taken. What
    it holds is shown with the source."""
    with st.expander("Metadata: cameras, dates, patients"):
        st.caption(f"{ABOUT} Its columns, and how many images they describe, are shown above before anything is imported.")
        left, right = st.columns(2)
        given = left.file_uploader("A table from your computer", type=TYPES, key="new.table")
        typed = right.text_input("Or a table on this machine", placeholder="/home/me/patients.csv", key="new.table.path").strip()
        if given is None and not typed:
            return {}
        try:
            if given is not None:
                file = tables.keep(workspace().home, given.name, given.getbuffer())
            else:
                if why := refusal(typed):
                    raise BadInput(why)
                file = Path(typed).expanduser().absolute()
            names = [column.name for column in _read(str(file), file.stat().st_mtime_ns if file.is_file() else 0).columns]
        except AlcoreError as problem:
            st.error(f"{str(problem)[0].upper()}{str(problem)[1:]}.", icon=":material/error:")
            return None
        group = st.selectbox(
            "Hold out whole groups of",
            [None, *names],
            format_func=lambda name: "no column" if name is None else name,
            help=GROUPS,
            width=300,
            key="new.group_by",
        )
    return {"metadata": str(file), "group_by": group or ""}


@st.cache_data(max_entries=2, show_spinner=False)
def _read(file: str, changed: int) -> Described:
    """The table in a file, as it was when it was changed last."""
    return read(Path(file))


def columns_table(columns: Sequence[Mapping[str, Any]]) -> None:
    """What a table holds, a line a column: as values.sketch tells it."""
    frame = pd.DataFrame(columns)
    frame["examples"] = [", ".join(examples) for examples in frame["examples"]]
    names = {"name": "column", "examples": "for example"}
    st.dataframe(frame.rename(columns=names), hide_index=True, width=FORM_WIDTH)


def describe(of: Project) -> None:
    """The section of the Data page."""
    kept = of.settings.get(metadata.KEPT)
    title = f"Metadata: {plural(len(kept['columns']), 'column')} of {kept['source'][:60]}" if kept else "Metadata"
    with st.expander(title, icon=":material/table:", type="compact"):
        _section(of.name)


@st.fragment
def _section(name: str) -> None:
    with plain_errors():
        of = workspace().project(name)  # a fragment runs again by itself: the project as it is by then
        if of.settings.get(metadata.KEPT):
            _kept(of)
        else:
            st.caption(ABOUT)
        _bring(of)


def _kept(of: Project) -> None:
    columns = metadata.aligned(of).columns
    st.dataframe(pd.DataFrame([_row(column) for column in columns]), hide_index=True, width=FORM_WIDTH)
    now = metadata.grouped_by(of)
    names = [None, *(column.name for column in columns)]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Hold out whole groups of",
            names,
            index=names.index(now) if now in names else 0,
            format_func=lambda name: "no column" if name is None else name,
            help=GROUPS,
            width=300,
            key=f"group_by.{of.id}.{now}",
        )
        if st.button("Take it away", icon=":material/delete:", key=f"meta.remove.{of.id}", help="The columns, and the groups with them."):
            metadata.remove(of)
            st.rerun()
    if chosen != now:
        metadata.group_by(of, chosen)
        st.rerun()
    if held := slices.held_groups(of):
        st.markdown(f"**{held.words()}.**")


def _row(column: Column) -> dict[str, Any]:
    told = sketch(column)
    return {
        "column": column.name,
        "kind": column.kind,
        "images": told["images"],
        "different": told["different"],
        "for example": ", ".join(told["examples"]),
    }


def _bring(of: Project) -> None:
    left, right = st.columns(2)
    given = left.file_uploader("A table from your computer", type=TYPES, key=f"meta.file.{of.id}")
    typed = right.text_input("Or a file on this machine", placeholder="/home/me/patients.csv", key=f"meta.path.{of.id}").strip()
    if given is None and not typed:
        return
    with tempfile.TemporaryDirectory() as folder:
        if given is not None:
            file = Path(folder) / "table"
            file.write_bytes(given.getbuffer())
            seen = metadata.look(of, file, given.name)
        else:
            if why := refusal(typed):
                raise BadInput(why)
            file = Path(typed).expanduser()
            seen = metadata.look(of, file)
    st.markdown(f"**{seen.words()}.**")
    for note in seen.notes:
        st.caption(f":material/info: {note}")
    columns_table(seen.columns)
    again = " in place of the one there is" if of.settings.get(metadata.KEPT) else ""
    if st.button(f"Keep it{again}", type="primary", icon=":material/check:", key=f"meta.keep.{of.id}"):
        metadata.attach(of, seen)
        st.rerun()
