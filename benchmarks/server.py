"""A served project of a given size, and a browser to look at it: what the keys and pages benchmarks share."""

from __future__ import annotations

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
from typing import Any

import numpy as np

from alcore.project.facade import Workspace

ROOT = Path(__file__).resolve().parent.parent
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
CLASSES = 10


def make_project(home: Path, name: str, pool: int, query: int, trained: bool = False, side: int = 16) -> None:
    """A pool of `pool` images of `side` pixels whose class shows in their colour, with an open query of `query`; `trained` by a round of 40
    steps."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, pool + 500)
    colours = rng.integers(40, 216, (CLASSES, 3))
    noise = rng.integers(-40, 40, (pool + 500, side, side, 3), np.int16)
    images = np.clip(colours[labels][:, None, None] + noise, 0, 255).astype(np.uint8)
    source = home / f"{name}.npz"
    home.mkdir(parents=True, exist_ok=True)
    np.savez(source, x_train=images[:pool], y_train=labels[:pool], x_test=images[pool:], y_test=labels[pool:])
    workspace = Workspace(home)
    from alcore.project.facade import Project

    project = Project.import_into(workspace, name, source)
    if trained:
        project.label_from_truth(50, seed=0)
        project.run_round("mcdal", query_size=query, seed=0, device="cpu", train={"steps": 40}, report=lambda progress: None)
    else:
        project.start(query, "random", seed=0)
    workspace.close()


@contextmanager
def folder() -> Iterator[Path]:
    """A workspace that is gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="alcore-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def served(home: Path, by: str = "alcore") -> Iterator[str]:
    """The address of the app: by "alcore" (`python -m alcore serve`) or by "streamlit" (`streamlit run app.py`)."""
    with serving(home, by) as (address, _):
        yield address


@contextmanager
def serving(home: Path, by: str = "alcore") -> Iterator[tuple[str, int]]:
    """The same, and the number of its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "alcore", "serve", "--port", str(port)]
    if by == "streamlit":
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "ALCORE_HOME": str(home)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.2)
        yield address, process.pid
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/api/v1/health", timeout=2) as answer:
            return b"ok" in answer.read()
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def browser() -> Iterator[Any]:
    """Debian's Chromium, or a message where to get it."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("this benchmark drives Chromium: install Debian's package chromium first")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


def p95(values: list[float]) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]
