"""Files that other tools' packages wrote, and what these themselves make of them: tests/data/peers, made by benchmarks/peers_labelstudio.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from tests.sources import picture

PEERS = Path(__file__).parent.parent / "data" / "peers"
EXPECTED = json.loads((PEERS / "expected.json").read_text(encoding="utf-8"))
CLASSES = tuple(EXPECTED["classes"])
SIDES = (24, 18)


def source(folder: Path, file: str, *names: str) -> Path:
    """A folder with that file and pictures of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PEERS / file, folder / file)
    for name in names:
        picture(folder / name, SIDES)
    return folder


def painted(tool: str) -> dict[str, np.ndarray]:
    """The masks as that tool has them, by the image's name."""
    return {name: np.array(rows, np.uint8) for name, rows in EXPECTED[tool].items()}
