"""Formats at size: a project of many tiny images written in a format and imported again, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

IMAGES = 20_000
CLASSES = ("cat", "dog", "fox", "owl", "elk")
OF_CLASSES = ("csv", "parquet", "folder", "hf", "imagefolder", "webdataset", "fiftyone", "labelstudio", "cvat")
OF_MASKS = ("yolo", "coco", "labelstudio", "cvat", "voc", "camvid")
SIDE, ORIGINALS = 32, 500


def run(images: int = IMAGES, only: Collection[str] = ()) -> dict[str, Any]:
    """Seconds and peak memory (MB beyond the process before) of each export and import.

    Args:
        only: these formats, all of them when empty.
    """
    folder = Path(tempfile.mkdtemp(prefix="alcore-formats-"))
    result: dict[str, Any] = {"images": images}
    print(f"{images:,} images of {SIDE}x{SIDE}\n{'':24}{'export':>16}{'import':>16}")
    try:
        for task, formats in (("classification", OF_CLASSES), ("segmentation", OF_MASKS)):
            make_source(folder / task, images, task)
            home = folder / f"{task}-home"
            result[f"{task} import"] = _apart(_import, home, "made", folder / task, task)
            print(f"{task:24}{'':16}{_words(result[f'{task} import']):>16}", flush=True)
            for name in (name for name in formats if not only or name in only):
                out = folder / f"{task}-{name}" / ("labels." + name if name in ("csv", "parquet") else "out")
                wrote = _apart(_export, home, name, out)
                source = _beside(out, folder / task) if name in ("csv", "parquet") else out
                read = _apart(_import, folder / "other-home", name, source, task)
                result[f"{task} {name}"] = {"export": wrote, "import": read}
                print(f"  {name:22}{_words(wrote):>16}{_words(read):>16}", flush=True)
                shutil.rmtree(out.parent)
                shutil.rmtree(folder / "other-home")
    finally:
        shutil.rmtree(folder)
    return result


def make_source(folder: Path, images: int, task: str) -> None:
    """Images in class folders, or beside masks of two areas; copies of some, each a byte longer than the one before it."""
    rng = np.random.default_rng(0)
    pictures = [_encoded(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8), folder) for _ in range(ORIGINALS)]
    masks = []
    for _ in range(ORIGINALS if task == "segmentation" else 0):
        mask = np.zeros((SIDE, SIDE), np.uint8)
        top, left = rng.integers(2, SIDE // 2, 2)
        mask[top : top + 12, left : left + 12] = rng.integers(1, len(CLASSES))
        masks.append(_encoded(mask, folder))
    for at in range(images):
        name = f"{at:06d}.png"
        where = folder / "images" / name if masks else folder / ("test" if at % 5 == 0 else "train") / CLASSES[at % len(CLASSES)] / name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(pictures[at % ORIGINALS] + at.to_bytes(4, "little"))
        if masks:
            (folder / "masks").mkdir(exist_ok=True)
            (folder / "masks" / name).write_bytes(masks[at % ORIGINALS])
    if masks:
        (folder / "classes.txt").write_text("\n".join(CLASSES))


def _encoded(pixels: np.ndarray, folder: Path) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / "one.png")
    content = (folder / "one.png").read_bytes()
    (folder / "one.png").unlink()
    return content


def _import(home: Path, name: str, source: Path, task: str) -> Callable[[], object]:
    from alcore.project.facade import Project, Workspace

    workspace = Workspace(home)
    return lambda: Project.import_into(workspace, name, source, task=task, truth="labels", hold_out=0.0, duplicates="keep")


def _export(home: Path, name: str, out: Path) -> Callable[[], object]:
    from alcore.project import exporting
    from alcore.project.facade import Workspace

    project = Workspace(home).project("made")
    out.parent.mkdir(parents=True)
    return lambda: exporting.export(project, name, out, ("train", "val", "test"))


def _beside(table: Path, images: Path) -> Path:
    """The images of a table beside it."""
    for path in images.iterdir():
        shutil.copytree(path, table.parent / path.name, copy_function=os.link)
    return table


def _apart(make: Callable[..., Callable[[], object]], *what: object) -> dict[str, float]:
    """Seconds and MB in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, peak = pool.apply(_timed, (make, what))
    return {"seconds": round(seconds, 1), "peak, MB": round(peak)}


def _timed(make: Callable[..., Callable[[], object]], what: tuple[Any, ...]) -> tuple[float, float]:
    work = make(*what)
    before, began = _peak(), time.perf_counter()
    work()
    return time.perf_counter() - began, _peak() - before


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


def _words(told: dict[str, float]) -> str:
    return f"{told['seconds']:.1f} s {told['peak, MB']:,.0f} MB"
