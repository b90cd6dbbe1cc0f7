"""The verb `simulate`: its arguments and its answer. Loads torch only when it runs, and nothing of the app."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from alcore.progress import Report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("source", metavar="SRC", help="labeled images in any known format")
    parser.add_argument("--strategies", type=_texts, help="a,b: names, or variants such as mal:select_by=random+minimax=false")
    parser.add_argument("--init", type=float, metavar="N", help="labels a run starts with; below 1 a share of the pool")
    parser.add_argument("--query-size", type=float, metavar="N", help="labels more a round; below 1 a share of the pool")
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--seeds", type=_numbers, help="0,1,2: a run of each strategy for each seed")
    parser.add_argument("--out", required=True, metavar="DIR", help="what is there already is not done again")
    parser.add_argument("--preset", help="a published protocol; arguments given here win over it")
    parser.add_argument("--set", action="append", default=[], metavar="S.NAME=VALUE", help="of strategy S; NAME=VALUE is of training")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the device")
    parser.add_argument("--on", default="", choices=["ray"], help="spread the runs over a Ray cluster")
    parser.add_argument("--image-size", type=int, default=0, help="side of the images models see; 0 chooses")
    parser.add_argument("--format", default="auto")
    parser.add_argument("--hold-out", type=float, help="share held out for testing when there is no test split (0.2)")
    parser.add_argument("--thin", type=_shares, metavar="R,R,…", help="share of each class kept in the pool, for an imbalanced one")
    parser.add_argument("--task", default="auto", help="classification, segmentation, or auto: what the format is for")


def run(args: argparse.Namespace, report: Report) -> dict[str, Any]:
    """Makes what is missing of the experiment; answers `out`, `runs` and where the report is."""
    from alcore.home import own_strategies
    from alcore.simulation.conduct import simulate
    from alcore.strategies import look

    look(own_strategies(args.home))
    frame = simulate(
        args.source, args.strategies, init=args.init, query_size=args.query_size, rounds=args.rounds, seeds=args.seeds, out=args.out,
        preset=args.preset, settings=args.set, device=args.device, workers=args.workers, image_size=args.image_size, format=args.format,
        hold_out=args.hold_out, thin=args.thin, task=args.task, on=args.on, report=report,
    )  # fmt: skip
    last = frame.groupby(["strategy", "seed"], sort=False).tail(1)
    runs = json.loads(last[["strategy", "seed", "round", "labeled", "metric", "value"]].to_json(orient="records"))
    return {"out": str(args.out), "runs": runs, "report": str(Path(args.out) / "report.html")}


def _texts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in _texts(text)]


def _shares(text: str) -> list[float]:
    return [float(part) for part in _texts(text)]
