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
    for name in ("named", "busy", "keys", "heard", "shown"):
        shapes = Project.import_into(workspace, name, write_images(folder / name, 20))
        shapes.label_from_truth(12, seed=0)
        shapes.start(QUERY, "random", seed=0)
    many = Project.import_into(workspace, "many", write_images(folder / "many", 20), classes=[f"kind {n}" for n in range(40)])
    many.label_from_truth(12, seed=0)
    many.annotate({int(i): f"kind {n}" for n, i in enumerate(many.pool().unlabeled[:10])})
    many.run_round("margin", QUERY, 0, "cpu", train={"steps": 12, "batch_size": 8}, report=lambda _: None)
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


def test_an_open_label_page_hears_of_other_classes_and_keys(page_factory: PageFactory, app: App, of: Workspace) -> None:
    page = page_factory()
    page.goto(f"{app.url}/label?project=heard")
    wait_labeler(page, QUERY)
    on_stage = page.locator(".labeler").get_attribute("data-item")
    expect(page.locator(".labeler .class").first).to_have_attribute("data-value", "cross")
    project = of.project("heard")
    classes.rename(project, "cross", "plus", "ann")
    classes.describe(project, "ring", "ann", key="q", about="A hole in it", color="#0a8f3c")
    classes.arrange(project, ["ring", "disc", "plus"], "ann")
    expect(page.locator(".labeler .class")).to_have_count(3)
    expect(page.locator(".labeler .class").first).to_have_attribute("data-value", "ring", timeout=PATIENCE * 1000)
    ring = page.locator(".labeler .class[data-value=ring]")
    expect(ring.locator("kbd")).to_have_text("q")
    expect(ring.locator(".swatch")).to_have_css("background-color", "rgb(10, 143, 60)")
    wait_labeler(page, QUERY)
    assert page.locator(".labeler").get_attribute("data-item") == on_stage
    items = app.queue("heard")
    label(page, ["q", "2"])
    wait_saved(page)
    labels = of.project("heard").items.labels()
    assert [labels[i] for i in items[:2]] == ["ring", "plus"]  # 1 is the first class without a key of its own


def test_a_class_that_is_pointed_at_says_what_belongs_to_it(page_factory: PageFactory, app: App, of: Workspace) -> None:
    project = of.project("shown")
    name = project.classes[0]
    classes.describe(project, name, "ann", about="Round, and nothing in the middle")
    told = classes.examples(project, name)
    page = page_factory()
    page.goto(f"{app.url}/label?project=shown")
    target = page.locator(".labeler .classes").get_by_role("button").filter(has_text=name).first
    target.hover(timeout=PATIENCE * 1000)
    card = page.locator(".labeler .examples")
    expect(card).to_be_visible()
    expect(card.locator("p")).to_have_text("Round, and nothing in the middle")
    expect(card.get_by_role("img")).to_have_count(len(told["images"]))
    page.wait_for_function("(card) => [...card.querySelectorAll('img')].every((one) => one.naturalWidth > 0)", arg=card.element_handle())
    target.click()  # it answers, and the card goes
    expect(card).to_be_hidden()
    page.mouse.move(0, 0)
    page.locator(".labeler .classes").get_by_role("button").nth(1).focus()
    page.keyboard.press("Shift+Tab")
    expect(target).to_be_focused()
    expect(card).to_be_visible()


def test_of_many_classes_the_first_digits_are_the_models_guesses_and_the_last_given_are_in_reach(
    page_factory: PageFactory, app: App, of: Workspace
) -> None:
    page = page_factory()
    page.goto(f"{app.url}/label?project=many")
    wait_labeler(page, 5)
    told = {item["id"]: item for item in app.get("/projects/many/queue?n=20")["items"]}

    def on_stage() -> dict:
        return told[int(page.locator(".labeler").get_attribute("data-item") or 0)]

    first = on_stage()
    assert page.get_by_role("checkbox", name="1–5: the model’s guesses").is_checked()  # not every class has a key of its own
    top = [name for name, _ in first["top"]]
    for at, name in enumerate(top[:5]):
        expect(page.locator(f".labeler .class[data-value='{name}'] kbd")).to_have_text(str(at + 1))
    label(page, ["3"])
    wait_saved(page)
    assert of.project("many").items.labels()[first["id"]] == top[2]
    again = page.get_by_role("group", name="Given lately").get_by_role("button")
    expect(again).to_have_count(1)
    expect(again).to_have_attribute("title", top[2])
    second = on_stage()
    page.wait_for_selector(".labeler[data-live='1']")
    again.click()
    wait_saved(page)
    assert of.project("many").items.labels()[second["id"]] == top[2]
    page.keyboard.press("/")
    page.keyboard.type("kid3")  # letters in order: kind 31 is not meant, kind 3… begins
    expect(page.locator(".labeler .class[data-best]")).to_have_count(1)
    best = page.locator(".labeler .class[data-best]").get_attribute("data-value")
    third = on_stage()
    page.wait_for_selector(".labeler[data-live='1']")
    page.keyboard.press("Enter")
    wait_saved(page)
    assert of.project("many").items.labels()[third["id"]] == best
    page.get_by_role("checkbox", name="1–5: the model’s guesses").uncheck()
    expect(page.locator(".labeler .class").first.locator("kbd")).to_have_text("1")
    page.reload()
    wait_labeler(page, 5)
    expect(page.get_by_role("checkbox", name="1–5: the model’s guesses")).not_to_be_checked()
