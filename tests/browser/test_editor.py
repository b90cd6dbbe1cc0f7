"""The mask editor in real Chromium, against the made-up server of fake_editor.py: what is painted is what the server gets, pixel by pixel.

Loading a page takes longer than most checks, so tests that only paint and save share a page (`desk`) and take its items one after another.

Longer than 400 lines: one browser and one server for the whole editor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from tests.browser.conftest import PageFactory, Server
from tests.browser.fake_editor_rules import area, polygon, stroke
from tests.browser.painting import (
    SHAPE,
    VOID,
    at,
    click,
    current_mask,
    draft_mask,
    drag,
    events,
    kept_in_browser,
    masks,
    measures,
    open_editor,
    press,
    same,
    save,
    superpixels,
    void,
    wait_item,
    wait_kept,
    wait_saved,
    zoom_in,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shared_editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The fake server of all tests that do not kill it."""
    server = Server("tests.browser.fake_editor", {"FAKE_DATABASE": str(tmp_path_factory.mktemp("fake") / "masks.db")})
    server.start()
    yield server
    server.kill()


@pytest.fixture
def fake(shared_editor: Server) -> Iterator[Server]:
    """The shared fake server, well again after each test."""
    yield shared_editor
    shared_editor.control(down=None, delay=0, reject=[], lose_answer=False, too_large=False)


@pytest.fixture
def mortal_fake(tmp_path: Path) -> Iterator[Server]:
    """A fake server of this test's own, to be killed and started again."""
    server = Server("tests.browser.fake_editor", {"FAKE_DATABASE": str(tmp_path / "masks.db")})
    server.start()
    yield server
    server.kill()


Desk = Callable[..., tuple[Page, str, int]]


@pytest.fixture(scope="module")
def desks(context: BrowserContext) -> Iterator[dict[str, tuple[Page, list[str], set[int]]]]:
    """The pages of `desk` by project, with the errors of their scripts and the items tests have had."""
    opened: dict[str, tuple[Page, list[str], set[int]]] = {}
    yield opened
    for page, _, _ in opened.values():
        page.close()


@pytest.fixture
def desk(context: BrowserContext, fake: Server, desks: dict[str, tuple[Page, list[str], set[int]]]) -> Iterator[Desk]:
    """`desk("current", size=5)` gives (page, project, item): an item nobody has touched, a brush of that size, the first class.

    A test leaves its item answered; the item of a test that failed is skipped.
    """

    def take(word: str = "plain", size: int = 1) -> tuple[Page, str, int]:
        project = f"c4-n40-{word}-desk"
        if project not in desks:
            desks[project] = (page, errors, had) = (context.new_page(), [], set())
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.set_viewport_size({"width": 1280, "height": 800})
            open_editor(page, fake, project)
        page, _, had = desks[project]
        page.bring_to_front()
        item = max((answered for answered, _ in events(fake, project)), default=0) + 1
        if item in had:
            page.goto(f"{fake.url}/?project={project}")
            wait_item(page, item)
            press(page, "n")
            wait_saved(page)
            item += 1
        had.add(item)
        wait_item(page, item)
        press(page, "Escape", "b", "1")
        now = int((page.locator(".options .number").text_content() or "").split()[0])
        press(page, *["]" if size > now else "["] * abs(size - now))  # one pixel a press, below 12
        return page, project, item

    yield take
    for _, errors, _ in desks.values():
        assert errors == []


# ---- tools


@pytest.mark.parametrize("size", [1, 9, 8])
def test_a_brush_paints_its_disc_along_the_whole_way(desk: Desk, fake: Server, size: int) -> None:
    page, project, _ = desk(size=size)
    first = [(10.5, 10.5), (50.3, 17.8), (31.2, 44.9), (31.6, 44.1), (-6.0, 30.5)]  # far apart, and out of the picture
    press(page, "2")
    drag(page, *first)
    press(page, "3")
    drag(page, (60.5, 4.5))
    wanted = void()
    wanted[stroke(SHAPE, first, size)] = 1
    wanted[stroke(SHAPE, [(60.5, 4.5)], size)] = 2
    if size == 1:
        assert int((wanted == 2).sum()) == 1
    same(save(page, fake, project), wanted)


def test_the_eraser_and_the_class_void_paint_255(desk: Desk, fake: Server) -> None:
    page, project, _ = desk("current", size=5)
    press(page, "e")
    drag(page, (3.5, 20.5), (40.5, 20.5))
    press(page, "b", "v")
    drag(page, (20.5, 0.5), (20.5, 47.5))
    press(page, "1")
    drag(page, (20.5, 24.5))
    wanted = current_mask()
    wanted[stroke(SHAPE, [(3.5, 20.5), (40.5, 20.5)], 5)] = VOID
    wanted[stroke(SHAPE, [(20.5, 0.5), (20.5, 47.5)], 5)] = VOID
    wanted[stroke(SHAPE, [(20.5, 24.5)], 5)] = 0
    same(save(page, fake, project), wanted)


def test_a_polygon_is_filled_by_the_even_odd_rule_and_has_its_outline(desk: Desk, fake: Server) -> None:
    page, project, _ = desk()
    press(page, "p", "1")
    star = [(30, 2), (38, 30), (14, 12), (46, 12), (22, 30)]  # crosses itself: its middle is outside
    click(page, *star)
    press(page, "Enter")
    press(page, "2")
    triangle = [(2, 34), (20, 46), (5, 47)]
    click(page, *triangle, triangle[0])  # a click on the first corner closes
    press(page, "3")
    corners = [(50, 20), (62, 25), (58, 40), (49, 38)]
    click(page, *corners[:3], (10, 10))
    press(page, "Backspace")  # takes the last corner back
    page.mouse.dblclick(*at(page, corners[3][0] + 0.5, corners[3][1] + 0.5))
    press(page, "4")
    click(page, (1, 1), (12, 6))
    press(page, "Enter")  # two corners are a line
    click(page, (40, 40), (45, 45), (40, 45))
    press(page, "Escape")  # dropped
    wanted = void()
    wanted[polygon(SHAPE, star)] = 0
    wanted[polygon(SHAPE, triangle)] = 1
    wanted[polygon(SHAPE, corners)] = 2
    wanted[polygon(SHAPE, [(1, 1), (12, 6)])] = 3
    assert wanted[15, 30] == VOID  # the hole of the star
    same(save(page, fake, project), wanted)


def test_a_fill_stops_at_other_values_and_leaves_holes_alone(desk: Desk, fake: Server) -> None:
    page, project, _ = desk("current")
    mask = current_mask()
    press(page, "f", "4")
    click(page, (50, 30))  # the void around the frame, not the void in its hole
    wanted = mask.copy()
    wanted[area(mask, 50, 30)] = 3
    assert wanted[20, 18] == VOID
    press(page, "3")
    click(page, (8, 8))  # the frame itself
    wanted[area(mask, 8, 8)] = 2
    same(save(page, fake, project), wanted)


def test_superpixels_are_taken_by_click_and_by_dragging(desk: Desk, fake: Server) -> None:
    page, project, _ = desk()
    press(page, "s", "2")
    expect(page.locator(".options .hint")).to_have_text("Click or drag over superpixels")
    coarse, medium = superpixels(60), superpixels(150)
    drag(page, (5.5, 5.5), (40.5, 5.5), (40.5, 30.5))
    touched = {int(medium[5, x]) for x in range(5, 41)} | {int(medium[y, 40]) for y in range(5, 31)}
    wanted = void()
    wanted[np.isin(medium, list(touched))] = 1
    page.get_by_role("button", name="Coarse").click()
    expect(page.locator(".options .hint")).to_have_text("Click or drag over superpixels")
    press(page, "3")
    click(page, (20, 40))
    wanted[coarse == coarse[40, 20]] = 2
    same(save(page, fake, project), wanted)


def test_an_area_of_the_draft_is_taken_where_it_is_clicked(desk: Desk, fake: Server) -> None:
    page, project, item = desk()
    press(page, "d")
    expect(page.locator(".options .hint")).to_have_text("Click an area of the draft to take it")
    draft = draft_mask(item)
    click(page, (32, 24), (2, 2))
    wanted = void()
    for x, y in ((32, 24), (2, 2)):
        wanted[area(draft, x, y)] = draft[y, x]
    same(save(page, fake, project), wanted)


def test_the_whole_draft_fills_what_is_void_and_with_shift_everything(desk: Desk, fake: Server) -> None:
    page, project, item = desk("current")
    press(page, "d")  # waits for the draft below; any tool would do for the key
    expect(page.get_by_role("button", name="Take the whole draft")).to_be_enabled()
    press(page, "g")
    mask, draft = current_mask(), draft_mask(item)
    same(save(page, fake, project), np.where(mask == VOID, draft, mask))
    wait_item(page, item + 1)
    expect(page.get_by_role("button", name="Take the whole draft")).to_be_enabled()
    press(page, "Shift+G")
    same(save(page, fake, project), draft_mask(item + 1))


def test_an_image_no_model_has_seen_has_no_draft(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_editor(page, fake, "c4-n6-cold")
    press(page, "g")
    expect(page.locator(".notice")).to_contain_text("There is no draft")
    press(page, "l")
    expect(page.locator(".notice")).to_contain_text("There is no heat layer")
    expect(page.locator(".reason")).to_have_text("no model yet: picked at random")


# ---- undo, keys, view


def test_a_hundred_and_twenty_strokes_are_undone_and_done_again(desk: Desk, fake: Server) -> None:
    page, project, _ = desk("current", size=3)
    states = [current_mask()]
    for value in range(4):
        press(page, str(value + 1))
        cells = [(2 + 2 * n, 3 + (7 * n) % 42) for n in range(30)]
        click(page, *cells)
        for x, y in cells:
            states.append(states[-1].copy())
            states[-1][stroke(SHAPE, [(x + 0.5, y + 0.5)], 3)] = value
    changes = [n for n in range(120) if not np.array_equal(states[n], states[n + 1])]
    assert len(changes) > 100
    press(page, *["Control+z"] * len(changes))
    expect(page.get_by_role("button", name="Undo a stroke (Ctrl+Z)")).to_be_disabled()
    expect(page.locator(".caption .given")).to_be_hidden()  # as it came from the server
    press(page, *["Control+Shift+Z"] * 70, *["Control+y"] * (len(changes) - 75))
    expect(page.locator(".caption .given")).to_have_text("not saved yet")
    kept = save(page, fake, project)
    same(kept, states[changes[-6] + 1])


def test_a_new_stroke_drops_what_was_undone(desk: Desk, fake: Server) -> None:
    page, project, _ = desk()
    click(page, (5, 5), (10, 10))
    press(page, "Control+z", "3")
    click(page, (20, 20))
    press(page, "Control+y")
    expect(page.locator(".notice")).to_have_text("There is no stroke to redo.")
    wanted = void()
    wanted[5, 5], wanted[20, 20] = 0, 2
    same(save(page, fake, project), wanted)


def test_keys_choose_classes_tools_and_sizes(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c12-n6-keys"
    open_editor(page, fake, project, size=12)
    assert page.locator(".classes kbd").all_text_contents() == [*"1234567890AI", "V"]
    chosen = page.locator(".class[aria-pressed=true] .name")
    for key, name in (("0", "pole"), ("a", "cyclist"), ("i", "water"), ("v", "void"), ("1", "sky")):
        press(page, key)
        expect(chosen).to_have_text(name)
    tool = page.locator(".rail [aria-pressed=true]")
    names = {
        "e": "Eraser: paints void",
        "p": "Polygon",
        "f": "Fill a connected area",
        "s": "Superpixels",
        "c": "Click what you mean",
        "d": "Areas of the model's draft",
        "b": "Brush",
    }
    for key, name in names.items():
        press(page, key)
        expect(tool).to_have_attribute("aria-label", name)
    press(page, "]", "]")
    expect(page.locator(".options .number")).to_have_text("15 px")
    press(page, *["["] * 40)
    expect(page.locator(".options .number")).to_have_text("1 px")
    # C and R are Streamlit's own shortcuts (clear the cache, rerun)
    press(page, "r")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("runs: 1")).to_be_visible()
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("next heat layer")
    press(page, "Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_alt_click_takes_the_class_under_the_pointer_and_paints_nothing(desk: Desk, fake: Server) -> None:
    page, project, _ = desk("current")
    press(page, "4")
    page.keyboard.down("Alt")
    click(page, (8, 8))
    page.keyboard.up("Alt")
    expect(page.locator(".class[aria-pressed=true] .name")).to_have_text("road")
    click(page, (50, 40))
    wanted = current_mask()
    wanted[40, 50] = 1
    same(save(page, fake, project), wanted)


def test_zoomed_and_moved_painting_hits_the_pixel_under_the_pointer(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-w640-h480-zoom"
    open_editor(page, fake, project)
    shape = (480, 640)
    page.mouse.move(*at(page, 400.5, 300.5))
    zoom_in(page, 12)
    click(page, (400, 300), (403, 298))
    page.keyboard.down("Space")
    x, y = at(page, 400.5, 300.5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 37, y + 21, steps=3)
    page.mouse.up()
    page.keyboard.up("Space")
    click(page, (402, 301))
    page.mouse.down(button="middle")
    page.mouse.move(x + 30, y + 30, steps=3)
    page.mouse.up(button="middle")
    click(page, (398, 302))
    page.get_by_role("button", name="One pixel of the picture for one of the screen").click()
    expect(page.locator(".tool.level")).to_have_text("100 %")
    click(page, (399, 299))
    press(page, "Escape")  # the whole picture again
    click(page, (100, 100))
    press(page, "-", "-")
    click(page, (600, 20))
    wanted = void(shape)
    for x, y in ((400, 300), (403, 298), (402, 301), (398, 302), (399, 299), (100, 100), (600, 20)):
        wanted[y, x] = 0
    same(save(page, fake, project, shape), wanted)


def test_a_picture_that_is_delivered_smaller_is_painted_at_its_full_size(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-w6000-h40-wide"
    open_editor(page, fake, project)
    shape = (40, 6000)
    page.mouse.move(*at(page, 5990.5, 20.5))
    zoom_in(page, 18)
    scale, left, _ = (float(part) for part in (page.locator(".editor").get_attribute("data-at") or "").split(","))
    x = int((200 - left) / scale)  # well inside of what is seen
    assert x > 5900
    click(page, (x, 20), (x + 5, 22))
    wanted = void(shape)
    wanted[20, x] = wanted[22, x + 5] = 0
    same(save(page, fake, project, shape), wanted)


def test_what_is_seen_follows_the_switches(desk: Desk, fake: Server) -> None:
    page, _, _ = desk("current")
    x, y = at(page, 8.5, 33.5)  # inside the frame of class road
    box = page.locator("canvas.painting").bounding_box()
    assert box

    def pixel() -> list[int]:
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return page.locator("canvas.painting").evaluate(
            "(c, [x, y]) => [...c.getContext('2d').getImageData(x, y, 1, 1).data]", [x - box["x"], y - box["y"]]
        )

    painted = pixel()
    press(page, "h")
    bare = pixel()
    assert painted != bare
    press(page, "h")
    assert pixel() == painted
    page.get_by_role("button", name="Hide road").click()
    assert pixel() == bare
    page.get_by_role("button", name="Hide road").click()
    slider = page.get_by_label("Opacity of the mask")
    slider.fill("100")
    assert pixel() == [128, 0, 0, 255]
    slider.fill("0")
    assert pixel() == bare
    slider.fill("55")
    press(page, "n")
    wait_saved(page)


def test_sliders_and_the_wheel_setting_keep_their_keys(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_editor(page, fake, "c4-n6-sliders", size=12)
    page.get_by_label("Opacity of the mask").focus()
    press(page, "ArrowRight", "ArrowRight")
    expect(page.locator(".looks .number")).to_have_text("57 %")
    assert page.locator(".editor").get_attribute("data-item") == "1"  # the arrows moved the slider only
    page.get_by_role("button", name="Wheel", exact=True).click()
    before = page.locator(".editor").get_attribute("data-at")
    page.mouse.move(*at(page, 30, 20))
    page.mouse.wheel(0, -120)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator(".editor")).not_to_have_attribute("data-at", before or "")
    scale = float((page.locator(".editor").get_attribute("data-at") or "").split(",")[0])
    assert scale == pytest.approx(float((before or "").split(",")[0]) * np.exp(100 / 350))  # one of the two turns zoomed
    page.mouse.move(5, 5)
    page.get_by_label("Brush size").fill("100")
    expect(page.locator(".options .number")).to_have_text("200 px")


def test_heat_and_heads_are_shown_with_their_values(desk: Desk, fake: Server) -> None:
    page, _, item = desk()
    press(page, "l")
    expect(page.locator(".scale span")).to_have_text(["0", "1.39 nats"])
    page.mouse.move(*at(page, 30.5, 20.5))
    expect(page.locator(".caption .place")).to_have_text(re.compile(r"^30, 20 · void · entropy [\d.]+$"))
    y, x = np.mgrid[0:16, 0:21]
    value = (127 + 127 * np.sin(x / 21 * 7 + item + 7) * np.cos(y / 16 * 5)).astype(np.uint8)[6, 10]  # 7: the letters of "entropy"
    page.mouse.move(*at(page, 31.5, 20.5))
    told = float((page.locator(".caption .place").text_content() or "").split()[-1])
    assert told == pytest.approx(1.386 * value / 255, rel=0.01)
    page.get_by_role("button", name="Heads", exact=True).click()
    expect(page.locator(".pane .title")).to_have_text(["your mask", "head 1", "head 2"])
    click(page, (3, 3))
    expect(page.locator(".share").first).to_contain_text("painted")
    page.get_by_role("button", name="Heads", exact=True).click()
    expect(page.locator(".pane")).to_have_count(1)
    press(page, "l", "l")
    expect(page.locator(".scale")).to_be_hidden()
    expect(page.locator(".scores .name")).to_have_text(["entropy", "total", "labeledness"])  # what is listed already comes once
    press(page, "n")
    wait_saved(page)


# ---- regions


def test_only_the_regions_that_are_asked_for_can_be_painted(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-current-tiles"
    open_editor(page, fake, project, size=9)
    allowed = np.zeros(SHAPE, bool)
    allowed[12:24, 16:32] = allowed[24:44, 32:44] = True
    expect(page.locator(".caption .size")).to_have_text("64 × 48 · tile 1 of 2 (Tab)")
    stage = page.locator("canvas.painting").bounding_box()
    assert stage
    for first, last, text in (((16, 12), (32, 24), "tile 1 of 2"), ((32, 24), (44, 44), "tile 2 of 2")):
        expect(page.locator(".caption .size")).to_have_text(f"64 × 48 · {text} (Tab)")
        (left, top), (right, bottom) = at(page, *first), at(page, *last)
        assert stage["x"] < left < right < stage["x"] + stage["width"]
        assert stage["y"] < top < bottom < stage["y"] + stage["height"]
        assert max((right - left) / stage["width"], (bottom - top) / stage["height"]) > 0.5  # the view is on it
        press(page, "Tab")
    press(page, "Escape", "3")  # the whole picture
    wanted = current_mask()
    places = [(2.5, 2.5), (60.5, 45.5), (20.5, 20.5)]
    drag(page, *places)
    wanted[stroke(SHAPE, places, 9) & allowed] = 2
    press(page, "f", "4")
    click(page, (2, 30))
    expect(page.locator(".notice")).to_have_text("Only the bright part of this image is asked for.")
    click(page, (42, 26))
    wanted[area(np.where(allowed, wanted, 99), 42, 26)] = 3
    same(save(page, fake, project), wanted)
    assert events(fake, project) == [(1, "region")]
    wait_item(page, 2)
    press(page, "d")
    expect(page.get_by_role("button", name="Take the whole draft")).to_be_enabled()
    press(page, "Shift+G")
    same(save(page, fake, project), np.where(allowed, draft_mask(2), current_mask()))


# ---- the queue


def test_the_next_picture_shows_before_the_server_answers(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-optimistic"
    open_editor(page, fake, project)
    page.wait_for_selector(".editor[data-ready='3']")
    fake.control(delay=4)
    click(page, (5, 5))
    press(page, "Enter")
    page.wait_for_selector(".editor[data-item='2'][data-loading='0']", timeout=3500)  # the answer takes four seconds
    click(page, (6, 6))
    assert masks(fake, project) == []
    wait_saved(page)
    wanted = void()
    wanted[5, 5] = 0
    same(masks(fake, project)[0], wanted)
    assert len(measures(page, "alcore:mask-ack")) == 1
    assert len(measures(page, "alcore:paint")) == 1
    assert len(measures(page, "alcore:stroke")) >= 1


def test_skip_flag_save_and_taking_back_are_events_in_order(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-events"
    open_editor(page, fake, project)
    press(page, "n")
    wait_item(page, 2)
    press(page, "x")
    wait_item(page, 3)
    click(page, (5, 5))
    press(page, "Enter")
    wait_item(page, 4)
    expect(page.locator(".count")).to_have_text("1 of 6 labeled · 1 skipped · 1 flagged")
    press(page, "z")  # the save: its strokes are unsaved again
    wait_item(page, 3)
    expect(page.locator(".caption .given")).to_have_text("not saved yet")
    click(page, (6, 6))
    press(page, "Enter")
    wait_item(page, 4)
    wait_saved(page)
    assert events(fake, project) == [(1, "skip"), (2, "flag"), (3, "mask"), (3, "undo"), (3, "mask")]
    wanted = void()
    wanted[5, 5] = wanted[6, 6] = 0
    same(masks(fake, project)[1], wanted)
    rows = fake.get(f"/rows/{project}")
    assert [(row[6], row[7]) for row in rows if row[2]] == [(2, 1), (2, 1)]  # the round, and how often the pointer went down


def test_arrows_keep_unsaved_work_and_undo_of_each_picture(desk: Desk, fake: Server) -> None:
    page, project, item = desk()
    click(page, (5, 5), (9, 9))
    press(page, "ArrowRight")
    wait_item(page, item + 1)
    click(page, (7, 7))
    press(page, "ArrowLeft")
    wait_item(page, item)
    press(page, "Control+z")
    wanted = void()
    wanted[5, 5] = 0
    same(save(page, fake, project), wanted)
    wait_item(page, item + 1)
    wanted = void()
    wanted[7, 7] = 0
    same(save(page, fake, project), wanted)


def test_a_mask_put_away_comes_back_as_it_was(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n20-away"
    open_editor(page, fake, project)
    for item in range(1, 15):
        wait_item(page, item)
        click(page, (item, 20))
        press(page, "ArrowRight")
    for item in range(15, 1, -1):
        wait_item(page, item)
        press(page, "ArrowLeft")
    for item in range(1, 15):
        wait_item(page, item)
        press(page, "Enter")
    wait_saved(page)
    for item, mask in enumerate(masks(fake, project), start=1):
        wanted = void()
        wanted[20, item] = 0
        same(mask, wanted)


def test_an_empty_mask_is_saved_only_when_asked_twice(desk: Desk, fake: Server) -> None:
    page, project, item = desk()
    press(page, "Enter")
    expect(page.locator(".notice")).to_contain_text("Nothing is painted here")
    assert item not in dict(events(fake, project))
    same(save(page, fake, project), void())


def test_the_last_answer_tells_python_once(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n2-finish"
    open_editor(page, fake, project)
    click(page, (5, 5))
    press(page, "Enter")
    wait_item(page, 2)
    press(page, "n")
    expect(page.locator(".blank h3")).to_have_text("All 2 of this query are done.")
    expect(page.get_by_text("finished: {'round': 2, 'total': 2, 'labeled': 1, 'skipped': 1, 'flagged': 0}")).to_be_visible()
    expect(page.get_by_text("runs: 2")).to_be_visible()  # one rerun for the whole query
    press(page, "z")
    wait_item(page, 2)
    click(page, (7, 7))
    press(page, "Enter")
    wait_saved(page)
    assert events(fake, project) == [(1, "mask"), (2, "skip"), (2, "undo"), (2, "mask")]


def test_an_empty_project_shows_the_pages_own_words(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    page.goto(f"{fake.url}/?project=c4-n0")
    expect(page.locator(".blank h3")).to_have_text("Nothing to label yet. Train first.", timeout=30_000)


def test_a_picture_too_large_for_a_browser_is_named_and_can_be_skipped(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-huge"
    page.goto(f"{fake.url}/?project={project}")
    expect(page.locator(".cover")).to_contain_text("0001.png is 12,000 × 9,000 pixels, too large to paint in a browser", timeout=30_000)
    expect(page.locator(".cover")).to_contain_text("Import it in tiles or reduced; N skips it.")
    press(page, "n")
    wait_item(page, 2)
    wait_saved(page)
    assert events(fake, project) == [(1, "skip")]


def test_hostile_and_long_class_names_are_shown_as_they_are(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_editor(page, fake, "c40-n6-hostile")
    names = page.locator(".class .name").all_text_contents()
    assert len(names) == 41
    assert names[:2] == ["<img src=x onerror=alert(1)>", "a\"b'c&amp;"]
    expect(page.locator(".editor img[src=x]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("/")
    page.keyboard.type("etc 34")
    expect(page.locator(".row:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".class[aria-pressed=true] .name")).to_have_text("../../etc 34")
    assert page.locator(".class kbd:not([data-none])").all_text_contents() == [*"1234567890AIJKMQRTUWY", "V"]
    click(page, (3, 3))
    wanted = void()
    wanted[3, 3] = 34
    same(save(page, fake, "c40-n6-hostile"), wanted)


def test_typing_into_a_field_of_the_page_paints_and_chooses_nothing(desk: Desk, fake: Server) -> None:
    page, project, item = desk()
    press(page, "2")
    page.get_by_label("note").fill("")
    page.get_by_label("note").type("nx3 eg")
    assert page.get_by_label("note").input_value() == "nx3 eg"
    click(page, (9, 9))
    assert page.evaluate("document.activeElement === document.body")  # the page around has no frame after the next key
    wanted = void()
    wanted[9, 9] = 1
    same(save(page, fake, project), wanted)
    assert events(fake, project)[-1] == (item, "mask")
    assert [of for of, _ in events(fake, project)].count(item) == 1


def test_a_rerun_of_the_page_keeps_the_strokes_and_the_place(desk: Desk, fake: Server) -> None:
    page, project, item = desk()
    press(page, "n")
    wait_item(page, item + 1)
    click(page, (5, 5))
    runs = int((page.get_by_text("runs: ").text_content() or "").split()[-1])
    page.get_by_role("button", name="again").click()
    expect(page.get_by_text(f"runs: {runs + 1}")).to_be_visible()
    click(page, (6, 6))
    wanted = void()
    wanted[5, 5] = wanted[6, 6] = 0
    same(save(page, fake, project), wanted)


# ---- what goes wrong on the way


def test_unsaved_strokes_come_back_bit_for_bit_and_only_to_who_painted_them(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-current-reload"
    open_editor(page, fake, project)
    wanted = current_mask()
    press(page, "4")
    drag(page, (35.5, 45.5), (60.5, 30.5))
    wanted[stroke(SHAPE, [(35.5, 45.5), (60.5, 30.5)], 1)] = 3
    press(page, "v")
    drag(page, (8.5, 6.5), (8.5, 38.5))
    wanted[stroke(SHAPE, [(8.5, 6.5), (8.5, 38.5)], 1)] = VOID
    open_editor(page, fake, project, annotator="ben")  # at once: the last stroke is kept by the closing page
    expect(page.locator(".caption .given")).to_be_hidden()
    expect(page.locator(".notice")).to_be_hidden()
    open_editor(page, fake, project)
    expect(page.locator(".notice")).to_contain_text("Restored unsaved strokes of an earlier visit.")
    same(save(page, fake, project), wanted)
    wait_item(page, 2)
    assert kept_in_browser(page, project) == {"events": 0, "strokes": 0}


WRITES_NEVER_END = """() => {
  IDBTransaction.prototype.commit = () => {};
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (...record) {
    const more = () => (this.count().onsuccess = more);
    more();
    return put.apply(this, record);
  };
}"""  # so that the browser gives them up with the page, as a busy one does now and then


def test_strokes_whose_writing_the_closing_page_cut_short_are_there_again(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-current-cut"
    open_editor(page, fake, project)
    page.wait_for_selector(".editor[data-ready='3']")
    page.evaluate(WRITES_NEVER_END)
    wanted = current_mask()
    click(page, (50, 40))
    wanted[40, 50] = 0
    page.wait_for_timeout(400)  # the first stroke is being written, the second is to be
    click(page, (20, 10))
    wanted[10, 20] = 0
    open_editor(page, fake, project)
    expect(page.locator(".notice")).to_contain_text("Restored unsaved strokes of an earlier visit.")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('alcore:leaving:'))") == []
    same(save(page, fake, project), wanted)
    wait_item(page, 2)
    assert kept_in_browser(page, project) == {"events": 0, "strokes": 0}


def test_a_mask_whose_writing_the_closing_page_cut_short_is_sent_by_the_next_one(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-cut"
    open_editor(page, fake, project)
    page.wait_for_selector(".editor[data-ready='3']")
    fake.control(down=503)
    page.evaluate(WRITES_NEVER_END)
    click(page, (7, 8))
    press(page, "Enter")
    page.wait_for_selector(".editor[data-item='2']")
    page.reload()
    expect(page.locator(".notice")).to_contain_text("1 answer is kept in this browser", timeout=30_000)
    fake.control(down=None)
    wait_saved(page)
    assert events(fake, project) == [(1, "mask")]
    wanted = void()
    wanted[8, 7] = 0
    same(masks(fake, project)[0], wanted)
    assert kept_in_browser(page, project) == {"events": 0, "strokes": 0}


def test_restored_strokes_can_be_dropped_and_had_back(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-current-drop"
    open_editor(page, fake, project)
    click(page, (50, 40))
    press(page, "ArrowRight")
    wait_item(page, 2)
    click(page, (51, 41))
    wait_kept(page)
    page.reload()
    wait_item(page, 1)
    page.wait_for_selector(".editor[data-ready='3']")
    press(page, "ArrowRight")
    wait_item(page, 2)
    page.get_by_role("button", name="Drop them").click()  # those of this picture
    expect(page.locator(".notice")).to_be_hidden()
    expect(page.locator(".caption .given")).to_be_hidden()
    same(save(page, fake, project), current_mask())
    press(page, "ArrowLeft", "ArrowLeft")
    wait_item(page, 1)
    page.get_by_role("button", name="Drop them").click()
    press(page, "Control+z")
    wanted = current_mask()
    wanted[40, 50] = 0
    same(save(page, fake, project), wanted)


def test_masks_saved_while_the_server_fails_are_sent_later_in_order(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-down"
    open_editor(page, fake, project)
    page.wait_for_selector(".editor[data-ready='3']")
    fake.control(down=503)
    click(page, (1, 1))
    press(page, "Enter")
    wait_item(page, 2)
    press(page, "n")
    wait_item(page, 3)
    click(page, (3, 3))
    press(page, "Enter")
    expect(page.locator(".notice")).to_have_text("Server not reachable. 3 answers are kept in this browser, trying again.")
    expect(page.locator(".save")).to_have_text("3 unsaved")
    page.reload()
    expect(page.locator(".notice")).to_contain_text("3 answers are kept in this browser", timeout=30_000)
    fake.control(down=None)
    wait_item(page, 4)
    wait_saved(page)
    assert events(fake, project) == [(1, "mask"), (2, "skip"), (3, "mask")]
    for mask, at_ in zip(masks(fake, project), (1, 3), strict=True):
        wanted = void()
        wanted[at_, at_] = 0
        same(mask, wanted)
    assert kept_in_browser(page, project) == {"events": 0, "strokes": 0}


def test_sigkill_in_the_middle_loses_no_mask_and_doubles_none(page_factory: PageFactory, mortal_fake: Server) -> None:
    page, project = page_factory(), "c4-n6-kill"
    open_editor(page, mortal_fake, project)
    page.wait_for_selector(".editor[data-ready='3']")
    click(page, (1, 1))
    press(page, "Enter")
    wait_item(page, 2)
    mortal_fake.kill()
    click(page, (2, 2))
    press(page, "Enter")
    wait_item(page, 3)
    click(page, (3, 3))
    expect(page.locator(".notice")).to_contain_text("Server not reachable")
    mortal_fake.start()
    wait_saved(page)
    assert events(mortal_fake, project) == [(1, "mask"), (2, "mask")]
    press(page, "Enter")
    wait_saved(page)
    for n, mask in enumerate(masks(mortal_fake, project), start=1):
        wanted = void()
        wanted[n, n] = 0
        same(mask, wanted)


def test_a_lost_answer_stores_nothing_twice(desk: Desk, fake: Server) -> None:
    page, project, item = desk()
    fake.control(lose_answer=True)
    click(page, (1, 1))
    press(page, "Enter")
    expect(page.locator(".notice")).to_contain_text("1 answer is kept")
    fake.control(lose_answer=False)
    wait_saved(page)
    assert [of for of, _ in events(fake, project)].count(item) == 1


def test_an_expired_session_keeps_the_masks_until_there_is_a_new_token(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-expired"
    open_editor(page, fake, project)
    page.wait_for_selector(".editor[data-ready='3']")
    fake.control(down=401)
    click(page, (1, 1))
    press(page, "Enter")
    expect(page.locator(".notice")).to_have_text("Session expired: reload the page. 1 answer is kept in this browser.")
    wait_item(page, 2)
    click(page, (2, 2))  # painting goes on
    fake.control(down=None)
    page.get_by_label("token").fill("bad")
    page.get_by_label("token").press("Enter")
    expect(page.get_by_text("runs: 2")).to_be_visible()
    page.get_by_label("token").fill("good")
    page.get_by_label("token").press("Enter")
    wait_saved(page)
    click(page, (3, 3))  # leaves the field
    press(page, "Enter")
    wait_saved(page)
    assert events(fake, project) == [(1, "mask"), (2, "mask")]


def test_a_refused_mask_comes_back_with_the_reason_and_its_strokes(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-refused"
    open_editor(page, fake, project)
    again = "It is asked again, with what you painted."
    fake.control(reject=[1])
    click(page, (1, 1))
    press(page, "Enter")
    expect(page.locator(".notice")).to_have_text(f"0001.png was not saved: item 1 is locked. {again}")
    fake.control(reject=[], too_large=True)
    wait_item(page, 2)
    click(page, (2, 2))
    press(page, "Enter")
    expect(page.locator(".notice")).to_have_text(f"0002.png was not saved: a mask may have 20 MB. {again}")
    fake.control(too_large=False)
    expect(page.locator(".count")).to_have_text("0 of 6 labeled")
    wait_item(page, 1)  # the one refused first
    page.reload()
    for item in (1, 2):
        wait_item(page, item)
        expect(page.locator(".notice")).to_contain_text("Restored unsaved strokes")
        wanted = void()
        wanted[item, item] = 0
        same(save(page, fake, project), wanted)


def test_without_indexeddb_masks_still_arrive_and_leaving_is_warned_of(page_factory: PageFactory, fake: Server) -> None:
    page, project = page_factory(), "c4-n6-nostore"
    page.add_init_script("IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError') }")
    open_editor(page, fake, project)
    expect(page.locator(".notice")).to_contain_text("This browser keeps nothing")
    click(page, (1, 1))
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    assert asked == ["beforeunload"]
    wanted = void()
    wanted[1, 1] = 0
    same(save(page, fake, project), wanted)
