"""From a source to a project's items: read, hold out, decode into the packed cache, one transaction. Nothing is left when it fails."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import runpy
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alcore import formats, images
from alcore.errors import BadInput, disk_full_told
from alcore.types import Entry, Progress, Reading, Report, Skipped, ignore_progress

HOLD_OUT = 0.2


@dataclass
class Imported:
    """What an import found, ready to be stored. `rows` are the values of the items table; `labels` path -> class for truth="labels"."""

    classes: tuple[str, ...]
    rows: list[dict[str, Any]]
    skipped: list[Skipped]
    labels: dict[str, str]
    settings: dict[str, Any]
    took_for: str
    notes: list[str] = field(default_factory=list)


def gather(
    source: Path,
    folder: Path,
    *,
    format_name: str = "auto",
    truth: str = "hidden",
    hold_out: float | None = None,
    image_size: int = 0,
    known: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    report: Report = ignore_progress,
) -> Imported:
    """Reads `source` and decodes it into a new packed file in `folder`.

    Args:
        truth: "hidden" keeps the given labels as truth for an oracle; "labels" takes them as labels.
        hold_out: share of the labeled pool kept for testing when there is no test split; None is 20 % when there are labels.
        image_size: side of the packed images; 0 chooses by the images.
        known: path -> {fingerprint, row, split} of an earlier import: unchanged images are not decoded again and keep their split.
        settings: of the earlier import.

    Raises:
        BadInput: nothing usable in the source. AlcoreError: the disk is full. Nothing is left behind then.
    """
    if truth not in ("hidden", "labels"):
        raise BadInput(f"truth={truth!r}: use hidden or labels")
    if hold_out is not None and not 0 <= hold_out < 1:
        raise BadInput(f"hold out a share from 0 to below 1, not {hold_out}")
    known, old = known or {}, dict(settings or {})
    report(Progress("reading the source", 0, 0))
    reading = formats.read(source, format_name)
    if not reading.entries:
        raise BadInput(f"{source} holds no usable image ({_first_reasons(reading.skipped)}): give a folder that does")
    sources = images.sources_of(reading)
    size = old.get("image_size") or image_size or images.suggest_size(sources)
    prints = _fingerprints(reading, sources)
    reuse = None
    if old.get("packed"):
        rows_known = {i: int(known[e.path]["row"]) for i, e in enumerate(reading.entries) if _unchanged(known.get(e.path), prints[i])}
        reuse = (folder / old["packed"], rows_known)
    packed_name = f"packed-{uuid.uuid4().hex[:8]}.npy"
    packed = images.pack(sources, size, folder / packed_name, report=report, reuse=reuse)
    try:
        good = [i for i in range(len(reading.entries)) if i not in packed.failed]
        aside = [*reading.skipped, *(Skipped(reading.entries[i].path, reason) for i, reason in sorted(packed.failed.items()))]
        if not good:
            raise BadInput(f"{source}: none of its {len(reading.entries)} images can be read ({_first_reasons(aside)})")
        entries, notes = _held_out([reading.entries[i] for i in good], hold_out, {p: str(k["split"]) for p, k in known.items()})
        sizes = _sizes(packed.sizes, good, known, reading.entries)
        rows = [
            {
                "path": e.path,
                "split": e.split,
                "truth": e.label if truth == "hidden" or e.split != "pool" else None,
                "row": i,
                "width": sizes[at][0],
                "height": sizes[at][1],
                "fingerprint": prints[i],
            }
            for at, (i, e) in enumerate(zip(good, entries, strict=True))
        ]
        if "flip" not in old:
            pixels = images.open_packed(folder / packed_name)
            old["flip"] = not images.looks_like_glyphs(pixels[good[:: max(1, len(good) // 200)]])
        with disk_full_told(folder, "the original images"):
            stored_arrays = _keep_originals(reading, size, folder)
    except BaseException:
        (folder / packed_name).unlink(missing_ok=True)
        raise
    old |= {
        "image_size": size,
        "packed": packed_name,
        "arrays": stored_arrays,
        "array_source": bool(len(reading.arrays)),
        "root": str(Path(reading.root).absolute()),
    }
    labels = {e.path: e.label for e in entries if e.label is not None and e.split == "pool"} if truth == "labels" else {}
    old["notes"] = notes
    return Imported(tuple(reading.classes), rows, aside, labels, old, reading.took_for, notes)


def _unchanged(before: Mapping[str, Any] | None, fingerprint: str) -> bool:
    """An item that went absent has no row in the packed file any more."""
    return before is not None and bool(before["present"]) and before["fingerprint"] == fingerprint


def _first_reasons(skipped: Sequence[Skipped]) -> str:
    common = Counter(s.reason for s in skipped).most_common(2)
    return "; ".join(f"{n} x {reason}" for reason, n in common) or "it is empty"


def _fingerprints(reading: Reading, sources: Sequence[Path | np.ndarray]) -> list[str]:
    """Per image: what changes when the image does. Files by size and time of change, arrays by their bytes."""
    result = []
    for source in sources:
        if isinstance(source, np.ndarray):
            result.append(hashlib.blake2b(np.ascontiguousarray(source).tobytes(), digest_size=8).hexdigest())
        else:
            try:
                stat = os.stat(source)
                result.append(f"{stat.st_size:x}-{stat.st_mtime_ns:x}")
            except OSError:
                result.append("gone")
    return result


def _held_out(entries: list[Entry], share: float | None, known: Mapping[str, str]) -> tuple[list[Entry], list[str]]:
    """Without a test split: val serves as one, else a share of each class is kept out of the pool. Known paths keep the split they had."""
    if known:
        return [dataclasses.replace(e, split=known.get(e.path, e.split)) for e in entries], []
    labeled = [e for e in entries if e.split == "pool" and e.label is not None]
    if any(e.split == "test" and e.label is not None for e in entries) or not labeled or share == 0:
        return entries, []
    if share is None and any(e.split == "val" and e.label is not None for e in entries):
        return entries, ["there is no test split: accuracy is measured on the val split"]
    share = HOLD_OUT if share is None else share
    by_class: dict[str, list[str]] = {}
    for e in labeled:
        by_class.setdefault(str(e.label), []).append(e.path)
    rng = np.random.default_rng(0)
    out: set[str] = set()
    for paths in by_class.values():
        out.update(paths[i] for i in rng.permutation(len(paths))[: round(share * len(paths))])
    note = f"there is no test split: {len(out):,} of {len(labeled):,} labeled images are held out for testing"
    return [dataclasses.replace(e, split="test") if e.path in out else e for e in entries], [note]


def _sizes(sizes: np.ndarray, good: list[int], known: Mapping[str, Mapping[str, Any]], entries: Sequence[Entry]) -> list[tuple[int, int]]:
    result = []
    for i in good:
        width, height = int(sizes[i][0]), int(sizes[i][1])
        if width < 0:  # the row was copied from the older file
            before = known[entries[i].path]
            width, height = int(before["width"]), int(before["height"])
        result.append((width, height))
    return result


def _keep_originals(reading: Reading, size: int, folder: Path) -> list[list[Any]]:
    """Array sources larger than the packed images are kept as files, so that a person sees every pixel: [[file, first row, rows], ...]."""
    kept: list[list[Any]] = []
    start = 0
    for at, block in enumerate(reading.arrays):
        if block.shape[1:3] != (size, size):
            name = f"original-{at}.npy"
            np.save(folder / f"{name}.part.npy", block)
            os.replace(folder / f"{name}.part.npy", folder / name)
            kept.append([name, start, len(block)])
        start += len(block)
    return kept


def clean_classes(names: Sequence[str]) -> list[str]:
    """Class names as typed, without the blanks around them and without empty ones; BadInput for what cannot be one."""
    clean = [name.strip() for name in names]
    for name in clean:
        if len(name) > 200 or not name.isprintable():
            raise BadInput(f"{name[:40]!r} cannot be a class: use up to 200 printable characters")
    return [name for name in clean if name]


def bundled_digits() -> Path:
    """The digits that come with the source tree; made by the script beside them when they are not there."""
    here = Path(__file__).resolve().parent.parent / "sample_data"
    if not (here / "digits").is_dir():
        script = here / "make_digits.py"
        if not script.is_file():
            raise BadInput(f"the sample digits are not at {here / 'digits'}: run this from a source tree, or import a folder of your own")
        runpy.run_path(str(script))["main"](here / "digits")
    return here / "digits"
