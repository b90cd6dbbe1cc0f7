"""The figures of one part, in a file that is whole after every measurement: what was measured is kept however the part ends."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from alcore.simulation.environment import environment

LAST_LINES = 6  # of a traceback that is kept
BROKEN = 9  # exit code of a part whose device answers nothing any more; a new process goes on with what is left


class DeviceLost(Exception):
    """After a failed kernel, every further call of the process fails too."""


class OutOfTime(Exception):
    """A measurement stopped itself, since the part's time is over."""


class Record:
    """One part's file: `figures` by name, `failures` by name, and `state`: running, done, stopped or not started.

    Args:
        path: of the JSON file. One that is there and still running is gone on with.
        head: what is said of the run as a whole.
        deadline: time.monotonic() after which nothing more is begun.
    """

    def __init__(self, path: Path, head: Mapping[str, Any], deadline: float) -> None:
        self.path, self.deadline = path, deadline
        before = json.loads(path.read_text()) if path.is_file() else {}
        if before.get("state") != "running":
            before = {**head, "figures": {}, "failures": {}, "left_out": []}
        self.data: dict[str, Any] = {**before, "state": "running", "at": None}
        self.write()

    @property
    def figures(self) -> dict[str, Any]:
        return self.data["figures"]

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()

    def take(self, name: str, measure: Callable[[], Mapping[str, Any]], device: torch.device, least: float = 2.0) -> None:
        """Puts what `measure` gives under `name`, or why it failed; nothing when it is there already or under `least` seconds are left.

        Raises:
            DeviceLost: the device answers nothing any more.
        """
        if name in self.figures or name in self.data["failures"]:
            return
        if self.left() < least:
            self.data["left_out"].append(name)
            self.write()
            return
        self.data["at"] = name
        self.write()
        started = time.monotonic()
        try:
            found = dict(measure())
        except OutOfTime:
            self.data["left_out"].append(name)
        except Exception as wrong:  # whatever fails here is a result, and the other measurements are still to be made
            self.fail(name, traceback.format_exc())
            print(f"  {name}: FAILED, {type(wrong).__name__}: {str(wrong)[:300]}")
            _check_alive(device)
        else:
            self.figures[name] = found | {"took": round(time.monotonic() - started, 2)}
            print(f"  {name}: {_words(found)}")
        self.data["at"] = None
        self.write()

    def fail(self, name: str, trace: str) -> None:
        self.data["failures"][name] = trace.strip().splitlines()[-LAST_LINES:]
        self.data["at"] = None
        self.write()

    def end(self, state: str = "done") -> None:
        self.data |= {"state": state, "at": None}
        self.write()

    def write(self) -> None:
        part = self.path.with_suffix(".part")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(self.data, indent=1) + "\n")
        os.replace(part, self.path)


def _check_alive(device: torch.device) -> None:
    try:
        if device.type == "cuda":
            torch.cuda.empty_cache()
            if float(torch.ones(2, device=device).sum()) != 2.0:
                raise DeviceLost("it cannot add one and one")
    except RuntimeError as wrong:  # what torch raises for every error of CUDA
        raise DeviceLost(str(wrong)) from wrong


def _words(figures: Mapping[str, Any]) -> str:
    shown = [f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()]
    return ", ".join(shown)[:400]


def card(device: torch.device) -> str:
    """The device's name as a part of a file name."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def head(part: str, device: torch.device, command: str, commit: str | None, tiny: bool) -> dict[str, Any]:
    """What belongs to every part's file: what it was measured on, with, when and how."""
    versions = {name: value for name, value in environment(device).items() if name != "system"}  # the system's name is the host's
    versions["commit"] = versions["commit"] or commit
    return {
        "part": part,
        "command": command,
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "card": versions["gpu"] or "CPU",
        "driver": _driver() if device.type == "cuda" else None,
        "tiny": tiny,
        **versions,
    }


def _driver() -> str | None:
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version,memory.total", "--format=csv,noheader"]
        ended = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return ended.stdout.strip() or None


def synchronize(device: torch.device) -> None:
    """Waits until the device has done everything it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forget_peak(device: torch.device) -> None:
    """Memory counts from here on; what earlier measurements left is given back first."""
    if device.type == "cuda":
        gc.collect()  # compiled networks lie in cycles
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: torch.device) -> dict[str, float | None]:
    """GB that tensors took at most since `forget_peak`, and that the allocator held for them."""
    if device.type != "cuda":
        return {"peak GB": None, "peak GB held": None}
    return {
        "peak GB": torch.cuda.max_memory_allocated(device) / 1e9,
        "peak GB held": torch.cuda.max_memory_reserved(device) / 1e9,
    }
