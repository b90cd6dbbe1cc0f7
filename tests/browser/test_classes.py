"""The Classes page in real Chromium: named, merged and taken back while a job trains and another browser labels; by mouse and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from alcore.project import classes, confusion
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import PATIENCE, App, label, wait, wait_labeler, wait_saved, write_images
from tests.project.photos import write_photos

pytestmark = pytest.mark.browser

QUERY = 12


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Photos with a model on features, and shapes that each test imports for itself."""
    folder = tmp_path_factory.mktemp("classes")
    workspace = Workspace(folder / "home")
    photos = Project.import_into(workspace, "photos", write_photos(folder / "photos"), truth="hidden")
    photos.features(device="cpu", report=lambda _: None)
    photos.label_from_truth(24, seed=0)
    photos.run_round("margin", 5, 0, "cpu", train={"steps": 12, "batch_size": 8}, report=lambda _: None)
    for name in ("named", "busy", "keys"):
        shapes = Project.import_into(workspace, name, write_images(folder / name, 20))
        shapes.label_from_truth(12, seed=0)
        shapes.start(QUERY, "random", seed=0)
    assert workspace.token
    workspace.close()
    served = App(folder / "home")
    served.start()
    yield served
    served.kill()


@pytest.fixture
def of(app: App) -> Iterator[Workspace]:
    """The same workspace, read by another process than the server's."""
    workspace = Workspace(app.home)
    yield workspace
    workspace.close()


def look(page: Page, app: App, project: str) -> Page:
    page.goto(f"{app.url}/classes?project={project}")
    there(page)
    return page


def there(page: Page) -> None:
    expect(page.locator(".kinds[data-classes]:not([aria-busy])")).to_be_visible(timeout=PATIENCE * 1000)


def note(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator(".kinds .note")).to_have_text(text, timeout=PATIENCE * 1000)
    there(page)


def names(page: Page) -> list[str]:
    return str(page.locator(".kinds").get_attribute("data-classes")).split("|")


def choose(page: Page, name: str) -> None:
    page.locator(f".kinds tr[data-class='{name}'] .opener").click()
    expect(page.locator(".kinds .editor h3")).to_have_text(name)


def test_a_class_is_named_described_merged_and_taken_back(page_factory: PageFactory, app: App, of: Workspace) -> None:
    project = of.project("named")
    before = project.items.labels()
    page = look(page_factory(), app, "named")
    assert names(page) == ["cross", "disc", "ring"]
    choose(page, "disc")
    page.get_by_label("Description").fill("Filled, round")
    page.get_by_label("Key", exact=True).fill("o")
    page.get_by_role("textbox", name="Name").fill("coin")
    page.get_by_role("button", name="Save").click()
    note(page, "“disc” is called “coin” now, wherever it stands.")
    assert names(page) == ["cross", "coin", "ring"]
    expect(page.locator(".kinds tr[data-class=coin] kbd")).to_have_text("o")
    assert of.project("named").items.labels() == {i: "coin" if name == "disc" else name for i, name in before.items()}
    expect(page.locator(".kinds .editor h3")).to_have_text("coin")  # it stays chosen
    page.get_by_label("Merge into").select_option("ring")
    page.get_by_role("button", name="Merge", exact=True).click()
    note(page, re.compile("“coin” is part of “ring” now"))
    assert names(page) == ["cross", "ring"]
    page.get_by_role("button", name="Take back: merged “coin” into “ring”").click()
    note(page, "Taken back: merged “coin” into “ring”.")
    assert of.project("named").items.labels() == {i: "coin" if name == "disc" else name for i, name in before.items()}
    told = {one["name"]: (one["key"], one["about"]) for one in classes.told(of.project("named"))}
    assert told["coin"] == ("o", "Filled, round")
    page.get_by_role("textbox", name="New class").fill("cross")
    page.get_by_role("button", name="Add", exact=True).click()
    note(page, "Nothing was changed: cannot add class 'cross': it is empty or there already.")


def test_it_is_done_while_a_job_trains_and_another_browser_labels(page_factory: PageFactory, app: App, of: Workspace) -> None:
    project = of.project("busy")
    job = project.submit_round("margin", 5, device="cpu", train={"steps": 100_000, "batch_size": 8})
    wait(lambda: of.job_rows.job(job.id).progress.done > 0, "the job did not begin")
    other = page_factory()
    other.goto(f"{app.url}/label?project=busy")
    other.route("**/changes?*", lambda route: route.abort())  # this browser hears nothing of what others do
    wait_labeler(other, QUERY)
    items = app.queue("busy")
    page = look(page_factory(), app, "busy")
    choose(page, "disc")
    page.get_by_role("textbox", name="Name").fill("coin")
    page.get_by_role("button", name="Save").click()
    note(page, re.compile("is called “coin” now"))
    choose(page, "ring")
    page.get_by_label("Merge into").select_option("cross")
    page.get_by_role("button", name="Merge", exact=True).click()
    note(page, re.compile("“ring” is part of “cross” now"))
    label(other, ["1", "2", "3"])  # cross, disc and ring, as that page has them
    wait_saved(other)
    labels = of.project("busy").items.labels()
    assert [labels[i] for i in items[:3]] == ["cross", "coin", "cross"]
    assert of.project("busy").journal.differences() == 0
    of.runner.cancel(job.id)
    wait(lambda: of.job_rows.job(job.id).over, "the job did not end")


def test_a_cell_opens_its_images_and_numbers_their_view(page_factory: PageFactory, app: App, of: Workspace) -> None:
    said = confusion.confusion(of.project("photos"))
    page = look(page_factory(), app, "photos")
    expect(page.locator(".kinds .measured")).to_have_text(re.compile(r"^16 test images, which the model never learned from: \d+ % right"))
    cells = page.locator(".kinds .matrix tbody button")
    assert sum(int(text) for text in cells.all_inner_texts()) == 16
    name, n = of.project("photos").classes[0], int(said.counted[0, 0])
    page.get_by_role("button", name=f"{n} of {name}, found").click()
    expect(page.locator(".images .count")).to_have_text(f"{n} of 56 images", timeout=PATIENCE * 1000)
    page.go_back()
    there(page)
    labeled = of.project("photos").counts()["labels"][name]
    page.get_by_role("button", name=f"{labeled} labeled {name}: show them").click()
    expect(page.locator(".images .count")).to_have_text(f"{labeled} of 56 images", timeout=PATIENCE * 1000)


def test_the_whole_of_it_without_a_mouse(page_factory: PageFactory, app: App, of: Workspace) -> None:
    page = look(page_factory(), app, "keys")
    page.locator(".kinds tr[data-class=ring] .opener").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("hoop")  # the name is selected
    page.keyboard.press("Enter")
    note(page, "“ring” is called “hoop” now, wherever it stands.")
    page.locator(".kinds .editor [aria-label=Close]").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".kinds")).to_have_attribute("data-classes", "cross|hoop|disc", timeout=PATIENCE * 1000)
    there(page)
    page.keyboard.press("z")
    note(page, "Taken back: changed the order.")
    page.keyboard.press("z")
    note(page, "Taken back: renamed “ring” to “hoop”.")
    assert names(page) == ["cross", "disc", "ring"]
    page.keyboard.press("Escape")
    expect(page.locator(".kinds .editor")).to_be_hidden()
    page.get_by_role("textbox", name="New class").focus()
    page.keyboard.type("star")
    page.keyboard.press("Enter")
    note(page, "Added “star”.")
    assert of.project("keys").classes == ("cross", "disc", "ring", "star")
