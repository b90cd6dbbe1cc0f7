"""Evidence on pretrained features: what simulations of real photos say, kept beside the code, as the README's table and figure.

    python -m benchmarks.evidence NAME=FOLDER ...

reads what `simulate --out FOLDER` left, writes `features-NAME.json` and `features-NAME.svg` below `benchmarks/results`, and prints the
table. Trains nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
KEPT = ("metric", "labeled", "baseline", "labels_to_target")
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 420, 52, 650, 16, 370
COLORS = ("#6b7280", "#2563eb", "#d9480f", "#0f766e", "#9333ea", "#b45309", "#be123c", "#4d7c0f")
DRAWN = 8  # curves in the figure: random, and those that need the fewest labels


def kept(folder: Path) -> dict[str, Any]:
    """What is written down of an experiment: each strategy's mean and deviation at each number of labels, its paired difference to random
    with the interval and Holm's p, and what made it."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    made = ("dataset", "pool", "test", "init", "query_size", "rounds", "train", "environment")
    of = {name: dict(told) for name, told in summary["strategies"].items()}
    for name, told in of.items():
        told["own"] = {key: config["strategies"][name].get(key) for key in ("params", "train")}
    return {**{key: summary[key] for key in KEPT}, "strategies": of, "made": {key: config.get(key) for key in made}}


def row(name: str, told: dict[str, Any], to_target: dict[str, Any]) -> str:
    """A line of the README's table."""
    points = told["points"]
    middle = points[len(points) // 2 - 1]
    area = (told["difference"] or {}).get("area")
    gain = "-" if area is None else f"{100 * area['mean']:+.1f} ({100 * area['low']:+.1f} to {100 * area['high']:+.1f})"
    p = "-" if area is None else f"{area['p_holm']:.3f}" if area["p_holm"] is not None else str(area["p"])
    labels = to_target.get("labels")
    fewer = "not reached" if labels is None else f"{labels:.0f} ({100 * to_target['fewer']:.0f} % fewer)"
    shown = " | ".join(f"{100 * point['mean']:.1f}" for point in (points[1], middle, points[-1]))
    return f"| `{name}` | {told['n']} | {shown} | {gain} | {p} | {fewer} |"


def table(found: dict[str, Any]) -> str:
    """The README's table, best area first."""
    labeled = found["labeled"]
    heads = ("strategy", "seeds", f"at {labeled[1]}", f"at {labeled[len(labeled) // 2 - 1]}", f"at {labeled[-1]}")
    lines = [
        f"| {' | '.join(heads)} | mean gain over random (95 %) | Holm's p | labels to random's last |",
        "|---" * 8 + "|",
    ]
    order = sorted(found["strategies"], key=lambda name: -found["strategies"][name]["area"]["mean"])
    targets = found["labels_to_target"]["strategies"]
    return "\n".join([*lines, *(row(name, found["strategies"][name], targets.get(name, {})) for name in order)])


def drawing(found: dict[str, Any]) -> str:
    """An SVG of the curves of random and of those with the largest areas."""
    of = found["strategies"]
    names = [found["baseline"], *sorted((n for n in of if n != found["baseline"]), key=lambda n: -of[n]["area"]["mean"])[: DRAWN - 1]]
    labeled = found["labeled"]
    means = {name: [100 * point["mean"] for point in of[name]["points"]] for name in names}
    low, high = min(map(min, means.values())) // 5 * 5, -(-max(map(max, means.values())) // 5) * 5

    def x(count: float) -> float:
        return LEFT + (count - labeled[0]) / (labeled[-1] - labeled[0]) * (RIGHT - LEFT)

    def y(value: float) -> float:
        return BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for value in range(int(low), int(high) + 1, 5):
        parts.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#374151">{value} %</text>')
    for count in labeled[:: max(1, len(labeled) // 8)]:
        parts.append(f'<text x="{x(count):.1f}" y="{BOTTOM + 20}" text-anchor="middle" fill="#374151">{count:,}</text>')
    parts.append(f'<text x="{(LEFT + RIGHT) / 2}" y="{BOTTOM + 40}" text-anchor="middle" fill="#374151">labels</text>')
    for at, name in enumerate(names):
        color, dash = COLORS[at % len(COLORS)], ' stroke-dasharray="5 4"' if at == 0 else ""
        points = " ".join(f"{x(count):.1f},{y(value):.1f}" for count, value in zip(labeled, means[name], strict=False))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"{dash}/>')
        line = TOP + 16 + 22 * at
        parts.append(f'<line x1="{RIGHT + 16}" x2="{RIGHT + 40}" y1="{line}" y2="{line}" stroke="{color}" stroke-width="2"{dash}/>')
        parts.append(f'<text x="{RIGHT + 46}" y="{line + 4}" fill="#111827">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main(arguments: list[str]) -> int:
    """Writes and prints each experiment that is named."""
    for argument in arguments:
        name, _, folder = argument.partition("=")
        found = kept(Path(folder))
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"features-{name}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (RESULTS / f"features-{name}.svg").write_text(drawing(found), encoding="utf-8")
        print(f"{name}:\n{table(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
