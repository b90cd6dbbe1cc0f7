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

NAMES = ("train", "map", "keys", "pages")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=(*NAMES, "all"))
    parser.add_argument("--out", type=Path, default=Path("workspace/benchmarks.json"))
    parser.add_argument("--device", default="cpu", help="of the train benchmark: cpu or cuda:0")
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
        figures[name] = module.run(args.device) if name == "train" else module.run()
    figures["load_after"] = os.getloadavg()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(figures, indent=1))
    print(f"\nwritten to {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
