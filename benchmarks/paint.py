"""Painting a 2048x1024 mask: pointer event to painted frame for a large and a small brush, a fill, the draft, undo, save to acknowledged.

Runs the mask editor in Chromium against the made-up server of the browser tests (tests/browser/fake_editor.py); no model, no project.
"Painted" is one task after the frame in which the stroke was drawn. A pointer event waits for the next frame before a page hears of it: up
to 17 ms at 60 frames a second, which "from the event" counts and "of the page's own work" does not.
"""

from __future__ import annotations

import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.server import ROOT, browser, p95

WIDTH, HEIGHT = 2048, 1024
PROJECT = f"c19-n8-w{WIDTH}-h{HEIGHT}"
MOVES = 240


def run() -> dict[str, Any]:
    result: dict[str, Any] = {}
    with _served() as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/?project={PROJECT}")
        _wait(page, 1)
        for size in (1, 25, 200):
            result[f"stroke of {size} px ms"] = _strokes(page, size)
        page.keyboard.press("f")
        result["fill of all ms"] = _timed(page, lambda: page.mouse.click(*_middle(page)))
        page.keyboard.press("d")
        page.wait_for_timeout(1500)  # the draft is there, and so is its faint picture
        result["whole draft ms"] = _timed(page, lambda: page.keyboard.press("Shift+G"))
        result["undo ms"] = _timed(page, lambda: page.keyboard.press("Control+z"))
        page.keyboard.press("b")
        saves = []
        for item in range(2, 6):
            page.mouse.click(*_middle(page))
            page.evaluate("performance.clearMeasures()")
            page.keyboard.press("Enter")
            _wait(page, item)
            page.wait_for_function("() => performance.getEntriesByName('alcore:mask-ack').length > 0")
            saves.append(
                {name: page.evaluate(f"performance.getEntriesByName('alcore:{name}')[0]?.duration ?? 0") for name in ("paint", "mask-ack")}
            )
        result["next picture ms"] = median(save["paint"] for save in saves)
        result["acknowledged ms"] = median(save["mask-ack"] for save in saves)
    for name, value in result.items():
        print(f"  {name:24s} {value}")
    return result


def _strokes(page: Any, size: int) -> dict[str, float]:
    """One long stroke in steps of a few pixels, as a hand makes it."""
    page.evaluate("performance.clearMeasures()")
    page.get_by_label("Brush size").fill(str(_slider(size)))
    page.get_by_label("Brush size").blur()
    box = page.locator("canvas.painting").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(MOVES):
        x = 20 + (box["width"] - 40) * (step % 80) / 80
        page.mouse.move(box["x"] + x, box["y"] + box["height"] / 2 + (step % 16 - 8) * 6)
    page.mouse.up()
    page.wait_for_timeout(100)
    found: dict[str, float] = {}
    for name, title in (("stroke", "from the event"), ("stroke-work", "of the page's own work")):
        times = page.evaluate(f"performance.getEntriesByName('alcore:{name}').map(e => e.duration)")
        found |= {f"{title} median": round(median(times), 1), f"{title} p95": round(p95(times), 1)}
    return found


def _slider(size: int) -> int:
    """The slider's place of a size: its scale is logarithmic, 200 at 100."""
    return round(100 * math.log(size) / math.log(200))


def _timed(page: Any, does: Any) -> dict[str, float]:
    """Milliseconds of the longest event handler while something is done, and from that event to the next frame (in steps of 8)."""
    page.evaluate(
        """() => { window.longest = [0, 0]; window.watched?.disconnect();
        window.watched = new PerformanceObserver((list) => { for (const e of list.getEntries()) {
          const took = e.processingEnd - e.processingStart; if (took > window.longest[0]) window.longest = [took, e.duration]; } });
        window.watched.observe({ type: "event", durationThreshold: 16 }); }"""
    )
    does()
    page.wait_for_timeout(600)
    handled, painted = page.evaluate("window.longest")
    return {"computed": round(handled, 1), "to the next frame": painted}


def _middle(page: Any) -> tuple[float, float]:
    box = page.locator("canvas.painting").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _wait(page: Any, item: int) -> None:
    page.wait_for_selector(f".editor[data-view=work][data-loading='0'][data-item='{item}']", timeout=60_000)


@contextmanager
def _served() -> Iterator[str]:
    """The made-up server in a process of its own, with its database in a folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="alcore-bench-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "tests.browser.fake_editor:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
        "--no-access-log",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"FAKE_DATABASE": str(folder / "masks.db"), "PYTHONPATH": str(ROOT)})
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).read()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run()
