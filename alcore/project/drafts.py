"""What the mask editor shows of an image: the model's draft, heat layers, heads, superpixels, regions. Changes no label."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from alcore.errors import BadInput, NotFound
from alcore.pixels import masks
from alcore.pixels.pictures import keep_copy
from alcore.project import addresses, regions
from alcore.project.stored import Stored
from alcore.strategies import told_by
from alcore.training.explain import bounds, info
from alcore.training.roundfiles import RoundFiles
from alcore.types import VOID, Round

HEADS = "head_"
MOST_SUPERPIXELS = 2000


def describe(project: Stored, round_: Round | None, files: RoundFiles | None, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a queued item has beside what every item has: addresses of masks and layers, frame scores, regions."""
    item_id, name = row["id"], project.name
    entry: dict[str, Any] = {
        "mask": addresses.mask(name, item_id, row["label"]) if row["label"] else None,
        "draft_mask": None,
        "layers": [],
        "heads": [],
        "frame": [],
        "regions": None,
    }
    detail = files.detail(item_id) if files and round_ and item_id in files.position else None
    if not files or not round_ or detail is None:
        return entry

    def view(what: str, version: str = files.folder.name) -> str:
        return addresses.view(name, round_.number, item_id, what, version)

    entry["draft_mask"] = view("draft", f"{files.folder.name}-{row['fingerprint'][:8]}")  # its size is that of the picture
    for heat in heat_names(detail):
        low, high = _range(heat, detail[heat], len(project.classes))
        about = info(heat)
        told = {"name": heat, "title": about.title, "unit": about.unit, "low": low, "high": high}
        entry["layers"].append({**told, "address": view(f"layers/{heat}")})
    heads = [n for n in detail if n.startswith(HEADS)]
    if heads:
        named = [("draft", "F, the task model"), *((n, f"F{n.removeprefix(HEADS)}") for n in heads)]
        entry["heads"] = [{"name": n, "title": title, "address": view(f"heads/{n}")} for n, title in named]
    at = files.position[item_id]
    for score, values in files.scores.items():
        if score not in detail and score != "total" and info(score).listed:
            low, high = bounds(score, values, len(project.classes))
            entry["frame"].append({"name": score, "title": info(score).title, "value": float(values[at]), "low": low, "high": high})
    if asked := files.regions(item_id):
        entry["regions"] = [masks.to_rle(regions.full_area(region, row)) for region in asked]
        entry["reason"] = _region_words(round_, asked, detail)
    return entry


def _region_words(round_: Round, regions: Sequence[np.ndarray], detail: Mapping[str, np.ndarray]) -> str:
    """Why these parts of an image were asked for."""
    kind, heat = round_.unit.removesuffix("s"), told_by(round_.strategy).heat
    said = f"one {kind} of this image is asked for" if len(regions) == 1 else f"{len(regions)} {kind}s of this image are asked for"
    if heat not in detail:
        return said
    values = detail[heat].astype(np.float32)
    inside = np.logical_or.reduce(regions)
    return f"{said}: {info(heat).title.lower()} {values[inside].mean():.2g} there, {values.mean():.2g} in the whole image"


def heat_names(detail: Mapping[str, np.ndarray]) -> list[str]:
    """The per-pixel scores among what is kept of an item."""
    return [name for name, values in detail.items() if name != "draft" and not name.startswith(HEADS) and values.ndim == 2]


def _range(name: str, values: np.ndarray, classes: int) -> tuple[float, float]:
    """Where theory gives a range, that; else what this image has, from 0."""
    low, high = bounds(name, np.array([0.0, float(np.max(values, initial=0.0))]), classes)
    return (low, high) if high > low else (low, low + 1.0)


# ---- pictures


def detail_of(project: Stored, number: int, item_id: int) -> dict[str, np.ndarray]:
    """What a round keeps of an item it asked for."""
    files = project.files(project.round(number))
    detail = files.detail(item_id) if files else None
    if detail is None:
        raise NotFound(f"round {number} of {project.name!r} did not ask for item {item_id}: there is no draft of it")
    return detail


def draft(project: Stored, number: int, item_id: int) -> np.ndarray:
    """The model's argmax at the image's size, (H, W) uint8. Edges are smoothed by interpolating each class, not cut from the small grid."""
    detail = detail_of(project, number, item_id)
    row = project.items.row(item_id)
    small = detail["draft"]
    size = (row["width"], row["height"])
    best = np.full((row["height"], row["width"]), -1.0, np.float32)
    result = np.full(best.shape, VOID, np.uint8)
    for value in np.unique(small).tolist():
        share = Image.fromarray((small == value).astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
        seen = np.asarray(share)
        more = seen > best
        best[more] = seen[more]
        result[more] = value
    return result


def layer(project: Stored, number: int, item_id: int, name: str) -> bytes:
    """A per-pixel score as a grey PNG at the size models see, 0...255 for the layer's low...high."""
    detail = detail_of(project, number, item_id)
    if name not in heat_names(detail):
        raise NotFound(f"there is no layer {name!r}: there are {', '.join(heat_names(detail)) or 'none'}")
    values = detail[name].astype(np.float32)
    low, high = _range(name, values, len(project.classes))
    return masks.encode(np.clip(np.rint((values - low) * (255 / (high - low))), 0, 255).astype(np.uint8))


def head(project: Stored, number: int, item_id: int, name: str) -> bytes:
    """A head's argmax as a PNG of class indices at the size models see."""
    detail = detail_of(project, number, item_id)
    if name != "draft" and not (name.startswith(HEADS) and name in detail):
        raise NotFound(f"there is no head {name!r}")
    return masks.encode(detail[name])


def superpixels(project: Stored, item_id: int, n: int) -> tuple[bytes, int, int, int]:
    """(zlib stream of row-major little-endian uint16, width, height, count); made once, then read from disk."""
    if not 2 <= n <= MOST_SUPERPIXELS:
        raise BadInput(f"{n} superpixels cannot be made: use 2 to {MOST_SUPERPIXELS}")
    row = project.items.row(item_id)
    path = project.folder / "superpixels" / str(n) / f"{item_id}-{row['fingerprint']}.z"
    if path.is_file():
        stream = path.read_bytes()
        return stream[4:], row["width"], row["height"], int.from_bytes(stream[:4], "little")
    picture = project.pictures.whole(row)
    if picture.size != (row["width"], row["height"]):
        raise BadInput(f"the picture of {row['path']!r} was replaced by one of another size: import the source again")
    labels = masks.superpixels(np.asarray(picture), n)
    stream, count = zlib.compress(labels.astype("<u2").tobytes(), 1), int(labels.max()) + 1
    keep_copy(path, count.to_bytes(4, "little") + stream)
    return stream, row["width"], row["height"], count
