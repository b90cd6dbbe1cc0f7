"""What every extractor is, how a picture is prepared for one, and pictures to vectors on a device. Knows no family and no store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from alcore.errors import AlcoreError, BadInput
from alcore.extractors.quick import crew, quickened
from alcore.pixels.images import decode
from alcore.progress import Progress, Report, ignore_progress

PREPARATION = "center square, bicubic, 1"  # part of every mark: vectors of pictures that were prepared otherwise do not compare
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
KNOWN = Path(__file__).parent / "known"
SUFFIXES = (".safetensors", ".pth")  # of files that people bring
CHUNK = 32  # pictures at a time on a CPU, what stays near its caches
CHUNK_CUDA = 256
PIECE = 16  # the most that one thread of several looks at in one go


def right(net: nn.Module, vectors: Tensor) -> str:
    """The check of extractors without a known answer."""
    return ""


def slug_of(name: str) -> str:
    """An extractor's name as it may stand in a folder's."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name)[-60:]


@dataclass(frozen=True)
class Extractor:
    """A frozen network, before it is loaded.

    Attributes:
        name: as people give it: lite0, timm:NAME, torchvision:NAME, onnx:PATH.
        title: what it is, in words.
        side: pixels of its square input.
        mean: subtracted from values of 0...1, a number a channel.
        std: divided by.
        dim: numbers of a vector.
        licence: of the weights.
        source: where the weights come from, in words.
        mark: 12 hex digits of the weights' and the preparation's digest; vectors of different marks do not compare.
        make: the network in evaluation mode: normalized (B, 3, side, side) float32 to (B, dim).
        check: what is wrong with vectors (2, dim) of the known pictures, given the network that made them; "" when nothing is.
    """

    name: str
    title: str
    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    dim: int
    licence: str
    source: str
    mark: str
    make: Callable[[], nn.Module]
    check: Callable[[nn.Module, Tensor], str] = right

    @property
    def folder_name(self) -> str:
        """What a folder of its vectors is called: by its name, and by its mark, since others do not compare."""
        return f"{slug_of(self.name)}-{self.mark}"


@dataclass(frozen=True)
class Family:
    """Extractors of one kind.

    Attributes:
        name: of its file.
        names: those that can be listed.
        prefix: what stands before all others, as "timm:"; "" when there are none.
        takes: what follows the prefix, in a word.
        named: (name, folder of files people bring) to the extractor; BadInput when it cannot be had.
    """

    name: str
    named: Callable[[str, Path | None], Extractor]
    names: tuple[str, ...] = ()
    prefix: str = ""
    takes: str = "NAME"


def prepared(picture: Image.Image, side: int) -> np.ndarray:
    """(side, side, 3) uint8 of an RGB picture: its center square.

    The whole, squeezed, is worse: clothes at 50 and 200 labels 49.7 and 74.1 % against 54.3 and 75.7 % (lite0, logistic regression).
    """
    width, height = picture.size
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    square = picture.crop((left, top, left + short, top + short))  # first: a long strip, resized whole, would fill the memory
    return np.asarray(square.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0))


def known_pictures(side: int) -> np.ndarray:
    """(2, side, side, 3) uint8: a cat and a cup of coffee, whole photos in the public domain that scikit-image carries too."""
    return np.stack([prepared(decode(KNOWN / f"{name}.jpg"), side) for name in ("cat", "coffee")])


def mark_of(weights: bytes, side: int, mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    """The mark of an extractor.

    Args:
        weights: their digest.
    """
    return hashlib.sha256(weights + repr((PREPARATION, side, mean, std)).encode()).hexdigest()[:12]


def digest_of_file(path: Path) -> bytes:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def digest_of_state(state: Mapping[str, Tensor]) -> bytes:
    """The SHA-256 of all tensors with their names and types."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.digest()


def state_dict_of(path: Path) -> dict[str, Tensor]:
    """The named tensors in a .safetensors file or one that torch.save wrote; no code of the file runs.

    Raises:
        BadInput: it is neither, or holds something else.
    """
    try:
        state: Any = _safetensors(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except Exception as wrong:  # pickle, zip, EOF, runtime and safetensors' own errors alike for a file that is damaged or none of weights
        raise BadInput(f"the weights {path} cannot be read ({wrong}): take the file away and get it again") from wrong
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadInput(
            f"the weights {path} hold a {type(state).__name__}, not a state dict of named tensors: bring the network's state dict"
        )
    return state


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file  # late: a bare machine does without it

    return load_file(path)


def brought(models: Path | None, name: str) -> Path | None:
    """The file of weights that somebody put into the folder under an extractor's name, if there is one."""
    files = [models / f"{name}{suffix}" for suffix in SUFFIXES] if models and not {"/", "\\"} & set(name) else []
    return next((file for file in files if file.is_file()), None)


def width_of(name: str, net: nn.Module, side: int) -> int:
    """How many numbers a network's vectors have, by a try. Raises BadInput when it does not give one vector a picture."""
    with torch.inference_mode():
        made = net(torch.zeros(1, 3, side, side))
    if not isinstance(made, Tensor) or made.ndim != 2 or made.shape[0] != 1 or made.shape[1] < 2:
        what = f"shape {tuple(made.shape)}" if isinstance(made, Tensor) else f"a {type(made).__name__}"
        raise BadInput(f"{name} gives {what} for a picture, not one vector: use a network that classifies or embeds whole pictures")
    return made.shape[1]


def fill(net: nn.Module, state: Mapping[str, Tensor], path: Path | str, what: str) -> None:
    """Puts a state dict into a network, which is in evaluation mode afterwards.

    Raises:
        BadInput: names or shapes differ; `path` and `what` say of which file and network.
    """
    ours = net.state_dict()
    missing, extra = sorted(ours.keys() - state.keys()), sorted(state.keys() - ours.keys())
    other = [name for name in ours if name in state and ours[name].shape != state[name].shape]
    if missing or extra or other:
        first = (other or missing or extra)[0]
        counts = f"{len(missing)} tensors missing, {len(extra)} too many, {len(other)} of another shape, first {first}"
        raise BadInput(f"the weights {path} do not fit {what} ({counts}): bring the file of that network")
    net.load_state_dict(dict(state))
    net.eval()


class Embedder:
    """Pictures to vectors.

    When it is made, the network is loaded and shown two known pictures: what it makes of them must be right.

    Args:
        extractor: which network.
        device: where it runs.
        report: told that it is tried, which takes a second.
        exact: computes in float32, so that vectors are the same on every machine but for the last digits.

    Raises:
        AlcoreError: the known pictures' vectors are wrong on this device.
    """

    def __init__(self, extractor: Extractor, device: torch.device, report: Report = ignore_progress, exact: bool = False) -> None:
        self.extractor, self.device, self.report = extractor, device, report
        self.chunk = CHUNK if device.type == "cpu" else CHUNK_CUDA
        self._scale = (1 / (255 * torch.tensor(extractor.std))).view(3, 1, 1).to(device)
        self._shift = (-torch.tensor(extractor.mean) / torch.tensor(extractor.std)).view(3, 1, 1).to(device)
        report(Progress("features", 0, 0, message=f"looking at two known pictures with {extractor.name}"))
        pixels = known_pictures(extractor.side)
        self._crew: ThreadPoolExecutor | None = None
        self._net, self._dtype = extractor.make().to(device), torch.float32
        plain = torch.from_numpy(self(pixels)).to(device)
        _check(extractor, self._net, plain)
        self._net, self._dtype = quickened(self._net, self._normalized(pixels), plain, exact)
        self._crew = crew(self._net, device)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """(B, side, side, 3) uint8, as `prepared` gives them, to (B, dim) float32.

        Raises:
            AlcoreError: a vector is not finite, or the device has too little memory for one picture.
        """
        side = self.extractor.side
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(f"pixels {pixels.shape} of {pixels.dtype} for an extractor of {side} pixels")
        vectors = np.empty((len(pixels), self.extractor.dim), np.float32)
        done = 0
        if self._crew:
            done, size = len(pixels), max(1, min(PIECE, -(-len(pixels) // torch.get_num_threads())))
            starts = range(0, len(pixels), size)
            for start, made in zip(starts, self._crew.map(lambda start: self._embedded(pixels[start : start + size]), starts), strict=True):
                vectors[start : start + len(made)] = made
        while done < len(pixels):
            try:
                made = self._embedded(pixels[done : done + self.chunk])
            except torch.OutOfMemoryError as wrong:
                if self.chunk == 1:
                    raise AlcoreError(f"{self.extractor.name} needs more memory than {self.device} has: use device=cpu") from wrong
                self.chunk //= 2
                continue
            vectors[done : done + len(made)] = made
            done += len(made)
        if not np.isfinite(vectors).all():
            bad = int((~np.isfinite(vectors)).any(1).sum())
            raise AlcoreError(
                f"{self.extractor.name} gave numbers that are not finite for {bad} of {len(pixels)} pictures: use another extractor"
            )
        return vectors

    def _embedded(self, pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            made: Tensor = self._net(self._normalized(pixels).to(self._dtype))
            if made.shape != (len(pixels), self.extractor.dim):
                shape = f"shape {tuple(made.shape[1:])}, not of {self.extractor.dim} numbers"
                raise AlcoreError(f"{self.extractor.name} gave vectors of {shape}: use another extractor")
            result: np.ndarray = made.float().cpu().numpy()
        return result

    def _normalized(self, pixels: np.ndarray) -> Tensor:
        x = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2)  # channels-last memory: the pixels as they lie
        return torch.addcmul(self._shift, x.float(), self._scale)


def _check(extractor: Extractor, net: nn.Module, vectors: Tensor) -> None:
    with torch.inference_mode():
        fault = extractor.check(net, vectors)
    if not fault and torch.equal(vectors[0], vectors[1]):
        fault = "gives two different pictures the same vector"
    if fault:
        raise AlcoreError(f"{extractor.name} {fault}: its weights are not what they should be, get them again ({extractor.source})")
