"""A set as large as ImageNet, streamed: import, import again, a round of a few steps with 20,000 images scored; seconds and peak memory.

The images are hard links to a few hundred small JPEGs, so that the set takes the disk of its folders alone.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.progress import Progress
from alcore.project.facade import Project, Workspace

IMAGENET = 1_281_167
CLASSES, ORIGINALS = 1000, 400  # ext4 takes 65,000 links to a file


def run(images: int = IMAGENET, sample: int = 20_000, steps: int = 20) -> dict[str, Any]:
    """Seconds and peak memory (MB, of the process, after each part) for a set of `images` images, of which `sample` are scored."""
    folder = Path(tempfile.mkdtemp(prefix="alcore-million-"))
    result: dict[str, Any] = {"images": images, "seconds": {}, "peak memory, MB": {"before": _peak()}}
    try:
        _timed(result, "making the tree", lambda: make_tree(folder, images))
        workspace = Workspace(folder / "home")
        try:
            _in_project(workspace, folder / "tree", sample, steps, result)
        finally:
            workspace.close()
    finally:
        shutil.rmtree(folder)
    return result


def make_tree(folder: Path, images: int, classes: int = CLASSES, originals: int = ORIGINALS) -> None:
    """`folder`/tree with class folders of hard links to `originals` JPEGs of 160x120 in `folder`/originals."""
    rng = np.random.default_rng(0)
    (folder / "originals").mkdir()
    files = []
    for number in range(min(originals, images)):
        files.append(os.fspath(folder / "originals" / f"{number}.jpg"))
        coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        coarse.resize((160, 120), Image.Resampling.BICUBIC).save(files[-1], quality=85)
    for number in range(min(classes, images)):
        below = folder / "tree" / f"n{number:08d}"
        below.mkdir(parents=True)
        for at in range(number, images, classes):
            os.link(files[at % len(files)], f"{below}/n{number:08d}_{at}.JPEG")


def _in_project(workspace: Workspace, source: Path, sample: int, steps: int, result: dict[str, Any]) -> None:
    project = _timed(
        result,
        "import",
        lambda: Project.import_into(workspace, "million", source, hold_out=0.01, image_size=64, cache="stream", report=_Shown()),
    )
    disk = sum(path.stat().st_size for path in workspace.home.rglob("*") if path.is_file())
    result["workspace, MB"] = round(disk / 1e6, 1)
    _timed(result, "import again, nothing new", lambda: project.refresh(_Shown()))
    _timed(result, "labels for 2,000", lambda: project.label_from_truth(min(2000, len(project.pool().unlabeled) // 2)))
    _timed(result, "pool", project.pool)
    train = {"architecture": "small_cnn", "steps": steps, "score_sample": sample, "flip": True}
    round_ = _timed(result, "round", lambda: project.run_round("entropy", 100, 0, "cpu", train=train, report=_Shown()))
    result["round"] = {name: round(value, 1) for name, value in round_.seconds.items()}
    scored = len(project.scores(round_))
    result["scored"], result["scored images/s"] = scored, round(scored / round_.seconds["score"])
    print("  of the round: " + ", ".join(f"{name} {value:.1f} s" for name, value in result["round"].items()))
    print(f"  scored {scored:,} images at {result['scored images/s']:,}/s; workspace {result['workspace, MB']} MB")


def _timed(result: dict[str, Any], what: str, work: Callable[[], Any]) -> Any:
    started = time.perf_counter()
    value = work()
    result["seconds"][what] = round(time.perf_counter() - started, 1)
    result["peak memory, MB"][what] = _peak()
    print(f"  {what:28s} {result['seconds'][what]:8.1f} s, peak memory {_peak():,.0f} MB", flush=True)
    return value


def _peak() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)


class _Shown:
    """Says when each stage begins."""

    def __init__(self) -> None:
        self.stage, self.started = "", time.perf_counter()

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self.stage:
            self.stage = progress.stage
            print(f"    {time.perf_counter() - self.started:7.1f} s {self.stage} (peak {_peak():,.0f} MB)", flush=True)
