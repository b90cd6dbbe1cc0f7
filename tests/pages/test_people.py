"""How people share a project is chosen on the Label page, and Progress says who has done what."""

from __future__ import annotations

import pytest

from alcore.project import samples, sharing
from alcore.project.facade import Project, Workspace
from alcore.types import Annotation
from pages.ui.people import ago
from tests.house import ROOT
from tests.pages.headless import press, show, words


@pytest.fixture
def digits(fresh: Workspace) -> Project:
    project = Project.import_into(fresh, "digits", ROOT / "sample_data" / "digits")
    project.label_from_truth(20, seed=0)
    project.start(30, seed=0)
    return project


def say(project: Project, who: str, kind: str = "label", wrong: int = 0) -> None:
    ids = project.round().query[:20]
    rows = project.items.rows(ids)
    value = {i: str(9 - int(rows[i]["truth"])) if n < wrong else rows[i]["truth"] for n, i in enumerate(ids)}
    events = [Annotation(f"{who}-{kind}", n, i, kind, value[i], 900, who, 0, replaces="", opinions=2) for n, i in enumerate(ids, 1)]
    assert project.journal.take(events, project.classes).rejected == []


def test_the_way_is_chosen_in_words_and_kept(digits: Project, fresh: Workspace) -> None:
    at = show("label", "digits")
    way = at.radio(key=f"people.way.{digits.id}")
    assert way.value == "shared"
    way.set_value("several").run()
    at.number_input(key=f"people.opinions.{digits.id}").set_value(3)
    at.toggle(key=f"people.again.{digits.id}").set_value(True)
    press(at, "Save the choice")
    assert sharing.settings(fresh.project("digits")) == sharing.Settings(False, 3, True)
    at = show("label", "digits")
    assert at.radio(key=f"people.way.{digits.id}").value == "several"
    at.radio(key=f"people.way.{digits.id}").set_value("split").run()
    press(at, "Save the choice")
    assert sharing.settings(fresh.project("digits")) == sharing.Settings(True, 1, True)


def test_progress_lists_people_and_says_how_far_they_agree(digits: Project) -> None:
    assert "People" not in [head.value for head in show("progress", "digits").subheader]
    say(digits, "me")
    assert "agrees with the others" not in show("progress", "digits").dataframe[-1].value.columns
    say(digits, "ben", wrong=4)
    say(digits, "me", "again", wrong=1)
    at = show("progress", "digits")
    table = at.dataframe[-1].value
    assert table["person"].tolist() == ["ben", "me"]
    assert table["labels"].tolist() == [20, 20]
    assert [cell.split(",")[0] for cell in table["agrees with the others"]] == ["80 % of 20", "80 % of 20"]
    assert table["same answer again"].dropna().tolist() == ["19 of 20"]  # nobody asked ben again
    assert "ben and me said the same of 16 of 20 images (58 to 92 %)." in words(at)
    assert "You gave the same answer 19 of 20 times (76 to 99 %), asked again without knowing it." in words(at)


def test_counts_of_classes_leave_out_what_waits_for_ones_own_opinion_and_say_so(digits: Project) -> None:
    before = digits.counts()["labels"]
    sharing.choose(digits, opinions=2)
    say(digits, "ben")
    assert sum(digits.counts()["labels"].values()) == sum(before.values()) + 20
    for page in ("data", "progress"):
        at = show(page, "digits")
        assert samples.left_out(20) in words(at)
    table = show("data", "digits").dataframe[0].value
    assert dict(zip(table["class"], table["labeled"], strict=True)) == {name: before.get(name, 0) for name in digits.classes}
    say(digits, "me")
    assert samples.left_out(20) not in words(show("data", "digits"))


@pytest.mark.parametrize(("seconds", "said"), [(5, "a minute ago"), (200, "3 min ago"), (7200, "2 hours ago"), (200_000, "2001-09-09")])
def test_how_long_ago_something_was(seconds: float, said: str) -> None:
    assert ago(seconds, 1e9) == said
