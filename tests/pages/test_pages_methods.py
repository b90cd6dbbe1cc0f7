"""The Methods page: chosen in the box or by a link, drawn whole, and links to where it is played and used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from alcore.project.facade import Project, Workspace
from alcore.strategies import STRATEGIES, forget
from alcore.teaching.methods import Formula, Table, Text, method
from pages.ui.session import METHOD
from tests.pages.headless import ran, show, words
from tests.pages.test_pages import class_folders
from tests.scenes import few_streets


@pytest.fixture(autouse=True)
def of_the_library() -> Iterator[None]:
    """No strategy of another test's workspace is known here, nor this one's later."""
    forget()
    yield
    forget()


def links(at: AppTest) -> dict[str, str]:
    """What stands on each link of the page, and the address's own part of it."""
    return {node.proto.label: node.proto.query_string for node in at.main if getattr(node, "type", "") == "page_link"}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_method_is_drawn_whole(fresh: Workspace, name: str) -> None:
    at = show("methods", **{METHOD: name})
    shown = method(name)
    assert at.selectbox(key="methods.chosen").value == name
    assert [heading.value for heading in at.subheader] == [section.title for section in shown.sections if not section.folded]
    assert [fold.label for fold in at.expander] == [section.title for section in shown.sections if section.folded]
    parts = [part for section in shown.sections for part in section.parts]
    assert [formula.value.strip("$\n ") for formula in at.latex] == [part.latex for part in parts if isinstance(part, Formula)]
    assert [list(table.value.columns) for table in at.table] == [list(part.heads) for part in parts if isinstance(part, Table)]
    said = [paragraph.value for paragraph in at.markdown]
    assert [part.words for part in parts if isinstance(part, Text) and part.words not in said] == []
    assert STRATEGIES[name].paper in words(at)


def test_the_box_chooses_and_the_address_follows(fresh: Workspace) -> None:
    at = show("methods")
    assert at.query_params[METHOD] == "mal"
    at.selectbox(key="methods.chosen").set_value("coreset")
    at = ran(at)
    assert at.query_params[METHOD] == "coreset"
    assert at.subheader[0].value == "Idea"
    assert STRATEGIES["coreset"].idea in words(at)
    at = ran(at)  # what the address said first does not come back
    assert at.selectbox(key="methods.chosen").value == "coreset"


def test_an_address_that_names_none_says_so(fresh: Workspace) -> None:
    at = show("methods", **{METHOD: "nothing"})
    assert [warning.value for warning in at.warning] == ["There is no method “nothing” here. Those there are can be chosen below."]
    assert at.selectbox(key="methods.chosen").value == "mal"


def test_it_leads_to_where_it_is_played_and_used(fresh: Workspace, tmp_path: Path) -> None:
    assert links(show("methods", **{METHOD: "mcdal"})) == {"Try it on points": "method=mcdal"}
    Project.create("toys", class_folders(tmp_path / "toys", "a", "b"))
    Project.create("street", few_streets(tmp_path / "street"))
    assert links(show("methods", "toys", **{METHOD: "badge"})) == {"Choose it for a round": "method=badge"}
    assert links(show("methods", "street", **{METHOD: "badge"})) == {}  # it cannot do masks
    assert set(links(show("methods", "street", **{METHOD: "mal"}))) == {"Try it on points", "Choose it for a round"}


def test_the_train_page_leads_there_and_takes_what_a_link_chose(fresh: Workspace, tmp_path: Path) -> None:
    project = Project.create("toys", class_folders(tmp_path / "toys", "a", "b", train=10))
    project.label_from_truth(4, seed=0)
    at = show("train", "toys")
    assert at.segmented_control(key="strategy").value == "mal"
    assert not at.expander[0].proto.expanded
    assert links(at)["What MAL does"] == "method=mal"
    at = show("train", "toys", **{METHOD: "badge"})
    assert at.segmented_control(key="strategy").value == "badge"
    assert at.expander[0].label == "Choose yourself"
    assert at.expander[0].proto.expanded
    assert STRATEGIES["badge"].idea in words(at)
    at.segmented_control(key="strategy").set_value("margin")
    at = ran(at)
    assert at.segmented_control(key="strategy").value == "margin"
    assert links(at)["What Margin does"] == "method=margin"
    at.switch_page("methods.py")
    at = ran(at)
    at.query_params[METHOD] = "badge"  # the same link once more, from another page
    at.switch_page("train.py")
    assert ran(at).segmented_control(key="strategy").value == "badge"
    assert show("train", "toys", **{METHOD: "nothing"}).segmented_control(key="strategy").value == "mal"


def test_one_of_ones_own_has_a_page(fresh: Workspace) -> None:
    folder = fresh.home / "strategies"
    folder.mkdir(parents=True)
    (folder / "mine.py").write_text(
        '''"""Mine."""

from alcore.strategies.base import Strategy


class Mine(Strategy):
    """Mine, made here.

    It asks for what has the least of everything.
    """

    name = "mine"
    title = "Mine"
    paper = "none"
    rank_by = "entropy"
'''
    )
    at = show("methods", **{METHOD: "mine"})
    assert at.selectbox(key="methods.chosen").value == "mine"
    assert "It asks for what has the least of everything." in words(at)
    assert [heading.value for heading in at.subheader] == ["Idea", "What its scores mean", "What was measured"]
