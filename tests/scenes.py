"""Small pictures with exact masks, in CamVid's layout, for the tests of projects of masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from alcore.importing.samples import bundled_street
from alcore.pixels import masks

W, H = 20, 12
CLASSES = ("ground", "box", "dot")
QUICK = {"steps": 6, "batch_size": 4, "warmup": 0.0, "learning_rate": 0.02}


def scene(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its mask: ground, a box, some dots, a stripe of void (value 3 in the file)."""
    rng = np.random.default_rng(number)
    mask = np.zeros((H, W), np.uint8)
    x, y = rng.integers(0, W - 8), rng.integers(0, H - 6)
    mask[y : y + 5, x : x + 7] = 1
    mask[rng.integers(0, H, 3), rng.integers(0, W, 3)] = 2
    mask[:, -2:] = 3
    picture = np.array([(60, 120, 60), (200, 60, 40), (240, 240, 60), (0, 0, 0)], np.uint8)[mask]
    return np.clip(picture.astype(int) + rng.integers(-12, 12, picture.shape), 0, 255).astype(np.uint8), mask


def truth_of(number: int) -> np.ndarray:
    mask = scene(number)[1]
    return np.where(mask == 3, masks.VOID, mask).astype(np.uint8)


def write_scenes(folder: Path, train: int = 10, val: int = 4) -> Path:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(train + val):
        picture, mask = scene(number)
        Image.fromarray(picture).save(folder / "images" / f"{number:03d}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:03d}.png")
    names = [*CLASSES, "nothing"]
    rows = [f"{name},{at},{40 * at},{90 - 20 * at},{10 * at},{int(name == 'nothing')}" for at, name in enumerate(names)]
    (folder / "classes.csv").write_text("name,index,r,g,b,ignore\n" + "\n".join(rows) + "\n")
    (folder / "train.txt").write_text("".join(f"{n:03d}\n" for n in range(train)))
    (folder / "val.txt").write_text("".join(f"{n:03d}\n" for n in range(train, train + val)))
    return folder


def few_streets(folder: Path, train: int = 20, val: int = 6) -> Path:
    """The first of the bundled street scenes, as a set of their own: what takes long with 200 of them shows with 26."""
    source = bundled_street()
    folder.mkdir(parents=True)
    shutil.copy(source / "classes.csv", folder)
    for name, number in (("train", train), ("val", val)):
        names = (source / f"{name}.txt").read_text().split()[:number]
        (folder / f"{name}.txt").write_text("".join(f"{one}\n" for one in names))
        for kind, suffix in (("images", "jpg"), ("masks", "png")):
            (folder / kind).mkdir(exist_ok=True)
            for one in names:
                shutil.copy(source / kind / f"{one}.{suffix}", folder / kind)
    return folder
