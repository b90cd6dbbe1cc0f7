"""Long work, seen from outside: what is told of it, and ways to show that: a line in a terminal, a bar in a notebook, JSON for a process
that started this one. Knows no job."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Progress:
    """A snapshot of long work. `values` are the live numbers of the stage (losses, images_per_second, device_memory)."""

    stage: str
    done: int
    total: int
    values: Mapping[str, float] = field(default_factory=dict)
    message: str = ""


Report = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """The report of callers that do not watch."""


class Line:
    """Progress as one line on stderr: rewritten on a terminal, elsewhere a new one for each stage and message."""

    def __init__(self) -> None:
        self._stage, self._message, self._shown = "", "", 0.0
        self._began = (0.0, 0)  # when the stage began, and how much was done then
        self._said: set[tuple[str, str]] = set()  # workers take turns: each line comes once

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        terminal = sys.stderr.isatty()
        changed = progress.stage != self._stage
        if changed:
            self._began = (now, progress.done)
        known = not changed and progress.message in ("", self._message)
        if (known and now - self._shown < 0.2) if terminal else (progress.stage, progress.message) in self._said:
            return
        self._said.add((progress.stage, progress.message))
        if self._stage and changed and terminal:
            print(file=sys.stderr)
        self._stage, self._message, self._shown = progress.stage, progress.message, now
        of = f" {progress.done:,}/{progress.total:,}" if progress.total and (terminal or progress.message) else ""
        text = f"{progress.stage}{of}{self._left(now, progress)}{': ' + progress.message if progress.message else ''}"
        print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)

    def _left(self, now: float, progress: Progress) -> str:
        """How long the stage may still take, once it has run for some seconds."""
        since, before = self._began
        if progress.done <= before or progress.done >= progress.total or now - since < 3:
            return ""
        seconds = (now - since) / (progress.done - before) * (progress.total - progress.done)
        return f", {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 4 s, 2 min 05 s, 1 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def took(seconds: float) -> str:
    """What something took: as `duration`, with a tenth of a second below ten."""
    return duration(seconds) if seconds >= 10 else f"{seconds:.1f} s"


READ_BY_A_PROCESS = "ALCORE_PROGRESS"  # in the environment: progress goes to stderr as JSON
TOLD_EVERY = 0.2  # seconds between two lines that say nothing new but numbers


def on_stderr() -> Report:
    """What the command line reports by: for people, or for the process that asked for JSON."""
    return JsonLines() if os.environ.get(READ_BY_A_PROCESS) == "json" else Line()


class JsonLines:
    """Progress as a line of JSON on stderr. It raises OSError once nobody reads there any more: work ends with whoever asked for it."""

    def __init__(self) -> None:
        self._said, self._at = ("", ""), 0.0

    def __call__(self, progress: Progress) -> None:
        now, said = time.monotonic(), (progress.stage, progress.message)
        if said == self._said and now - self._at < TOLD_EVERY:
            return
        self._said, self._at = said, now
        print(json.dumps({"progress": asdict(progress)}), file=sys.stderr, flush=True)


def progress_of(line: str) -> Progress | None:
    """The progress in a line that JsonLines wrote; None for any other line."""
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return Progress(**told["progress"]) if isinstance(told, dict) and "progress" in told else None


class Bar:
    """A tqdm bar as a report, for a `with`: on stderr, or a widget in a notebook."""

    def __enter__(self) -> Report:
        from tqdm.auto import tqdm  # not installed where only simulations run

        self._bar = tqdm(total=1, file=sys.stderr)
        return self._show

    def _show(self, progress: Progress) -> None:
        if self._bar.desc != progress.stage + ": ":
            self._bar.reset(total=progress.total or None)
            self._bar.set_description(progress.stage)
        self._bar.n = progress.done
        self._bar.update(0)

    def __exit__(self, *exc: object) -> None:
        self._bar.close()
