"""The papers' protocols: what they state, that every value is a parameter and has a source."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.nets.tasks import train_params
from alcore.params import make_params
from alcore.simulation.ablations import paper_names
from alcore.simulation.presets import PRESETS, preset_named
from alcore.strategies.base import rate_factor

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
    names = ("mal-cityscapes", "mal-bdd100k", "mal-bdd100k-ablation", "mcdal-cityscapes")
    cityscapes, bdd, ablation, mcdal = (PRESETS[name] for name in names)
    assert [p.name for p in PRESETS.values() if p.task == "segmentation"] == list(names)
    for preset in (cityscapes, bdd, ablation, mcdal):
        assert (preset.image_size, preset.train["architecture"]) == (688, "drn_d_22")
        assert {"image_size", "architecture", "weights"} <= {name for names in preset.sources for name in names.split(", ")}
    assert "bald" in cityscapes.strategies
    assert "bald" not in bdd.strategies
    assert mcdal.strategies == ("random", "qbc", "coreset", "vaal", "sraal", "mcdal")
    assert (cityscapes.train["steps"], bdd.train["steps"], mcdal.train["steps"]) == (29_750, 70_000, 55_781)
    assert (mcdal.train["learning_rate"], mcdal.train["momentum"], mcdal.train["weight_decay"]) == (1e-3, 0.99, 1e-4)
    falls = [rate_factor(step, 150 * 371, train_params("segmentation", mcdal.train)) for step in (0, 99 * 371, 101 * 371, 149 * 371)]
    assert falls == [1.0, 1.0, 0.1, 0.1]  # once, after 100 of 150 epochs


def test_every_preset_of_mal_has_its_two_controls():
    of_mal = [preset for preset in PRESETS.values() if "mal" in preset.strategies]
    assert len(of_mal) == 10
    for preset in of_mal:
        assert {"SSL-Random", "SL-Random"} <= set(paper_names(preset.strategies).values()), preset.name
        assert preset.params["mal"]["learning_rate_m"] == 0.01


def test_networks_beside_the_task_model_are_the_published_ones_in_every_preset():
    for preset in PRESETS.values():
        named = {text.partition(":")[0] for text in preset.strategies}
        assert preset.params.keys() <= named, preset.name
        if "vaal" in named:
            assert (preset.params["vaal"]["width"], preset.params["vaal"]["official_kl"]) == (128, True)
        if "sraal" in named:
            assert (preset.params["sraal"]["width"], preset.params["sraal"]["kl_sum"]) == (128, True)


def test_the_ablations_have_the_rows_of_the_papers_tables():
    table_7, table_8, table_9 = (PRESETS[name] for name in ("mal-imagenet-ablation", "mal-bdd100k-ablation", "mal-cifar100-vgg16"))
    for table in (table_7, table_8):
        assert set(paper_names(table.strategies).values()) == {"SL-Unc", "SL-Div", "SL-Random", "SSL-Unc", "SSL-Random", "SSL-Div"}
        assert set(table.strategies) - paper_names(table.strategies).keys() == {"random", "mal", "mal:rule=filter_rank"}
        assert table.rounds == 4
    assert (table_7.init, table_8.init, table_8.query_size) == (0.05, 0.1, 0.05)
    assert (table_9.train["architecture"], table_9.init, table_9.rounds) == ("vgg16_bn", 0.02, 4)
    assert {"vaal", "mal"} <= set(table_9.strategies)
    figures = set(PRESETS["mcdal-cifar10-ablation"].strategies)
    assert {f"mcdal:distance={d}" for d in ("l2", "kl")} | {f"mcdal:heads={n}" for n in (4, 6, 8)} <= figures
    assert {"mcdal", "mcdal:discrepancy_weight=0", "random"} <= figures


def test_an_unknown_preset_names_those_there_are():
    with pytest.raises(BadInput, match="unknown preset 'mal-cifar': use one of mal-cifar100, mal-cifar100-imbalanced, mal-imagenet"):
        preset_named("mal-cifar")
