"""Explore: the pool as a map colored by any score or class, and how each score is spread."""

from __future__ import annotations

import streamlit as st

from alcore import figures
from alcore.explain import info
from alcore.project import Project
from alcore.types import Round
from pages.ui.components.embedding_map import embedding_map
from pages.ui.session import empty, header, maker, plural, project, token
from pages.ui.work import PLAIN_CHART

TABLE_ROWS = 500


def main() -> None:
    header("Explore", "Every image of the pool, where the model sees it. Lasso some to look at them.")
    of = project()
    rounds = [r for r in of.rounds() if of.files(r)]
    if not rounds:
        empty("No map yet", "The map shows what a trained model thinks of the pool. Train a round first.", "train.py", "Train a round")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        titles = {r.number: f"Round {r.number}: {maker(r)}, {plural(r.labeled, 'label')}" for r in rounds}
        number = st.selectbox(
            "Round", [r.number for r in reversed(rounds)], format_func=titles.__getitem__, width=320, key=f"explore.round.{of.id}"
        )
        chosen = next(r for r in rounds if r.number == number)
        columns = {c["name"]: c.get("title", c["name"]) for c in of.columns(number) if c["name"] not in ("x", "y", "selected")}
        if columns:
            color = st.selectbox(
                "Color by", list(columns), format_func=columns.__getitem__, width=240, key="explore.color", persist_state="session"
            )
            st.caption(info(color).help if info(color).help else "The class of each point.")
    if not columns:
        st.info("The map of this round is still being made, or could not be: see the job's log on the Train page.")
    else:
        selection = embedding_map(project=of.name, token=token(of), round_number=number, color=color, classes=of.classes, key="map")
        if selection.count:
            _table(of, chosen, selection.ids, selection.count)
    _histograms(of, chosen)


def _table(of: Project, chosen: Round, ids: tuple[int, ...], count: int) -> None:
    frame = of.scores(chosen).set_index("id")
    shown = frame.loc[[i for i in ids[:TABLE_ROWS] if i in frame.index]].reset_index()
    shown["path"] = [of.shown_name(int(i), path) for i, path in zip(shown["id"], shown["path"], strict=True)]
    st.subheader(f"{count:,} selected", anchor=False)
    st.dataframe(shown.drop(columns=["x", "y"], errors="ignore").rename(columns={"selected": "queried", "path": "name"}), hide_index=True)
    if count > len(shown):
        st.caption(f"The table lists {len(shown):,} of them: those that were scored, at most {TABLE_ROWS}.")


def _histograms(of: Project, chosen: Round) -> None:
    files = of.files(chosen)
    if files is None:
        return
    st.subheader("How the scores are spread", anchor=False)
    st.caption("Gray: the pool. Orange: what was queried, its median dotted.")
    frame = of.scores(chosen)
    names = [n for n in ("total", "entropy", "margin", "confidence", "labeledness", "discrepancy") if n in files.scores]
    cells = st.columns(3)
    for at, name in enumerate(names):
        with cells[at % 3], st.container(border=True, gap=None):
            st.markdown(f"**{info(name).title}**", help=info(name).help)
            figure = figures.score_histogram(frame, name)
            figure.update_layout(showlegend=False, margin={"l": 36, "r": 8, "t": 12, "b": 24})
            figure.update_xaxes(title_text="", automargin=False)  # it keeps room for a title that is not there
            figure.update_yaxes(title_text="", automargin=False)
            st.plotly_chart(figure, key=f"histogram.{name}", height=150, config=PLAIN_CHART)


main()
