"""The Methods page in real Chromium: every equation is drawn, nothing is wider than the window, and its links lead on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from alcore.strategies import STRATEGIES
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App, choose, prepare, write_images

pytestmark = pytest.mark.browser

WIDER = "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; }"
# equations that do not fit
SCROLLED = """() => [...document.querySelectorAll('.katex-display')]
  .filter((e) => [...e.querySelectorAll('.katex-html .base')].some((part) => part.getBoundingClientRect().right > innerWidth))
  .map((e) => e.textContent)"""


def wait_method(page: Page, name: str) -> None:
    """Until the page of a method is there, with all of its equations."""
    expect(page.get_by_text(STRATEGIES[name].cost.replace("`", ""), exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.locator(".katex-display")).to_have_count(len(STRATEGIES[name].equations))


@pytest.mark.parametrize("width", [390, 1280])
def test_every_equation_is_drawn_and_every_page_fits(page_factory: PageFactory, bare_app: App, width: int) -> None:
    page = page_factory(width=width, height=900)
    page.goto(f"{bare_app.url}/methods")
    for name, kind in STRATEGIES.items():
        if name != next(iter(STRATEGIES)):
            choose(page, "Method", kind.title)
        wait_method(page, name)
        assert page.locator(".katex-error").count() == 0
        assert (name, page.evaluate(WIDER), page.evaluate(SCROLLED)) == (name, 0, [])
        expect(page).to_have_url(re.compile(f"method={name}"))


def test_its_links_lead_to_the_playground_and_to_a_round_and_back(page_factory: PageFactory, bare_app: App, tmp_path) -> None:
    prepare(bare_app.home, write_images(tmp_path / "images", 4), "shapes", 6, 3)
    page = page_factory(width=1280, height=900)
    page.goto(f"{bare_app.url}/methods?project=shapes&method=mal")
    wait_method(page, "mal")
    page.get_by_role("link", name="Try it on points").click()
    group = page.get_by_role("group", name="Method")
    expect(group.locator("[aria-pressed=true]")).to_have_text("MAL", timeout=PATIENCE * 1000)
    page.get_by_role("link", name="What each method is, and when to use it").click()
    expect(page.get_by_role("heading", name="Methods", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    choose(page, "Method", "Core-set")
    wait_method(page, "coreset")
    page.get_by_role("link", name="Choose it for a round").click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.get_by_text(STRATEGIES["coreset"].idea[:40])).to_be_visible(timeout=PATIENCE * 1000)
    page.get_by_role("link", name="What Core-set does").click()
    wait_method(page, "coreset")
