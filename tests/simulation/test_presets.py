"""The papers' protocols: what they state, that every value is a parameter and has a source, and the frozen thinning."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.nets.tasks import train_params
from alcore.params import make_params
from alcore.simulation.presets import PRESETS, preset_named, thinned

# coreset, sraal ... are strategies of the folder; their Params are checked by name there
each = pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())


@each
def test_a_preset_names_strategies_and_parameters_that_exist(preset):
    from alcore.strategies import strategy_named

    train = train_params(preset.task, preset.train)
    assert {name: getattr(train, name) for name in preset.train} == dict(preset.train)
    for text in preset.strategies:
        name, _, own = text.partition(":")
        assert preset.task in strategy_named(name).tasks
        make_params(strategy_named(name).Params, dict(setting.split("=") for setting in own.split("+") if setting), text)
    for name, values in preset.params.items():
        make_params(strategy_named(name).Params, values, name)
    assert preset.strategies[0] == "random"


@each
def test_every_value_a_preset_sets_says_where_it_is_from(preset):
    said = [name for names in preset.sources for name in names.split(", ")]
    assert len(said) == len(set(said))  # one source a value: a preset that changes a value changes what it says of it
    own = [f"{strategy}.{name}" for strategy, values in preset.params.items() for name in values]
    for name in (*preset.train, *own, "strategies", "init", "query_size", "rounds", "seeds"):
        assert name in said, name
    assert all(len(source) > 5 for source in preset.sources.values())
    assert not preset.thin or "thin" in said


def test_the_curves_have_the_papers_points():
    def points(name: str, pool: int) -> list[int]:
        p = PRESETS[name]
        first, more = (round(v * pool) if v < 1 else int(v) for v in (p.init, p.query_size))
        return [first + i * more for i in range(p.rounds)]

    assert points("mal-cifar100", 50_000) == [1000, 2000, 3000, 4000, 5000]
    assert points("mal-cifar100-imbalanced", 14_580) == [1458, 2916, 4374, 5832]
    assert points("mal-imagenet", 1_281_167)[0] == 64_058
    assert points("mal-imagenet", 1_281_167)[-1] == 256_232
    assert points("mcdal-cifar10", 50_000) == [5000, 7500, 10_000, 12_500, 15_000, 17_500, 20_000]
    assert points("mcdal-caltech101", 7_766)[:2] == [777, 1227]
    assert points("mal-cityscapes", 2_975) == [298, 447, 596, 745, 894]  # the paper's 30 % are 889 frames: 29.9 % of 2,975
    assert points("mal-bdd100k", 7_000) == [700, 1050, 1400, 1750, 2100]
    assert points("mcdal-cityscapes", 2_975) == [298, 448, 598, 748, 898, 1048, 1198]  # 40 % are 1,190


def test_the_lengths_are_those_of_the_published_code():
    assert PRESETS["mal-cifar100"].train["steps"] == 39_062
    assert PRESETS["mcdal-cifar10"].train["steps"] == 99 * 390
    assert PRESETS["mal-cifar100"].train["weights"] == "imagenet"
    assert PRESETS["mal-imagenet"].train["weights"] == "none"


def test_the_presets_of_segmentation_are_those_the_papers_state():
    cityscapes, bdd, mcdal = (PRESETS[name] for name in ("mal-cityscapes", "mal-bdd100k", "mcdal-cityscapes"))
    assert [p.name for p in PRESETS.values() if p.task == "segmentation"] == [p.name for p in (cityscapes, bdd, mcdal)]
    for preset in (cityscapes, bdd, mcdal):
        assert (preset.image_size, preset.train["architecture"]) == (688, "drn_d_22")
        assert {"image_size", "architecture", "weights"} <= {name for names in preset.sources for name in names.split(", ")}
    assert "bald" in cityscapes.strategies
    assert "bald" not in bdd.strategies
    assert mcdal.strategies == ("random", "qbc", "coreset", "vaal", "sraal", "mcdal")
    assert (cityscapes.train["steps"], bdd.train["steps"], mcdal.train["steps"]) == (29_750, 70_000, 55_781)
    assert (mcdal.train["learning_rate"], mcdal.train["momentum"], mcdal.train["weight_decay"]) == (1e-3, 0.99, 1e-4)
    assert mcdal.train["decay"] ** 3 == pytest.approx(0.1)


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(BadInput, match="unknown preset 'mal-cifar': use one of mal-cifar100, mal-cifar100-imbalanced, mal-imagenet"):
        preset_named("mal-cifar")


# ---- thinning


def test_imbalanced_cifar100_keeps_14_580_images_in_five_groups_of_twenty_classes():
    targets = np.tile(np.arange(100), 500)
    kept = thinned(targets, 100, PRESETS["mal-cifar100-imbalanced"].thin)
    assert len(kept) == 20 * (5 + 16 + 50 + 158 + 500) == 14_580
    counts = np.bincount(targets[kept], minlength=100)
    assert {int(c): int((counts == c).sum()) for c in np.unique(counts)} == {5: 20, 16: 20, 50: 20, 158: 20, 500: 20}
    assert (np.diff(kept) > 0).all()
    # frozen: these are the classes that keep five images, for ever
    assert np.flatnonzero(counts == 5)[:6].tolist() == FROZEN


FROZEN = [15, 18, 27, 30, 31, 33]


def test_thinning_is_the_same_every_time_and_another_with_another_seed():
    targets = np.arange(300) % 7
    a, b, c = thinned(targets, 7, (0.1, 1.0)), thinned(targets, 7, (0.1, 1.0)), thinned(targets, 7, (0.1, 1.0), seed=1)
    assert a.tolist() == b.tolist() != c.tolist()


def test_a_class_keeps_at_least_one_image_and_an_empty_class_none():
    assert np.bincount(np.array([0, 0, 2])[thinned(np.array([0, 0, 2]), 3, (0.01,))], minlength=3).tolist() == [1, 0, 1]


@pytest.mark.parametrize("ratios", [(), (0.0, 1.0), (2.0,), (-0.1,)])
def test_ratios_that_keep_nothing_or_more_than_there_is_are_refused(ratios):
    with pytest.raises(BadInput, match="cannot thin by"):
        thinned(np.zeros(3, np.int64), 1, ratios)
