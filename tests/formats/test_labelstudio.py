"""Label Studio's tasks: files its own package made, several people, addresses of images, and what is left out with a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.formats import ReadOptions, read
from alcore.formats.labelstudio import write_labels
from alcore.formats.writing import Labeled
from alcore.types import Answer
from tests.formats.peers import CLASSES, PEERS, painted, source
from tests.sources import labels_of, picture, pictures, reasons_of, splits_of, write

ANN, BOB = "ann@example.org", "bob@example.org"


def answer(who: Any = None, *names: str, control: str = "what", **more: Any) -> dict[str, Any]:
    value = {"choices": list(names)}
    return {"completed_by": who, "result": [{"id": "r", "from_name": control, "type": "choices", "value": value}], **more}


def tasks(folder: Path, *given: tuple[str, list[dict[str, Any]]], name: str = "export.json") -> Path:
    listed = [{"id": at, "data": {"image": image}, "annotations": said} for at, (image, said) in enumerate(given, 1)]
    write(folder / name, json.dumps(listed))
    return folder


def region(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "s", "type": kind, "value": value, "original_width": 12, "original_height": 10, **more}


def test_masks_are_those_that_their_package_makes_of_them(tmp_path: Path) -> None:
    reading = read(source(tmp_path, "labelstudio_masks.json", "uploads/0a1b2c3d-a.png", "pics/b.png", "pics/c.png", "pics/d.png"))
    assert reading.took_for == "Label Studio, a class a pixel: 3 classes, 4 images, 3 of them with masks"
    assert reading.classes == tuple(sorted(CLASSES))  # without a configuration: in natural order
    for entry, mask in zip(reading.entries, reading.masks, strict=True):
        if entry.path == "pics/d.png":
            assert mask is None
            continue
        wanted = painted("labelstudio")[Path(entry.path).stem[-1]]
        table = np.full(256, 255, np.uint8)
        table[:3] = [reading.classes.index(name) for name in CLASSES]
        np.testing.assert_array_equal(mask, table[wanted])
    assert [said[0].annotator for said in reading.answers.values()] == [ANN, ANN, BOB]
    assert reading.warnings == ["1 prediction of a model was not read: a guess is no label"]
    assert (reading.skipped, reading.remarks()) == ([], [])


def test_choices_are_classes_and_each_person_keeps_their_own(tmp_path: Path) -> None:
    reading = read(source(tmp_path, "labelstudio_classes.json", "a.png", "pics/b.png", "pics/c.png", "pics/d.png"))
    assert labels_of(reading) == {"a.png": CLASSES[0], "pics/b.png": None, "pics/c.png": None, "pics/d.png": None}
    assert dict(reading.answers) == {
        0: [Answer(ANN, CLASSES[0]), Answer(BOB, CLASSES[0])],
        1: [Answer(ANN, CLASSES[1]), Answer(BOB, CLASSES[2])],
        2: [Answer(BOB, None)],
    }
    assert reading.warnings[1:] == [
        f"2 people answered ({ANN}, {BOB}): where they differ, what most of them said counts",
        "1 image has as many answers of one class as of another and counts as unlabeled",
    ]


@pytest.mark.parametrize("address", [
    "/data/upload/3/0a1b2c3d-x%20y.jpg", "/data/local-files/?d=deep/pics/x%20y.jpg", "https://host:80/some/x%20y.jpg?sig=a/b", "pics/x y.jpg",
    "s3://bucket/pics/x%20y.jpg", r"C:\photos\pics\x y.jpg", "x y.jpg", "x y",
])  # fmt: skip
def test_an_image_is_found_by_whatever_address_it_has(tmp_path: Path, address: str) -> None:
    tasks(pictures(tmp_path, "pics/x y.jpg", "pics/other.jpg"), (address, [answer(1, "cat")]))
    assert labels_of(read(tmp_path)) == {"pics/x y.jpg": "cat", "pics/other.jpg": None}
    alone = read(tmp_path / "export.json")  # the file itself takes what it lists
    assert labels_of(alone) == {"pics/x y.jpg": "cat"}


def test_a_ground_truth_decides_and_a_newer_answer_of_the_same_person_counts(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    sure = answer(3, "dog", ground_truth=True)
    tasks(
        tmp_path,
        ("a.jpg", [answer(1, "cat"), answer(2, "cat"), sure]),
        ("b.jpg", [answer(1, "cat", created_at="2026-02-01"), answer(1, "dog", created_at="2026-01-01")]),
        ("c.jpg", [answer(None, "cat"), answer(None, "dog"), answer({"id": 5, "first_name": "Di"}, "dog")]),
    )
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "dog", "b.jpg": "cat", "c.jpg": "dog"}
    assert reading.answers[0][-1] == Answer("user 3", "dog", decides=True)
    assert reading.answers[1] == [Answer("user 1", "cat")]
    assert [one.annotator for one in reading.answers[2]] == ["annotator 1", "annotator 2", "Di"]


def test_a_configuration_gives_order_and_colors_and_splits_stand_in_the_data(tmp_path: Path) -> None:
    labels = '<Label value="zebra" background="#0a0B0c"/><Label value="ape" background="#ff0000"/>'
    write(
        tmp_path / "config.xml", f'<View><Image name="i" value="$foto"/><BrushLabels name="what" toName="i">{labels}</BrushLabels></View>'
    )
    picture(tmp_path / "a.jpg")
    box = region("rectanglelabels", {"x": 0, "y": 0, "width": 50, "height": 100, "rotation": 0, "rectanglelabels": ["ape"]})
    one = {"data": {"other": "b.jpg", "foto": "a.jpg", "split": "test"}, "annotations": [{"result": [box]}]}
    write(tmp_path / "x.json", json.dumps([one]))
    reading = read(tmp_path)
    assert (reading.classes, reading.colors, splits_of(reading)) == (("zebra", "ape"), ((10, 11, 12), (255, 0, 0)), {"test": 1})
    assert reading.masks[0].tolist() == [[1] * 6 + [255] * 6] * 10
    by_class = read(tmp_path, task="classification")
    assert labels_of(by_class) == {"a.jpg": "ape"}


def test_shapes_are_painted_in_their_order_and_turned_boxes_about_their_corner(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    below = region("polygonlabels", {"points": [[0, 0], [100, 0], [100, 100], [0, 100]], "polygonlabels": ["ground"]})
    turned = {"x": 50, "y": 20, "width": 25, "height": 20, "rotation": 90, "rectanglelabels": ["box"]}  # 3 x 2 pixels at (6, 2)
    tasks(tmp_path, ("a.jpg", [{"completed_by": 1, "result": [below, region("rectanglelabels", turned)]}]))
    mask = read(tmp_path).masks[0]
    wanted = np.full((10, 12), 1, np.uint8)
    wanted[2:5, 4:6] = 0
    np.testing.assert_array_equal(mask, wanted)


def test_labels_beside_their_shapes_are_joined_by_id(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    shape = region("polygon", {"points": [[0, 0], [50, 0], [50, 100], [0, 100]]})
    name = {"id": "s", "type": "labels", "value": {"labels": ["roof"]}}
    tasks(tmp_path, ("a.jpg", [{"completed_by": 1, "result": [shape, name]}]))
    reading = read(tmp_path)
    assert (reading.classes, int((reading.masks[0] == 0).sum())) == (("roof",), 60)


def test_what_says_nothing_of_classes_or_masks_is_told(tmp_path: Path) -> None:
    pictures(tmp_path, "a.jpg", "b.jpg")
    odd = [
        {"id": "1", "type": "rating", "value": {"rating": 3}},
        region("brushlabels", {"format": "rle", "rle": [999], "brushlabels": ["x"]}),
        region("polygonlabels", {"points": [[0, 0], [1, "b"]], "polygonlabels": ["x"]}),
        region("polygonlabels", {"points": [[0, 0], [9, 0], [9, 9]], "polygonlabels": []}),
        region("ellipselabels", {"ellipselabels": ["x"]}),
    ]
    tasks(tmp_path, ("a.jpg", [answer(1, "cat"), {"result": odd}]), ("b.jpg", [answer(1, "cat", "dog"), answer(2, "yes", control="sharp")]))
    reading = read(tmp_path)
    assert labels_of(reading) == {"a.jpg": "cat", "b.jpg": None}
    assert reading.warnings[:1] == ["classes are the choices of 'what'; those of 'sharp' were not read"]
    told = " ".join(reading.warnings)
    for words in (
        "type rating say nothing",
        "type ellipselabels say",
        "0 to 255",
        "not told in numbers",
        "without a label",
        "several classes at once",
    ):
        assert words in told, words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty: export it again as JSON"),
        ("[{", "is no JSON"),
        ("[]", "holds no list of tasks"),
        ('{"a": 1}', "holds no list of tasks"),
        ('[{"image": "a.jpg", "choice": "cat"}]', "as of JSON-MIN"),
        ("[" * 100_000, "is no JSON"),
        ('[{"data": {"text": "words"}, "annotations": []}]', "none of its 0 tasks has its image there"),
        ('[{"data": {"image": "zz.jpg"}, "annotations": []}]', "none of its 1 tasks has its image there; the first is 'zz.jpg'"),
    ],
)
def test_a_damaged_file_is_a_sentence(tmp_path: Path, content: str, words: str) -> None:
    picture(tmp_path / "a.jpg")
    file = write(tmp_path / "tasks.json", content)
    for src in (tmp_path, file):
        with pytest.raises(BadInput, match=words) as wrong:
            read(src, "labelstudio")
        assert "\n" not in str(wrong.value)


def test_a_task_without_its_image_and_two_names_of_one_image_are_set_aside(tmp_path: Path) -> None:
    picture(tmp_path / "pics" / "a.jpg")
    tasks(
        tmp_path,
        ("pics/a.jpg", [answer(1, "cat")]),
        ("/data/upload/1/0a1b2c3d-a.jpg", [answer(1, "dog")]),
        ("gone.jpg", [answer(1, "dog")]),
    )
    listed = json.loads((tmp_path / "export.json").read_text())
    write(tmp_path / "export.json", json.dumps([*listed, {"id": 9, "data": {}}, 5]))
    reading = read(tmp_path)
    assert labels_of(reading) == {"pics/a.jpg": "cat"}
    assert reasons_of(reading) == {
        "export.json": "task 5 names no image: left out",
        "upload/1/0a1b2c3d-a.jpg": "export.json: 'pics/a.jpg' means the same image: the first one counts",
        "gone.jpg": "export.json, task 3: there is no such image",
    }


def test_a_mask_of_another_size_is_a_sentence(tmp_path: Path) -> None:
    picture(tmp_path / "c.png", (5, 5))
    reading = read(source(tmp_path, "labelstudio_masks.json", "a.png", "b.png"))
    at = [entry.path for entry in reading.entries].index("c.png")
    with pytest.raises(BadInput, match="c.png: it was drawn on 24 x 18 pixels and the image has 5 x 5"):
        reading.masks[at]


def test_classes_without_shapes_are_no_masks(tmp_path: Path) -> None:
    folder = source(tmp_path, "labelstudio_classes.json", "a.png")
    with pytest.raises(BadInput, match="there are no masks: import it as classification"):
        read(folder, options=ReadOptions(), task="segmentation")


def test_what_is_written_says_who_said_what_and_comes_back(tmp_path: Path) -> None:
    file = picture(tmp_path / "from" / "x.jpg")

    def item(path: str, label: str, *said: Answer, split: str = "train") -> Labeled:
        return Labeled(path, split, label, "me", lambda: (file, ""), lambda: said)

    given = [
        item("a b.jpg", CLASSES[0], Answer(ANN, CLASSES[0]), Answer("user 4", CLASSES[1]), Answer("Cai", CLASSES[0])),
        item("sub/b.jpg", CLASSES[1], Answer(ANN, CLASSES[0]), Answer(BOB, CLASSES[1]), split="test"),  # decided in sight of both
        item("c.jpg", "", Answer(BOB, None)),
        item("d.jpg", ""),
        item("images/e.jpg", CLASSES[2], split="val"),
    ]
    assert write_labels(tmp_path / "out", given, CLASSES) == []
    reading = read(tmp_path / "out")
    assert (reading.classes, reading.skipped) == (CLASSES, [])
    assert {entry.path: (entry.split, entry.label) for entry in reading.entries} == {
        "images/a b.jpg": ("pool", CLASSES[0]),
        "images/sub/b.jpg": ("test", CLASSES[1]),
        "images/c.jpg": ("pool", None),
        "images/d.jpg": ("pool", None),
        "images/e.jpg": ("val", CLASSES[2]),
    }
    assert list(reading.answers.values()) == [
        [Answer(ANN, CLASSES[0]), Answer("user 4", CLASSES[1]), Answer("Cai", CLASSES[0])],
        [Answer(ANN, CLASSES[0]), Answer(BOB, CLASSES[1], decides=True)],
        [Answer(BOB, None)],
        [Answer("me", CLASSES[2])],
    ]
    told = json.loads((tmp_path / "out" / "tasks.json").read_text(encoding="utf-8"))
    people = [{key: one[key] for key in ("completed_by", "created_username") if key in one} for one in told[0]["annotations"]]
    assert people == [{"completed_by": {"email": ANN}}, {"completed_by": 4}, {"created_username": "Cai"}]
    assert told[0]["data"]["image"] == "/data/local-files/?d=images/a%20b.jpg"


def test_the_fixtures_say_how_they_were_made() -> None:
    made = json.loads((PEERS / "expected.json").read_text(encoding="utf-8"))["made_by"]
    assert "label-studio-sdk 2.1.2, datumaro 1.13.12" in made
