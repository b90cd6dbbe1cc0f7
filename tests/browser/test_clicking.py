"""Clicks to masks in real Chromium: against the made-up server, and once the whole way, with two tiny ONNX files, to the stored mask."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from alcore.pixels import masks
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory, Server
from tests.browser.fake_editor_rules import clicked
from tests.browser.painting import (
    SHAPE,
    at,
    click,
    drag,
    kept_in_browser,
    open_editor,
    places,
    press,
    same,
    save,
    void,
    wait_item,
    wait_kept,
    wait_saved,
)
from tests.browser.real_app import App
from tests.extractors.discs import disc, write_pair
from tests.scenes import few_streets

pytestmark = pytest.mark.browser
READY = "Click what you mean, or drag a box; right or Shift+click takes away"


@pytest.fixture(scope="module")
def shared_editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server("tests.browser.fake_editor", {"FAKE_DATABASE": str(tmp_path_factory.mktemp("fake") / "masks.db")})
    server.start()
    yield server
    server.kill()


@pytest.fixture
def fake(shared_editor: Server) -> Iterator[Server]:
    yield shared_editor
    shared_editor.control(down=None, delay=0, clicks="ready")


@pytest.fixture
def editor(page_factory: PageFactory, fake: Server, request: pytest.FixtureRequest) -> tuple[Page, str]:
    """A page with an untouched project of its own, the tool at hand and the second class."""
    project = f"c4-n40-{request.node.name.split('[')[0].replace('_', '')[:40]}"
    page = page_factory()
    open_editor(page, fake, project)
    press(page, "c", "2")
    hint(page, READY)
    return page, project


def hint(page: Page, text: str) -> None:
    expect(page.locator(".options .hint")).to_have_text(text)


def said(clicks: int, box: bool = False) -> str:
    parts = [*(["a box"] if box else []), *([f"{clicks} {'click' if clicks == 1 else 'clicks'}"] if clicks else [])]
    return f"{' and '.join(parts)}: Backspace takes one back, Esc drops"


def painted(mask: np.ndarray, value: int = 1) -> np.ndarray:
    wanted = void()
    wanted[mask] = value
    return wanted


def expect_colored(page: Page, least: float, most: float) -> None:
    """Waits until so many pixels of what lies over the picture are in the class's color: a frame after the words come."""
    page.wait_for_function(
        """([canvas, least, most]) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let n = 0;
          for (let i = 0; i < data.length; i += 4) if (data[i] > 115 && data[i + 1] < 15 && data[i + 2] < 15 && data[i + 3] > 120) n += 1;
          return least <= n && n <= most;
        }""",
        arg=[page.locator("canvas.over").element_handle(), least, most],
    )


def test_clicks_add_and_take_away_and_enter_makes_them_a_stroke(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    hint(page, READY)
    click(page, (20, 20), (28, 20))
    hint(page, said(2))
    page.mouse.click(*at(page, 24.5, 24.5), button="right")
    hint(page, said(3))
    page.keyboard.down("Shift")
    click(page, (20, 14))
    page.keyboard.up("Shift")
    hint(page, said(4))
    points = [(20.5, 20.5, 1), (28.5, 20.5, 1), (24.5, 24.5, 0), (20.5, 14.5, 0)]
    press(page, "Enter")
    hint(page, READY)
    same(save(page, fake, project), painted(clicked(SHAPE, points)))


def test_what_is_meant_is_shown_in_the_class_s_color_and_is_no_stroke_before_it_is_taken(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    click(page, (20, 20))
    hint(page, said(1))
    scale = float((page.locator(".editor").get_attribute("data-at") or "").split(",")[0])
    area = clicked(SHAPE, [(20.5, 20.5, 1)]).sum() * scale**2
    expect_colored(page, 0.6 * area, area)  # the outline and the sign lie over it
    assert kept_in_browser(page, project) == {"events": 0, "strokes": 0}
    press(page, "Escape")
    hint(page, READY)
    expect_colored(page, 0, 0)
    click(page, (40, 20))
    press(page, "Backspace")
    hint(page, READY)
    press(page, "3")
    click(page, (40, 30))
    press(page, "Enter")
    hint(page, READY)
    same(save(page, fake, project), painted(clicked(SHAPE, [(40.5, 30.5, 1)]), 2))


def test_a_drag_is_a_box_that_clicks_refine_and_ctrl_z_takes_back_the_last(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    drag(page, (50.0, 40.0), (30.0, 30.0), (10.0, 8.0))  # from below
    hint(page, said(0, box=True))
    click(page, (20, 20))
    hint(page, said(1, box=True))
    press(page, "Control+z")
    hint(page, said(0, box=True))
    page.mouse.click(*at(page, 12.5, 12.5), button="right")
    hint(page, said(1, box=True))
    press(page, "Enter")
    hint(page, READY)
    got = save(page, fake, project)
    wanted = painted(clicked(SHAPE, [(12.5, 12.5, 0)], (10, 8, 50, 40)))
    assert (got != wanted).sum() <= 2 * 72  # the corners of a box are where the pointer was, to a fraction of a pixel


def test_a_taken_answer_is_a_stroke_that_is_kept_undone_and_done_again(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    click(page, (20, 20))
    press(page, "Enter")
    hint(page, READY)
    wait_kept(page)
    assert kept_in_browser(page, project) == {"events": 0, "strokes": 1}
    page.reload()
    wait_item(page, 1)
    expect(page.locator(".notice")).to_contain_text("Restored unsaved strokes")
    press(page, "c", "2")
    hint(page, READY)
    click(page, (44, 30))
    press(page, "Enter")
    hint(page, READY)
    press(page, "Control+z")
    press(page, "Control+Shift+z")
    press(page, "Control+z")
    same(save(page, fake, project), painted(clicked(SHAPE, [(20.5, 20.5, 1)])))


def test_enter_before_the_answer_is_there_takes_it_as_it_comes(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    hint(page, READY)
    fake.control(delay=0.5)
    click(page, (20, 20))
    press(page, "Enter")
    hint(page, READY)
    fake.control(delay=0)
    same(save(page, fake, project), painted(clicked(SHAPE, [(20.5, 20.5, 1)])))


def test_the_keyboard_alone_clicks_takes_away_and_takes(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    hint(page, READY)
    press(page, ".")  # in the middle
    hint(page, said(1))
    scale = float((page.locator(".editor").get_attribute("data-at") or "").split(",")[0])
    step = max(1.0, 8 / scale)
    press(page, *["Shift+ArrowRight"] * 5, "Shift+ArrowUp", ",")
    hint(page, said(2))
    expect(page.locator(".editor")).to_have_attribute("data-item", "1")  # arrows with Shift change no picture
    press(page, "Enter")
    hint(page, READY)
    same(save(page, fake, project), painted(clicked(SHAPE, [(32, 24, 1), (32 + 5 * step, 24 - step, 0)])))


def test_while_a_picture_is_made_ready_it_is_said_and_a_click_that_was_lost_is_asked_again(page_factory: PageFactory, fake: Server) -> None:
    project = "c4-n40-waiting"
    fake.control(clicks="waiting")
    page = page_factory()
    open_editor(page, fake, project)
    press(page, "c", "2")
    hint(page, "Getting this image ready…")
    click(page, (20, 20))
    expect(page.locator(".notice")).to_contain_text("still being made ready")
    fake.control(clicks="ready")
    hint(page, READY)
    fake.control(clicks="lost")
    click(page, (30, 20))
    hint(page, "Getting this image ready…")
    press(page, "Enter")
    fake.control(clicks="ready")
    hint(page, READY)  # asked again, and taken
    same(save(page, fake, project), painted(clicked(SHAPE, [(30.5, 20.5, 1)])))


def test_without_the_two_files_the_tool_says_how_to_have_them(page_factory: PageFactory, fake: Server) -> None:
    fake.control(clicks="to paint by clicks, put two files into models (README)")
    page = page_factory()
    open_editor(page, fake, "c4-n40-none")
    press(page, "c")
    hint(page, "To paint by clicks, put two files into models (README).")
    click(page, (20, 20))
    expect(page.locator(".notice")).to_contain_text("To paint by clicks")


def test_another_tool_or_picture_drops_what_is_clicked(editor: tuple[Page, str], fake: Server) -> None:
    page, project = editor
    click(page, (20, 20))
    hint(page, said(1))
    press(page, "b", "c")
    hint(page, READY)
    click(page, (20, 20))
    hint(page, said(1))
    press(page, "n")
    wait_item(page, 2)
    hint(page, READY)
    wait_saved(page)
    assert kept_in_browser(page, project)["strokes"] == 0


def test_a_finger_adds_and_a_long_press_takes_away(browser: Browser, fake: Server) -> None:
    project = "c4-n40-touch"
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    open_editor(page, fake, project)
    page.get_by_role("button", name="Click what you mean").tap()
    hint(page, READY)
    page.locator("canvas.painting").scroll_into_view_if_needed()
    (x, y), (x2, y2) = places(page, (20.5, 20.5), (28.5, 20.5))
    page.touchscreen.tap(x, y)
    hint(page, said(1))
    line = context.new_cdp_session(page)
    line.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x2, "y": y2}]})
    hint(page, "Let go to take this away")
    line.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    hint(page, said(2))
    page.get_by_role("button", name="Take it").tap()
    hint(page, READY)
    wait_kept(page)
    got = save(page, fake, project)
    context.close()
    wanted = painted(clicked(SHAPE, [(20.5, 20.5, 1), (28.5, 20.5, 0)]), 0)
    assert (got != wanted).sum() <= 24  # a finger is at whole pixels of the screen


# ---- the whole way


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Three street scenes to paint, and the two files in the workspace."""
    folder = tmp_path_factory.mktemp("clicks")
    home, streets = folder / "home", few_streets(folder / "streets")
    workspace = Workspace(home)
    Project.import_into(workspace, "streets", streets).start(3, "random", seed=0)
    assert workspace.token
    workspace.close()
    write_pair(home / "models")
    app = App(home)
    app.start()
    yield app
    app.kill()


def test_from_a_click_to_the_stored_mask(page_factory: PageFactory, served: App) -> None:
    item = served.queue("streets")[0]
    page = page_factory()
    page.add_init_script(f"try {{ localStorage.setItem('alcore:editor:settings', '{json.dumps({'tool': 'click'})}') }} catch {{}}")
    page.goto(f"{served.url}/label?project=streets")
    wait_item(page, item)
    expect(page.locator(".options .hint")).to_have_text(READY, timeout=60_000)
    press(page, "2")
    click(page, (40, 40))
    hint(page, said(1))
    page.mouse.click(*at(page, 52.5, 40.5), button="right")
    hint(page, said(2))
    press(page, "Enter")
    hint(page, READY)
    press(page, "Enter")
    wait_saved(page)
    workspace = Workspace(served.home)
    project = workspace.project("streets")
    stored = project.mask(item)
    workspace.close()
    assert stored is not None
    height, width = stored.shape
    wanted = disc((width, height), 40.5, 40.5) & ~disc((width, height), 52.5, 40.5)
    assert set(np.unique(stored)) == {1, masks.VOID}
    assert ((stored == 1) != wanted).sum() <= 0.03 * wanted.sum()
