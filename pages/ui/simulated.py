"""What a simulation says: its curves as they grow, the differences to random, what each strategy asked for, and all of it to take along."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from alcore import figures
from alcore.metrics import is_share, signed, title
from alcore.simulation.asking import Asked
from alcore.simulation.comparison import BASELINE, verdict
from alcore.simulation.notebook import notebook_of
from alcore.simulation.oracle import Data
from alcore.simulation.sheets import GAP, SIDE, pictures_of, sheet
from alcore.simulation.shelf import Kept
from pages.ui.jobs import PLAIN_CHART
from pages.ui.session import plain_errors, plural
from pages.ui.simulating import folder, kept_of

POLL = 2.0  # seconds between two looks at the records of a simulation that runs
CSV = "results.csv"
SHOWN, COLUMNS = 50, 5  # images of a query, and how many stand side by side


def results(name: str, live: bool) -> None:
    """Curves, differences and who beats whom; looked at again every two seconds as long as it is `live`."""

    began = (folder() / name / CSV).is_file()

    @st.fragment(run_every=POLL if live else None)
    def shown() -> None:
        if not began and (folder() / name / CSV).is_file():
            st.rerun()  # what stands below has something to show now
        with plain_errors():  # a fragment runs again without what is around it
            kept = kept_of(name)
            if kept is None:
                if live:
                    st.caption("The images are being read: the curves begin with the first round.")
                return
            _curves(kept, live)

    shown()


def _curves(kept: Kept, live: bool) -> None:
    frame = kept.frame()
    if frame.empty:
        st.caption("The curves begin with the first round." if live else "No round is finished.")
        return
    called = {text: kept.called(text) for text in kept.config["strategies"]}
    order = list(called.values())
    st.caption(_about(kept))
    drawn = figures.learning_curve(frame.assign(strategy=frame["strategy"].map(called)), order)
    st.plotly_chart(drawn, key=f"curves.{kept.out.name}", config=PLAIN_CHART)
    st.caption("Means over seeds; the bands are one standard deviation to either side.")
    summary = _summary(kept)
    st.subheader(f"Against {_baseline(summary, called)}", anchor=False)
    if summary["baseline"] is None:
        st.caption("Random has no round yet." if BASELINE in called else "Random was not run: there is nothing to compare with.")
    else:
        _differences(kept, summary, called, order)
    if len(summary["strategies"]) > 1:
        _pairs(summary, called)
    if kept.finished == kept.planned:  # before the end they speak of what is still to come
        notes = [f"{note[0].upper()}{note[1:]}".rstrip(".") + "." for note in (*summary["notes"], *kept.config.get("notes", ()))]
        st.caption(" ".join(notes))


def _summary(kept: Kept) -> dict[str, Any]:
    """The comparison, made again only when there are more rounds: with many seeds its tests take a while."""
    key = f"compared.{kept.out.name}"
    at = (kept.mark, kept.finished)
    if st.session_state.get(key, (None,))[0] != at:
        st.session_state[key] = (at, kept.summary())
    made: dict[str, Any] = st.session_state[key][1]
    return made


def _baseline(summary: dict[str, Any], called: dict[str, str]) -> str:
    return called.get(summary["baseline"] or "", "Random").lower()


def _about(kept: Kept) -> str:
    c = kept.config
    images = f"{c['pool']:,} images in the pool, {c['test']:,} tested"
    labels = f"{c['init']:,} labels at random, then {c['query_size']:,} a round"
    runs = f"{plural(c['rounds'], 'round')}, {plural(len(c['seeds']), 'seed')}"
    return f"{c['dataset']}: {images} · {labels} · {runs} · {kept.finished:,} of {kept.planned:,} rounds done"


def _differences(kept: Kept, summary: dict[str, Any], called: dict[str, str], order: list[str]) -> None:
    metric, base, target = summary["metric"], _baseline(summary, called), summary["labels_to_target"]
    scale, unit = (100, "points") if is_share(metric) else (1, title(metric, start=False))
    rows, said = [], []
    for text, found in summary["strategies"].items():
        if found["difference"] is None:
            continue
        area, goal = found["difference"]["area"], target["strategies"][text]
        interval = None if area["low"] is None else f"{signed(scale * area['low'])} to {signed(scale * area['high'])}"
        numbers = "" if area["mean"] is None else f" ({signed(scale * area['mean'])} {unit}{f', {interval}' if interval else ''})"
        said.append(f"- **{called[text]}**: {verdict(area, base)}{numbers}")
        fewer = None if goal["fewer"] is None else 100 * goal["fewer"]
        row = {"strategy": called[text], **{end: area[end] for end in ("mean", "low", "high")}, "interval": interval}
        rows.append(row | {"labels": goal["labels"], "fewer": fewer})
    if not rows:
        st.caption(f"Only {base} has rounds yet: there is nothing to compare.")
        return
    st.markdown("\n".join(said))
    table = pd.DataFrame(rows).astype({"mean": float, "low": float, "high": float})
    if table["mean"].isna().all():
        return
    left, right = st.columns(2)
    with left:
        st.plotly_chart(figures.differences(table, base, order, metric), key=f"differences.{kept.out.name}", config=PLAIN_CHART)
    with right:
        shown = table.assign(mean=scale * table["mean"]).drop(columns=["low", "high"])
        columns = {
            "strategy": st.column_config.TextColumn("Strategy"),
            "mean": st.column_config.NumberColumn(f"Gain, {unit}", format="%+.1f"),
            "interval": st.column_config.TextColumn("95 % interval"),
            "labels": st.column_config.NumberColumn("Labels to target", format="%.0f"),
            "fewer": st.column_config.NumberColumn("Fewer", format="%.0f %%"),
        }
        st.dataframe(shown, hide_index=True, column_config=columns, placeholder="–")
    goal_value = f"{scale * target['target']:.1f}{' %' if is_share(metric) else ''}"
    st.caption(
        f"The gain is the mean difference over the whole curve, paired by seed, with its 95 % interval over seeds. Each interval "
        "holds for one comparison: with many strategies some miss zero by chance (the report corrects for that). The target is what "
        f"{base} reaches at its last round, {goal_value} with {target['at']:,} labels: where each mean curve first does."
    )


def _pairs(summary: dict[str, Any], called: dict[str, str]) -> None:
    penalty = summary["penalty"]
    names = [called[text] for text in penalty["strategies"]]
    st.subheader("Who beats whom", anchor=False)
    table = pd.DataFrame(penalty["matrix"], columns=names)
    for at in range(len(names)):
        table.iloc[at, at] = float("nan")
    table.insert(0, "row beats column", names)
    columns = {name: st.column_config.NumberColumn(format="%.2f") for name in names}
    st.dataframe(table, hide_index=True, column_config=columns, placeholder="·", width="content")
    st.caption(
        "The share of labeled counts at which the row's strategy beats the column's in a paired two-sided t test at 0.05 over seeds. "
        "With one seed nobody beats anybody."
    )


# ---- what each asked for


@st.fragment
def asked_for(name: str) -> None:
    """The images that every strategy asked for after one round of one seed, side by side."""
    with plain_errors():
        kept = kept_of(name)
        if kept is None or not kept.finished:
            return
        st.subheader("What each asked for", anchor=False)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            seed = st.selectbox("Seed", kept.config["seeds"], width=120, key=f"asked.seed.{name}")
            number = st.number_input("After round", 1, int(kept.config["rounds"]), 1, width=140, key=f"asked.round.{name}")
        found = kept.queries(int(seed), int(number))
        if not found:
            st.caption("No strategy has finished this round of this seed yet.")
            return
        _sheets(kept, found, int(number))


def _sheets(kept: Kept, found: dict[str, list[int]], number: int) -> None:
    if not (kept.out / "data" / "data.json").is_file():
        st.caption("Its pictures are not in its folder any more.")
        return
    data = Data.load(kept.out / "data", kept.config["thin"])
    with st.container(horizontal=True, gap="small"):
        for text, ids in found.items():
            called = kept.called(text)
            with st.container(width=COLUMNS * (SIDE + GAP), gap="xsmall"):
                first = f", the first {SHOWN}" if len(ids) > SHOWN else ""
                st.markdown(f"**{called}**")
                about = f"{plural(len(ids), 'image')}{first}"
                st.image(sheet(pictures_of(data, ids[:SHOWN]), COLUMNS), alt=f"{about} that {called} asked for after round {number}")
                st.caption(about)
    st.caption("All strategies of a seed begin with the same labels. Pictures are as models see them.")


# ---- to take along


def take_along(name: str, asked: Asked) -> None:
    """The command line that makes the same, the rows, the report and a notebook."""
    out = folder() / name
    st.subheader("Take it along", anchor=False)
    st.caption("The same from a terminal. With this folder it only does what is missing; with another one it makes it all anew.")
    st.code(asked.command(out), language="bash", wrap_lines=True)
    with st.container(horizontal=True):
        for label, file, icon, kind in (
            ("Results as CSV", CSV, ":material/table:", "text/csv"),
            ("Report", "report.html", ":material/description:", "text/html"),
        ):
            there = (out / file).is_file()
            st.download_button(
                label,
                (out / file).read_bytes if there else b"",  # read at the click: it grows while the simulation runs
                f"{name}-{file}",
                kind,
                icon=icon,
                disabled=not there,
                on_click="ignore",
                key=f"take.{file}.{name}",
                help=None if there else "It is written with the first round.",
            )
        notebook = notebook_of(asked, name)
        st.download_button(
            "Notebook",
            notebook,
            f"{name}.ipynb",
            "application/x-ipynb+json",
            icon=":material/menu_book:",
            on_click="ignore",
            key=f"take.nb.{name}",
        )
