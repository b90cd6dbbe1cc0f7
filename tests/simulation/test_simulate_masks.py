"""Simulations on masks: frames and regions, the oracle's answers, costs, what is equal when it is done again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.pixels import masks
from alcore.pixels.masks import VOID, from_rle
from alcore.simulation.conduct import simulate
from alcore.simulation.oracle import Data
from alcore.simulation.records import run_folder

W, H, SIDE = 20, 12, 16
SETTINGS = ("steps=4", "batch_size=4", "warmup=0", "learning_rate=0.02")
ASKED = {"init": 3, "query_size": 2, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS, "image_size": SIDE}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> Path:
    """Ten pool and four val pictures with a box on the ground, the right edge void."""
    folder = tmp_path_factory.mktemp("scenes") / "scenes"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(14):
        rng = np.random.default_rng(number)
        mask = np.zeros((H, W), np.uint8)
        x, y = rng.integers(0, W - 8), rng.integers(0, H - 6)
        mask[y : y + 5, x : x + 7] = 1
        mask[:, -1] = 2
        picture = np.array([(60, 120, 60), (200, 60, 40), (0, 0, 0)], np.uint8)[mask]
        Image.fromarray(picture).save(folder / "images" / f"{number:03d}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:03d}.png")
    (folder / "classes.csv").write_text("name,index,ignore\nground,0,0\nbox,1,0\nnothing,2,1\n")
    (folder / "train.txt").write_text("".join(f"{n:03d}\n" for n in range(10)))
    (folder / "val.txt").write_text("".join(f"{n:03d}\n" for n in range(10, 14)))
    return folder


def records(out: Path, strategy: str) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(run_folder(out, strategy, 0).glob("round-*.json"))]


def test_frames_are_asked_and_answered_and_the_metric_is_iou(scenes, tmp_path):
    frame = simulate(scenes, ["random", "entropy", "mal"], out=tmp_path, **ASKED)
    assert frame["labeled"].tolist() == [3, 5] * 3
    assert set(frame["metric"]) == {"mean_iou"}
    assert frame["value"].between(0, 1).all()
    data = Data.load(tmp_path / "data")
    truth = {int(i): data.masks[data.targets[i - 1]] for i in data.pool}
    for strategy in ("random", "entropy", "mal"):
        rows = frame[frame["strategy"] == strategy]
        known = np.array([], int)
        for row, record in zip(rows.to_dict("records"), records(tmp_path, strategy), strict=True):
            known = np.array(record["labeled"]["ids"])
            assert row["pixels"] == sum(int((truth[i] != VOID).sum()) for i in known)
            assert row["clicks"] == sum(masks.components(truth[i]) for i in known)
            assert not set(record["query"]["ids"]) & set(known.tolist())
            assert record["metrics"]["mean_iou"] == row["value"]
    first = frame[frame["round"] == 1].set_index("strategy")["value"]
    assert first["random"] == first["entropy"]  # the same labels, the same first weights
    assert json.loads((tmp_path / "config.json").read_text())["metric"] == "mean_iou"


def test_the_packed_truth_is_the_masks_by_nearest_pixels(scenes, tmp_path):
    simulate(scenes, ["random"], out=tmp_path, **{**ASKED, "rounds": 1})
    data = Data.load(tmp_path / "data")
    for number in range(10):
        with Image.open(scenes / "masks" / f"{number:03d}.png") as file:
            mask = np.array(file)
        expected = masks.resized(np.where(mask == 2, VOID, mask).astype(np.uint8), SIDE, SIDE)
        at = next(i for i, line in enumerate((tmp_path / "data" / "items.csv").read_text().splitlines()[1:]) if f"{number:03d}.png" in line)
        assert np.array_equal(data.masks[data.targets[at]], expected)


def test_regions_are_asked_answered_in_part_and_counted_as_the_budget(scenes, tmp_path):
    settings = (*SETTINGS, "query_unit=tiles", "region_count=4")
    asked = {**ASKED, "settings": settings, "query_size": 3, "rounds": 3}
    frame = simulate(scenes, ["random", "mcdal"], out=tmp_path, **asked)
    assert frame["labeled"].tolist() == [12, 15, 18] * 2
    data = Data.load(tmp_path / "data")
    truth = {int(i): data.masks[data.targets[i - 1]] for i in data.pool}
    for strategy in ("random", "mcdal"):
        shown: dict[int, np.ndarray] = {}
        rows = frame[frame["strategy"] == strategy].to_dict("records")
        for row, record in zip(rows, records(tmp_path, strategy), strict=True):
            whole = [i for i in record["labeled"]["ids"] if i not in shown]
            assert len(whole) == 3
            pixels = sum(int((truth[i] != VOID).sum()) for i in whole)
            assert row["pixels"] == pixels + sum(int((area & (truth[i] != VOID)).sum()) for i, area in shown.items())
            assert row["clicks"] == sum(masks.components(truth[i]) for i in whole) + sum(
                masks.components(truth[i], area) for i, area in shown.items()
            )
            parts = [(int(i), from_rle(runs, SIDE, SIDE)) for i, regions in record["query"]["regions"].items() for runs in regions]
            assert len(parts) == 3
            for i, part in parts:
                assert i not in whole
                assert not (part & shown.get(i, np.zeros((SIDE, SIDE), bool))).any()
                shown[i] = shown.get(i, np.zeros((SIDE, SIDE), bool)) | part
    again = simulate(scenes, ["random", "mcdal"], out=tmp_path / "again", **asked)
    assert (again["query_hash"] == frame["query_hash"]).all()
    assert (again["value"] == frame["value"]).all()


def test_a_stopped_region_run_goes_on_as_if_it_had_not_stopped(scenes, tmp_path):
    asked = {**ASKED, "settings": (*SETTINGS, "query_unit=tiles", "region_count=4")}
    simulate(scenes, ["entropy"], out=tmp_path / "a", **{**asked, "rounds": 1})
    stopped = simulate(scenes, ["entropy"], out=tmp_path / "a", **{**asked, "rounds": 3})
    whole = simulate(scenes, ["entropy"], out=tmp_path / "b", **{**asked, "rounds": 3})
    assert stopped["query_hash"].tolist() == whole["query_hash"].tolist()
    assert stopped["value"].tolist() == whole["value"].tolist()


@pytest.mark.parametrize(
    ("strategies", "extra", "match"),
    [
        (["badge"], {}, "badge does not do segmentation"),
        (["random"], {"thin": [0.5]}, "thin"),
        (["random"], {"settings": ("architecture=resnet18",)}, "small_drn"),
        (["coreset"], {"settings": (*SETTINGS, "query_unit=tiles")}, "coreset"),
        (["random"], {"task": "classification", "format": "camvid"}, "segmentation"),
        (["random"], {"init": 40}, "lower init"),
    ],
)
def test_what_does_not_go_with_masks_is_refused_before_training(scenes, tmp_path, strategies, extra, match):
    with pytest.raises(BadInput, match=match):
        simulate(scenes, strategies, out=tmp_path, **{**ASKED, **extra})
    assert not (tmp_path / "results.csv").exists()
