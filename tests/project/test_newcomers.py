"""Images of a folder, guessed: the rows, what is left empty, what cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import AlcoreError, BadInput
from alcore.pixels.images import decode
from alcore.progress import Progress
from alcore.project import newcomers
from alcore.project.newcomers import predict_folder


class Brightness:
    """The share of white: "dark", or "bright" with what is left."""

    classes, words = ("dark", "bright"), "a lamp"

    def __init__(self) -> None:
        self.counts: list[int] = []

    def row(self, path: Path) -> np.ndarray:
        return np.asarray(decode(path).resize((2, 2)))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.counts.append(len(rows))
        bright = rows.mean((1, 2, 3)) / 255
        return np.stack([1 - bright, bright], 1)


def write(folder: Path, values: dict[str, int]) -> Path:
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (3, 3), value).save(folder / name)
    return folder


@pytest.fixture
def folder(tmp_path) -> Path:
    return write(tmp_path / "new", {"b/10.png": 255, "b/9.png": 51, "a.png": 204, "ü, é.png": 0})


def test_each_image_has_a_row_in_natural_order(folder, tmp_path):
    told = predict_folder(Brightness(), folder, tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_bytes().decode().split("\r\n") == [
        "path,label,confidence",
        "a.png,bright,0.8000",
        '"ü, é.png",dark,1.0000',
        "b/9.png,dark,0.8000",
        "b/10.png,bright,1.0000",
        "",
    ]
    assert told.pop("seconds") >= 0
    assert told.pop("images_per_second") > 0
    assert told == {
        "model": "a lamp",
        "out": str(tmp_path / "p.csv"),
        "items": 4,
        "labeled": 4,
        "below": 0,
        "classes": {"dark": 2, "bright": 2},
        "skipped": [],
    }


def test_below_the_least_confidence_the_label_is_empty(folder, tmp_path):
    told = predict_folder(Brightness(), folder, tmp_path / "p.csv", above=0.9)
    assert (tmp_path / "p.csv").read_text().splitlines()[1:] == [
        "a.png,,0.8000",
        '"ü, é.png",dark,1.0000',
        "b/9.png,,0.8000",
        "b/10.png,bright,1.0000",
    ]
    assert (told["items"], told["labeled"], told["below"], told["classes"]) == (4, 2, 2, {"dark": 1, "bright": 1})


def test_a_confidence_that_is_just_enough_is_enough(tmp_path):
    write(tmp_path / "new", {"all.png": 255})
    assert predict_folder(Brightness(), tmp_path / "new", tmp_path / "p.csv", above=1.0)["labeled"] == 1


def test_what_cannot_be_read_is_named_and_the_others_are_guessed(folder, tmp_path):
    (folder / "b" / "broken.jpg").write_bytes(b"broken")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("hello")
    (folder / "away.png").symlink_to(tmp_path / "elsewhere.png")
    told = predict_folder(Brightness(), folder, tmp_path / "p.csv")
    assert told["items"] == 4
    reasons = {one["path"]: one["reason"] for one in told["skipped"]}
    assert list(reasons) == ["away.png", "notes.txt", "empty.png", "b/broken.jpg"]
    assert reasons["notes.txt"] == "not an image (its suffix is .txt)"
    assert reasons["away.png"] == "a link that leads nowhere"
    assert reasons["empty.png"] == "empty: the file has 0 bytes"


def test_a_file_that_goes_away_meanwhile_is_named(folder, tmp_path):
    class Late(Brightness):
        def row(self, path: Path) -> np.ndarray:
            if path.name == "9.png":
                path.unlink()
            return super().row(path)

    told = predict_folder(Late(), folder, tmp_path / "p.csv")
    assert (told["items"], [one["path"] for one in told["skipped"]]) == (3, ["b/9.png"])


def test_many_are_looked_at_in_batches_and_progress_counts_all(tmp_path, monkeypatch):
    monkeypatch.setattr(newcomers, "BATCH", 4)
    write(tmp_path / "new", {f"{at}.png": at for at in range(30)})
    (tmp_path / "new" / "7.png").write_bytes(b"")
    model, seen = Brightness(), list[Progress]()
    told = predict_folder(model, tmp_path / "new", tmp_path / "p.csv", report=seen.append)
    assert told["items"] == 29
    assert model.counts == [4, 3, 4, 4, 4, 4, 4, 2]
    assert [(one.done, one.total) for one in seen[1:]] == [(4, 30), (8, 30), (12, 30), (16, 30), (20, 30), (24, 30), (28, 30), (30, 30)]
    lines = (tmp_path / "p.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [f"{at}.png" for at in range(30) if at != 7]
    assert [float(line.split(",")[2]) for line in lines] == pytest.approx([1 - at / 255 for at in range(30) if at != 7], abs=6e-5)


@pytest.mark.parametrize("above", [-0.1, 1.1, float("nan")])
def test_a_confidence_that_cannot_be_is_refused(folder, tmp_path, above):
    with pytest.raises(BadInput, match="cannot accept guesses above .*: use a confidence of 0 to 1"):
        predict_folder(Brightness(), folder, tmp_path / "p.csv", above)


def test_nothing_is_written_over(folder, tmp_path):
    (tmp_path / "p.csv").write_text("mine")
    with pytest.raises(BadInput, match="p.csv exists already: name a new path with --out"):
        predict_folder(Brightness(), folder, tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == "mine"


def test_without_images_nothing_is_written(tmp_path):
    (tmp_path / "new").mkdir()
    for words, content in (("holds no images: put files there", None), ("holds no images .2 other files, the first is a.txt", b"x")):
        if content:
            (tmp_path / "new" / "a.txt").write_bytes(content)
            (tmp_path / "new" / "b.txt").write_bytes(content)
        with pytest.raises(BadInput, match=words):
            predict_folder(Brightness(), tmp_path / "new", tmp_path / "p.csv")
    (tmp_path / "new" / "broken.png").write_bytes(b"")
    with pytest.raises(BadInput, match="holds no images .3 other files"):
        predict_folder(Brightness(), tmp_path / "new", tmp_path / "p.csv")
    for wrong in ("nowhere", "new/a.txt"):
        with pytest.raises(BadInput, match="is no folder: name one with images in it"):
            predict_folder(Brightness(), tmp_path / wrong, tmp_path / "p.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


def test_a_stop_leaves_no_file(folder, tmp_path):
    def stop(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_folder(Brightness(), folder, tmp_path / "out" / "p.csv", report=stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_one_left_is_taken_away_by_the_next(folder, tmp_path):
    left = tmp_path / ".p.csv.01234567.part"
    left.mkdir()
    (left / "whole").write_text("path,label")
    predict_folder(Brightness(), folder, tmp_path / "p.csv")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["new", "p.csv"]


def test_a_place_that_cannot_be_written_is_told(folder, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(AlcoreError, match="p.csv cannot be written: Not a directory: .*file"):
        predict_folder(Brightness(), folder, tmp_path / "file" / "p.csv")
