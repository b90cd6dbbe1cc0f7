"""The whole loop in real Chromium against the real server: import, label, train, explore; a burst of keys; SIGKILL and restart; two tabs.

Longer than 400 lines: one server serves them all.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from alcore.project.facade import Project, Workspace
from alcore.storage.schema import annotation_rows
from tests.browser.conftest import WATCH
from tests.house import ROOT

pytestmark = pytest.mark.browser

CLASSES = ("cross", "disc", "ring")
PATIENCE = 60.0  # seconds for what takes a second or two on a quiet machine
QUIET = os.environ | {"ALCORE_FORECAST": "0"}  # no process beside the tests' own times steps of rounds that a page shows
ENDLESS = 1_000_000  # steps: such a job ends by being cancelled or killed
PageFactory = Callable[..., Page]


class App:
    """`python -m alcore serve` in a process of its own, on a port that stays its own over a restart."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home, self.url = home, f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "alcore", "serve", "--home", str(self.home), "--port", str(self.port)]
        self.log = (self.home.parent / "serve.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=QUIET, stdout=self.log, stderr=self.log)
        wait(self._is_healthy, "the server did not start")

    def _is_healthy(self) -> bool:
        assert self.process.poll() is None, (self.home.parent / "serve.log").read_text()
        try:
            return bool(self.get("/health")["status"] == "ok")
        except OSError:
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def get(self, path: str) -> Any:
        token = self.home / "token"
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/api/v1{path}", headers=headers), timeout=10) as answer:
            return json.loads(answer.read())

    def queue(self, project: str) -> list[int]:
        """The items of the open query, in the order in which they are shown."""
        return [item["id"] for item in self.get(f"/projects/{project}/queue?n=200")["items"]]

    def job(self, project: str) -> dict[str, Any]:
        """The newest job of a project."""
        found = [job for job in self.get("/jobs")["jobs"] if job["project"] == project]
        return max(found, key=lambda job: int(job["id"]), default={"id": 0, "state": "none", "kind": "", "progress": {"done": 0}})

    def wait_state(self, project: str, state: str) -> dict[str, Any]:
        wait(lambda: self.job(project)["state"] == state, f"the job did not become {state}")
        return self.job(project)


def wait(condition: Callable[[], bool], failure: str) -> None:
    """Polls what has no event to wait for: another process."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.05)


def write_images(folder: Path, each: int) -> Path:
    """Class folders with `each` images of 12x12 a class."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:12, 0:12] - 5.5
    shapes = {"cross": (abs(x) < 1.5) | (abs(y) < 1.5), "disc": np.hypot(x, y) < 4.5, "ring": abs(np.hypot(x, y) - 4) < 1.2}
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.integers(0, 80, (12, 12, 3))
            pixels[shapes[name]] += rng.integers(90, 170, 3)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number:03d}.png")
    return folder


def stored(home: Path, project: str, annotator: str = "me") -> list[tuple[int, str, str | None]]:
    """The journal's events of an annotator as (item, kind, value), in the order they were stored."""
    workspace = Workspace(home)
    try:
        a = annotation_rows.c
        query = sa.select(a.item_id, a.kind, a.value).where(a.project_id == workspace.project(project).id, a.annotator == annotator)
        with workspace.database.read() as conn:
            return [(int(item), kind, value) for item, kind, value in conn.execute(query.order_by(a.id))]
    finally:
        workspace.close()


def prepare(home: Path, source: Path, name: str, labels: int, query: int) -> None:
    """A project with some labels by its truth and an open query, ready to train and to label."""
    workspace = Workspace(home)
    project = Project.import_into(workspace, name, source)
    project.label_from_truth(labels)
    project.start(query, "random")
    workspace.close()


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


@pytest.fixture
def mortal_app(tmp_path: Path) -> Iterator[App]:
    """A server of this test's own, without a project, to be killed and started again."""
    served = App(tmp_path / "home")
    served.start()
    yield served
    served.kill()


# ---- what a person does


def open_page(page: Page, app: App, name: str, project: str = "") -> Page:
    page.goto(f"{app.url}/{name}" + (f"?project={project}" if project else ""))
    expect(page.get_by_role("heading", name=name.capitalize() or "Data", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    return page


def go(page: Page, name: str) -> None:
    """By the sidebar, as a person does."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=PATIENCE * 1000)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def fill(field: Locator, value: str) -> None:
    field.fill(value)
    field.press("Enter")


def wait_labeler(page: Page, pictures: int) -> None:
    page.wait_for_function(
        """pictures => {
          const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => (e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]));
          return all(document).some((e) => e.matches('.labeler[data-view=work][data-live="1"]') && Number(e.dataset.ready) >= pictures);
        }""",
        arg=pictures,
        timeout=PATIENCE * 1000,
    )


def label(page: Page, keys: Sequence[str]) -> None:
    """Presses each key once the picture it is for has been on the screen."""
    for key in keys:
        page.wait_for_selector(".labeler:is([data-live='1'], :not([data-view=work]))", timeout=PATIENCE * 1000)
        page.keyboard.press(key)


def wait_saved(page: Page) -> None:
    expect(page.locator(".save")).to_have_text("all saved", timeout=PATIENCE * 1000)


def start_training(page: Page, steps: int) -> None:
    page.get_by_text("Choose yourself", exact=True).click()
    page.get_by_text("Training: parameters", exact=True).click()
    fill(page.get_by_label("Steps", exact=True), str(steps))
    expect(page.get_by_text(f"with Steps {steps}")).to_be_visible(timeout=PATIENCE * 1000)  # the server knows
    press(page, "Start")


def as_rows(items: list[int], keys: list[str]) -> list[tuple[int, str, str | None]]:
    return [(item, "label", CLASSES[int(key) - 1]) for item, key in zip(items, keys, strict=True)]


def choose(page: Page, field: str, option: str) -> None:
    page.get_by_role("combobox", name=field).click()
    page.get_by_role("option", name=option, exact=True).click()


def gallery_values(page: Page, order: str, count: int) -> list[float]:
    """The values below the images of a selection that is sorted as said; those of labeled images, which have none, come last."""
    expect(page.locator(".map .head span")).to_have_text(order, timeout=PATIENCE * 1000)
    expect(page.locator(".map .grid li")).to_have_count(count)
    said = page.locator(".map .grid li > span").all_inner_texts()
    numbers = [text for text in said if re.fullmatch(r"[\d.e-]+", text)]
    assert said[: len(numbers)] == numbers or order == "by name"
    return [float(text) for text in numbers]


def column(app: App, project: str, name: str) -> list[float]:
    """A score of every unlabeled image, as the gallery writes it: three digits."""
    items = app.get(f"/projects/{project}/queue?n=200")["items"]
    return [float(f"{item['scores'][name]:.3g}") for item in items]


# ---- the tests


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
    assert app.job("shapes")["state"] == "done"

    press(page, "Label the query")
    wait_labeler(page, 16)
    reason = r"^entropy [\d.e-]+ of at most 1\.1, rank \d+ of 16; the discriminator gives it .* to be labeled"
    expect(page.locator(".reason")).to_have_text(re.compile(reason), timeout=PATIENCE * 1000)
    assert len(app.queue("shapes")) == 16

    go(page, "Explore")
    canvas = page.locator("canvas.points")
    expect(canvas).to_have_attribute("aria-label", re.compile("Map of 36 images .* by priority; 16 queried"), timeout=PATIENCE * 1000)
    expect(page.locator(".map .legend")).to_contain_text("queried (16)")
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
    assert app.job("tabs")["state"] == "cancelled"


def test_sigkill_loses_no_label_and_the_job_goes_on(page_factory: PageFactory, tmp_path: Path) -> None:
    prepare(tmp_path / "home", write_images(tmp_path / "shapes", 30), "shapes", labels=12, query=60)
    app = App(tmp_path / "home")
    app.start()
    try:
        trains = open_page(page_factory(), app, "train", "shapes")
        start_training(trains, steps=80)
        labels = open_page(page_factory(), app, "label", "shapes")
        wait_labeler(labels, 60)
        items, keys = app.queue("shapes"), random.Random(2).choices("123", k=60)
        label(labels, keys[:20])
        wait_saved(labels)  # these are acknowledged
        wait(lambda: app.job("shapes")["progress"]["done"] > 0, "the job did not train")
        label(labels, keys[20:30])  # some of these are under way
        app.kill()
        label(labels, keys[30:45])  # nobody is there to take these
        known = stored(app.home, "shapes")
        assert 20 <= len(known) <= 30
        assert known == as_rows(items, keys)[: len(known)]
        acknowledged = labels.evaluate("performance.getEntriesByName('alcore:ack').length")
        assert len(known) >= acknowledged
        expect(labels.locator(".notice")).to_contain_text("Server not reachable", timeout=PATIENCE * 1000)

        app.start()
        wait(lambda: len(stored(app.home, "shapes")) >= 45, "what was not acknowledged was not sent again")
        wait_saved(labels)
        expect(labels.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")).to_be_attached(timeout=PATIENCE * 1000)
        expect(labels.get_by_role("dialog")).to_have_count(0)  # Streamlit's own word on the lost connection takes the keys
        label(labels, keys[45:])
        wait_saved(labels)
        assert stored(app.home, "shapes") == as_rows(items, keys)

        assert app.job("shapes")["state"] == "interrupted"
        open_page(trains, app, "train", "shapes")
        expect(trains.get_by_text("interrupted", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
        press(trains, "Resume")
        app.wait_state("shapes", "done")
        expect(trains.get_by_text("Round 1 is ready")).to_be_visible(timeout=PATIENCE * 1000)
        expect(trains.get_by_role("button", name="Resume", exact=True)).to_have_count(0)
    finally:
        app.kill()


COUNT_DIALOGS = """() => {
  window.dialogs = 0;
  new MutationObserver(() => { window.dialogs += document.querySelectorAll('[data-testid=stDialog]').length; }).observe(document.body, { subtree: true, childList: true });
}"""


def test_a_page_says_that_its_server_is_gone_and_goes_on_when_it_is_back(page_factory: PageFactory, mortal_app: App) -> None:
    """Also where the sidebar, in which the watcher is, lies closed: in a narrow window."""
    wide, narrow = (open_page(page_factory(width=width), mortal_app, "") for width in (1280, 390))
    for page in (wide, narrow):
        expect(page.get_by_text("Start here")).to_be_visible(timeout=PATIENCE * 1000)
        page.evaluate(COUNT_DIALOGS)
    mortal_app.kill()
    for page in (wide, narrow):
        gone = page.get_by_role("alert").filter(has_text="The server is not running")
        expect(gone).to_contain_text("with make app or python -m alcore serve: this page goes on by itself", timeout=PATIENCE * 1000)
        page.wait_for_function("() => window.dialogs > 0 && !document.querySelector('[role=dialog]')", timeout=PATIENCE * 1000)
        assert "streamlit run" not in page.locator("body").inner_text()

    mortal_app.start()
    for page in (wide, narrow):
        expect(page.get_by_role("alert").filter(has_text="The server is not running")).to_have_count(0, timeout=PATIENCE * 1000)
        fill(page.get_by_label("Folder, CSV or array file on this machine"), "/no/such/folder")
        expect(page.get_by_text("on this machine.")).to_be_visible(timeout=PATIENCE * 1000)  # the new server answers
        assert page.evaluate("window.dialogs") > 0  # it is the same document: nobody reloaded it
