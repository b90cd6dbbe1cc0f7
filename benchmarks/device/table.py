"""The README's tables from the files of benchmarks/results/; "not measured" without any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.device.study import STUDIES

NOT_MEASURED = "not measured"


def table(folder: Path) -> str:
    """Markdown: for each card a table of the strategies, one of dense labels, and sentences of the rest."""
    cards: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        if "part" in data and "figures" in data:
            cards.setdefault(str(data.get("card")), {})[data["part"]] = data
    texts = [text for name, parts in cards.items() if (text := _card(name, parts))]
    return "\n\n".join(texts) if texts else NOT_MEASURED


def _card(name: str, parts: dict[str, dict[str, Any]]) -> str:
    if not any(part["figures"] or part["failures"] for part in parts.values()):
        return ""
    said = next((part for part in parts.values() if part.get("torch")), {})
    title = f"{name}, torch {said.get('torch')}, CUDA {said.get('cuda')}, driver {said.get('driver')}, {said.get('date')}"
    if said.get("tiny"):
        title += ", **tiny sizes: these figures say nothing**"
    pieces = [
        title,
        _strategies(parts),
        _dense(parts.get("dense", {})),
        _graphs(parts.get("graphs", {})),
        *(_study(parts.get(which, {})) for which in STUDIES),
    ]
    return "\n\n".join(piece for piece in [*pieces, _ended(parts)] if piece)


def _strategies(parts: dict[str, dict[str, Any]]) -> str:
    train, score = (parts.get(part, {"figures": {}, "failures": {}}) for part in ("train", "score"))
    names = list(dict.fromkeys([*train["figures"], *train["failures"], *score["figures"], *score["failures"]]))
    if not names:
        return ""
    lines = [
        "| strategy | training, images/s | time a step / bare loop | peak GB, training | scoring, s | choosing, s | peak GB, scoring |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        cells = [name]
        for part, keys in ((train, ("labeled images/s", "ratio", "peak GB")), (score, ("score seconds", "select seconds", "peak GB"))):
            found = part["figures"].get(name, {})
            cells += ["failed" if name in part["failures"] else _number(found.get(key)) for key in keys]
        lines.append(f"| {' | '.join(cells)} |")
    bare = [each["bare images/s"] for each in train["figures"].values() if "bare images/s" in each]
    if bare:
        lines += ["", f"The bare loop: {_number(sorted(bare)[len(bare) // 2])} images/s."]
    return "\n".join(lines)


def _dense(part: dict[str, Any]) -> str:
    if not part.get("figures") and not part.get("failures"):
        return ""
    lines = [
        "| dense labels | batch | training, images/s | peak GB, training | scoring, frames/s | peak GB, scoring |",
        "|---|---|---|---|---|---|",
    ]
    for name, each in part["figures"].items():
        speeds = "; ".join(f"{stage} {_number(speed)}" for stage, speed in each["labeled images/s"].items())
        rest = [_number(each.get(key)) for key in ("peak GB", "score frames/s", "score peak GB")]
        lines.append(f"| {name} | {each['batch']} | {speeds} | {' | '.join(rest)} |")
    return "\n".join([*lines, *(f"| {name} | failed | | | | |" for name in part["failures"])])


def _graphs(part: dict[str, Any]) -> str:
    found = part.get("figures") or {}
    return (
        "Compiled: " + ", ".join(f"`{name}` {_number(each['speed-up'])} times faster" for name, each in found.items()) + "."
        if found
        else ""
    )


def _study(part: dict[str, Any]) -> str:
    found = part.get("figures") or {}
    if not found:
        return ""
    lines = [f"Images: {part.get('images')}.", ""]
    lines += ["| round | labeled of | steps | training, s | scoring, s | choosing, s | accuracy |", "|---|---|---|---|---|---|---|"]
    for name, each in found.items():
        accuracy = f"{100 * each['accuracy']:.2f} %" if "accuracy" in each else "-"
        times = " | ".join(_number(each[f"{key} seconds"]) for key in ("train", "score", "select"))
        lines.append(f"| {name} | {each['labeled']:,} of {each['pool']:,} | {each['steps']:,} | {times} | {accuracy} |")
    return "\n".join(lines)


def _ended(parts: dict[str, dict[str, Any]]) -> str:
    """How each part ended, and what failed in it."""
    lines = []
    for name, part in parts.items():
        words = f"{name}: {part['state']}, {len(part['figures'])} measured"
        if part["failures"]:
            words += f", failed: {'; '.join(f'{what} ({lines_[-1][:120]})' for what, lines_ in part['failures'].items())}"
        if part.get("left_out"):
            words += f", no time for {', '.join(part['left_out'])}"
        lines.append(f"- {words}")
    return "\n".join(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
