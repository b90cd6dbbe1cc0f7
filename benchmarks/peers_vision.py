"""Formats both ways, against the peers' own packages: what we write read by their readers, what their exporters write read by ours.

    python -m venv peers && peers/bin/pip install supervision==0.31.2 datumaro==1.13.12 datasets==5.2.0 webdataset==1.0.2 \\
        fiftyone==1.22.1 pycocotools==2.0.11 pillow pyarrow pyyaml
    peers/bin/python benchmarks/peers_vision.py                        # prints a table
    peers/bin/python benchmarks/peers_vision.py --fixtures tests/data/peers       # writes their exports, as the tests keep them

Each line compares values: labels by path, masks pixel for pixel, contents byte for byte. What is lost is counted, not hidden.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path[0] = str(Path(__file__).resolve().parent.parent)  # and not this folder: FiftyOne has a package eta of its own

from alcore.formats import LABEL_WRITERS, MASK_WRITERS, read  # noqa: E402
from alcore.formats.writing import Item, Labeled, Legend  # noqa: E402
from alcore.importing.unpacking import unpack  # noqa: E402

CLASSES = ("cat", "house cat", "größe", "10", "no")
COLORS = ((200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200))
SIDES = (48, 40)  # height and width

Check = Callable[[Path], str]


def peer(name: str) -> Any:
    """A package of the peers; nothing of alcore needs it."""
    return importlib.import_module(name)


def picture(seed: int, height: int = SIDES[0], width: int = SIDES[1], kind: str = "JPEG") -> bytes:
    """A small picture, the same for the same seed."""
    rng = np.random.default_rng(seed)
    pixels = np.kron(rng.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3)), np.ones((8, 8, 1)))[:height, :width]
    made = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(made, kind)
    return made.getvalue()


def mask(seed: int, classes: int = 3, height: int = SIDES[0], width: int = SIDES[1]) -> np.ndarray:
    """Blobs of classes with holes, islands in the holes, lines of one pixel and void around."""
    rng = np.random.default_rng(100 + seed)
    made = np.full((height, width), 255, np.uint8)
    made[4:36, 3:37] = 0
    made[8:28, 8:30] = 255 if seed % 2 else 1
    made[12:20, 12:20] = 2
    made[14:17, 14:17] = 255
    made[40, :] = seed % classes
    made[:, 38] = 1
    spots = rng.random((height // 4, width // 4)) < 0.15
    made[np.kron(spots, np.ones((4, 4))).astype(bool)] = rng.integers(0, classes)
    return made


PATHS = ("cat/a.jpg", "cat/b c.jpg", "deep/er/x.rgb.jpg", "größe.jpg", "e.jpg", "f.jpg", "g.jpg", "h.jpg")
SPLITS = ("train", "train", "train", "val", "train", "test", "val", "train")


def content(at: int) -> tuple[bytes, str]:
    """A picture and its suffix."""
    return picture(at), ".jpg"


def labeled(flat: bool = False) -> list[Labeled]:
    """Eight labeled images with odd names and classes; `flat` without folders, for readers that look into none."""
    return [
        Labeled(path.split("/")[-1] if flat else path, split, CLASSES[at % len(CLASSES)], "ann", partial(content, at))
        for at, (path, split) in enumerate(zip(PATHS, SPLITS, strict=True))
    ]


def masked(below: str | None = None) -> list[Item]:
    """The same with masks; with `below` right below that folder."""
    return [
        Item(path if below is None else below + path.split("/")[-1], picture(at), split, mask(at))
        for at, (path, split) in enumerate(zip(PATHS, SPLITS, strict=True))
    ]


LEGEND = Legend(CLASSES[:3], COLORS[:3], {})
WANTED = {(split, CLASSES[at % len(CLASSES)], picture(at)) for at, split in enumerate(SPLITS)}  # split, class, content


def ours(folder: Path, format: str = "auto") -> set[tuple[str, str | None, bytes]]:
    """What our reader makes of a source: split, class and content of each image."""
    reading = read(folder, format)
    with tempfile.TemporaryDirectory() as below:
        unpack(reading, Path(below))
        found = {
            ({"pool": "train"}.get(entry.split, entry.split), entry.label, (Path(reading.root) / entry.path).read_bytes())
            for entry in reading.entries
        }
    assert len(found) == len(reading.entries), "two images are the same"
    return found


def same(found: set[Any], wanted: set[Any]) -> str:
    """A sentence, or an AssertionError that tells the difference."""
    short = [[(one[0], one[1]) for one in sorted(of, key=str)] for of in (wanted - found, found - wanted)]
    assert found == wanted, f"lacking {short[0]}, instead {short[1]}"
    return f"{len(found)} images: split, class and bytes equal"


def pixels(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> str:
    """How many pixels of (found, wanted) masks differ."""
    off = of = images = 0
    for found, wanted in pairs:
        assert found.shape == wanted.shape, (found.shape, wanted.shape)
        off, of, images = off + int((found != wanted).sum()), of + wanted.size, images + 1
    return f"{images} masks: {'every pixel equal' if not off else f'{off:,} of {of:,} pixels differ ({100 * off / of:.2f} %)'}"


# ---- ours to theirs


def write(name: str, out: Path, below: str | None = None) -> Path:
    """Our export of all of it; with `below` of images without folders of their own."""
    if name in MASK_WRITERS:
        out.mkdir()
        MASK_WRITERS[name](out, masked(below), LEGEND)
    else:
        LABEL_WRITERS[name](out, labeled(below is not None), CLASSES)
    return out


def hf_reads_parquet(here: Path) -> str:
    """datasets.load_dataset on our folder."""
    sets = peer("datasets").load_dataset(str(write("hf", here / "hf")), cache_dir=str(here / "cache"))
    found = set()
    for split, rows in sets.items():
        assert rows.features["label"].names == list(CLASSES)
        for row in rows.cast_column("image", peer("datasets").Image(decode=False)):
            found.add((split.replace("validation", "val"), CLASSES[row["label"]], row["image"]["bytes"]))
    return same(found, WANTED)


def hf_reads_imagefolder(here: Path) -> str:
    """datasets' imagefolder on ours: labels come as the texts they are."""
    sets = peer("datasets").load_dataset("imagefolder", data_dir=str(write("imagefolder", here / "if")), cache_dir=str(here / "cache"))
    found = set()
    for split, rows in sets.items():
        for row in rows.cast_column("image", peer("datasets").Image(decode=False)):
            content = row["image"]["bytes"] or Path(row["image"]["path"]).read_bytes()
            found.add((split.replace("validation", "val"), row["label"], content))
    return same(found, WANTED)


def webdataset_reads(here: Path) -> str:
    """webdataset on our shards, its own decoding of .cls and .json."""
    out = here / "wds"
    LABEL_WRITERS["webdataset"](out, labeled(), CLASSES, shard=4000)
    found = set()
    shards = sorted(out.glob("*.tar"))
    for shard in shards:
        for sample in peer("webdataset").WebDataset(str(shard), shardshuffle=False, empty_check=False):
            assert json.loads(sample["json"])["label"] == CLASSES[int(sample["cls"])]
            found.add((shard.name.split("-")[0], CLASSES[int(sample["cls"])], sample["jpg"]))
    return f"{same(found, WANTED)}, {len(shards)} shards"


def fiftyone_reads(here: Path) -> str:
    """FiftyOne's importer of FiftyOneImageClassificationDataset, split by split."""
    out, fo = write("fiftyone", here / "fo"), peer("fiftyone.utils.data")
    found = set()
    for folder in sorted(out.iterdir()):
        with fo.FiftyOneImageClassificationDatasetImporter(dataset_dir=str(folder)) as importer:
            for path, _, label in importer:
                found.add((folder.name, label.label, Path(path).read_bytes()))
    return same(found, WANTED)


def fiftyone_reads_tree(here: Path) -> str:
    """FiftyOne's directory tree importer on our class folders."""
    out, fo = write("folder", here / "tree"), peer("fiftyone.utils.data")
    found = set()
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        with fo.ImageClassificationDirectoryTreeImporter(dataset_dir=str(folder)) as importer:
            for path, _, label in importer:
                found.add((folder.name, label.label, Path(path).read_bytes()))
    return same(found, WANTED)


def supervision_reads_folders(here: Path) -> str:
    """supervision's ClassificationDataset on our class folders (YOLO's classification layout), split by split."""
    out, sv = write("folder", here / "tree", ""), peer("supervision")
    found = set()
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        data = sv.ClassificationDataset.from_folder_structure(root_directory_path=str(folder))
        for path, _, label in data:
            found.add((folder.name, data.classes[int(label.class_id[0])], Path(path).read_bytes()))
    return same(found, WANTED)


def datumaro_reads_folders(here: Path) -> str:
    """datumaro's imagenet layout on our class folders of one split."""
    out, dm = write("folder", here / "tree", ""), peer("datumaro")
    data = dm.Dataset.import_from(str(out / "train"), "imagenet")
    names = [category.name for category in data.categories()[dm.AnnotationType.label]]
    found = {("train", names[item.annotations[0].label], Path(item.media.path).read_bytes()) for item in data}
    return same(found, {one for one in WANTED if one[0] == "train"})


def pandas_reads_parquet(here: Path) -> str:
    """pyarrow on our table."""
    out = here / "labels.parquet"
    LABEL_WRITERS["parquet"](out, labeled(), CLASSES)
    rows = peer("pyarrow.parquet").read_table(out).to_pylist()
    wanted = [{"path": one.path, "label": one.label, "split": one.split, "annotator": one.annotator} for one in labeled()]
    assert rows == wanted
    return f"{len(rows)} rows, {len(rows[0])} columns equal"


def coco_masks(folder: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Our instances decoded by pycocotools' own COCO class, beside what was written."""
    tools = peer("pycocotools.coco")
    by_path = {item.path: item.mask for item in masked()}
    for file in sorted((folder / "annotations").glob("instances_*.json")):
        stdout, sys.stdout = sys.stdout, io.StringIO()
        coco = tools.COCO(str(file))
        sys.stdout = stdout
        for image in coco.loadImgs(coco.getImgIds()):
            found = np.full((image["height"], image["width"]), 255, np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
                found[coco.annToMask(annotation) > 0] = annotation["category_id"] - 1
            yield found, by_path[image["file_name"]]


def pycocotools_reads(here: Path) -> str:
    """pycocotools on our instances."""
    return pixels(coco_masks(write("coco", here / "coco")))


def detections(data: Any, root: Path, base: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """supervision's masks of a data set, painted smaller over larger, beside what was written."""
    by_name = {Path(item.path).stem: item.mask for item in masked()}
    for path, _, found in data:
        painted = np.full(SIDES, 255, np.uint8)
        if found.mask is not None:
            for area, value in sorted(zip(found.mask, found.class_id, strict=True), key=lambda one: -int(one[0].sum())):
                painted[area] = int(value) - base
        yield painted, by_name[Path(path).stem]


def supervision_reads_coco(here: Path) -> str:
    """supervision on our instances."""
    out, sv = write("coco", here / "coco"), peer("supervision")
    pairs = []
    for split in ("train", "val", "test"):
        data = sv.DetectionDataset.from_coco(str(out), str(out / f"annotations/instances_{split}.json"), force_masks=True)
        pairs += list(detections(data, out))
    return pixels(iter(pairs))


def datumaro_reads_coco(here: Path) -> str:
    """datumaro on our instances, the images below a folder images as it wants them."""
    out, dm = write("coco", here / "coco", "images/"), peer("datumaro")
    data = dm.Dataset.import_from(str(out), "coco_instances")
    names = [category.name for category in data.categories()[dm.AnnotationType.label]]
    by_stem = {Path(item.path).stem: item.mask for item in masked()}
    pairs = []
    for item in data:
        painted = np.full(SIDES, 255, np.uint8)
        own = [one for one in item.annotations if one.type == dm.AnnotationType.mask]  # it makes a box beside each
        for one in sorted(own, key=lambda one: -one.get_area()):
            painted[np.asarray(one.image, bool)] = CLASSES.index(names[one.label])
        pairs.append((painted, by_stem[item.id.split("/")[-1]]))
    assert len(pairs) == len(by_stem), f"{len(pairs)} images of {len(by_stem)}"
    return pixels(iter(pairs))


def supervision_reads_yolo(here: Path) -> str:
    """supervision on our polygons; it rounds corners to whole pixels, so areas grow at the right and at the bottom."""
    out, sv = write("yolo", here / "yolo", ""), peer("supervision")
    pairs = []
    for split in ("train", "val", "test"):
        data = sv.DetectionDataset.from_yolo(
            str(out / "images" / split), str(out / "labels" / split), str(out / "data.yaml"), force_masks=True
        )
        pairs += list(detections(data, out))
    return pixels(iter(pairs))


def opencv_reads_yolo(here: Path) -> str:
    """OpenCV's fillPoly over corners cut down to whole pixels, as Ultralytics makes its training masks."""
    out, cv2 = write("yolo", here / "yolo"), peer("cv2")
    pairs = []
    for item in masked():
        text = next((out / "labels" / item.split).rglob(f"{Path(item.path).stem}.txt")).read_text()
        painted = np.full(SIDES, 255, np.uint8)
        for line in text.splitlines():
            values = [float(cell) for cell in line.split()]
            one = np.zeros(SIDES, np.uint8)
            cv2.fillPoly(one, [(np.array(values[1:]).reshape(-1, 2) * SIDES[::-1]).astype(np.int32)], 1)
            painted[one > 0] = int(values[0])
        pairs.append((painted, item.mask))
    return pixels(iter(pairs))


# ---- theirs to ours


def images(folder: Path) -> list[tuple[str, str, Path]]:
    """(split, class, file) of the eight images below a folder."""
    made = []
    for at, (path, split) in enumerate(zip(PATHS, SPLITS, strict=True)):
        file = folder / split / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(picture(at))
        made.append((split, CLASSES[at % len(CLASSES)], file))
    return made


def make_hf(out: Path) -> None:
    """Parquet files by datasets, a split each."""
    datasets = peer("datasets")
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(CLASSES))})
    (out / "data").mkdir(parents=True)
    for split in ("train", "validation", "test"):
        own = [(at, one) for at, one in enumerate(SPLITS) if one == split.replace("validation", "val")]
        rows = {
            "image": [{"bytes": picture(at), "path": PATHS[at]} for at, _ in own],
            "label": [at % len(CLASSES) for at, _ in own],
        }
        datasets.Dataset.from_dict(rows, features).to_parquet(str(out / "data" / f"{split}-00000-of-00001.parquet"))


def make_webdataset(out: Path) -> None:
    """Shards by webdataset's ShardWriter, classes as names in .cls for val and test, in .json for train."""
    out.mkdir(parents=True)
    for split in ("train", "val", "test"):
        with peer("webdataset").ShardWriter(str(out / f"{split}-%06d.tar"), maxcount=2, verbose=0) as writer:
            for at, path in enumerate(PATHS):
                if SPLITS[at] == split:
                    name = CLASSES[at % len(CLASSES)]
                    kind = {"json": {"label": name}} if split == "train" else {"cls": name}
                    writer.write({"__key__": path.split(".")[0].replace(" ", "_"), "jpg": picture(at), **kind})


def make_fiftyone(out: Path) -> None:
    """labels.json and data by FiftyOne's exporter, a folder a split."""
    fo, labels = peer("fiftyone.utils.data"), peer("fiftyone.core.labels")
    with tempfile.TemporaryDirectory() as below:
        for split in ("train", "val", "test"):
            exporter = fo.FiftyOneImageClassificationDatasetExporter(str(out / split), classes=list(CLASSES))
            with exporter:
                for own, name, file in images(Path(below)):
                    if own == split:
                        exporter.export_sample(str(file), labels.Classification(label=name))


def make_tree(out: Path) -> None:
    """Class folders by FiftyOne's exporter, with one image that has no class."""
    fo, labels = peer("fiftyone.utils.data"), peer("fiftyone.core.labels")
    with tempfile.TemporaryDirectory() as below, fo.ImageClassificationDirectoryTreeExporter(str(out)) as exporter:
        for at, (_, name, file) in enumerate(images(Path(below))):
            exporter.export_sample(str(file), None if at == 4 else labels.Classification(label=name))


def areas() -> Iterator[tuple[str, bytes, np.ndarray]]:
    """(name, content, mask) of three images whose areas have neither holes nor overlaps."""
    for at in range(3):
        made = np.full(SIDES, 255, np.uint8)
        made[4:20, 3 + at : 21] = 0
        made[25:40, 10:30] = 1
        made[30:44, 31:38] = 2
        yield f"im {at}", picture(at), made


def make_supervision(out: Path, format: str) -> None:
    """COCO or YOLO by supervision, of areas without holes."""
    sv, cv2 = peer("supervision"), peer("cv2")
    with tempfile.TemporaryDirectory() as below:
        paths, found = [], {}
        for name, content, made in areas():
            file = Path(below) / f"{name}.jpg"
            file.write_bytes(content)
            own = np.array([made == value for value in range(3)])
            boxes = np.array([[*np.argwhere(one).min(0)[::-1], *np.argwhere(one).max(0)[::-1]] for one in own], float)
            paths.append(str(file))
            found[str(file)] = sv.Detections(xyxy=boxes, mask=own, class_id=np.arange(3))
        assert cv2 is not None
        data = sv.DetectionDataset(list(CLASSES[:3]), paths, found)
        if format == "yolo":
            data.as_yolo(str(out / "images"), str(out / "labels"), str(out / "data.yaml"))
        else:
            data.as_coco(str(out / "images"), str(out / "annotations.json"))


def make_panoptic(out: Path) -> None:
    """COCO panoptic by datumaro."""
    dm = peer("datumaro")
    items = []
    for name, content, made in areas():
        annotations = [dm.Mask(image=made == value, label=value, id=value + 1) for value in range(3)]
        items.append(dm.DatasetItem(name, subset="train", media=dm.Image.from_bytes(data=content), annotations=annotations))
    data = dm.Dataset.from_iterable(items, categories=list(CLASSES[:3]), media_type=dm.Image)
    data.export(str(out), "coco_panoptic", save_media=True)


MAKERS: dict[str, Callable[[Path], None]] = {
    "hf": make_hf,
    "webdataset": make_webdataset,
    "fiftyone": make_fiftyone,
    "tree": make_tree,
    "supervision_yolo": lambda out: make_supervision(out, "yolo"),
    "supervision_coco": lambda out: make_supervision(out, "coco"),
    "panoptic": make_panoptic,
}


def reads_labels(name: str, format: str) -> Check:
    """Our reader on an export of theirs, found by itself."""

    def check(here: Path) -> str:
        MAKERS[name](here / name)
        assert read(here / name).format == format, read(here / name).took_for
        return same(ours(here / name), WANTED)

    return check


def reads_tree(here: Path) -> str:
    """Class folders with one image unlabeled."""
    make_tree(here / "tree")
    wanted = {("train", None if at == 4 else CLASSES[at % len(CLASSES)], picture(at)) for at in range(len(PATHS))}
    return same(ours(here / "tree"), wanted)


def reads_masks(name: str, format: str) -> Check:
    """Our reader on an export of masks of theirs."""

    def check(here: Path) -> str:
        MAKERS[name](here / name)
        reading = read(here / name)
        assert reading.format == format, reading.took_for
        by_stem = {stem: made for stem, _, made in areas()}
        return pixels(
            (reading.masks[at], _named(reading.classes, by_stem[Path(entry.path).stem])) for at, entry in enumerate(reading.entries)
        )

    return check


def _named(classes: tuple[str, ...], made: np.ndarray) -> np.ndarray:
    """A mask by the order in which a reading has the classes."""
    values = np.full(256, 255, np.uint8)
    values[: len(CLASSES[:3])] = [classes.index(name) for name in CLASSES[:3]]
    found: np.ndarray = values[made]
    return found


CHECKS: tuple[tuple[str, str, str, Check], ...] = (
    ("hf", "ours", "datasets", hf_reads_parquet),
    ("hf", "theirs", "datasets", reads_labels("hf", "hf")),
    ("imagefolder", "ours", "datasets", hf_reads_imagefolder),
    ("webdataset", "ours", "webdataset", webdataset_reads),
    ("webdataset", "theirs", "webdataset", reads_labels("webdataset", "webdataset")),
    ("fiftyone", "ours", "fiftyone", fiftyone_reads),
    ("fiftyone", "theirs", "fiftyone", reads_labels("fiftyone", "fiftyone")),
    ("folder", "ours", "fiftyone", fiftyone_reads_tree),
    ("folder", "theirs", "fiftyone", reads_tree),
    ("folder", "ours", "supervision", supervision_reads_folders),
    ("folder", "ours", "datumaro", datumaro_reads_folders),
    ("parquet", "ours", "pyarrow", pandas_reads_parquet),
    ("coco", "ours", "pycocotools", pycocotools_reads),
    ("coco", "ours", "supervision", supervision_reads_coco),
    ("coco", "ours", "datumaro", datumaro_reads_coco),
    ("coco", "theirs", "supervision", reads_masks("supervision_coco", "coco")),
    ("panoptic", "theirs", "datumaro", reads_masks("panoptic", "panoptic")),
    ("yolo", "ours", "OpenCV, as Ultralytics", opencv_reads_yolo),
    ("yolo", "ours", "supervision", supervision_reads_yolo),
    ("yolo", "theirs", "supervision", reads_masks("supervision_yolo", "yolo")),
)


def version(name: str) -> str:
    """A package's version, for the table."""
    metadata = importlib.import_module("importlib.metadata")
    return str(metadata.version({"OpenCV, as Ultralytics": "opencv-python-headless"}.get(name, name)))


def main(arguments: list[str] | None = None) -> int:
    """Prints the table; how many lines failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fixtures", type=Path, help="write the peers' exports there, and check nothing")
    parser.add_argument("--only", default="", help="format")
    parser.add_argument("--traceback", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.fixtures:
        for name, make in MAKERS.items():
            shutil.rmtree(asked.fixtures / name, ignore_errors=True)
            make(asked.fixtures / name)
        return 0
    failed = 0
    print("| format | files | reader or writer | |\n|---|---|---|---|")
    for format, whose, name, check in CHECKS:
        if asked.only not in ("", format):
            continue
        with tempfile.TemporaryDirectory() as here:
            try:
                told = check(Path(here))
            except Exception as wrong:  # a line of the table says it, the others are still to be tried
                failed += 1
                told = f"FAILED: {type(wrong).__name__}: {' '.join(str(wrong).split())[:300]}"
                if asked.traceback:
                    traceback.print_exc()
        print(f"| {format} | {whose} | {name} {version(name)} | {told} |", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
