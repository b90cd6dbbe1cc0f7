"""The newest model, to be used elsewhere: on images that are not the project's, and as one ONNX file that needs no alcore.
Knows no page."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput, NotFound
from alcore.extractors import extractor_named, known_pictures, prepared
from alcore.extractors.base import Embedder
from alcore.extractors.carried import CarriedModel, metadata, need
from alcore.extractors.onnx import PREFIX as ONNX
from alcore.files import made_beside
from alcore.home import models_folder
from alcore.measures.calibration import probabilities
from alcore.nets.models import evaluating
from alcore.nets.tasks import FEATURES
from alcore.pixels.images import decode, fill
from alcore.progress import Progress, Report, ignore_progress
from alcore.project import delivery, predictions
from alcore.project.features import Features
from alcore.project.stored import Stored
from alcore.training.devices import pick_device
from alcore.training.pool import Pool
from alcore.training.predict import logits_of
from alcore.training.roundfiles import RoundFiles, in_places
from alcore.training.tracing import Whole, write_onnx
from alcore.training.turn import Material
from alcore.types import Round

FORMAT = "onnx"
NEAR = 1e-4  # the most that a probability of the file may lie from what is computed here
LOOKED_AT = 16  # of the project's images the file is tried on, beside the known pictures


class ProjectModel:
    """A model of a project, ready for any picture.

    Args:
        number: of the round whose model it is; None: the newest.

    Attributes:
        project, round: whose model it is.
        classes: those it can say, in the order of the probabilities; a class that was added since is none of them.
        extractor: the frozen network before it; None where the round trained on pixels.

    Raises:
        AlcoreError: it is a project of masks, nothing was trained yet, or the round's files are gone.
        BadInput: its extractor cannot be had.
    """

    def __init__(self, project: Stored, device: str = "auto", report: Report = ignore_progress, number: int | None = None) -> None:
        self.project = project
        self.round, files = trained(project, number)
        where = pick_device(device)
        named = str(self.round.train.get("extractor"))
        on_features = self.round.train.get("architecture") == FEATURES
        self.extractor = extractor_named(named, models_folder(project.place.home)) if on_features else None
        self._embedder = Embedder(self.extractor, where, report, exact=True) if self.extractor else None
        self.side = self.extractor.side if self.extractor else int(project.pixels().shape[1])
        pixels = {"dim": self.extractor.dim} if self.extractor else {"side": self.side}
        self.strategy = predictions.brought_back(project, self.round, files, **pixels)
        self.places = files.places
        self.classes = project.classes[: max(self.places) + 1 if self.places else self.strategy.task.classes]
        self.words = f"round {self.round.number} of {project.name}"
        self.decoding = project.pictures.decoding

    @cached_property
    def temperature(self) -> float:
        """What its logits are divided by: as the test slice has it, 1 without one."""
        return delivery.guesses(self.project, round_=self.round).temperature

    def row(self, path: Path) -> np.ndarray:
        """(side, side, 3) uint8 of a file; BadInput and OSError as decoding raises them."""
        if self.extractor:
            return prepared(decode(path, at_least=self.side, decoding=self.decoding), self.side)
        row = np.empty((self.side, self.side, 3), np.uint8)
        fill(path, row, self.decoding)
        return row

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """(n, side, side, 3) uint8 to probabilities (n, K), in float32 whatever is fast here."""
        with evaluating(self.strategy):  # on a GPU, convolutions too in all their digits
            seen = self._embedder(rows) if self._embedder else rows
        nobody, ids = np.empty(0, np.int64), np.arange(len(rows))
        material = Material(Pool(nobody, nobody, nobody, nobody, nobody, ids, ids), self.strategy.task.classes, seen)
        draws = material.draws(predictions.trained_with(self.project, self.round), pick_device("cpu"), 0)
        return probabilities(in_places(logits_of(self.strategy, draws, ids), self.places), self.temperature)


def trained(project: Stored, number: int | None = None) -> tuple[Round, RoundFiles]:
    """The newest round with a model, or the round of that number, and its files. AlcoreError without a model, or for a project of masks."""
    if project.dense:
        raise AlcoreError(f"{project.name!r} is labeled pixel by pixel: a model goes out of projects with classes an image")
    round_ = predictions.newest_model(project) if number is None else project.round(number)
    files = project.files(round_) if round_ else None
    if round_ is not None and round_.start:
        raise AlcoreError(f"round {number} of {project.name!r} was a start without a model: name a later one")
    if round_ is None or files is None:
        raise AlcoreError(f"{project.name!r} has no model yet: label some images and train a round")
    return round_, files


def export_model(project: Stored, out: Path, report: Report = ignore_progress) -> dict[str, Any]:
    """Writes the newest model as one ONNX file: pixels in, probabilities out, with its classes and how a picture is prepared in it.

    The file is tried with onnxruntime on two known pictures and some of the project's images before it appears: what it says must be what
    alcore says in float32, to NEAR.

    Returns:
        format, out, project, round, classes, extractor, license, side, temperature, bytes, checked (images it was tried on), difference
        (the largest of a probability from alcore's in float32), stored_difference (from those of the stored vectors, which are rounded to
        float16 and may come from a network in bf16; None where none of the images has one), stored_alike (images of the same label there).

    Raises:
        BadInput: a package is missing, `out` exists already, or the round's network cannot go out.
        AlcoreError: no model yet; the network cannot be written, or the file says something else than alcore does. Nothing is left then.
    """
    need("onnx", "onnxruntime", what="writing a model")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path")
    model = ProjectModel(project, "cpu", report)
    round_, extractor = model.round, model.extractor
    how = f"`train --project {project.name} --set architecture={FEATURES} --set extractor=lite0`"
    if extractor is None:
        network = round_.train.get("architecture")
        raise BadInput(
            f"round {round_.number} trained {network} on small pixels, and what goes out are models on pretrained features: {how}"
        )
    if extractor.name.startswith(ONNX):
        raise BadInput(f"round {round_.number} stands on {extractor.name}, a file that cannot be put into another: {how}")
    facts = {
        "extractor": extractor.name,
        "license": f"weights of {extractor.name}: {extractor.licence}",
        "temperature": repr(model.temperature),
        "project": project.name,
        "round": round_.number,
        "strategy": round_.strategy,
        "labels": round_.labeled,
    }
    about = metadata(model.classes, extractor.side, model.decoding, facts)
    report(Progress("writing", 0, 0, message=f"the model of round {round_.number} with {extractor.name}"))
    whole = Whole(extractor.make(), extractor.mean, extractor.std, model.strategy, model.temperature, model.places)
    try:
        with made_beside(out) as part:
            write_onnx(whole, extractor.side, about, part)
            tried = _tried(project, model, _opened(part), report)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    return {
        "format": FORMAT,
        "out": str(out),
        "project": project.name,
        "round": round_.number,
        "classes": list(model.classes),
        "extractor": extractor.name,
        "license": facts["license"],
        "side": extractor.side,
        "temperature": model.temperature,
        "bytes": out.stat().st_size,
        **tried,
    }


def _opened(path: Path) -> CarriedModel:
    """The file that was just written."""
    try:
        return CarriedModel(path)
    except BadInput as wrong:
        cure = "train a round with extractor=lite0"
        raise AlcoreError(f"this network cannot be written so that onnxruntime reads it ({wrong.__cause__ or wrong}): {cure}") from wrong


def _tried(project: Stored, model: ProjectModel, carried: CarriedModel, report: Report) -> dict[str, Any]:
    """How far the file's probabilities lie from the model's. AlcoreError when that is further than NEAR."""
    ids, own = _pictures(project, model)
    rows = np.concatenate([known_pictures(model.side), own])
    report(Progress("trying", 0, len(rows), message=f"the file on {len(rows)} pictures"))
    here = model(rows)
    there = np.concatenate([carried(rows[:1]), carried(rows[1:])])  # as many pictures at a time as one likes
    difference = float(np.abs(here - there).max())
    if not difference <= NEAR:  # no number either
        raise AlcoreError(
            f"the model's file gives probabilities up to {difference:.2g} from alcore's own, more than {NEAR:.0e}: nothing was written. "
            f"Train a round with extractor=lite0"
        )
    known, logits = predictions.logits(project, model.round, ids)
    stored = probabilities(logits, model.temperature)
    beside = here[len(rows) - len(own) :][np.isin(ids, known)]
    return {
        "checked": len(rows),
        "difference": difference,
        "stored_difference": float(np.abs(stored - beside).max()) if len(known) else None,
        "stored_alike": int((stored.argmax(1) == beside.argmax(1)).sum()),
    }


def _pictures(project: Stored, model: ProjectModel) -> tuple[np.ndarray, np.ndarray]:
    """(ids, rows) of some of the project's images that have a vector and can be read, evenly spaced, by id."""
    found = Features(project, str(model.round.train["extractor"]))
    every = found.ids[found.rows >= 0]
    ids, rows = [], []
    for i in every[np.unique(np.linspace(0, len(every) - 1, min(LOOKED_AT, len(every))).astype(np.int64))].tolist():
        item = project.items.row(i)
        source = project.pictures.source(item["path"], item["row"])
        try:
            rows.append(model.row(source) if isinstance(source, Path) else prepared(project.pictures.whole(item), model.side))
        except (OSError, BadInput, NotFound):
            continue  # gone or damaged since: others are tried
        ids.append(i)
    return np.array(ids, np.int64), np.array(rows, np.uint8).reshape(-1, model.side, model.side, 3)
