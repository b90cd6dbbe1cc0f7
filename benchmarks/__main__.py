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

NAMES = ("train", "score", "kcenter", "map", "features", "rounds", "keys", "pages", "dense", "paint", "live", "learn", "room", "images")
LONG = ("million", "reach", "formats", "eta", "outlook", "switches")  # minutes, millions of files, or no timing at all: never part of all
ASKED = ("strange", "session", "promise", "clicks")  # want a folder of somebody's
HARSH = ("kills", "team")  # may find something wrong, and then ends with 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("name", choices=(*NAMES, *LONG, *ASKED, *HARSH, "all"))
    parser.add_argument(
        "what",
        nargs="?",
        help="of the strange benchmark: any folder of files, however odd; of the kills and team benchmarks: how many (24, 0)",
    )
    parser.add_argument("--out", type=Path, default=Path("workspace/benchmarks.json"))
    parser.add_argument("--device", default="cpu", help="of the train, score and dense benchmarks: cpu or cuda:0")
    parser.add_argument(
        "--seeds", type=int, default=3, help="of the session benchmark: how many sessions, each with the photos in another order"
    )
    parser.add_argument("--images", type=int, default=1_281_167, help="of the million and reach benchmarks: size of the set")
    parser.add_argument("--seconds", type=float, default=60, help="of the strange benchmark: the most that one folder may take")
    parser.add_argument("--memory", type=float, default=4, help="of the strange benchmark: GB of address space that one folder may take")
    parser.add_argument("--depth", type=int, default=3, help="of the strange benchmark: folders below FOLDER that are tried too")
    args = parser.parse_args()
    folder = Path(args.what) if args.name in ASKED and args.what else None
    if args.name in ASKED and (folder is None or not folder.exists()):
        parser.error(f"{args.name} needs a folder that is there: python -m benchmarks {args.name} FOLDER")
    if args.name in HARSH and not (args.what or "1").isdigit():
        parser.error(f"{args.what!r} is no number: python -m benchmarks {args.name} N")
    figures: dict[str, object] = {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": os.getloadavg(),
    }
    broken = False
    for name in NAMES if args.name == "all" else (args.name,):
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"\n== {name}: {(module.__doc__ or '').splitlines()[0]}")
        given: dict[str, tuple[object, ...]] = dict.fromkeys(("train", "score", "dense"), (args.device,))
        given |= {
            "million": (args.images,),
            "reach": (args.images,),
            "strange": (folder, args.seconds, args.memory, args.depth),
            "session": (folder, args.seeds),
            "promise": (folder,),
            "clicks": (folder,),
        }
        given |= dict.fromkeys(HARSH, (int(args.what),) if args.what and args.name in HARSH else ())
        figures[name] = module.run(*given.get(name, ()))
        broken |= name in (*ASKED, *HARSH) and module.failed(figures[name])
    figures["load_after"] = os.getloadavg()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(figures, indent=1))
    print(f"\nwritten to {args.out}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
