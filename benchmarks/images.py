"""The grid of all images at 200,000: first content, a scroll, 10,000 chosen, labeled and taken back; likeness to one of 200,000."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from alcore.measures.likeness import cosines, lengths_of
from benchmarks.server import browser, folder, make_project, served

SIZES = (10_000, 200_000)
MANY = 10_000
REPEATS = 3
THERE = ".images[data-view]:not([aria-busy]) .tile[aria-posinset]"
SCROLL = """(grid) => new Promise((done) => {
  const times = [];
  let before = performance.now();
  const step = (now) => {
    times.push(now - before);
    before = now;
    grid.scrollTop += 90;
    if (times.length < 180) requestAnimationFrame(step);
    else done(times.slice(1));
  };
  requestAnimationFrame(step);
})"""
DIM = 1280


def run() -> dict[str, Any]:
    result: dict[str, Any] = {}
    with folder() as home:
        for size in SIZES:
            make_project(home, f"pool{size}", size, 48, side=16)
        with served(home) as address, browser() as chromium:
            for size in SIZES:
                result[f"{size:,}"] = _of_size(chromium, f"{address}/images?project=pool{size}")
                print(f"  {size:,}: " + ", ".join(f"{name} {value:.2f}" for name, value in result[f"{size:,}"].items()))
    result["likeness to one of 200,000, ms"] = _likeness()
    print(f"  likeness of 200,000 x {DIM} vectors to one: {result['likeness to one of 200,000, ms']:.0f} ms")
    return result


def _of_size(chromium: Any, address: str) -> dict[str, float]:
    """Seconds, but for frames a second."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    told: dict[str, float] = {}
    told["first content after a start, s"] = _seconds(lambda: _open(page, address))
    told["first content, s"] = median(_seconds(lambda: _open(page, address)) for _ in range(REPEATS))
    frames = page.locator(".images .grid").evaluate(SCROLL)
    told["frames a second, scrolling"] = 1000 / median(frames)
    told["slowest of 20 frames, ms"] = float(np.percentile(frames, 95))
    page.locator(".images .grid").evaluate("grid => { grid.scrollTop = 0; }")
    page.locator(".images #tile-0").click()
    page.locator(".images .grid").evaluate(
        "(grid, part) => { grid.scrollTop = part * grid.scrollHeight - grid.clientHeight / 2; }",
        MANY / int(page.locator(".images .tile").first.get_attribute("aria-setsize") or 1),
    )
    last = page.locator(f".images #tile-{MANY - 1}")
    last.wait_for()

    def choose() -> None:
        last.click(modifiers=["Shift"])
        page.locator(".images .actions b", has_text=f"{MANY:,} chosen").wait_for()

    told[f"{MANY:,} chosen, s"] = _seconds(choose)
    for name, key, words in (("labeled", "3", ": "), ("taken back", "z", "Taken back")):

        def act(key: str = key, words: str = words) -> None:
            page.keyboard.press(key)
            page.locator(".images .note", has_text=words).wait_for(timeout=60_000)

        told[f"{MANY:,} {name}, s"] = _seconds(act)
        page.locator(THERE).first.wait_for(timeout=60_000)
    page.keyboard.press("Escape")
    told["sorted by name, s"] = _seconds(lambda: _sort(page, "name"))
    told["sorted by time, s"] = _seconds(lambda: _sort(page, "time"))
    page.close()
    return told


def _open(page: Any, address: str) -> None:
    page.goto(address)
    page.locator(f"{THERE} img[src]").first.wait_for(timeout=120_000)


def _sort(page: Any, order: str) -> None:
    page.get_by_role("combobox", name="Order").select_option(order)
    page.locator(f".images[data-view*='order={order}']:not([aria-busy])").wait_for(timeout=120_000)


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def _likeness() -> float:
    """Milliseconds, median; the vectors lie in memory, as a file that was read lately does."""
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(10_000, DIM)).astype(np.float16) for _ in range(20)])
    lengths = lengths_of(vectors)  # remembered from the first time on
    return 1000 * median(_seconds(lambda: np.argsort(-cosines(vectors, vectors[:1], lengths))) for _ in range(REPEATS))
