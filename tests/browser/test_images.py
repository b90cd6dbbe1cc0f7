"""The Images page in real Chromium: found, chosen, answered many at once, taken back, given again after a reload; by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page, Route, expect

from alcore.importing.samples import bundled_digits
from alcore.project import classes, notes
from alcore.project.catalog import catalog
from alcore.project.doubts import doubts
from alcore.project.facade import Project, Workspace
from alcore.project.views import View, found
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App, wait
from tests.project.photos import write_photos

pytestmark = pytest.mark.browser

NAME = "digits"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The bundled digits: 100 labels, and a model that has guessed the others."""
    home = tmp_path_factory.mktemp("images") / "home"
    workspace = Workspace(home)
    project = Project.import_into(workspace, NAME, bundled_digits(), truth="hidden")
    project.label_from_truth(100, seed=0)
    project.run_round("margin", 20, seed=0, train={"steps": 60, "warmup": 0.0}, report=lambda _: None)
    assert workspace.token
    workspace.close()
    served = App(home)
    served.start()
    yield served
    served.kill()


@pytest.fixture
def project(app: App) -> Iterator[Project]:
    """The same project, read by another process than the server's."""
    workspace = Workspace(app.home)
    yield workspace.project(NAME)
    workspace.close()


@pytest.fixture(scope="module")
def photo_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Little photos, all labeled and three of them wrong. What their network sees is kept; the server reads no network for it."""
    folder = tmp_path_factory.mktemp("doubts")
    workspace = Workspace(folder / "home")
    project = Project.import_into(workspace, "photos", write_photos(folder / "photos"), truth="hidden")
    project.features(device="cpu", report=lambda _: None)
    project.label_from_truth(40, seed=0)
    wrong = project.snapshot().ids[[1, 12, 23]].tolist()
    rows = project.items.rows(wrong)
    project.annotate({i: project.classes[(project.classes.index(rows[i]["label"]) + 1) % 4] for i in wrong if rows[i]["label"]})
    assert workspace.token
    workspace.close()
    served = App(folder / "home")
    served.start()
    yield served
    served.kill()


def look(page: Page, app: App, view: str = "") -> Page:
    page.goto(f"{app.url}/images?project={NAME}" + (f"&view={quote(view, safe='')}" if view else ""))
    settled(page)
    return page


def settled(page: Page) -> None:
    """The view is there, with the pictures that are on the screen."""
    expect(page.locator(".images[data-view]:not([aria-busy])")).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.locator(".images .tile:visible img:not([src])")).to_have_count(0, timeout=PATIENCE * 1000)


def count(page: Page, text: str) -> None:
    expect(page.locator(".images .count")).to_have_text(text, timeout=PATIENCE * 1000)


def chosen(page: Page, n: int) -> None:
    expect(page.locator(".images .actions > b")).to_have_text(f"{n:,} chosen")


def note(page: Page, text: str) -> None:
    expect(page.locator(".images .note")).to_have_text(text, timeout=PATIENCE * 1000)
    settled(page)


def shown(page: Page) -> list[int]:
    """The images on the screen, in their order."""
    tiles = page.locator(".images .tile:visible").evaluate_all("tiles => tiles.map(t => [Number(t.id.slice(5)), Number(t.dataset.id)])")
    return [item for _, item in sorted(tiles)]


def tile(page: Page, place: int):
    return page.locator(f".images #tile-{place}")


def labels(project: Project, ids: list[int]) -> list[str | None]:
    rows = project.items.rows(ids)
    return [rows[i]["label"] for i in ids]


def ids_of(project: Project, **filters) -> list[int]:
    of, _, at = found(project, View(**filters))
    return of.ids[at].tolist()


def reveal(page: Page, place: int) -> None:
    """Scrolls until a place is on the screen."""
    page.locator(".images .grid").evaluate(
        """(grid, place) => {
          const all = Number(grid.querySelector(".tile").getAttribute("aria-setsize"));
          grid.scrollTop = (place / all) * grid.scrollHeight - grid.clientHeight / 2;
        }""",
        place,
    )
    expect(tile(page, place)).to_be_in_viewport()


def test_five_hundred_but_seven_are_labeled_taken_back_and_given_again_after_a_reload(page_factory: PageFactory, app: App, project):
    view = "state=unlabeled&split=pool&order=confidence&back=1"
    wanted = ids_of(project, state=("unlabeled",), split=("pool",), order="confidence", back=True)
    page = look(page_factory(), app, view)
    count(page, f"{len(wanted):,} of 1,797 images")
    assert shown(page)[:10] == wanted[:10]
    tile(page, 0).click()
    reveal(page, 499)
    tile(page, 499).click(modifiers=["Shift"])
    chosen(page, 500)
    exceptions = [3, 50, 121, 200, 333, 404, 498]
    for place in exceptions:
        reveal(page, place)
        tile(page, place).click(modifiers=["Control"])
    chosen(page, 493)
    given = [i for place, i in enumerate(wanted[:500]) if place not in exceptions]
    page.get_by_role("group", name="Label as").get_by_role("button", name="7", exact=True).click()
    note(page, "7: 493 images.")
    count(page, f"{len(wanted) - 493:,} of 1,797 images")
    expect(page.locator(".images .actions")).to_be_hidden()  # what was labeled is not in this view any more
    assert set(labels(project, given)) == {"7"}
    assert set(labels(project, [wanted[place] for place in exceptions])) == {None}
    reveal(page, 0)
    settled(page)
    assert shown(page)[:2] == [wanted[3], wanted[50]]
    page.reload()
    settled(page)
    page.get_by_role("button", name="Undo").click()
    note(page, "Taken back: 493 images.")
    assert set(labels(project, given)) == {None}
    count(page, f"{len(wanted):,} of 1,797 images")
    page.reload()
    settled(page)
    page.get_by_role("button", name="Redo").click()
    note(page, "Given again: 493 images.")
    assert set(labels(project, given)) == {"7"}
    page.locator(".images .grid").focus()
    page.keyboard.press("z")
    note(page, "Taken back: 493 images.")
    assert set(labels(project, given)) == {None}
    assert project.journal.differences() == 0


def test_a_view_that_takes_a_while_says_so_and_one_that_cannot_be_had_says_why(page_factory: PageFactory, app: App, project):
    page, held = page_factory(), []
    page.route("**/projects/digits/images?**", lambda route: held.append(route))
    page.goto(f"{app.url}/images?project={NAME}")
    expect(page.locator(".images .count")).to_have_text("Looking …", timeout=PATIENCE * 1000)
    expect(page.get_by_role("combobox", name="Order")).to_have_text("Number")  # no empty box meanwhile
    for route in held:
        route.continue_()
    page.unroute("**/projects/digits/images?**")
    count(page, "1,797 images")
    page.goto(f"{app.url}/images?project={NAME}&view=label%3Dnothing")
    expect(page.locator(".images .empty")).to_contain_text("'nothing' is not a class of 'digits'", timeout=PATIENCE * 1000)
    expect(page.locator(".images .count")).to_have_text("")
    page.get_by_role("button", name="Show all images").click()
    count(page, "1,797 images")


def test_two_tabs_have_one_list_of_what_can_be_taken_back(page_factory: PageFactory, app: App, project):
    """A second tab that saved its own list would make the browser forget what the first had done."""
    view = "state=unlabeled&split=pool"
    first = look(page_factory(), app, view)
    second = look(first.context.new_page(), app, view)
    one, other = ids_of(project, state=("unlabeled",), split=("pool",))[:2]
    tile(first, 0).click()
    first.keyboard.press("5")
    note(first, "5: 1 image.")
    tile(second, 1).click()
    second.keyboard.press("6")
    note(second, "6: 1 image.")
    assert labels(project, [one, other]) == ["5", "6"]
    first.reload()
    settled(first)
    first.get_by_role("button", name="Undo").click()
    note(first, "Taken back: 1 image.")
    assert labels(project, [one, other]) == ["5", None]  # the newest first, whichever tab did it
    expect(second.get_by_role("button", name="Redo")).to_be_enabled()  # it has heard of it
    second.get_by_role("button", name="Undo").click()
    note(second, "Taken back: 1 image.")
    assert labels(project, [one, other]) == [None, None]
    expect(first.get_by_role("button", name="Undo")).to_be_disabled()


def test_the_whole_of_it_without_a_mouse(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app)
    page.get_by_role("searchbox", name="Find in names").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".images .menu summary").first).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("[data-filter=state]").get_by_role("checkbox", name=re.compile("^unlabeled")).focus()
    page.keyboard.press("Space")
    count(page, f"{len(ids_of(project, state=('unlabeled',))):,} of 1,797 images")
    page.keyboard.press("Escape")
    expect(page.locator(".images .menu[open]")).to_have_count(0)
    expect(page.locator(".images .menu summary").first).to_be_focused()
    page.locator(".images .grid").focus()
    for key in ("ArrowRight", "ArrowDown", "Space", "ArrowRight", "ArrowRight", "Space"):
        page.keyboard.press(key)
    chosen(page, 2)
    for key in ("Shift+ArrowRight", "Shift+ArrowRight"):
        page.keyboard.press(key)
    chosen(page, 3)
    picked = [int(i) for i in page.locator(".images .tile[aria-selected=true]").evaluate_all("tiles => tiles.map(t => t.dataset.id)")]
    page.keyboard.press("f")
    note(page, "Flagged: 3 images.")
    rows = project.items.rows(picked)
    assert [rows[i]["flagged"] for i in picked] == [True] * 3
    page.keyboard.press("z")
    note(page, "Taken back: 3 images.")
    assert not any(row["flagged"] for row in project.items.rows(picked).values())
    page.keyboard.press("Control+a")
    chosen(page, len(ids_of(project, state=("unlabeled",))))
    page.keyboard.press("Escape")
    expect(page.locator(".images .actions")).to_be_hidden()


def test_a_double_click_tells_what_was_said_and_an_earlier_answer_is_changed(page_factory: PageFactory, app: App, project):
    item = ids_of(project, state=("labeled",))[0]
    before = labels(project, [item])[0]
    page = look(page_factory(), app, "state=labeled")
    tile(page, 0).dblclick()
    details = page.locator(".images .details")
    expect(details.locator(".events li")).to_have_count(1)
    expect(details.locator(".events")).to_contain_text(f"oracle said {before}")
    other = "3" if before != "3" else "4"
    page.locator(".images .grid").focus()
    page.keyboard.press(other)
    note(page, f"{other}: 1 image.")
    expect(details.locator(".events li")).to_have_count(2)
    expect(details.locator(".events li").first).to_contain_text(f"me said {other}")
    expect(details.locator(".events li").first).to_contain_text("the model thought")
    assert labels(project, [item]) == [other]
    page.keyboard.press("z")
    note(page, "Taken back: 1 image.")
    expect(details.locator(".events li")).to_have_count(3)
    assert labels(project, [item]) == [before]
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


def test_a_view_is_kept_and_its_address_shows_it_to_another_browser(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app)
    page.locator(".images .menu summary", has_text="Filter").click()
    page.locator("[data-filter=guess]").get_by_role("checkbox", name=re.compile("^4")).check()
    settled(page)
    page.get_by_role("combobox", name="Order").select_option("confidence")
    settled(page)
    expect(page.get_by_role("group", name="Filters")).to_contain_text("Model's guess: 4")
    wanted = ids_of(project, guess=("4",), order="confidence")
    assert shown(page)[:8] == wanted[:8]
    page.locator(".images .menu summary", has_text="Views").click()
    page.get_by_role("textbox", name="Name of this view").fill("fours")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="fours", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("view=.*confidence"))
    other = page_factory()
    other.goto(page.url)
    settled(other)
    count(other, f"{len(wanted):,} of 1,797 images")
    assert shown(other)[:8] == wanted[:8]
    other.locator(".images .chip").get_by_role("button").click()
    count(other, "1,797 images")
    other.locator(".images .menu summary", has_text="Views").click()
    other.get_by_role("button", name="fours", exact=True).click()
    count(other, f"{len(wanted):,} of 1,797 images")


def test_a_filter_that_is_changed_before_the_view_has_come_keeps_the_change_before(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app, "state=labeled&split=pool")
    held: list[Route] = []
    page.route("**/images?*", lambda route: held.append(route))
    page.get_by_role("button", name="Without State: labeled").click()
    page.locator(".images .menu summary").first.click()
    page.locator("[data-filter=split]").get_by_role("checkbox", name=re.compile("^test")).check()
    wait(lambda: page.evaluate("1") == 1 and len(held) == 2, "the two views were not asked for")
    for route in held:
        route.continue_()
    page.unroute("**/images?*")
    settled(page)
    count(page, "1,797 images")  # of both parts, labeled or not
    expect(page.get_by_role("group", name="Filters")).not_to_contain_text("State")


def test_a_rectangle_chooses_and_only_these_is_an_address(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app)
    one, other = tile(page, 1).bounding_box(), tile(page, 2).bounding_box()
    assert one is not None
    assert other is not None
    page.mouse.move(one["x"] - 3, one["y"] + 20)
    page.mouse.down()
    page.mouse.move(other["x"] + 20, other["y"] + 60, steps=4)
    page.mouse.up()
    chosen(page, 2)
    picked = sorted(shown(page)[1:3])
    page.get_by_role("button", name="Only these").click()
    count(page, "2 of 1,797 images")
    settled(page)
    assert sorted(shown(page)) == picked


def test_what_another_said_unseen_waits_for_a_review(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app, "state=unlabeled&split=pool")
    item = shown(page)[0]
    app.post(f"/projects/{NAME}/annotations", {"client": "other", "events": [{"seq": item, "item": item, "kind": "label", "value": "1"}]})
    tile(page, 0).click()
    page.keyboard.press("2")
    note(page, "2: 1 image, 1 contradict another person and wait for a review.")
    assert project.items.row(item)["disputed"]
    look(page, app, "state=disputed")
    assert shown(page) == [item]


def test_an_empty_view_a_wrong_address_and_a_lost_server_have_words(page_factory: PageFactory, app: App):
    page = look(page_factory(), app, "text=nowhere")
    expect(page.locator(".images .empty")).to_have_text("No image is like that. Take a filter away.")
    page.goto(f"{app.url}/images?project={NAME}&view=colour%3Dred")
    expect(page.locator(".images .empty")).to_contain_text("there is no filter 'colour'")
    page.get_by_role("button", name="Show all images").click()
    count(page, "1,797 images")
    page.route("**/images?*", lambda route: route.abort())
    page.locator(".images .menu summary", has_text="Filter").click()
    page.locator("[data-filter=state]").get_by_role("checkbox", name=re.compile("^labeled")).check()
    expect(page.locator(".images .empty")).to_contain_text("the server does not answer.")
    page.unroute("**/images?*")
    page.locator(".images .count").click()
    expect(page.locator(".images .menu[open]")).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    settled(page)
    expect(page.locator(".images .empty")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits(page_factory: PageFactory, app: App, width):
    page = look(page_factory(width=width, height=844), app)
    tile(page, 0).click()
    chosen(page, 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".images .actions").bounding_box()
    assert box is not None
    assert (box["x"] >= 0, box["x"] + box["width"] <= width) == (True, True)


def test_a_part_of_the_map_is_opened_and_asked_for_next(page_factory: PageFactory, app: App, project):
    page = page_factory()
    page.goto(f"{app.url}/explore?project={NAME}")
    expect(page.locator(".map .legend b").first).to_be_visible(timeout=PATIENCE * 1000)
    page.get_by_role("button", name="Select view").click()
    page.get_by_role("button", name="Open in Images").click(timeout=PATIENCE * 1000)
    expect(page.get_by_role("heading", name="Images", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    settled(page)
    expect(page.get_by_role("group", name="Filters")).to_contain_text("A selection")
    page.locator(".images .menu summary", has_text="Filter").click()
    page.locator("[data-filter=state]").get_by_role("checkbox", name=re.compile("^unlabeled")).check()
    settled(page)
    page.locator(".images .count").click()
    free = [i for i in shown(page) if i not in project.queries.open().waiting]
    places = sorted(shown(page).index(i) for i in free[:3])
    for place in places:
        tile(page, place).click(modifiers=["Control"])
    chosen(page, 3)
    page.get_by_role("button", name="Ask next").click()
    note(page, "At the head of the queue: 3 images.")
    assert project.queries.open().waiting[:3] == free[:3]
    page.goto(f"{app.url}/label?project={NAME}")
    labeler = page.locator(".labeler[data-live='1']")
    expect(labeler).to_have_attribute("data-item", str(free[0]), timeout=PATIENCE * 1000)
    expect(labeler).to_contain_text("chosen by hand")
    page.goto(f"{app.url}/images?project={NAME}")
    settled(page)
    page.get_by_role("button", name="Undo").click()
    note(page, "Taken back: 3 images.")
    assert not set(free[:3]) & set(project.queries.open().waiting)


def test_a_selection_goes_to_the_map_and_rows_and_bars_come_from_it(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app, "state=unlabeled&split=pool&order=confidence&back=1")
    wanted = ids_of(project, state=("unlabeled",), split=("pool",), order="confidence", back=True)
    for place in (0, 1, 4):
        tile(page, place).click(modifiers=["Control"])
    page.get_by_role("button", name="On the map", exact=True).click()
    expect(page.locator(".map .side .head b")).to_have_text("3 selected", timeout=PATIENCE * 1000)
    expect(page.get_by_role("heading", name="3 selected")).to_be_visible()
    expect(page).to_have_url(re.compile("among=[0-9a-f]{16}"))
    # rows of the table: the first two
    table = page.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    for row in (1, 2):
        table.locator(".dvn-scroller").click(position={"x": 16, "y": 35 * row + 17})
    page.get_by_role("button", name="Select 2 images on the map").click()
    expect(page.locator(".map .side .head b")).to_have_text("2 selected")
    expect(page.get_by_role("heading", name="2 selected")).to_be_visible()
    # another selection by hand: the address says the old one no more
    page.locator(".map canvas.points").focus()
    page.keyboard.press("v")
    expect(page.locator(".map .side .head b")).not_to_have_text("2 selected")
    page.wait_for_url(lambda url: "among=" not in url)
    expect(page.get_by_role("heading", name=page.locator(".map .side .head b").inner_text())).to_be_visible()
    # a bar of a histogram
    chart = page.get_by_test_id("stPlotlyChart").first
    bars = chart.locator(".barlayer .point path")
    bars.first.wait_for(state="attached")
    heights = bars.evaluate_all("(all) => all.map((bar) => bar.getBBox().height)")
    bars.nth(int(np.argmax(heights))).click(force=True)
    words = page.get_by_role("button", name=re.compile(r"Select [\d,]+ images? on the map"))
    expect(words).to_be_visible()
    count_of = int(re.sub(r"\D", "", words.inner_text()))
    page.get_by_test_id("stButton").get_by_role("button", name="Open in Images").click()
    settled(page)
    count(page, f"{count_of:,} of 1,797 images")
    assert set(wanted[:1]) <= set(ids_of(project))


def test_wrong_labels_are_found_fixed_and_confirmed(page_factory: PageFactory, photo_app: App):
    workspace = Workspace(photo_app.home)
    project = workspace.project("photos")
    told = doubts(project, catalog(project))
    page = page_factory()
    page.goto(f"{photo_app.url}/images?project=photos&view=order%3Ddoubt")
    settled(page)
    first, second = shown(page)[:2]
    of = catalog(project)
    at = of.places(np.array([first, second]))
    assert np.nanargmin(told.p) == at[0]
    likelier = [project.classes[k] for k in told.likelier[at]]
    expect(tile(page, 0)).to_have_attribute("aria-label", re.compile(f"the other labels say {likelier[0]}"))
    tile(page, 0).click()
    page.get_by_role("group", name="Label as").get_by_role("button", name=likelier[0], exact=True).click()
    note(page, f"{likelier[0]}: 1 image.")
    assert labels(project, [first]) == [likelier[0]]
    place = shown(page).index(second)
    tile(page, place).click()
    page.locator(".images .grid").focus()
    page.keyboard.press("y")
    note(page, "Found right: 1 image.")
    assert project.queries.sure() == [second]
    assert shown(page)[0] != second
    workspace.close()


def test_a_selection_becomes_a_class_of_its_own(page_factory: PageFactory, app: App, project):
    wanted = ids_of(project, state=("unlabeled",), split=("pool",))[:3]
    page = look(page_factory(), app, "state=unlabeled&split=pool")
    for place in range(3):
        tile(page, place).click(modifiers=["Control"])
    chosen(page, 3)
    page.get_by_role("button", name="New class").click()
    page.get_by_role("textbox", name="Name of the new class").fill("smudge")
    page.keyboard.press("Enter")
    note(page, "smudge: 3 images.")
    assert labels(project, wanted) == ["smudge"] * 3
    page.get_by_role("button", name="Undo").click()
    note(page, "Taken back: 3 images.")
    assert labels(project, wanted) == [None] * 3
    project.reread()
    classes.remove(project, "smudge")


def test_the_project_is_looked_at_as_it_was_before_a_round(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app)
    page.locator(".images .menu summary").first.click()
    page.get_by_label("As it was before").select_option("1")
    settled(page)
    page.keyboard.press("Escape")
    expect(page.locator(".images .chip").filter(has_text="As it was before round 1")).to_be_visible()
    page.locator(".images .menu summary").first.click()
    page.locator("[data-filter=state]").get_by_role("checkbox", name=re.compile("^labeled")).check()
    count(page, "100 of 1,797 images")  # as many as it learned from, whatever was labeled since
    page.keyboard.press("Escape")
    tile(page, 0).click()
    expect(page.locator(".images .actions")).to_be_hidden()
    page.keyboard.press("7")
    note(page, "This is how it was: take that filter away to answer.")


def test_a_view_and_a_selection_are_saved_as_tables(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app, "state=labeled&order=name")
    wanted = ids_of(project, state=("labeled",), order="name")
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    frame = pd.read_csv(saved.value.path())
    assert saved.value.suggested_filename == f"{NAME}-images.csv"
    assert frame["id"].tolist() == wanted
    for place in (1, 4):
        tile(page, place).click(modifiers=["Control"])
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert pd.read_csv(saved.value.path())["id"].tolist() == sorted([wanted[1], wanted[4]])


def test_a_selection_is_held_out_and_put_back(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app, "state=unlabeled&split=pool&order=name&back=1")
    wanted = ids_of(project, state=("unlabeled",), split=("pool",), order="name", back=True)
    for place in (0, 2):
        tile(page, place).click(modifiers=["Control"])
    page.get_by_role("button", name="Hold out", exact=True).click()
    note(page, "Held out: 2 images.")
    count(page, f"{len(wanted) - 2:,} of 1,797 images")
    assert ids_of(project, split=("held",)) == sorted([wanted[0], wanted[2]])
    look(page, app, "split=held")
    expect(page.locator(".images .chip").filter(has_text="held out by hand")).to_be_visible()
    tile(page, 0).click()
    page.get_by_role("button", name="Put back", exact=True).click()
    note(page, "Put back: 1 image.")
    page.get_by_role("button", name="Undo").click()
    note(page, "Taken back: 1 image.")
    page.get_by_role("button", name="Undo").click()
    note(page, "Taken back: 2 images.")
    assert ids_of(project, split=("held",)) == []


def test_a_note_is_kept_found_and_taken_away(page_factory: PageFactory, app: App, project):
    page = look(page_factory(), app)
    item = shown(page)[0]
    told = len(project.journal.of_item(item))  # what other tests did to it
    held: list[Route] = []
    page.route("**/history*", lambda route: held.append(route))
    tile(page, 0).dblclick()
    field = page.get_by_role("textbox", name="Note", exact=True)
    field.fill("smudged, ask again")
    wait(lambda: page.evaluate("1") == 1 and held != [], "nothing was asked for")
    held[0].continue_()  # what comes late leaves alone what was typed meanwhile
    page.unroute("**/history*")
    expect(page.locator(".images .details .picture img")).to_have_attribute("src", re.compile("^blob:"))
    expect(field).to_have_value("smudged, ask again")
    page.get_by_role("button", name="Keep", exact=True).last.click()
    expect(page.locator(".images .events")).to_contain_text("noted: smudged, ask again", timeout=PATIENCE * 1000)
    assert notes.of(project, item) == "smudged, ask again"
    look(page, app, "noted=1")
    count(page, "1 of 1,797 images")
    expect(page.locator(".images .chip")).to_contain_text("Has a note")
    tile(page, 0).dblclick()
    expect(field).to_have_value("smudged, ask again")
    field.fill("")
    page.get_by_role("button", name="Keep", exact=True).last.click()
    expect(page.locator(".images .events li")).to_have_count(told + 2, timeout=PATIENCE * 1000)
    assert notes.of(project, item) == ""
