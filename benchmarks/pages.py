"""A page's first content at a pool of 50,000 beside the same page at 1,000; a grid of 48 images after navigation."""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from benchmarks.keys import READY
from benchmarks.server import browser, folder, make_project, served

SIZES = (1_000, 50_000)
REPEATS = 5
CONTENT = {
    "": "[data-testid=stMetric]",
    "train": "[data-testid=stBaseButton-primary]",
    "label": "[data-testid=stBidiComponentRegular], [data-testid*=BidiComponent]",
    "explore": "[data-testid=stPlotlyChart]",
    "progress": "[data-testid=stPlotlyChart]",
}


def run() -> dict[str, Any]:
    result: dict[str, Any] = {}
    with folder() as home:
        for size in SIZES:
            make_project(home, f"pool{size}", size, 96, trained=True)
        with served(home) as address, browser() as chromium:
            times: dict[tuple[str, int], list[float]] = {}
            for repeat in range(REPEATS + 1):  # the first one warms the server and is not counted
                for path, selector in CONTENT.items():
                    for size in SIZES:
                        seconds = _first(chromium, f"{address}/{path}?project=pool{size}", selector)
                        if repeat:
                            times.setdefault((path or "data", size), []).append(seconds)
            grid = [_grid(chromium, f"{address}/label?project=pool{SIZES[1]}") for _ in range(REPEATS)]
    for path in (p or "data" for p in CONTENT):
        small, large = (median(times[path, size]) for size in SIZES)
        result[path] = {"seconds at 1,000": small, "seconds at 50,000": large, "ratio": large / small}
        print(f"  {path:9s} {small:6.2f} s at 1,000, {large:6.2f} s at 50,000, ratio {large / small:.2f}")
    result["grid of 48 painted s"] = median(grid)
    print(f"  a grid of 48 images is painted {median(grid):.2f} s after switching to it")
    return result


def _first(chromium: Any, address: str, selector: str) -> float:
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    started = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(selector, timeout=60_000)
    seconds = time.perf_counter() - started
    page.close()
    return seconds


def _grid(chromium: Any, address: str) -> float:
    """From the click on Grid to the 48th image painted: the page and the queue are there already, the images are not."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_selector(READY, timeout=60_000)
    started = time.perf_counter()
    page.get_by_role("radio", name="Grid").or_(page.get_by_role("button", name="Grid")).first.click()
    page.wait_for_function("() => performance.getEntriesByName('alcore:grid').length > 0", timeout=60_000)
    seconds = time.perf_counter() - started
    page.close()
    return seconds
