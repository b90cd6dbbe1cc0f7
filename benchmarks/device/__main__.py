"""The parts one after another, each in a process of its own with a time limit: `benchmarks/device.sh`; `--table` prints what was measured.

A part that runs over is stopped, a process that dies is followed by one that goes on with what is left; the other parts still run. Exits
with the number of measurements that failed and parts that did not end, 100 at most.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from alcore.strategies import STRATEGIES
from alcore.training.devices import pick_device
from benchmarks.device.checks import checks
from benchmarks.device.measures import FULL, TINY, dense, graphs, scoring, training
from benchmarks.device.record import BROKEN, DeviceLost, Record, card, head
from benchmarks.device.study import STUDIES, study
from benchmarks.device.table import table

RESULTS = Path(__file__).resolve().parents[1] / "results"
# part -> what makes it and the seconds it may take
PARTS: dict[str, tuple[Callable[..., None], float]] = {
    "correctness": (checks, 80),
    "train": (training, 80),
    "score": (scoring, 90),
    "dense": (dense, 60),
    "graphs": (graphs, 100),
    "cifar": (study, 300),
    "photos": (study, 90),
}
BUDGET = 498.0  # seconds in all
GRACE = 6.0  # seconds between the end of a part's time and its being killed
LEAST = 8.0  # seconds with which a part is worth beginning
RESTARTS = 12  # of a part whose process died


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks/device.sh")
    parser.add_argument("--table", action="store_true", help="print the Markdown tables of what is in --out and end")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or RESULTS), help="default: $OUT, or benchmarks/results")
    parser.add_argument(
        "--cifar", type=Path, default=os.environ.get("CIFAR"), help="folder with CIFAR-10's python batches; default: $CIFAR"
    )
    parser.add_argument(
        "--photos", type=Path, default=os.environ.get("PHOTOS"), help="folder of photos with train and test; default: $PHOTOS"
    )
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--only", default=",".join(STRATEGIES), help="strategies")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds in all")
    parser.add_argument("--commit", help="written beside the figures where there is no repository to ask")
    parser.add_argument("--tiny", action="store_true", help="sizes to try the script with")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)  # what the processes are started with
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--command", default="", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.table:
        print(table(args.out))
        return 0
    unknown = {*args.parts.split(",")} - PARTS.keys() | {*args.only.split(",")} - STRATEGIES.keys()
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}, strategies {', '.join(STRATEGIES)}")
    device = pick_device(args.device)
    if args.part:
        return _part(args, device)
    return _all(args, device)


def _path(args: argparse.Namespace, part: str, device: torch.device) -> Path:
    return Path(args.out) / f"{card(device)}{'-tiny' if args.tiny else ''}-{part}.json"


# ---- a process: one part


def _part(args: argparse.Namespace, device: torch.device) -> int:
    facts = head(args.part, device, args.command, args.commit, args.tiny)
    record = Record(_path(args, args.part, device), facts, time.monotonic() + args.seconds)
    make = PARTS[args.part][0]
    if args.part in STUDIES:
        given = getattr(args, args.part)
        make = partial(make, which=args.part, given=Path(given) if given else None)
    try:
        make(record, TINY if args.tiny else FULL, device, args.only.split(","))
    except DeviceLost as wrong:
        print(f"  the device is lost to this process ({str(wrong)[:200]})")
        return BROKEN
    record.end()
    return 0


# ---- all of them


def _all(args: argparse.Namespace, device: torch.device) -> int:
    end, failed = time.monotonic() + args.budget, 0
    command = "benchmarks/device.sh " + shlex.join(sys.argv[1:])
    for part in args.parts.split(","):
        path = _path(args, part, device)
        path.unlink(missing_ok=True)
        limit = min(PARTS[part][1], end - time.monotonic())
        print(f"== {part}: at most {max(0.0, limit):.0f} s", flush=True)
        started = time.monotonic()
        facts = {"part": part, "command": command, "card": card(device)}
        state = _run(args, part, path, started + limit, command, facts) if limit >= LEAST else "not started: no time was left"
        data = _told(path, facts, state, time.monotonic() - started)
        failed += len(data["failures"]) + (data["state"] != "done")
        left_out = f"; no time for {', '.join(data['left_out'])}" if data["left_out"] else ""
        print(f"   {part}: {data['state']} in {data['seconds']:.0f} s, {len(data['failures'])} failures{left_out}", flush=True)
    print(f"{failed} failed")
    return min(failed, 100)


def _run(args: argparse.Namespace, part: str, path: Path, end: float, command: str, facts: dict[str, Any]) -> str:
    """Runs a part's process, and another when it dies, until the part is done or its time over."""
    for _ in range(RESTARTS):
        left = end - time.monotonic()
        if left < LEAST:
            break
        given = ["--part", part, "--seconds", f"{left:.1f}", "--command", command, "--device", args.device, "--out", str(args.out)]
        given += ["--only", args.only, *(["--tiny"] if args.tiny else []), *(["--commit", args.commit] if args.commit else [])]
        for images in STUDIES:
            given += [f"--{images}", str(getattr(args, images))] if getattr(args, images) else []
        process = subprocess.Popen([sys.executable, "-u", "-m", "benchmarks.device", *given], start_new_session=True)
        try:
            code = process.wait(left + GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the process is the leader of a session of its own; compilers run in it too
            process.wait()
            return "stopped: its time was over"
        if code == 0:
            return "done"
        data = (
            json.loads(path.read_text()) if path.is_file() else {**facts, "state": "running", "figures": {}, "failures": {}, "left_out": []}
        )
        if code != BROKEN and not data.get("at"):
            return f"stopped: its process ended with code {code}"  # between two measurements: the next one would do the same
        if data.get("at"):  # it died in the middle of a measurement, which is not tried again
            data["failures"][data["at"]] = [f"its process ended with code {code}"]
            data["at"] = None
            path.write_text(json.dumps(data, indent=1))
    return "stopped: too many processes ended" if time.monotonic() < end - LEAST else "stopped: its time was over"


def _told(path: Path, facts: dict[str, Any], state: str, seconds: float) -> dict[str, Any]:
    """The part's file with how it ended."""
    data: dict[str, Any] = {"figures": {}, "failures": {}, "left_out": []} | facts
    if path.is_file():
        data = json.loads(path.read_text())
    data |= {"state": state, "seconds": round(seconds, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1) + "\n")
    return data


if __name__ == "__main__":
    sys.exit(main())
