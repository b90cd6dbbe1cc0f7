"""The newest model used elsewhere: its file against numpy, against the project's own model, and what cannot go out."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from alcore.errors import AlcoreError, BadInput
from alcore.extractors.carried import CarriedModel
from alcore.project import carrying, delivery, labels, slices
from alcore.project.carrying import ProjectModel, export_model
from alcore.project.facade import Project, Workspace
from alcore.project.features import Features
from alcore.project.newcomers import predict_folder
from tests.extractors.colors import SIDE, Colors, colors, stand_in
from tests.house import ROOT
from tests.project.photos import photo, write_photos
from tests.project.test_slices import grouped

QUICK = {"steps": 12, "batch_size": 8}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Photos after a round of margin, with a labeled test slice, so that the temperature is none of 1. Read only."""
    folder = tmp_path_factory.mktemp("carried")
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch.setattr)
        grouped(patch, {})
        workspace = Workspace(folder / "home")
        project = Project.import_into(workspace, "photos", write_photos(folder / "photos"))
        Features(project).complete("cpu")
        slices.draw(project, 8, seed=0)
        project.label_from_truth(12, seed=0)
        project.run_round("margin", 5, 0, "cpu", train=QUICK, report=lambda _: None)
        labels.slice_from_truth(project, annotator="me")
        yield project
        workspace.close()


@pytest.fixture(scope="module")
def carried(made, tmp_path_factory) -> tuple[Path, dict]:
    """Its model's file, and what was told of it."""
    out = tmp_path_factory.mktemp("out") / "model.onnx"
    return out, export_model(made, out)


@pytest.fixture
def trained(photos):
    """The same without a slice, to be changed."""
    photos.label_from_truth(12, seed=0)
    photos.run_round("margin", 5, 0, "cpu", train=QUICK, report=lambda _: None)
    return photos


def by_hand(project, pixels: np.ndarray, temperature: float) -> np.ndarray:
    """(n, SIDE, SIDE, 3) uint8 to probabilities, in numpy from the round's file."""
    state = load_file(project.files(project.round()).folder / "model.safetensors")
    x = (pixels.astype(np.float64) / 255 - 0.5) / 0.25
    half = SIDE // 2
    upper = x[:, :half].mean((1, 2, 3)) - x[:, half:].mean((1, 2, 3))
    left = x[:, :, :half].mean((1, 2, 3)) - x[:, :, half:].mean((1, 2, 3))
    v = np.concatenate([x.mean((1, 2)), _spread(x), upper[:, None], left[:, None]], 1)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    hidden = np.maximum(v @ state["backbone.inner.weight"].T + state["backbone.inner.bias"], 0)
    z = v + hidden @ state["backbone.outer.weight"].T + state["backbone.outer.bias"]
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    logits = z @ state["head.prototypes.weight"].T / 0.05 / temperature
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def _spread(x: np.ndarray) -> np.ndarray:
    """As torch's std: of a sample."""
    return x.reshape(len(x), -1, 3).std(1, ddof=1)


@pytest.mark.parametrize("count", [1, 3])
def test_the_file_gives_what_numpy_makes_of_the_rounds_weights(made, carried, count):
    pixels = np.stack([photo(kind, 7, SIDE) for kind in ("sea", "sand", "brick")][:count])
    session = onnxruntime.InferenceSession(carried[0], providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255})
    temperature = delivery.guesses(made).temperature
    assert temperature != 1
    np.testing.assert_allclose(found, by_hand(made, pixels, temperature), atol=1e-4)
    assert found.dtype == np.float32


def test_the_file_says_all_that_is_needed_to_use_it(made, carried):
    out, told = carried
    temperature = delivery.guesses(made).temperature
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    (given,), (gives,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("images", "tensor(float)", ["n", 3, SIDE, SIDE])
    assert (gives.name, gives.shape) == ("probabilities", ["n", 4])
    facts = session.get_modelmeta().custom_metadata_map
    assert facts.pop("preparation").startswith(
        "RGB, upright as EXIF says, transparency over white; the center square; resized to 16 x 16, "
    )
    assert facts == {
        "kind": "alcore image classifier, 1",
        "classes": '["brick", "grass", "sand", "sea"]',
        "side": "16",
        "levels": "null",
        "keep_cut": "false",
        "extractor": "lite0",
        "license": "weights of lite0: none",
        "temperature": repr(temperature),
        "project": "photos",
        "round": "1",
        "strategy": "margin",
        "labels": "12",
    }
    assert told["difference"] <= 1e-5
    assert (told["stored_difference"] <= 0.02, told["stored_alike"]) == (True, 16)  # float16
    assert {name: told[name] for name in ("format", "out", "round", "classes", "side", "temperature", "bytes", "checked")} == {
        "format": "onnx",
        "out": str(out),
        "round": 1,
        "classes": ["brick", "grass", "sand", "sea"],
        "side": 16,
        "temperature": temperature,
        "bytes": out.stat().st_size,
        "checked": 18,
    }
    assert [file.name for file in out.parent.iterdir()] == ["model.onnx"]


def write_odd_pictures(folder: Path) -> None:
    """Grey, transparent, turned by EXIF, tiny, long, of 16 bits, as JPEG, and one that is no picture."""
    folder.mkdir()
    big = photo("sea", 3, 90).copy()
    big[:, :30] = photo("sand", 4, 90)[:, :30]
    Image.fromarray(big).convert("L").save(folder / "grey.png")
    clear = Image.fromarray(big).convert("RGBA")
    clear.putalpha(90)
    clear.save(folder / "clear.png")
    turned = Image.fromarray(big[:, :70]).getexif()
    turned[0x0112] = 6
    Image.fromarray(big[:, :70]).save(folder / "turned.jpg", exif=turned)
    Image.fromarray(big[:1, :1]).save(folder / "tiny.png")
    Image.fromarray(big[:3]).save(folder / "long.png")
    Image.fromarray(big[..., 0].astype(np.uint16) << 8).save(folder / "deep.png")
    Image.fromarray(np.asarray(Image.fromarray(big).resize((700, 500)))).save(folder / "large.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")


def rows(out: Path) -> list[list[str]]:
    return [line.split(",") for line in out.read_text().splitlines()]


def test_every_kind_of_picture_gets_the_same_label_by_the_project_and_by_the_file(made, carried, tmp_path):
    write_odd_pictures(tmp_path / "odd")
    write_photos(tmp_path / "odd" / "more", pool=2, test=1)
    ways = {"project": ProjectModel(made, "cpu"), "file": CarriedModel(carried[0])}
    told = {way: predict_folder(model, tmp_path / "odd", tmp_path / f"{way}.csv") for way, model in ways.items()}
    by_project, by_file = (rows(tmp_path / f"{way}.csv") for way in ways)
    assert [row[:2] for row in by_project] == [row[:2] for row in by_file]
    assert [row[0] for row in by_file[1:8]] == ["clear.png", "deep.png", "grey.png", "large.jpg", "long.png", "tiny.png", "turned.jpg"]
    np.testing.assert_allclose(*([float(row[2]) for row in each[1:]] for each in (by_project, by_file)), atol=2e-4)
    assert told["file"]["skipped"] == told["project"]["skipped"]
    assert [one["path"] for one in told["file"]["skipped"]] == ["broken.jpg"]
    color = np.asarray(Image.open(tmp_path / "odd" / "tiny.png"))
    expected = by_hand(made, np.broadcast_to(color, (1, SIDE, SIDE, 3)), delivery.guesses(made).temperature)
    tiny = next(row for row in by_file if row[0] == "tiny.png")
    assert tiny[1] == made.classes[expected.argmax()]
    assert float(tiny[2]) == pytest.approx(expected.max(), abs=2e-4)


def test_files_are_decoded_as_the_projects_are(photos, photo_source, tmp_path):
    """What is black and white in pictures of 16 bits is the project's, in the file too."""
    for file in photo_source.rglob("*.png"):
        Image.fromarray(np.asarray(Image.open(file))[..., 0].astype(np.uint16) * 4 + 500).save(file)
    deep = Project.import_into(photos.workspace, "deep", photo_source, levels=(500.0, 1520.0))
    deep.label_from_truth(12, seed=0)
    deep.run_round("margin", 5, 0, "cpu", train=QUICK, report=lambda _: None)
    told = export_model(deep, tmp_path / "m.onnx")
    assert told["stored_difference"] <= 0.02
    carried, own = CarriedModel(tmp_path / "m.onnx"), ProjectModel(deep, "cpu")
    file = photo_source / "train" / "sea" / "00.png"
    assert carried.decoding.levels == (500.0, 1520.0)
    assert carried.row(file).tolist() == own.row(file).tolist()
    assert carried.row(file).max() <= 255
    assert carried.row(file).std() > 5  # not all white


def test_a_class_that_is_younger_than_the_model_is_none_of_its_classes(trained, tmp_path):
    trained.add_class("snow")
    project = trained.workspace.project("photos")
    assert export_model(project, tmp_path / "m.onnx")["classes"] == ["brick", "grass", "sand", "sea"]
    assert CarriedModel(tmp_path / "m.onnx").classes == ("brick", "grass", "sand", "sea")


def test_the_newest_round_that_trained_goes_out(trained, tmp_path):
    trained.run_round("mcdal", 3, 1, "cpu", train=QUICK, report=lambda _: None)
    assert export_model(trained, tmp_path / "m.onnx")["round"] == 2
    assert CarriedModel(tmp_path / "m.onnx").words == "round 2 of photos"


def test_a_model_on_pixels_guesses_other_images_too(toy, quick, digits_source, tmp_path):
    toy.run_round("entropy", 5, 0, "cpu", train=quick, report=lambda _: None)
    model = ProjectModel(toy, "cpu")
    told = predict_folder(model, digits_source / "test", tmp_path / "p.csv")
    found = {path: label for path, label, _ in rows(tmp_path / "p.csv")[1:]}
    guesses = delivery.guesses(toy)
    stored = dict(zip(guesses.ids.tolist(), guesses.guess.tolist(), strict=True))
    ids = {item["path"]: i for i, item in toy.items.rows(list(stored)).items()}
    assert (told["items"], len(found)) == (16, 16)
    assert found == {path: toy.classes[stored[ids[f"test/{path}"]]] for path in found}
    with pytest.raises(BadInput, match=r"round 1 trained small_cnn on small pixels.*`train --project toy --set architecture=features"):
        export_model(toy, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_a_gpu_computes_in_all_digits_too(made, monkeypatch):
    shortened, honest, model = [], carrying.Embedder.__call__, ProjectModel(made, "cpu")

    def looked(self, rows):
        shortened.append(torch.backends.cudnn.allow_tf32)
        return honest(self, rows)

    monkeypatch.setattr(carrying.Embedder, "__call__", looked)
    model(photo("sea", 1, SIDE)[None].copy())
    assert shortened == [False]


# ---- what cannot go out


def test_nothing_goes_out_without_a_model(photos, tmp_path):
    with pytest.raises(AlcoreError, match="'photos' has no model yet: label some images and train a round"):
        export_model(photos, tmp_path / "m.onnx")
    photos.start(5)
    with pytest.raises(AlcoreError, match="has no model yet"):
        ProjectModel(photos)
    assert not (tmp_path / "m.onnx").exists()


def test_masks_have_no_model_of_that_kind(scenes, tmp_path):
    with pytest.raises(AlcoreError, match="labeled pixel by pixel"):
        export_model(scenes, tmp_path / "m.onnx")


def test_nothing_is_written_over(made, tmp_path):
    (tmp_path / "m.onnx").write_text("mine")
    with pytest.raises(BadInput, match="m.onnx exists already: name a new path"):
        export_model(made, tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").read_text() == "mine"


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_package_is_named_before_anything_is_done(made, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(carrying, "ProjectModel", None)
    with pytest.raises(BadInput, match=f"writing a model needs the package {package}: pip install onnx onnxruntime"):
        export_model(made, tmp_path / "m.onnx")


@pytest.mark.filterwarnings("ignore")  # the exporter's own
def test_an_extractor_that_is_a_file_itself_cannot_be_put_into_another(trained, tmp_path, monkeypatch):
    file = tmp_path / "net.onnx"
    torch.onnx.export(Colors(), (torch.rand(2, 3, SIDE, SIDE),), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}})
    trained.run_round("margin", 5, 0, "cpu", train={**QUICK, "extractor": f"onnx:{file}"}, report=lambda _: None)
    with pytest.raises(
        BadInput, match=r"round 2 stands on onnx:.*net.onnx, a file that cannot be put into another: `train --project photos"
    ):
        export_model(trained, tmp_path / "m.onnx")
    told = predict_folder(ProjectModel(trained, "cpu"), trained.source / "test", tmp_path / "p.csv")
    assert told["items"] == 16  # but it guesses


class Drifting(Colors):
    """Colors that come out otherwise once it is traced."""

    def forward(self, x):
        return super().forward(x) + (0.01 if torch.onnx.is_in_onnx_export() else 0)


@pytest.mark.parametrize("broken", ["other numbers", "no numbers", "interrupted"])
def test_a_file_that_says_something_else_than_alcore_is_not_left(trained, tmp_path, monkeypatch, broken):
    error, match = AlcoreError, "the model's file gives probabilities up to .* from alcore's own, more than 1e-04: nothing was written"
    if broken == "other numbers":
        stand_in(monkeypatch.setattr, colors(Drifting))
    elif broken == "no numbers":
        monkeypatch.setattr(CarriedModel, "__call__", lambda self, rows: np.full((len(rows), 4), np.nan, np.float32))
    else:
        error, match = KeyboardInterrupt, None

        def stopped(self, rows):
            raise KeyboardInterrupt

        monkeypatch.setattr(ProjectModel, "__call__", stopped)
    with pytest.raises(error, match=match):
        export_model(trained, tmp_path / "out" / "m.onnx")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_onnxruntime_cannot_read_is_not_left(made, tmp_path, monkeypatch):
    monkeypatch.setattr(carrying, "write_onnx", lambda whole, side, about, path: path.write_bytes(b"nothing"))
    with pytest.raises(AlcoreError, match="cannot be written so that onnxruntime reads it .*: train a round with extractor=lite0"):
        export_model(made, tmp_path / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_is_taken_away_by_the_next(made, tmp_path):
    left = tmp_path / ".m.onnx.01234567.part"
    left.mkdir()
    (left / "whole").write_bytes(b"half")
    export_model(made, tmp_path / "m.onnx")
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_a_place_that_cannot_be_written_is_told(made, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(AlcoreError, match="m.onnx cannot be written: Not a directory"):
        export_model(made, tmp_path / "file" / "m.onnx")


def test_images_that_are_gone_do_not_keep_a_model_in(trained, photo_source, tmp_path):
    for file in sorted(photo_source.rglob("*.png")):
        file.unlink()
    told = export_model(trained, tmp_path / "m.onnx")
    assert (told["checked"], told["stored_difference"], told["stored_alike"]) == (2, None, 0)
    assert told["difference"] <= 1e-5


# ---- without alcore


def test_the_readmes_example_gives_the_label_that_alcore_gives(made, carried, tmp_path, monkeypatch, capsys):
    (code,) = [
        code for code in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S) if "onnx" in code
    ]
    assert "alcore" not in code
    Image.fromarray(photo("sea", 5, 48)).save(tmp_path / "photo.png")
    (tmp_path / "photo.png").rename(tmp_path / "photo.jpg")  # what it is stands in the file
    (tmp_path / "model.onnx").write_bytes(carried[0].read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    label, confidence = capsys.readouterr().out.split()
    model = CarriedModel(carried[0])
    (expected,) = model(model.row(tmp_path / "photo.jpg")[None])
    assert label == model.classes[expected.argmax()]
    assert float(confidence) == pytest.approx(float(expected.max()), abs=5e-3)
    assert json.loads(model.facts["classes"]) == list(model.classes)
