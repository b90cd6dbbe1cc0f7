"""Several people at one project: how they share its queue (a popover of the Label page), and who has done what (a part of Progress)."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from alcore.project import again, sharing
from alcore.project.facade import Project
from alcore.project.people import Crew, Person, crew
from pages.ui.session import annotator, plain_errors, plural

WAYS = {
    "shared": "Everybody sees the same queue",
    "split": "Each image goes to one person",
    "several": "Several people answer each image",
}
SAID = {
    "shared": "Whoever answers first answers for all.",
    "split": "Whose own share is used up helps with the others'.",
    "several": "Nobody sees what the others said. What most say counts; a tie waits for review.",
}
AGAIN_HELP = (
    f"Every {again.EVERY}th image is one that the same person labeled a while ago, without a mark. The second answer changes no label; "
    "Progress says how often both were the same."
)
MOST_PAIRS = 10  # pairs of people that are told one by one, those that agree least


def share_ways(of: Project) -> None:
    """How people share the queue, as a popover that keeps the choice when it is saved."""
    now = sharing.settings(of)
    ways = ["shared", "split"] if of.dense else list(WAYS)
    with st.popover("People", icon=":material/group:", key=f"people.{of.id}"):
        chosen = st.radio(
            "When several people label",
            ways,
            ways.index("several" if now.opinions > 1 else now.mode),
            format_func=WAYS.__getitem__,
            captions=[SAID[way] for way in ways],
            key=f"people.way.{of.id}",
        )
        opinions = 1
        if chosen == "several":
            opinions = int(st.number_input("People an image", 2, sharing.MOST, max(2, now.opinions), key=f"people.opinions.{of.id}"))
        ask_again = False
        if not of.dense:
            ask_again = st.toggle("Ask some images again", now.again, help=AGAIN_HELP, key=f"people.again.{of.id}")
        if st.button("Save the choice", type="primary", key=f"people.save.{of.id}"):
            with plain_errors():
                sharing.choose(of, split=chosen == "split", opinions=opinions, again=ask_again)
                st.rerun()


def who_did_what(of: Project) -> None:
    """A row for each person, what they agree on, and how steady they are; nothing before somebody labeled by hand."""
    found = crew(of)
    if not found.people:
        return
    st.subheader("People", anchor=False)
    st.dataframe(
        pd.DataFrame([_row(person, found) for person in found.people]),
        hide_index=True,
        width="content",
        placeholder="–",
        column_config={
            "labels an hour": st.column_config.NumberColumn(format="%.0f"),
            "median seconds": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    st.caption("Labels an hour leave pauses of more than five minutes out; the median is of the seconds from seeing an image to its label.")
    for sentence in sentences(found, annotator()):
        st.markdown(sentence)


def sentences(found: Crew, me: str) -> list[str]:
    """What is to be said of them beside the table: how far all agree, who agrees least, and how steady `me` is."""
    told = []
    if found.agreement is not None:
        told.append(found.agreement.words())
    if found.pairs:
        told.append("By pairs, those that agree least first: " + "; ".join(_pair(p.who, p.short) for p in found.pairs[:MOST_PAIRS]) + ".")
    own = next((person.steady for person in found.people if person.name == me), None)
    if own is not None:
        told.append(f"{own.words('You')}, asked again without knowing it.")
    return told


def _pair(who: tuple[str, ...], short: str) -> str:
    return f"{' and '.join(who)} {short}"


def _row(person: Person, found: Crew) -> dict[str, object]:
    row: dict[str, object] = {
        "person": person.name,
        "labels": person.labels,
        "labels an hour": person.an_hour,
        "median seconds": person.seconds,
        "last seen": "here now" if person.here else ago(time.time() - person.seen, person.seen),
        "skipped": person.skipped,
        "flagged": person.flags,
    }
    if len(found.people) > 1:
        row["agrees with the others"] = person.agrees.short if person.agrees else None
    if any(one.steady for one in found.people):
        row["same answer again"] = f"{person.steady.same:,} of {person.steady.of:,}" if person.steady else None
    return row


def ago(seconds: float, at: float) -> str:
    """How long ago something was: in minutes or hours, or its day."""
    if seconds < 90:
        return "a minute ago"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 86_400:
        return f"{plural(round(seconds / 3600), 'hour')} ago"
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
