"""The playground in real Chromium: stepped, scrubbed, labeled, switched, painted, asked; what is drawn comes from the library."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from alcore.browser import HERE
from alcore.teaching.lessons import Board, Lessons
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App

pytestmark = pytest.mark.browser

REACH = 1.25


@pytest.fixture
def page(page_factory: PageFactory, bare_app: App) -> Page:
    page = page_factory()
    page.goto(f"{bare_app.url}/learn")
    wait_step(page, r"\d+")
    return page


def wait_step(page: Page, step: str) -> None:
    expect(page.locator(".learn .said")).to_have_text(re.compile(rf"^step {step} of "), timeout=PATIENCE * 1000)


def chosen(page: Page, group: str) -> str:
    return page.get_by_role("group", name=group).locator("[aria-pressed=true]").inner_text()


def choose(page: Page, group: str, name: str) -> None:
    page.get_by_role("group", name=group).get_by_role("button", name=name, exact=True).click()


def at_end(page: Page) -> None:
    page.get_by_role("button", name="To the end").click()
    total = page.get_by_role("slider", name="Step").get_attribute("max")
    expect(page.locator(f".learn[data-step='{total}']")).to_be_visible(timeout=PATIENCE * 1000)


def place(page: Page, xy: np.ndarray) -> tuple[float, float]:
    """Where a point of the plane is on the page."""
    page.locator(".learn .plane").scroll_into_view_if_needed()
    box = page.locator(".learn .plane").bounding_box()
    assert box is not None
    x, y = (float(part) for part in xy)
    return box["x"] + (x + REACH) / (2 * REACH) * box["width"], box["y"] + (REACH - y) / (2 * REACH) * box["height"]


def click(page: Page, xy: np.ndarray) -> None:
    page.mouse.click(*place(page, xy))


def test_it_plays_by_itself_stops_steps_and_scrubs_back(page: Page) -> None:
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible(timeout=PATIENCE * 1000)  # it has come to its end
    wait_step(page, "200")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    wait_step(page, "198")
    page.keyboard.press("ArrowRight")
    wait_step(page, "199")
    page.keyboard.press("Home")
    wait_step(page, "0")
    expect(page.locator(".learn .said")).to_have_text("step 0 of 200 · before training")
    slider = page.get_by_role("slider", name="Step")
    slider.fill("57")
    expect(page.locator(".learn[data-step='57']")).to_be_visible(timeout=PATIENCE * 1000)
    film = Lessons().film({"kind": "moons", "points_seed": 0, "strategy": "mcdal"})
    losses = film.recording.frames[57].losses
    for row, name in enumerate(("cross_entropy", "auxiliary_cross_entropy", "discrepancy")):
        assert float(page.locator(".equations output").nth(row).inner_text()) == pytest.approx(losses[name], rel=0.03)
    right = (film.recording.scored(57, film.what.xy)["task_logits"].argmax(1) == film.what.y).mean()
    expect(page.locator(".learn .accuracy").first).to_have_text(f"{100 * right:.0f} % right with 4 labels")
    slider.evaluate("(node) => node.blur()")
    page.keyboard.press("Space")
    wait_step(page, r"(5[89]|[6-9]\d|1\d\d)")
    page.get_by_role("button", name="Pause").click()


def test_a_click_labels_a_point_and_it_is_learned(page: Page) -> None:
    board = Board.of({"kind": "moons"})
    point = max(set(range(300)) - set(board.labeled), key=lambda i: board.what.xy[i, 0])  # on the right, by itself
    click(page, board.what.xy[point])
    expect(page.locator(".learn .accuracy").first).to_contain_text("with 5 labels", timeout=PATIENCE * 1000)
    at_end(page)
    film = Lessons().film({"kind": "moons", "points_seed": 0, "strategy": "mcdal", "labeled": [*board.labeled, point]})
    expect(page.locator(".learn .accuracy").first).to_have_text(f"{100 * film.recording.accuracy:.0f} % right with 5 labels")
    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".learn .accuracy").first).to_contain_text("with 4 labels", timeout=PATIENCE * 1000)


def test_keys_go_from_point_to_point_and_label_one(page: Page) -> None:
    page.locator(".learn .plane").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".learn .accuracy").first).to_contain_text("with 5 labels", timeout=PATIENCE * 1000)


def test_another_method_a_change_of_it_and_what_is_beside(page: Page) -> None:
    choose(page, "Method", "MAL")
    wait_step(page, r"\d+")
    expect(page.locator(".equations h4").first).to_have_text("The game, Algorithm 1", timeout=PATIENCE * 1000)
    expect(page.locator(".equations .part[data-acts] h4")).to_have_text("The game, Algorithm 1")
    at_end(page)
    expect(page.locator(".equations .part[data-acts] h4")).to_have_text("The task model, Algorithm 3")
    choose(page, "Colors", "labeled, says D")
    assert chosen(page, "Colors") == "labeled, says D"
    page.get_by_label("Change of the method").select_option(label="Without the game")
    expect(page.locator(".learn .why")).to_contain_text("F learns the labels alone. Mean accuracy over 10 labels, 10 seeds:")
    at_end(page)
    film = Lessons().film({"kind": "moons", "points_seed": 0, "strategy": "mal", "params": {"minimax": False}})
    expect(page.locator(".learn .accuracy").first).to_have_text(f"{100 * film.recording.accuracy:.0f} % right with 4 labels")
    page.get_by_label("Beside it").select_option(label="as in the paper")
    other = Lessons().film({"kind": "moons", "points_seed": 0, "strategy": "mal"})
    expect(page.locator(".learn .accuracy").nth(1)).to_have_text(f"{100 * other.recording.accuracy:.0f} % right", timeout=PATIENCE * 1000)


def test_a_prediction_is_revealed(page: Page) -> None:
    told = Lessons().asked({"kind": "moons", "points_seed": 0})
    what = Board.of({"kind": "moons"}).what
    page.get_by_role("button", name="Predict", exact=True).click()
    for _ in range(2):
        click(page, what.xy[told["mcdal"]["point"]])
    expect(page.locator(".question p")).to_have_text("2 votes. A click is a vote.")
    page.get_by_role("button", name="Reveal").click()
    rows = page.locator(".question li")
    expect(rows).to_have_count(5, timeout=PATIENCE * 1000)
    expect(page.locator(".question p")).to_contain_text("2 of 2 for that of MCDAL")
    for i, (_, each) in enumerate(told.items()):
        expect(rows.nth(i)).to_contain_text(f"{100 * each['before']:.0f} % → {100 * each['after']:.0f} %")
    assert rows.locator("b").all_inner_texts() == ["Random", "Entropy", "Margin", "MAL", "MCDAL"]
    rows.nth(4).get_by_role("button", name="Label it").click()
    expect(page.locator(".learn .accuracy").first).to_contain_text("with 5 labels", timeout=PATIENCE * 1000)
    expect(rows).to_have_count(0)


def test_painted_points_are_learned(page: Page) -> None:
    choose(page, "Points", "Paint your own")
    expect(page.locator(".learn .accuracy").first).to_have_text("Paint points: choose a class and draw")
    for name, row in (("class 1", 0.6), ("class 2", -0.6)):
        page.get_by_role("button", name=name).click()
        page.mouse.move(*place(page, np.array([-0.9, row])))
        page.mouse.down()
        for x in np.linspace(-0.9, 0.9, 20):
            page.mouse.move(*place(page, np.array([x, row])))
        page.mouse.up()
    expect(page.locator(".learn .accuracy").first).to_contain_text("% right with 4 labels", timeout=PATIENCE * 1000)
    at_end(page)
    said = page.locator(".learn .accuracy").first.inner_text()
    assert int(said.split()[0]) > 80  # two strokes far apart; where points fall in them is chance
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".learn .accuracy").first).to_have_text("Paint points: choose a class and draw")


def test_a_film_the_server_forgot_is_learned_anew(page_factory: PageFactory, bare_app: App) -> None:
    page = page_factory()
    page.goto(f"{bare_app.url}/learn")
    at_end(page)
    page.get_by_role("button", name="To the start").click()
    bare_app.kill()
    page.route("**/frames?**", lambda route: route.abort())
    bare_app.start()
    choose(page, "Points", "Rings")
    expect(page.locator(".learn .problem")).to_contain_text("the server does not answer.", timeout=PATIENCE * 1000)
    page.unroute("**/frames?**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".learn .problem")).to_be_hidden(timeout=PATIENCE * 1000)
    at_end(page)


def test_lines_lie_where_a_plane_changes_its_sign(page: Page) -> None:
    """Against the plane itself: of a circle, and of a saddle."""
    text = (HERE / "learn" / "contours.js").read_text(encoding="utf-8").replace("export function", "function")
    side = 40
    at = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(at, at)
    for plane, far in ((0.25 - x**2 - y**2, lambda p: np.abs(np.hypot(*p) - 0.5)), (x * y - 0.001, lambda p: np.abs(p[0] * p[1] - 0.001))):
        pieces = page.evaluate(
            f"(given) => {{ {text}; return zeroLines(given.plane, given.side); }}", {"plane": plane.ravel().tolist(), "side": side}
        )
        ends = np.array(pieces).reshape(-1, 2) / side * 2 - 1
        assert len(ends) > 60
        assert far(ends.T).max() < 2e-3


def test_a_frame_is_read_as_it_was_written(page: Page) -> None:
    text = (HERE / "learn" / "film.js").read_text(encoding="utf-8").replace("export ", "")
    film = Lessons().film({"kind": "blobs", "n": 30, "steps": 4, "strategy": "mal"})
    arguments = {"told": film.told(), "bytes": list(film.frame(3))}
    read = page.evaluate(
        f"""(given) => {{ {text};
          const frame = frameOf(given.told, new Uint8Array(given.bytes).buffer, 0, 3);
          return JSON.stringify({{ accuracy: frame.accuracy, features: [...frame.features], heads: [...frame.heads].map(([n, p]) => [n, p.map((a) => [...a])]),
            scores: [...frame.scores].map(([n, s]) => [n, [...s.cells], s.low, s.high]), prototypes: [...frame.weights.get("prototypes")],
            pulls: [...frame.pullPrototypes] }}); }}""",
        arguments,
    )
    found, arrays = json.loads(read), film._arrays(3)
    np.testing.assert_allclose(found["features"], arrays["features"].ravel(), rtol=1e-6)
    np.testing.assert_allclose(found["prototypes"], arrays["weights"], rtol=1e-6)
    np.testing.assert_allclose(found["pulls"], arrays["pull_prototypes"].ravel(), rtol=1e-6)
    assert [name for name, _ in found["heads"]] == ["C", "M"]
    for name, planes in found["heads"]:
        np.testing.assert_array_equal(planes, arrays[f"head {name}"].reshape(3, -1))
    for (name, cells, low, high), span in zip(found["scores"], arrays["ranges"], strict=True):
        np.testing.assert_array_equal(cells, arrays[f"score {name}"].ravel())
        assert (low, high) == (pytest.approx(span[0]), pytest.approx(span[1]))


def test_the_page_fits_a_phone(page_factory: PageFactory, bare_app: App, tmp_path: Path) -> None:
    page = page_factory()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{bare_app.url}/learn")
    wait_step(page, r"\d+")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    plane, second = page.locator(".learn .plane").bounding_box(), page.locator(".learn .second").bounding_box()
    assert plane is not None
    assert second is not None
    assert second["y"] > plane["y"] + plane["height"]
