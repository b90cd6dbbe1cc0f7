"""Metadata in a real browser: filters of the Images page, what is told of an image, and a filter on a column that is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from alcore.importing.samples import bundled_digits
from alcore.project import metadata
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App
from tests.browser.test_images import count, settled

NAME = "metadata"
ROWS = 60  # images of the table


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("metadata")
    workspace = Workspace(folder / "home")
    project = Project.import_into(workspace, NAME, bundled_digits())
    paths = sorted(project.items.paths().values())[:ROWS]
    rows = [f'{path},"{("A & B", "ü", "")[at % 3]}",{at},2026-01-{at % 28 + 1:02d}' for at, path in enumerate(paths)]
    (folder / "m.csv").write_text("\n".join(["path,the camera,age,taken", *rows]))
    metadata.attach(project, metadata.look(project, folder / "m.csv"))
    assert workspace.token
    workspace.close()
    served = App(folder / "home")
    served.start()
    yield served
    served.kill()


@pytest.mark.browser
def test_images_are_filtered_by_what_is_known_of_them(page_factory: PageFactory, app: App):
    page = page_factory()
    page.goto(f"{app.url}/images?project={NAME}")
    settled(page)
    page.locator(".filters summary").first.click()
    section = page.locator("fieldset[data-filter='meta.the camera']")
    expect(section.locator("label")).to_have_text(["A & B20", "ü20", "no value1,757"])
    section.get_by_label("A & B").check()
    count(page, "20 of 1,797 images")
    page.get_by_label("age from").fill("30")
    page.get_by_label("age from").press("Tab")
    count(page, "10 of 1,797 images")
    page.get_by_label("taken to").fill("2026-01-10")
    page.get_by_label("taken to").press("Tab")
    count(page, "4 of 1,797 images")
    page.keyboard.press("Escape")
    chips = page.locator(".images .chip > span:first-child")
    expect(chips).to_have_text(["the camera: A & B", "age from 30", "taken to 2026-01-10"])
    page.get_by_label("Order", exact=True).select_option("meta:age")
    settled(page)
    page.locator(".images .tile:visible").first.dblclick()
    expect(page.locator(".images .known dd")).to_have_text(["A & B", "30", "2026-01-03"], timeout=PATIENCE * 1000)
    page.get_by_role("button", name="Without age from 30").click()
    expect(page).not_to_have_url(re.compile(r"meta\.age\.from"), timeout=PATIENCE * 1000)
    expect(chips).to_have_text(["the camera: A & B", "taken to 2026-01-10"])


@pytest.mark.browser
def test_a_view_of_a_column_that_is_gone_says_so(page_factory: PageFactory, app: App):
    page = page_factory()
    page.goto(f"{app.url}/images?project={NAME}&view=meta.lens%3Dx")
    expect(page.locator(".images .empty")).to_contain_text("there is no metadata column 'lens'", timeout=PATIENCE * 1000)
    page.get_by_role("button", name="Show all images").click()
    count(page, "1,797 images")
