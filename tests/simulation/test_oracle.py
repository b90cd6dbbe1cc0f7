"""The data of an experiment: truth, splits, the same images moved, pools that are thinned."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.simulation.conduct import simulate
from alcore.simulation.oracle import Data
from tests.simulation.toys import records

SETTINGS = ("steps=6", "batch_size=8", "flip=false", "crop=0", "warmup=0", "learning_rate=0.05")
ASKED = {"init": 8, "query_size": 5, "rounds": 2, "seeds": [0], "device": "cpu", "settings": SETTINGS}


def test_data_without_truth_or_without_a_test_split_are_refused(toy, write_image, tmp_path):
    for number in range(3):
        write_image(tmp_path / "plain" / f"{number}.png", number)
    with pytest.raises(BadInput, match="has 0 pool images with a class, of 0 classes"):
        simulate(tmp_path / "plain", ["random"], out=tmp_path / "a", **ASKED)
    with pytest.raises(BadInput, match="has no test split with labels: give one, or hold a share out with --hold-out"):
        simulate(toy / "train", ["random"], out=tmp_path / "b", **ASKED, hold_out=0.0)
    with pytest.raises(BadInput, match="there is no .*nowhere"):
        simulate(tmp_path / "nowhere", ["random"], out=tmp_path / "c", **ASKED)


@pytest.mark.parametrize(("change", "words"), [
    ({"init": 9}, "init was 8 and is 9"),
    ({"query_size": 6}, "query_size was 5 and is 6"),
    ({"settings": [*SETTINGS, "steps=7"]}, "train steps was 6 and is 7"),
    ({"settings": [*SETTINGS, "mcdal.heads=4"]}, "mcdal heads was 2 and is 4"),
    ({"image_size": 16}, "image_size was 8 and is 16"),
])  # fmt: skip
def test_a_folder_with_other_results_is_refused_by_what_differs(change, words, done, toy):
    out, _ = done
    before = {path: path.read_bytes() for path in out.glob("*.*")}
    with pytest.raises(BadInput, match=f"holds results made in another way: .*{words}.* Use another --out"):
        simulate(toy, ["random", "mcdal"], out=out, **{**ASKED, **change})
    assert {path: path.read_bytes() for path in out.glob("*.*")} == before
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["data", "runs"]


def test_other_images_are_refused_and_the_same_ones_moved_are_not(toy, make_source, tmp_path):
    simulate(toy, ["random"], out=tmp_path / "out", **{**ASKED, "rounds": 1})
    other = make_source(tmp_path / "other", train=11)
    with pytest.raises(BadInput, match="fingerprint was .* and is "):
        simulate(other, ["random"], out=tmp_path / "out", **ASKED)
    moved = make_source(tmp_path / "moved")
    assert len(simulate(moved, ["random"], out=tmp_path / "out", **ASKED)) == 2


def test_a_thinned_pool_keeps_its_share_of_each_class(toy, tmp_path):
    simulate(toy, ["random"], out=tmp_path, **{**ASKED, "rounds": 1}, thin=[0.5, 1])
    data = Data.load(tmp_path / "data", [0.5, 1])
    assert sorted(np.bincount(data.truth(data.pool))) == [5, 5, 10, 10]
    assert len(data.test) == 16
    labeled = records(tmp_path, "random", 0)[0]["labeled"]["ids"]
    assert set(labeled) <= set(data.pool.tolist())
    with pytest.raises(BadInput, match=r"thin was \[0\.5, 1\] and is \[\]"):
        simulate(toy, ["random"], out=tmp_path, **ASKED)
