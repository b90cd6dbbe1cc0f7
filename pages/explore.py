"""Explore: the pool as a map colored by any score or class, and how each score is spread."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from alcore import figures
from alcore.project import chosen as chosen_images
from alcore.project import features, points, tables
from alcore.project.facade import Project
from alcore.project.tables import score_names
from alcore.project.views import View
from alcore.training.explain import info
from alcore.training.roundfiles import RoundFiles
from alcore.types import Round
from pages.ui.components.embedding_map import embedding_map
from pages.ui.jobs import PLAIN_CHART, running, watch
from pages.ui.session import VIEW, empty, header, maker, plural, project, token

TABLE_ROWS = 500
AMONG = "among"  # in the address: a kept selection
Order = Literal["most", "least", "name"]
ORDERS: dict[Order, str] = {"most": "Most wanted first", "least": "Least wanted first", "name": "Name"}
CLASSES = {"prediction": "The class the model guesses.", "label": "The class a person gave."}


def main() -> None:
    header("Explore", "Every image of the pool, where the model sees it: what looks alike to it lies close. Lasso some to look at them.")
    of = project()
    for job in running("features", of=of):
        watch(job)
    rounds = [r for r in of.rounds() if of.files(r)]
    first = features.first_map(of)
    if not rounds and first is None:
        empty("No map yet", "The map shows what a trained model thinks of the pool. Train a round first.", "train.py", "Train a round")
        return
    titles = {r.number: f"Round {r.number}: {maker(r)}, {plural(r.labeled, 'label')}" for r in rounds}
    if first is not None:
        rounds = [tables.mapped_round(of, 0), *rounds]
        titles[0] = f"Before the first round: {plural(len(first[0]), 'image')}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        round_key = f"explore.round.{of.id}"
        number = st.selectbox("Round", [r.number for r in reversed(rounds)], format_func=titles.__getitem__, width=320, key=round_key)
        chosen = next(r for r in rounds if r.number == number)
        columns = _columns(of, [chosen, *rounds[-1:]])
        if columns:
            color = st.selectbox(
                "Color by",
                list(columns),
                format_func=lambda name: columns[name]["title"],
                width=240,
                key="explore.color",
                persist_state="session",
            )
            order = _order()
    if not columns:
        st.info("The map of this round is still being made, or could not be: see the job's log on the Train page.")
    else:
        st.caption(_about(columns[color]))
        selection = embedding_map(
            project=of.name,
            token=token(of),
            round_number=number,
            color=color,
            order=order,
            classes=of.classes,
            timeline=points.timeline(of, titles),
            on_round=lambda to: st.session_state.update({round_key: to}),
            among=st.query_params.get(AMONG, ""),
            key="map",
        )
        if selection.left and selection.left == st.query_params.get(AMONG):
            del st.query_params[AMONG]
        if selection.opened:
            _open(of, selection.opened)
        if selection.count and chosen.folder:
            _table(of, chosen, selection.ids, selection.count)
    _histograms(of, chosen)


def _columns(of: Project, rounds: list[Round]) -> dict[str, dict[str, Any]]:
    """What the map can be colored by, by name: the first round's columns, and then those that only a later one of `rounds` has, so that
    nothing changes while somebody plays through the rounds. Empty where the first one has no map."""
    told = [tables.columns(of, r) for r in {r.number: r for r in rounds}.values()]
    return {c["name"]: c for columns in reversed(told) for c in columns if c["name"] not in ("x", "y", "selected")} if told[0] else {}


def _order() -> Order:
    """How the images of a selection are sorted, beside the map and in the table."""
    return st.selectbox(
        "Sort the selection",
        list(ORDERS),
        format_func=ORDERS.__getitem__,
        width=200,
        help="By the score the map is colored by; when it shows classes, by what the strategy ranks by.",
        key="explore.order",
        persist_state="session",
    )


def _about(column: dict[str, Any]) -> str:
    """What a column means, and which end is asked for."""
    if column["kind"] != "number":
        return CLASSES.get(column["name"]) or str(column["help"])
    return f"{column['help']} {_wanted(column['wanted'])}" if "wanted" in column else str(column["help"])


def _wanted(end: str) -> str:
    return "High values are wanted." if end == "high" else "Low values are wanted."


def _table(of: Project, chosen: Round, ids: tuple[int, ...], count: int) -> None:
    frame = of.scores(chosen, ids).set_index("id")
    shown = frame.loc[[i for i in ids if i in frame.index][:TABLE_ROWS]].reset_index()
    shown["path"] = [of.shown_name(int(i), path) for i, path in zip(shown["id"], shown["path"], strict=True)]
    st.subheader(f"{count:,} selected", anchor=False)
    listed = st.dataframe(
        shown.drop(columns=["x", "y"], errors="ignore"),
        hide_index=True,
        column_config=_headings(shown, chosen),
        on_select="rerun",
        selection_mode="multi-row",
        key=f"table.{hash((chosen.number, ids))}",  # rows that were chosen mean nothing among other rows
    )
    if rows := listed.selection.rows:
        _of_these(of, [int(i) for i in shown["id"].iloc[rows]], "rows")
    if count > len(shown):
        st.caption(f"The table lists {len(shown):,} of them: those that were scored, at most {TABLE_ROWS}.")


def _of_these(of: Project, ids: list[int], key: str) -> None:
    """What can be done with images that were chosen in a table or a chart."""
    with st.container(horizontal=True, gap="small"):
        if st.button(f"Select {plural(len(ids), 'image')} on the map", icon=":material/scatter_plot:", key=f"{key}.map"):
            st.query_params[AMONG] = chosen_images.keep(of, ids)
            st.rerun()
        if st.button("Open in Images", icon=":material/grid_view:", key=f"{key}.open"):
            _open(of, chosen_images.keep(of, ids))


def _open(of: Project, among: str) -> None:
    st.switch_page("images.py", query_params={"project": of.name, VIEW: View(among=among).address()})


def _headings(frame: pd.DataFrame, chosen: Round) -> dict[str, Any]:
    """Titles and help of the table's columns; the scores are told of by their strategy."""
    told: dict[str, Any] = {
        "id": st.column_config.NumberColumn("Number", format="%d", width="small"),
        "path": st.column_config.TextColumn("Name"),
        "rank": st.column_config.NumberColumn("Rank", help="1 is the most wanted of the pool.", format="localized"),
        "selected": st.column_config.CheckboxColumn("Queried"),
        "prediction": st.column_config.TextColumn("Prediction", help=CLASSES["prediction"]),
    }
    for name in frame.columns:
        if name not in told and name not in ("x", "y"):
            about = info(name, chosen.strategy)
            told[name] = st.column_config.NumberColumn(about.title, help=f"{about.help} {_wanted(about.wanted)}", format="%.4g")
    return told


@st.cache_data(max_entries=64, show_spinner=False)
def _spread(folder: str, name: str, _files: RoundFiles) -> Any:
    """The histogram of one score; a round's never changes, and of a million images it takes a tenth of a second."""
    figure = figures.score_histogram(_scored(_files, name), name)
    figure.update_layout(showlegend=False, margin={"l": 36, "r": 16, "t": 12, "b": 24})
    figure.update_xaxes(title_text="", automargin=False)  # it keeps room for a title that is not there
    figure.update_yaxes(title_text="", automargin=False)
    return figure


def _scored(files: RoundFiles, name: str) -> pd.DataFrame:
    return pd.DataFrame({name: files.scores[name], "selected": np.isin(files.ids, files.selected)})


def _histograms(of: Project, chosen: Round) -> None:
    files = of.files(chosen)
    if files is None:
        return
    st.subheader("How the scores are spread", anchor=False)
    st.caption("Gray: the pool. Orange: what was queried, on an axis of its own, its median dotted. Press a bar to choose its images.")
    names = score_names(files)
    for start in range(0, len(names), 3):  # a row at a time, so that on a narrow page they stay in order
        for name, cell in zip(names[start : start + 3], st.columns(3), strict=False):
            about = info(name, chosen.strategy)
            with cell, st.container(border=True, gap=None):
                st.markdown(f"**{about.title}**", help=f"{about.help} {_wanted(about.wanted)}")
                figure = _spread(str(files.folder), name, files)
                key = f"histogram.{name}.{chosen.number}"
                pressed = st.plotly_chart(figure, key=key, height=190, config=PLAIN_CHART, on_select="rerun", selection_mode="points")
                bars = [(point["curve_number"], point["point_index"]) for point in pressed.selection.points]
                if bars:
                    _of_these(of, files.ids[figures.in_bars(_scored(files, name), name, bars)].tolist(), key)


main()
