"""Two people in two browsers at one project, in each way of sharing its queue, against the real app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from alcore.project import sharing
from alcore.project.facade import Workspace
from alcore.storage.schema import annotation_rows
from alcore.types import Annotation
from tests.browser.persons import QUERY, Person, path_of, started
from tests.browser.real_app import PATIENCE, App, label, stored, wait_labeler, wait_saved, write_images

pytestmark = pytest.mark.browser

HELD = 6  # items that one window has in hand


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("sharing") / "shapes", 20)


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


def shared_out(app: App, source: Path, name: str, **chosen: Any) -> list[int]:
    items = started(app, source, name)
    workspace = Workspace(app.home)
    sharing.choose(workspace.project(name), **chosen)
    workspace.close()
    return items


def label_all(page: Page, key: str) -> int:
    """Gives everything there is for this person one class; how many that were."""
    n = 0
    while page.locator(".labeler").get_attribute("data-view") == "work":
        label(page, [key])
        n += 1
        page.wait_for_selector(".labeler:is([data-live='1'], [data-view=done])", timeout=PATIENCE * 1000)
    wait_saved(page)
    return n


def test_a_queue_that_is_split_shows_nothing_to_two_and_leaves_nothing(people: Any, app: App, source: Path) -> None:
    items = shared_out(app, source, "split", split=True)
    anns, bens = people().open("split", "ann", HELD), people().open("split", "ben", HELD)
    expect(anns.locator(".here")).to_have_text("with ben", timeout=PATIENCE * 1000)
    assert path_of(anns) != path_of(bens)
    label(anns, ["1", "1"])
    bens_own = label_all(bens, "2")
    expect(bens.locator(".blank")).to_contain_text(re.compile(r"\d images are in the hands of others"), timeout=PATIENCE * 1000)
    anns_own = 2 + label_all(anns, "1")
    expect(bens.locator(".blank")).to_contain_text("All 12 of this query are labeled.", timeout=PATIENCE * 1000)
    expect(anns.get_by_text("This query is done.")).to_be_visible(timeout=PATIENCE * 1000)
    expect(bens.get_by_text("This query is done.")).to_be_visible(timeout=PATIENCE * 1000)
    told = [item for name in ("ann", "ben") for item, *_ in stored(app.home, "split", name)]
    assert sorted(told) == sorted(items)  # each by one of them
    assert anns_own + bens_own == QUERY


def test_both_begin_and_each_labels_their_own(people: Any, app: App, source: Path) -> None:
    started(app, source, "own", 30)
    workspace = Workspace(app.home)
    sharing.choose(workspace.project("own"), split=True)
    workspace.close()
    anns, bens = people().open("own", "ann", HELD), people().open("own", "ben", HELD)
    assert path_of(anns) != path_of(bens)
    for _ in range(4):
        label(anns, ["1", "2"])
        label(bens, ["3"])
    label_all(bens, "2")
    label_all(anns, "1")
    expect(anns.locator(".blank")).to_contain_text("All 30 of this query are labeled.", timeout=PATIENCE * 1000)
    ann, ben = ({item for item, *_ in stored(app.home, "own", name)} for name in ("ann", "ben"))
    assert ann.isdisjoint(ben)
    assert len(ann | ben) == len(stored(app.home, "own", "ann")) + len(stored(app.home, "own", "ben")) == 30


def test_two_opinions_are_given_unseen_and_a_tie_is_reviewed_side_by_side(people: Any, app: App, source: Path) -> None:
    items = shared_out(app, source, "two", opinions=2)
    anns = people().open("two", "ann", HELD)
    first = path_of(anns)
    label(anns, ["1", "1"])
    wait_saved(anns)
    bens = people().open("two", "ben", HELD)
    expect(bens.locator(".count")).to_have_text("0 of 12 labeled")
    assert path_of(bens) == first
    expect(bens.locator(".caption .given")).to_have_count(0)
    label(bens, ["1", "2"])
    wait_saved(bens)
    assert stored(app.home, "two", "ann") == [(items[0], "label", "cross"), (items[1], "label", "cross")]
    assert stored(app.home, "two", "ben") == [(items[0], "label", "cross"), (items[1], "label", "disc")]
    expect(anns.locator(".count")).to_have_text("2 of 12 labeled")
    anns.keyboard.press("ArrowLeft")  # her own answer stays hers
    expect(anns.locator(".caption .given")).to_have_text("✓ cross")
    anns.keyboard.press("z")
    label(anns, ["1"])
    anns.get_by_role("button", name="1 to review").click(timeout=PATIENCE * 1000)
    rows = anns.locator(".opinions .opinion")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("ben")
    expect(rows.nth(0).locator(".name")).to_have_text("disc")
    expect(rows.nth(1)).to_contain_text("you")
    expect(rows.nth(1).locator("kbd")).to_have_text("1")
    label(anns, ["3"])  # a third
    expect(anns.get_by_text("All 1 are decided.")).to_be_visible(timeout=PATIENCE * 1000)
    wait_saved(anns)
    assert app.get(f"/projects/two/items/{items[1]}")["state"]["label"] == "ring"
    assert app.get("/projects/two/queue?view=review")["disputed"] == 0


def test_one_person_alone_reads_what_is_missing_and_may_train_on(people: Any, app: App, source: Path) -> None:
    shared_out(app, source, "alone", opinions=2)
    anns = people().open("alone", "ann", HELD)
    assert label_all(anns, "1") == QUERY
    expect(anns.locator(".blank .elsewhere")).to_have_text(
        "12 images wait for the opinion of somebody else: 2 people answer each. The model learns from those there are."
    )
    expect(anns.get_by_role("button", name="Train the next round")).to_be_visible(timeout=PATIENCE * 1000)
    bens = people().open("alone", "ben", HELD)
    assert label_all(bens, "1") == QUERY
    expect(anns.locator(".blank")).to_contain_text("All 12 of this query are labeled.", timeout=PATIENCE * 1000)


def test_the_page_says_who_else_is_here_and_looks_at_the_same(people: Any, app: App, source: Path) -> None:
    started(app, source, "here")
    anns, bens = people().open("here", "ann"), people().open("here", "ben")
    expect(anns.locator(".here")).to_have_text("with ben", timeout=PATIENCE * 1000)
    expect(bens.locator(".caption .beside")).to_have_text("ann looks at it too", timeout=PATIENCE * 1000)
    label(bens, ["1"])
    expect(bens.locator(".caption .beside")).to_have_count(0)


def test_the_choice_is_made_on_the_page_and_open_windows_follow(people: Any, app: App, source: Path) -> None:
    started(app, source, "choice")
    anns, bens = people().open("choice", "ann"), people().open("choice", "ben")
    label(bens, ["1"])
    wait_saved(bens)
    anns.get_by_role("button", name="People").click()
    anns.get_by_text("Several people answer each image").click()
    expect(anns.get_by_label("People an image")).to_have_value("2", timeout=PATIENCE * 1000)
    with bens.expect_response(lambda answer: "/queue?" in answer.url, timeout=PATIENCE * 1000):
        anns.get_by_role("button", name="Save the choice").click()
    wait_labeler(bens, HELD)
    expect(bens.locator(".count")).to_have_text("1 of 12 labeled")
    label(bens, ["2"])
    wait_saved(bens)
    workspace = Workspace(app.home)
    project = workspace.project("choice")
    assert sharing.settings(project) == sharing.Settings(False, 2, False)
    assert [event["opinions"] for event in project.journal.events()] == [None, 2]
    workspace.close()


def test_an_image_asked_again_looks_like_any_other_and_changes_no_label(people: Any, app: App, source: Path) -> None:
    started(app, source, "again")
    workspace = Workspace(app.home)
    project = workspace.project("again")
    sharing.choose(project, again=True)
    old = project.pool().unlabeled
    old = [int(i) for i in old if int(i) not in set(project.round().query)][:25]
    events = [Annotation("before", n, i, "label", "cross", ms=900, annotator="ann", replaces="", round=0) for n, i in enumerate(old, 1)]
    assert project.journal.take(events, project.classes).rejected == []
    with workspace.database.write() as conn:
        conn.execute(annotation_rows.update().values(created=annotation_rows.c.created - 3600))
    workspace.close()
    anns = people().open("again", "ann", 0)
    wait_labeler(anns, QUERY + 1)
    expect(anns.locator(".count")).to_have_text("0 of 13 labeled")
    expect(anns.locator(".caption .given")).to_have_count(0)
    expect(anns.locator(".reason")).to_have_text("first query, drawn at random: there is no model yet")
    label(anns, ["2"])
    expect(anns.locator(".count")).to_have_text("1 of 13 labeled")
    anns.keyboard.press("z")
    label(anns, ["3", "1"])
    wait_saved(anns)
    told = stored(app.home, "again", "ann")[25:]
    assert told[:3] == [(old[0], "again", "disc"), (old[0], "again", None), (old[0], "again", "ring")]
    assert told[3][1:] == ("label", "cross")
    assert app.get(f"/projects/again/items/{old[0]}")["state"]["label"] == "cross"
    with Workspace(app.home).database.read() as conn:
        assert conn.scalar(sa.select(sa.func.count()).select_from(annotation_rows).where(annotation_rows.c.kind == "again")) == 3
