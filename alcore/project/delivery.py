"""A label for every image: what people gave, and beyond it what the model guesses, with a confidence that was held against the test slice.
Knows no page."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alcore.columns import in_blocks, places
from alcore.errors import AlcoreError, BadInput
from alcore.files import made_beside
from alcore.formats import LABEL_WRITERS
from alcore.formats.writing import Labeled
from alcore.measures import promises
from alcore.measures.calibration import Bin, calibration_error, probabilities, reliability, temperature
from alcore.measures.promises import Promise
from alcore.progress import Report, ignore_progress
from alcore.project import exporting, metadata, predictions, slices
from alcore.project.stored import Stored
from alcore.remembered import Remembered
from alcore.training.roundfiles import NEVER
from alcore.types import Round, written

FORMATS = ("csv", "parquet", "folder")
TARGET = 0.95  # of the guesses that are accepted are to be right, unless a person says otherwise
COLUMNS = ("path", "label", "source", "confidence", "round", "annotator", "time", "split", "guess")
HUMAN, MODEL, GIVEN = "human", "model", "given"  # sources, and the annotator of labels that came with the images held out


_guessed = Remembered(2)


@dataclass(frozen=True)
class Guesses:
    """What the newest model guesses, of images nobody labeled (the rest) and of those that are tested on.

    Attributes:
        round: whose model it is.
        ids: (n,) every image that could be looked at, by id.
        guess: (n,) int64 positions in the project's classes.
        confidence: (n,) 0 to 1: the softmax of the logits over `temperature`, which was fitted to the labeled slice.
        rest: (n,) bool: nobody labeled, skipped or flagged it, and it is not tested on.
        tested, right: (n,) bool: a labeled image of the slice, and whether the guess is its label. Without a slice: of the images that
            came with labels to be tested on.
        given: the latter is so. What they show holds for images like them, which a slice drawn at random is by itself.
    """

    round: Round
    ids: np.ndarray
    guess: np.ndarray
    confidence: np.ndarray
    temperature: float
    rest: np.ndarray
    tested: np.ndarray
    right: np.ndarray
    given: bool = False

    def accepting(self, threshold: float) -> Promise:
        """What accepting all guesses of at least that confidence would mean."""
        return promises.at(threshold, *self._sides())

    def promised(self, target: float = TARGET) -> Promise | None:
        """The lowest threshold at which the slice shows that the guesses above are right in at least `target`; None where none does."""
        return promises.promised(target, *self._sides())

    def reliability(self, bins: int = 10) -> list[Bin]:
        """The share right by confidence, on the slice."""
        return reliability(self.confidence[self.tested], self.right[self.tested], bins)

    @property
    def calibration_error(self) -> float | None:
        """How far confidence and share right lie apart on the slice; None without labeled images of it."""
        return calibration_error(self.confidence[self.tested], self.right[self.tested]) if self.tested.any() else None

    def _sides(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.confidence[self.rest], self.confidence[self.tested], self.right[self.tested]


def guesses(project: Stored, report: Report = ignore_progress, round_: Round | None = None) -> Guesses:
    """A round's guesses of all images, the newest model's for None.

    Raises:
        AlcoreError: it is a project of masks, or nothing was trained yet.
    """
    round_ = round_ or predictions.newest_model(project)
    if round_ is None:
        raise AlcoreError(f"{project.name!r} has no model yet: label some images and train a round")
    model = round_
    return _guessed.of(predictions.state_of(project, model), lambda: _made(project, model, report))


def _made(project: Stored, round_: Round, report: Report) -> Guesses:
    ids, logits = predictions.logits(project, round_, report=report)
    guess = _by_block(lambda some: some.argmax(1), logits, np.int64)
    index = {name: at for at, name in enumerate(project.classes)}
    pool = project.pool()
    drawn = slices.slice_of(project)
    labeled = np.array(sorted(drawn.labels), np.int64)
    labels = np.array([index.get(drawn.labels[i], -1) for i in labeled.tolist()], np.int64)
    if given := not drawn.drawn:
        labeled, labels = pool.test, pool.test_targets
    tested, target = np.zeros(len(ids), bool), np.full(len(ids), -1, np.int64)
    at = places(ids, labeled)
    tested[at[at >= 0]], target[at[at >= 0]] = True, labels[at >= 0]
    right = tested & (guess == target)
    known = tested & (target >= 0) & (target < logits.shape[1])  # a class that is younger than the model has no logit
    known[known] = logits[known, target[known]] > -NEVER / 2
    t = temperature(logits[known], target[known])
    rest = np.isin(ids, pool.unlabeled)
    confidence = _by_block(lambda some: probabilities(some, t).max(1), logits, np.float64)
    return Guesses(round_, ids, guess, confidence, t, rest, tested, right, given)


def _by_block(told: Callable[[np.ndarray], np.ndarray], logits: np.ndarray, kind: type) -> np.ndarray:
    """What is told of each row, a few at a time: of a million images and a hundred classes all rows in float64 are a gigabyte."""
    result: np.ndarray = np.empty(len(logits), kind)
    for part in in_blocks(len(logits)):
        result[part] = told(logits[part])
    return result


def threshold_of(project: Stored, target: float) -> float:
    """The confidence from which on guesses are right in at least `target` of cases, as the slice shows it.

    Raises:
        BadInput: `target` is not above 0 and below 1.
        AlcoreError: the slice cannot show that.
    """
    if not 0 < target < 1:
        raise BadInput(f"cannot promise a share of {target}: use one above 0 and below 1")
    found = guesses(project)
    promise = found.promised(target)
    if promise is None:
        tested, least = int(found.tested.sum()), promises.least_slice(target)
        why = f"that takes at least {least} of them" if tested < least else "the guesses are not right often enough yet: label more"
        raise AlcoreError(f"{tested} labeled test images cannot show that {100 * target:.0f} % of any guesses are right: {why}")
    return promise.threshold


def table(project: Stored, found: Guesses, threshold: float = 0.0) -> pd.DataFrame:
    """A row for each image that is there, with the columns COLUMNS, and those of the metadata (meta.NAME).

    `label` and `source`: what a person said, or what came with an image held out (its annotator is "given"), both "human"; else the model's
    guess ("model") where its confidence is at least `threshold` and nobody set the image aside; else nothing. `guess` and `confidence` are
    the model's for every image it could look at, `round` and `time` (ISO 8601, UTC) say when the label came, `split` is train, val or test.
    """
    facts = pd.DataFrame(project.items.facts(), columns=["id", "path", "split", "truth", "label", "annotator", "round", "time"])
    classes = np.array(project.classes, object)
    accepted = found.rest & (found.confidence >= threshold)  # before it is rounded: as many as `accepting` counts
    looked = pd.DataFrame(
        {"id": found.ids, "guess": classes[found.guess], "confidence": np.round(found.confidence, 4), "accepted": accepted},
    )
    frame = facts.merge(looked, on="id", how="left")
    held = frame["label"].isna() & frame["split"].isin(["val", "test"]) & frame["truth"].notna()
    by_model = frame["label"].isna() & frame["accepted"].eq(True)
    frame["source"] = np.select([frame["label"].notna() | held, by_model], [HUMAN, MODEL], "")
    frame.loc[held, "label"], frame.loc[held, "annotator"] = frame.loc[held, "truth"], GIVEN
    frame.loc[by_model, ["label", "round", "time"]] = np.array(
        [frame.loc[by_model, "guess"], [found.round.number] * int(by_model.sum()), [found.round.created] * int(by_model.sum())], object
    ).T
    frame["time"] = [None if pd.isna(at) else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for at in frame["time"]]
    frame["split"] = [written(split) for split in frame["split"]]
    frame["round"] = frame["round"].astype("Int64")
    described = pd.DataFrame(metadata.exported(project, frame["id"].to_numpy(np.int64)), index=frame.index)
    return pd.concat([frame[list(COLUMNS)], described], axis=1)


def deliver(
    project: Stored, out: Path, format_name: str = "csv", threshold: float = 0.0, link: bool = False, report: Report = ignore_progress
) -> dict[str, Any]:
    """Writes every image's label; `out` appears whole or not at all.

    Args:
        format_name: csv or parquet (the table above), or folder (each image that has a label below its class).
        threshold: the least confidence of guesses that are accepted, 0 to 1.
        link: in folders, hard links where the disk allows it, instead of copies.

    Returns:
        format, out, images, person, given, model, without (how many have their label from whom), and `measured` and `accepted` (how right
        the model is on the slice, of all and of what is accepted: right, of, low, high; None without labeled images of it).

    Raises:
        BadInput: unknown format, threshold out of range, or `out` exists already.
    """
    if format_name not in FORMATS:
        raise BadInput(f"cannot write predictions as {format_name!r}: use one of {', '.join(FORMATS)}")
    if not 0 <= threshold <= 1:
        raise BadInput(f"cannot accept guesses above {threshold}: use a confidence of 0 to 1")
    if out.exists():
        raise BadInput(f"{out} exists already: name a new path")
    _check_written(format_name)
    found = guesses(project, report)
    frame = table(project, found, threshold)
    try:
        with made_beside(out) as part:
            if format_name == "folder":
                LABEL_WRITERS["folder"](part, _pictures(project, frame), project.classes, link=link)
            elif format_name == "parquet":
                frame.to_parquet(part, index=False)
            else:
                frame.to_csv(part, index=False)
    except OSError as wrong:
        raise AlcoreError(f"{out} cannot be written: {wrong.strerror}: {wrong.filename}") from wrong
    of_source, given = frame["source"].value_counts(), int(frame["annotator"].eq(GIVEN).sum())
    counts = {
        "person": int(of_source.get(HUMAN, 0)) - given,
        "given": given,
        "model": int(of_source.get(MODEL, 0)),
        "without": int(of_source.get("", 0)),
    }
    return {
        "format": format_name,
        "out": str(out),
        "images": len(frame),
        **counts,
        "measured": _told(found.accepting(0.0)),
        "accepted": _told(found.accepting(threshold)),
    }


def content(project: Stored, format_name: str, threshold: float = 0.0) -> bytes:
    """The table as a file's content: csv or parquet. BadInput where Parquet cannot be written here."""
    _check_written(format_name)
    frame = table(project, guesses(project), threshold)
    if format_name == "parquet":
        made = io.BytesIO()
        frame.to_parquet(made, index=False)
        return made.getvalue()
    return frame.to_csv(index=False).encode()


def _check_written(format_name: str) -> None:
    if format_name == "parquet" and importlib.util.find_spec("pyarrow") is None:
        raise BadInput("Parquet needs the package pyarrow where alcore runs: pip install pyarrow, or take csv")


def _told(found: Promise) -> dict[str, Any] | None:
    if not found.slice_accepted:
        return None
    return {"right": found.slice_right, "of": found.slice_accepted, "low": round(found.low, 4), "high": round(found.high, 4)}


def _pictures(project: Stored, frame: pd.DataFrame) -> Iterator[Labeled]:
    labeled = frame[frame["source"] != ""]
    ids = project.items.ids_of(labeled["path"].tolist())
    for path, label, annotator in labeled[["path", "label", "annotator"]].itertuples(index=False):
        yield Labeled(path, "train", label, annotator or "model", partial(_picture, project, ids[path]))


def _picture(project: Stored, item: int) -> tuple[Path | bytes, str]:
    return exporting.picture(project, project.items.row(item))


def words(found: Promise) -> str:
    """31,204 images at 97 % and more; 99.0 % right (94.5 to 99.8), 98 of 99 test images."""
    told = f"{found.accepted:,} image{'' if found.accepted == 1 else 's'} at {100 * found.threshold:.0f} % and more"
    if found.precision is None:
        return f"{told}; no test image is that sure, so how many are right is not known"
    tested = f"{found.slice_right} of {found.slice_accepted} test images"
    return f"{told}; {100 * found.precision:.1f} % right ({100 * found.low:.1f} to {100 * found.high:.1f}), {tested}"
