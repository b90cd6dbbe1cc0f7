"""Progress: accuracy against labels, what was labeled, and every round."""

from __future__ import annotations

import dataclasses
from typing import Any

import pandas as pd
import streamlit as st

from alcore import figures
from alcore.metrics import Standing, title, told
from alcore.progress import duration, took
from alcore.project import samples, slices
from alcore.project.facade import Project
from alcore.project.tables import learning_curve
from alcore.project.worth import worth
from alcore.types import Round
from pages.ui.jobs import PLAIN_CHART
from pages.ui.people import who_did_what
from pages.ui.session import annotator, empty, header, maker, plural, project, several

SIGNS = {"go_on": ("trending_up", "blue"), "little_left": ("check_circle", "green"), "cannot_tell": ("hourglass_empty", "gray")}
SHOWN_CLASSES = 30  # rows of the table of masks before it scrolls
ONE_CURVE = (
    "These rounds share one growing set of labels: the curve is your project's, not a comparison of strategies; for that see Simulate. "
    "A point's color says who asked for its newest labels."
)


def main() -> None:
    header("Progress", "Is it still worth labeling? How well the model does on the test images against what was labeled.")
    of = project()
    rounds = of.rounds()
    counts, hidden = samples.counts_for(of, annotator())
    if counts["sliced"] and not _given(counts):
        rounds = _by_slice(of, rounds)
    if not rounds:
        empty("No rounds yet", "Each round adds a point to the curve. Train the first one.", "train.py", "Train a round")
        return
    _headline(of, rounds, counts)
    _worth(of)
    images = _test_images(counts)
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
                format_func=title,
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
        chart = figures.progress_curve(drawn, images)
        if against != "images":
            chart.update_xaxes(title_text=f"labeled {against}" if against == "pixels" else "clicks spent")
        st.plotly_chart(chart, key="curve", height=340, config=PLAIN_CHART)
        if len(drawn) > 1:
            bars = " The bars are 95 % intervals." if metric == "accuracy" and images else ""
            st.caption(ONE_CURVE + bars)
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
        if hidden:
            st.caption(samples.left_out(hidden))
    if of.dense:
        _by_class(of, rounds)
    st.subheader("Rounds", anchor=False)
    shares = [of.metric, "pixel_accuracy" if of.dense else "balanced_accuracy"]
    table = pd.DataFrame(
        {
            "round": [r.number for r in rounds],
            "query by": [maker(r) for r in rounds],
            "labels": [r.labeled for r in rounds],
            **{title(name, start=False): [100 * r.metrics[name] if name in r.metrics else None for r in rounds] for name in shares},
            "queried": [len(r.query) for r in rounds],
            **{f"time to {stage}": [_took(r, stage) for r in rounds] for stage in ("train", "score", "map")},
            "device": [r.device for r in rounds],
            "seed": [r.seed for r in rounds],
        }
    )
    in_percent = st.column_config.NumberColumn(format="%.1f %%")
    st.dataframe(table, hide_index=True, column_config={title(name, start=False): in_percent for name in shares}, placeholder="–")
    who_did_what(of)


def _worth(of: Project) -> None:
    """Whether to go on, in one sentence, with the numbers it comes from."""
    told = worth(of)
    if told is not None:
        icon, color = SIGNS[told.kind]
        head, _, rest = told.words.partition(": ")
        st.markdown(f":{color}[:material/{icon}:] **{head}**: {rest}" if rest else f":{color}[:material/{icon}:] {told.words}")


def _took(round_: Round, stage: str) -> str | None:
    """How long a stage of a round took, in words."""
    if (seconds := round_.seconds.get(stage)) is None:
        return None
    return took(seconds)


def _test_images(counts: dict[str, Any]) -> int:
    """How many images a round is tested on: val stands in for a test split without truth."""
    return _given(counts) + int(counts["sliced"])


def _given(counts: dict[str, Any]) -> int:
    truth = counts["truth"]
    return sum(truth.get("test", {}).values()) or sum(truth.get("val", {}).values())


def _by_slice(of: Project, rounds: list[Round]) -> list[Round]:
    """The rounds with their accuracy on all that is labeled of the test slice by now; what they were measured on at their time was less."""
    found = slices.curve(of)
    measured = {number: {of.metric: value.share} for number, value in found.items()}
    return [dataclasses.replace(r, metrics=measured.get(r.number, {})) for r in rounds]


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
    tall: Any = "content" if len(frame) <= SHOWN_CLASSES else "auto"  # else it scrolls by itself
    st.dataframe(frame, hide_index=True, column_config=columns, placeholder="–", width="content", height=tall)
    absent = frame.loc[frame["iou"].isna(), "class"].tolist()
    left_out = f" The test images have no {several(absent)}: left out of the mean." if absent else ""
    st.caption(
        f"Round {measured[-1].number}, on the test images at {of.settings['image_size']} × {of.settings['image_size']} pixels.{left_out}"
    )


def _headline(of: Project, rounds: list[Round], counts: dict[str, Any]) -> None:
    """Where the project stands, and what the newest round brought."""
    pool = max(1, counts["splits"].get("pool", 0))
    measured = [r for r in rounds if of.metric in r.metrics]
    standing = None
    with st.container(horizontal=True, gap=44):
        if measured:
            newest, before = measured[-1], measured[-2] if len(measured) > 1 else None
            was = before.metrics[of.metric] if before else None
            standing = Standing(newest.metrics[of.metric], was, _test_images(counts), is_counted=of.metric == "accuracy")
            _change(of, standing, newest, before)
        st.metric("Labels", f"{counts['labeled']:,}", width="content")
        st.metric("Share of the pool", f"{100 * counts['labeled'] / pool:.1f} %", width="content")
        st.metric("Rounds with a model", f"{sum('train' in r.seconds for r in rounds):,}", width="content")
        st.metric("Trained for", duration(sum(r.seconds.get("train", 0.0) for r in rounds)), width="content")
    if standing is not None and (said := standing.words()):
        st.caption(said)


def _change(of: Project, standing: Standing, newest: Round, before: Round | None) -> None:
    """The metric with its change since the round before: green for a rise and red for a fall, gray for what may be noise."""
    value = told(of.metric, standing.value)
    if standing.points is None or before is None:
        st.metric(title(of.metric), value, width="content")
        return
    more = newest.labeled - before.labeled
    since = f"since round {before.number}, " + (f"{plural(more, 'label')} ago" if more > 0 else "on the same labels")
    is_flat = standing.points == 0 or standing.is_noise
    st.metric(
        title(of.metric),
        value,
        f"{standing.points:+.1f} points" if standing.points else "no change",
        delta_color="off" if is_flat else "normal",
        delta_arrow="auto" if standing.points else "off",
        delta_description=since,
        width="content",
    )


main()
