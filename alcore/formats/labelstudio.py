"""Label Studio: JSON of tasks and who answered them; choices are classes, brushes, polygons and rectangles are masks. Read and written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import numpy as np

from alcore.errors import BadInput
from alcore.formats import brush
from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions, near, split_of_path, walk
from alcore.formats.dense import Color
from alcore.formats.labelstudio_json import EMAIL, NOBODY, SHAPES, Task, Tasks, looks_like_tasks, tasks_of
from alcore.formats.markup import color, files_with, root_of
from alcore.formats.places import SEVERAL, Places
from alcore.formats.said import Image, Source, joined, most, reading_of
from alcore.formats.writing import Item, Labeled, Legend, Pictures, Writing, distinct
from alcore.naming import check_class, printable
from alcore.reading import Reading
from alcore.types import Answer, Skipped

TASKS, CONFIG, IMAGES = "tasks.json", "labeling.xml", "images"
CONTROL = "class"  # what the control is called whose choices or labels are written
LOCAL = "/data/local-files/?d="
GIVEN = "given"  # whose labels came with images that are held out
WHOLE = True  # images without a label are written too: a project moves


class LabelStudio(Format):
    """Its JSON export, beside the images or above them; a labeling configuration (*.xml) beside it gives the order of the classes.

    The image of a task is found by the path in its address, by its name, or by its name as it was before it was uploaded. A task that
    several people answered keeps all of their answers; of masks the newest counts. Cancelled answers are skips. Predictions are not read.
    """

    name = "labelstudio"
    title = "Label Studio (JSON)"
    rank = 34
    tasks = ("classification", "segmentation")

    def recognizes(self, src: Path) -> str | None:
        """By what is in a JSON file, given itself or near the images."""
        return "Label Studio" if _files(src) else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        """See Format."""
        root, names = (src.parent, [src.name]) if src.is_file() else (src, _files(src) or near(src, ".json"))
        if not names:
            raise BadInput(f"{src} holds no JSON file of Label Studio: put it beside the images, or give the file itself")
        config, key, classes = _config(root, names)
        found = _contents(root, names, key)
        paths = None if src.is_file() else list(walk(src, []))
        images, skipped = _placed(root, found, paths)
        if not images:
            first = next((one for one in skipped if one.reason.endswith(ABSENT)), None)
            where = f"; the first is {first.path[-60:]!r}: put the images beside {names[0][-60:]}" if first else ""
            raise BadInput(f"{src}: none of its {sum(len(one.tasks) for one in found):,} tasks has its image there{where}")
        drawn = options.task == "segmentation" or (
            options.task == "auto" and any(said.shapes for one in found for task in one.tasks for said, _ in task.said)
        )
        source = Source(root, "Label Studio", classes[drawn], list(images.values()), skipped=skipped)
        source.others = [path for path in paths or () if path not in images]
        source.warnings = [sentence for one in found for sentence in one.told()]
        source.used = frozenset((*names, *([config] if config else ())))
        return reading_of(source, options.task)


ABSENT = "there is no such image"


def _files(src: Path) -> list[str]:
    if src.is_file():
        return [src.name] if src.suffix.lower() == ".json" and looks_like_tasks(src) else []
    return [name for name in near(src, ".json") if looks_like_tasks(src / name)]


def _contents(root: Path, names: Sequence[str], key: str) -> list[Tasks]:
    """What the files hold; one that is damaged costs only itself, unless there is no other."""
    found: list[Tasks] = []
    faults: list[tuple[str, BadInput]] = []
    door = Inside(root)
    for name in names:
        try:
            found.append(tasks_of(door.file(name), name, key))
        except BadInput as wrong:
            faults.append((name, wrong))
    if not found:
        raise faults[0][1]
    found[0].skipped.extend(Skipped(printable(name), str(wrong)) for name, wrong in faults)
    return found


def _placed(root: Path, found: Sequence[Tasks], paths: Sequence[str] | None) -> tuple[dict[str, Image], list[Skipped]]:
    """The images that are there, each with what was said of it."""
    places = Places(root, paths)
    images: dict[str, Image] = {}
    called_by: dict[str, str] = {}
    skipped: list[Skipped] = []
    for content in found:
        skipped += content.skipped
        around = content.name.rpartition("/")[0]
        folders = list(dict.fromkeys([around, f"{around}/{IMAGES}".lstrip("/"), "", IMAGES]))
        for task in content.tasks:
            path, reason = _place(task, places, folders)
            if not path:
                skipped.append(Skipped(printable(task.called[0][:200]), f"{content.name}, task {task.number}: {reason}"))
                continue
            image = Image(path, task.split or split_of_path(path) or "pool", listing=content.name)
            for said, _ in task.said:
                image.add(said)
            joined(images, image, task.called[0], skipped, called_by)
    return images, skipped


def _place(task: Task, places: Places, folders: Sequence[str]) -> tuple[str, str]:
    for called in task.called:
        path, reason = places.find(called, folders)
        if path:
            return path, ""
        if reason == SEVERAL:
            return "", reason
    return "", ABSENT


def _config(root: Path, names: Sequence[str]) -> tuple[str, str, tuple[dict[str, Color | None], dict[str, Color | None]]]:
    """The labeling configuration's file, what the image of a task is called in it, and its classes: choices, and labels of shapes. Where
    there is none, or several, nothing."""
    folders = {name.rpartition("/")[0] for name in names}
    configs = [name for name in files_with(root, "View") if name.rpartition("/")[0] in folders]
    choices: dict[str, Color | None] = {}
    labels: dict[str, Color | None] = {}
    if len(configs) != 1:
        return "", "", (choices, labels)
    root_element = root_of(Inside(root), configs[0])
    key = ""
    for element in root_element.iter():
        kind = element.tag.lower() if isinstance(element.tag, str) else ""
        if kind == "image" and not key:
            key = (element.get("value") or "").removeprefix("$")
        if kind == "choices" or kind in SHAPES or kind == "labels":
            _add_names(element, choices if kind == "choices" else labels)
    return configs[0], key, (choices, labels)


def _add_names(control: ElementTree.Element, into: dict[str, Color | None]) -> None:
    if control.tag.lower() == "choices" and into:
        return  # of several controls the first one's: the answers say which one is read
    for one in control:
        value = one.get("alias") or one.get("value")
        if isinstance(one.tag, str) and one.tag.lower() in ("choice", "label") and value:
            into.setdefault(check_class(value, "the labeling configuration"), color(one.get("background")))


# ---- writing


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    """Writes tasks.json, the labeling configuration and the images; each person's newest answer is an annotation of its task.

    Returns:
        (the image's path, what it is called now) of those whose name could not be kept.
    """
    pictures = Pictures(out)
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for name in classes)
    _write_config(out, f'  <Choices name="{CONTROL}" toName="image" choice="single">\n{choices}  </Choices>\n')
    with closing(_Writer(out)) as tasks:
        for item in items:
            path, _ = pictures.write(_below(item.path), *item.picture(), was=item.path)
            said = [*item.said()] or ([Answer(item.annotator, item.label)] if item.label else [])
            tasks.add(path, item.split, [(answer, _choice(answer)) for answer in _decided(said, item.label)])
    return pictures.renamed


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    """The same of masks, as run lengths of brushes: a result a class that the mask has."""
    writing = Writing(out, legend.classes)
    colors = distinct(legend.colors, len(legend.classes))
    labels = "".join(
        f'    <Label value={quoteattr(name)} background="#{red:02x}{green:02x}{blue:02x}"/>\n'
        for name, (red, green, blue) in zip(legend.classes, colors, strict=True)
    )
    _write_config(out, f'  <BrushLabels name="{CONTROL}" toName="image">\n{labels}  </BrushLabels>\n')
    with closing(_Writer(out)) as tasks:
        for item in items:
            path = writing.image(item, _below(item.path))
            said = item.said or ([Answer(item.annotator, "")] if item.mask.size else [])
            tasks.add(path, item.split, [(one, [] if one.value is None else _brushes(item.mask, legend.classes)) for one in said])
    return writing.renamed


def _below(path: str) -> str:
    """Where an image goes: Label Studio serves folders below its own, not that one itself."""
    return path if path.startswith(f"{IMAGES}/") else f"{IMAGES}/{path}"


def _write_config(out: Path, control: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    image = '  <Image name="image" value="$image"/>\n'
    (out / CONFIG).write_text(f"<View>\n{image}{control}</View>\n", encoding="utf-8")


def _decided(said: Sequence[Answer], label: str) -> list[Answer]:
    """The answers, of which one decides where the most of them do not say what the image counts as."""
    counts, torn = most(said)
    if counts == (label or None) or (torn and label in {one.value for one in said[:1]}):
        return list(said)
    at = next((at for at, one in reversed(list(enumerate(said))) if one.value == (label or None)), None)
    return list(said) if at is None else [Answer(one.annotator, one.value, decides=number == at) for number, one in enumerate(said)]


def _choice(answer: Answer) -> list[dict[str, Any]]:
    return [] if answer.value is None else [{"type": "choices", "value": {"choices": [answer.value]}}]


def _brushes(mask: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    height, width = mask.shape
    found = []
    for value in np.unique(mask).tolist():
        if value < len(classes):
            painted = {
                "format": "rle",
                "rle": brush.encoded(np.where(mask == value, 255, 0).astype(np.uint8)),
                "brushlabels": [classes[value]],
            }
            sides = {"original_width": width, "original_height": height, "image_rotation": 0}
            found.append({"type": "brushlabels", "value": painted, **sides})
    return found


class _Writer:
    """tasks.json, a task at a time."""

    def __init__(self, out: Path) -> None:
        self._file: TextIO = (out / TASKS).open("w", encoding="utf-8")
        self._tasks = self._annotations = 0

    def add(self, path: str, split: str, answers: Sequence[tuple[Answer, Sequence[Mapping[str, Any]]]]) -> None:
        """Writes one task with its annotations."""
        self._tasks += 1
        annotations = []
        for answer, results in answers:
            self._annotations += 1
            named = [
                {"id": f"{self._annotations}-{at}", "from_name": CONTROL, "to_name": "image", "origin": "manual", **one}
                for at, one in enumerate(results, 1)
            ]
            told = {"was_cancelled": answer.value is None, "ground_truth": answer.decides, "result": named}
            annotations.append({"id": self._annotations, **_person(answer.annotator), **told})
        data = {"image": LOCAL + quote(path), "split": split}
        task = {"id": self._tasks, "data": data, "annotations": annotations, "predictions": []}
        self._file.write(("[\n" if self._tasks == 1 else ",\n") + json.dumps(task, ensure_ascii=False))

    def close(self) -> None:
        """Ends the list."""
        self._file.write("\n]\n" if self._tasks else "[]\n")
        self._file.close()


def _person(name: str) -> dict[str, Any]:
    """Who an annotation is by: an address or a number as Label Studio knows its people by them, any other name beside it."""
    if EMAIL.fullmatch(name):
        return {"completed_by": {"email": name}}
    if known := re.fullmatch(r"user ([0-9]{1,9})", name):
        return {"completed_by": int(known[1])}
    return {} if name in ("", NOBODY, GIVEN) else {"created_username": name}


FORMAT = LabelStudio()
