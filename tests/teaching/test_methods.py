"""Every method has a whole page, whose equations can be drawn and whose figures are the evidence's."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from latex2mathml.converter import convert

from alcore import strategies
from alcore.errors import NotFound
from alcore.strategies import STRATEGIES
from alcore.strategies.base import BASIC, ScoreInfo, Strategy, share
from alcore.teaching import evidence
from alcore.teaching.methods import UNMEASURED, Formula, Method, Table, Text, from_docstring, method, methods
from alcore.teaching.switches import measured
from tests.house import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
TITLES = ["Idea", "Equations", "What its scores mean", "When to use it", "When not", "What was measured", "What it costs"]
each = pytest.mark.parametrize("name", STRATEGIES)


def section(shown: Method, title: str) -> tuple[object, ...]:
    return next(one.parts for one in shown.sections if one.title == title)


@each
def test_a_page_is_whole(name: str) -> None:
    kind, shown = STRATEGIES[name], method(name)
    assert [one.title for one in shown.sections][: len(TITLES)] == TITLES
    for words in (kind.idea, kind.use, kind.avoid, kind.cost):
        assert len(words) > 40
        assert words.endswith(".")
    assert section(shown, "Idea") == (Text(kind.idea),)
    assert bool(kind.differences) == ("How it differs from the paper" in [one.title for one in shown.sections])
    assert (shown.title, shown.paper) == (kind.title, kind.paper)


@each
def test_every_equation_can_be_drawn_and_is_explained(name: str) -> None:
    formulas = section(method(name), "Equations")
    assert formulas
    for formula in formulas:
        assert isinstance(formula, Formula)
        drawn = ET.fromstring(convert(formula.latex))
        assert "".join(drawn.itertext()).strip()
        # a command that is not known would be drawn as its name
        assert "\\" not in "".join(drawn.itertext())
        assert len(formula.words) > 15
        assert formula.words.endswith(".")


@each
def test_every_score_is_explained(name: str) -> None:
    (scores,) = section(method(name), "What its scores mean")
    assert isinstance(scores, Table)
    told = {re.findall(r"`(\w+)`", cells[0])[0]: cells for cells in scores.rows}
    own = {about.name for about in STRATEGIES[name].score_info}
    assert set(told) == {about.name for about in BASIC} | own
    for _, says, spread, wanted in told.values():
        assert len(says) > 30
        assert spread
        assert wanted in ("high", "low")


def told_of(name: str) -> set[str]:
    """Every figure that was measured of a strategy, of random and of `uherding`, which others are compared with, as texts write them."""
    found = set()
    for result in evidence.results():
        if result.strategy in (name, "random", "uherding"):
            found |= {f"{accuracy:.1f}" for _, accuracy in result.points}
            found |= {f"{abs(value):.1f}" for value in result.gain or ()}
    for effect in measured():
        if effect.strategy == name:
            found |= {f"{abs(100 * value):.1f}" for value in (effect.difference, effect.low, effect.high)}
    return found


@each
def test_every_figure_in_its_advice_was_measured(name: str) -> None:
    kind = STRATEGIES[name]
    assert {number for words in (kind.use, kind.avoid) for number in re.findall(r"\d+\.\d+", words)} <= told_of(name)
    shares = {int(number) for words in (kind.use, kind.avoid) for number in re.findall(r"(\d+) % fewer", words)}
    assert shares <= {result.fewer for result in evidence.of(name)}
    if not evidence.of(name):
        assert "no figures of it on photos" in kind.avoid
        assert not re.findall(r"\d+\.\d+", kind.use + kind.avoid)


@each
def test_every_figure_of_its_cost_is_in_the_readme(name: str) -> None:
    speed = README.split("\n## Speed\n")[1].split("\n## ")[0]
    (gpu,) = re.findall(rf"(?m)^\| {name} \|(.*)\|$", speed) or [""]
    beside = re.findall(rf"`{name}` ([\d.]+)", speed) + re.findall(r"`entropy` ([\d.]+) s", speed) + ["2.6"]  # what scoring takes others
    known = {cell.strip() for cell in gpu.split("|")} | {number.strip(".") for number in beside}
    assert set(re.findall(r"\d+\.\d+", STRATEGIES[name].cost)) <= known
    assert set(re.findall(r"\| (2\.5[0-9]|2\.6[0-9]?) \|", speed)) >= {"2.6", "2.59"}


def test_pages_name_what_was_measured_of_them() -> None:
    for name in STRATEGIES:
        parts = section(method(name), "What was measured")
        variants = [cells[0] for part in parts if isinstance(part, Table) and part.heads[0] == "Variant" for cells in part.rows]
        assert sorted(variants) == sorted(f"`{result.variant}`" for result in evidence.of(name))
        assert (Text(UNMEASURED) in parts) == (not variants)
    changes = [part for part in section(method("mal"), "What was measured") if isinstance(part, Table) and part.heads[0] == "Change"]
    assert [row[0] for row in changes[0].rows] == ["Without the game", "By uncertainty alone", "By diversity alone"]


def test_links_and_titles() -> None:
    assert list(methods()) == list(STRATEGIES)
    assert method("mcdal").link == "https://arxiv.org/abs/2107.11049"
    assert (method("margin").link, method("badge").tasks) == ("", "classes of images")
    assert [name for name in methods() if method(name).playable] == ["mal", "mcdal", "entropy", "margin", "random"]
    with pytest.raises(NotFound, match="there is no method 'nothing': use one of mal, mcdal"):
        method("nothing")


def test_it_is_written_as_markdown_with_equations_as_one_likes() -> None:
    text = method("entropy").markdown(lambda latex: f"<{latex[:4]}>", level=3)
    assert text.startswith("`entropy`, classes of images and classes of pixels. ")
    assert "### Idea\n\nThe model spreads its guess" in text
    assert "<H(x)>\n\nThe entropy of the model's" in text
    assert "| **Margin** `margin` | How far apart" in text
    notebook = method("entropy")._repr_markdown_()
    assert notebook.startswith("# Entropy\n")
    assert "$$H(x) = -\\sum" in notebook


def test_a_cell_keeps_its_bars() -> None:
    shown = Method("x", "X", "", "", "", False, (method("mal").sections[0].__class__("T", (Table(("A",), (("a|b",),)),)),))
    assert "| a\\|b |" in shown.markdown()


def test_one_of_ones_own_has_what_its_class_says() -> None:
    class Plain(Strategy):
        """Plain.

        It asks for
        nothing much.
        """

        name = "plain"
        title = "Plain"
        paper = "none"
        rank_by = "entropy"
        score_info = (ScoreInfo("odd", "Odd", "How odd the image is, high when it is very odd.", span=share),)

    strategies.add_strategy(Plain)
    try:
        shown = method("plain")
        assert [one.title for one in shown.sections] == ["Idea", "What its scores mean", "What was measured"]
        assert section(shown, "Idea") == (Text("It asks for nothing much."),)
        assert from_docstring(Plain) == "It asks for nothing much."
        (scores,) = section(shown, "What its scores mean")
        assert isinstance(scores, Table)
        assert scores.rows[-1] == ("**Odd** `odd`", "How odd the image is, high when it is very odd.", "0 to 1", "high")
    finally:
        strategies.forget()
