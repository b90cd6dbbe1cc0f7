"""An .npz file with `x_train, y_train, x_test, y_test[, x_val, y_val, class_names]`. Pickled objects in it are never loaded."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from alcore.errors import BadInput
from alcore.formats.base import AS_FOUND, Format, ReadOptions, array_entries, check_memory, count
from alcore.naming import check_class, class_order
from alcore.reading import Reading
from alcore.types import Entry, Skipped

DEFLATE_MOST = 1032  # times its size a deflated file can unpack to
PARTS = ("train", "val", "test")
KNOWN = frozenset((*(f"{axis}_{part}" for part in PARTS for axis in "xy"), "class_names"))
# What zipfile and numpy raise on a damaged, encrypted or hostile archive.
DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, OSError, EOFError, KeyError, RuntimeError, MemoryError, OverflowError, SyntaxError)
ROWS = 1024  # converted at once, so that the pixels are in memory twice only for a moment


class NpzFile(Format):
    """Images as uint8 (n, H, W), (n, H, W, 1) or (n, H, W, 3), or with the channels first when the last axis is none.

    Also taken: other whole numbers 0…255, uint16 (scaled), floats 0…1 (scaled) and floats that are whole numbers 0…255; the
    scale is the same for all arrays of the file. Labels: class numbers or names, (n,) or (n, 1); -1 or an empty name is unlabeled.
    """

    name = "npz"
    title = "NumPy arrays (.npz)"
    rank = 10

    def recognizes(self, src: Path) -> str | None:
        """A file that ends in .npz."""
        return "a NumPy archive of images and labels" if src.is_file() and src.suffix.lower() == ".npz" else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        arrays, skipped = _load(src)
        if "x_train" not in arrays:
            there = ", ".join([*arrays, *(unused.path for unused in skipped)])
            raise BadInput(f"{src} has no array x_train; it has {there or 'none'}. Name the images x_train")
        for part in PARTS:
            if f"y_{part}" in arrays and f"x_{part}" not in arrays:
                raise BadInput(f"{src} has y_{part} and no x_{part}: add the images or leave the labels out")
        names = _class_names(src, arrays.get("class_names"))
        pixels = {part: _images(src, f"x_{part}", arrays[f"x_{part}"]) for part in PARTS if f"x_{part}" in arrays}
        blocks = _to_uint8(src, pixels)
        entries: list[Entry] = []
        for part, block in blocks.items():
            given = arrays.get(f"y_{part}")
            if given is not None and len(given) != len(block):
                raise BadInput(
                    f"{src}: x_{part} holds {count(len(block), 'image')} and y_{part} {count(len(given), 'label')}: the numbers must agree"
                )
            entries += array_entries(part, [None] * len(block) if given is None else _labels(src, f"y_{part}", given, names))
        if not entries:
            raise BadInput(f"{src}: x_train holds no images")
        classes = names or class_order(entry.label for entry in entries if entry.label is not None)
        listed = ", ".join(f"{len(block):,} {part}" for part, block in blocks.items())
        took_for = f"NumPy arrays: {listed} images, {count(len(classes), 'class', 'classes')}"
        return Reading(src, classes, entries, skipped, arrays=list(blocks.values()), took_for=took_for)


def _load(src: Path) -> tuple[dict[str, np.ndarray], list[Skipped]]:
    try:
        with zipfile.ZipFile(src) as archive, np.load(src, allow_pickle=False) as stored:
            wanted = {key.lower(): key for key in stored.files if key.lower() in KNOWN}
            skipped = [Skipped(key, "this array is not used") for key in stored.files if key not in wanted.values()]
            check_memory(sum(_declared(src, archive, key) for key in wanted.values()), f"{src} unpacked")
            return {name: stored[key] for name, key in wanted.items()}, skipped
    except DAMAGED as wrong:
        raise BadInput(f"{src} cannot be read as an npz file ({wrong}): write it again with numpy.savez") from wrong


def _declared(src: Path, archive: zipfile.ZipFile, key: str) -> int:
    """Bytes the array will take, from its header alone, before anything is allocated."""
    member = key if key in archive.namelist() else key + ".npy"
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        heading = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = heading(file)
    if dtype.hasobject:
        raise BadInput(
            f"{src}: {key} is an array of Python objects, which is not loaded because it could run code. "
            "Bring the images to one size and save them as uint8, labels as numbers or text"
        )
    if dtype.itemsize == 0 or (not shape and key != "class_names"):
        raise BadInput(f"{src}: {key} is empty or a single value: give one row for each image")
    needed = int(dtype.itemsize * np.prod([int(side) for side in shape], dtype=object))
    there = archive.getinfo(member)
    if needed > min(there.file_size, DEFLATE_MOST * (there.compress_size + 1)):  # a heading may claim anything
        raise BadInput(f"{src}: {key} should hold {needed:,} bytes and has {there.file_size:,}: write it again with numpy.savez")
    return needed


def _class_names(src: Path, names: np.ndarray | None) -> tuple[str, ...]:
    if names is None:
        return ()
    listed = _texts(src, "class_names", names) if names.ndim == 1 else None
    if listed is None:
        raise BadInput(f"{src}: class_names must be a list of texts, it has shape {names.shape} and type {names.dtype}")
    if "" in listed:
        raise BadInput(f"{src}: class_names has an empty name: give every class a name of its own")
    clean = [check_class(name, f"{src}: class_names") for name in listed]
    twice = sorted({name for name in clean if clean.count(name) > 1})
    if twice:
        raise BadInput(f"{src}: class_names repeats {twice[0]}: give every class a name of its own")
    return tuple(clean)


def _texts(src: Path, key: str, values: np.ndarray) -> list[str] | None:
    """The values as text, or None when they are none."""
    if values.dtype.kind == "S":
        try:
            return [bytes(value).decode() for value in values]
        except UnicodeDecodeError as wrong:
            raise BadInput(f"{src}: {key} holds text that is not UTF-8: save names as text, not as bytes") from wrong
    return [str(value) for value in values] if values.dtype.kind == "U" else None


def _labels(src: Path, key: str, labels: np.ndarray, names: Sequence[str]) -> list[str | None]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise BadInput(
            f"{src}: {key} has shape {labels.shape}: use one class number an image, shape (n,); one-hot rows become that with argmax(1)"
        )
    texts = _texts(src, key, labels)
    if texts is not None:
        clean = {text: check_class(text, f"{src}: {key}") for text in set(texts) if text.strip()}
        unknown = sorted(set(clean.values()) - set(names)) if names else []
        if unknown:
            raise BadInput(f"{src}: {key} has the class {unknown[0]!r}, which class_names lacks: add it there")
        return [clean.get(text) for text in texts]
    if labels.dtype.kind not in "iufb" or not np.array_equal(labels, np.rint(labels.astype(float))) or _beyond(labels):
        raise BadInput(f"{src}: {key} has type {labels.dtype} or broken numbers in it: use whole class numbers or class names")
    numbers = labels.astype(np.int64)
    wrong = numbers[(numbers < -1) | ((numbers >= len(names)) if names else (numbers < -1))]
    if len(wrong):
        allowed = f"0 to {len(names) - 1} by class_names" if names else "0 and up"
        raise BadInput(f"{src}: {key} has the class number {int(wrong[0])}: allowed are {allowed}, and -1 for unlabeled")
    called = {int(number): (names[number] if names else str(number)) for number in np.unique(numbers) if number >= 0}
    return [called.get(number) for number in numbers.tolist()]


def _beyond(labels: np.ndarray) -> bool:
    """True for numbers that no whole number of 64 bits is, or that floats cannot tell apart."""
    return bool(len(labels)) and float(np.abs(labels.astype(float)).max()) >= 2**63


def _images(src: Path, key: str, pixels: np.ndarray) -> np.ndarray:
    """The array as (n, H, W) or (n, H, W, 3), its type unchanged."""
    if pixels.ndim == 4 and pixels.shape[3] not in (1, 3) and pixels.shape[1] in (1, 3):
        pixels = np.moveaxis(pixels, 1, 3)
    if pixels.ndim == 4 and pixels.shape[3] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (3, 4) or (pixels.ndim == 4 and pixels.shape[3] != 3) or 0 in pixels.shape[1:]:
        raise BadInput(f"{src}: {key} has shape {pixels.shape}: use (n, height, width) or (n, height, width, 3)")
    if pixels.dtype.kind not in "uifb":
        raise BadInput(f"{src}: {key} has type {pixels.dtype}: use uint8 with values 0 to 255")
    return pixels


def _to_uint8(src: Path, pixels: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    others = [block for block in pixels.values() if block.dtype != np.uint8 and len(block)]
    low = min((float(block.min()) for block in others), default=0.0)
    high = max((float(block.max()) for block in others), default=0.0)
    if all(block.dtype.kind == "b" for block in others):
        factor = 255.0
    elif all(block.dtype == np.uint16 for block in others) and high > 255:
        factor = 1 / 257
    elif any(block.dtype.kind == "f" for block in others) and low >= 0 and high <= 1:
        factor = 255.0
    elif low >= 0 and high <= 255 and all(np.array_equal(part, np.rint(part)) for block in others for part in _parts(block)):
        factor = 1.0
    else:
        raise BadInput(f"{src}: the pixels go from {low:g} to {high:g}: use uint8 with 0 to 255, or floats with 0 to 1")
    return {part: block if block.dtype == np.uint8 else _scaled(block, factor) for part, block in pixels.items()}


def _parts(block: np.ndarray) -> list[np.ndarray]:
    return [block[start : start + ROWS] for start in range(0, len(block), ROWS)]


def _scaled(block: np.ndarray, factor: float) -> np.ndarray:
    scaled = np.empty(block.shape, np.uint8)
    for source, target in zip(_parts(block), _parts(scaled), strict=True):
        target[...] = np.rint(source.astype(np.float64) * factor)
    return scaled


FORMAT = NpzFile()
