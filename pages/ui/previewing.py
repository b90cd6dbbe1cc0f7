"""What an import would make of a source, shown before anything is acted on: what it was taken for, classes, pictures, what looks odd."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from alcore.errors import AlcoreError
from alcore.importing.preview import Preview, preview
from alcore.importing.request import ImportRequest
from pages.ui.bringing import refusal
from pages.ui.describing import columns_table
from pages.ui.session import plural

KEPT = "preview"  # of the session: (what was asked, what came out)
SHOWN_CLASSES = 12
SIDE = 64  # pixels of a sample
UNSEEN = ("cut", "duplicates")  # options that change nothing a preview shows
SPLITS = {"pool": "to label", "val": "for validation", "test": "held out for testing"}


def look(source: str, options: Mapping[str, Any]) -> Preview | None:
    """The preview of a source, or None when it cannot be imported as asked; draws either."""
    if why := refusal(source):
        st.error(f"{why}.", icon=":material/block:")
        return None
    path = Path(source).expanduser()
    try:
        if not path.exists():
            st.caption(f":material/error: There is no `{source}` on this machine.")
            return None
        shown = tuple(sorted((name, str(value)) for name, value in options.items() if name not in UNSEEN))
        table = Path(str(options.get("metadata") or source)).expanduser()
        asked = (source, shown, path.stat().st_mtime_ns, table.stat().st_mtime_ns if table.exists() else 0)
    except OSError as problem:
        st.caption(f":material/error: `{source}` cannot be read: {problem.strerror}")
        return None
    found: Preview | None
    if (kept := st.session_state.get(KEPT)) and kept[0] == asked:
        found, rows, problem_text = kept[1:]
    else:
        with st.spinner(f"Looking at {source} …"):
            found, rows, problem_text = _looked(source, options)
        st.session_state[KEPT] = (asked, found, rows, problem_text)
    if found is None:
        st.error(problem_text, icon=":material/error:")
        return None
    _draw(found, rows)
    return found


def _looked(source: str, options: Mapping[str, Any]) -> tuple[Preview | None, str, str]:
    """The preview, its pictures as HTML, or what is wrong."""
    try:
        found = preview(ImportRequest.of(source, options))
        return found.without_source(), _pictures(found), ""
    except AlcoreError as problem:
        return None, "", str(problem)


def _draw(found: Preview, rows: str) -> None:
    st.markdown(f":material/check: **Read as {found.took_for}.**")
    facts = [f"{count:,} {SPLITS[split]}" for split, count in found.splits.items()]
    if found.classes:
        names = ", ".join(found.classes[:SHOWN_CLASSES])
        more = f" and {len(found.classes) - SHOWN_CLASSES:,} more" if len(found.classes) > SHOWN_CLASSES else ""
        facts.append(f"{plural(len(found.classes), 'class', 'classes')}: {names}{more}")
    if found.levels:
        facts.append(f"pictures of more than 8 bits, shown from {found.levels[0]:g} (black) to {found.levels[1]:g} (white)")
    st.caption(f"From `{found.source}` · " + " · ".join(facts))
    for warning in found.warnings:
        st.warning(f"{warning[0].upper()}{warning[1:]}.", icon=":material/info:")
    for note in found.notes:
        st.caption(f":material/info: {note[0].upper()}{note[1:]}.")
    if found.columns:
        columns_table(found.columns)
    if rows:
        st.html(rows)
    if found.skipped:
        with st.expander(f"{plural(len(found.skipped), 'file')} left out"):
            frame = {"file": [one.path for one in found.skipped], "reason": [one.reason for one in found.skipped]}
            st.dataframe(frame, hide_index=True, height=220)


def _pictures(found: Preview) -> str:
    """A row a class: its name, how many, three pictures."""
    rows: dict[str | None, list[str]] = {}
    for sample in found.samples:
        if sample.label not in rows and len(rows) == SHOWN_CLASSES:
            break
        rows.setdefault(sample.label, []).append(_picture(found, sample))
    cells = []
    for label, pictures in rows.items():
        title = html.escape(label) if label is not None else "images"
        count = found.counts.get(label, 0) if label is not None else found.items
        name = f'<div class="name" title="{title}">{title}</div><div class="count">{count:,}</div>'
        cells.append(f'<div class="class"><div class="images">{"".join(pictures)}</div>{name}</div>')
    return f'<div class="alcore-preview">{"".join(cells)}</div>' if cells else ""


def _picture(found: Preview, sample: Any) -> str:
    path = html.escape(sample.path)
    try:
        picture = base64.b64encode(found.picture(sample, SIDE)).decode()
    except AlcoreError as problem:
        return f'<div class="broken" title="{path}: {html.escape(str(problem))}">?</div>'
    return f'<img src="data:image/png;base64,{picture}" alt="{path}" title="{path}">'
