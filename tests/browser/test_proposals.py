"""What methods would ask for, compared on the Train page, and one of them taken: the Label page then asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from alcore.importing.samples import bundled_digits
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App, unfold, wait_labeler
from tests.browser.test_accessibility import findings

pytestmark = pytest.mark.browser

NAME = "digits"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The bundled digits with 100 labels and a round of MCDAL."""
    home = tmp_path_factory.mktemp("proposals") / "home"
    workspace = Workspace(home)
    project = Project.import_into(workspace, NAME, bundled_digits(), truth="hidden")
    project.label_from_truth(100, seed=0)
    project.run_round("mcdal", 20, 0, "cpu", train={"steps": 60, "warmup": 0.0}, report=lambda _: None)
    assert workspace.token
    workspace.close()
    served = App(home)
    served.start()
    yield served
    served.kill()


def fold(page: Page, app: App) -> None:
    page.goto(f"{app.url}/train?project={NAME}")
    heading = page.locator("[data-testid=stExpander] summary").filter(has=page.get_by_text("Compare what others would ask", exact=True))
    unfold(heading)
    expect(page.locator(".proposals[data-state]")).to_be_visible(timeout=PATIENCE * 1000)


def fits(page: Page) -> None:
    main = "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; }"
    assert page.evaluate(main) == 0


def test_methods_are_compared_and_one_click_makes_one_the_query(page_factory: PageFactory, app: App, axe: Path) -> None:
    page = page_factory(width=1280, height=900)
    fold(page, app)
    expect(page.locator(".proposals")).to_have_attribute("data-state", "none")
    page.evaluate(axe.read_text())
    assert findings(page) == []
    page.get_by_label("Images each").fill("14")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator(".proposals[data-state=done]")).to_be_visible(timeout=PATIENCE * 1000)
    told = app.get(f"/projects/{NAME}/proposals")
    cards = page.locator(".methods > li")
    assert cards.evaluate_all("cards => cards.map(card => card.dataset.name)") == [each["name"] for each in told["proposals"]]
    assert cards.locator(".title b").all_inner_texts() == [each["title"] for each in told["proposals"]]
    expect(page.locator(".methods .pictures img[src]")).to_have_count(12 * len(told["proposals"]), timeout=PATIENCE * 1000)
    cells = page.locator(".proposals tbody td").all_inner_texts()
    expected = [["–" if a == b else str(n) for b, n in enumerate(row)] for a, row in enumerate(told["overlap"])]
    assert cells == [cell for row in expected for cell in row]
    expect(page.get_by_text("Not compared: MAL, BALD,")).to_be_visible()
    expect(page.get_by_text("Near duplicates are known with pretrained features only.")).to_be_visible()
    fits(page)
    assert findings(page) == []
    entropy = next(each for each in told["proposals"] if each["name"] == "entropy")
    page.get_by_role("button", name="Ask for these of Entropy").click()
    expect(page.get_by_role("heading", name="Label", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    wait_labeler(page, 4)
    assert app.queue(NAME)[:12] == [picture["id"] for picture in entropy["pictures"]]
    expect(page.locator(".labeler")).to_have_attribute("data-item", str(entropy["pictures"][0]["id"]))
    expect(page.locator(".labeler .reason")).to_contain_text("Entropy asks for it, 1 of 14, by round 1's look at the pool; ")
    page.get_by_role("button", name="why?").click()
    expect(page.locator(".because .asked")).to_have_text("Asked for by round 2, 1 of 14. Entropy.", timeout=PATIENCE * 1000)


def test_it_fits_a_phone_in_the_dark(page_factory: PageFactory, app: App, axe: Path) -> None:
    page = page_factory(width=390, height=844)
    page.emulate_media(color_scheme="dark")
    fold(page, app)
    expect(page.locator(".proposals[data-state=done]")).to_be_visible(timeout=PATIENCE * 1000)  # it was made above, and is kept
    fits(page)
    page.evaluate(axe.read_text())
    assert findings(page) == []
