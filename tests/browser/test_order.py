"""The labeler while a project learns: newer rounds order anew what was not shown yet, and nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PageFactory, Server
from tests.browser.test_components import press, wait_saved

pytestmark = pytest.mark.browser

SEEDS, STEPS, WINDOWS = range(24), 30, 6


class Desk:
    """A page with the labeler and the project it shows, of which round 1 asks for the items from 1 on."""

    def __init__(self, page: Page, server: Server, name: str, asked: int, mode: str = "single", **more: Any) -> None:
        self.page, self.server, self.project = page, server, f"c3-n{max(asked, 60)}-{name}"
        self.rounds(round=1, items=[*range(1, asked + 1)], **({"live": {}} | more))
        page.goto(f"{server.url}/bare?project={self.project}&mode={mode}&strip=8000")
        page.wait_for_selector(".labeler[data-view=work][data-loading='0'][data-live='1']")
        page.wait_for_selector(f".labeler[data-ready='{min(asked, 200)}']")

    def rounds(self, **body: Any) -> Any:
        return self.server.post(f"/rounds/{self.project}", **body)

    def hear(self) -> None:
        """The labeler looks at once what is new."""
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def newer(self, number: int, items: Sequence[int], **more: Any) -> None:
        self.rounds(round=number, items=[*items], **more)
        self.hear()

    def ids(self, within: str = ".strip") -> list[int]:
        return self.page.evaluate(
            "(within) => [...document.querySelectorAll(`${within} .tile`)].map(({ id }) => Number(id.slice(5)))", within
        )

    def expect_ids(self, *ids: int, within: str = ".strip") -> None:
        told = "([within, ids]) => [...document.querySelectorAll(`${within} .tile`)].map(({ id }) => Number(id.slice(5))).join() === ids"
        try:
            self.page.wait_for_function(told, arg=[within, ",".join(map(str, ids))], timeout=15_000)
        except Exception:
            assert self.ids(within) == [*ids]
            raise

    @property
    def item(self) -> int:
        return int(self.page.locator(".labeler").get_attribute("data-item") or 0)

    def held(self, route: str, count: int = 1) -> None:
        """Waits until the server holds so many answers back."""
        for _ in range(2000):
            if self.rounds().get(route, 0) == count:
                return
        raise AssertionError(f"{self.rounds()} answers are held back")


def test_whatever_comes_in_between_nothing_is_lost_shown_twice_or_moved_under_ones_eyes(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory(1300, 600)
    page.goto(f"{fake.url}/bare")
    told = page.evaluate("([seeds, steps, windows]) => playBeside(seeds, steps, windows)", [list(SEEDS), STEPS, WINDOWS])
    assert len(told) == len(SEEDS)
    assert sum(one["reorders"] for one in told) > 2 * len(SEEDS)
    assert sum(one["answers"] for one in told) > 15 * len(SEEDS)


def test_what_it_learned_is_said_beside_the_count_and_test_images_have_a_badge(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "words", 20, tests=[2, 3])
    count, learned, badge = page.locator(".count"), page.locator(".learned"), page.locator(".caption .test")
    expect(count).to_have_text("0 labels")
    expect(learned).to_have_text("learns after 10 labels")
    expect(badge).to_have_count(0)
    press(page, "1")
    expect(badge).to_have_text("test")
    expect(count).to_have_text("1 label")
    press(page, "1", "s")
    expect(badge).to_have_count(0)
    wait_saved(page)
    for live, words in (
        ({"learning": True}, "learning…"),
        ({"learned": 10}, "learned from 10 · 1 of 2 test images labeled"),
        ({"learned": 1240, "accuracy": "84 % right on 100 test images (76 to 90)"}, "learned from 1,240 · 84 % right on 100 test images (76 to 90)"),
        ({"on": False, "accuracy": "50 % right on 2 test images (9 to 91)"}, "50 % right on 2 test images (9 to 91)"),
    ):  # fmt: skip
        desk.rounds(live=live)
        desk.hear()
        expect(learned).to_have_text(words)
    for live, words in (
        ({}, ""),
        ({"pace": 0.4}, "1 label a minute"),
        (
            {"pace": 11.6, "goal": ["90 % takes 40 to 600 labels more (4 to 50 min)", "14 min left: about 160 labels more"]},
            "12 labels a minute · 90 % takes 40 to 600 labels more (4 to 50 min) · 14 min left: about 160 labels more",
        ),
    ):
        desk.rounds(live={"on": False, **live})
        desk.hear()
        expect(page.locator(".ahead")).to_have_text(words)
    expect(count).to_have_text("2 of 20 labeled · 1 skipped")  # it does not learn any more: the query is what is counted
    desk.rounds(live={})
    desk.hear()
    expect(count).to_have_text("2 labels")


@pytest.mark.parametrize("width", [390, 760, 1280, 1920])
def test_long_words_at_the_top_overlap_nothing(page_factory: PageFactory, fake: Server, width: int) -> None:
    page = page_factory(width)
    goal = ["90 % takes 40 to 600 labels more (4 to 50 min)", "14 min left: about 160 labels more"]
    words = {"learned": 1240, "accuracy": "84 % right on 100 test images (76 to 90)", "labeled": 1240, "pace": 11.6, "goal": goal}
    desk = Desk(page, fake, f"width-{width}", 20, disputed=[18, 19])
    desk.rounds(live=words)
    desk.hear()
    expect(page.locator(".learned")).to_contain_text("(76 to 90)")
    boxes = {name: page.locator(f".bar .{name}").bounding_box() for name in ("count", "learned", "ahead", "save", "places", "tools")}
    tops = {name: round((box or {})["y"] + (box or {})["height"] / 2) for name, box in boxes.items()}
    fits = page.evaluate("() => [...document.querySelectorAll('.learned, .ahead')].every((e) => e.scrollWidth <= e.clientWidth)")
    right = max((box or {})["x"] + (box or {})["width"] for box in boxes.values())
    assert (fits, right <= width) == (True, True)
    assert abs(tops["count"] - tops["save"]) <= 2  # one line
    assert (tops["learned"] - tops["count"] > 12) == (width < 1120)  # a line of its own where there is no room
    assert tops["ahead"] - tops["learned"] > 12  # always one of its own
    assert (tops["tools"] - tops["ahead"] > 12) == (width == 390)


def test_the_next_five_stay_and_the_rest_is_ordered_anew(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "five", 20, tests=[6, 15, 17])
    press(page, "1", "2")
    wait_saved(page)
    page.evaluate("window.before = [...document.querySelectorAll('.strip .tile')]")
    fetched: list[str] = []
    desk.newer(2, [30, 4, 19, 17, 2, 9, 31])
    desk.expect_ids(1, 2, 3, 4, 5, 6, 7, 8, 30, 19, 17, 9, 31, 15)  # a test image that the round leaves out is still asked for
    same = page.evaluate("[...document.querySelectorAll('.strip .tile')].map((tile) => before.includes(tile))")
    assert same == [*[True] * 8, False, True, True, True, False, True]
    page.on("request", lambda request: fetched.append(request.url))
    press(page, *"12312")
    assert desk.item == 8
    assert [url for url in fetched if "/image" in url] == []  # they were here and decoded
    wait_saved(page)
    desk.newer(3, [9, 40])
    desk.expect_ids(1, 2, 3, 4, 5, 6, 7, 8, 30, 19, 17, 9, 31, 40, 15)
    rounds = [row["round"] for row in fake.get(f"/said/{desk.project}")]
    assert rounds == [1, 1, 2, 2, 2, 2, 2]


def test_who_looks_back_finds_what_was_next_and_what_was_said(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "back", 30)
    press(page, *"12312312", *["ArrowLeft"] * 6)
    wait_saved(page)
    assert desk.item == 3
    desk.newer(2, [*range(60, 40, -1)])
    kept = [*range(1, 15)]  # 9 stood on the stage already, and after it come five
    desk.expect_ids(*kept, *range(60, 40, -1))
    assert desk.item == 3
    press(page, "z")
    assert desk.item == 8
    press(page, "3", "1")
    assert desk.item == 10
    wait_saved(page)
    desk.newer(3, [50, 51])
    desk.expect_ids(*kept, 60, 50, 51)
    assert fake.rows(desk.project)[8:] == [(8, "undo", None), (8, "label", "pullover"), (9, "label", "T-shirt")]


def test_the_count_never_falls_back_and_counts_nobody_twice(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "count", 20)
    page.evaluate("""() => {
        const count = document.querySelector(".count");
        window.told = [count.textContent];
        new MutationObserver(() => told.at(-1) === count.textContent || told.push(count.textContent)).observe(count, { childList: true, subtree: true, characterData: true });
    }""")
    for route in ("changes", "queue"):  # answers that are older than a label, and come when it is stored
        desk.rounds(troubles={route: "hold"})
        desk.newer(2 if route == "changes" else 3, range(20, 0, -1))
        desk.held(route)
        press(page, "1")
        wait_saved(page)
        desk.rounds(troubles={})
        desk.expect_ids(*range(1, 8), *range(20, 7, -1))
    for item in (12, 45):  # one that is here and one that is not
        fake.post(f"/said/{desk.project}", item=item, kind="label", value="trousers", annotator="ben")
        desk.hear()
        expect(page.locator(".count")).to_have_text("3 labels" if item == 12 else "4 labels")
    press(page, "z")
    wait_saved(page)
    expect(page.locator(".count")).to_have_text("3 labels")
    assert page.evaluate("told") == ["0 labels", "1 label", "2 labels", "3 labels", "4 labels", "3 labels"]


def test_an_answer_that_was_taken_back_stays_away_whatever_comes_late(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "late", 20)
    press(page, "1")
    wait_saved(page)
    desk.rounds(troubles={"changes": "hold"})
    desk.hear()
    desk.held("changes")  # this answer knows of the label, and not that it is taken back
    press(page, "z")
    wait_saved(page)
    desk.rounds(troubles={})
    desk.newer(2, range(20, 0, -1))
    desk.expect_ids(*range(1, 8), *range(20, 7, -1))  # 2 was on the stage, after it come five
    assert page.locator("#tile-1").get_attribute("data-state") == "open"
    expect(page.locator(".count")).to_have_text("0 labels")


def test_one_look_after_the_other_asks_for_an_order_once(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "once", 20)
    desk.rounds(troubles={"queue": "hold"})
    desk.newer(2, range(20, 0, -1))
    desk.held("queue")
    for _ in range(3):
        with page.expect_response(lambda answer: "/changes" in answer.url):
            desk.hear()
    assert desk.rounds()["queue"] == 1
    desk.rounds(troubles={})
    desk.expect_ids(*range(1, 7), *range(20, 6, -1))
    desk.rounds(troubles={"queue": "fail"})
    with page.expect_response(lambda answer: "/queue" in answer.url and answer.status == 503):
        desk.newer(3, [40])
    assert desk.ids() == [*range(1, 7), *range(20, 6, -1)]
    desk.rounds(troubles={})
    desk.hear()
    desk.expect_ids(*range(1, 7), 40)


def test_more_of_a_query_and_a_newer_order_that_come_together_are_taken_in_turn(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "fill", 450, "grid")
    desk.rounds(troubles={"queue": "hold"})
    for number in range(3):
        page.get_by_role("button", name="Select all open").click()
        page.keyboard.press("1")
        desk.expect_ids(*range(48 * number + 49, 48 * number + 97), within=".cells")
    desk.held("queue")  # 56 are left
    desk.newer(2, range(450, 0, -1))
    with page.expect_response(lambda answer: "/changes" in answer.url):
        desk.hear()
    wait_saved(page)
    desk.rounds(troubles={})
    desk.hear()
    page.wait_for_function("document.querySelector('.pager .page').textContent === 'page 4 of 10'")
    page.keyboard.press("PageDown")
    desk.expect_ids(*range(450, 402, -1), within=".cells")
    page.keyboard.press("PageUp")
    desk.expect_ids(*range(145, 193), within=".cells")


def test_pages_of_the_grid_that_were_shown_stay(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "page", 150, "grid")
    pages = page.locator(".pager .page")
    page.locator("#tile-3").click()
    desk.newer(2, range(120, 49, -1))
    expect(pages).to_have_text("page 1 of 3")  # 48 and 71
    desk.expect_ids(*range(1, 49), within=".cells")
    page.keyboard.press("PageDown")
    desk.expect_ids(*range(120, 72, -1), within=".cells")
    page.keyboard.press("PageUp")
    desk.newer(3, range(121, 181))
    expect(pages).to_have_text("page 1 of 4")  # 96 and 60
    desk.expect_ids(*range(1, 49), within=".cells")
    assert page.locator(".cells [aria-selected=true]").count() == 0  # another page clears what was selected
    page.keyboard.press("PageDown")
    desk.expect_ids(*range(120, 72, -1), within=".cells")
    page.keyboard.press("PageDown")
    desk.expect_ids(*range(121, 169), within=".cells")


def test_a_newer_round_changes_nothing_of_a_review(page_factory: PageFactory, fake: Server) -> None:
    page = page_factory()
    desk = Desk(page, fake, "review", 20, disputed=[31, 32])
    desk.rounds(troubles={"queue": "hold"})
    desk.newer(2, range(20, 0, -1))
    desk.held("queue")
    page.get_by_role("button", name="2 to review").click()
    desk.held("queue", 2)
    desk.rounds(troubles={})
    desk.expect_ids(31, 32)
    expect(page.locator(".count")).to_have_text("0 of 2 labeled")
    desk.newer(3, [40, *range(1, 10)])
    with page.expect_response(lambda answer: "/changes" in answer.url):
        desk.hear()
    assert desk.ids() == [31, 32]
    page.get_by_role("button", name="Back to the query").click()
    desk.expect_ids(*range(1, 7), 40, 7, 8, 9)
    expect(page.locator(".count")).to_have_text("0 labels")


@pytest.mark.parametrize("mode", ["single", "grid"])
def test_all_done_goes_on_with_the_next_round(page_factory: PageFactory, fake: Server, mode: str) -> None:
    page = page_factory()
    desk = Desk(page, fake, f"done-{mode}", 48 if mode == "grid" else 2, mode)
    last = 48 if mode == "grid" else 2
    if mode == "grid":
        page.get_by_role("button", name="Select all open").click()
        page.keyboard.press("1")
    else:
        press(page, "1", "2")
    expect(page.locator(".blank h3")).to_have_text("All that was asked for is labeled.")
    wait_saved(page)
    assert page.evaluate("finished") == [{"round": 1, "total": last, "labeled": last, "skipped": 0, "flagged": 0}]
    desk.rounds(live={"learning": True})
    desk.hear()
    expect(page.locator(".blank")).to_contain_text("Learning from these: the next images come in a moment.")
    desk.newer(2, [55, 56], live={"learned": last})
    if mode == "grid":
        desk.expect_ids(55, 56, within=".cells")
        return
    desk.expect_ids(1, 2, 55, 56)
    assert desk.item == 55
    press(page, "ArrowLeft")
    expect(page.locator(".caption .given")).to_have_text("✓ trousers")
    press(page, "z")
    assert desk.item == 2
    press(page, "3", "1", "1")
    expect(page.locator(".blank h3")).to_have_text("All that was asked for is labeled.")
    wait_saved(page)
    page.wait_for_function("finished.length === 2")
    assert page.evaluate("finished[1]") == {"round": 2, "total": 2, "labeled": 4, "skipped": 0, "flagged": 0}
