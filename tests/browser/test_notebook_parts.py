"""The mask editor and the map in a real JupyterLab in Chromium, and the notebook's colors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from alcore.project.facade import Workspace
from tests.browser.conftest import PageFactory
from tests.browser.painting import at, drag, wait_item
from tests.browser.real_app import wait
from tests.browser.real_lab import Lab, LabPage, opened, query, stored

pytestmark = pytest.mark.browser


def test_a_stroke_in_the_mask_editor_is_saved_as_a_mask(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory(1400, 1000)
    page.add_init_script("""try { localStorage.setItem("alcore:editor:settings", '{"size": 9}') } catch {}""")
    notebook = lab.open(page, "painting", [opened(notebook_home, "street"), "widget = alcore.widget.mask_editor(project, 'ann')\nwidget"])
    for cell in (0, 1):
        notebook.run(cell)
    item = query(notebook_home, "street")[0]
    wait_item(page, item)
    page.locator(".editor").scroll_into_view_if_needed()
    page.mouse.click(*at(page, 5, 5))
    page.keyboard.press("2")
    drag(page, (20, 30), (60, 30), (60, 50))
    page.keyboard.press("Enter")
    wait(lambda: [one[:2] + one[3:] for one in stored(notebook_home, "street")] == [(item, "mask", "ann")], "the mask was not stored")
    workspace = Workspace(notebook_home)
    mask = workspace.project("street").mask(item)
    workspace.close()
    assert mask is not None
    assert mask.shape == (96, 128)
    assert (mask[30, 20:61] == 1).all()
    assert (mask[30:51, 60] == 1).all()
    assert set(np.unique(mask)) == {0, 1, 255}  # the click was a dot of the first class
    assert (mask[60:] == 255).all()


def test_a_lasso_on_the_map_is_a_selection_in_the_kernel(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory(1400, 1000)
    told = "import json\nprint(json.dumps([list(world.selection), world.count]))"
    cells = [opened(notebook_home, "toy"), "world = alcore.widget.map(project)\nworld", told, "world.color = 'entropy'", told]
    notebook = lab.open(page, "mapping", cells)
    for cell in (0, 1):
        notebook.run(cell)
    expect(page.locator(".map .legend b")).to_have_text("Priority", timeout=60_000)
    canvas = page.locator(".map canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    left, top, right, bottom = box["x"] + 12, box["y"] + 60, box["x"] + box["width"] - 12, box["y"] + box["height"] - 4
    page.mouse.move(left, top)
    page.keyboard.down("Shift")
    page.mouse.down()
    for place in ((right, top), (right, bottom), (left, bottom), (left, top)):
        page.mouse.move(*place, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.locator(".map .side .head b")).to_contain_text("selected")
    count = int(page.locator(".map .side .head b").inner_text().split()[0])
    # JupyterLab hands what a page says to a thread of the kernel beside the one of the cells, so a cell run now may be faster.
    wait(lambda: printed(notebook, 2)[1] == count, "the kernel has not heard of the lasso")
    ids, of = printed(notebook, 2)
    workspace = Workspace(notebook_home)
    toy = workspace.project("toy")
    frame = toy.scores().set_index("id")
    workspace.close()
    assert (of, len(ids)) == (count, count)
    assert count > 10
    known = [i for i in ids if i in frame.index]
    assert known == sorted(known, key=lambda i: int(frame.loc[i, "rank"]))
    notebook.run(3)
    expect(page.locator(".map .legend b")).to_have_text("Entropy")

    def entropies() -> list[float]:
        return [float(frame.loc[i, "entropy"]) for i in printed(notebook, 4)[0] if i in frame.index]

    assert len(entropies()) > 1
    wait(lambda: (now := entropies()) == sorted(now, reverse=True), "the kernel has not heard of the order by entropy")
    by_entropy, of = printed(notebook, 4)
    assert (set(by_entropy), of) == (set(ids), count)


def printed(notebook: LabPage, cell: int) -> tuple[list[int], int]:
    """What the cell prints of the selection: its ids, and how many there are."""
    notebook.run(cell)
    ids, count = json.loads(notebook.text(cell))
    return ids, count


def test_it_has_the_notebooks_colors(page_factory: PageFactory, lab: Lab, notebook_home: Path) -> None:
    page = page_factory()
    notebook = lab.open(page, "themes", [opened(notebook_home, "toy"), "world = alcore.widget.map(project)\nworld"])
    for cell in (0, 1):
        notebook.run(cell)
    expect(page.locator(".map .legend b")).to_have_text("Priority", timeout=60_000)
    inside, gray, bar = page.locator(".alcore-notebook"), page.locator(".map .legend i").first, page.locator(".map .legend .ramp")
    ground = "(node) => getComputedStyle(node).backgroundColor"
    assert (inside.evaluate(ground), inside.get_attribute("data-dark")) == ("rgb(255, 255, 255)", "false")
    before, light = bar.get_attribute("style"), gray.evaluate(ground)
    assert light != "rgba(0, 0, 0, 0)"  # it was drawn when its colors were known
    notebook.choose("Settings", "Theme", "JupyterLab Dark")
    expect(page.locator(".alcore-notebook[data-dark=true]")).to_be_visible()
    assert inside.evaluate(ground) == "rgb(17, 17, 17)"
    expect(bar).not_to_have_attribute("style", before or "")  # what is drawn follows, too
    dark = bar.get_attribute("style")
    notebook.run(1)  # drawn in the dark from the start
    expect(bar).to_have_attribute("style", dark or "", timeout=60_000)
    notebook.choose("Settings", "Theme", "JupyterLab Light")
    expect(page.locator(".alcore-notebook[data-dark=false]")).to_be_visible()
    expect(bar).to_have_attribute("style", before or "")
    expect(gray).to_have_css("background-color", light)
    for variable, color in (("--jp-content-font-color0", "rgb(0, 100, 0)"), ("--jp-layout-color0", "rgb(250, 250, 210)")):
        before = gray.evaluate(ground)  # one color of a theme is enough to draw anew
        page.evaluate("([name, value]) => document.body.style.setProperty(name, value)", [variable, color])
        expect(gray).not_to_have_css("background-color", before)
