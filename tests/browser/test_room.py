"""A class in real Chromium: a teacher, three students on telephones, one link. What they press is what is stored; nobody signs in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import CLASSES, PATIENCE, App, wait, write_images

pytestmark = pytest.mark.browser

SLOW = PATIENCE * 1000
Join = Callable[..., Page]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with a project of 72 images in three classes."""
    folder = tmp_path_factory.mktemp("room")
    workspace = Workspace(folder / "home")
    Project.import_into(workspace, "shapes", write_images(folder / "images", 30))
    assert workspace.token
    workspace.close()
    app = App(folder / "home")
    app.start()
    yield app
    app.kill()


@pytest.fixture
def teacher(page_factory: PageFactory, served: App) -> Iterator[Page]:
    """At the opening of a class, which is ended afterwards."""
    page = page_factory(width=1280, height=900)
    page.goto(f"{served.url}/learn")
    page.get_by_role("tab", name="A class in one room").click(timeout=SLOW)
    expect(page.get_by_role("button", name="Open a class")).to_be_visible(timeout=SLOW)
    yield page
    for left in served.get("/rooms")["classes"]:
        served.post(f"/room/{left['code']}/actions", {"action": "end"})


@pytest.fixture
def join(browser: Browser) -> Iterator[Join]:
    """`join(link, name)`: a telephone of its own that opens the link; script errors fail the test."""
    telephones: list[BrowserContext] = []
    errors: list[str] = []

    def joined(link: str, name: str, scheme: Any = "light") -> Page:
        telephone = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, color_scheme=scheme)
        telephones.append(telephone)
        page = telephone.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(link)
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Join").tap()
        page.locator(".stage").wait_for(timeout=SLOW)
        return page

    yield joined
    for telephone in telephones:
        telephone.close()
    assert errors == []


def opened(teacher: Page, mode: str = "Together") -> str:
    """Opens a class; the link on the wall."""
    teacher.locator(".mode").filter(has_text=mode).click()
    teacher.get_by_role("button", name="Open a class").click()
    link = teacher.locator(".words a").get_attribute("href", timeout=SLOW)
    assert link is not None
    code = teacher.locator(".classroom .code").inner_text()
    assert link.endswith(f"/api/v1/room/{code}")
    return link


def label(student: Page, answers: int) -> list[tuple[int, int]]:
    """Taps classes in turn as images come; (item, class) of each."""
    given = []
    for n in range(answers):
        student.locator(".stage[data-live='1']").wait_for(timeout=SLOW)
        item = int(student.locator(".stage").get_attribute("data-item") or 0)
        while student.locator(".stage").get_attribute("data-item") == str(item):  # a tap too soon after the picture came is nobody's answer
            student.locator(".choice").nth(n % 3).tap()
            student.wait_for_function(
                "(item) => document.querySelector('.stage').dataset.item !== item || document.querySelector(\".stage[data-live='1']\")",
                arg=str(item),
            )
        given.append((item, n % 3))
    sent(student)
    return given


KEPT = "Object.keys(localStorage).some((key) => key.endsWith(':answers') && localStorage[key] !== '[]')"


def kept(student: Page) -> bool:
    """Whether an answer is in the browser that the server has not taken yet."""
    return bool(student.evaluate(KEPT))


def sent(student: Page) -> None:
    """Until nothing is on its way."""
    student.wait_for_function(f"() => !{KEPT}", timeout=SLOW)


def stored(app: App, kind: str = "answer") -> list[dict[str, Any]]:
    ledger = max((app.home / "classes").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)  # of the class that is open
    return [event for event in map(json.loads, ledger.read_text().splitlines()) if event["event"] == kind]


def state(page: Page, said: str) -> None:
    expect(page.locator(".classroom .state")).to_have_text(re.compile(f"^{said} · "), timeout=SLOW)


def labels(page: Page) -> int:
    return sum(int(row.get_attribute("data-labels") or 0) for row in page.locator(".teams li").all())


def test_a_class_from_the_link_to_its_end(teacher: Page, served: App, join: Join) -> None:
    link = opened(teacher)
    state(teacher, "Waiting to start")
    expect(teacher.locator(".classroom > .place > .warning")).to_contain_text("python -m alcore serve --host 0.0.0.0")
    assert teacher.locator(".qr svg").get_attribute("aria-label") == f"QR code of {link}"
    students = [join(link, name) for name in ("Ann", "Ben", "")]
    expect(teacher.locator(".students h2")).to_have_text("3 students", timeout=SLOW)
    assert [name.strip() for name in teacher.locator(".students li span").all_inner_texts()] == ["Ann", "Ben", "Otter"]
    for student in students:
        expect(student.locator(".said")).to_have_text("The class has not begun. Stay on this page: the first image comes by itself.")
        assert student.locator(".choice span").all_inner_texts() == list(CLASSES)
    teacher.get_by_role("button", name="Start", exact=True).click()
    state(teacher, "Running")
    given = [pair for student in students for pair in label(student, 8)]
    assert len({item for item, _ in given}) == 24  # nobody was asked what another was
    assert sorted((event["item"], event["label"]) for event in stored(served)) == sorted(given)
    for page in (teacher, *students):  # one board for all
        expect(page.locator(".teams .right")).to_contain_text(
            re.compile(r"% right on \d+ test images \(\d+ to \d+\) with \d+ labels"), timeout=SLOW
        )
        expect(page.locator(".board .point").first).to_be_attached()
        expect(page.locator(".teams li")).to_have_attribute("data-labels", "24")
    (learned, *_) = stored(served, "learned")
    assert learned["labels"] >= 20

    teacher.get_by_role("button", name="Pause").click()
    state(teacher, "Paused")
    for student in students:
        expect(student.locator(".said")).to_contain_text("The class is paused", timeout=SLOW)
        expect(student.locator(".choice").first).to_be_disabled()
    teacher.get_by_role("button", name="Go on").click()
    label(students[0], 2)
    assert labels(students[0]) >= 24

    teacher.get_by_role("button", name="Reset").click()
    expect(teacher.locator(".sure")).to_have_text("Throw all labels of this class away? The students stay.")
    teacher.get_by_role("button", name="No", exact=True).click()
    expect(teacher.locator(".teams li")).to_have_attribute("data-labels", "26", timeout=SLOW)
    teacher.get_by_role("button", name="Reset").click()
    teacher.get_by_role("button", name="Yes, reset").click()
    state(teacher, "Waiting to start")
    expect(teacher.locator(".teams li")).to_have_attribute("data-labels", "0")
    expect(teacher.locator(".students h2")).to_have_text("3 students")
    for student in students:  # what somebody answers who has not heard of the reset yet is forgotten with the rest
        expect(student.locator(".said")).to_contain_text("The class has not begun", timeout=SLOW)
    teacher.get_by_role("button", name="Start", exact=True).click()
    label(students[2], 3)
    expect(teacher.locator(".teams li")).to_have_attribute("data-labels", "3", timeout=SLOW)

    teacher.get_by_role("button", name="End").click()
    teacher.get_by_role("button", name="Yes, end").click()
    state(teacher, "Ended")
    for student in students:
        expect(student.locator(".said")).to_have_text("The class is over. Thank you for your labels.", timeout=SLOW)
    teacher.get_by_role("button", name="New class").click()
    expect(teacher.get_by_role("button", name="Open a class")).to_be_visible()


def test_a_race_has_two_curves_and_each_student_knows_the_team(teacher: Page, served: App, join: Join) -> None:
    link = opened(teacher, "A race")
    ann, ben = join(link, "Ann"), join(link, "Ben", "dark")
    for page, who in ((ann, "Ann · Team Random"), (ben, "Ben · Team MCDAL")):
        expect(page.locator(".who")).to_have_text(who, timeout=SLOW)
    teacher.get_by_role("button", name="Start", exact=True).click()
    first = [label(page, 20)[0][0] for page in (ann, ben)]
    assert first[0] == first[1]  # both teams begin with the same images
    for page in (teacher, ann, ben):
        expect(page.locator(".board svg g")).to_have_count(2, timeout=SLOW)
        assert page.locator(".teams b").all_inner_texts() == ["Random", "MCDAL"]
        told = page.locator(".board svg").get_attribute("aria-label") or ""
        assert re.fullmatch(r"Accuracy against labels\. Random: .* with 20 labels\. MCDAL: .* with 20 labels", told)
    events = {event["team"]: event for event in stored(served, "learned")}
    assert {name: event["labels"] for name, event in events.items()} == {"random": 20, "mcdal": 20}


def test_keys_label_too_and_a_reload_goes_on_under_the_same_name(teacher: Page, served: App, join: Join) -> None:
    link = opened(teacher)
    ann = join(link, "Ann")
    teacher.get_by_role("button", name="Start", exact=True).click()
    label(ann, 2)
    ann.reload()
    expect(ann.locator(".who")).to_have_text("Ann", timeout=SLOW)
    ann.locator(".stage[data-live='1']").wait_for(timeout=SLOW)
    item = ann.locator(".stage").get_attribute("data-item")
    while ann.locator(".stage").get_attribute("data-item") == item:
        ann.keyboard.press("3")
    sent(ann)
    assert (stored(served)[-1]["item"], stored(served)[-1]["label"]) == (int(item or 0), 2)
    assert [event["name"] for event in stored(served, "join")] == ["Ann"]


def test_a_killed_server_loses_nothing_that_was_pressed(teacher: Page, served: App, join: Join) -> None:
    link = opened(teacher)
    ann = join(link, "Ann")
    teacher.get_by_role("button", name="Start", exact=True).click()
    given = label(ann, 4)
    ann.locator(".stage[data-live='1']").wait_for(timeout=SLOW)
    item = ann.locator(".stage").get_attribute("data-item")
    served.kill()
    try:
        while not kept(ann):  # not until the next image comes: it may be loaded by now, or wait for the server
            ann.locator(".choice").nth(1).tap()
        expect(ann.locator(".warning")).to_be_visible(timeout=SLOW)
    finally:
        served.start()
    sent(ann)
    assert [(event["item"], event["label"]) for event in stored(served)] == [*given, (int(item or 0), 1)]
    ann.locator(".stage[data-live='1']").wait_for(timeout=SLOW)  # and the class goes on where it was
    wait(lambda: len(stored(served)) == 5, "an answer was sent twice")
    expect(ann.locator(".count")).to_have_text("5 labels", timeout=SLOW)
    expect(ann.locator(".warning")).to_be_hidden(timeout=SLOW)


def test_a_wrong_code_is_told_on_the_page(served: App, browser: Browser) -> None:
    telephone = browser.new_context(viewport={"width": 390, "height": 844})
    page = telephone.new_page()
    page.goto(f"{served.url}/api/v1/room/AAAAAA")
    page.get_by_role("button", name="Join").click()
    expect(page.locator(".join .warning")).to_have_text("There is no class with this code: read it again.", timeout=SLOW)
    expect(page.get_by_role("button", name="Join")).to_be_enabled()
    telephone.close()


def findings(page: Page, axe: Path, impacts: tuple[str, ...] = ()) -> list[str]:
    """What axe finds, of these impacts, or of all."""
    page.evaluate(axe.read_text())  # not as a script of the page: its content policy allows none but its own
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    rules = [rule for rule in found["violations"] if not impacts or rule["impact"] in impacts]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in rules for node in rule["nodes"]]


def fits(page: Page) -> bool:
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_a_telephone_and_all_of_it_fits(
    teacher: Page, served: App, join: Join, axe: Path, browser: Browser, scheme: Any
) -> None:
    link = opened(teacher, "A race")
    telephone = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    fresh = telephone.new_page()
    fresh.goto(link)
    fresh.get_by_role("button", name="Join").wait_for(timeout=SLOW)
    assert (findings(fresh, axe), fits(fresh)) == ([], True)
    telephone.close()
    ann = join(link, "A name that is quite long", scheme)
    assert (findings(ann, axe), fits(ann)) == ([], True)
    teacher.get_by_role("button", name="Start", exact=True).click()
    label(ann, 20)
    expect(ann.locator(".board .point")).to_have_count(1, timeout=SLOW)
    ann.locator(".stage[data-live='1']").wait_for(timeout=SLOW)
    assert (findings(ann, axe), fits(ann)) == ([], True)
    for choice in ann.locator(".choice").all():  # a finger's width
        box = choice.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 48
    teacher.emulate_media(color_scheme=scheme)
    teacher.set_viewport_size({"width": 390, "height": 844})
    teacher.locator(".board").scroll_into_view_if_needed()
    assert findings(teacher, axe, ("serious", "critical")) == []  # Streamlit's own have some that weigh little
    main = "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; }"
    assert teacher.evaluate(main) == 0
