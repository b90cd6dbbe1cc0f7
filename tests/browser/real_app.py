"""The real app in a process of its own, what a person does on its pages, and what was stored of it."""

from __future__ import annotations

import json
import os
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from alcore.project.facade import Project, Workspace
from alcore.storage.schema import annotation_rows
from tests.browser import loaded

CLASSES = ("cross", "disc", "ring")
PATIENCE = 120.0  # seconds for what takes a second or two on a quiet machine
QUIET = os.environ | {"ALCORE_FORECAST": "0"}  # no process beside the tests' own times steps of rounds that a page shows
ENDLESS = 1_000_000  # steps: such a job ends by being cancelled or killed
PageFactory = Callable[..., Page]
COUNT_DIALOGS = """() => {
  window.dialogs = 0;
  new MutationObserver(() => { window.dialogs += document.querySelectorAll('[data-testid=stDialog]').length; }).observe(document.body, { subtree: true, childList: true });
}"""


class App:
    """`python -m alcore serve` in a process of its own, on a port that stays its own over a restart."""

    def __init__(self, home: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home, self.url = home, f"http://127.0.0.1:{self.port}"
        self.environment = QUIET | environment

    def start(self) -> None:
        self.process = loaded.started(
            ["serve", "--home", str(self.home), "--port", str(self.port)], self.environment, self.home.parent / "serve.log"
        )
        wait(self._is_healthy, "the server did not start")

    def _is_healthy(self) -> bool:
        assert self.process.is_alive(), (self.home.parent / "serve.log").read_text()
        try:
            return bool(self.get("/health")["status"] == "ok")
        except OSError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def get(self, path: str) -> Any:
        token = self.home / "token"
        headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.is_file() else {}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/api/v1{path}", headers=headers), timeout=10) as answer:
            return json.loads(answer.read())

    def post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {(self.home / 'token').read_text().strip()}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v1{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
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


def unfold(summary: Locator) -> None:
    """Opens a fold by its heading, and waits until it stands still: what lies in it moves meanwhile, under a click too. With a key, for the
    same reason."""
    heading = summary.element_handle(timeout=PATIENCE * 1000)
    heading.focus()
    summary.page.keyboard.press("Enter")
    summary.page.wait_for_function("({ parentElement: fold }) => fold.open && !fold.getAnimations().length", arg=heading)


def start_training(page: Page, steps: int) -> None:
    for folded in ("Choose yourself", "Training: parameters"):
        unfold(page.locator("[data-testid=stExpander] summary").filter(has=page.get_by_text(folded, exact=True)))
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
