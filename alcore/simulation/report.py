"""report.html: an experiment on one self-contained page that opens without network. Draws what `comparison` found; computes nothing new.

Names of strategies, datasets and classes come from outside: every text passes through `_e`, and the script reads its numbers from JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from alcore.simulation.charts import Look, curves_svg, forest_svg, key_svg, seconds_svg
from alcore.types import FRAMES

SHARES = ("accuracy", "balanced_accuracy", "mean_iou")  # shown in percent
DAGGER = "†"


def render(summary: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The page.

    Args:
        summary: what `comparison.compare` gave; also `finished` and `planned`, numbers of rounds.
        config: what was run (config.json).
    """
    page = _Page(summary, config)
    parts = [page.head(), *page.sections()] if summary["strategies"] else [page.head()]
    here = Path(__file__).parent
    return _FRAME.format(
        title=_e(page.title),
        css=(here / "report.css").read_text(encoding="utf-8"),
        body="\n".join(parts),
        numbers=_json(page.numbers()),
        script=(here / "report.js").read_text(encoding="utf-8"),
    )


_FRAME = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
{css}</style>
</head>
<body>
<main>
{body}
</main>
<script type="application/json" id="numbers">{numbers}</script>
<script>
{script}</script>
</body>
</html>
"""


def _e(value: object) -> str:
    return escape(str(value), quote=True)


def _json(value: object) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def duration(seconds: float | None) -> str:
    """Seconds as people read them."""
    if seconds is None:
        return "–"
    if seconds < 0.0095:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.5:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _section(title: str, remark: str, *content: str) -> str:
    said = f'<p class="soft">{remark}</p>' if remark else ""
    return f"<section>\n<h2>{title}</h2>\n{said}\n" + "\n".join(content) + "\n</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """A table whose first column names its rows; cells are HTML already."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "\n".join(f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table></div>'


class _Page:
    """One report's parts, in the order of the page."""

    def __init__(self, summary: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self.summary, self.config = summary, config
        self.strategies: Mapping[str, Mapping[str, Any]] = summary["strategies"]
        self.labeled: list[int] = summary["labeled"]
        self.baseline: str | None = summary["baseline"]
        self.metric = str(summary["metric"] or "").replace("_", " ")
        self.is_share = summary["metric"] in SHARES
        self.scale, self.unit = (100.0, " %") if self.is_share else (1.0, "")
        self.look = Look(self.scale, "%" if self.is_share else "", self.metric)
        others = [name for name in self.strategies if name != self.baseline]
        self.color = {name: 1 + at % 12 for at, name in enumerate(others)} | ({self.baseline: 0} if self.baseline else {})
        self.names: Mapping[str, str] = config.get("names", {})
        self.title = f"{config['dataset']}: {len(self.strategies)} strategies compared"

    # ---- words and numbers

    def called(self, strategy: str) -> str:
        """By its paper's name first, where it has one."""
        return f"{self.names[strategy]} ({strategy})" if strategy in self.names else strategy

    def name(self, strategy: str) -> str:
        return _e(self.called(strategy)) + (DAGGER if self.strategies[strategy]["semi_supervised"] else "")

    def short(self, strategy: str, most: int) -> str:
        """The name where there is little room."""
        called = self.called(strategy)
        cut = called if len(called) <= most else called[: most - 1] + "…"
        return _e(cut) + (DAGGER if self.strategies[strategy]["semi_supervised"] else "")

    def dotted(self, strategy: str) -> str:
        return f'<span class="who"><i class="c{self.color[strategy]}"></i><span>{self.name(strategy)}</span></span>'

    def value(self, number: float | None) -> str:
        return "–" if number is None else f"{self.scale * number:.2f}" if self.is_share else f"{number:.4g}"

    def signed(self, number: float) -> str:
        text = self.value(abs(number))
        return text if float(text) == 0 else ("+" if number > 0 else "−") + text

    def with_spread(self, found: Mapping[str, Any]) -> str:
        return self.value(found["mean"]) + ("" if found["std"] is None else f" ± {self.value(found['std'])}")

    def interval(self, found: Mapping[str, Any]) -> str:
        if found["low"] is None:
            return "one seed"
        if found["low"] == found["high"] == 0:
            return "identical"
        return f"{self.signed(found['low'])} to {self.signed(found['high'])}"

    # ---- the top

    def head(self) -> str:
        c, s = self.config, self.summary
        seeds = len(c["seeds"])
        lead = (
            f"{len(c['strategies'])} strategies, {seeds} seed{'s' * (seeds != 1)}, {c['rounds']} rounds on {c['pool']:,} pool images "
            f"of {c['classes']:,} classes: {c['init']:,} labels at random, then {c['query_size']:,} more a round. "
            f"The measure is {_e(self.metric) or 'taken'} on {c['test']:,} test images after the last training step of a round."
        )
        part = ""
        if s["finished"] < s["planned"]:
            part = f'<p class="unfinished">Not finished: {s["finished"]:,} of {s["planned"]:,} rounds are done. '
            part += "The same command goes on.</p>"
        if not self.strategies:
            part = '<p class="unfinished">No round is finished yet.</p>'
        kicker = '<div class="kicker">Active learning, simulated with an oracle</div>'
        return f'<header>{kicker}\n<h1>{_e(self.title)}</h1>\n<p class="lead">{lead}</p>{part}</header>\n{self.cards()}'

    def cards(self) -> str:
        by_area = [(d["area"]["mean"], name) for name, d in self.strategies.items() if d["area"]["mean"] is not None]
        cards = []
        if by_area:
            best, name = max(by_area)
            cards.append((self.short(name, 34), f"highest area under the curve: {self.value(best)}{self.unit}"))
        last = [(d["mean"], name) for name, d in self.strategies.items() if self.labeled and d["at"] == self.labeled[-1]]
        if last:
            best, name = max(last)
            cards.append((f"{self.value(best)}{self.unit}", f"highest {_e(self.metric)} at {self.labeled[-1]:,} labels: {self.name(name)}"))
        gains = [
            (d["difference"]["area"]["mean"], name)
            for name, d in self.strategies.items()
            if d["difference"] and d["difference"]["area"]["mean"] is not None
        ]
        if gains:
            mean, name = max(gains)
            points = " points" if self.is_share else ""
            cards.append((f"{self.signed(mean)}{points}", f"largest gain over {_e(self.baseline)} in area: {self.name(name)}"))
        if self.strategies:
            fewest, most = (f(len(d["seeds"]) for d in self.strategies.values()) for f in (min, max))
            cards.append((f"n = {most}" if fewest == most else f"n = {fewest} to {most}", "seeds a strategy; the spread is over seeds"))
        return (
            '<div class="cards">' + "".join(f'<div class="card"><b>{big}</b><span>{small}</span></div>' for big, small in cards) + "</div>"
        )

    # ---- the sections

    def sections(self) -> list[str]:
        return [
            self.curves(),
            self.means(),
            *self.target(),
            *self.differences(),
            self.penalty_and_time(),
            self.notes(),
            self.configuration(),
        ]

    def curves(self) -> str:
        series = [(self.color[name], self.strategies[name]["points"]) for name in self.strategies]
        buttons = "".join(
            f'<button type="button" aria-pressed="true" data-s="{at}">{key_svg(self.color[name])}{self.name(name)}</button>'
            for at, name in enumerate(self.strategies)
        )
        unit = str(self.config.get("train", {}).get("query_unit", FRAMES))
        drawn = curves_svg(series, self.labeled, self.look, "labeled images" if unit == FRAMES else f"labeled {unit}")
        return _section(
            f"{_e(self.metric).capitalize()} against labels",
            "Lines are means over seeds, bands one standard deviation either way. Point at the chart for numbers; click a name to hide it.",
            f'<div class="legend">{buttons}</div>',
            f'<div class="chart" data-curves>{drawn}<div class="tip" role="status"></div></div>',
        )

    def means(self) -> str:
        best = {
            c: max((p["mean"] for d in self.strategies.values() for p in d["points"] if p["labeled"] == c), default=None)
            for c in self.labeled
        }
        rows = []
        for name, d in self.strategies.items():
            at = {p["labeled"]: p for p in d["points"]}
            cells = [self._mean_cell(at.get(c), best[c]) for c in self.labeled]
            area = d["area"]
            rows.append([self.dotted(name), *cells, f"{self.with_spread(area)}{self._count(area['n'])}" if area["n"] else "–"])
        unit = " in %" if self.is_share else ""
        return _section(
            "Every point",
            f"Mean ± standard deviation over seeds{unit}; the highest mean of a column is bold. "
            "Area is the curve's mean height over the budget.",
            _table(["Labels", *(f"{c:,}" for c in self.labeled), "Area"], rows),
        )

    def _mean_cell(self, point: Mapping[str, Any] | None, best: float | None) -> str:
        if point is None:
            return "–"
        text = self.value(point["mean"])
        text = f'<span class="best">{text}</span>' if point["mean"] == best else text
        spread = "" if point["std"] is None else f" ± {self.value(point['std'])}"
        return f"{text}{spread}{self._count(point['n'])}"

    def _count(self, n: int) -> str:
        """n where it is not the same everywhere."""
        counts = {p["n"] for d in self.strategies.values() for p in d["points"]}
        return f"<small>n = {n}</small>" if len(counts) > 1 else ""

    def target(self) -> list[str]:
        """Nothing when the baseline was not run."""
        found = self.summary.get("labels_to_target")
        if not found or len(self.labeled) < 2:
            return []
        rows = []
        for name, d in found["strategies"].items():
            if d["labels"] is None:
                rows.append([self.dotted(name), "not reached", "–"])
                continue
            most = "" if d["within"] else "at most "
            share = f"{abs(d['fewer']):.0%}".replace("%", " %")
            words = f"{share} {'fewer' if d['fewer'] > 0 else 'more'}" if share != "0 %" else "as many"
            rows.append([self.dotted(name), f"{most}{d['labels']:,.0f}", words])
        base, goal = _e(self.baseline), f"{self.value(found['target'])}{self.unit}"
        return [
            _section(
                f"Labels for what {base} reaches",
                f"{base.capitalize()} has {goal} at {found['at']:,} labels. Where each mean curve first does, between points by a line.",
                _table(["", "Labels", f"Against {base}"], rows),
            )
        ]

    def differences(self) -> list[str]:
        """Nothing when the baseline was not run; the notes say so."""
        found = {name: d["difference"] for name, d in self.strategies.items() if d["difference"]}
        if not found:
            return []
        rows = []
        for name, d in found.items():
            at = {p["labeled"]: p for p in d["points"]}
            rows.append([self.dotted(name), *(self._difference_cell(at.get(c)) for c in self.labeled), self._difference_cell(d["area"])])
        shown = sorted(((n, d["area"]) for n, d in found.items() if d["area"]["mean"] is not None), key=lambda nd: -nd[1]["mean"])
        names = [self.short(n, 34) for n, _ in shown]
        forest = forest_svg(names, [self.color[n] for n, _ in shown], [d for _, d in shown], self.look) if shown else ""
        unit = "percentage points" if self.is_share else _e(self.metric)
        base = _e(self.baseline)
        return [
            _section(
                f"Difference to {base}",
                f"Paired by seed, in {unit}, with 95 % t-intervals and the p of the exact sign-flip test where there are seeds enough. "
                "The intervals cover the chance of seeds alone (first labels, weights, order, draws), not that of other data or of another "
                "test set, and hold for one comparison each: with many cells some miss zero by chance. Holm's p holds for all strategies' "
                "areas at once, and in the other columns for all cells.",
                f'<div class="chart">{forest}</div>' if forest else "",
                _table(["Labels", *(f"{c:,}" for c in self.labeled), "Area"], rows),
            )
        ]

    def _difference_cell(self, found: Mapping[str, Any] | None) -> str:
        if found is None or found["mean"] is None:
            return "–"
        clear = "" if found["low"] is None else " class='up'" if found["low"] > 0 else " class='down'" if found["high"] < 0 else ""
        p = ""  # the notes say why there is none
        if isinstance(found["p"], float):
            p = f"<small>p = {found['p']:.3g}, Holm {found['p_holm']:.3g}</small>"
        return f"<span{clear}>{self.signed(found['mean'])}</span><small>{self.interval(found)}</small>{p}"

    def penalty_and_time(self) -> str:
        p = self.summary["penalty"]
        rows = []
        for name, row in zip(p["strategies"], p["matrix"], strict=True):
            cells = [
                f"<span class='p'>{'·' if i == name else '0'}</span>" if not share else f"{share:.2f}"
                for i, share in zip(p["strategies"], row, strict=True)
            ]
            rows.append([self.dotted(name), *cells])
        rows.append(["Beaten, mean", *(f"<b>{b:.2f}</b>" for b in p["beaten"])])
        table = _table(["row beats column", *(f"<span>{self.short(n, 22)}</span>" for n in p["strategies"])], rows, "matrix")
        for share in sorted({s for row in p["matrix"] for s in row if s}):  # the darker, the more often
            table = table.replace(
                f"<td>{share:.2f}</td>", f'<td style="background: rgba(var(--shade), {0.08 + 0.4 * share:.2f})">{share:.2f}</td>'
            )
        kinds = ("train", "score", "select")
        time = [[self.dotted(n), *(duration(d["seconds"][k]) for k in kinds)] for n, d in self.strategies.items()]
        bars = seconds_svg([(self.short(n, 20), [d["seconds"][k] or 0.0 for k in kinds]) for n, d in self.strategies.items()])
        return '<div class="pair">' + "\n".join([
            _section(
                "Who beats whom",
                "The share of labeled counts at which the row's strategy beats the column's in a paired two-sided t test at 0.05 "
                "(Ash et al. 2020). The last row is how often a strategy is beaten: lower is better.",
                table,
            ),
            _section(
                "Seconds a round",
                "Means over rounds: training, one walk over the pool, choosing the query. Runs side by side take longer each.",
                f'<div class="chart">{bars}</div>',
                _table(["", "Train", "Score", "Select"], time),
            ),
        ]) + "</div>"  # fmt: skip

    def notes(self) -> str:
        said = [_e(note) for note in (*self.summary["notes"], *self.config.get("notes", ()))]
        base = _e(self.baseline or "random")
        if any(d["semi_supervised"] for d in self.strategies.values()):
            said.append(
                f"{DAGGER} The task model also learned from unlabeled images. Read such a method beside SSL-Random "
                "(<code>mal:select_by=random</code>): the gap between those two is the query's, the rest is the training's."
            )
        said.append(
            f"All strategies of a seed start from the same labels, weights and order of images. On them a method equals {base}, up to "
            f"rounding on a GPU{self._elsewhere()}. No query has acted there yet."
        )
        return _section("How to read this", "", "<ul>" + "".join(f"<li>{note}</li>" for note in said) + "</ul>")

    def _elsewhere(self) -> str:
        """Which strategies begin elsewhere, and why."""
        reasons = self.config.get("first_points", {})
        there = [f"{self.name(name)} ({_e(reasons[name])})" for name in self.strategies if name in reasons]
        return f", but for {', '.join(there)}" if there else ""

    def configuration(self) -> str:
        c = self.config
        env: Mapping[str, Any] = c.get("environment", {})
        facts = [
            ("Protocol", f"{c['protocol']['title']} ({c['protocol']['paper']})" if c.get("protocol") else "of its own"),
            ("Source", c["source"]),
            ("Dataset fingerprint", c["fingerprint"]),
            ("Images", f"{c['image_size']} x {c['image_size']} pixels; {c['pool']:,} in the pool, {c['test']:,} for testing"),
            ("Class shares kept", ", ".join(f"{r:g}" for r in c["thin"]) or "all images"),
            ("Seeds", ", ".join(map(str, c["seeds"]))),
            ("Training", ", ".join(f"{k} = {v}" for k, v in c["train"].items())),
            *((name, ", ".join(f"{k} = {v}" for k, v in s["params"].items()) or "no parameters") for name, s in c["strategies"].items()),
            ("Made with", ", ".join(f"{k} {v}" for k, v in env.items() if isinstance(v, str | int | float) and v not in ("", False))),
        ]
        rows = "".join(f'<tr><th scope="row">{_e(k)}</th><td>{_e(v)}</td></tr>' for k, v in facts)
        whole = _e(json.dumps(c, indent=2))
        return _section(
            "Configuration",
            "",
            f'<div class="scroll"><table class="facts"><tbody>{rows}</tbody></table></div>',
            f"<details><summary>config.json</summary><pre>{whole}</pre></details>",
        )

    def numbers(self) -> dict[str, Any]:
        """What the script shows on hover: text ready to be set, by series and labeled count."""
        series = [
            {
                "name": self.called(name) + (DAGGER if d["semi_supervised"] else ""),
                "color": self.color[name],
                "points": {str(p["labeled"]): [p["mean"], self.with_spread(p), p["n"]] for p in d["points"]},
            }
            for name, d in self.strategies.items()
        ]
        return {"labeled": self.labeled, "series": series, "unit": self.unit, **self.look.box()}
