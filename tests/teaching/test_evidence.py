"""The evidence beside the methods is the README's, line by line, and that of the simulations it was made from."""

from __future__ import annotations

import json
import re

import pytest

from alcore.strategies import STRATEGIES
from alcore.teaching import evidence
from benchmarks.evidence import RESULTS, table
from tests.house import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def lines(photos: str) -> list[str]:
    return [each.line() for each in evidence.results() if each.photos == photos]


def test_the_readmes_tables_have_these_lines_and_no_others() -> None:
    below = README.split("### Which strategy needs the fewest labels there")[1].split("\n## ")[0]
    rows = re.findall(r"(?m)^\| `.*\|$", below)
    assert rows == [each.line() for each in evidence.results()]


@pytest.mark.parametrize("photos", evidence.TITLES)
def test_it_is_what_the_simulations_gave(photos: str) -> None:
    found = json.loads((RESULTS / f"features-{photos}.json").read_text(encoding="utf-8"))
    assert sorted(table(found).splitlines()[2:]) == sorted(lines(photos))


def test_the_small_table_at_the_top_is_made_of_it() -> None:
    assert README.count(evidence.front()) == 1
    assert [row.split("`")[1] for row in evidence.front().splitlines()[2:]] == sorted(evidence.FRONT, key=list(evidence.FRONT).index)
    assert {each.seeds for each in evidence.results() if each.variant in evidence.FRONT and each.photos == "clothing"} == {20}  # as it says


def test_a_line_is_read_as_numbers() -> None:
    (found,) = [each for each in evidence.results() if (each.photos, each.variant) == ("clothing", "mal:minimax=true")]
    assert found == evidence.Result(
        "clothing", "mal:minimax=true", 10, ((100, 65.5), (250, 77.4), (500, 81.6)), (-2.2, -3.4, -1.0), "0.018", None, None
    )
    assert found.strategy == "mal"
    assert found.cells() == ("`mal:minimax=true`", "10", "65.5, 77.4, 81.6", "-2.2 (-3.4 to -1.0)", "not reached")
    assert found.heads() == ("Variant", "Seeds", "% at 100, 250, 500", "Mean gain (95 %)", "Labels to random's last")


def test_a_strategys_own_lines_are_closed_by_randoms() -> None:
    assert [(each.photos, each.variant) for each in evidence.of("margin")] == [
        ("clothing", "margin:batch=diverse"),
        ("clothing", "margin"),
        ("cifar10", "margin"),
        ("clothing", "random"),
        ("cifar10", "random"),
    ]
    assert [each.variant for each in evidence.of("random")] == ["random", "random"]
    assert evidence.of("vaal") == []
    assert {each.strategy for each in evidence.results()} <= set(STRATEGIES)
