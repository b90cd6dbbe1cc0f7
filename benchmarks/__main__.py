"""`python -m benchmarks NAME [--out FILE]`: prints one table a benchmark and writes the figures as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

NAMES = ("train", "score", "kcenter", "map", "keys", "pages", "dense", "paint")
LONG = ("million",)  # minutes and millions of files: never part of all


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=(*NAMES, *LONG, "all"))
    parser.add_argument("--out", type=Path, default=Path("workspace/benchmarks.json"))
    parser.add_argument("--device", default="cpu", help="of the train, score and dense benchmarks: cpu or cuda:0")
    parser.add_argument("--images", type=int, default=1_281_167, help="of the million benchmark: size of the set")
    args = parser.parse_args()
    figures: dict[str, object] = {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
    }
    for name in NAMES if args.name == "all" else (args.name,):
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').splitlines()[0]}")
        given = {"train": (args.device,), "score": (args.device,), "dense": (args.device,), "million": (args.images,)}
        figures[name] = module.run(*given.get(name, ()))
    figures["load_after"] = os.getloadavg()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(figures, indent=1))
    print(f"\nwritten to {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
