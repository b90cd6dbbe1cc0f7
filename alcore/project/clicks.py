"""Clicks to masks in a workspace: pictures are made ready ahead of a person, one at a time, and clicks in them answered. Knows no route.

What a picture looks like to the encoder is kept in memory only: 2 MB each, and a second of work to have it again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alcore.errors import AlcoreError, BadInput, Unavailable
from alcore.extractors.sam import Looked, Segmenter, pair_in
from alcore.home import models_folder
from alcore.priority import JOB, step_back
from alcore.project.place import Place
from alcore.project.stored import Stored

KEPT = 32  # pictures that are ready
WANTED = 16  # pictures that wait for their turn
ANSWERS = 96  # maps of clicks kept for the next click; 256 KB each
MOST_POINTS = 40  # of one answer
# So many clicks are answered for themselves, each further one from what was found before it: mean IoU of 250 regions of CamVid after two
# clicks 0.66 (0.65 if the second went on from the first), after three 0.70 (0.73 if they do).
ALONE = 2

Key = tuple[str, int, str]  # project, item, fingerprint of its picture
Point = tuple[float, float, bool]
Box = tuple[float, float, float, float]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class State:
    """Whether a picture can be clicked: it is ready, or on its way, or there is a reason why not."""

    ready: bool
    reason: str = ""


class Clicks:
    """The clicks of one workspace. Thread-safe; the encoder works in a thread of its own, behind everybody who labels.

    Args:
        place: where the folder `models` lies that the two files are looked for in.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._changed = threading.Condition()
        self._files: tuple[Any, ...] = ()  # what the folder held when the pair was looked for
        self._pair: Segmenter | None = None
        self._reason = ""  # why there is no pair
        self._ready: OrderedDict[Key, Looked] = OrderedDict()
        self._problems: OrderedDict[Key, str] = OrderedDict()
        self._answers: OrderedDict[tuple[Any, ...], np.ndarray] = OrderedDict()
        self._wanted: OrderedDict[Key, tuple[Stored, Mapping[str, Any]]] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._closed = False

    def state(self, project: Stored, item: int, ahead: Sequence[int] = ()) -> State:
        """Whether the item's picture can be clicked. Where it cannot yet, it is made ready next, and those ahead after it.

        Args:
            ahead: items that will be asked for next, in order; those that are gone are passed over.

        Raises:
            NotFound: there is no such item.
        """
        rows = [project.items.row(item)]
        found = project.items.rows(list(ahead)[:WANTED])
        rows += [found[i] for i in ahead if i in found]
        files = self._there()
        with self._changed:
            self._see(files)
            if self._reason:
                return State(False, self._reason)
            key = _key(project, rows[0])
            missing = {_key(project, row): (project, row) for row in rows}
            for one in [*self._ready, *self._problems]:
                missing.pop(one, None)
            if missing and not self._closed:
                self._wanted = OrderedDict(list({**missing, **self._wanted}.items())[:WANTED])
                self._wake()
            return State(key in self._ready, self._problems.get(key, ""))

    def find(self, project: Stored, item: int, points: Sequence[Point], box: Box | None = None) -> np.ndarray:
        """What is meant by clicks and a box, bool (H, W) of the item's picture. The same is answered however the clicks came in.

        Args:
            points: x and y in pixels of the picture, with fractions, in the order of the clicks, and whether what is there is meant.
            box: left, top, right, bottom.

        Raises:
            NotFound: there is no such item.
            BadInput: points or box lie outside the picture, there are none or too many, or the two files cannot be used.
            Unavailable: the picture is not ready yet.
        """
        row = project.items.row(item)
        _check(row, points, box)
        key = _key(project, row)
        with self._changed:
            looked, pair = self._ready.get(key), self._pair
            if looked is not None:
                self._ready.move_to_end(key)
        if looked is None or pair is None:
            state = self.state(project, item)
            if state.reason:
                raise BadInput(state.reason)
            raise Unavailable(f"the picture of item {item} is being made ready for clicks: click again in a moment")
        before: np.ndarray | None = None
        mask = np.zeros(0, bool)
        for count in range(min(len(points), ALONE - bool(box)), len(points) + 1):
            asked = (key, box, tuple(points[:count]))
            with self._changed:
                known = self._answers.get(asked)
            if known is not None and count < len(points):
                before = known
                continue
            made = pair.find(looked, points[:count], box, before)
            mask, before = made.mask, made.logits
            if before is not None:
                self._keep(self._answers, asked, before, ANSWERS)
        return mask

    def close(self, timeout: float = 5.0) -> None:
        """Makes nothing ready any more."""
        with self._changed:
            self._closed = True
            self._wanted.clear()
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout)

    # ---- the two files

    def _folder(self) -> Path:
        return models_folder(self._place.home) or self._place.home / "models"

    def _there(self) -> tuple[Any, ...]:
        """The ONNX files of the folder, so that others are noticed."""
        files = sorted(self._folder().glob("*.onnx"))
        return ("looked", *((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()))

    def _see(self, files: tuple[Any, ...]) -> None:
        """Forgets what other files than these gave; under the lock."""
        if files == self._files:
            return
        self._files, self._pair, self._reason = files, None, ""
        for kept in (self._ready, self._problems, self._answers, self._wanted):
            kept.clear()
        if len(files) == 1:
            self._reason = _sentence(self._look_for_pair)

    def _look_for_pair(self) -> Segmenter:
        folder = self._folder()
        return pair_in(folder, str(folder) if os.environ.get("ALCORE_MODELS") else "the workspace's folder models")

    # ---- the thread

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="alcore-clicks", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        step_back(JOB)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._wanted)
                if self._closed:
                    return
                files, pair = self._files, self._pair
                key, (project, row) = next(iter(self._wanted.items()))
            if pair is None:
                self._load(files)
                continue
            made, problem = _looked(pair, project, row)
            with self._changed:
                if files != self._files:
                    continue  # other files came meanwhile
                self._wanted.pop(key, None)
            if made is None:
                self._keep(self._problems, key, problem, WANTED * KEPT)
            else:
                self._keep(self._ready, key, made, KEPT)

    def _load(self, files: tuple[Any, ...]) -> None:
        """Opens the pair and tries it on a picture whose answer is known."""
        pair: Segmenter | None = None
        reason = ""
        try:
            pair = self._look_for_pair()
            reason = pair.problem()
        except Exception as wrong:
            reason = _words(wrong)
        with self._changed:
            if files == self._files:
                self._pair, self._reason = (None, reason) if reason else (pair, "")
                if reason:
                    self._wanted.clear()
                self._changed.notify_all()

    def _keep(self, kept: OrderedDict[Any, Any], key: Any, value: Any, most: int) -> None:
        with self._changed:
            kept[key] = value
            kept.move_to_end(key)
            while len(kept) > most:
                kept.popitem(last=False)
            self._changed.notify_all()


def _key(project: Stored, row: Mapping[str, Any]) -> Key:
    return project.folder.name, row["id"], row["fingerprint"]


def _looked(pair: Segmenter, project: Stored, row: Mapping[str, Any]) -> tuple[Looked | None, str]:
    try:
        picture = project.pictures.whole(row)
        if picture.size != (row["width"], row["height"]):
            raise BadInput(f"the picture of {row['path']!r} was replaced by one of another size: import the source again")
        return pair.look(picture), ""
    except Exception as wrong:
        return None, _words(wrong)


def _sentence(call: Any) -> str:
    """Why a call fails; "" where it does not."""
    try:
        call()
    except BadInput as wrong:
        return str(wrong)
    return ""


def _words(wrong: Exception) -> str:
    """What is said of an error; one that nobody can cure goes to the log with its traceback."""
    if isinstance(wrong, AlcoreError):
        return str(wrong)
    logger.error("a picture could not be made ready for clicks", exc_info=wrong)
    return "this is a bug in alcore; the server's log has the details"


def _check(row: Mapping[str, Any], points: Sequence[Point], box: Box | None) -> None:
    width, height = row["width"], row["height"]
    if len(points) > MOST_POINTS:
        raise BadInput(f"{len(points)} clicks are too many for one mask: take it, and go on with at most {MOST_POINTS}")
    if not points and box is None:
        raise BadInput("a click or a box is needed")
    corners = [(box[0], box[1]), (box[2], box[3])] if box else []
    for x, y in [(x, y) for x, y, _ in points] + corners:
        if not (0 <= x <= width and 0 <= y <= height):
            raise BadInput(f"{x:g}, {y:g} lies outside the picture of {width} x {height}")
    if box and not (box[0] < box[2] and box[1] < box[3]):
        raise BadInput("a box must be left, top, right, bottom, and hold something")
