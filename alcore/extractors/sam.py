"""Clicks to masks: an encoder that looks at a picture once and a decoder that answers clicks in it, as two ONNX files that people bring.

What a file is, is told by the names and shapes of what it takes and gives, as SAM and its smaller relatives are exported. onnxruntime is
optional; nothing of a file runs but its network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.errors import BadInput
from alcore.extractors.base import IMAGENET_MEAN, IMAGENET_STD

SIDE = 1024  # of the square a picture is looked at in, where the file leaves it open
LOW = 256  # side of the map a decoder draws in, where the file leaves it open
TAKES = {"image_embeddings", "point_coords", "point_labels"}  # of a decoder
OPTIONAL = {"mask_input", "has_mask_input", "orig_im_size"}
LOGITS, QUALITY, MASKS = "low_res_masks", "iou_predictions", "masks"
AWAY, MEANT, CORNERS, NOWHERE = 0.0, 1.0, (2.0, 3.0), -1.0  # labels of points
HAVE = "put the encoder and the decoder of a SAM, two ONNX files, into"
KNOWN = (600, 400, 150)  # x, y and radius of the disc that every pair must find from one click


@dataclass(frozen=True)
class Looked:
    """A picture as an encoder left it.

    Attributes:
        embedding: float16, (1, C, h, w); half the room, and of the masks of a real pair 2 pixels in 10,000 differ.
        width, height: of the picture.
    """

    embedding: np.ndarray
    width: int
    height: int


@dataclass(frozen=True)
class Found:
    """What clicks mean.

    Attributes:
        mask: bool (H, W) of the picture.
        logits: float32 (1, 1, h, w): the same before its threshold, for the next click in the same picture; None where the decoder gives
            none.
    """

    mask: np.ndarray
    logits: np.ndarray | None


def opened(path: Path) -> Any:
    """An onnxruntime session on one thread, so that it has the priority of who calls it.

    Raises:
        BadInput: onnxruntime is missing, or the file is damaged or none of its kind.
    """
    try:
        import onnxruntime
    except ImportError:
        raise BadInput("clicks need the package onnxruntime: pip install onnxruntime, then start the app again") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is said here
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as wrong:  # its errors have no base of their own
        raise BadInput(f"{path.name} is damaged or no ONNX file ({wrong}): bring it again") from wrong


def _is_decoder(session: Any) -> bool:
    names = {one.name for one in session.get_inputs()}
    gives = {one.name for one in session.get_outputs()}
    return names >= TAKES and names <= TAKES | OPTIONAL and bool(gives & {LOGITS, MASKS})


def _is_encoder(session: Any) -> bool:
    """One float picture, normalized (1, 3, side, side) or plain (height, width, 3), to one map of features (1, C, h, w)."""
    given, made = session.get_inputs(), session.get_outputs()
    if len(given) != 1 or given[0].type != "tensor(float)" or len(made[0].shape) != 4:
        return False
    shape = given[0].shape
    return (len(shape) == 4 and shape[1] == 3) or (len(shape) == 3 and shape[2] == 3)


def _sizes(shape: Sequence[Any]) -> list[int]:
    """Of a map of features; 0 where a file leaves it open."""
    return [size if isinstance(size, int) else 0 for size in shape[1:]]


def _fit(encoder: Any, decoder: Any) -> bool:
    wanted = next(one.shape for one in decoder.get_inputs() if one.name == "image_embeddings")
    return all(0 in (a, b) or a == b for a, b in zip(_sizes(encoder.get_outputs()[0].shape), _sizes(wanted), strict=False))


def pair_in(folder: Path, where: str) -> Segmenter:
    """The encoder and the decoder among the ONNX files of a folder: of several the first by name that fit each other.

    Args:
        where: the folder in words.

    Raises:
        BadInput: there are none, or not both, in one sentence that says how to have them.
    """
    files = sorted(folder.glob("*.onnx"))
    if not files:
        raise BadInput(f"to paint by clicks, {HAVE} {where} (README, Click to mask)")
    encoders, decoders, wrong = [], [], []
    for path in files:
        try:
            session = opened(path)
        except BadInput as problem:
            if "onnxruntime:" in str(problem):
                raise
            wrong.append(str(problem))
            continue
        if _is_decoder(session):
            decoders.append((path, session))
        elif _is_encoder(session):
            encoders.append((path, session))
        else:
            takes = ", ".join(f"{one.name} {one.shape}" for one in session.get_inputs())
            wrong.append(f"{path.name} takes {takes}: it is neither the encoder nor the decoder of a SAM")
    for encoder, looks in encoders:
        for decoder, draws in decoders:
            if _fit(looks, draws):
                return Segmenter(encoder, looks, decoder, draws)
    if encoders and decoders:
        names = f"{encoders[0][0].name} and {decoders[0][0].name}"
        raise BadInput(f"{names} do not fit each other: {HAVE} {where} from one export")
    missing = " and no ".join(name for name, there in (("encoder", encoders), ("decoder", decoders)) if not there)
    raise BadInput(f"there is no {missing} of a SAM in {where}" + (f": {wrong[0]}" if wrong else ""))


class Segmenter:
    """An encoder and a decoder that fit. Thread-safe.

    Attributes:
        names: of the two files.
    """

    def __init__(self, encoder: Path, looks: Any, decoder: Path, draws: Any) -> None:
        self.names = (encoder.name, decoder.name)
        self._looks, self._draws = looks, draws
        given = looks.get_inputs()[0]
        self._input, self._plain = given.name, len(given.shape) == 3
        sides = [size for size in given.shape if isinstance(size, int) and size > 3]
        self.side = sides[-1] if sides else SIDE
        self._takes = {one.name: one.shape for one in draws.get_inputs()}
        self._gives = [one.name for one in draws.get_outputs()]

    def look(self, picture: Image.Image) -> Looked:
        """An RGB picture as the encoder sees it: about a second of one core.

        Raises:
            BadInput: the network fails.
        """
        width, height = picture.size
        scale = self.side / max(width, height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0), np.float32)
        if not self._plain:
            square = np.zeros((1, 3, self.side, self.side), np.float32)  # padded by the mean color, right and below
            normal = (pixels / 255 - np.array(IMAGENET_MEAN, np.float32)) / np.array(IMAGENET_STD, np.float32)
            square[0, :, : size[1], : size[0]] = normal.transpose(2, 0, 1)
            pixels = square
        made = self._run(self._looks, self.names[0], [self._looks.get_outputs()[0].name], {self._input: pixels})[0]
        return Looked(made.astype(np.float16), width, height)

    def find(
        self,
        looked: Looked,
        points: Sequence[tuple[float, float, bool]],
        box: tuple[float, float, float, float] | None = None,
        before: np.ndarray | None = None,
    ) -> Found:
        """What clicks mean: about a twelfth of a second.

        Args:
            looked: the picture.
            points: x and y in pixels of the picture, with fractions, and whether what is there is meant.
            box: left, top, right, bottom of what is meant.
            before: the logits found before the last of the points came.

        Raises:
            BadInput: there is neither a point nor a box, or the network fails.
        """
        if not points and box is None:
            raise BadInput("a click or a box is needed")
        scale = self.side / max(looked.width, looked.height)
        places = [(x, y) for x, y, _ in points] + ([box[:2], box[2:]] if box else [(0.0, 0.0)])
        labels = [MEANT if meant else AWAY for *_, meant in points] + ([*CORNERS] if box else [NOWHERE])
        low = next((size for size in self._takes.get("mask_input", ())[2:] if isinstance(size, int)), LOW)
        fed = {
            "image_embeddings": looked.embedding.astype(np.float32),
            "point_coords": (np.array(places, np.float32) * np.float32(scale))[None],
            "point_labels": np.array(labels, np.float32)[None],
            "mask_input": np.zeros((1, 1, low, low), np.float32) if before is None else before,
            "has_mask_input": np.array([before is not None], np.float32),
            "orig_im_size": np.array([looked.height, looked.width], np.float32),
        }
        wanted = [LOGITS if LOGITS in self._gives else MASKS, *([QUALITY] if QUALITY in self._gives else [])]
        made = self._run(self._draws, self.names[1], wanted, {name: fed[name] for name in self._takes})
        maps: np.ndarray = made[0]
        best = 0 if maps.shape[1] == 1 or len(made) == 1 else _best(made[1][0], len(labels))
        chosen = maps[:1, best : best + 1]
        size = (looked.width, looked.height)
        if wanted[0] == MASKS:
            mask = chosen[0, 0] > 0
            if mask.shape != size[::-1]:
                raise BadInput(f"{self.names[1]} gives masks of {mask.shape} for a picture of {size[::-1]}: export it again")
            return Found(mask, None)
        edge = chosen.shape[-1] / self.side * scale  # the map is of the padded square
        grown = Image.fromarray(chosen[0, 0]).resize(size, Image.Resampling.BILINEAR, box=(0, 0, size[0] * edge, size[1] * edge))
        return Found(np.asarray(grown) > 0, chosen)

    def _run(self, session: Any, name: str, wanted: list[str], fed: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            made: list[np.ndarray] = session.run(wanted, fed)
        except Exception as wrong:  # its errors have no base of their own
            raise BadInput(f"{name} fails ({wrong}): bring another export of it") from wrong
        if not np.isfinite(made[0]).all():
            raise BadInput(f"{name} gives numbers that are none: bring another export of it")
        return made

    def problem(self) -> str:
        """What is wrong with the pair, by a picture whose answer is known: a disc, clicked in its middle; "" when nothing is."""
        x, y, radius = KNOWN
        down, across = np.mgrid[0:768, 0:1024]
        disc = np.hypot(across + 0.5 - x, down + 0.5 - y) <= radius
        picture = np.where(disc[..., None], np.array([200, 100, 40], np.uint8), np.array([60, 60, 60], np.uint8))
        found = self.find(self.look(Image.fromarray(picture)), [(x, y, True)]).mask
        share = (found & disc).sum() / (found | disc).sum()
        if share >= 0.5:
            return ""
        return (
            f"{' and '.join(self.names)} do not find a plain disc from a click (overlap {share:.2f}): bring both from one export of a SAM"
        )


def _best(quality: np.ndarray, points: int) -> int:
    """Of several answers, as SAM chooses: the first, the whole, after several clicks; else the best of the others, which are parts too."""
    if len(quality) == 1 or points > 2:
        return 0
    return 1 + int(quality[1:].argmax())
