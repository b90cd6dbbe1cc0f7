"""A million images with features, as many hard links: import, vectors, near duplicates, the map, rounds, a live round, views, every
page's first content; seconds and memory beside those of 10,000 images, and what grows how.

The images are hard links to a few hundred small JPEGs in a hundred class folders. Reading 1,281,167 of them by the real network takes
hours, so its pace is measured on a few of contents of their own, and what it would take is computed from that. The vectors of the set are
drawn (a cloud a class, one in a hundred a near duplicate of another) and kept by the store's own writer under the images' own keys, with
the key in the place of the content's digest: hard links share their content, and one vector for all of them would measure nothing.

While the set is imported, read again and deleted, another process labels five times a second in another project.

Memory is what a process has for itself, at most. Files that it maps (the vectors, outputs of a whole pool) are in memory as far as the
system has room for them, and not counted.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.million import IMAGENET, make_tree
from benchmarks.server import browser, serving
from benchmarks.waits import NAME, labels_elsewhere

SMALL = 10_000
CLASSES, ORIGINALS = 100, 400
NOISE, PLANTED = 2.0, 100  # of the clouds' own distances; every so manieth vector is a near duplicate of another
LABELS, QUERY, LIVE_LABELS = 2_000, 100, 10
READ = 2_000  # images of contents of their own that the network reads
REPEATS = 3
MB = 1e6
ROUNDS: tuple[str, ...] = ("entropy", "mcdal", "badge")
GROWTH = ((0.09, "hardly"), (0.85, "slower than the images"), (1.1, "as the images"), (np.inf, "faster than the images"))  # powers of n
TILES = ".images[data-view]:not([aria-busy]) .tile[aria-posinset] img[src]"
PAGES = {
    "Data": ("", "[data-testid=stMetric]"),
    "Label": ("label", "[data-ready]:not([data-ready='0'])"),
    "Explore": ("explore", ".map[data-at] .legend b"),
    "Images": ("images", TILES),
    "Train": ("train", "[data-testid=stPopover]"),
    "Progress": ("progress", "[data-testid=stPlotlyChart]"),
}


def run(images: int = IMAGENET) -> dict[str, Any]:
    """By size, then by what was done: seconds (or MB, where it says so)."""
    result: dict[str, Any] = {}
    read = _reading()
    result["images a second"] = read
    print(f"  lite0 reads {read:.1f} images/s here; all {images:,} would take {images / read / 3600:.1f} h (computed)", flush=True)
    for size in dict.fromkeys((min(SMALL, images), images)):
        print(f"  {size:,} images", flush=True)
        with _folder() as folder:
            made = _alone(in_library, str(folder), size) | in_pages(folder / "home")
            made |= _alone(at_the_end, str(folder))
            result[f"{size:,}"] = made
    print()
    for line in table(result):
        print(line)
    return result


def _alone(work: Callable[..., dict[str, float]], *given: object) -> dict[str, float]:
    """In a new process, whose memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as one:
        return one.submit(work, *given).result()


def table(result: dict[str, Any]) -> list[str]:
    """The figures as lines of Markdown."""
    sizes = [name for name in result if name.replace(",", "").isdigit()]
    small, large = result[sizes[0]], result[sizes[-1]]
    times = int(sizes[-1].replace(",", "")) / int(sizes[0].replace(",", ""))
    lines = [f"| what | {sizes[0]} | {sizes[-1]} | ratio | grows |", "|---|---|---|---|---|"]
    for name, value in large.items():
        ratio = value / small[name] if small[name] else float("nan")
        lines.append(f"| {name} | {_short(small[name])} | {_short(value)} | {ratio:.3g} | {growth(ratio, times)} |")
    return lines


def growth(ratio: float, times: float) -> str:
    """How something grows whose measure became `ratio` times as much with `times` as many images."""
    if not (ratio > 0 and times > 1):
        return "-"
    power = np.log(ratio) / np.log(times)
    return next(words for most, words in GROWTH if power <= most)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


# ---- what the library does


def in_library(place: str, size: int) -> dict[str, float]:
    """Everything up to the pages, in this process."""
    from alcore.project.facade import Project, Workspace

    folder, told = Path(place), _Told()
    with told.of("tree of hard links, s", memory=False):
        make_tree(folder, size, CLASSES, ORIGINALS)
    workspace = Workspace(folder / "home")
    try:
        (folder / "few").mkdir()
        make_tree(folder / "few", 10 * CLASSES, CLASSES, CLASSES)
        Project.import_into(workspace, NAME, folder / "few" / "tree", hold_out=0.0, image_size=64)
        with _beside(folder / "home", "import", told), told.of("import"):
            options: dict[str, Any] = {"hold_out": 0.01, "image_size": 64, "cache": "stream", "duplicates": "keep"}
            project = Project.import_into(workspace, "reach", folder / "tree", **options)
        _learned(workspace, project, told)
    finally:
        workspace.close()
    return told.figures | _on_disk(folder / "home")


def at_the_end(place: str) -> dict[str, float]:
    """Reading the source again, where nothing has changed, and deleting the project, in this process."""
    from alcore.project.facade import Workspace

    folder, told = Path(place), _Told()
    workspace = Workspace(folder / "home")
    try:
        project = workspace.project("reach")
        for what, work in (("import again, nothing new", project.refresh), ("delete", project.delete)):
            with _beside(folder / "home", what, told), told.of(what):
                work()
    finally:
        workspace.close()
    return told.figures


@contextmanager
def _beside(home: Path, what: str, told: _Told) -> Iterator[None]:
    with labels_elsewhere(home) as waits:
        yield
    for name in ("median", "longest"):
        told.figures[f"a label elsewhere during {what}, {name}, s"] = waits[name]
    print(f"    {waits['labels']} labels elsewhere: {waits['median']:.3f} s at the median, {waits['longest']:.2f} at most", flush=True)


def _learned(workspace: Any, project: Any, told: _Told) -> None:
    from alcore.project import views
    from alcore.project.features import Features

    found = Features(project)
    with told.of("vectors drawn and kept"):
        fill(project, found)
    with told.of("near duplicates"):
        _, group = found.groups()
    planted = (len(group) - 1) // PLANTED
    told.figures["near duplicates found, %"] = 100 * (len(group) - len(np.unique(group))) / max(1, planted)
    with told.of("map"):
        found.map()
    with told.of(f"labels for {LABELS:,}"):
        project.label_from_truth(LABELS, seed=0)
    for name in ROUNDS:
        with told.of(f"round, {name}"):
            project.run_round(name, QUERY, 0, "cpu", report=lambda progress: None)
    with told.of("live round, from a label to its order"):
        live_round(workspace, project)
    first = True
    for what, view in (
        ("columns of all images, the first time", views.View()),
        ("view by score", views.View(order="score:total")),
        ("view by name", views.View(order="name")),
        ("view of one label with confidence", views.View(label=(project.classes[0],), above=0.5)),
        ("similar to one image", views.View(order="similar", like=(int(found.ids[0]),))),
    ):
        with told.of(what):
            views.look(project, view, "somebody")
        if not first:
            with told.of(f"{what}, again", memory=False):
                views.look(project, view, "somebody")
        first = False


def fill(project: Any, found: Any) -> None:
    """Drawn vectors for all images of the project, under their own keys."""
    from alcore.extractors.extraction import image_key

    keys = np.array([image_key(path, mark) for part in project.items.sources() for _, path, mark, _ in part], np.uint64)
    dim, rng = found.extractor.dim, np.random.default_rng(0)
    kinds = rng.standard_normal((CLASSES, dim), np.float32)
    of = np.arange(len(keys)) % CLASSES
    with found.store.writing():
        for start in range(0, len(keys), 4096):
            some = slice(start, start + 4096)
            drawn = kinds[of[some]] + NOISE * rng.standard_normal((len(keys[some]), dim), np.float32)
            twin = np.flatnonzero((np.arange(start, start + len(drawn)) % PLANTED == 0) & (np.arange(len(drawn)) > 0))
            drawn[twin] = drawn[twin - 1] + 0.2 * rng.standard_normal((len(twin), dim), np.float32)
            found.store.add(keys[some], keys[some], drawn)


def live_round(workspace: Any, project: Any) -> None:
    """From the labels that make a round due to the order that the labeling page would be told."""
    from alcore.project import labeling, live

    live.choose(project, True, LIVE_LABELS)
    before = len(project.rounds())
    waiting = project.queries.open().waiting[:LIVE_LABELS]
    project.annotate({int(i): project.classes[int(i) % len(project.classes)] for i in waiting})
    workspace.live.answered(project.name)
    while len(project.rounds()) == before:
        time.sleep(0.02)
    labeling.query(project, QUERY)
    while any(not job.over for job in workspace.job_rows.jobs(project.name)):
        time.sleep(0.02)


def _reading() -> float:
    """Images a second that the real network reads, files of 480 x 640, in a project of its own."""
    from alcore.project.facade import Project, Workspace
    from alcore.project.features import Features
    from benchmarks.features import write_photos

    with _folder() as folder:
        (folder / "photos").mkdir()
        write_photos(folder / "photos", READ)
        workspace = Workspace(folder / "home")
        try:
            project = Project.import_into(workspace, "read", folder / "photos", cache="stream", image_size=64)
            return float(Features(project).complete("cpu")["images_per_second"])
        finally:
            workspace.close()


def _on_disk(home: Path) -> dict[str, float]:
    """MB of what lies where; sparse files and links count what is written."""
    sizes = {path: path.stat().st_size for path in home.rglob("*") if path.is_file()}

    def of(*parts: str) -> float:
        return sum(size for path, size in sizes.items() if any(part in path.parts or part == path.name for part in parts)) / MB

    rounds = of("rounds") / (len(ROUNDS) + 1)
    database = sum(size for path, size in sizes.items() if path.name.startswith("alcore.sqlite")) / MB
    return {"disk: rows, MB": database, "disk: vectors and map, MB": of("features"), "disk: a round, MB": rounds}


# ---- what the pages do


def in_pages(home: Path) -> dict[str, float]:
    """Seconds to the first content of each page: the median, and of Images and Explore the first one after a start; server's memory."""
    told: dict[str, float] = {}
    with serving(home) as (address, process), browser() as chromium, _Memory(process) as memory:
        token = (home / "token").read_text().strip()  # made by the server's start
        for name, (path, selector) in PAGES.items():
            told[f"{name}, first after a start"] = _first(chromium, f"{address}/{path}?project=reach", selector)
        for name, (path, selector) in PAGES.items():
            told[name] = median(_first(chromium, f"{address}/{path}?project=reach", selector) for _ in range(REPEATS))
        told |= _grid(chromium, f"{address}/images?project=reach")
        told |= _asked(f"{address}/api/v1/projects/reach", token)
    return {f"page: {name}, s": seconds for name, seconds in told.items()} | {"page: memory of the server, MB": memory.most}


def _first(chromium: Any, address: str, selector: str) -> float:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    started = time.perf_counter()
    page.goto(address)
    page.locator(selector).first.wait_for(state="attached", timeout=300_000)
    seconds = time.perf_counter() - started
    page.close()
    return seconds


def _grid(chromium: Any, address: str) -> dict[str, float]:
    """The Images page: ordered by a score, filtered, and a jump to the far end of it."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    told = {
        "Images by score": _opened(page, f"{address}&view=order%3Dscore%253Atotal"),
        "Images of one label": _opened(page, f"{address}&view=state%3Dlabeled"),
    }
    _opened(page, address)
    n = int(page.locator(".images .tile").first.get_attribute("aria-setsize") or 1)
    started = time.perf_counter()
    page.locator(".images .grid").evaluate("grid => { grid.scrollTop = 0.9 * (grid.scrollHeight - grid.clientHeight); }")
    page.locator(f".images #tile-{int(0.9 * n)} img[src]").wait_for(state="attached", timeout=120_000)
    told["Images, a jump to nine tenths"] = time.perf_counter() - started
    page.close()
    return told


def _opened(page: Any, address: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(address)
    page.locator(TILES).first.wait_for(state="attached", timeout=300_000)
    return time.perf_counter() - started


def _asked(address: str, token: str) -> dict[str, float]:
    """The routes behind them: medians of whole answers."""
    first = json.loads(_get(f"{address}/queue?n=1", token))["items"][0]["id"]
    asked = {
        "route: all images": "images",
        "route: similar to one": f"images?order=similar&like={first}",
        "route: the next 48 to label": "queue?n=48",
        "route: why": f"items/{first}/why",
    }
    return {name: median(_seconds(f"{address}/{path}", token) for _ in range(REPEATS)) for name, path in asked.items()}


def _get(address: str, token: str) -> bytes:
    asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(asked, timeout=300) as answer:
        return bytes(answer.read())


def _seconds(address: str, token: str) -> float:
    started = time.perf_counter()
    _get(address, token)
    return time.perf_counter() - started


# ---- measures


class _Told:
    """Seconds and memory by what was done."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    @contextmanager
    def of(self, what: str, memory: bool = True) -> Iterator[None]:
        started = time.perf_counter()
        with _Memory(os.getpid()) as most:
            yield
        seconds = time.perf_counter() - started
        self.figures[what if what.endswith(", s") else f"{what}, s"] = seconds
        if memory:
            self.figures[f"{what}, MB"] = most.most
        print(f"    {what:42s} {seconds:8.2f} s, {most.most:7,.0f} MB", flush=True)


class _Memory:
    """The most memory of its own, in MB, that a process has while this lasts, looked at 50 times a second; 0 where the system has no
    /proc."""

    def __init__(self, process: int) -> None:
        self.most, self._file, self._over = 0.0, Path(f"/proc/{process}/statm"), threading.Event()
        self._looks = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Memory:
        self._now()
        self._looks.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._now()
        self._over.set()
        self._looks.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            self._now()

    def _now(self) -> None:
        if sys.platform == "linux" and self._file.is_file():
            _, resident, shared, *_ = map(int, self._file.read_text().split())
            self.most = max(self.most, (resident - shared) * os.sysconf("SC_PAGE_SIZE") / MB)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="alcore-reach-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
