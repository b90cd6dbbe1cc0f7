"""The verbs `predict` and `export --format onnx`, as people call them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from alcore.cli.main import main
from tests.extractors.colors import stand_in
from tests.project.photos import write_photos

SET = ["--set", "steps=12", "--set", "batch_size=8"]


@pytest.fixture
def run(home, capsys):
    """`run(verb, ..., code=0)` gives the JSON answer, or with code 2 the line on stderr."""

    def call(*arguments: object, code: int = 0, workspace: Path = home):
        capsys.readouterr()
        assert main([*map(str, arguments), "--home", str(workspace), "--json"]) == code
        captured = capsys.readouterr()
        if code:
            assert captured.out == ""
            return captured.err.splitlines()[-1]
        assert captured.out.count("\n") == 1
        return json.loads(captured.out)

    return call


@pytest.fixture
def photos(run, tmp_path, monkeypatch) -> Path:
    """Photos imported as "photos", with a round of margin; other ones in the folder that is given."""
    stand_in(monkeypatch.setattr)
    run("import", write_photos(tmp_path / "photos", pool=6, test=2), "--project", "photos")
    run("label", "--project", "photos", "--from-truth", 12, "--seed", 1)
    run("train", "--project", "photos", "--strategy", "margin", "--query-size", 3, "--device", "cpu", *SET)
    new = write_photos(tmp_path / "new", pool=3, test=1)
    (new / "broken.png").write_bytes(b"")
    return new


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_guessed_the_same_by_the_project_and_by_its_file(run, photos, tmp_path, home):
    out = tmp_path / "model.onnx"
    told = run("export", "--project", "photos", "--format", "onnx", "--out", out)
    assert (told["format"], told["out"], told["round"], told["checked"]) == ("onnx", str(out), 1, 18)
    assert told["difference"] < 1e-5
    by_project = run("predict", photos, "--project", "photos", "--out", tmp_path / "a.csv", "--device", "cpu")
    by_file = run("predict", photos, "--model", out, "--out", tmp_path / "b.csv", workspace=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()  # a file needs no workspace
    for told in (by_project, by_file):
        assert (told["items"], told["labeled"], told["model"]) == (16, 16, "round 1 of photos")
        assert told["skipped"] == [{"path": "broken.png", "reason": "empty: the file has 0 bytes"}]
    first, second = rows(tmp_path / "a.csv"), rows(tmp_path / "b.csv")
    assert [(row["path"], row["label"]) for row in first] == [(row["path"], row["label"]) for row in second]
    assert [float(row["confidence"]) for row in first] == pytest.approx([float(row["confidence"]) for row in second], abs=2e-4)
    right = sum(row["path"].split("/")[1] == row["label"] for row in first)
    assert right > 12  # of 16; chance is 4
    assert run("status", "--project", "photos")["items"] == 32  # nothing was imported


@pytest.mark.slow
def test_a_model_on_lite0_goes_out(run, tmp_path):
    """The real network, at 224 pixels."""
    run("import", write_photos(tmp_path / "photos", pool=4, test=2), "--project", "real")
    run("label", "--project", "real", "--from-truth", 12, "--seed", 1)
    run("train", "--project", "real", "--strategy", "mcdal", "--query-size", 2, "--device", "cpu", *SET)
    told = run("export", "--project", "real", "--format", "onnx", "--out", tmp_path / "m.onnx")
    assert (told["extractor"], told["side"], told["license"]) == ("lite0", 224, "weights of lite0: Apache-2.0")
    assert told["difference"] <= 2e-5
    assert told["stored_alike"] >= 14  # of 16: vectors in float16, perhaps of a network in bf16
    new = write_photos(tmp_path / "new", pool=2, test=1)
    for name, way in (("a", ("--project", "real")), ("b", ("--model", tmp_path / "m.onnx"))):
        assert run("predict", new, *way, "--out", tmp_path / f"{name}.csv")["items"] == 12
    first, second = rows(tmp_path / "a.csv"), rows(tmp_path / "b.csv")
    assert [(row["path"], row["label"]) for row in first] == [(row["path"], row["label"]) for row in second]


def test_below_the_least_confidence_no_label_is_written(run, photos, tmp_path):
    run("predict", photos, "--project", "photos", "--out", tmp_path / "all.csv")
    sure = [float(row["confidence"]) for row in rows(tmp_path / "all.csv")]
    low, high = sorted(set(sure))[:2]
    told = run("predict", photos, "--project", "photos", "--out", tmp_path / "sure.csv", "--above", (low + high) / 2)
    below = [row["path"] for row, confidence in zip(rows(tmp_path / "all.csv"), sure, strict=True) if confidence == low]
    assert (told["labeled"], told["below"]) == (16 - len(below), len(below))
    assert [row["path"] for row in rows(tmp_path / "sure.csv") if row["label"] == ""] == below


def test_the_model_of_an_earlier_round_is_its_own(run, photos, tmp_path):
    run("predict", photos, "--project", "photos", "--out", tmp_path / "then.csv")
    run("label", "--project", "photos", "--query-from-truth")
    run("train", "--project", "photos", "--strategy", "margin", "--query-size", 3, "--device", "cpu", *SET)
    told = run("predict", photos, "--project", "photos", "--round", 1, "--out", tmp_path / "again.csv")
    assert told["model"] == "round 1 of photos"
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "then.csv").read_text()
    assert run("predict", photos, "--project", "photos", "--out", tmp_path / "now.csv")["model"] == "round 2 of photos"
    assert (tmp_path / "now.csv").read_text() != (tmp_path / "then.csv").read_text()


def test_predictions_lie_beside_where_one_is_unless_told_otherwise(run, photos, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run("predict", photos, "--project", "photos")["out"] == "predictions.csv"
    assert len(rows(tmp_path / "here" / "predictions.csv")) == 16
    assert "predictions.csv exists already" in run("predict", photos, "--project", "photos", code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("predict new --project nobody", "there is no project 'nobody'"),
        ("predict nowhere --project photos", "nowhere is no folder: name one with images in it"),
        ("predict nowhere --model m.onnx", "nowhere is no folder: name one with images in it"),
        ("predict new --model m.onnx", "there is no model m.onnx: write one with `export --format onnx --out m.onnx`"),
        ("predict new --model new/test/sea/00.png", "00.png is no ONNX file that onnxruntime can load"),
        ("predict new --project photos --above 2", "cannot accept guesses above 2.0: use a confidence of 0 to 1"),
        ("predict new --project photos --device tpu", "unknown device 'tpu'"),
        ("predict new --project photos --round 9", "round 9"),
        ("predict new --model m.onnx --round 1", "--round 1 is about a project's rounds"),
        ("export --project photos --format onnx --out new", "new exists already: name a new path"),
        ("export --project photos --format onnx --out m.onnx --above 0.5", "--above, --promise and --link are about predictions"),
        ("export --project photos --format onnx --out m.onnx --with-predictions", "cannot write predictions as 'onnx'"),
    ],
)
def test_what_can_be_cured_is_told_in_a_line_and_nothing_is_written(run, photos, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert words in run(*arguments.split(), code=2)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_and_one_model_are_asked_for(capsys):
    for arguments in (["predict"], ["predict", "x"], ["predict", "x", "--project", "a", "--model", "b"], ["predict", "--project", "a"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


def test_an_interrupted_one_says_that_nothing_was_written(photos, home, tmp_path, monkeypatch, capsys):
    from alcore.project.carrying import ProjectModel

    def stopped(self, rows):
        raise KeyboardInterrupt

    monkeypatch.setattr(ProjectModel, "__call__", stopped)
    assert main(["predict", str(photos), "--project", "photos", "--out", str(tmp_path / "p.csv"), "--home", str(home)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "alcore: interrupted; nothing was written"
    assert not (tmp_path / "p.csv").exists()
