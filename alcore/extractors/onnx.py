"""Any network as an ONNX file that takes pictures and gives vectors or maps. onnxruntime is an optional package."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alcore.errors import BadInput
from alcore.extractors.base import IMAGENET_MEAN, IMAGENET_STD, Extractor, Family, digest_of_file, mark_of, width_of

PREFIX = "onnx:"
SIDE = 224  # where the file leaves it open


class Session(nn.Module):
    """A file's first output: (B, dim), maps (B, dim, h, w) by their mean over space. The network itself runs on the CPU.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as wrong:  # its errors have no base of their own
            raise BadInput(f"{path} is no ONNX file that onnxruntime can load ({wrong}): export it again") from wrong
        given = self.session.get_inputs()
        shape = given[0].shape if len(given) == 1 else []
        if len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)) or given[0].type != "tensor(float)":
            told = ", ".join(f"{one.name} {one.type} {one.shape}" for one in given)
            raise BadInput(f"{path} takes {told}: export a network with one input of float32 (batch, 3, side, side)")
        self.input, self.shape = given[0].name, shape
        self.output = self.session.get_outputs()[0].name
        self.metadata = dict(self.session.get_modelmeta().custom_metadata_map)

    def forward(self, x: Tensor) -> Tensor:
        whole = x.detach().float().cpu().contiguous().numpy()
        step = self.shape[0] if isinstance(self.shape[0], int) else len(whole)
        parts = [self._run(whole[start : start + step], step) for start in range(0, len(whole), step)]
        made = torch.from_numpy(np.concatenate(parts)).to(x.device)
        return made.mean((2, 3)) if made.ndim == 4 else made

    def _run(self, part: np.ndarray, step: int) -> np.ndarray:
        """Of a file with a fixed batch the last one is filled up."""
        count = len(part)
        if count < step:
            part = np.concatenate([part, np.repeat(part[-1:], step - count, 0)])
        result: np.ndarray = self.session.run([self.output], {self.input: part})[0]
        return result[:count]


def _named(name: str, models: Path | None) -> Extractor:
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        raise BadInput(f"{name} needs the package onnxruntime: pip install onnxruntime, or use lite0") from None
    given = Path(name.removeprefix(PREFIX)).expanduser()
    path = next((file for file in (given, *([models / given] if models else [])) if file.is_file()), None)
    if path is None:
        raise BadInput(f"no ONNX file at {given}{f' or in {models}' if models else ''}: give its path as onnx:PATH")
    path = path.absolute()
    session = Session(path)
    side, wide = (size if isinstance(size, int) else SIDE for size in session.shape[2:])
    if side != wide:
        raise BadInput(f"{path} takes pictures of {side} x {wide}: export it for a square")
    mean = _numbers(session.metadata, "mean", IMAGENET_MEAN, path)
    std = _numbers(session.metadata, "std", IMAGENET_STD, path)
    return Extractor(
        name,
        session.metadata.get("title", path.stem)[:80],
        side,
        mean,
        std,
        width_of(name, session, side),
        session.metadata.get("license", "that of the file")[:80],
        f"the file {path}",
        mark_of(_digest(path), side, mean, std),
        functools.partial(Session, path),
    )


def _digest(path: Path) -> bytes:
    """Of the file and of those beside it that carry its tensors: they are called like it, and something more."""
    beside = sorted(file for file in path.parent.iterdir() if file.name.startswith(path.name) and file != path and file.is_file())
    return hashlib.sha256(b"".join(map(digest_of_file, (path, *beside)))).digest()


def _numbers(metadata: dict[str, str], key: str, usual: tuple[float, float, float], path: Path) -> tuple[float, float, float]:
    """Three numbers as the file's metadata has them, a JSON list; else the usual ones."""
    if key not in metadata:
        return usual
    try:
        found: Any = json.loads(metadata[key])
        first, second, third = map(float, found)
    except (ValueError, TypeError):
        raise BadInput(f"{path} says {key}={metadata[key][:60]!r} in its metadata: it must be three numbers, as [0.5, 0.5, 0.5]") from None
    if not all(np.isfinite((first, second, third))) or (key == "std" and min(first, second, third) <= 0):
        raise BadInput(f"{path} says {key}={metadata[key][:60]!r} in its metadata: pictures cannot be normalized by it")
    return first, second, third


ONNX = Family("onnx", _named, prefix=PREFIX, takes="PATH")
