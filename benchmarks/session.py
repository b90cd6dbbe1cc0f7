"""A person's session with a flat folder of photos, played in Chromium: classes named, a test slice, keys while it learns, labels out.

    python -m benchmarks session FOLDER [--seeds 3]

FOLDER has a folder of photos a class. Its photos are copied into one flat folder without labels, under names that nobody but this program
reads; a browser then does what a person would, and presses the key of the true class. At the end the labels that go out are held against
the truth, beside what the app had said of them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from math import comb
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from benchmarks.server import browser, folder, p95, served

TESTED, LABELS = 60, 120  # images of the slice, and labels beside them


MISSED = 0.05  # of 95 % intervals do not hold the truth


def run(source: Path, seeds: int = 3) -> dict[str, Any]:
    """What came of each session; the seed orders the photos."""
    result: dict[str, Any] = {}
    for seed in range(seeds):
        with folder() as home:
            result[f"seed {seed}"] = told = _session(home, source, seed)
        print(f"  seed {seed}: " + "; ".join(f"{name} {value}" for name, value in told.items()), flush=True)
    return result


def failed(result: Mapping[str, Any]) -> bool:
    """Whether the truth lies outside the interval that was shown in more sessions than chance explains: one time in a hundred or less."""
    n, missed = len(result), sum(not told["truth in the interval"] for told in result.values())
    return sum(comb(n, k) * MISSED**k * (1 - MISSED) ** (n - k) for k in range(missed, n + 1)) <= 0.01


def _session(home: Path, source: Path, seed: int) -> dict[str, Any]:
    from alcore.project.facade import Project, Workspace

    truth, flat = _flattened(source, home / "photos", seed)
    classes = sorted(set(truth.values()))
    workspace = Workspace(home / "workspace")
    project = Project.import_into(workspace, "session", flat)
    project.features(report=lambda progress: None)
    named = {i: truth[Path(path).name] for i, path in project.items.paths().items()}
    keys = {name: "1234567890"[at] for at, name in enumerate(classes)}
    with served(home / "workspace") as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        started = time.monotonic()
        page.goto(f"{address}/label?project=session")
        page.get_by_label("Classes", exact=True).fill(", ".join(classes))
        tested = page.get_by_label("Test images", exact=True)
        tested.fill(str(TESTED))
        tested.press("Enter")
        page.get_by_text("before all others").click()
        page.get_by_role("button", name="Start labeling").click()
        page.wait_for_selector("[data-item][data-live='1']", timeout=60_000)
        given, painted = _label(page, named, keys)
        seconds = time.monotonic() - started
        page.locator(".learned", has_text="learned from").wait_for(timeout=120_000)
        said = page.locator(".learned").inner_text()
        page.goto(f"{address}/?project=session")
        page.get_by_text("Labels for every image").wait_for(timeout=60_000)
        accepting = page.locator("strong", has_text="and more;").first.inner_text()
        with page.expect_download() as download:
            page.get_by_role("button", name="CSV", exact=True).click()
        frame = pd.read_csv(download.value.path(), keep_default_na=False)
    frame["truth"] = [truth[Path(path).name] for path in frame["path"]]
    by_model = frame[frame["guess"].ne("") & ~frame["source"].eq("human")]
    right = float((by_model["guess"] == by_model["truth"]).mean())
    accepted = frame[frame["source"] == "model"]
    from alcore.project import slices

    found = slices.measured(workspace.project("session"))
    workspace.close()
    assert found is not None
    low, high = found.interval
    return {
        "labels": given,
        "minutes": round(seconds / 60, 1),
        "said": said,
        "shown interval": [round(low, 3), round(high, 3)],
        "truth of the rest": round(right, 3),
        "truth in the interval": bool(low <= right <= high),
        "accept-all said": accepting,
        "accepted": len(accepted),
        "right of the accepted": round(float((accepted["label"] == accepted["truth"]).mean()), 3) if len(accepted) else None,
        "painted median ms": round(median(painted), 1),
        "painted p95 ms": round(p95(painted), 1),
    }


def _flattened(source: Path, out: Path, seed: int) -> tuple[dict[str, str], Path]:
    """Name -> class of copies of all photos, in one folder, in an order that says nothing of their classes."""
    import numpy as np

    out.mkdir(parents=True)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    truth = {}
    for number, at in enumerate(np.random.default_rng(seed).permutation(len(files)).tolist()):
        name = f"IMG_{number:05d}{files[at].suffix}"
        shutil.copy(files[at], out / name)
        truth[name] = files[at].parent.name
    return truth, out


def _label(page: Any, truth: Mapping[int, str], keys: Mapping[str, str]) -> tuple[int, list[float]]:
    """Presses the key of the true class of whatever is shown, until the slice and as many others are labeled; a key's way to the next
    picture in milliseconds each."""
    tests = others = 0
    root = page.locator("[data-item]").first
    while tests < TESTED or others < LABELS:
        item = int(root.get_attribute("data-item"))
        if page.locator(".caption .test").count():
            tests += 1
        else:
            others += 1
        page.keyboard.press(keys[truth[item]])
        page.wait_for_selector(f"[data-item]:not([data-item='{item}'])[data-live='1']", timeout=60_000)
        if tests + others > 4 * (TESTED + LABELS):
            raise RuntimeError("the slice was not asked for")
    page.locator(".save", has_text="all saved").wait_for(timeout=60_000)
    return tests + others, page.evaluate("performance.getEntriesByName('alcore:paint').map(e => e.duration)")
