"""Why an image was asked for, as people see it: unfolded on the Label page by key and by click, in the pane of the Images page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from alcore.importing.samples import bundled_digits
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App, label, wait_labeler, wait_saved
from tests.browser.test_accessibility import findings

pytestmark = pytest.mark.browser

NAME = "digits"
QUICK = {"steps": 60, "warmup": 0.0}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The bundled digits with 100 labels, and a query of MCDAL after one of MAL."""
    home = tmp_path_factory.mktemp("why") / "home"
    workspace = Workspace(home)
    project = Project.import_into(workspace, NAME, bundled_digits(), truth="hidden")
    project.label_from_truth(100, seed=0)
    for strategy in ("mal", "mcdal"):
        project.run_round(strategy, 20, 0, "cpu", train=QUICK, report=lambda _: None)
    assert workspace.token
    workspace.close()
    served = App(home)
    served.start()
    yield served
    served.kill()


def told(page: Page, app: App, item: int):
    """What stands there of an item, once it does, and what the server says of it."""
    expect(page.locator(f".because[data-item='{item}']:not([aria-busy])")).to_be_visible(timeout=PATIENCE * 1000)
    return page.locator(".because"), app.get(f"/projects/{NAME}/items/{item}/why?round=2")


def fits(page: Page) -> None:
    main = "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; }"
    assert page.evaluate(main) == 0


def check(page: Page, app: App, item: int) -> None:
    shown, said = told(page, app, item)
    expect(shown.locator(".asked")).to_contain_text(f"Asked for by round 2, {said['asked']} of 20. MCDAL.")
    formulas = shown.locator(".formulas li")
    assert formulas.evaluate_all("rows => rows.map(row => row.dataset.score)") == [score["name"] for score in said["scores"]]
    assert formulas.locator(".put").all_inner_texts()[0].startswith(f"= {said['scores'][0]['put']} = ")
    tables = shown.locator("table")
    assert tables.nth(0).locator("thead th").all_inner_texts() == ["F", "F1", "F2"]
    assert tables.nth(0).locator("tbody th").all_inner_texts() == [bar["class"] for bar in said["heads"]["bars"]] + ["5 more"]
    assert tables.nth(1).locator("tbody th").all_inner_texts() == ["d(p, p₁)", "d(p, p₂)", "d(p₁, p₂)"]
    expect(shown.locator(".neighbors img[src]")).to_have_count(6, timeout=PATIENCE * 1000)
    assert shown.locator(".neighbors b").all_inner_texts() == [row["label"] for row in said["neighbors"]["rows"]]


def test_w_unfolds_what_is_behind_an_image_and_it_stays_while_one_labels(page_factory: PageFactory, app: App, axe: Path) -> None:
    page = page_factory(width=1280, height=900)
    page.goto(f"{app.url}/label?project={NAME}")
    wait_labeler(page, 4)
    first, second, *_ = app.queue(NAME)
    expect(page.locator(".behind")).to_be_hidden()
    page.keyboard.press("w")
    check(page, app, first)
    expect(page.locator(".labeler .ask").first).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".labeler .numbers")).to_be_hidden()  # they stand in what was unfolded
    expect(page.locator(".classes .class").first).to_be_visible()
    fits(page)
    page.evaluate(axe.read_text())
    assert findings(page) == []
    label(page, ["3"])
    check(page, app, second)
    wait_saved(page)
    page.keyboard.press("w")
    expect(page.locator(".behind")).to_be_hidden()
    page.get_by_role("button", name="why?").click()
    check(page, app, second)
    page.locator(".behind").get_by_role("button", name="Close").click()
    expect(page.locator(".labeler .numbers")).to_be_visible()


def test_on_a_phone_it_lies_below_and_nothing_is_too_wide(page_factory: PageFactory, app: App, axe: Path) -> None:
    page = page_factory(width=390, height=844)
    page.goto(f"{app.url}/label?project={NAME}")
    wait_labeler(page, 4)
    item = app.queue(NAME)[0]
    page.get_by_role("button", name="why?").click()
    check(page, app, item)
    fits(page)
    page.emulate_media(color_scheme="dark")
    page.evaluate(axe.read_text())
    assert findings(page) == []


def test_the_pane_of_an_image_has_it_folded(page_factory: PageFactory, app: App, axe: Path) -> None:
    page = page_factory(width=1280, height=900)
    item = app.queue(NAME)[1]
    selection = app.post(f"/projects/{NAME}/selections", {"ids": [item]})["among"]
    page.goto(f"{app.url}/images?project={NAME}&view=among%3D{selection}")
    tile = page.locator(".images .tile:visible")
    expect(tile).to_have_count(1, timeout=PATIENCE * 1000)
    tile.dblclick()
    expect(page.locator(".details .said h4")).to_have_text("What was said", timeout=PATIENCE * 1000)
    expect(page.locator(".because .asked")).to_have_count(0)  # nothing is asked before somebody wants to know
    page.locator(".details .fold summary").click()
    check(page, app, item)
    fits(page)
    page.evaluate(axe.read_text())
    assert findings(page) == []
