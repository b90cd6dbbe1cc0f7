"""Projects moved between alcore and Label Studio, CVAT and VOC, checked with those tools' own packages; prints one table.

No figure of speed: what is compared are classes, names and every pixel. It runs in an environment of its own, because these packages want
other versions of much than alcore does, and calls alcore's command line as a person would:

    python3 -m venv peers && peers/bin/pip install label-studio-sdk==2.1.2 datumaro==1.13.12 pycocotools==2.0.11
    peers/bin/python benchmarks/peers_labelstudio.py --alcore .venv/bin/python
    peers/bin/python benchmarks/peers_labelstudio.py --fixtures tests/data/peers    # the files the tests read; nothing is checked

Ends with 1 when anything differs.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

WIDTH, HEIGHT = 24, 18
CLASSES = ('cat "tom"', "dög & co", "bird, small")
CONFIG = '<View><Image name="img" value="$image"/>{}</View>'
Row = tuple[str, str, str, bool]


def rng() -> np.random.Generator:
    return np.random.default_rng(16)


def pictures(folder: Path, names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    draw = rng()
    for name in names:
        Image.fromarray(draw.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)).save(folder / f"{name}.png")


def masks() -> dict[str, np.ndarray]:
    """Three masks of two or three classes, with holes, lines of one pixel, single pixels and much that is void."""
    draw = rng()
    found = {}
    for name in "abc":
        mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
        mask[3:15, 2:20] = 0
        mask[6:10, 5:12] = 255
        mask[draw.integers(0, HEIGHT), :] = 1
        mask[draw.random((HEIGHT, WIDTH)) < 0.1] = 2
        found[name] = mask
    return found


# ---- what the tools write


def studio_tasks(with_shapes: bool) -> list[dict[str, Any]]:
    """Tasks as Label Studio exports them, brushes packed by its own package."""
    from label_studio_sdk.converter import brush

    people = [{"id": 7, "email": "ann@example.org", "first_name": "Ann", "last_name": ""}, {"id": 8, "email": "bob@example.org"}]
    addresses = {"a": "/data/upload/3/0a1b2c3d-a.png", "b": "/data/local-files/?d=pics/b.png", "c": "https://host.example/pics/c.png?x=1"}

    def annotation(who: int, result: list[dict[str, Any]], cancelled: bool = False) -> dict[str, Any]:
        at = f"2026-01-0{who + 1}T10:00:00.000000Z"
        return {
            "id": who + 1,
            "completed_by": people[who],
            "result": result,
            "was_cancelled": cancelled,
            "ground_truth": False,
            "created_at": at,
        }

    def region(kind: str, value: dict[str, Any]) -> dict[str, Any]:
        sides = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
        return {"id": "r", "from_name": "what", "to_name": "img", "type": kind, "origin": "manual", "value": value, **sides}

    def choice(name: str) -> list[dict[str, Any]]:
        return [{"id": "c", "from_name": "what", "to_name": "img", "type": "choices", "value": {"choices": [name]}}]

    said: dict[str, list[dict[str, Any]]] = {}
    if with_shapes:
        for name, mask in list(masks().items())[:2]:
            found = [
                region(
                    "brushlabels", {"format": "rle", "rle": brush.mask2rle(((mask == at) * 255).astype(np.uint8)), "brushlabels": [label]}
                )
                for at, label in enumerate(CLASSES)
            ]
            said[name] = [annotation(0, found)]
        points = {"points": [[10.0, 10.0], [90.0, 15.0], [60.0, 85.5]], "polygonlabels": [CLASSES[0]]}
        rectangle = {"x": 25.0, "y": 50.0, "width": 25.0, "height": 25.0, "rotation": 0, "rectanglelabels": [CLASSES[1]]}
        said["c"] = [annotation(1, [region("polygonlabels", points), region("rectanglelabels", rectangle)])]
    else:
        said["a"] = [annotation(0, choice(CLASSES[0])), annotation(1, choice(CLASSES[0]))]
        said["b"] = [annotation(0, choice(CLASSES[1])), annotation(1, choice(CLASSES[2]))]
        said["c"] = [annotation(1, [], cancelled=True)]
    guess = [{"model_version": "m1", "score": 0.4, "result": []}]
    tasks = [
        {"id": at, "annotations": said[name], "predictions": guess if name == "a" else [], "data": {"image": addresses[name]}}
        for at, name in enumerate("abc", 1)
    ]
    return [*tasks, {"id": 4, "annotations": [], "predictions": [], "data": {"image": "pics/d.png"}}]


def studio_config(with_shapes: bool) -> str:
    if not with_shapes:
        return CONFIG.format('<Choices name="what" toName="img">{}</Choices>').format(
            "".join(f"<Choice value={quoted(n)}/>" for n in CLASSES)
        )
    labels = "".join(f"<Label value={quoted(name)}/>" for name in CLASSES)
    return CONFIG.format(f'<BrushLabels name="what" toName="img">{labels}</BrushLabels>')


def quoted(text: str) -> str:
    from xml.sax.saxutils import quoteattr

    return quoteattr(text)


def studio_shapes_painted() -> dict[str, np.ndarray]:
    """What the tasks with shapes mean: brushes by Label Studio's decoder, corners by its converter's arithmetic, filled by COCO."""
    from label_studio_sdk.converter import brush
    from pycocotools import mask as coco

    found = {}
    for name, task in zip("abc", studio_tasks(True), strict=False):
        mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
        for one in task["annotations"][-1]["result"]:
            value = one["value"]
            label = CLASSES.index((value.get("brushlabels") or value.get("polygonlabels") or value.get("rectanglelabels"))[0])
            if "rle" in value:
                inside = brush.decode_rle(value["rle"]).reshape(HEIGHT, WIDTH, 4)[:, :, 3] > 0
            else:
                corners = value.get("points") or rectangle_corners(value)
                flat = [part for x, y in corners for part in (x / 100 * WIDTH, y / 100 * HEIGHT)]
                inside = coco.decode(coco.merge(coco.frPyObjects([flat], HEIGHT, WIDTH))).astype(bool)
            mask[inside] = label
        found[name] = mask
    return found


def rectangle_corners(value: dict[str, Any]) -> list[list[float]]:
    left, top, right, bottom = value["x"], value["y"], value["x"] + value["width"], value["y"] + value["height"]
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def datumaro_set(with_shapes: bool, folder: Path) -> Any:
    from datumaro.components.annotation import AnnotationType, Bbox, Label, LabelCategories, Mask, Polygon
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image as Picture

    pictures(folder / "pictures", "abcd")
    said: dict[str, list[Any]] = {"d": []}
    if with_shapes:
        for name, mask in list(masks().items())[:2]:
            said[name] = [Mask((mask == at).astype(np.uint8), label=at, z_order=0) for at in range(len(CLASSES))]
        said["c"] = [Bbox(4, 3, 10, 8, label=1, z_order=2), Polygon([1.5, 1, 22, 2.25, 12, 16], label=0, z_order=1)]
    else:
        said |= {"a": [Label(0)], "b": [Label(2)], "c": [Label(1), Label(2)]}
    items = [
        DatasetItem(name, subset="train", media=Picture.from_file(path=str(folder / "pictures" / f"{name}.png")), annotations=said[name])
        for name in "abcd"
    ]
    return Dataset.from_iterable(items, categories={AnnotationType.label: LabelCategories.from_iterable(CLASSES)})


def datumaro_painted(dataset: Any) -> dict[str, np.ndarray]:
    """Each item's shapes as one mask, lowest first, filled as COCO fills them."""
    from datumaro.components.annotation import AnnotationType
    from pycocotools import mask as coco

    names = [label.name for label in dataset.categories()[AnnotationType.label].items]
    found = {}
    for item in dataset:
        mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
        for one in sorted(item.annotations, key=lambda shape: getattr(shape, "z_order", 0)):
            label = CLASSES.index(names[one.label])
            if one.type == AnnotationType.mask:
                mask[np.asarray(one.image).astype(bool)] = label
            elif one.type == AnnotationType.bbox:
                x, y, w, h = one.get_bbox()
                mask[round(y) : round(y + h), round(x) : round(x + w)] = label
            elif one.type == AnnotationType.polygon:
                mask[coco.decode(coco.merge(coco.frPyObjects([list(one.points)], HEIGHT, WIDTH))).astype(bool)] = label
        found[Path(item.id).name] = mask
    return found


# ---- alcore, as a person calls it


class Mover:
    """alcore's command line on one workspace."""

    def __init__(self, python: Path, home: Path) -> None:
        self.python, self.home = python, home

    def __call__(self, *words: object) -> dict[str, Any]:
        command = [str(self.python), "-m", "alcore", *map(str, words), "--home", str(self.home), "--json"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)}\n{ended.stderr[-2000:]}")
        answer: dict[str, Any] = json.loads(ended.stdout)
        return answer

    def classes(self, source: Path, name: str, format_name: str, more: dict[str, str], out: Path) -> None:
        """Moved in, labeled on by carl, and out again."""
        self("import", source, "--project", name, "--truth", "labels", "--hold-out", 0)
        table(source.parent / f"{name}.csv", more)
        self("label", "--project", name, "--csv", source.parent / f"{name}.csv", "--annotator", "carl")
        self("export", "--project", name, "--format", format_name, "--out", out)


def table(file: Path, rows: dict[str, str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["path", "label"])
        writer.writerows(rows.items())


# ---- the checks


def check_brush(_: Mover, folder: Path) -> Iterator[Row]:
    from label_studio_sdk.converter import brush as theirs

    from alcore.formats import brush as ours

    draw, same, back, of = rng(), 0, 0, 64
    for case in range(of):
        height, width = draw.integers(1, 40, 2).tolist()
        values = [(0, 255), (0, 255), tuple(range(256)), (0,)][case % 4]
        mask = draw.choice(np.array(values, np.uint8), (height, width))
        mask = np.kron(mask[:2, :2], np.ones((300, 90), np.uint8)) if case % 8 == 1 else mask  # runs longer than 16 bits
        packed = theirs.mask2rle(mask)
        same += packed == ours.encoded(mask)
        flat = draw.integers(0, 4, mask.size * 4).astype(np.uint8)  # four channels that differ, as of RGBA
        read = ours.decoded(theirs.encode_rle(flat), mask.shape[1], mask.shape[0])
        back += bool(
            (read == flat.reshape(*mask.shape, 4)[:, :, 3]).all() and (ours.decoded(packed, mask.shape[1], mask.shape[0]) == mask).all()
        )
    yield "brush run lengths", "label-studio-sdk brush.mask2rle", f"{same} of {of} masks the same bytes", same == of
    yield "brush run lengths", "label-studio-sdk brush.encode_rle", f"{back} of {of} RGBA pictures the same alpha", back == of


def check_studio_classes(alcore: Mover, folder: Path) -> Iterator[Row]:
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.label_interface import LabelInterface

    source = folder / "in"
    pictures(source / "pics", "abcd")
    (source / "export.json").write_text(json.dumps(studio_tasks(False)), encoding="utf-8")
    (source / "config.xml").write_text(studio_config(False), encoding="utf-8")
    alcore.classes(source, "studio", "labelstudio", {"in/pics/d.png": CLASSES[1]}, folder / "out")
    config = (folder / "out" / "labeling.xml").read_text()
    converter = Converter(config, str(folder), download_resources=False)
    found = {
        (Path(item["input"]["image"]).name, who(item["completed_by"]), one["choices"][0])
        for item in converter.iter_from_json_file(str(folder / "out" / "tasks.json"))
        for one in item["output"].get("class", [])
    }
    wanted = {
        ("a.png", "ann@example.org", CLASSES[0]),
        ("a.png", "bob@example.org", CLASSES[0]),
        ("b.png", "ann@example.org", CLASSES[1]),
        ("b.png", "bob@example.org", CLASSES[2]),
        ("d.png", "", CLASSES[1]),  # carl is not known there: his name stands beside
    }
    yield (
        "Label Studio, classes: in, labeled on, out",
        "label-studio-sdk Converter",
        f"{len(found & wanted)} of {len(wanted)} answers",
        found == wanted,
    )
    tasks = json.loads((folder / "out" / "tasks.json").read_text())
    skipped = [Path(task["data"]["image"]).name for task in tasks if any(one["was_cancelled"] for one in task["annotations"])]
    yield "Label Studio, skips", "its field was_cancelled", f"{len(skipped)} of 1", skipped == ["c.png"]
    interface = LabelInterface(config)
    valid = sum(all(interface.validate_annotation(one) for one in task["annotations"]) for task in tasks)
    yield (
        "Label Studio, tasks by their configuration",
        "label-studio-sdk LabelInterface",
        f"{valid} of {len(tasks)} valid",
        valid == len(tasks),
    )


def who(completed_by: Any) -> str:
    return str(completed_by.get("email", "")) if isinstance(completed_by, dict) else str(completed_by or "")


def check_studio_masks(alcore: Mover, folder: Path) -> Iterator[Row]:
    from label_studio_sdk.converter import Converter

    source, last = folder / "in", masks()["c"]
    pictures(source / "pics", "abcd")
    Image.fromarray(last).save(folder / "d.png")
    (source / "export.json").write_text(json.dumps(studio_tasks(True)), encoding="utf-8")
    (source / "config.xml").write_text(studio_config(True), encoding="utf-8")
    alcore.classes(source, "brushes", "labelstudio", {"in/pics/d.png": "d.png"}, folder / "out")
    converter = Converter((folder / "out" / "labeling.xml").read_text(), str(folder), download_resources=False)
    (folder / "numpy").mkdir()
    converter.convert(str(folder / "out" / "tasks.json"), str(folder / "numpy"), "BRUSH_TO_NUMPY", is_dir=False)
    named = {task["id"]: Path(task["data"]["image"]).stem for task in json.loads((folder / "out" / "tasks.json").read_text())}
    found = {name: np.full((HEIGHT, WIDTH), 255, np.uint8) for name in named.values()}
    for file in (folder / "numpy").glob("*.npy"):
        label = next(at for at, name in enumerate(CLASSES) if f"-class-{name}-0" in file.stem)
        found[named[int(file.stem.split("-")[1])]][np.load(file) > 0] = label
    wanted = studio_shapes_painted() | {"d": last}
    same = sum(np.array_equal(found[name], mask) for name, mask in wanted.items())
    yield (
        "Label Studio, masks: in, painted on, out",
        "label-studio-sdk BRUSH_TO_NUMPY",
        f"{same} of {len(wanted)} masks, every pixel",
        same == len(wanted),
    )


def check_cvat_classes(alcore: Mover, folder: Path) -> Iterator[Row]:
    from datumaro.components.annotation import AnnotationType
    from datumaro.components.dataset import Dataset

    datumaro_set(False, folder).export(str(folder / "in"), "cvat", save_media=True)
    alcore.classes(folder / "in", "tags", "cvat", {"in/images/d.png": CLASSES[0]}, folder / "out")
    back = Dataset.import_from(str(folder / "out"), "cvat")
    names = [label.name for label in back.categories()[AnnotationType.label].items]
    found = {(Path(item.id).name, names[one.label]) for item in back for one in item.annotations}
    wanted = {("a", CLASSES[0]), ("b", CLASSES[2]), ("d", CLASSES[0])}  # c had two tags
    yield (
        "CVAT, tags: in, labeled on, out",
        "datumaro cvat",
        f"{len(found & wanted)} of {len(wanted)} tags",
        found == wanted and names == list(CLASSES),
    )
    yield "CVAT, images without a tag", "datumaro cvat", f"{len(back)} of 4 images", len(back) == 4


def check_cvat_masks(alcore: Mover, folder: Path) -> Iterator[Row]:
    from datumaro.components.dataset import Dataset

    last = masks()["c"]
    theirs = datumaro_set(True, folder)
    theirs.export(str(folder / "in"), "cvat", save_media=True)
    Image.fromarray(last).save(folder / "d.png")
    alcore.classes(folder / "in", "shapes", "cvat", {"in/images/d.png": "d.png"}, folder / "out")
    found, wanted = datumaro_painted(Dataset.import_from(str(folder / "out"), "cvat")), datumaro_painted(theirs) | {"d": last}
    same = sum(np.array_equal(found[name], mask) for name, mask in wanted.items())
    yield (
        "CVAT, masks, polygons and boxes: in, painted on, out",
        "datumaro cvat",
        f"{same} of {len(wanted)} masks, every pixel",
        same == len(wanted),
    )


def check_voc(alcore: Mover, folder: Path) -> Iterator[Row]:
    from datumaro.components.annotation import AnnotationType
    from datumaro.components.dataset import Dataset

    datumaro_set(True, folder).export(str(folder / "in"), "cvat", save_media=True)
    alcore("import", folder / "in", "--project", "voc", "--truth", "labels", "--hold-out", 0)
    alcore("export", "--project", "voc", "--format", "voc", "--out", folder / "out")
    back = Dataset.import_from(str(folder / "out"), "voc_segmentation")
    names = [label.name for label in back.categories()[AnnotationType.label].items]
    wanted = datumaro_painted(datumaro_set(True, folder))
    same = 0
    for item in back:
        mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
        for one in item.annotations:
            if one.type == AnnotationType.mask and names[one.label] in CLASSES:
                mask[np.asarray(one.image).astype(bool)] = CLASSES.index(names[one.label])
        same += np.array_equal(mask, wanted[Path(item.id).name])
    yield "VOC, masks out", "datumaro voc_segmentation", f"{same} of 3 masks, every pixel", same == 3
    boxes = datumaro_set(True, folder / "boxes")
    boxes.export(str(folder / "detection"), "voc_detection", save_media=True)
    told = alcore("import", folder / "detection", "--dry-run")
    expected = {item.id for item in boxes for one in item.annotations if one.type == AnnotationType.bbox}
    labeled = {Path(one["path"]).stem for one in told["samples"] if one["label"] == CLASSES[1]}
    yield "VOC, boxes in", "datumaro voc_detection", f"{len(labeled)} of {len(expected)} classes", labeled == expected


CHECKS: tuple[Callable[[Mover, Path], Iterator[Row]], ...] = (
    check_brush,
    check_studio_classes,
    check_studio_masks,
    check_cvat_classes,
    check_cvat_masks,
    check_voc,
)


def fixtures(out: Path) -> None:
    """The files that the tests read, and what the tools themselves make of them."""
    out.mkdir(parents=True, exist_ok=True)
    made = f"python benchmarks/peers_labelstudio.py --fixtures {out} with " + ", ".join(
        f"{name} {version(name)}" for name in ("label-studio-sdk", "datumaro", "pycocotools")
    )
    (out / "labelstudio_masks.json").write_text(json.dumps(studio_tasks(True)) + "\n", encoding="utf-8")
    (out / "labelstudio_classes.json").write_text(json.dumps(studio_tasks(False)) + "\n", encoding="utf-8")
    painted = {name: mask.tolist() for name, mask in studio_shapes_painted().items()}
    with tempfile.TemporaryDirectory() as place:
        for name, shapes in (("cvat_masks", True), ("cvat_tags", False)):
            theirs = datumaro_set(shapes, Path(place) / name)
            theirs.export(str(Path(place) / name / "out"), "cvat", save_media=True)
            (out / f"{name}.xml").write_bytes((Path(place) / name / "out" / "train.xml").read_bytes())
            if shapes:
                cvat = {one: mask.tolist() for one, mask in datumaro_painted(theirs).items() if one != "d"}
        theirs = datumaro_set(True, Path(place) / "voc")
        theirs.export(str(Path(place) / "voc" / "out"), "voc_detection", save_media=True)
        (out / "voc_c.xml").write_bytes((Path(place) / "voc" / "out" / "Annotations" / "c.xml").read_bytes())
    told = {"made_by": made, "classes": CLASSES, "labelstudio": painted, "cvat": cvat}
    (out / "expected.json").write_text(json.dumps(told) + "\n", encoding="utf-8")
    print(made)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alcore", type=Path, default=ROOT / ".venv" / "bin" / "python", help="the Python that has alcore's packages")
    parser.add_argument("--fixtures", type=Path, metavar="FOLDER", help="write the tests' files there, and check nothing")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    if args.fixtures:
        fixtures(args.fixtures)
        return 0
    rows: list[Row] = []
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as place:
            rows += check(Mover(args.alcore, Path(place) / "home"), Path(place))
    print("| what | read by | result | |\n|---|---|---|---|")
    for what, by, told, good in rows:
        print(f"| {what} | {by} | {told} | {'same' if good else 'DIFFERS'} |")
    return 0 if all(row[-1] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
