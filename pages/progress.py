"""Progress: accuracy against labels, what was labeled, and every round."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from alcore import figures
from alcore.frames import learning_curve
from alcore.project import Project
from alcore.types import Round
from pages.ui.session import empty, header, maker, project
from pages.ui.work import PLAIN_CHART, duration


def main() -> None:
    header("Progress", "Is it still worth labeling? How well the model does on the test images against what was labeled.")
    of = project()
    rounds = of.rounds()
    counts = of.counts()
    if not rounds:
        empty("No rounds yet", "Each round adds a point to the curve. Train the first one.", "train.py", "Train a round")
        return
    _headline(of, rounds, counts)
    left, right = st.columns([3, 2])
    with left, st.container(border=True, height="stretch"):
        curve = learning_curve(rounds)
        metrics = list(dict.fromkeys(curve["metric"])) or [of.metric]
        with st.container(horizontal=True):
            metric = st.segmented_control(
                "Metric",
                metrics,
                default=metrics[0],
                required=True,
                format_func=words,
                label_visibility="collapsed",
                key=f"metric.{of.task}",
                persist_state="session",
            )
            st.space("stretch")
            against = _against(of)
        drawn = curve[curve["metric"] == metric]
        if against != "images":
            drawn = drawn.merge(of.costs()[["round", against]], on="round")
            drawn["labeled"] = drawn[against]
        chart = figures.learning_curve(drawn)
        chart.update_yaxes(title_text=words(metric))
        if against != "images":
            chart.update_xaxes(title_text=f"labeled {against}" if against == "pixels" else "clicks spent")
        st.plotly_chart(chart, key="curve", height=340, config=PLAIN_CHART)
    with right, st.container(border=True, height="stretch"):
        if of.dense:
            st.markdown("**Share of the labeled pixels**")
            frame = pd.DataFrame(of.class_table(), columns=["class", "share"])
            frame["labeled"] = (100 * frame.pop("share").astype(float)).round(2)
            balance = figures.class_balance(frame)
            balance.update_yaxes(title_text="percent")
        else:
            st.markdown("**Class balance of the labels**")
            truth = counts["truth"].get("pool", {})
            labels = counts["labels"]
            frame = pd.DataFrame({"class": of.classes, "labeled": [labels.get(c, 0) for c in of.classes]})
            if truth:
                frame["pool"] = [truth.get(c, 0) + (0 if of.settings["truth"] == "hidden" else labels.get(c, 0)) for c in of.classes]
            balance = figures.class_balance(frame)
        st.plotly_chart(balance, key="balance", height=340, config=PLAIN_CHART)
    if of.dense:
        _by_class(of, rounds)
    st.subheader("Rounds", anchor=False)
    shares = [of.metric, "pixel_accuracy" if of.dense else "balanced_accuracy"]
    table = pd.DataFrame(
        {
            "round": [r.number for r in rounds],
            "query by": [maker(r) for r in rounds],
            "labels": [r.labeled for r in rounds],
            **{words(name, start=False): [r.metrics.get(name) for r in rounds] for name in shares},
            "queried": [len(r.query) for r in rounds],
            "train": [duration(r.seconds["train"]) if "train" in r.seconds else None for r in rounds],
            "score": [f"{r.seconds['score']:.1f} s" if "score" in r.seconds else None for r in rounds],
            "map": [f"{r.seconds['map']:.1f} s" if "map" in r.seconds else None for r in rounds],
            "device": [r.device for r in rounds],
            "seed": [r.seed for r in rounds],
        }
    )
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(table, hide_index=True, column_config={words(name, start=False): percent for name in shares}, placeholder="–")
    _pace(of.pace())


def words(metric: str, start: bool = True) -> str:
    """A metric's name for people, with a capital at the `start` of a sentence."""
    said = metric.replace("_", " ")
    return (said.capitalize() if start else said).replace("iou", "IoU")


def _against(of: Project) -> str:
    """What the curve runs over: labeled images, and for masks also pixels or clicks."""
    if not of.dense:
        return "images"
    chosen = st.segmented_control(
        "Against",
        ["images", "pixels", "clicks"],
        default="images",
        required=True,
        format_func=lambda name: f"by {name}",
        label_visibility="collapsed",
        key="against",
        persist_state="session",
    )
    return chosen or "images"


def _by_class(of: Project, rounds: list[Round]) -> None:
    """IoU of each class in the newest measured round, beside how much of it is labeled."""
    measured = [r for r in rounds if of.metric in r.metrics]
    if not measured:
        return
    st.subheader("Classes", anchor=False)
    frame = pd.DataFrame(of.class_table(measured[-1]))
    frame.insert(0, "color", [figures.swatch(color) for color in of.colors])
    columns = {
        "color": st.column_config.ImageColumn("", width=44),
        "images": st.column_config.NumberColumn("images with it", format="localized"),
        "pixels": st.column_config.NumberColumn("labeled pixels", format="localized"),
        "share": st.column_config.NumberColumn("share of the labeled pixels", format="percent"),
        "iou": st.column_config.ProgressColumn("IoU", format="percent", min_value=0, max_value=1, width="medium"),
    }
    st.dataframe(frame, hide_index=True, column_config=columns, placeholder="–", width="content", height="content")
    absent = frame.loc[frame["iou"].isna(), "class"].tolist()
    left_out = f" The test images have no {', '.join(absent)}: left out of the mean." if absent else ""
    st.caption(
        f"Round {measured[-1].number}, on the test images at {of.settings['image_size']} × {of.settings['image_size']} pixels.{left_out}"
    )


def _headline(of: Project, rounds: list[Round], counts: dict[str, Any]) -> None:
    """Where the project stands, and what the last labels brought."""
    pool = max(1, counts["splits"].get("pool", 0))
    measured = [r for r in rounds if of.metric in r.metrics]
    with st.container(horizontal=True, gap=44):
        if measured:
            newest = measured[-1]
            before = [r for r in measured if r.strategy == newest.strategy and r.labeled < newest.labeled]
            gain = f"{100 * (newest.metrics[of.metric] - before[-1].metrics[of.metric]):+.1f} points" if before else None
            about = f"since {before[-1].labeled:,} labels" if before else None
            st.metric(words(of.metric), f"{100 * newest.metrics[of.metric]:.1f} %", gain, delta_description=about, width="content")
        st.metric("Labels", f"{counts['labeled']:,}", width="content")
        st.metric("Share of the pool", f"{100 * counts['labeled'] / pool:.1f} %", width="content")
        st.metric("Rounds with a model", f"{sum('train' in r.seconds for r in rounds):,}", width="content")
        st.metric("Trained for", duration(sum(r.seconds.get("train", 0.0) for r in rounds)), width="content")


def _pace(pace: pd.DataFrame) -> None:
    if pace.empty:
        return
    st.subheader("Labeling", anchor=False)
    st.dataframe(pace, hide_index=True, width=480, column_config={"median seconds": st.column_config.NumberColumn(format="%.1f")})
    st.caption("Seconds between an image appearing and its label, by annotator; images that took over two minutes are left out as pauses.")


main()
