"""A recording as bytes: what a browser draws of each step, of the same layout at every step."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from alcore.teaching.plane import grid
from alcore.teaching.points import Points
from alcore.teaching.recording import REACH, SIDE, Recording

# the networks by the papers' letters: MAL asks C of F and is measured by M; MCDAL's F has F1, F2, ... beside it
MAIN, TASK = {"mal": "C"}, {"mal": "M"}
SHOWN = ("entropy", "margin", "labeledness", "discrepancy")  # the scores a field is drawn of, where a strategy has them


class Film:
    """What is drawn of a recording. `name` tells it from others.

    A frame is one run of bytes, little-endian, of `planes` one after the other:
    `accuracy` float32 (1,) on all points, of the network that the step trained: the task model's, or C's while MAL's game is played;
    `features` float32 (n, 2); `weights` float32 of every head's directions, flat; `pull_features` (n, 2) and `pull_prototypes` (K, 2)
    float32, where MAL's game is played; `ranges` float32 (s, 2), the lowest and highest of each score; `head NAME` int16 (p, side, side),
    32767 tanh(m / 2) of the logits' margin m: one plane for two classes, by how much the second is ahead, else one a class, by how much it
    is ahead of the best other; `score NAME` uint8 (side, side), from its lowest to its highest.
    """

    def __init__(self, strategy: str, what: Points, recording: Recording, side: int = SIDE) -> None:
        self.strategy, self.what, self.recording, self.side = strategy, what, recording, side
        first = recording.frames[1].stage if recording.steps else ""
        self._game = sum(frame.stage == first for frame in recording.frames)  # the last step of the first stage
        self._xy = np.concatenate([grid(side, REACH), what.xy])
        self.planes = [(name, array.dtype.name, list(array.shape)) for name, array in self._arrays(0).items()]
        self.name = self._named()
        self.frame_bytes = sum(math.prod(shape) * np.dtype(dtype).itemsize for _, dtype, shape in self.planes)

    def _named(self) -> str:
        """What tells one film from another: every weight of its last step, and its points."""
        content = hashlib.blake2b(f"{self.strategy} {self.side} {self.recording.steps}".encode(), digest_size=12)
        for array in (self.what.xy, self.what.y, self.recording.query, *self.recording.frames[-1].state.values()):
            content.update(np.ascontiguousarray(np.asarray(array)).tobytes())
        return content.hexdigest()

    def told(self) -> dict[str, Any]:
        """All but the frames, as JSON takes it."""
        recording, what = self.recording, self.what
        stages: list[dict[str, Any]] = []
        for step, frame in enumerate(recording.frames):
            if step and (not stages or stages[-1]["name"] != frame.stage):
                stages.append({"name": frame.stage, "from": step, "to": step, "losses": {name: [] for name in frame.losses}})
            if step:
                stages[-1]["to"] = step
                for name, value in frame.losses.items():
                    stages[-1]["losses"][name].append(_shown(value))
        heads = {name: list(value.shape) for name, value in recording.directions(0).items()}
        scores = {name: [_shown(float(v)) for v in values] for name, values in recording.scores.items()}
        return {
            "film": self.name, "strategy": self.strategy, "side": self.side, "reach": REACH, "steps": recording.steps,
            "classes": what.classes,
            "points": [[round(float(x), 5), round(float(y), 5)] for x, y in what.xy], "y": what.y.tolist(), "stages": stages,
            "planes": self.planes, "frame_bytes": self.frame_bytes, "weights": heads, "unlabeled": recording.unlabeled.tolist(),
            "scores": scores, "query": recording.query.tolist(), "accuracy": recording.accuracy,
        }  # fmt: skip

    def frame(self, step: int) -> bytes:
        """The bytes of a step. BadInput when there is none."""
        return b"".join(np.ascontiguousarray(array).tobytes() for array in self._arrays(step).values())

    def _arrays(self, step: int) -> dict[str, np.ndarray]:
        recording, cells = self.recording, self.side**2
        told, pulls = recording.scored(step, self._xy), recording.game(step, self.what.xy)
        in_game = self.strategy in TASK and step <= self._game
        right = (told["logits" if in_game else "task_logits"][cells:].argmax(1) == self.what.y).mean()
        weights = recording.directions(step).values()
        found = {"accuracy": np.array([right], "<f4"), "features": recording.features(step, self.what.xy).astype("<f4")}
        found["weights"] = np.concatenate([value.ravel() for value in weights]).astype("<f4")
        found |= {f"pull_{name}": value.astype("<f4") for name, value in pulls.items()}
        shown = {name: told[name][:cells].astype(np.float32) for name in SHOWN if name in told and told[name].ndim == 1}
        found["ranges"] = np.array([[value.min(), value.max()] for value in shown.values()], "<f4")
        for name, logits in self._heads(told).items():
            found[f"head {name}"] = _margins(logits[:cells]).reshape(-1, self.side, self.side)
        for name, value in shown.items():
            span = float(value.max() - value.min())
            found[f"score {name}"] = np.round((value - value.min()) / (span or 1) * 255).astype(np.uint8).reshape(self.side, self.side)
        return found

    def _heads(self, told: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        main, task = MAIN.get(self.strategy, "F"), TASK.get(self.strategy)
        others = {f"F{name.removeprefix('logits_')}": value for name, value in told.items() if name.startswith("logits_")}
        return {main: told["logits"], **others, **({task: told["task_logits"]} if task else {})}


def _margins(logits: np.ndarray) -> np.ndarray:
    """(p, n) int16 of (n, K) logits."""
    if logits.shape[1] == 2:
        ahead = logits[:, 1] - logits[:, 0]
        return _squashed(ahead[None])
    of = np.ascontiguousarray(logits.T)  # numpy is quick along the longer axis
    others = [np.delete(of, k, 0).max(0) for k in range(len(of))]
    return _squashed(of - np.stack(others))


def _squashed(margin: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.round(32767 * np.tanh(margin / 2)).astype("<i2")
    return found


def _shown(value: float) -> float:
    """Four digits of a number."""
    return float(f"{value:.4g}")
