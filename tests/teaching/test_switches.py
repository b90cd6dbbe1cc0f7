"""Every switch changes its strategy, can be played, and has its figures."""

from __future__ import annotations

import pytest

from alcore.params import TrainParams
from alcore.strategies import params_of
from alcore.teaching.lessons import PLANE_PARAMS, Lessons
from alcore.teaching.switches import MEASURED, SWITCHES, Effect, in_words, measured


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: f"{switch.strategy}-{switch.name}")
def test_a_switch_changes_what_is_learned_or_asked(switch):
    params = {**PLANE_PARAMS.get(switch.strategy, {}), **switch.params}
    assert params_of(switch.strategy, params, TrainParams()) != params_of(
        switch.strategy, PLANE_PARAMS.get(switch.strategy, {}), TrainParams()
    )
    film = Lessons().film({"kind": "moons", "n": 40, "steps": 3, "strategy": switch.strategy, "params": dict(switch.params)})
    assert len(film.frame(film.recording.steps)) == film.frame_bytes


def test_names_are_told_apart():
    assert len({(switch.strategy, switch.name) for switch in SWITCHES}) == len(SWITCHES)


def test_each_has_its_figures_of_ten_seeds_and_the_command_stands_over_them():
    assert MEASURED.read_text(encoding="utf-8").startswith("# python -m benchmarks switches:")
    rows = measured()
    kinds = {row.points for row in rows}
    assert kinds
    names = {"mcdal": [""], "mal": [""]}
    for switch in SWITCHES:
        names[switch.strategy].append(switch.name)
    assert {(r.strategy, r.switch, r.points) for r in rows} == {(s, name, kind) for s in names for kind in kinds for name in names[s]}
    for row in rows:
        (plain,) = [r for r in rows if (r.strategy, r.switch, r.points) == (row.strategy, "", row.points)]
        assert (row.seeds, plain.difference) == (10, 0)
        assert row.low <= row.difference <= row.high
        assert row.accuracy - plain.accuracy == pytest.approx(row.difference, abs=2e-4)


def test_an_effect_is_told_with_its_interval_and_nothing_is_claimed_that_it_does_not_show():
    few = Effect("mal", "diversity", "moons", 10, 10, 0.8, -0.041, -0.06, -0.02)
    none = Effect("mal", "diversity", "rings", 10, 10, 0.8, 0.01, -0.02, 0.04)
    more = Effect("mal", "diversity", "rings", 10, 10, 0.8, 0.03, 0.02, 0.04)
    assert in_words([few, none]) == (
        "Mean accuracy over 10 labels, 10 seeds: on moons 4.1 points fewer (-6.0 to -2.0); on rings no difference can be told (-2.0 to +4.0)."
    )
    assert in_words([more]).endswith("on rings 3.0 points more (+2.0 to +4.0).")
    assert in_words([]) == ""
