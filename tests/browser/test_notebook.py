"""The widgets in a real JupyterLab in Chromium: what a person gives there stands in the project's journal, read from another process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.painting import at, drag, wait_item
from tests.browser.real_app import wait
from tests.browser.real_lab import Lab
from tests.conftest import QUICK, write_source
from tests.scenes import few_streets

pytestmark = pytest.mark.browser

WORKS = ".labeler[data-view=work][data-loading='0'][data-live='1']"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with `street`, of which 2 masks are asked for, and `toy` after a round."""
    folder = tmp_path_factory.mktemp("notebooks")
    workspace = Workspace(folder / "home")
    Project.import_into(workspace, "street", few_streets(folder / "streets")).start(2, "random", seed=0)
    toy = Project.import_into(workspace, "toy", write_source(folder / "toy"))
    toy.label_from_truth(8, seed=0)
    toy.run_round("margin", query_size=12, seed=0, train=QUICK, report=lambda progress: None)
    write_source(folder / "fresh")
    workspace.close()
    return folder / "home"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    served = Lab(tmp_path_factory.mktemp("lab"))
    served.start()
    yield served
    served.stop()


def stored(home: Path, project: str) -> list[tuple[int, str, str | None, str]]:
    """(item, kind, value, annotator) of every answer given by hand, as another process than the kernel reads it."""
    workspace = Workspace(home)
    events = workspace.project(project).journal.events()
    workspace.close()
    return [(one["item_id"], one["kind"], one["value"], one["annotator"]) for one in events if one["annotator"] not in ("oracle", "import")]


def query(home: Path, project: str) -> list[int]:
    workspace = Workspace(home)
    asked = [item["id"] for item in workspace.project(project).queue(48)["items"]]
    workspace.close()
    return asked


def opened(home: Path, project: str) -> str:
    return f"import alcore\nproject = alcore.Project.open({project!r}, home={str(home)!r})"


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


def test_three_keys_are_three_labels_of_a_project_that_the_notebook_made(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory()
    made = f"import alcore\nproject = alcore.Project.create('fresh', {str(home.parent / 'fresh')!r}, home={str(home)!r})\nasked = project.start(6, seed=0)"
    notebook = lab.open(
        page, "labeling", [made, "widget = alcore.widget.labeler(project, 'ann')\nwidget", "print(project.counts()['labeled'])"]
    )
    for cell in (0, 1):
        notebook.run(cell)
    items = query(home, "fresh")
    page.locator(WORKS).wait_for(timeout=60_000)
    expect(page.get_by_text("Click into it to use the keys.")).to_be_visible()
    begin(page)
    expect(page.get_by_text("Click into it to use the keys.")).to_be_hidden()
    for key, item in zip("201", items, strict=False):
        give(page, key, item)
    wait_stored(home, "fresh", *((item, "label", key, "ann") for key, item in zip("201", items, strict=False)))
    notebook.run(2)
    assert notebook.text(2) == "3"


def test_keys_are_the_widgets_while_the_focus_is_in_it_and_the_notebooks_elsewhere(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory()
    notebook = lab.open(page, "keys", [opened(home, "toy"), "widget = alcore.widget.labeler(project, 'kim')\nwidget", "pass"])
    for cell in (0, 1):
        notebook.run(cell)
    first, second = query(home, "toy")[:2]
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
    wait_stored(home, "toy", (first, "label", "3", "kim"), (first, "undo", None, "kim"), (first, "label", "2", "kim"))
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(4)
    assert [one for one in stored(home, "toy") if one[3] == "kim" and one[0] != first] == []


def test_labels_arrive_while_a_cell_runs(page_factory: PageFactory, lab: Lab, home: Path, tmp_path: Path) -> None:
    page = page_factory()
    end = tmp_path / "end"
    runs = f"import pathlib, time\nwhile not pathlib.Path({str(end)!r}).exists():\n    time.sleep(0.02)\nprint(project.counts()['labeled'])"
    notebook = lab.open(page, "running", [opened(home, "toy"), "widget = alcore.widget.labeler(project, 'lee')\nwidget", runs])
    for cell in (0, 1):
        notebook.run(cell)
    begin(page)
    item = query(home, "toy")[0]
    notebook.begin(2)
    expect(notebook.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    begin(page)
    give(page, "1", item)
    wait_stored(home, "toy", (item, "label", "1", "lee"))
    expect(notebook.cell(2).locator(".jp-InputPrompt")).to_have_text("[*]:")
    end.touch()
    notebook.ended(2)


def test_what_could_not_be_sent_is_kept_and_sent_by_the_next_widget(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory()
    cells = [opened(home, "toy"), "widget = alcore.widget.labeler(project, 'sam')\nwidget", "widget._line.close()"]
    notebook = lab.open(page, "unsent", cells)
    for cell in (0, 1):
        notebook.run(cell)
    begin(page)
    item = query(home, "toy")[0]
    notebook.run(2)  # from now on nobody answers
    begin(page)
    give(page, "0", item)
    page.wait_for_function("Object.keys(localStorage).some((name) => name.startsWith('alcore:event:'))")
    assert [one for one in stored(home, "toy") if one[3] == "sam"] == []
    notebook.run(1)
    wait_stored(home, "toy", (item, "label", "0", "sam"))
    page.wait_for_function("!Object.keys(localStorage).some((name) => name.startsWith('alcore:event:'))")


def test_a_stroke_in_the_mask_editor_is_saved_as_a_mask(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory(1400, 1000)
    page.add_init_script("""try { localStorage.setItem("alcore:editor:settings", '{"size": 9}') } catch {}""")
    notebook = lab.open(page, "painting", [opened(home, "street"), "widget = alcore.widget.mask_editor(project, 'ann')\nwidget"])
    for cell in (0, 1):
        notebook.run(cell)
    item = query(home, "street")[0]
    wait_item(page, item)
    page.locator(".editor").scroll_into_view_if_needed()
    page.mouse.click(*at(page, 5, 5))
    page.keyboard.press("2")
    drag(page, (20, 30), (60, 30), (60, 50))
    page.keyboard.press("Enter")
    wait(lambda: [one[:2] + one[3:] for one in stored(home, "street")] == [(item, "mask", "ann")], "the mask was not stored")
    workspace = Workspace(home)
    mask = workspace.project("street").mask(item)
    workspace.close()
    assert mask is not None
    assert mask.shape == (96, 128)
    assert (mask[30, 20:61] == 1).all()
    assert (mask[30:51, 60] == 1).all()
    assert set(np.unique(mask)) == {0, 1, 255}  # the click was a dot of the first class
    assert (mask[60:] == 255).all()


def test_a_lasso_on_the_map_is_a_selection_in_the_kernel(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory(1400, 1000)
    told = "import json\nprint(json.dumps([list(world.selection), world.count]))"
    cells = [opened(home, "toy"), "world = alcore.widget.map(project)\nworld", told, "world.color = 'entropy'", told]
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
    notebook.run(2)
    ids, of = json.loads(notebook.text(2))
    workspace = Workspace(home)
    toy = workspace.project("toy")
    frame = toy.scores().set_index("id")
    workspace.close()
    assert (of, len(ids)) == (count, count)
    assert count > 10
    known = [i for i in ids if i in frame.index]
    assert known == sorted(known, key=lambda i: int(frame.loc[i, "rank"]))
    notebook.run(3)
    expect(page.locator(".map .legend b")).to_have_text("Entropy")
    notebook.run(4)
    by_entropy, of = json.loads(notebook.text(4))
    assert (set(by_entropy), of) == (set(ids), count)
    scored = [float(frame.loc[i, "entropy"]) for i in by_entropy if i in frame.index]
    assert scored == sorted(scored, reverse=True)


def test_it_has_the_notebooks_colors(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory()
    notebook = lab.open(page, "themes", [opened(home, "toy"), "world = alcore.widget.map(project)\nworld"])
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
    assert gray.evaluate(ground) == light


def test_it_is_gone_with_its_cells_output_and_leaves_no_error(page_factory: PageFactory, lab: Lab, home: Path) -> None:
    page = page_factory()
    notebook = lab.open(page, "leaving", [opened(home, "toy"), "widget = alcore.widget.labeler(project, 'ann')\nwidget", "widget.close()"])
    for cell in (0, 1):
        notebook.run(cell)
    page.locator(WORKS).wait_for(timeout=60_000)
    notebook.run(2)
    expect(page.locator(".labeler")).to_have_count(0)
