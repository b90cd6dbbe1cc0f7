"""The whole loop in real Chromium against the real server: import, label, train, explore; a burst of keys; two tabs."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WATCH
from tests.browser.real_app import (
    ENDLESS,
    PATIENCE,
    App,
    PageFactory,
    as_rows,
    choose,
    column,
    fill,
    gallery_values,
    go,
    label,
    open_page,
    prepare,
    press,
    start_training,
    stored,
    wait,
    wait_labeler,
    wait_saved,
    write_images,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One server for the tests that do not kill it, with a project `burst` (200 images asked for) and one `tabs`."""
    folder = tmp_path_factory.mktemp("loop")
    prepare(folder / "home", write_images(folder / "many", 94), "burst", labels=24, query=200)
    prepare(folder / "home", write_images(folder / "few", 12), "tabs", labels=12, query=6)
    served = App(folder / "home")
    served.start()
    yield served
    served.kill()


def test_from_a_folder_to_the_query_a_model_asked_for(page_factory: PageFactory, app: App, tmp_path: Path) -> None:
    source = write_images(tmp_path / "shapes", 15)
    page = open_page(page_factory(), app, "", "tabs")
    press(page, "New project")
    fill(page.get_by_label("Folder, CSV or array file on this machine"), str(source))
    expect(page.get_by_text("Read as class folders: 3 classes", exact=False)).to_be_visible()
    press(page, "Import")
    page.wait_for_url("**project=shapes**", timeout=PATIENCE * 1000)
    expect(page.get_by_text("class folders: 3 classes, 45 images · ", exact=False).first).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.get_by_text("Read as class folders", exact=False)).to_have_count(0, timeout=PATIENCE * 1000)
    assert "project=shapes" in page.url

    go(page, "Label")
    press(page, "Ask for 36 at random")
    wait_labeler(page, 36)
    items, keys = app.queue("shapes"), random.Random(0).choices("123", k=20)
    label(page, keys)
    wait_saved(page)
    assert stored(app.home, "shapes") == as_rows(items[:20], keys)

    go(page, "Train")
    start_training(page, steps=60)
    expect(page.get_by_text("Running for")).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.get_by_text(re.compile(r"minimax game · \d+ of \d+"))).to_be_visible(timeout=PATIENCE * 1000)
    expect(page.get_by_text("Round 1 is ready")).to_be_visible(timeout=PATIENCE * 1000)
    app.wait_state("shapes", "done")  # the page knows of a round before its job is over

    press(page, "Label the query")
    wait_labeler(page, 16)
    reason = r"^entropy [\d.e-]+ of at most 1\.1, rank \d+ of 16; the discriminator gives it .* to be labeled"
    expect(page.locator(".reason")).to_have_text(re.compile(reason), timeout=PATIENCE * 1000)
    assert len(app.queue("shapes")) == 16

    go(page, "Explore")
    canvas = page.locator("canvas.points")
    expect(canvas).to_have_attribute("aria-label", re.compile("Map of 36 images .* by priority; 16 queried"), timeout=PATIENCE * 1000)
    expect(page.locator(".map .legend").get_by_role("button", name="queried 16")).to_be_visible()
    page.wait_for_function("() => performance.getEntriesByName('alcore:map').length > 0")
    press(page, "Select view: select every point in view (V)")
    choose(page, "Color by", "Margin")
    expect(page.locator(".map .legend .ends span").first).to_have_text("0 wanted")
    assert gallery_values(page, "most wanted first, by margin", 36) == sorted(column(app, "shapes", "margin"))
    choose(page, "Sort the selection", "Least wanted first")
    assert gallery_values(page, "least wanted first, by margin", 36) == sorted(column(app, "shapes", "margin"), reverse=True)
    choose(page, "Sort the selection", "Name")
    gallery_values(page, "by name", 36)
    choose(page, "Color by", "Label")
    choose(page, "Sort the selection", "Most wanted first")
    gallery_values(page, "most wanted first, by priority", 36)

    go(page, "Progress")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=PATIENCE * 1000)
    curve = page.evaluate("document.querySelector('.js-plotly-plot').calcdata.map(line => line.map(point => [point.x, point.y]))")
    [[[labels, accuracy]]] = curve
    assert labels == 20
    assert accuracy == app.get("/projects/shapes/status")["rounds"][-1]["metrics"]["accuracy"]


def test_two_hundred_keys_at_ten_a_second_while_a_job_trains(page_factory: PageFactory, app: App) -> None:
    """Each is a right label. Beside other work a frame may come later than the next key: such a key labels nothing, and is pressed again."""
    trains = open_page(page_factory(), app, "train", "burst")
    start_training(trains, steps=ENDLESS)
    wait(lambda: app.job("burst")["progress"]["done"] > 0, "the job did not train")
    labels = page_factory()
    labels.add_init_script(WATCH)
    open_page(labels, app, "label", "burst")
    wait_labeler(labels, 200)
    items, keys = app.queue("burst"), random.Random(1).choices("123", k=200)
    labels.keyboard.type("".join(keys), delay=100)
    while labels.locator(".labeler[data-view=work]").count():
        label(labels, "1")
    last = {item: key for key, _, item, _ in labels.evaluate("pressed")}  # the newest key at an item is the one that was taken
    expect(labels.get_by_text("All 200 of this query are labeled.")).to_be_visible(timeout=PATIENCE * 1000)
    wait_saved(labels)
    assert app.job("burst")["state"] == "running"
    assert stored(app.home, "burst") == as_rows(items, [last[item] for item in items])
    press(trains, "Cancel")
    app.wait_state("burst", "cancelled")


def test_two_tabs_see_one_job_and_either_cancels_it(page_factory: PageFactory, app: App) -> None:
    first = open_page(page_factory(), app, "train", "tabs")
    start_training(first, steps=ENDLESS)
    expect(first.get_by_text("Running for")).to_be_visible(timeout=PATIENCE * 1000)
    second = open_page(page_factory(), app, "train", "tabs")
    expect(second.get_by_text("Running for")).to_be_visible(timeout=PATIENCE * 1000)
    press(second, "Cancel")
    for tab in (first, second):
        expect(tab.get_by_text("stopped in training")).to_be_visible(timeout=PATIENCE * 1000)
        expect(tab.get_by_role("button", name="Resume", exact=True)).to_be_visible()
        expect(tab.get_by_text("Running for")).to_have_count(0)
    app.wait_state("tabs", "cancelled")
