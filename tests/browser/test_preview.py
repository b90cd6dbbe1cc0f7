"""A source in real Chromium before it is imported: what it is taken for, its pictures, what looks odd; and no name that gives the truth away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from alcore.project.facade import Project, Workspace
from tests.browser.conftest import PageFactory
from tests.browser.real_app import App, write_images

pytestmark = pytest.mark.browser

SOURCE = "Folder, CSV or array file on this machine"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A server over an empty workspace."""
    home = tmp_path_factory.mktemp("preview") / "home"
    workspace = Workspace(home)
    assert workspace.token  # makes its file, which App reads
    workspace.close()
    app = App(home)
    app.start()
    yield app
    app.kill()


def type_source(page: Page, source: Path) -> None:
    field = page.get_by_label(SOURCE)
    field.fill(str(source))
    field.press("Enter")


def sound_pictures(page: Page) -> int:
    return int(page.evaluate("[...document.querySelectorAll('.alcore-preview img')].filter((img) => img.naturalWidth === 64).length"))


def test_a_wrapped_set_is_shown_with_its_pictures_and_what_was_not_read(served: App, page_factory: PageFactory, tmp_path: Path) -> None:
    write_images(tmp_path / "around" / "shapes", 5)
    (tmp_path / "around" / "shapes" / "labels.csv").write_text("x,y\n1,2\n")
    page = page_factory()
    page.goto(served.url)
    type_source(page, tmp_path / "around")
    expect(page.get_by_text("Read as class folders: 3 classes, 15 images, in shapes.")).to_be_visible()
    expect(page.get_by_text("'labels.csv' lies beside the images and was not read", exact=False)).to_be_visible()
    expect(page.get_by_text("12 to label", exact=False)).to_be_visible()
    expect(page.locator(".alcore-preview .class")).to_have_count(3)
    expect(page.locator(".alcore-preview .name")).to_have_text(["cross", "disc", "ring"])
    page.wait_for_function("() => document.querySelectorAll('.alcore-preview img').length === 9")
    assert sound_pictures(page) == 9


def test_masks_of_0_and_255_ask_for_their_classes_and_say_what_255_is(served: App, page_factory: PageFactory, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for folder in ("images", "masks"):
        (tmp_path / "cells" / folder).mkdir(parents=True)
    for number in range(4):
        Image.fromarray(rng.integers(0, 255, (24, 32, 3), np.uint8)).save(tmp_path / "cells" / "images" / f"{number}.png")
        mask = np.zeros((24, 32), np.uint8)
        mask[6:18, 8:24] = 255
        Image.fromarray(mask).save(tmp_path / "cells" / "masks" / f"{number}.png")
    page = page_factory()
    page.goto(served.url)
    type_source(page, tmp_path / "cells")
    expect(page.get_by_text("which are 0 (75%), 255 (25%) of the pixels", exact=False)).to_be_visible()
    classes = page.get_by_role("textbox", name="Classes, where the source does not name them")
    classes.fill("background, cell")
    classes.press("Enter")
    expect(page.get_by_text("255 has 25% of the pixels and 'cell' (value 1) none: 255 was taken for it", exact=False)).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    assert served.wait_state("cells", "done")["kind"] == "import"
    workspace = Workspace(served.home)
    project = workspace.project("cells")
    assert project.classes == ("background", "cell")
    truths = [row["truth"] for row in project.items.rows(list(project.items.paths())).values()]
    assert {tuple(np.unique(project.masks.load(truth))) for truth in truths} == {(0, 1)}
    workspace.close()


def test_no_name_on_the_map_or_beside_a_picture_gives_the_hidden_class_away(served: App, page_factory: PageFactory, tmp_path: Path) -> None:
    workspace = Workspace(served.home)
    project = Project.import_into(workspace, "secret", write_images(tmp_path / "src", 12))
    project.label_from_truth(9, seed=0)
    project.run_round("entropy", 4, seed=0, train={"steps": 5, "batch_size": 8}, report=lambda progress: None)
    workspace.close()
    page = page_factory()
    page.goto(f"{served.url}/label?project=secret")
    caption = page.locator(".caption .path")
    expect(caption).to_contain_text(".png")
    assert not any(name in caption.inner_text() for name in ("cross", "disc", "ring", "/"))
    for item in served.get("/projects/secret/queue?n=4")["items"]:
        assert "/" not in item["name"]
        assert not any(name in item["name"] for name in ("cross", "disc", "ring"))
