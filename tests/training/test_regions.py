"""Queries of regions against slow loops: means over tiles and superpixels, who is asked, and that nothing is asked twice."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError, BadInput
from alcore.measures.criteria import combine
from alcore.nets.models import evaluating
from alcore.nets.tasks import Segmentation, train_params
from alcore.params import make_params
from alcore.pixels import masks
from alcore.strategies import STRATEGIES, strategy_named
from alcore.strategies.base import Seen, Strategy
from alcore.training.batches import Batches
from alcore.training.devices import seeded
from alcore.training.regions import Regions, first_regions, means, open_regions
from alcore.training.roundfiles import RoundFiles
from alcore.training.train import train
from alcore.training.turn import Material, Order, run
from alcore.training.walk import query

CPU = torch.device("cpu")
ASKING = [name for name, kind in STRATEGIES.items() if kind.heat and "segmentation" in kind.tasks]
UNITS = ("tiles", "superpixels")


def settings(unit: str, **values):
    return train_params("segmentation", {"steps": 3, "batch_size": 4, "query_unit": unit, "region_count": 9, **values})


def build(name: str, unit: str = "tiles", **values) -> Strategy:
    kind = strategy_named(name)
    with seeded(0, CPU):
        return kind(Segmentation(3, 16), settings(unit), make_params(kind.Params, values, name))


@pytest.fixture(scope="module")
def noisy(dense_pixels) -> np.ndarray:
    """The toy images with noise enough for superpixels of all shapes."""
    noise = np.random.default_rng(4).integers(-40, 40, dense_pixels.shape)
    return np.clip(dense_pixels.astype(int) + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def draws(noisy, dense_pool, dense):
    """`draws(unit, asked, pool)`: batches whose query asks for such regions."""

    def make(unit: str, asked=None, pool=None, **values) -> Batches:
        return Batches(noisy, pool or dense_pool, settings(unit, **values), CPU, 5, dense=dense, asked=asked)

    return make


@pytest.fixture(scope="module")
def trained(noisy, dense_pool, dense):
    made: dict[str, Strategy] = {}

    def get(name: str) -> Strategy:
        if name not in made:
            made[name] = build(name)
            with seeded(1, CPU):
                train(made[name], Batches(noisy, dense_pool, settings("frames"), CPU, 5, dense=dense), settings("frames"))
        return made[name]

    return get


# ---- the maths


def some_regions(seed: int = 0, count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    regions = np.concatenate([np.arange(count), rng.integers(0, count, 94)]).reshape(10, 10).astype(np.int32)
    return regions, rng.random((10, 10)).astype(np.float32)


def test_a_regions_value_is_the_mean_of_its_pixels():
    regions, heat = some_regions()
    slow = [
        sum(float(h) for r, h in zip(regions.flat, heat.flat, strict=True) if r == k) / sum(r == k for r in regions.flat) for k in range(6)
    ]
    np.testing.assert_allclose(means(regions, heat), slow, rtol=1e-6)


def test_a_region_is_open_until_more_than_half_of_it_was_asked():
    regions = np.repeat(np.arange(3), 4).reshape(3, 4)
    asked = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]], bool)
    assert open_regions(regions, asked).tolist() == [0, 2]
    assert open_regions(regions, None).tolist() == [0, 1, 2]
    assert open_regions(regions, np.ones((3, 4), bool)).tolist() == []


def test_the_best_regions_come_first_and_ties_go_by_image_then_number():
    total, ids, numbers = np.array([0.5, 0.9, 0.5, 0.5, 0.1]), np.array([7, 3, 2, 2, 9]), np.array([0, 4, 5, 1, 0])
    assert first_regions(total, ids, numbers, 4).tolist() == [1, 3, 2, 0]
    assert len(first_regions(total, ids, numbers, 99)) == 5


@pytest.mark.parametrize("unit", UNITS)
def test_pictures_cut_on_threads_give_what_one_after_the_other_gives(unit, noisy):
    heat = np.random.default_rng(1).random((40, 16, 16)).astype(np.float32)
    asked = {3: np.random.default_rng(2).random((16, 16)) < 0.7}
    regions = Regions(unit, 9, asked)
    for start in range(0, 40, 7):
        regions.add(list(range(40))[start : start + 7], noisy[start : start + 7], heat[start : start + 7])
    regions.close()
    assert list(regions.found) == list(range(40))
    for i, (numbers, values) in regions.found.items():
        cut = masks.regions_of(noisy[i], unit, 9)
        alone = open_regions(cut, asked.get(i))
        assert numbers.tolist() == alone.tolist()
        np.testing.assert_array_equal(values, means(cut, heat[i])[alone])
    assert len(regions.found[3][0]) < len(np.unique(masks.regions_of(noisy[3], unit, 9)))


def test_a_picture_that_cannot_be_cut_stops_the_query(noisy, monkeypatch):
    regions = Regions("tiles", 9, {})
    monkeypatch.setattr(regions, "cut", lambda picture: 1 / 0)
    regions.add([1], noisy[:1], np.zeros((1, 16, 16), np.float32))
    with pytest.raises(ZeroDivisionError):
        regions.close()


# ---- queries by brute force


def heat_of(strategy: Strategy, batches: Batches, i: int) -> np.ndarray:
    with evaluating(strategy):
        ((_, x),) = batches.walk(np.array([i]))
        return strategy.score(x)[strategy.heat][0].double().numpy()


def everything(strategy: Strategy, batches: Batches, noisy: np.ndarray) -> list[tuple[float, int, int, np.ndarray]]:
    """(mean heat, id, number, pixels) of every region of every unlabeled image, one at a time."""
    result = []
    for i in batches.pool.unlabeled.tolist():
        picture = noisy[batches.pool.rows_of(np.array([i]))[0]]
        cut, heat = masks.regions_of(picture, batches.params.query_unit, 9), heat_of(strategy, batches, i)
        result += [(heat[cut == k].mean(), i, k, cut == k) for k in range(cut.max() + 1)]
    return result


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ["entropy", "mcdal", "margin", "bald", "qbc"])
def test_the_regions_of_highest_mean_are_asked_best_first(name, unit, draws, trained, noisy):
    strategy, batches = trained(name), draws(unit)
    found, walked, seconds = query(strategy, batches, 12, np.random.default_rng(0))
    sign = 1 if name == "margin" else -1  # a small margin is wanted
    regions = everything(strategy, batches, noisy)
    best = sorted(regions, key=lambda each: (round(sign * each[0], 9), each[1], each[2]))[:12]
    frames = list(dict.fromkeys(i for _, i, _, _ in best))
    assert found.selected.tolist() == frames
    assert list(found.regions) == frames
    for i in frames:
        mine = [pixels for _, of, _, pixels in best if of == i]
        assert len(found.regions[i]) == len(mine)
        assert all(np.array_equal(a, b) for a, b in zip(found.regions[i], mine, strict=True))
    top = {i: max(-sign * value for value, of, _, _ in regions if of == i) for i in batches.pool.unlabeled.tolist()}
    np.testing.assert_allclose(found.total, [top[i] + (1 if name == "margin" else 0) for i in found.ids.tolist()], atol=1e-5)
    assert walked.ids.tolist() == [*batches.pool.unlabeled.tolist(), *batches.pool.labeled.tolist()]
    assert seconds.keys() == {"score", "select"}


@pytest.mark.parametrize("rule", ["minmax_rank", "product"])
def test_mal_joins_a_regions_entropy_with_the_d_of_its_image(rule, draws, noisy):
    strategy, batches = build("mal", rule=rule), draws("tiles")
    found, _, _ = query(strategy, batches, 12, np.random.default_rng(0))
    regions = everything(strategy, batches, noisy)
    d = dict(zip(found.ids.tolist(), found.parts["labeledness_logit"].tolist(), strict=True))
    regions.sort(key=lambda each: (each[1], each[2]))
    total = combine(rule, np.array([r[0] for r in regions]), np.array([d[r[1]] for r in regions]), 3)
    best = sorted(range(len(regions)), key=lambda at: (-round(total[at], 9), regions[at][1], regions[at][2]))[:12]
    assert found.selected.tolist() == list(dict.fromkeys(regions[at][1] for at in best))
    assert sum(map(len, found.regions.values())) == 12


def test_mals_choices_of_criterion_hold_for_regions_too(trained):
    values, frame = np.array([0.3, 0.1, 0.2]), np.array([0, 1, 1])
    what = Seen(np.array([4, 9]), {"labeledness_logit": np.array([2.0, -1.0])}, {}, np.empty(0, np.int64), CPU)
    rng = np.random.default_rng(0)
    assert build("mal", select_by="uncertainty").region_total(values, frame, what, rng).tolist() == [0.3, 0.1, 0.2]
    assert build("mal", select_by="diversity").region_total(values, frame, what, rng).tolist() == [-2.0, 1.0, 1.0]
    assert build("mal", select_by="random").region_total(values, frame, what, rng).tolist() == np.random.default_rng(0).random(3).tolist()
    assert trained("margin").region_total(values, frame, what, rng).tolist() == pytest.approx([0.7, 0.9, 0.8])


def test_random_asks_for_every_region_equally_often(trained, draws):
    strategy, batches, count = trained("random"), draws("tiles"), {}
    numbers = masks.tiles(16, 16, 9)
    for seed in range(30):
        found, _, _ = query(strategy, batches, 30, np.random.default_rng(seed))
        for i, regions in found.regions.items():
            for pixels in regions:
                key = (i, int(numbers[pixels][0]))
                count[key] = count.get(key, 0) + 1
    every = 20 * (numbers.max() + 1)
    usual = 30 * 30 / every
    assert len(count) == every
    assert max(count.values()) < usual + 5 * usual**0.5


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", ASKING)
def test_neither_the_order_of_the_pool_nor_the_size_of_the_batches_changes_the_regions(name, unit, trained, draws, dense_pool, monkeypatch):
    turned = np.random.default_rng(8).permutation(20)
    other = dataclasses.replace(dense_pool, unlabeled=dense_pool.unlabeled[turned])
    first, _, _ = query(trained(name), draws(unit), 15, np.random.default_rng(3))
    whole = Batches.walk
    monkeypatch.setattr(Batches, "walk", lambda self, ids, **options: whole(self, ids, 7, **options))
    second, _, _ = query(trained(name), draws(unit, pool=other), 15, np.random.default_rng(3))
    assert second.selected.tolist() == first.selected.tolist()
    for i, regions in first.regions.items():
        assert all(np.array_equal(a, b) for a, b in zip(regions, second.regions[i], strict=True))


# ---- rounds of regions


@pytest.mark.parametrize("unit", UNITS)
def test_no_region_is_asked_twice_until_all_of_them_were(unit, trained, draws, dense_pool, noisy):
    """As a project does it: answered regions are in the mask, the image is labeled in part and may be asked for the rest."""
    strategy, asked, pool, rounds = trained("entropy"), {}, dense_pool, 0
    every = {i: masks.regions_of(noisy[dense_pool.rows_of(np.array([i]))[0]], unit, 9) for i in dense_pool.unlabeled.tolist()}
    left = sum(int(cut.max()) + 1 for cut in every.values())
    while left:
        found, walked, _ = query(strategy, draws(unit, asked, pool), 40, np.random.default_rng(rounds))
        assert sum(map(len, found.regions.values())) == min(40, left)
        assert len(set(walked.ids.tolist())) == len(walked.ids) == 32
        for i, regions in found.regions.items():
            mine = asked.setdefault(i, np.zeros((16, 16), bool))
            for pixels in regions:
                assert not mine[pixels].any()  # regions of one picture never overlap, and none comes again
                mine |= pixels
        left -= min(40, left)
        rounds += 1
        partial = np.array([*pool.partial.tolist(), *(i for i in found.regions if i not in pool.partial)], np.int64)
        pool = dataclasses.replace(
            pool,
            partial=partial,
            labeled=np.concatenate([dense_pool.labeled, partial]),
            targets=np.concatenate([dense_pool.targets, dense_pool.rows_of(partial)]),
            unlabeled=np.setdiff1d(dense_pool.unlabeled, partial),
        )
    assert all(pixels.all() for pixels in asked.values())
    with pytest.raises(AlcoreError, match="nothing is left to query"):
        query(strategy, draws(unit, asked, pool), 5, np.random.default_rng(0))


def test_images_labeled_in_part_are_asked_for_regions_only(trained, draws, dense_pool):
    partial = dense_pool.labeled[:5]
    pool = dataclasses.replace(dense_pool, partial=partial, unlabeled=np.empty(0, np.int64))
    found, walked, _ = query(trained("mcdal"), draws("tiles", pool=pool), 5, np.random.default_rng(0))
    assert set(found.selected.tolist()) <= set(partial.tolist())
    assert walked.ids.tolist() == [*partial.tolist(), *dense_pool.labeled[5:].tolist()]
    with pytest.raises(AlcoreError, match="nothing is left to query"):
        query(trained("mcdal"), draws("frames", pool=pool), 5, np.random.default_rng(0))
    none = dataclasses.replace(pool, partial=np.empty(0, np.int64))
    with pytest.raises(AlcoreError, match="nothing is left to query"):
        query(trained("mcdal"), draws("tiles", pool=none), 5, np.random.default_rng(0))
    with pytest.raises(BadInput, match="cannot query 0 items"):
        query(trained("mcdal"), draws("tiles", pool=pool), 0, np.random.default_rng(0))


def test_images_of_which_all_was_asked_come_last_and_have_a_finite_total(trained, draws, dense_pool):
    gone = dense_pool.unlabeled[:3].tolist()
    asked = {i: np.ones((16, 16), bool) for i in gone}
    found, _, _ = query(trained("entropy"), draws("tiles", asked), 1000, np.random.default_rng(0))
    assert set(found.selected.tolist()) == set(dense_pool.unlabeled.tolist()) - set(gone)
    assert found.total[np.isin(found.ids, gone)].tolist() == [found.total.min()] * 3
    assert np.isfinite(found.total).all()


def test_a_sample_of_the_pool_is_cut_alone(trained, draws):
    found, walked, _ = query(trained("entropy"), draws("tiles", score_sample=6), 15, np.random.default_rng(0))
    assert len(found.ids) == 6
    assert len(walked.ids) == 6 + 12
    assert sum(map(len, found.regions.values())) == 15


@pytest.mark.parametrize("unit", UNITS)
def test_a_round_keeps_the_regions_it_asks_for(unit, noisy, dense_pool, dense, tmp_path):
    settings_ = {"steps": 3, "batch_size": 4, "query_unit": unit, "region_count": 9}
    order = Order("mal", query_size=7, seed=3, device="cpu", train=settings_, task="segmentation")
    asked = {int(dense_pool.unlabeled[0]): np.ones((16, 16), bool)}
    outcome = run(order, Material(dense_pool, 3, noisy, dense=dense, asked=asked), tmp_path)
    files = RoundFiles(tmp_path / outcome.folder)
    assert sum(len(files.regions(i)) for i in outcome.scores.selected.tolist()) == 7
    for i in outcome.scores.selected.tolist():
        kept = files.regions(i)
        assert all(one.dtype == bool and np.array_equal(one, other) for one, other in zip(kept, outcome.scores.regions[i], strict=True))
        assert files.detail(i)["draft"].shape == (16, 16)
    assert int(dense_pool.unlabeled[0]) not in outcome.scores.selected
    assert files.regions(int(dense_pool.unlabeled[0])) == []


def test_regions_of_shifted_images_are_refused_before_training(noisy, dense_pool, dense, tmp_path):
    order = Order(
        "mcdal",
        device="cpu",
        task="segmentation",
        params={"official_scoring": True},
        train={"steps": 3, "batch_size": 4, "query_unit": "tiles"},
    )
    steps = []
    with pytest.raises(BadInput, match="mcdal scores shifted images here, where regions lie elsewhere"):
        run(order, Material(dense_pool, 3, noisy, dense=dense), tmp_path, steps.append)
    assert steps == []
