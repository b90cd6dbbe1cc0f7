"""The map of 20,000 x 64 beside umap-learn, alone and handed our neighbors: seconds, and the share of true neighbors kept; then 200,000
points on the Explore page in Chromium: seconds to the first picture, frames, a lasso, another color, another round."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from alcore.measures.layout import layout, neighbors, warm_up
from benchmarks.server import browser, folder, make_project, p95, served

N, D, CLUSTERS = 20_000, 64, 10
POINTS = 200_000
REPEATS = 3
THERE = ".map[data-at] .legend b"
# what a hand does to the map, one step a frame: the times between frames
MOVE = """([node, kind]) => new Promise((done) => {
  const box = node.getBoundingClientRect();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const at = (dx) => ({ pointerId: 1, bubbles: true, button: 0, clientX: x + dx, clientY: y + dx / 2 });
  const send = (type, dx) => node.dispatchEvent(new PointerEvent(type, at(dx)));
  const times = [];
  let before = performance.now();
  if (kind === "pan") send("pointerdown", 0);
  const step = (now) => {
    times.push(now - before);
    before = now;
    const k = times.length;
    if (kind === "pan") send("pointermove", 150 * Math.sin(k / 15));
    else {
      const turned = { bubbles: true, cancelable: true, clientX: x, clientY: y, deltaY: k % 120 < 60 ? -40 : 40 };
      node.dispatchEvent(new WheelEvent("wheel", turned));
    }
    if (k < 180) requestAnimationFrame(step);
    else {
      if (kind === "pan") send("pointerup", 0);
      done(times.slice(1));
    }
  };
  requestAnimationFrame(step);
})"""
# milliseconds from letting go of a lasso around most of the map to the words that say how many it took
LASSO = """(node) => new Promise((done) => {
  const box = node.getBoundingClientRect();
  const head = node.closest(".map").querySelector(".side .head");
  const mine = { pointerId: 1, bubbles: true, button: 0, shiftKey: true };
  const send = (type, x, y) => node.dispatchEvent(new PointerEvent(type, { ...mine, clientX: box.x + x, clientY: box.y + y }));
  const place = (k) => [box.width / 2 + box.height * 0.42 * Math.cos(k / 48), box.height / 2 + box.height * 0.42 * Math.sin(k / 48)];
  send("pointerdown", ...place(0));
  for (let k = 1; k < 300; k++) send("pointermove", ...place(k));
  requestAnimationFrame(() => requestAnimationFrame(() => {
    const started = performance.now();
    new MutationObserver((_, seen) => {
      if (!/selected/.test(head.textContent)) return;
      seen.disconnect();
      done([performance.now() - started, head.querySelector("b").textContent]);
    }).observe(head, { childList: true, subtree: true });
    send("pointerup", ...place(300));
  }));
})"""


def run() -> dict[str, Any]:
    return _layouts() | {"in a browser": _drawn()}


def _layouts() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(CLUSTERS, D)) * 3
    points = (centers[rng.integers(0, CLUSTERS, N)] + rng.normal(size=(N, D))).astype(np.float32)
    warm_up().join()
    started = time.perf_counter()
    ours = layout(points, seed=0)
    seconds = {"ours": time.perf_counter() - started}
    moved = points + 0.05 * rng.normal(size=points.shape).astype(np.float32)
    started = time.perf_counter()
    layout(moved, start=ours, seed=0)
    seconds["ours from the last positions"] = time.perf_counter() - started

    import umap

    umap.UMAP(n_neighbors=5, n_epochs=2).fit(points[:200])  # its compilation is not counted
    started = time.perf_counter()
    index, distance = neighbors(points)
    handed = umap.UMAP(n_neighbors=15, precomputed_knn=(index, distance, None), init="pca").fit_transform(points)
    seconds["umap-learn with our neighbors"] = time.perf_counter() - started
    started = time.perf_counter()
    umap.UMAP(n_neighbors=15).fit_transform(points)
    seconds["umap-learn alone"] = time.perf_counter() - started
    result: dict[str, Any] = {"seconds": seconds, "umap-learn alone / ours": seconds["umap-learn alone"] / seconds["ours"]}
    result["neighbors kept"] = {"ours": _kept(index, ours), "umap-learn": _kept(index, handed)}
    for name, value in seconds.items():
        print(f"  {name:30s} {value:7.1f} s")
    print(f"  umap-learn alone / ours: {result['umap-learn alone / ours']:.1f}; neighbors kept: {result['neighbors kept']}")
    return result


def _kept(index: np.ndarray, xy: np.ndarray) -> float:
    """Mean share of a point's 14 nearest that are among its 14 nearest on the map."""
    near, _ = neighbors(xy.astype(np.float32))
    return float(np.mean([len(np.intersect1d(a[1:], b[1:], assume_unique=True)) for a, b in zip(index, near, strict=True)]) / 14)


def _drawn() -> dict[str, Any]:
    """Of a project of 200,000 made-up points with three rounds, from which to which they move."""
    with folder() as home:
        make_project(home, "points", POINTS, 48, side=8)
        _make_rounds(home, "points", 3)
        with served(home) as address, browser() as chromium:
            result = _of_page(chromium, f"{address}/explore?project=points")
    print(f"  {POINTS:,} points: " + ", ".join(f"{name} {value:.2f}" for name, value in result.items()))
    return result


def _make_rounds(home: Path, name: str, rounds: int) -> None:
    """Rounds whose files are written, not trained: blobs of ten classes that drift."""
    from torch import nn

    from alcore.project.facade import Workspace
    from alcore.training.roundfiles import write_files
    from alcore.types import Scores

    workspace = Workspace(home)
    project = workspace.project(name)
    rng = np.random.default_rng(0)
    ids = project.pool().unlabeled
    group = rng.integers(0, CLUSTERS, len(ids))
    xy = rng.normal(size=(CLUSTERS, 2))[group] * 6 + rng.normal(size=(len(ids), 2))
    for number in range(rounds):
        logits = (np.eye(CLUSTERS)[group] * 4 + rng.normal(size=(len(ids), CLUSTERS))).astype(np.float32)
        entropy = rng.random(len(ids))
        scores = Scores(ids, entropy, {"entropy": entropy}, ids[np.argsort(-entropy)[:50]])
        made = write_files(project.folder / "rounds", scores, ids, {"logits": logits}, nn.Linear(1, 1))
        query = scores.selected.tolist()
        told = project.round_rows.add("entropy", query, seed=0, labeled=0, device="cpu", seconds={}, folder=made)
        files = project.files(told)
        if files is None:
            raise RuntimeError(f"round {number} has no files")
        files.write_map(ids, (xy + number * rng.normal(scale=0.3, size=xy.shape)).astype(np.float32))
    workspace.close()


def _of_page(chromium: Any, address: str) -> dict[str, float]:
    """Seconds, milliseconds where it is said, frames a second."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    told = {"drawn after a start, s": _seconds(lambda: _open(page, address))}
    opened = [(_seconds(lambda: _open(page, address)), *page.evaluate(SPANS)) for _ in range(REPEATS)]
    for at, name in enumerate(("drawn, s", "of it until the map asks for its points, s", "of it from then on, s")):
        told[name] = median(row[at] for row in opened)
    canvas = page.locator(".map canvas.points")
    for kind in ("pan", "zoom"):
        frames = canvas.evaluate("(node, kind) => (" + MOVE + ")([node, kind])", kind)
        told[f"frames a second, {kind}"] = 1000 / median(frames)
        told[f"slowest of 20 frames, {kind}, ms"] = p95(frames)
        canvas.dblclick(position={"x": 20, "y": 300})
    took = []
    for _ in range(REPEATS):
        ms, words = canvas.evaluate(LASSO)
        took.append(ms)
        page.locator(".map .head .tool", has_text="Clear").click()
        page.locator(".map .side", has_text="Draw around").wait_for()
    told |= {"lasso to selection, ms": median(took), "points it took": float(words.split()[0].replace(",", ""))}
    told["another color, s"] = _seconds(lambda: _color(page))
    told["another round there, s"] = _seconds(lambda: _round(page))
    page.close()
    return told


# seconds from the navigation to the first request of the map, and from that to its first picture
SPANS = """() => {
  const first = Math.min(...performance.getEntriesByType("resource").filter((r) => r.name.includes("/columns")).map((r) => r.startTime));
  const drawn = performance.getEntriesByName("alcore:map")[0];
  return [first / 1000, (drawn.startTime + drawn.duration - first) / 1000];
}"""


def _open(page: Any, address: str) -> None:
    page.goto(address)
    page.locator(THERE).wait_for(timeout=120_000)


def _color(page: Any) -> None:
    page.get_by_role("combobox", name="Color by").click()
    page.get_by_role("option", name="Prediction", exact=True).click()
    page.locator(".map .legend b", has_text="Prediction").wait_for()


def _round(page: Any) -> None:
    page.get_by_role("slider", name="Round").press("ArrowLeft")
    page.locator(".map[data-round='2'][data-moving='0'], .map[data-round='1'][data-moving='0']").wait_for()


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
