"""Data in, plotly Figure out; the app and notebooks share them. Knows pandas and plotly, no project and no page.

Backgrounds are transparent and text has no color of its own, so a figure looks right in light and dark. An empty frame gives a figure that
says what is missing, never an exception.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from alcore.metrics import is_share, title, told, wilson

# Okabe and Ito 2008: told apart with every kind of color vision, and readable on white and on black.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A800")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star", "pentagon", "hexagon")
QUERY = "#D55E00"
POOL = "#8C8C8C"
BINS = 60
NAMED_CLASSES, NAME_LENGTH = 24, 20  # what has room on an axis


def swatch(color: Sequence[int]) -> str:
    """A color (r, g, b) as the address of a small picture, for tables."""
    box = f'<rect width="32" height="20" rx="4" fill="rgb{tuple(color)}"/>'
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" width="32" height="20">{box}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"


def embedding_map(frame: pd.DataFrame, color: str = "total") -> go.Figure:
    """The pool as points, for notebooks and small pools (the app's own map draws large ones).

    Args:
        frame: columns id, path, x, y, and `color` (numbers or class names); `selected` rings the query. Rows without a position stay out.
    """
    needed = ["id", "path", "x", "y"]
    if missing := [name for name in needed if name not in frame]:
        return _empty(f"there is no map: the frame has no column {', '.join(missing)}")
    placed = frame[np.isfinite(frame["x"].astype(float)) & np.isfinite(frame["y"].astype(float))]
    if placed.empty:
        return _empty("there is no map yet: train a round first")
    if color not in placed:
        return _empty(f"there is no column {color!r} to color by")
    figure = go.Figure()
    if pd.api.types.is_numeric_dtype(placed[color]) and not pd.api.types.is_bool_dtype(placed[color]):
        shade = {"colorscale": "Viridis", "showscale": True, "colorbar": {"title": {"text": color}}}
        figure.add_trace(_points(placed, color, "pool", {"color": placed[color].to_numpy(dtype=float), **shade}))
    else:
        names = placed[color].astype("object").where(placed[color].notna(), "none").astype(str)
        for place, name in enumerate(sorted(names.unique())):
            figure.add_trace(_points(placed[names == name], color, name, {"color": PALETTE[place % len(PALETTE)]}))
    if "selected" in placed and (chosen := placed[placed["selected"].astype(bool)]).size:
        marker = {"size": 11, "symbol": "circle-open", "color": QUERY, "line": {"width": 2}}
        figure.add_trace(_points(chosen, color, "query", marker))
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return _finish(figure, dragmode="lasso", height=560)


def score_histogram(frame: pd.DataFrame, score: str, *, heading: str = "") -> go.Figure:
    """How `score` is spread over the pool, and below it over the query, in the same bins.

    Each has an axis of its own: a query of dozens would vanish beside a pool of thousands.

    Args:
        frame: column `score`, and `selected` to mark the query.
        heading: what stands below the axis of values; the column's name without one.
    """
    if score not in frame:
        return _empty(f"there is no score {score!r} in this round")
    values = frame[score].to_numpy(dtype=float)
    is_finite = np.isfinite(values)
    if not is_finite.any():
        return _empty(f"there are no values of {score} yet: train a round first")
    edges = _edges(values)
    figure = go.Figure(_bars(values[is_finite], edges, "pool", POOL))
    figure.update_xaxes(title_text=heading or score)
    figure.update_yaxes(title_text="pool", rangemode="tozero", nticks=4)
    if "selected" in frame and (is_chosen := is_finite & frame["selected"].to_numpy(dtype=bool)).any():
        query = _bars(values[is_chosen], edges, "query", QUERY)
        figure.add_trace(query.update(yaxis="y2"))
        figure.update_layout(yaxis={"domain": [0.42, 1]}, yaxis2={"domain": [0, 0.3], "title": {"text": "query"}, "nticks": 3})
        figure.update_layout(xaxis={"anchor": "y2"}, yaxis2_rangemode="tozero")
        line = {"color": QUERY, "dash": "dot", "width": 1}
        middle = float(np.median(values[is_chosen]))
        figure.add_shape(type="line", x0=middle, x1=middle, y0=0, y1=1, xref="x", yref="paper", line=line)
    return _finish(figure, bargap=0.05, height=280)


def in_bars(frame: pd.DataFrame, score: str, bars: Iterable[tuple[int, int]]) -> np.ndarray:
    """(n,) bool: which rows of a frame stand in bars of its `score_histogram`.

    Args:
        bars: (0 for the pool or 1 for the query, the bar's position from the left).
    """
    values, result = frame[score].to_numpy(dtype=float), np.zeros(len(frame), bool)
    edges = _edges(values)
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)  # the last bar holds its right end
    for of_query, bar in bars:
        result |= np.isfinite(values) & (at == bar) & (frame["selected"].to_numpy(dtype=bool) if of_query else True)
    return result


def _edges(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.histogram_bin_edges(values[np.isfinite(values)], bins=BINS))


def learning_curve(rounds: pd.DataFrame, order: Sequence[str] = ()) -> go.Figure:
    """Metric against labels, a line a strategy; several values at the same number of labels (seeds) give their mean and a band of one std.

    Args:
        rounds: columns strategy, round, labeled, metric, value; one metric (the first is drawn when there are more).
        order: all strategies there will be, so that each keeps its color while others are still to come; by name without.
    """
    needed = ["strategy", "labeled", "metric", "value"]
    known = rounds.dropna(subset=["labeled", "value"]) if all(name in rounds for name in needed) else rounds.iloc[:0]
    if known.empty:
        return _empty("no curve yet: it begins with the first round that has labeled test images")
    metric = str(known["metric"].iloc[0])
    known = known[known["metric"] == metric]
    figure = go.Figure()
    names = list(order) or sorted(known["strategy"].unique())
    by_name = dict(list(known.groupby("strategy")))
    for place, strategy in enumerate(names):
        if strategy not in by_name:
            continue
        rows, shade = by_name[strategy], PALETTE[place % len(PALETTE)]
        at = rows.groupby("labeled")["value"].agg(["mean", "std", "count"]).reset_index()
        labeled, mean = at["labeled"].to_numpy(), at["mean"].to_numpy(dtype=float)
        if (at["count"] > 1).any():
            std = at["std"].fillna(0.0).to_numpy(dtype=float)
            figure.add_trace(_band(labeled, mean - std, mean + std, str(strategy), shade))
        figure.add_trace(
            go.Scatter(
                x=labeled,
                y=mean,
                name=str(strategy),
                legendgroup=str(strategy),
                mode="lines+markers",
                line={"color": shade, "width": 2},
                hovertemplate=f"{strategy}: %{{y:.4f}} with %{{x:,}} labels<extra></extra>",
            )
        )
    drawn = np.concatenate([np.asarray(trace.y, dtype=float) for trace in figure.data])
    _against_labels(figure, metric, known, drawn)
    return _finish(figure, hovermode="x unified", height=380)


def differences(frame: pd.DataFrame, baseline: str, order: Sequence[str], metric: str) -> go.Figure:
    """A strategy's paired difference to the baseline a row, with its 95 % interval, around a line at zero.

    Args:
        frame: columns strategy, mean, low, high; low and high may be missing (one seed).
        order: as for `learning_curve`, so that a strategy has the same color in both.
    """
    known = frame.dropna(subset=["mean"]) if "mean" in frame else frame.iloc[:0]
    if known.empty:
        return _empty(f"no difference to {baseline} yet: it takes all rounds of a seed, of both")
    scale, unit = (100.0, "points") if is_share(metric) else (1.0, metric)
    figure = go.Figure()
    names = known["strategy"].astype(str).tolist()
    spans = scale * known[["mean", "low", "high"]].to_numpy(dtype=float)
    for name, (mean, low, high) in reversed(list(zip(names, spans.tolist(), strict=True))):  # plotly draws from the bottom
        shade = PALETTE[order.index(name) % len(PALETTE)]
        is_open = np.isnan(low)
        error = None if is_open else {"type": "data", "array": [high - mean], "arrayminus": [mean - low], "thickness": 2, "width": 5}
        words = "one seed" if is_open else f"95 % interval {low:+.2f} to {high:+.2f}"
        figure.add_trace(
            go.Scatter(
                x=[mean],
                y=[name],
                name=name,
                mode="markers",
                marker={"color": shade, "size": 10},
                error_x=None if error is None else error | {"color": shade},
                hovertemplate=f"{name}: {mean:+.2f} {unit}, {words}<extra></extra>",
            )
        )
    figure.add_vline(x=0, line={"color": POOL, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text=f"difference to {baseline}, {unit}", zeroline=False)
    figure.update_yaxes(automargin=True, tickvals=names, ticktext=[_shortened(name) for name in names])
    return _finish(figure, showlegend=False, height=120 + 34 * len(known))


def progress_curve(rounds: pd.DataFrame, images: int = 0) -> go.Figure:
    """A project's metric against its labels: one line, since its rounds share one growing set of labels; a color says who asked for the
    newest of them.

    Args:
        rounds: columns strategy, round, labeled, metric, value, asked_by; one metric (the first is drawn when there are more).
        images: how many test images there are: an accuracy gets its 95 % interval.
    """
    needed = ["strategy", "round", "labeled", "metric", "value", "asked_by"]
    known = rounds.dropna(subset=["labeled", "value"]) if all(name in rounds for name in needed) else rounds.iloc[:0]
    if known.empty:
        return _empty("no curve yet: it begins with the first round that has labeled test images")
    metric = str(known["metric"].iloc[0])
    known = known[known["metric"] == metric].sort_values(["labeled", "round"], kind="stable")
    figure = go.Figure()
    if len(known) > 1:
        line = {"color": POOL, "width": 2}
        figure.add_trace(go.Scatter(x=known["labeled"], y=known["value"], mode="lines", line=line, showlegend=False, hoverinfo="skip"))
    drawn = known["value"].to_numpy(dtype=float)
    for place, (asker, rows) in enumerate(known.groupby("asked_by", sort=False)):
        shade, name = PALETTE[place % len(PALETTE)], str(asker)
        value = rows["value"].to_numpy(dtype=float)
        error = None
        if images and metric == "accuracy":
            low, high = np.array([wilson(one, images) for one in value.tolist()]).T
            error = {"type": "data", "array": high - value, "arrayminus": value - low, "thickness": 1, "width": 3, "color": shade}
            drawn = np.concatenate([drawn, low, high])
        each = zip(rows["round"], rows["strategy"], value.tolist(), rows["labeled"], strict=True)
        hover = [f"round {n}, trained with {by}: {told(metric, v)} with {labeled:,} labels, newest: {name}" for n, by, v, labeled in each]
        figure.add_trace(
            go.Scatter(
                x=rows["labeled"],
                y=value,
                name=name if name == "first labels" else f"asked by {name}",
                mode="markers",
                marker={"color": shade, "size": 9, "symbol": SYMBOLS[place % len(SYMBOLS)]},
                error_y=error,
                hovertext=hover,
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    _against_labels(figure, metric, known, drawn)
    return _finish(figure, height=380)


def _against_labels(figure: go.Figure, metric: str, known: pd.DataFrame, drawn: np.ndarray) -> None:
    """Axes of a curve of `metric` over labels that shows the values `drawn`."""
    share = is_share(metric)
    figure.update_traces(cliponaxis=False)  # a marker at 100 % is drawn whole
    figure.update_xaxes(title_text="labels", range=[0, 1.05 * max(1.0, float(known["labeled"].max()))])
    figure.update_yaxes(title_text=title(metric), range=_span(drawn, share), tickformat=".1~%" if share else "")


def reliability_diagram(frame: pd.DataFrame) -> go.Figure:
    """The share right by confidence, with 95 % intervals, beside the line where both are equal.

    Args:
        frame: a row a bin of confidence, columns confidence, right, low, high (0 to 1) and count; empty bins are left out.
    """
    shown = frame[frame["count"] > 0] if "count" in frame else frame
    if shown.empty:
        return _empty("no labeled test images yet")
    equal = go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": QUERY, "dash": "dot", "width": 1}, hoverinfo="skip", name="equal")
    reach = {"array": shown["high"] - shown["right"], "arrayminus": shown["right"] - shown["low"]}
    points = go.Scatter(
        x=shown["confidence"],
        y=shown["right"],
        mode="markers",
        name="test images",
        marker={"color": PALETTE[0], "size": 9},
        error_y={"type": "data", **reach, "thickness": 1.2, "width": 3},
        customdata=shown["count"],
        hovertemplate="sure: %{x:.0%}<br>right: %{y:.0%}<br>%{customdata} test images<extra></extra>",
    )
    figure = go.Figure([equal, points])
    figure.update_xaxes(title_text="how sure", range=[0, 1.02], tickformat=".0%")
    figure.update_yaxes(title_text="right", range=[0, 1.05], tickformat=".0%")
    return _finish(figure, showlegend=False)


def class_balance(frame: pd.DataFrame) -> go.Figure:
    """How many labels each class has; with `pool` (what the truth says) the share of the pool beside it, scaled to the number of labels.

    Args:
        frame: columns class, labeled (counts) and, where it is known, pool (counts).
    """
    if frame.empty or "labeled" not in frame or "class" not in frame:
        return _empty("no classes yet: import images, then label some")
    many = len(frame) > NAMED_CLASSES
    shown = frame.sort_values("labeled", ascending=False, kind="stable") if many else frame
    names, labeled = shown["class"].astype(str), shown["labeled"].to_numpy(dtype=float)
    figure = go.Figure(
        go.Bar(x=names, y=labeled, name="labeled", marker={"color": PALETTE[0]}, hovertemplate="%{x}: %{y:,}<extra></extra>")
    )
    if "pool" in shown and shown["pool"].sum() > 0:
        expected = shown["pool"].to_numpy(dtype=float) / float(shown["pool"].sum()) * labeled.sum()
        marker = {"symbol": "line-ew-open", "size": 4 if many else 18, "color": QUERY, "line": {"width": 2}}
        figure.add_trace(
            go.Scatter(
                x=names, y=expected, name="as in the pool", mode="markers", marker=marker, hovertemplate="%{x}: %{y:.1f}<extra></extra>"
            )
        )
    if many:  # names would leave no room for the bars; hovering tells them
        figure.update_xaxes(type="category", showticklabels=False, title_text=f"{len(shown):,} classes, most labels first")
    else:
        figure.update_xaxes(type="category", tickvals=list(names), ticktext=[_shortened(name) for name in names])
    figure.update_yaxes(title_text="labels", rangemode="tozero")
    return _finish(figure, height=300)


def losses(history: pd.DataFrame, *, smoothing: float = 0.9) -> go.Figure:
    """The losses of a training run: faint as they came, strong smoothed (an exponential mean that does not lag at the start).

    Args:
        history: column step and one column a loss; values that are missing leave a gap.
        smoothing: weight of the past, 0 (none) to below 1.
    """
    names = [
        name for name in history.columns if name != "step" and pd.api.types.is_numeric_dtype(history[name]) and history[name].notna().any()
    ]
    if history.empty or "step" not in history or not names:
        return _empty("no losses yet: they appear with the first steps of training")
    figure = go.Figure()
    steps = history["step"].to_numpy()
    for place, name in enumerate(names):
        shade, values = PALETTE[place % len(PALETTE)], history[name].astype(float)
        raw = {"color": shade, "width": 1}
        figure.add_trace(
            go.Scatter(x=steps, y=values, name=name, legendgroup=name, showlegend=False, opacity=0.25, line=raw, hoverinfo="skip")
        )
        smooth = values.ewm(alpha=1 - smoothing, adjust=True, ignore_na=True).mean().where(values.notna())
        figure.add_trace(
            go.Scatter(x=steps, y=smooth, name=name, legendgroup=name, line={"color": shade, "width": 2}, hovertemplate="%{y:.4f}")
        )
    figure.update_xaxes(title_text="step")
    return _finish(figure, hovermode="x unified", height=300)


def _points(rows: pd.DataFrame, color: str, name: str, marker: dict[str, object]) -> go.Scattergl:
    shown = [[id_, path, value] for id_, path, value in zip(rows["id"], rows["path"].astype(str), _words(rows[color]), strict=True)]
    return go.Scattergl(
        x=rows["x"].to_numpy(dtype=float),
        y=rows["y"].to_numpy(dtype=float),
        customdata=shown,
        mode="markers",
        name=name,
        marker={"size": 6, "opacity": 0.85, **marker},
        hovertemplate=f"%{{customdata[1]}}<br>{color}: %{{customdata[2]}}<extra>{name}</extra>",
    )


def _words(values: pd.Series) -> Sequence[str]:
    return [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]


def _bars(values: np.ndarray, edges: np.ndarray, name: str, shade: str) -> go.Bar:
    counts, _ = np.histogram(values, bins=edges)
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    hover = f"{name}: %{{y:,}}<br>%{{customdata[0]:.4g}} to %{{customdata[1]:.4g}}<extra></extra>"
    middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    return go.Bar(
        x=middles, y=counts, width=widths, customdata=spans, name=name, marker={"color": shade, "opacity": 0.8}, hovertemplate=hover
    )


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1].rstrip()}…"


def _span(values: np.ndarray, is_share: bool) -> list[float]:
    """An axis around the values, with some room around a single one too; a share never leaves 0 to 1."""
    low, high = float(values.min()), float(values.max())
    room = max(0.1 * (high - low), 0.05 if is_share else 0.1 * abs(high), 1e-6)
    return [max(low - room, 0.0), min(high + room, 1.0)] if is_share else [low - room, high + room]


def _band(x: np.ndarray, low: np.ndarray, high: np.ndarray, name: str, shade: str) -> go.Scatter:
    red, green, blue = (int(shade[at : at + 2], 16) for at in (1, 3, 5))
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        mode="lines",  # else a band of few points has a marker at each
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.15)",
        line={"width": 0},
        name=name,
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )


def _empty(sentence: str) -> go.Figure:
    figure = go.Figure()
    lines = "<br>".join(textwrap.wrap(sentence, 36))  # what a telephone has room for: Plotly breaks no line itself
    figure.add_annotation(text=lines, xref="paper", yref="paper", x=0.5, y=0.5, showarrow=False, opacity=0.7)
    return _finish(figure.update_xaxes(visible=False).update_yaxes(visible=False), height=240)


def _finish(figure: go.Figure, **layout: object) -> go.Figure:
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 48, "r": 16, "t": 24, "b": 44},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0.0},
        **layout,
    )
    faint = "rgba(128,128,128,0.2)"  # shows on white and on black
    figure.update_xaxes(gridcolor=faint, zerolinecolor=faint)
    figure.update_yaxes(gridcolor=faint, zerolinecolor=faint)
    return figure
