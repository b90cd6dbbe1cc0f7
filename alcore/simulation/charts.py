"""The report's drawings as SVG text: curves with bands, intervals around zero, bars of seconds. Names given here are HTML already."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Point = Mapping[str, Any]
DASHES = ("", "7 4", "2 4")  # for strategies that share a color, and for kinds of seconds


@dataclass(frozen=True)
class Look:
    """How numbers become places and words: `scale` times the value, then `unit`; `metric` names the axis."""

    scale: float
    unit: str
    metric: str
    width: int = 1120
    height: int = 430
    left: int = 58
    right: int = 1098
    top: int = 14
    bottom: int = 380

    def box(self) -> dict[str, int]:
        """What the script needs to find a labeled count under the pointer."""
        return {"left": self.left, "right": self.right, "width": self.width}


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from at most `low` to at least `high`, about `about` of them."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * at, 12) for at in range(first, last + 1)]


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _tick(value: float, step: float, unit: str) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if f"{step:e}".startswith("2.5") else 0)
    text = f"{abs(value):.{digits}f}"
    return ("−" if value < 0 and float(text) else "") + text + unit


def _mark(shape: int, x: float, y: float) -> str:
    """A circle, square, triangle or diamond: a second way beside color to tell curves apart."""
    if shape % 4 == 0:
        return f'<circle class="mark" cx="{_n(x)}" cy="{_n(y)}" r="4.2"/>'
    if shape % 4 == 1:
        return f'<rect class="mark" x="{_n(x - 3.8)}" y="{_n(y - 3.8)}" width="7.6" height="7.6"/>'
    reach = 5.2
    corners = [(x, y - reach), (x + reach, y + 4), (x - reach, y + 4)]
    if shape % 4 == 3:
        corners = [(x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    return f'<polygon class="mark" points="{_path(corners)}"/>'


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def key_svg(color: int) -> str:
    """A curve's line and mark, for the legend."""
    dash = ' stroke-dasharray="4 3"' if color == 0 else ""
    return (
        f'<svg class="c{color}" width="26" height="12" aria-hidden="true"><line class="curve" x1="1" y1="6" x2="25" y2="6"{dash}/>'
        f"{_mark(color, 13, 6)}</svg>"
    )


def curves_svg(series: Sequence[tuple[int, Sequence[Point]]], labeled: Sequence[int], look: Look, what: str = "labeled images") -> str:
    """A line, a mark at each point and a band of one std for every (color, points); `what` is counted along the axis."""
    spans = [(p["mean"] - (p["std"] or 0.0), p["mean"] + (p["std"] or 0.0)) for _, points in series for p in points]
    low, high = min(a for a, _ in spans) * look.scale, max(b for _, b in spans) * look.scale
    if look.unit == "%":
        low, high = max(low, 0.0), min(high, 100.0)
    marks = ticks(low, high)
    width = labeled[-1] - labeled[0]

    def x(count: int) -> float:
        return look.left + (count - labeled[0]) / width * (look.right - look.left) if width else (look.left + look.right) / 2

    def y(value: float) -> float:
        return look.bottom - (value * look.scale - marks[0]) / (marks[-1] - marks[0]) * (look.bottom - look.top)

    parts = [
        f'<svg viewBox="0 0 {look.width} {look.height}" role="img" aria-label="{look.metric} against number of labels, a curve a strategy">'
    ]
    for mark in marks:
        at = _n(y(mark / look.scale))
        parts.append(f'<line class="grid" x1="{look.left}" x2="{look.right}" y1="{at}" y2="{at}"/>')
        parts.append(
            f'<text x="{look.left - 9}" y="{at}" dy=".35em" text-anchor="end">{_tick(mark, marks[1] - marks[0], look.unit)}</text>'
        )
    shown = -math.inf
    for count in labeled:
        if x(count) - shown < 56:  # a number needs that much room
            continue
        shown = x(count)
        parts.append(f'<text x="{_n(shown)}" y="{look.bottom + 21}" text-anchor="middle">{count:,}</text>')
    parts.append(f'<line class="axis" x1="{look.left}" x2="{look.right}" y1="{look.bottom}" y2="{look.bottom}"/>')
    parts.append(f'<text class="title" x="{(look.left + look.right) / 2}" y="{look.height - 6}" text-anchor="middle">{what}</text>')
    parts.append(f'<line class="rule" y1="{look.top}" y2="{look.bottom}"/>')
    for place, (color, points) in enumerate(series):
        parts.append(f'<g class="series c{color}" data-s="{place}">')
        banded = [p for p in points if p["std"] is not None]
        if len(banded) > 1:
            above = [(x(p["labeled"]), max(look.top, y(p["mean"] + p["std"]))) for p in banded]
            below = [(x(p["labeled"]), min(look.bottom, y(p["mean"] - p["std"]))) for p in reversed(banded)]
            parts.append(f'<polygon class="band" points="{_path(above + below)}"/>')
        dash = "6 4" if color == 0 else DASHES[min(2, place // 13)]
        drawn = _path([(x(p["labeled"]), y(p["mean"])) for p in points])
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline class="curve" points="{drawn}"{dashed}/>')
        parts += [_mark(color, x(p["labeled"]), y(p["mean"])) for p in points]
        parts.append("</g>")
    return "".join(parts) + "</svg>"


def forest_svg(names: Sequence[str], colors: Sequence[int], found: Sequence[Point], look: Look) -> str:
    """The differences in area with their intervals, a row each, around a line at zero."""
    ends = [v * look.scale for d in found for v in (d["mean"], d["low"], d["high"]) if v is not None]
    marks = ticks(min(0.0, *ends), max(0.0, *ends))
    row, left, right, top = 30, 300, look.right, 8
    bottom = top + row * len(names)

    def x(value: float) -> float:
        return left + (value - marks[0]) / (marks[-1] - marks[0]) * (right - left)

    parts = [f'<svg viewBox="0 0 {look.width} {bottom + 44}" role="img" aria-label="difference in area, with 95 % intervals">']
    for mark in marks:
        kind = "grid" if mark else "zero"
        parts.append(f'<line class="{kind}" x1="{_n(x(mark))}" x2="{_n(x(mark))}" y1="{top}" y2="{bottom}"/>')
        words = _tick(mark, marks[1] - marks[0], "")
        parts.append(f'<text x="{_n(x(mark))}" y="{bottom + 18}" text-anchor="middle">{"+" if mark > 0 else ""}{words}</text>')
    parts.append(
        f'<text class="title" x="{(left + right) / 2}" y="{bottom + 38}" text-anchor="middle">difference in area under the curve</text>'
    )
    for at, (name, color, d) in enumerate(zip(names, colors, found, strict=True)):
        y = top + row * at + row / 2
        parts.append(f'<text class="name" x="{left - 16}" y="{y}" dy=".35em" text-anchor="end">{name}</text><g class="c{color}">')
        if d["low"] is not None:
            parts.append(
                f'<line class="whisker" x1="{_n(x(d["low"] * look.scale))}" x2="{_n(x(d["high"] * look.scale))}" y1="{y}" y2="{y}"/>'
            )
        parts.append(f"{_mark(color, x(d['mean'] * look.scale), y)}</g>")
    return "".join(parts) + "</svg>"


def seconds_svg(rows: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Bars of training, scoring and choosing end to end, a strategy a row."""
    width, left, row, top = 560, 168, 26, 22
    most = max((sum(values) for _, values in rows), default=0.0) or 1.0
    colors = (1, 6, 3)
    parts = [f'<svg viewBox="0 0 {width} {top + row * len(rows) + 4}" role="img" aria-label="seconds a round">']
    for at, (kind, color) in enumerate(zip(("train", "score", "select"), colors, strict=True)):
        parts.append(f'<g class="c{color}"><rect x="{left + 78 * at}" y="1" width="10" height="10" rx="3" fill="currentColor"/></g>')
        parts.append(f'<text x="{left + 78 * at + 16}" y="10">{kind}</text>')
    for at, (name, values) in enumerate(rows):
        y, x = top + row * at, float(left)
        parts.append(f'<text class="name" x="{left - 10}" y="{y + 12}" dy=".1em" text-anchor="end">{name}</text>')
        for value, color in zip(values, colors, strict=True):
            wide = value / most * (width - left - 4)
            parts.append(f'<rect class="c{color}" x="{_n(x)}" y="{y + 2}" width="{_n(wide)}" height="14" fill="currentColor"/>')
            x += wide
    return "".join(parts) + "</svg>"
