"""The real server is killed and started again: no label is lost, the job goes on, and pages say what happened."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from alcore.project import live, loop
from alcore.project.facade import Project, Workspace
from tests.browser.conftest import WATCH
from tests.browser.real_app import (
    COUNT_DIALOGS,
    ENDLESS,
    PATIENCE,
    App,
    PageFactory,
    as_rows,
    fill,
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
from tests.project.photos import COLORS, photo

pytestmark = pytest.mark.browser

KEYS = 120  # it was run with 300 too, which takes minutes


@pytest.fixture
def mortal_app(tmp_path: Path) -> Iterator[App]:
    """A server of this test's own, without a project, to be killed and started again."""
    served = App(tmp_path / "home")
    served.start()
    yield served
    served.kill()


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


def test_sigkill_while_it_learns_by_itself_loses_no_label_and_it_learns_on(tmp_path: Path) -> None:
    """Photos that learn after every 10 labels: killed while such a round runs, it learns from all labels after the next ones."""
    (tmp_path / "photos").mkdir()
    for kind in COLORS:
        for number in range(40):
            Image.fromarray(photo(kind, number)).save(tmp_path / "photos" / f"{kind}_{number:02d}.png")
    workspace = Workspace(tmp_path / "home")
    project = Project.import_into(workspace, "photos", tmp_path / "photos", classes=list(COLORS))
    project.features(report=lambda progress: None)
    live.choose(project, True, 10)
    loop.start(project, 30, "random", 0)
    assert workspace.token  # its file, which App reads
    workspace.close()
    app, given = App(tmp_path / "home"), 0
    app.start()
    try:
        while not at_work(app):  # until a round is caught
            assert given < 30, "no round was caught while it ran"
            known = len(rounds(app))
            given += give(app, 10, client=f"before-{given}")
            wait(lambda before=known: at_work(app) or len(rounds(app)) > before, "it did not learn")
        app.kill()
        assert len(stored(app.home, "photos", "api")) == given
        app.start()
        learned = rounds(app)
        given += give(app, 10, client="after")
        # a round that was interrupted may end first, with what was known when it began
        wait(lambda: app.job("photos")["state"] == "done" and rounds(app)[len(learned) :][-1:] == [given], "it did not learn on")
        assert given == len(stored(app.home, "photos", "api"))
    finally:
        app.kill()


def test_keys_with_live_rounds_a_job_and_a_sigkill_are_all_accounted_for(page_factory: PageFactory, tmp_path: Path) -> None:
    home, keys = tmp_path / "home", random.Random(4).choices("1234", k=KEYS)
    prepare(home, write_images(tmp_path / "shapes", 30), "shapes", labels=12, query=20)
    (tmp_path / "photos").mkdir()
    for kind in COLORS:
        for number in range(40):
            Image.fromarray(photo(kind, number)).save(tmp_path / "photos" / f"{kind}_{number:02d}.png")
    workspace = Workspace(home)
    project = Project.import_into(workspace, "photos", tmp_path / "photos", classes=list(COLORS))
    project.features(report=lambda progress: None)
    live.choose(project, True, 10)
    loop.start(project, KEYS + 10, "random", 0)
    workspace.close()
    app = App(home)
    app.start()
    try:
        page = page_factory()
        page.add_init_script(WATCH)
        open_page(page, app, "label", "photos")
        wait_labeler(page, 60)
        label_all(page, keys[: KEYS // 3])
        wait(lambda: len(rounds(app)) >= 1, "it did not learn by itself")
        trains = open_page(page_factory(), app, "train", "shapes")
        start_training(trains, steps=ENDLESS)
        wait(lambda: app.job("shapes")["progress"]["done"] > 0, "the job did not train")
        label_all(page, keys[KEYS // 3 : KEYS // 2])
        wait_saved(page)  # these are acknowledged
        label_all(page, keys[KEYS // 2 : KEYS // 2 + 10])  # some of these are under way
        app.kill()
        label_all(page, keys[KEYS // 2 + 10 : KEYS // 2 + 30])  # nobody is there to take these
        assert KEYS // 2 <= len(stored(home, "photos")) <= KEYS // 2 + 10
        before = len(rounds_of(home))
        app.start()
        wait(lambda: len(stored(home, "photos")) >= KEYS // 2 + 30, "what was not acknowledged was not sent again")
        expect(page.locator("[data-testid=stApp][data-test-connection-state=CONNECTED]")).to_be_attached(timeout=PATIENCE * 1000)
        label_all(page, keys[KEYS // 2 + 30 :])
        wait_saved(page)
        wait(lambda: len(rounds_of(home)) > before, "it did not learn on")
        pressed = page.evaluate("pressed")
        assert [key for key, _, _, _ in pressed] == keys
        assert len({item for _, _, item, _ in pressed}) == KEYS  # whatever was ordered anew meanwhile, nothing was asked twice
        given = [(item, "label", list(COLORS)[int(key) - 1]) for key, _, item, _ in pressed]
        assert stored(home, "photos") == given
        assert app.job("shapes")["state"] == "interrupted"
    finally:
        app.kill()


def label_all(page: Page, keys: Sequence[str]) -> None:
    """Presses each key on a picture, waiting for more of them where the query was used up."""
    for key in keys:
        page.wait_for_selector(".labeler[data-view=work][data-live='1']", timeout=PATIENCE * 1000)
        page.keyboard.press(key)


def rounds_of(home: Path) -> list[int]:
    """The same from the files, while no server may be there."""
    workspace = Workspace(home)
    try:
        return [each.labeled for each in workspace.project("photos").rounds() if not each.start]
    finally:
        workspace.close()


def give(app: App, n: int, client: str) -> int:
    """Labels the next `n` images of the queue, by turns; how many the server acknowledged."""
    items = app.get(f"/projects/photos/queue?n={n}")["items"]
    kinds = list(COLORS)
    events = [{"seq": at, "item": item["id"], "kind": "label", "value": kinds[at % 4], "ms": 500} for at, item in enumerate(items, 1)]
    acked = len(app.post("/projects/photos/annotations", {"client": client, "events": events})["acked"])
    assert acked == n
    return acked


def at_work(app: App) -> bool:
    """Whether a round is on its way."""
    job = app.job("photos")
    return job["kind"] == "round" and job["state"] in ("queued", "running")


def rounds(app: App) -> list[int]:
    """How many labels each round of a model learned from."""
    return [each["labeled"] for each in app.get("/projects/photos/status")["rounds"] if not each["strategy"].startswith("start:")]
