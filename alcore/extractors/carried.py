"""A model that went out of alcore as an ONNX file: what it says of itself, and prepared pictures to probabilities. Knows no project.

onnxruntime is an optional package.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from alcore.errors import BadInput
from alcore.extractors.base import prepared
from alcore.extractors.onnx import Session
from alcore.pixels.images import decode
from alcore.pixels.levels import Decoding

KIND = "alcore image classifier, 1"  # under the key "kind": what stands in the file's metadata, and how


def need(*packages: str, what: str) -> None:
    """Raises BadInput, with the cure, where one of these packages is not installed."""
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError:
            raise BadInput(f"{what} needs the package {package}: pip install {' '.join(packages)}") from None


def metadata(classes: tuple[str, ...], side: int, decoding: Decoding, facts: Mapping[str, object]) -> dict[str, str]:
    """What a file says of itself, so that nothing else is needed to use it.

    Args:
        facts: what else is to be known of the model.
    """
    steps = (
        "RGB, upright as EXIF says, transparency over white; the center square; "
        f"resized to {side} x {side}, bicubic with antialiasing; divided by 255; float32 (N, 3, {side}, {side})"
    )
    return {
        "kind": KIND,
        "classes": json.dumps(classes, ensure_ascii=False),
        "side": str(side),
        "preparation": steps,
        "levels": json.dumps(decoding.levels),
        "keep_cut": json.dumps(decoding.keep_cut),
        **{key: str(value) for key, value in facts.items()},
    }


class CarriedModel:
    """A model's file, opened.

    Attributes:
        classes: their names, in the order of the probabilities.
        facts: all of its metadata.

    Raises:
        BadInput: onnxruntime is missing, there is no such file, or it is no model that alcore wrote.
    """

    def __init__(self, path: Path) -> None:
        need("onnxruntime", what=f"the model {path}")
        if not path.is_file():
            raise BadInput(f"there is no model {path}: write one with `export --format onnx --out {path.name}`")
        self._session = Session(path)
        self.facts: Mapping[str, str] = self._session.metadata
        if self.facts.get("kind") != KIND:
            raise BadInput(f"{path} is no model that alcore wrote: write one with `export --format onnx`")
        try:
            self.classes, self.side, self.decoding = _read(self.facts)
            shape = self(np.zeros((1, self.side, self.side, 3), np.uint8)).shape
        except Exception as wrong:  # of JSON, of numbers, of onnxruntime: whatever was changed in the file
            raise BadInput(f"{path} is damaged or was changed ({wrong}): write it again with `export --format onnx`") from wrong
        if shape != (1, len(self.classes)):
            raise BadInput(f"{path} names {len(self.classes)} classes and gives {shape[-1]}: write it again with `export --format onnx`")

    @property
    def words(self) -> str:
        """Whose model it is."""
        return f"round {self.facts.get('round')} of {self.facts.get('project')}"

    def row(self, path: Path) -> np.ndarray:
        """(side, side, 3) uint8 of a file; BadInput and OSError as decoding raises them."""
        return prepared(decode(path, at_least=self.side, decoding=self.decoding), self.side)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(n, side, side, 3) uint8 to probabilities (n, K) float32."""
        pixels = rows.transpose(0, 3, 1, 2).astype(np.float32) / 255
        made: np.ndarray = self._session(torch.from_numpy(pixels)).numpy()
        return made


def _read(facts: Mapping[str, str]) -> tuple[tuple[str, ...], int, Decoding]:
    classes: Any = json.loads(facts["classes"])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("its classes are no list of names")
    return tuple(classes), int(facts["side"]), Decoding(json.loads(facts["levels"]), bool(json.loads(facts["keep_cut"])))
