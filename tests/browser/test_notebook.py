"""The labeler in a real JupyterLab in Chromium: what a person gives there stands in the project's journal, read from another process."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PageFactory
from tests.browser.real_app import wait
from tests.browser.real_lab import Lab, opened, query, stored

KEPT = "Object.keys(localStorage).filter((name) => name.startsWith('alcore:event:')).map((name) => localStorage[name])"
pytestmark = pytest.mark.browser

WORKS = ".labeler[data-view=work][data-loading='0'][data-live='1']"


def begin(page: Page) -> None:
    """Clicks the picture, which gives the widget the keys."""
    page.locator(WORKS).wait_for(timeout=60_000)
    page.locator(".labeler .stage").click()


def give(page: Page, key: str, item: int) -> None:
    """Presses a key once the picture of `item` is on the screen."""
    page.locator(f"{WORKS}[data-item='{item}']").wait_for()
    page.keyboard.press(key)


def wait_stored(home: Path, project: str, *expected: tuple[int, str, str | None, str]) -> None:
    wait(lambda: stored(home, project)[-len(expected) :] == [*expected], f"not stored: {expected}")


def test_three_keys_are_three_labels_of_a_project_that_the_notebook_made(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory()
    made = f"import alcore\nproject = alcore.Project.create('fresh', {str(notebook_home.parent / 'fresh')!r}, home={str(notebook_home)!r})\nasked = project.start(6, seed=0)"
    notebook = lab.open(
        page, "labeling", [made, "widget = alcore.widget.labeler(project, 'ann')\nwidget", "print(project.counts()['labeled'])"]
    )
    for cell in (0, 1):
        notebook.run(cell)
    items = query(notebook_home, "fresh")
    page.locator(WORKS).wait_for(timeout=60_000)
    expect(page.get_by_text("Click into it to use the keys.")).to_be_visible()
    begin(page)
    expect(page.get_by_text("Click into it to use the keys.")).to_be_hidden()
    for key, item in zip("201", items, strict=False):
        give(page, key, item)
    wait_stored(notebook_home, "fresh", *((item, "label", key, "ann") for key, item in zip("201", items, strict=False)))
    notebook.run(2)
    assert notebook.text(2) == "3"


def test_keys_are_the_widgets_while_the_focus_is_in_it_and_the_notebooks_elsewhere(
    page_factory: PageFactory, lab: Lab, notebook_home: Path
) -> None:
    page = page_factory()
    notebook = lab.open(page, "keys", [opened(notebook_home, "toy"), "widget = alcore.widget.labeler(project, 'kim')\nwidget", "pass"])
    for cell in (0, 1):
        notebook.run(cell)
    first, second = query(notebook_home, "toy")[:2]
    page.locator(WORKS).wait_for(timeout=60_000)
    notebook.cell(2).locator(".cm-content").click()
    page.keyboard.type("1")  # into the text of a cell
    page.keyboard.press("Escape")
    page.keyboard.press("a")  # a cell above, by JupyterLab's own key
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(4)
    begin(page)
    for key in ("a", "b", "m", "x", "d", "d", "ArrowDown", "j"):  # each of which would change the notebook
        page.keyboard.press(key)
    give(page, "3", first)
    page.keyboard.press("z")
    give(page, "2", first)
    page.locator(f"{WORKS}[data-item='{second}']").wait_for()
    wait_stored(notebook_home, "toy", (first, "label", "3", "kim"), (first, "undo", None, "kim"), (first, "label", "2", "kim"))
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(4)
    assert [one for one in stored(notebook_home, "toy") if one[3] == "kim" and one[0] != first] == []


def test_labels_arrive_while_a_cell_runs(page_factory: PageFactory, lab: Lab, notebook_home: Path, tmp_path: Path) -> None:
    page = page_factory()
    end = tmp_path / "end"
    runs = f"import pathlib, time\nwhile not pathlib.Path({str(end)!r}).exists():\n    time.sleep(0.02)\nprint(project.counts()['labeled'])"
    notebook = lab.open(page, "running", [opened(notebook_home, "toy"), "widget = alcore.widget.labeler(project, 'lee')\nwidget", runs])
    for cell in (0, 1):
        notebook.run(cell)
    begin(page)
    item = query(notebook_home, "toy")[0]
    notebook.begin(2)
    expect(notebook.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    begin(page)
    give(page, "1", item)
    wait_stored(notebook_home, "toy", (item, "label", "1", "lee"))
    expect(notebook.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    end.touch()
    notebook.ended(2)


def test_what_could_not_be_sent_is_kept_and_sent_by_the_next_widget(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory()
    cells = [opened(notebook_home, "toy"), "widget = alcore.widget.labeler(project, 'sam')\nwidget", "widget._line.close()"]
    notebook = lab.open(page, "unsent", cells)
    for cell in (0, 1):
        notebook.run(cell)
    begin(page)
    item = query(notebook_home, "toy")[0]
    notebook.run(2)  # from now on nobody answers
    begin(page)
    give(page, "0", item)
    page.wait_for_function(
        f"{KEPT}.some((kept) => kept.includes('sam'))", timeout=60_000
    )  # of others, pages that were closed may have left some
    assert [one for one in stored(notebook_home, "toy") if one[3] == "sam"] == []
    notebook.run(1)
    wait_stored(notebook_home, "toy", (item, "label", "0", "sam"))
    page.wait_for_function(f"!{KEPT}.some((kept) => kept.includes('sam'))", timeout=60_000)


def test_a_page_that_is_loaded_again_goes_on_with_the_same_widget(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory()
    notebook = lab.open(page, "again", [opened(notebook_home, "toy"), "widget = alcore.widget.labeler(project, 'eve')\nwidget"])
    for cell in (0, 1):
        notebook.run(cell)
    begin(page)
    item = query(notebook_home, "toy")[0]
    page.keyboard.press("Control+s")  # with Ctrl keys are the notebook's, in the widget too
    wait(lambda: "widget-view" in (lab.notebooks / "again.ipynb").read_text(), "the notebook was not saved")
    page.reload()
    begin(page)
    give(page, "3", item)
    wait_stored(notebook_home, "toy", (item, "label", "3", "eve"))


def test_it_is_gone_with_its_cells_output_and_leaves_no_error(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory()
    notebook = lab.open(
        page, "leaving", [opened(notebook_home, "toy"), "widget = alcore.widget.labeler(project, 'ann')\nwidget", "widget.close()"]
    )
    for cell in (0, 1):
        notebook.run(cell)
    page.locator(WORKS).wait_for(timeout=60_000)
    notebook.run(2)
    expect(page.locator(".labeler")).to_have_count(0)
