"""CIFAR-10 and CIFAR-100, the python version.

The files are pickles: only what such files need is unpickled, and no code of theirs ever runs. Each may be compressed (`.xz`).
"""

from __future__ import annotations

import io
import lzma
import pickle
import pickletools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, array_entries, count
from alcore.naming import check_class
from alcore.reading import Reading
from alcore.types import Entry

CIFAR10 = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}
CIFAR100 = {"train": ("train",), "test": ("test",)}
LARGEST = 1 << 28  # bytes; the training file of CIFAR-100 has 155 million
FOLDERS = ("cifar-10-batches-py", "cifar-100-python")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# What the unpickler raises on damaged bytes: it trusts its input and so fails in many ways.
DAMAGED = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    OverflowError,
    MemoryError,
    ImportError,
    lzma.LZMAError,
)


class CifarBatches(Format):
    """The folder `cifar-10-batches-py` or `cifar-100-python`, or the folder it lies in. Missing batches are said, not needed."""

    name = "cifar"
    title = "CIFAR-10 / CIFAR-100 python batches"
    rank = 10

    def recognizes(self, src: Path) -> str | None:
        """By the names of the batch files."""
        found = _find(src)
        return None if found is None else f"{found[1]} python batches"

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        found = _find(src)
        if found is None:
            raise BadInput(f"{src} holds no CIFAR batches: give the unpacked folder {FOLDERS[0]} or {FOLDERS[1]}")
        folder, title, files = found
        meta, label_key, names_key = (
            ("batches.meta", "labels", "label_names") if title == "CIFAR-10" else ("meta", "fine_labels", "fine_label_names")
        )
        names = _class_names(
            _file(folder, meta), names_key, CIFAR10_CLASSES if title == "CIFAR-10" else tuple(str(number) for number in range(100))
        )
        entries: list[Entry] = []
        arrays, listed = [], []
        for part, wanted in files.items():
            there = [path for name in wanted if (path := _file(folder, name))]
            batches = [_read_batch(path, label_key, names) for path in there]
            if batches:
                arrays += [images for images, _ in batches]
                entries += array_entries(part, [label for _, labels in batches for label in labels])
                lacking = f" (only {len(there)} of {len(wanted)} batches are there)" if len(there) < len(wanted) else ""
                listed.append(f"{sum(len(images) for images, _ in batches):,} {part}{lacking}")
        took_for = f"{title} python batches: {', '.join(listed)} images, {count(len(names), 'class', 'classes')}"
        return Reading(folder, names, entries, arrays=arrays, took_for=took_for)


def _find(src: Path) -> tuple[Path, str, Mapping[str, Sequence[str]]] | None:
    for folder in (src, *(src / name for name in FOLDERS)):
        if any(_file(folder, name) for names in CIFAR10.values() for name in names):
            return folder, "CIFAR-10", CIFAR10
        if all(_file(folder, name) for name in ("meta", "train")):
            return folder, "CIFAR-100", CIFAR100
    return None


def _file(folder: Path, name: str) -> Path | None:
    """The file of that name, plain or compressed, when it is there."""
    door = Inside(folder)
    return next((folder / one for one in (name, f"{name}.xz") if door.has(one)), None)


def _class_names(meta: Path | None, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    if meta is None:
        return default
    names = _unpickle(meta).get(key)
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names) or len(set(names)) != len(names):
        raise BadInput(f"{meta} has no list {key} of different class names: download the data set again")
    return tuple(check_class(name if isinstance(name, str) else name.decode("utf-8", "replace"), f"{meta} {key}") for name in names)


def _read_batch(path: Path, label_key: str, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Images (n, 32, 32, 3) uint8 and their class names."""
    batch = _unpickle(path)
    pixels, numbers = batch.get("data"), batch.get(label_key)
    if isinstance(pixels, PickledArray):
        pixels = pixels.value
    if isinstance(numbers, PickledArray) and numbers.value is not None:
        numbers = numbers.value.tolist()
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != 3072:
        raise BadInput(f"{path} has no array data of shape (n, 3072) and type uint8: download the data set again")
    if not isinstance(numbers, list) or len(numbers) != len(pixels):
        raise BadInput(f"{path} has {count(len(pixels), 'image')} and no list {label_key} of that length: download the data set again")
    wrong = [number for number in numbers if not isinstance(number, int) or not 0 <= number < len(names)]
    if wrong:
        raise BadInput(f"{path} has the label {wrong[0]!r}: allowed are 0 to {len(names) - 1}")
    images = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    return images, [names[number] for number in numbers]


class PickledDtype:
    """Stands in for numpy.dtype while unpickling: remembers plain integer types and refuses all others."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        self.dtype = np.dtype(code if isinstance(code, str) else code.decode("ascii"))
        if self.dtype.kind not in "ui":
            raise pickle.UnpicklingError(f"arrays of type {self.dtype} do not belong in such a file")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        self.dtype = self.dtype.newbyteorder(order)  # type: ignore[arg-type]


class PickledArray:
    """Stands in for numpy.ndarray while unpickling; the pixels are taken from the raw bytes, so numpy's own unpickling is never trusted."""

    value: np.ndarray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, stored, in_columns, content = state
        content = content.encode("latin1") if isinstance(content, str) else content
        self.value = np.frombuffer(content, stored.dtype).reshape(shape, order="F" if in_columns else "C")


def _reconstruct(*_: Any) -> PickledArray:
    return PickledArray()


def _encode(text: str, codec: str | bytes) -> bytes:
    # Python 3 writes bytes of the old protocols as text to be encoded.
    if codec not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"the codec {codec!r} does not belong in such a file")
    return text.encode("latin1")


ALLOWED: Mapping[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): PickledArray,
    ("numpy", "dtype"): PickledDtype,
    ("_codecs", "encode"): _encode,
}


class SafeUnpickler(pickle.Unpickler):
    """Knows the five names such files use, each as a harmless stand-in, and refuses every other."""

    def find_class(self, module: str, name: str) -> Any:
        """See pickle.Unpickler."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR file needs")
        return ALLOWED[module, name]


def _check_places(packed: bytes) -> None:
    """Raises an UnpicklingError when an object is to be kept at a place that no writer comes to: room is made for all places before it."""
    for number, (code, place, _) in enumerate(pickletools.genops(packed)):
        if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and isinstance(place, int) and place > number + 1:
            raise pickle.UnpicklingError(f"it keeps an object at place {place:,}")


def _unpickle(path: Path) -> dict[str, Any]:
    try:
        with lzma.open(path) if path.suffix == ".xz" else open(path, "rb") as file:
            packed = file.read(LARGEST + 1)
        if len(packed) > LARGEST:
            raise BadInput(f"{path} holds more than {LARGEST:,} bytes, which no CIFAR batch does: download the data set again")
        _check_places(packed)
        content = SafeUnpickler(io.BytesIO(packed), encoding="bytes").load()
    except OSError as wrong:
        raise BadInput(f"{path} cannot be read: {wrong.strerror}") from wrong
    except DAMAGED as wrong:
        why = str(wrong) or f"its reader stops with {type(wrong).__name__}"
        raise BadInput(f"{path} is not a CIFAR batch ({why}): download the data set again, from a source you trust") from wrong
    if not isinstance(content, dict):
        raise BadInput(f"{path} is not a CIFAR batch: download the data set again")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


FORMAT = CifarBatches()
