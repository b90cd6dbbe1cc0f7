"""Queries of regions: answered in part, never asked twice, and nothing outside of them is touched."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.pixels import masks
from alcore.project import labeling
from tests.project.painted import ids_of
from tests.scenes import QUICK, H, W, truth_of


def test_region_queries_are_answered_in_part_and_never_asked_twice(scenes):
    scenes.label_from_truth(3, seed=0)
    train = {**QUICK, "query_unit": "tiles", "region_count": 6}
    shown: dict[int, np.ndarray] = {}
    for number in (1, 2, 3):
        scenes.run_round("entropy", query_size=5, seed=number, train=train)
        queue = scenes.queue(20)
        assert queue["unit"] == "tiles"
        for entry in queue["items"]:
            detail, parts = scenes.files(scenes.round()).detail(entry["id"]), scenes.files(scenes.round()).regions(entry["id"])
            inside = np.logical_or.reduce(parts)
            share = detail["entropy"].astype(np.float32)
            words = "one tile of this image is" if len(parts) == 1 else f"{len(parts)} tiles of this image are"
            wanted = f"{words} asked for: entropy {share[inside].mean():.2g} there, {share.mean():.2g} in the whole image"
            assert entry["reason"] == wanted
        regions = {entry["id"]: [masks.from_rle(runs, H, W) for runs in entry["regions"]] for entry in queue["items"]}
        assert sum(map(len, regions.values())) == 5
        assert queue["remaining"] == len(regions)
        for item, parts in regions.items():
            for part in parts:
                assert part.any()
                assert not (part & shown.get(item, np.zeros((H, W), bool))).any()
                shown[item] = shown.get(item, np.zeros((H, W), bool)) | part
        assert scenes.label_query_from_truth() == len(regions)
        assert labeling.waiting(scenes) == 0
    numbers = {item: number for number, item in ids_of(scenes).items()}
    for item, area in shown.items():
        assert np.array_equal(scenes.mask(item), np.where(area, truth_of(numbers[item]), masks.VOID))
        assert scenes.items.row(item)["partial"]
    assert scenes.counts()["partial"] == len(shown)
    costs = scenes.costs()
    known = [truth_of(numbers[row["id"]]) for row in scenes.items.labeled() if row["id"] not in shown]
    assert costs["images"].iloc[0] == 3
    assert costs["pixels"].iloc[0] == sum(int((mask != masks.VOID).sum()) for mask in known)
    assert costs["clicks"].iloc[0] == sum(masks.components(mask) for mask in known)
    assert costs["pixels"].is_monotonic_increasing


def test_a_strategy_that_judges_whole_images_is_not_asked_for_regions(scenes):
    scenes.label_from_truth(3, seed=0)
    with pytest.raises(BadInput, match="coreset"):
        scenes.run_round("coreset", train={**QUICK, "query_unit": "tiles"})
