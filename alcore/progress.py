"""Long work, seen from outside: what is told of it, and two ways to show that: a line in a terminal, a bar in a notebook. Knows no job."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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
