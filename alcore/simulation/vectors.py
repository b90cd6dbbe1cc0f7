"""The images of an experiment as frozen networks see them: made once beside its data, found by the items' rows. Trains nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError
from alcore.extractors import extractor_named
from alcore.extractors.base import Embedder, Extractor
from alcore.extractors.extraction import Wanted, batches_of, extract, image_key
from alcore.extractors.vectors import VectorStore
from alcore.home import models_folder
from alcore.nets.tasks import FEATURES
from alcore.pixels.pictures import Pictures
from alcore.progress import Report
from alcore.simulation.oracle import Data
from alcore.training.devices import pick_device


def dim_of(train: Mapping[str, Any]) -> int:
    """Numbers of a vector for a run with these training parameters; 0 when it trains on images. BadInput without the extractor."""
    return _extractor(train["extractor"]).dim if train["architecture"] == FEATURES else 0


def make(data: Data, names: Iterable[str], device: str, report: Report) -> None:
    """Makes what is missing of the vectors of pool and test by these extractors."""
    needed = np.union1d(data.pool, data.test)
    paths, settings = data.paths(), data.facts["settings"]
    pictures = Pictures(data.folder, Path(settings["root"]), settings)
    for name in names:
        store = _store(data, name)
        missing = [i for i, row in zip(needed.tolist(), store.rows(_keys(needed)).tolist(), strict=True) if row < 0]
        if not missing:
            continue
        with store.writing() as mine:
            if not mine:
                raise AlcoreError(f"another process makes the features in {store.folder}: wait for it, or stop it")
            keys = _keys(np.array(missing, np.int64)).tolist()
            wanted = [Wanted(key, pictures.source(paths[i - 1], int(data.rows[i - 1]))) for key, i in zip(keys, missing, strict=True)]
            embedder = Embedder(_extractor(name), pick_device(device), report)
            found = extract(
                batches_of(wanted), len(needed), embedder, store, decoding=pictures.decoding, report=report, done=len(needed) - len(missing)
            )
        if found.failed:
            path, reason = next(iter(found.failed.items()))
            raise AlcoreError(f"{len(found.failed)} images have no features, the first is {path}: {reason}. Take them out of the source.")


def carry(folder: Path, to: Path) -> None:
    """Moves the vectors of data that were read again and found the same: an hour's work of a large set is not done twice."""
    for store in sorted(folder.glob("features-*")):
        store.rename(to / store.name)


def seen(data: Data, name: str) -> tuple[Data, np.ndarray]:
    """The data with the rows of its vectors, and these, (n, d) float16."""
    store = _store(data, name)
    return replace(data, rows=store.rows(_keys(data.ids))), store.vectors()


def _extractor(name: str) -> Extractor:
    return extractor_named(name, models_folder())


def _store(data: Data, name: str) -> VectorStore:
    extractor = _extractor(name)
    return VectorStore(data.folder / f"features-{extractor.folder_name}", extractor.dim)


def _keys(ids: np.ndarray) -> np.ndarray:
    """By number: the data of an experiment never change."""
    return np.array([image_key(str(i), "") for i in ids.tolist()], np.uint64)
