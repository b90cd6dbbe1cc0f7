"""Masks in real Chromium against the real server: painted with every tool, reloaded, saved, exported, and equal to the last pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from alcore.formats import read
from alcore.pixels import masks
from alcore.project import drafts
from alcore.project.exporting import export
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.fake_editor_rules import area, polygon, stroke
from tests.browser.painting import click, drag, press, wait_item, wait_kept, wait_saved
from tests.browser.real_app import App
from tests.scenes import few_streets

pytestmark = pytest.mark.browser

QUICK = {"steps": 6, "batch_size": 4, "warmup": 0.0}
SHAPE = (96, 128)
VOID = masks.VOID


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The street scenes after two rounds, one that asked for frames and one that asks for tiles, each in a project of its own."""
    folder = tmp_path_factory.mktemp("masks")
    home, streets = folder / "home", few_streets(folder / "streets")
    workspace = Workspace(home)
    for name, train in (("frames", QUICK), ("tiles", {**QUICK, "query_unit": "tiles", "region_count": 12})):
        project = Project.import_into(workspace, name, streets)
        project.label_from_truth(6, seed=0)
        project.run_round("mcdal", 3, seed=0, train=train, report=lambda progress: None)
    Project.import_into(workspace, "shared", streets).start(3, "random", seed=0)
    assert workspace.token  # makes its file, which App reads
    workspace.close()
    app = App(home)
    app.start()
    yield app
    app.kill()


def open_label(page: Page, app: App, project: str, item: int) -> None:
    page.goto(f"{app.url}/label?project={project}")
    wait_item(page, item)


def exported(home: Path, project: str, item: int, out: Path) -> np.ndarray:
    """The item's mask as an export in CamVid's layout has it, read by the reader of that format."""
    workspace = Workspace(home)
    opened = workspace.project(project)
    path = opened.items.row(item)["path"]
    export(opened, "camvid", out)
    workspace.close()
    reading = read(out, "camvid")
    at = next(i for i, entry in enumerate(reading.entries) if Path(path).stem in entry.path)
    assert list(reading.classes) == list(opened.classes)
    return reading.masks[at]


def test_every_tool_paints_what_is_saved_reloaded_and_exported_to_the_pixel(page_factory: PageFactory, served: App, tmp_path: Path) -> None:
    item = served.queue("frames")[0]
    workspace = Workspace(served.home)
    project = workspace.project("frames")
    draft = drafts.draft(project, project.round().number, item)
    pieces = masks.superpixels(np.asarray(project.pictures.whole(project.items.row(item))), 150)
    workspace.close()
    page = page_factory()
    page.add_init_script("""try { localStorage.setItem("alcore:editor:settings", '{"size": 9}') } catch {}""")
    open_label(page, served, "frames", item)
    wanted = np.full(SHAPE, VOID, np.uint8)

    press(page, "2")  # brush
    way = [(10.5, 20.5), (100.5, 31.5), (60.5, 80.5)]
    drag(page, *way)
    wanted[stroke(SHAPE, way, 9)] = 1

    press(page, "e")  # eraser, across the stroke: a hole
    drag(page, (40.5, 10.5), (40.5, 40.5))
    wanted[stroke(SHAPE, [(40.5, 10.5), (40.5, 40.5)], 9)] = VOID

    press(page, "p", "3")  # polygon
    corners = [(5, 60), (35, 62), (30, 90), (8, 88)]
    click(page, *corners)
    press(page, "Enter")
    wanted[polygon(SHAPE, corners)] = 2

    press(page, "f", "4")  # flood: what is left of the brush right of the hole
    filled = area(wanted, 100, 31)
    click(page, (100, 31))
    wanted[filled] = 3

    press(page, "s", "5")  # superpixel
    expect(page.locator(".options .hint")).to_have_text("Click or drag over superpixels")
    click(page, (110, 80))
    wanted[pieces == pieces[80, 110]] = 4

    press(page, "d")  # an area of the draft
    expect(page.locator(".options .hint")).to_have_text("Click an area of the draft to take it")
    click(page, (100, 3))
    wanted[area(draft, 100, 3)] = draft[3, 100]

    press(page, "b", "v")  # void, by the brush
    drag(page, (64.5, 0.5), (64.5, 95.5))
    wanted[stroke(SHAPE, [(64.5, 0.5), (64.5, 95.5)], 9)] = VOID

    # what is not saved yet survives a reload
    wait_kept(page)
    page.reload()
    wait_item(page, item)
    expect(page.locator(".notice")).to_contain_text("Restored unsaved strokes")
    press(page, "Enter")
    wait_saved(page)

    assert np.array_equal(exported(served.home, "frames", item, tmp_path / "one"), wanted)

    assert item not in served.queue("frames")
    shown = served.get(f"/projects/frames/items/{item}")
    assert shown["mask"]
    assert shown["state"]["label"] == masks.digest(wanted)


def test_the_whole_draft_is_accepted_as_it_was_shown(page_factory: PageFactory, served: App, tmp_path: Path) -> None:
    item = served.queue("frames")[0]
    workspace = Workspace(served.home)
    project = workspace.project("frames")
    draft = drafts.draft(project, project.round().number, item)
    workspace.close()
    page = page_factory()
    open_label(page, served, "frames", item)
    press(page, "d")
    expect(page.get_by_role("button", name="Take the whole draft")).to_be_enabled()
    press(page, "g", "Enter")
    wait_saved(page)
    assert np.array_equal(exported(served.home, "frames", item, tmp_path / "draft"), draft)


def test_a_region_is_painted_alone_and_the_rest_stays_void(page_factory: PageFactory, served: App, tmp_path: Path) -> None:
    first = served.get("/projects/tiles/queue?n=10")["items"][0]
    inside = np.logical_or.reduce([masks.from_rle(runs, *SHAPE) for runs in first["regions"]])
    page = page_factory()
    open_label(page, served, "tiles", first["id"])
    press(page, "f", "2")
    y, x = np.argwhere(masks.from_rle(first["regions"][0], *SHAPE)).mean(axis=0).astype(int)
    click(page, (int(x), int(y)))
    press(page, "Enter")
    wait_saved(page)
    got = exported(served.home, "tiles", first["id"], tmp_path / "tiles")
    assert (got[~inside] == VOID).all()
    assert (got[area(np.where(inside, 0, 1), int(x), int(y))] == 1).all()
    workspace = Workspace(served.home)
    row = workspace.project("tiles").items.row(first["id"])
    workspace.close()
    assert row["partial"]


def test_layers_and_heads_are_pictures_the_browser_gets(page_factory: PageFactory, served: App) -> None:
    entry = served.get("/projects/frames/queue?n=1")["items"][0]
    page = page_factory()
    open_label(page, served, "frames", entry["id"])
    press(page, "l")
    expect(page.locator(".scale span")).to_have_text(["0", "2.08 nats"])
    page.get_by_role("button", name="Heads", exact=True).click()
    expect(page.locator(".pane .title")).to_have_text(["your mask", *(head["title"] for head in entry["heads"])])
    assert [head["title"] for head in entry["heads"]] == ["F, the task model", "F1", "F2"]


def test_a_real_picture_of_another_size_is_painted_at_its_own(page_factory: PageFactory, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (61, 333, 3), dtype=np.uint8)).save(folder / "odd.png")
    workspace = Workspace(tmp_path / "home")
    project = Project.import_into(workspace, "odd", folder, task="segmentation", classes=["a", "b"])
    project.start(1, "random")
    item = project.round().query[0]
    workspace.close()
    app = App(tmp_path / "home")
    app.start()
    try:
        page = page_factory()
        page.add_init_script("""try { localStorage.setItem("alcore:editor:settings", '{"size": 1}') } catch {}""")
        open_label(page, app, "odd", item)
        press(page, "2")
        drag(page, (0.5, 60.5), (332.5, 60.5))
        press(page, "Enter")
        wait_saved(page)
    finally:
        app.kill()
    workspace = Workspace(tmp_path / "home")
    wanted = np.full((61, 333), VOID, np.uint8)
    wanted[60, :] = 1
    assert np.array_equal(workspace.project("odd").mask(item), wanted)
    workspace.close()


def test_two_people_paint_one_picture_and_both_masks_wait_for_review(browser: Browser, served: App) -> None:
    item, *_ = served.queue("shared")
    contexts = [browser.new_context(viewport={"width": 1280, "height": 800}) for _ in range(2)]
    pages = [context.new_page() for context in contexts]
    for name, context, page in zip(("ann", "ben"), contexts, pages, strict=True):
        context.add_cookies([{"name": "alcore_annotator", "value": name, "url": served.url}])
        page.route("**/changes?*", lambda route: route.abort())  # nobody hears of the other before the save
        open_label(page, served, "shared", item)
        press(page, "p", "1" if name == "ann" else "2")
        click(page, (5, 60), (35, 62), (30, 90), (8, 88))
        press(page, "Enter")
    ann, ben = pages
    press(ann, "Enter")
    wait_saved(ann)
    press(ben, "Enter")
    expect(ben.locator(".notice")).to_contain_text("Both are kept; it waits for review.")
    wait_saved(ben)
    wanted = [np.full(SHAPE, VOID, np.uint8) for _ in range(2)]
    for value, mask in enumerate(wanted):
        mask[polygon(SHAPE, [(5, 60), (35, 62), (30, 90), (8, 88)])] = value
    workspace = Workspace(served.home)
    project = workspace.project("shared")
    events = [(event["annotator"], event["value"]) for event in project.journal.events()]
    assert events == [("ann", masks.digest(wanted[0])), ("ben", masks.digest(wanted[1]))]
    for (_, digest), mask in zip(events, wanted, strict=True):
        assert np.array_equal(project.masks.load(digest), mask)
    assert (project.queries.disputed(), project.items.row(item)["label"]) == ([item], events[1][1])
    workspace.close()
    for context in contexts:
        context.close()
