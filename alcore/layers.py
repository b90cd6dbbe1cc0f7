"""What the mask editor shows of an image: its mask, the model's draft, heat layers, heads, superpixels, the regions asked. Reads only."""

from __future__ import annotations

import io
import os
import uuid
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from alcore import masks
from alcore.errors import BadInput, NotFound
from alcore.explain import bounds, info
from alcore.strategies import STRATEGIES
from alcore.types import Round

if TYPE_CHECKING:
    from alcore.project import Project
    from alcore.roundfiles import RoundFiles

FRAMES = "frames"
HEADS = "head_"
MOST_SUPERPIXELS = 2000


def unit(round_: Round | None) -> str:
    """What a round's query consists of: frames, tiles or superpixels."""
    return str(round_.train.get("query_unit", FRAMES)) if round_ else FRAMES


def describe(project: Project, round_: Round | None, files: RoundFiles | None, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a queued item has beside what every item has: addresses of masks and layers, frame scores, regions."""
    item_id, base = row["id"], f"/api/v1/projects/{quote(project.name, safe='')}"
    entry: dict[str, Any] = {
        "mask": f"{base}/items/{item_id}/mask?v={row['label']}" if row["label"] else None,
        "draft_mask": None,
        "layers": [],
        "heads": [],
        "frame": [],
        "regions": None,
    }
    detail = files.detail(item_id) if files and round_ and item_id in files.position else None
    if not files or not round_ or detail is None:
        return entry
    of_round = f"{base}/rounds/{round_.number}/items/{item_id}"
    version = f"v={files.folder.name}"
    entry["draft_mask"] = f"{of_round}/draft?{version}-{row['fingerprint'][:8]}"  # its size is that of the picture
    for name in heat_names(detail):
        low, high = _range(files, name, detail[name], len(project.classes))
        about = info(name)
        told = {"name": name, "title": about.title, "unit": about.unit, "low": low, "high": high}
        entry["layers"].append({**told, "address": f"{of_round}/layers/{name}?{version}"})
    heads = [name for name in detail if name.startswith(HEADS)]
    if heads:
        named = [("draft", "F, the task model"), *((name, f"F{name.removeprefix(HEADS)}") for name in heads)]
        entry["heads"] = [{"name": n, "title": title, "address": f"{of_round}/heads/{n}?{version}"} for n, title in named]
    at = files.position[item_id]
    for name, values in files.scores.items():
        if name not in detail and name not in ("total", "labeledness_logit"):
            low, high = bounds(name, values, len(project.classes))
            entry["frame"].append({"name": name, "title": info(name).title, "value": float(values[at]), "low": low, "high": high})
    asked = files.regions(item_id)
    if asked:
        entry["regions"] = [masks.to_rle(full_area(region, row)) for region in asked]
        entry["reason"] = _region_words(round_, asked, detail)
    return entry


def _region_words(round_: Round, asked: Sequence[np.ndarray], detail: Mapping[str, np.ndarray]) -> str:
    """Why these parts of an image were asked for."""
    kind, heat = unit(round_).removesuffix("s"), STRATEGIES[round_.strategy].heat
    said = f"one {kind} of this image is asked for" if len(asked) == 1 else f"{len(asked)} {kind}s of this image are asked for"
    if heat not in detail:
        return said
    values = detail[heat].astype(np.float32)
    inside = np.logical_or.reduce(asked)
    return f"{said}: {info(heat).title.lower()} {values[inside].mean():.2g} there, {values.mean():.2g} in the whole image"


def heat_names(detail: Mapping[str, np.ndarray]) -> list[str]:
    """The per-pixel scores among what is kept of an item."""
    return [name for name, values in detail.items() if name != "draft" and not name.startswith(HEADS) and values.ndim == 2]


def _range(files: RoundFiles, name: str, values: np.ndarray, classes: int) -> tuple[float, float]:
    """Where theory gives a range, that; else what this image has, from 0."""
    low, high = bounds(name, files.scores[name] if name in files.scores else np.empty(0), classes)
    if name in files.scores and (low, high) == (float(files.scores[name].min()), float(files.scores[name].max())):
        low, high = 0.0, float(np.max(values, initial=0.0))
    return (low, high) if high > low else (low, low + 1.0)


def full_area(area: np.ndarray, row: Mapping[str, Any]) -> np.ndarray:
    """An area at the size models see, at that of the item's image, bool (H, W)."""
    return masks.resized(area, row["height"], row["width"])


def asked_areas(project: Project, ids: Sequence[int], round_: Round | None = None) -> dict[int, np.ndarray]:
    """id -> bool (S, S) of all that a round, or the newest one, asks of it in regions; ids that it asks for as a whole are left out."""
    if round_ is None:
        rounds = project.rounds()
        round_ = rounds[-1] if rounds else None
    files = project.files(round_) if round_ else None
    return {i: np.logical_or.reduce(found) for i in ids if (found := files.regions(i))} if files else {}


def over_current(project: Project, row: Mapping[str, Any], mask: np.ndarray, number: int | None) -> np.ndarray:
    """An answer to the regions that round `number` (None: the newest) asks of an item, over its current mask: who painted may have begun
    before somebody else saved, and what was not asked of them is not theirs to change. As it is where nothing was asked in regions."""
    asking = [r for r in project.rounds() if number in (None, r.number)]
    area = asked_areas(project, [row["id"]], asking[-1]).get(row["id"]) if asking else None
    if area is None or not row["label"]:
        return mask
    before = project.masks.load(row["label"])
    return np.where(full_area(area, row), mask, before) if before.shape == mask.shape else mask


def answered_areas(project: Project) -> dict[int, np.ndarray]:
    """id -> bool (S, S) of all that was answered, region round by region round, of images labeled in part: it is not asked again."""
    snapshot = project.snapshot()
    partial = snapshot.ids[snapshot.partial].tolist()
    result: dict[int, np.ndarray] = {}
    for round_ in project.rounds() if partial else ():
        files = project.files(round_) if unit(round_) != FRAMES else None
        if files is None:
            continue
        for i in set(partial) & set(round_.query) & project.masks.answered(round_):
            regions = files.regions(i)
            if regions:
                result[i] = np.logical_or.reduce([*regions, *([result[i]] if i in result else [])])
    return result


# ---- pictures


def detail_of(project: Project, number: int, item_id: int) -> tuple[dict[str, np.ndarray], RoundFiles]:
    """What a round keeps of an item it asked for."""
    files = project.files(project.round(number))
    detail = files.detail(item_id) if files else None
    if files is None or detail is None:
        raise NotFound(f"round {number} of {project.name!r} did not ask for item {item_id}: there is no draft of it")
    return detail, files


def draft(project: Project, number: int, item_id: int) -> np.ndarray:
    """The model's argmax at the image's size, (H, W) uint8. Edges are smoothed by interpolating each class, not cut from the small grid."""
    detail, _ = detail_of(project, number, item_id)
    row = project.workspace.store.item(project.id, item_id)
    small = detail["draft"]
    size = (row["width"], row["height"])
    best = np.full((row["height"], row["width"]), -1.0, np.float32)
    result = np.full(best.shape, masks.VOID, np.uint8)
    for value in np.unique(small).tolist():
        share = Image.fromarray((small == value).astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
        seen = np.asarray(share)
        more = seen > best
        best[more] = seen[more]
        result[more] = value
    return result


def layer(project: Project, number: int, item_id: int, name: str) -> bytes:
    """A per-pixel score as a grey PNG at the size models see, 0...255 for the layer's low...high."""
    detail, files = detail_of(project, number, item_id)
    if name not in heat_names(detail):
        raise NotFound(f"there is no layer {name!r}: there are {', '.join(heat_names(detail)) or 'none'}")
    values = detail[name].astype(np.float32)
    low, high = _range(files, name, values, len(project.classes))
    return _png(np.clip(np.rint((values - low) * (255 / (high - low))), 0, 255).astype(np.uint8))


def head(project: Project, number: int, item_id: int, name: str) -> bytes:
    """A head's argmax as a PNG of class indices at the size models see."""
    detail, _ = detail_of(project, number, item_id)
    if name != "draft" and not (name.startswith(HEADS) and name in detail):
        raise NotFound(f"there is no head {name!r}")
    return _png(detail[name])


def superpixels(project: Project, item_id: int, n: int) -> tuple[bytes, int, int, int]:
    """(zlib stream of row-major little-endian uint16, width, height, count); made once, then read from disk."""
    if not 2 <= n <= MOST_SUPERPIXELS:
        raise BadInput(f"{n} superpixels cannot be made: use 2 to {MOST_SUPERPIXELS}")
    row = project.workspace.store.item(project.id, item_id)
    path = project.folder / "superpixels" / str(n) / f"{item_id}-{row['fingerprint']}.z"
    if path.is_file():
        stream = path.read_bytes()
        return stream[4:], row["width"], row["height"], int.from_bytes(stream[:4], "little")
    picture = project.pictures.whole(row)
    if picture.size != (row["width"], row["height"]):
        raise BadInput(f"the picture of {row['path']!r} was replaced by one of another size: import the source again")
    labels = masks.superpixels(np.asarray(picture), n)
    stream, count = zlib.compress(labels.astype("<u2").tobytes(), 1), int(labels.max()) + 1
    _keep(path, count.to_bytes(4, "little") + stream)
    return stream, row["width"], row["height"], count


def _keep(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        part.write_bytes(content)
        os.replace(part, path)
    except OSError:
        return  # a full disk must not keep anyone from painting: they are made again next time


def inflated(body: bytes, width: int, height: int) -> np.ndarray:
    """The mask (H, W) that a browser sent as a zlib stream of its rows.

    Raises:
        BadInput: it is no such stream, or not exactly one byte a pixel; no more than that is ever unpacked.
    """
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(body, width * height + 1)
    except zlib.error as wrong:
        raise BadInput(f"the mask is not a zlib stream: {wrong}") from None
    if len(raw) != width * height or not stream.eof:
        raise BadInput(f"the mask does not have {width} x {height} = {width * height:,} pixels: reload the page and save again")
    return np.frombuffer(raw, np.uint8).reshape(height, width)


def deflated(mask: np.ndarray) -> bytes:
    """The same way out."""
    return zlib.compress(np.ascontiguousarray(mask, np.uint8).tobytes(), 1)


def _png(values: np.ndarray) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values, np.uint8)).save(encoded, "PNG", compress_level=1)
    return encoded.getvalue()
