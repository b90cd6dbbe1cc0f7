"""The tour in real Chromium, from the first click to the second round on the bundled digits."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from alcore.project.facade import Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App, label, press, start_training, wait_labeler

pytestmark = pytest.mark.browser


def step(page: Page, title: str) -> None:
    expect(page.locator(".st-key-tour").get_by_text(title, exact=True)).to_be_visible(timeout=PATIENCE * 1000)


def follow(page: Page, name: str) -> None:
    """By the tour's own link."""
    page.locator(".st-key-tour").get_by_role("link", name=re.compile("^(arrow_forward )?(Go to|Next)")).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=PATIENCE * 1000)


def test_from_the_first_click_to_the_second_round(page_factory: PageFactory, bare_app: App) -> None:
    page = page_factory()
    page.context.clear_cookies()
    page.goto(bare_app.url)
    press(page, "Take the tour")
    step(page, "Take some images")
    press(page, "Try the bundled digits")
    step(page, "See what there is")
    follow(page, "Train")
    step(page, "Ask for the first images")
    press(page, "Ask for these")
    step(page, "Label 20 of them")
    wait_labeler(page, 5)
    label(page, [str(i % 10) for i in range(20)])
    step(page, "Train a model")  # by itself: labels come without a run of the page

    page.locator(".st-key-tour").get_by_role("button", name="Leave").click()
    expect(page.locator(".st-key-tour")).to_have_count(0)
    page.reload()
    press(page, "Go on with the tour")
    step(page, "Train a model")
    follow(page, "Train")
    start_training(page, steps=20)
    step(page, "Label what the model asked for")
    follow(page, "Label")
    wait_labeler(page, 5)
    label(page, [str(i % 10) for i in range(10)])
    step(page, "Look at the map")
    follow(page, "Explore")
    follow(page, "Train")
    step(page, "The second round")
    start_training(page, steps=20)
    step(page, "Is it worth going on?")
    follow(page, "Progress")
    page.locator(".st-key-tour").get_by_role("button", name="End the tour").click()
    expect(page.locator(".st-key-tour")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("tour"))).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="Progress", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.locator(".st-key-tour")).to_have_count(0)
    bare_app.wait_state("digits", "done")  # the page knows of a round before its job is over
    workspace = Workspace(bare_app.home)
    assert [round_.start for round_ in workspace.project("digits").rounds()] == ["random", "", ""]
    workspace.close()
