"""The map of the pool in real Chromium, against the made-up server of fake_app.py: what is drawn where, and what is caught."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PageFactory, Server
from tests.browser.fake_map import class_names, column

pytestmark = pytest.mark.browser

GRID = "c3-n400-grid"
# RGBA of a canvas at a place of the page, in pixels
PIXEL = """([canvas, x, y]) => {
  const box = canvas.getBoundingClientRect();
  const density = canvas.width / box.width;
  return Array.from(canvas.getContext("2d").getImageData(Math.round((x - box.left) * density), Math.round((y - box.top) * density), 1, 1).data);
}"""


def open_map(page: Page, server: Server, project: str, **asked: str) -> None:
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    page.goto(f"{server.url}/?view=map&project={project}{query}")
    page.wait_for_selector(".map[data-at] .legend b", timeout=30_000)
    page.wait_for_selector(".map .centers", state="attached")


def color_by(page: Page, name: str) -> None:
    page.get_by_test_id("stRadio").get_by_text(name, exact=True).click()
    expect(page.locator(".legend b")).to_have_text(name)


def view(page: Page) -> tuple[float, float, float, float, float]:
    """Scale and middle of the view in the plane, and where that middle is on the page."""
    scale, cx, cy = (float(part) for part in (page.locator(".map").get_attribute("data-at") or "").split())
    middle = page.locator(".plot").evaluate(
        "(n) => { const b = n.getBoundingClientRect(); return [b.left + n.clientLeft + n.clientWidth / 2, b.top + n.clientTop + n.clientHeight / 2]; }"
    )
    return scale, cx, cy, middle[0], middle[1]


def on_page(page: Page, x: float, y: float) -> tuple[float, float]:
    scale, cx, cy, left, top = view(page)
    return left + (x - cx) * scale, top - (y - cy) * scale


def pixel(page: Page, place: tuple[float, float], canvas: str = "points") -> list[int]:
    node = page.locator(f".map canvas.{canvas}").element_handle()
    found: list[int] = page.evaluate(PIXEL, [node, *place])
    return found


def lasso(page: Page, corners: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Draws around corners given in whole pixels of the page, and tells them in the plane as a browser computes it."""
    scale, cx, cy, left, top = view(page)
    page.keyboard.down("Shift")
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    page.mouse.up()
    page.keyboard.up("Shift")
    return [((x - left) / scale + cx, (top - y) / scale + cy) for x, y in corners]


def inside(x: np.ndarray, y: np.ndarray, polygon: Sequence[tuple[float, float]]) -> np.ndarray:
    """Even-odd rule, all points at once."""
    result = np.zeros(len(x), bool)
    for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        crosses = (ay > y) != (by > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            result ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return result


def told(page: Page) -> tuple[list[int], int]:
    """Ids and count of the selection that Python has."""
    text = page.get_by_text(re.compile(r"^selection: .*count=[1-9]")).text_content() or ""
    return [int(part) for part in re.findall(r"\d+", text.split("count")[0])], int(re.findall(r"count=(\d+)", text)[0])


def entry(page: Page, key: int | str) -> Locator:
    return page.locator(f".legend .entry[data-key='{key}']")


@pytest.mark.parametrize("name", ["label", "prediction", "truth", "asked", "annotator", "correct"])
def test_a_point_has_the_color_of_its_entry_in_the_legend(page_factory: PageFactory, fake: Server, name: str) -> None:
    page = page_factory()
    open_map(page, fake, GRID, renderer="canvas")
    color_by(page, name)
    values, x, y = (column(GRID, part) for part in (name, "x", "y"))
    for value in sorted(set(values.tolist()) - {-1}):
        words = entry(page, value).locator("i").evaluate("(node) => getComputedStyle(node).backgroundColor")
        expected = [int(part) for part in re.findall(r"\d+", words)[:3]]
        assert entry(page, value).locator("em").inner_text() == str((values == value).sum())
        middle = int(np.flatnonzero(values == value)[-1])
        place = on_page(page, float(x[middle]), float(y[middle]))
        page.wait_for_function(
            f"([node, x, y, wanted]) => {{ const [r, g, b, a] = ({PIXEL})([node, x, y]); "
            "return a > 200 && [r, g, b].every((c, at) => Math.abs(c - wanted[at]) < 5); }",
            arg=[page.locator(".map canvas.points").element_handle(), *place, expected],
        )


def test_a_score_is_colored_along_the_ramp(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, GRID, renderer="canvas")
    color_by(page, "total")
    values, x, y = (column(GRID, part) for part in ("total", "x", "y"))
    stops = page.locator(".legend .ramp").evaluate("(node) => node.style.background")
    ends = [[int(part) for part in re.findall(r"\d+", stop)] for stop in re.findall(r"rgb\(([^)]*)\)", stops)]
    for i, expected in ((int(values.argmin()), ends[0]), (int(values.argmax()), ends[-1])):
        page.wait_for_function(
            f"([node, x, y, wanted]) => ({PIXEL})([node, x, y]).slice(0, 3).every((c, at) => Math.abs(c - wanted[at]) < 6)",
            arg=[page.locator(".map canvas.points").element_handle(), *on_page(page, float(x[i]), float(y[i])), expected],
        )


def test_of_many_classes_those_with_most_points_come_first_and_the_legend_leaves_room_for_the_map(
    page_factory: PageFactory, fake: Server
) -> None:
    page, project = page_factory(), "uneven-c28-n400"
    open_map(page, fake, project, renderer="canvas")
    color_by(page, "prediction")
    counts = np.bincount(column(project, "prediction"), minlength=28)
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda k: (-counts[k], k))
    keys = page.locator(".legend .entry").evaluate_all("(nodes) => nodes.map((node) => node.dataset.key)")
    assert keys == [*map(str, order), "queried"]
    assert order != sorted(order)
    legend, plot = (page.locator(name).bounding_box() for name in (".legend", ".plot"))
    assert legend
    assert plot
    assert legend["height"] <= max(0.44 * plot["height"], 236) + 1
    ends = page.locator(".legend .entry .named").first.locator("span").all_inner_texts()
    assert "".join(ends) == class_names(project)[order[0]]


def test_the_legend_filters_what_is_drawn_and_what_a_selection_takes(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, GRID, renderer="canvas")
    color_by(page, "prediction")
    prediction, x, y = (column(GRID, part) for part in ("prediction", "x", "y"))
    shown = page.locator(".map")
    expect(shown).to_have_attribute("data-shown", "400")
    entry(page, 1).click()
    expect(entry(page, 1)).to_have_attribute("aria-pressed", "true")
    expect(shown).to_have_attribute("data-shown", str((prediction == 1).sum()))
    gone = int(np.flatnonzero(prediction == 0)[0])
    there = int(np.flatnonzero(prediction == 1)[0])
    node = page.locator(".map canvas.points").element_handle()
    alpha = f"([node, x, y, wanted]) => ({PIXEL})([node, x, y])[3] > 100 === wanted"
    page.wait_for_function(alpha, arg=[node, *on_page(page, float(x[gone]), float(y[gone])), False])
    page.wait_for_function(alpha, arg=[node, *on_page(page, float(x[there]), float(y[there])), True])
    corners = [on_page(page, *corner) for corner in ((7.4, 5.5), (13.5, 5.5), (13.5, 13.5), (7.4, 13.5))]
    polygon = lasso(page, [(round(px), round(py)) for px, py in corners])
    caught = inside(x, y, polygon)
    expect(page.locator(".head b")).to_have_text(f"{(caught & (prediction == 1)).sum()} selected")
    assert set(told(page)[0]) == set((np.flatnonzero(caught & (prediction == 1)) + 1).tolist())
    page.keyboard.press("Escape")
    entry(page, 2).focus()
    page.keyboard.press("Enter")  # several may be on, and the keyboard stays where it was
    expect(entry(page, 2)).to_be_focused()
    expect(shown).to_have_attribute("data-shown", str((prediction > 0).sum()))
    page.keyboard.press("Enter")
    expect(shown).to_have_attribute("data-shown", str((prediction == 1).sum()))
    page.get_by_role("button", name="Show all", exact=True).click()
    expect(shown).to_have_attribute("data-shown", "400")
    entry(page, "queried").click()
    expect(shown).to_have_attribute("data-shown", str(column(GRID, "selected").sum()))


def test_the_slider_shows_another_round_and_tells_the_page(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    project = f"{GRID}-moves"
    open_map(page, fake, project, renderer="canvas")
    slider = page.get_by_role("slider", name="Round")
    expect(slider).to_have_attribute("aria-valuetext", "Round 2: a title")
    before = view(page)
    for key, number in (("ArrowRight", 3), ("Home", 1)):
        slider.press(key)
        expect(page.locator(f".map[data-round='{number}'][data-moving='0']")).to_be_visible()
        x, y = (column(project, part, number) for part in "xy")
        box = page.locator(".map").get_attribute("data-at")
        assert [float(part) for part in (box or "").split()][1:] == [pytest.approx(float(v.min() + v.max()) / 2) for v in (x, y)]
        assert view(page)[0] == pytest.approx(before[0])
        assert pixel(page, on_page(page, float(x[209]), float(y[209])))[3] > 100
        expect(slider).to_have_attribute("aria-valuetext", f"Round {number}: a title")
        expect(page.get_by_text(f"round: {number}", exact=True)).to_be_visible()  # the page heard of it


def test_a_selection_stays_through_the_rounds(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, f"{GRID}-moves", renderer="canvas")
    polygon = lasso(
        page, [(round(a), round(b)) for a, b in (on_page(page, *c) for c in ((8.5, 6.5), (12.5, 6.5), (12.5, 10.5), (8.5, 10.5)))]
    )
    expect(page.locator(".head b")).to_have_text("16 selected")
    ids = set(told(page)[0])
    assert ids == set((np.flatnonzero(inside(column(GRID, "x"), column(GRID, "y"), polygon)) + 1).tolist())
    page.get_by_role("slider", name="Round").press("ArrowRight")
    expect(page.locator(".map[data-round='3'][data-moving='0']")).to_be_visible()
    expect(page.locator(".head b")).to_have_text("16 selected")
    assert set(told(page)[0]) == ids


def test_all_rounds_are_played_and_the_last_one_stays(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    page.emulate_media(reduced_motion="reduce")
    open_map(page, fake, f"{GRID}-moves", renderer="canvas")
    page.get_by_role("slider", name="Round").press("Home")
    expect(page.locator(".map[data-round='1']")).to_be_visible()
    page.evaluate("""() => {
      const find = (root) => root.querySelector(".map[data-at]") ?? [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
      const map = find(document);
      window.seen = [];
      new MutationObserver(() => window.seen.push([map.dataset.round, map.dataset.moving])).observe(map, { attributes: true, attributeFilter: ["data-round", "data-moving"] });
    }""")
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".map[data-round='3']")).to_be_visible()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    seen = page.evaluate("window.seen")
    assert list(dict.fromkeys(number for number, _ in seen if number != "1")) == ["2", "3"]
    assert {moving for _, moving in seen} == {"0"}  # nothing moves for who wants that


def test_trails_lead_to_the_points_from_where_they_were(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    project = f"{GRID}-moves"
    open_map(page, fake, project, renderer="canvas")
    page.get_by_role("slider", name="Round").press("ArrowRight")
    expect(page.locator(".map[data-round='3'][data-moving='0']")).to_be_visible()
    x, y, queried = (column(project, part, 3) for part in ("x", "y", "selected"))
    at = int(np.flatnonzero(queried)[0])
    node = page.locator(".map canvas.overlay").element_handle()
    near = [[dx, dy] for dx in (-1, 0, 1) for dy in (-1, 0, 1)]  # a line is a pixel wide
    ink = f"([node, x, y, wanted]) => {near}.some(([dx, dy]) => ({PIXEL})([node, x + dx, y + dy])[3] > 20) === wanted"
    between = on_page(page, float(x[at]) - 0.75, float(y[at]) - 0.75)  # on the way from its place in round 1
    page.wait_for_function(ink, arg=[node, *between, True])
    page.get_by_role("button", name=re.compile("^Trails")).click()
    page.wait_for_function(ink, arg=[node, *between, False])


def test_where_points_stay_there_are_no_trails_and_a_line_says_so(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, f"{GRID}-stays", renderer="canvas")
    expect(page.locator(".stays")).to_have_text("All rounds share this map.")
    expect(page.get_by_role("button", name=re.compile("^Trails"))).to_have_count(0)
    page.get_by_role("slider", name="Round").press("ArrowRight")
    expect(page.locator(".map[data-round='3'][data-moving='0']")).to_be_visible()
    open_map(page, fake, GRID)  # one round: nothing to slide through, and nothing to say
    expect(page.locator(".time")).to_be_hidden()
    expect(page.locator(".stays")).to_be_hidden()


def test_names_of_classes_stand_at_the_medians_of_their_labeled_points(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory(width=1600, height=900)
    project = "c8-n3000"
    open_map(page, fake, project, renderer="canvas")
    label, x, y = (column(project, part) for part in ("label", "x", "y"))
    names = page.locator(".centers span:not([hidden])")
    expect(names).to_have_count(8)
    for k, name in enumerate(class_names(project)):
        mine = label == k
        middle = on_page(page, float(np.sort(x[mine])[mine.sum() // 2]), float(np.sort(y[mine])[mine.sum() // 2]))
        box = page.locator(f".centers span[data-class='{k}']", has_text=name).bounding_box()
        assert box is not None
        assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx(middle, abs=1)
    page.get_by_role("button", name=re.compile("^Names")).click()
    expect(names).to_have_count(0)


def test_of_many_classes_only_names_that_have_room_are_shown(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    open_map(page, fake, "c300-n3000", renderer="canvas")
    expect(page.locator(".centers span:not([hidden])").first).to_be_visible()
    boxes = page.locator(".centers span:not([hidden])").evaluate_all("(nodes) => nodes.map((n) => n.getBoundingClientRect().toJSON())")
    assert len(boxes) > 1
    for at, a in enumerate(boxes):
        for b in boxes[:at]:
            assert a["right"] <= b["left"] or b["right"] <= a["left"] or a["bottom"] <= b["top"] or b["bottom"] <= a["top"]


def test_pictures_lie_on_their_points_once_few_are_in_view(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    project = "c8-n3000"
    open_map(page, fake, project, renderer="canvas")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/thumbnails" in request.url else None)
    x, y = (column(project, part) for part in ("x", "y"))
    pictures = page.locator(".faces img")
    expect(pictures).to_have_count(0)
    for _ in range(5):
        page.get_by_role("button", name="Zoom in (+)").click()
    expect(pictures.first).to_be_visible()
    page.wait_for_function("(node) => node.querySelectorAll('img').length > 20", arg=page.locator(".faces").element_handle())
    told = pictures.evaluate_all("(nodes) => nodes.map((n) => [Number(n.dataset.id), n.getBoundingClientRect().toJSON()])")
    assert 20 < len(told) <= 60
    for at, (item, box) in enumerate(told):
        assert (box["x"] + 22, box["y"] + 22) == pytest.approx(on_page(page, float(x[item - 1]), float(y[item - 1])), abs=1)
        for _, other in told[:at]:
            assert abs(box["x"] - other["x"]) >= 44 or abs(box["y"] - other["y"]) >= 44
    assert 0 < len(asked) <= 4  # many in one answer
    page.get_by_role("button", name=re.compile("^Pictures")).click()
    expect(pictures).to_have_count(0)


@pytest.mark.parametrize("renderer", ["canvas", "webgl"])
def test_a_lasso_among_200000_points_takes_what_lies_inside(page_factory: PageFactory, fake: Server, renderer: str) -> None:
    page = page_factory()
    project = "c5-n200000"
    open_map(page, fake, project, renderer=renderer)
    expect(page.locator(".map")).to_have_attribute("data-drawn", "shading")
    expect(page.locator(".map")).to_have_attribute("data-renderer", renderer)
    _, _, _, left, top = view(page)
    corners = [(round(left + dx), round(top + dy)) for dx, dy in ((-90, -150), (110, -120), (40, -10), (150, 130), (-80, 60), (-20, -40))]
    polygon = lasso(page, corners)
    x, y = (column(project, part).astype(np.float64) for part in ("x", "y"))
    ids = np.flatnonzero(inside(x, y, polygon)) + 1
    expect(page.locator(".head b")).to_have_text(f"{len(ids):,} selected")
    entropy = column(project, "entropy").astype(np.float64)[ids - 1]
    ranked = ids[np.lexsort((ids, -np.nan_to_num(entropy, nan=-np.inf)))][:2000]
    got, count = told(page)
    assert count == len(ids) > 20_000
    assert got == ranked.tolist()


def test_a_shading_is_dense_where_points_are_and_gives_way_to_dots(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    project = "c5-n200000"
    open_map(page, fake, project, renderer="canvas")
    color_by(page, "prediction")
    group = column(project, "prediction") == 3  # one blob of eight: its middle is nobody else's
    middle = (float(np.median(column(project, "x")[group])), float(np.median(column(project, "y")[group])))
    words = entry(page, 3).locator("i").evaluate("(node) => getComputedStyle(node).backgroundColor")
    wanted = [int(part) for part in re.findall(r"\d+", words)[:3]]
    page.wait_for_function(
        f"([node, x, y, wanted]) => {{ const [r, g, b, a] = ({PIXEL})([node, x, y]); "
        "return a > 120 && [r, g, b].every((c, at) => Math.abs(c - wanted[at]) < 12); }",
        arg=[page.locator(".map canvas.ground").element_handle(), *on_page(page, *middle), wanted],
    )
    for _ in range(9):
        page.get_by_role("button", name="Zoom in (+)").click()
    expect(page.locator(".map")).to_have_attribute("data-drawn", "dots")
    assert pixel(page, on_page(page, *middle), "ground")[3] == 0


def test_two_fingers_zoom_and_one_draws_a_lasso(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory(width=390, height=844)
    open_map(page, fake, GRID, renderer="canvas")
    page.get_by_role("button", name=re.compile("^Lasso")).scroll_into_view_if_needed()
    hand = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": a, "y": b, "id": k} for k, (a, b) in enumerate(places)]})

    scale, _, _, left, top = view(page)
    touch("touchStart", (left - 40, top))
    touch("touchStart", (left - 40, top), (left + 40, top))
    touch("touchMove", (left - 80, top), (left + 80, top))
    touch("touchEnd")
    page.wait_for_function(
        "([node, least]) => Number(node.dataset.at.split(' ')[0]) > least", arg=[page.locator(".map").element_handle(), 1.9 * scale]
    )
    assert view(page)[0] == pytest.approx(2 * scale)
    page.get_by_role("button", name=re.compile("^Lasso")).click()
    corners = [(round(left + dx), round(top + dy)) for dx, dy in ((-60, -60), (60, -60), (60, 60), (-60, 60))]
    now, cx, cy, left, top = view(page)
    touch("touchStart", corners[0])
    for corner in corners[1:]:
        touch("touchMove", corner)
    touch("touchEnd")
    polygon = [((a - left) / now + cx, (top - b) / now + cy) for a, b in corners]
    caught = inside(column(GRID, "x"), column(GRID, "y"), polygon)
    assert caught.any()
    expect(page.locator(".head b")).to_have_text(f"{caught.sum()} selected")
