"""What a JSON file of Label Studio says: its tasks, who answered them how, what of that is a class or a shape. Knows no image."""

from __future__ import annotations

import json
import math
import mmap
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from alcore.errors import BadInput
from alcore.formats.base import SPLIT_NAMES, check_memory, is_image_name
from alcore.formats.said import Said
from alcore.formats.shapes import Counted, Shape, box, polygon
from alcore.naming import check_class, printable
from alcore.types import Skipped

PER_BYTE = 12  # memory that Python needs for a byte of JSON, about: run lengths are lists of small numbers
DATA, ANSWERED = re.compile(rb'"data"\s*:\s*\{'), re.compile(rb'"(annotations|completions|predictions)"\s*:\s*\[')
IMAGES = ("image", "img", "image_url", "url", "photo", "picture", "captioning", "path")  # what the image of a task is called
UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")  # what an upload gets before its name
SHAPES = {"brushlabels": "brush", "polygonlabels": "polygon", "rectanglelabels": "rectangle"}
SHAPES |= {kind: kind for kind in SHAPES.values()}
EMAIL = re.compile(r"[^\s,@]+@[^\s,@]+")
NOBODY = "import"  # an annotator that the file does not name


@dataclass
class Task:
    """A task: `called` are the names that its image may have, the likeliest first; choices are kept beside each answer by their control."""

    number: str
    called: tuple[str, ...]
    split: str | None
    said: list[tuple[Said, dict[str, tuple[str, ...]]]] = field(default_factory=list)


@dataclass
class Tasks:
    """The usable tasks of a file, and what was left out of it."""

    name: str
    tasks: list[Task] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    predictions: int = 0
    _left_out: Counted = field(default_factory=Counted)

    def told(self) -> list[str]:
        """Sentences about what was not read."""
        said = []
        if self.predictions:
            made = "prediction of a model was" if self.predictions == 1 else "predictions of models were"
            said.append(f"{self.predictions:,} {made} not read: a guess is no label")
        controls = Counter(name for task in self.tasks for _, choices in task.said for name in choices).most_common()
        if len(controls) > 1:
            others = ", ".join(repr(name[:40]) for name, _ in controls[1:4])
            said.append(f"classes are the choices of {controls[0][0][:40]!r}; those of {others} were not read")
        return [*said, *self._left_out.told("result")]

    def settle(self) -> None:
        """Gives each answer its classes: the choices of the control that most answers have."""
        controls = Counter(name for task in self.tasks for _, choices in task.said for name in choices)
        chosen = controls.most_common(1)[0][0] if controls else ""
        for task in self.tasks:
            for said, choices in task.said:
                said.classes = choices.get(chosen, ())


def looks_like_tasks(file: Path) -> bool:
    """By what is in it: a list of tasks with data and answers. False for what cannot be read."""
    try:
        with open(file, "rb") as binary:
            if not binary.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") or os.fstat(binary.fileno()).st_size < 16:
                return False
            with mmap.mmap(binary.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return DATA.search(content) is not None and ANSWERED.search(content) is not None
    except (OSError, ValueError):
        return False


def tasks_of(file: Path, name: str, key: str = "") -> Tasks:
    """The file's tasks.

    Args:
        key: what the image of a task is called, "" where that is not known.

    Raises:
        BadInput: it is no JSON, or no list of tasks.
    """
    content = _load(file, name)
    found = Tasks(name)
    for at, given in enumerate(content, 1):
        number = printable(str(given.get("id", at)))[:40] if isinstance(given, dict) else str(at)
        data = given.get("data") if isinstance(given, dict) else None
        called = _called(data, key) if isinstance(data, dict) else ()
        if not isinstance(given, dict) or not isinstance(data, dict) or not called:
            found.skipped.append(Skipped(printable(name), f"task {number} names no image: left out"))
            continue
        split = str(data.get("split") or "").lower()
        task = Task(number, called, SPLIT_NAMES.get(split))
        predictions = given.get("predictions")
        found.predictions += len(predictions) if isinstance(predictions, list) else 0
        answers = given["annotations"] if isinstance(given.get("annotations"), list) else given.get("completions")
        task.said = _answers([one for one in answers or () if isinstance(one, dict)] if isinstance(answers, list) else [], found, number)
        found.tasks.append(task)
    found.settle()
    return found


def _load(file: Path, name: str) -> Sequence[Any]:
    name = printable(name)
    check_memory(PER_BYTE * file.stat().st_size, name)
    try:
        with open(file, encoding="utf-8-sig") as text:
            content = json.load(text)
    except (ValueError, RecursionError) as wrong:
        what = "is empty" if not file.stat().st_size else f"is no JSON ({str(wrong)[:120]})"
        raise BadInput(f"{name} {what}: export it again as JSON") from wrong
    except OSError as wrong:
        raise BadInput(f"{name} cannot be read: {wrong.strerror}") from wrong
    content = [content] if isinstance(content, dict) and "data" in content else content
    if not isinstance(content, list) or not content:
        raise BadInput(f"{name} holds no list of tasks: export it again from Label Studio as JSON")
    if not any(isinstance(one, dict) and isinstance(one.get("data"), dict) for one in content):
        raise BadInput(f"{name} holds no tasks with data, as of JSON-MIN: export it again from Label Studio as JSON")
    return content


def _called(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The names that a task's image may have."""
    keys = [key, *IMAGES] if key else IMAGES
    named = [data[one] for one in keys if isinstance(data.get(one), str)]
    others = [value for value in data.values() if isinstance(value, str) and is_image_name(_path(value))]
    value = next((one for one in (*named, *others) if one.strip() and not one.startswith("data:")), "")
    if not value:
        return ()
    path = _path(value)
    bare = path.replace("\\", "/").rsplit("/", 1)[-1]
    return tuple(dict.fromkeys((value, path, bare, UPLOADED.sub("", bare)) if path == value else (path, bare, UPLOADED.sub("", bare))))


def _path(value: str) -> str:
    """The path in an address: of /data/local-files/?d=a/b.jpg, https://host/a/b.jpg?x=1, s3://bucket/a/b.jpg; a plain path as it is."""
    try:
        address = urlsplit(value)
    except ValueError:
        return value
    if "d" in (asked := parse_qs(address.query)) and "local-files" in address.path:
        return asked["d"][0]
    if (address.scheme and len(address.scheme) > 1 and "://" in value) or value.startswith("/data/"):
        return unquote(address.path).removeprefix("/data/").lstrip("/")
    return value


def _answers(annotations: Sequence[Mapping[str, Any]], found: Tasks, task: str) -> list[tuple[Said, dict[str, tuple[str, ...]]]]:
    names = [_annotator(one) for one in annotations]
    unknown = names.count("")
    spare = iter([NOBODY] if unknown == 1 else [f"annotator {at}" for at in range(1, unknown + 1)])
    standing = [not (one.get("was_cancelled") or one.get("skipped")) for one in annotations]
    decides = [one.get("ground_truth") is True and stands for one, stands in zip(annotations, standing, strict=True)]
    only = sum(decides) == 1 and sum(standing) > 1  # an import marks all of its answers so
    said = []
    for annotation, name, stands, sure in zip(annotations, names, standing, decides, strict=True):
        one = Said(name or next(spare), skipped=not stands, decides=sure and only, at=str(annotation.get("created_at") or ""))
        choices: dict[str, tuple[str, ...]] = {}
        results = annotation.get("result")
        if stands and isinstance(results, list):
            _take([result for result in results if isinstance(result, dict)], one, choices, found, task)
        said.append((one, choices))
    return said


def _annotator(annotation: Mapping[str, Any]) -> str:
    who = annotation.get("completed_by")
    if isinstance(who, dict):
        full = " ".join(str(who.get(part) or "") for part in ("first_name", "last_name")).strip()
        name = str(who.get("email") or who.get("username") or full or (f"user {who['id']}" if who.get("id") is not None else ""))
    elif isinstance(who, int) and not isinstance(who, bool):
        name = f"user {who}"
    else:
        shown = str(annotation.get("created_username") or who or "")
        email = EMAIL.search(shown)
        name = email[0] if email else shown
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:80]


def _take(results: Sequence[Mapping[str, Any]], said: Said, choices: dict[str, tuple[str, ...]], found: Tasks, task: str) -> None:
    """Sorts an annotation's results into choices and shapes."""
    kinds = [str(one.get("type") or "").lower() for one in results]
    drawn = {one.get("id") for one, kind in zip(results, kinds, strict=True) if kind in SHAPES}
    named: dict[Any, list[str]] = {}  # shapes whose label stands in a result of its own
    for one, kind in zip(results, kinds, strict=True):
        value = one.get("value")
        if kind in ("labels", "choices") and isinstance(value, dict) and one.get("id") in drawn:
            named.setdefault(one.get("id"), []).extend(_texts(value.get(kind)))
    for one, kind in zip(results, kinds, strict=True):
        given = one.get("value")
        value = given if isinstance(given, dict) else {}
        try:
            if kind in SHAPES:
                said.shapes.append(_shape(one, kind, value, named))
                said.size = _sizes(one)
            elif kind == "choices" and one.get("id") not in drawn:
                choices[str(one.get("from_name") or "")] = tuple(check_class(name) for name in _texts(value.get("choices")))
            elif kind not in ("labels", "choices"):
                raise BadInput(f"results of the type {printable(kind)[:40] or '(none)'} say nothing of classes or masks")
        except BadInput as wrong:
            found._left_out.add(str(wrong), f"of task {task}")


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value if isinstance(one, str | int)] if isinstance(value, list) else []


def _sizes(result: Mapping[str, Any]) -> tuple[int, int]:
    sides = [side for name in ("width", "height") if isinstance(side := result.get(f"original_{name}"), int | float) and 0 < side < 1 << 20]
    if len(sides) != 2:
        raise BadInput("it does not say how large its picture is (original_width, original_height)")
    return int(sides[0]), int(sides[1])


def _shape(result: Mapping[str, Any], kind: str, value: Mapping[str, Any], named: Mapping[Any, Sequence[str]]) -> Shape:
    names = _texts(value.get(kind)) or _texts(value.get("labels")) or list(named.get(result.get("id"), ()))
    names = list(dict.fromkeys(names))
    if len(names) != 1:
        raise BadInput("a shape without a label" if not names else "a shape of several labels")
    name = check_class(names[0])
    width, height = _sizes(result)
    if result.get("image_rotation"):
        raise BadInput("it was drawn on a turned picture")
    if SHAPES[kind] == "brush":
        if not isinstance(value.get("rle"), list):
            raise BadInput("a brush without run lengths")
        try:
            return "brush", name, bytes(value["rle"])
        except (TypeError, ValueError):
            raise BadInput("its run lengths are damaged: they must be whole numbers from 0 to 255") from None
    if SHAPES[kind] == "polygon":
        return polygon(_percent(_pairs(value.get("points")), width, height), name)
    left, top, wide, high = _percent([(value.get("x"), value.get("y")), (value.get("width"), value.get("height"))], width, height)
    turned = value.get("rotation") if type(value.get("rotation")) in (int, float) else 0.0
    return box(left, top, left + wide, top + high, name, float(turned or 0.0) if math.isfinite(turned or 0.0) else 0.0, (left, top))


def _pairs(points: Any) -> list[tuple[Any, Any]]:
    if not isinstance(points, list) or not all(isinstance(one, list) and len(one) == 2 for one in points):
        raise BadInput("a polygon needs x and y of three corners at least")
    return [(one[0], one[1]) for one in points]


def _percent(points: Iterable[tuple[Any, Any]], width: int, height: int) -> list[float]:
    """x and y of the points in pixels, of hundredths of the sides."""
    found: list[float] = []
    for x, y in points:
        if type(x) not in (int, float) or type(y) not in (int, float):
            raise BadInput("its place is not told in numbers")
        found += [x / 100 * width, y / 100 * height]
    return found
