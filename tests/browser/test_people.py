"""The Label page over several visits and with several people, against the real app: nothing that was said is out of reach, nobody overwrites
anybody unseen, and no new round takes the picture away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from alcore.project.facade import Workspace
from tests.browser.conftest import PageFactory
from tests.browser.persons import QUERY, Person, path_of, started
from tests.browser.real_app import App, label, stored, wait_labeler, wait_saved, write_images

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("people") / "shapes", 20)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Iterator[App]:
    """One server, to which each test adds a project of its own."""
    app = App(tmp_path_factory.mktemp("served") / "home")
    workspace = Workspace(app.home)
    assert workspace.token  # makes its file, which App reads
    workspace.close()
    app.start()
    yield app
    app.kill()


@pytest.fixture
def people(browser: Browser, app: App) -> Iterator[Any]:
    made: list[Person] = []

    def make() -> Person:
        made.append(Person(browser, app))
        return made[-1]

    yield make
    for person in made:
        person.context.close()


# ---- one person, several visits


def test_what_was_labeled_is_there_after_a_reload_and_a_page_change_and_can_be_undone(people: Any, app: App, source: Path) -> None:
    items = started(app, source, "visits")
    page = people().open("visits", "ann")
    label(page, ["1", "2", "f", "s", "3"])
    wait_saved(page)
    for leave in ("reload", "page change"):
        if leave == "reload":
            page.reload()
        else:
            page.get_by_role("link", name="Progress").click()
            page.wait_for_url("**/progress**")
            page.get_by_role("link", name="Label").click()
        wait_labeler(page, QUERY)
        expect(page.locator(".count")).to_have_text("3 of 12 labeled · 1 skipped · 1 flagged")
        sixth = path_of(page)
        for mark in ("✓ ring", "→ skipped", "⚑ flagged", "✓ disc", "✓ cross"):
            page.keyboard.press("ArrowLeft")
            expect(page.locator(".caption .given")).to_have_text(mark)
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        expect(page.locator(".caption .path")).to_have_text(sixth)
    page.keyboard.press("z")
    expect(page.locator(".count")).to_have_text("2 of 12 labeled · 1 skipped · 1 flagged")
    page.keyboard.press("Control+z")
    page.keyboard.press("z")
    expect(page.locator(".count")).to_have_text("2 of 12 labeled")
    label(page, ["3"])  # the item that was flagged is on the stage
    wait_saved(page)
    said = [
        (items[0], "label", "cross"),
        (items[1], "label", "disc"),
        (items[2], "flag", None),
        (items[3], "skip", None),
        (items[4], "label", "ring"),
    ]
    undone = [(items[4], "undo", None), (items[3], "undo", None), (items[2], "undo", None), (items[2], "label", "ring")]
    assert stored(app.home, "visits", "ann") == said + undone


def test_events_carry_their_round_and_what_their_author_saw(people: Any, app: App, source: Path) -> None:
    items = started(app, source, "rounds")
    page = people().open("rounds", "ann")
    label(page, ["1"])
    page.keyboard.press("ArrowLeft")
    label(page, ["2"])
    wait_saved(page)
    workspace = Workspace(app.home)
    events = workspace.project("rounds").journal.events()
    workspace.close()
    assert [(e["item_id"], e["value"], e["round"], e["replaces"]) for e in events] == [
        (items[0], "cross", 0, ""),
        (items[0], "disc", 0, "cross"),
    ]


def test_the_name_is_kept_by_the_browser_and_enter_gives_the_keys_back(people: Any, app: App, source: Path) -> None:
    items = started(app, source, "names")
    person = people()
    page = person.page
    page.goto(f"{app.url}/label?project=names")
    wait_labeler(page, QUERY)
    page.get_by_role("textbox", name="Labeling as").click()
    page.keyboard.type("Änne B.")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement === document.body")
    page.keyboard.press("3")  # before the page has answered: it goes to nobody
    page.wait_for_function("() => document.cookie.includes('alcore_annotator=%C3%84nne%20B.')")
    page.wait_for_selector(".labeler[data-annotator='Änne B.']")
    wait_labeler(page, QUERY)
    assert stored(app.home, "names") == []
    label(page, ["1", "2"])
    wait_saved(page)
    expect(page.get_by_role("textbox", name="Labeling as")).to_have_value("Änne B.")
    page.reload()
    wait_labeler(page, QUERY)
    expect(page.get_by_role("textbox", name="Labeling as")).to_have_value("Änne B.")
    label(page, ["3"])
    wait_saved(page)
    assert stored(app.home, "names", "Änne B.") == [(items[0], "label", "cross"), (items[1], "label", "disc"), (items[2], "label", "ring")]

    other = people().page  # a browser that knows no name asks once: somebody labeled here before
    other.goto(f"{app.url}/label?project=names")
    expect(other.get_by_role("heading", name="Who is labeling?")).to_be_visible(timeout=60_000)
    expect(other.get_by_text("Änne B. labeled here before")).to_be_visible()
    other.get_by_label("Your name").fill("ben")
    other.get_by_role("button", name="Start labeling").click()
    wait_labeler(other, QUERY)
    other.reload()
    wait_labeler(other, QUERY)
    expect(other.get_by_role("textbox", name="Labeling as")).to_have_value("ben")


# ---- two people


def test_two_answers_are_both_kept_and_wait_for_review(people: Any, app: App, source: Path) -> None:
    (first, *_) = started(app, source, "conflict")
    ann, ben = people(), people()
    anns, bens = ann.open("conflict", "ann"), ben.open("conflict", "ben")
    ben.deaf()
    bens.reload()
    wait_labeler(bens, QUERY)
    shown = path_of(bens)
    label(anns, ["1"])
    wait_saved(anns)
    label(bens, ["2"])
    expect(bens.locator(".notice")).to_contain_text(f"{shown}: ann said cross, you said disc. Both are kept; it waits for review.")
    assert stored(app.home, "conflict", "ann") == [(first, "label", "cross")]
    assert stored(app.home, "conflict", "ben") == [(first, "label", "disc")]

    review = anns.get_by_role("button", name="1 to review")  # ann hears of it without doing anything
    expect(review).to_be_visible(timeout=20_000)
    review.click()
    expect(anns.locator(".reason")).to_have_text("Two answers: you said cross, ben said disc. What is it?")
    label(anns, ["1"])
    expect(anns.get_by_text("All 1 are decided.")).to_be_visible()
    wait_saved(anns)
    anns.get_by_role("button", name="Back to the query").last.click()
    expect(anns.locator(".count")).to_have_text("1 of 12 labeled")
    expect(review).to_have_count(0)
    status = app.get("/projects/conflict/queue?view=review")
    assert (status["disputed"], status["items"]) == (0, [])
    assert app.get("/projects/conflict/items/" + str(first))["state"]["label"] == "cross"


def test_an_open_tab_hears_of_others_and_keeps_its_picture(people: Any, app: App, source: Path) -> None:
    started(app, source, "heard")
    ann, ben = people(), people()
    anns, bens = ann.open("heard", "ann"), ben.open("heard", "ben")
    shown = path_of(bens)
    label(anns, ["1", "2", "s"])
    wait_saved(anns)
    expect(bens.locator(".count")).to_have_text("2 of 12 labeled · 1 skipped")
    expect(bens.locator(".caption .path")).to_have_text(shown)
    expect(bens.locator(".caption .given")).to_have_text("✓ cross · ann")
    bens.wait_for_timeout(800)  # ben has read it: what follows replaces it, and contradicts nothing
    label(bens, ["3"])
    wait_saved(bens)
    expect(bens.locator(".count")).to_have_text("2 of 12 labeled · 1 skipped")
    expect(bens.locator(".caption .given")).to_have_count(0)  # the next one that nobody answered
    expect(anns.locator(".strip .tile .badge").first).to_have_text("ring")
    anns.keyboard.press("z")  # takes ann's own last answer, not ben's
    expect(anns.locator(".count")).to_have_text("2 of 12 labeled")
    assert app.get("/projects/heard/queue?view=review")["disputed"] == 0


# ---- a round that ends meanwhile


def test_a_new_round_is_offered_and_never_forced(people: Any, app: App, source: Path) -> None:
    started(app, source, "next")
    page = people().open("next", "ann")
    label(page, ["1", "2"])
    wait_saved(page)
    shown = path_of(page)
    workspace = Workspace(app.home)
    workspace.project("next").start(5, "random", seed=3)
    workspace.close()
    expect(page.locator(".notice")).to_contain_text("Round 1 is ready: 5 to label.", timeout=20_000)
    expect(page.locator(".caption .path")).to_have_text(shown)
    page.get_by_role("button", name="Keep these 10").click()
    expect(page.locator(".notice")).to_be_hidden()
    label(page, ["3"])
    expect(page.locator(".count")).to_have_text("3 of 12 labeled")
    page.get_by_role("button", name="Round 1: 5 left").click()
    expect(page.locator(".count")).to_have_text(re.compile("0 of 5 labeled"))
    page.get_by_role("button", name="Round 0: 9 left").click()  # what was left there is not lost
    expect(page.locator(".count")).to_have_text("3 of 12 labeled")
    page.reload()  # a new visit begins with the newest
    wait_labeler(page, 5)
    expect(page.locator(".count")).to_have_text(re.compile("0 of 5 labeled"))


def test_the_page_factory_sees_no_script_error(page_factory: PageFactory, app: App, source: Path) -> None:
    started(app, source, "errors")
    page = page_factory(390, 844)
    page.goto(f"{app.url}/label?project=errors")
    wait_labeler(page, QUERY)
    label(page, ["1"])
    wait_saved(page)
