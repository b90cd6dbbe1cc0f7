"""The command line's words: progress as one line on stderr, an answer printed for people. Knows no verb."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

from alcore.metrics import is_share, percent
from alcore.types import Progress


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


def print_answer(answer: Mapping[str, Any]) -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for name, value in answer.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            print(f"{name}:")
            for row in value[:100]:
                print("  " + "  ".join(f"{k}={_short(v, k)}" for k, v in row.items()))
            if len(value) > 100:
                print(f"  … and {len(value) - 100:,} more (--json gives all)")
        else:
            print(f"{name}: {_short(value, name)}")


def _short(value: Any, name: str = "") -> str:
    if isinstance(value, float):
        return percent(value) if is_share(name) else f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{k}={_short(v, k)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_short(v) for v in value[:20]) + (f", … ({len(value)})" if len(value) > 20 else "")
    return str(value)
