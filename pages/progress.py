"""Progress: accuracy against labels, what was labeled, and every round."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from alcore import figures
from alcore.frames import learning_curve
from alcore.types import Round
from pages.ui.session import empty, header, maker, project
from pages.ui.work import PLAIN_CHART, duration


def main() -> None:
    header("Progress", "Is it still worth labeling? Accuracy on the test images against the number of labels.")
    of = project()
    rounds = of.rounds()
    counts = of.counts()
    if not rounds:
        empty("No rounds yet", "Each round adds a point to the curve. Train the first one.", "train.py", "Train a round")
        return
    _headline(rounds, counts)
    left, right = st.columns([3, 2])
    with left, st.container(border=True, height="stretch"):
        curve = learning_curve(rounds)
        metrics = list(dict.fromkeys(curve["metric"])) or ["accuracy"]
        metric = st.segmented_control(
            "Metric",
            metrics,
            default=metrics[0],
            required=True,
            format_func=lambda m: m.replace("_", " ").capitalize(),
            label_visibility="collapsed",
            key="metric",
            persist_state="session",
        )
        st.plotly_chart(figures.learning_curve(curve[curve["metric"] == metric]), key="curve", height=340, config=PLAIN_CHART)
    with right, st.container(border=True, height="stretch"):
        st.markdown("**Class balance of the labels**")
        truth = counts["truth"].get("pool", {})
        frame = pd.DataFrame({"class": of.classes, "labeled": [counts["labels"].get(c, 0) for c in of.classes]})
        if truth:
            frame["pool"] = [truth.get(c, 0) + (0 if of.settings["truth"] == "hidden" else counts["labels"].get(c, 0)) for c in of.classes]
        st.plotly_chart(figures.class_balance(frame), key="balance", height=340, config=PLAIN_CHART)
    st.subheader("Rounds", anchor=False)
    table = pd.DataFrame(
        {
            "round": [r.number for r in rounds],
            "query by": [maker(r) for r in rounds],
            "labels": [r.labeled for r in rounds],
            "accuracy": [r.metrics.get("accuracy") for r in rounds],
            "balanced accuracy": [r.metrics.get("balanced_accuracy") for r in rounds],
            "queried": [len(r.query) for r in rounds],
            "train": [duration(r.seconds["train"]) if "train" in r.seconds else None for r in rounds],
            "score": [f"{r.seconds['score']:.1f} s" if "score" in r.seconds else None for r in rounds],
            "map": [f"{r.seconds['map']:.1f} s" if "map" in r.seconds else None for r in rounds],
            "device": [r.device for r in rounds],
            "seed": [r.seed for r in rounds],
        }
    )
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(table, hide_index=True, column_config={"accuracy": percent, "balanced accuracy": percent}, placeholder="–")
    _pace(of.pace())


def _headline(rounds: list[Round], counts: dict[str, Any]) -> None:
    """Where the project stands, and what the last labels brought."""
    pool = max(1, counts["splits"].get("pool", 0))
    measured = [r for r in rounds if "accuracy" in r.metrics]
    with st.container(horizontal=True, gap=44):
        if measured:
            newest = measured[-1]
            before = [r for r in measured if r.strategy == newest.strategy and r.labeled < newest.labeled]
            gain = f"{100 * (newest.metrics['accuracy'] - before[-1].metrics['accuracy']):+.1f} points" if before else None
            about = f"since {before[-1].labeled:,} labels" if before else None
            st.metric("Accuracy", f"{100 * newest.metrics['accuracy']:.1f} %", gain, delta_description=about, width="content")
        st.metric("Labels", f"{counts['labeled']:,}", width="content")
        st.metric("Share of the pool", f"{100 * counts['labeled'] / pool:.1f} %", width="content")
        st.metric("Rounds with a model", f"{sum('train' in r.seconds for r in rounds):,}", width="content")
        st.metric("Trained for", duration(sum(r.seconds.get("train", 0.0) for r in rounds)), width="content")


def _pace(pace: pd.DataFrame) -> None:
    if pace.empty:
        return
    st.subheader("Labeling", anchor=False)
    st.dataframe(pace, hide_index=True, width=480, column_config={"median seconds": st.column_config.NumberColumn(format="%.1f")})
    st.caption("Seconds between an image appearing and its key, by annotator; images that took over two minutes are left out as pauses.")


main()
