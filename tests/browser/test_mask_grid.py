"""The Images page of a project of masks in real Chromium: masks and drafts over the tiles, found by what they hold, painted next."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from alcore.project.agreed import agreement
from alcore.project.facade import Project, Workspace
from alcore.project.painted import held
from alcore.project.views import View, found
from tests.browser.conftest import PageFactory
from tests.browser.painting import wait_item
from tests.browser.real_app import App
from tests.scenes import few_streets

pytestmark = pytest.mark.browser
QUICK = {"steps": 6, "batch_size": 4, "warmup": 0.0}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Street scenes: six painted from the start, four asked for and drafted, two of those painted since."""
    folder = tmp_path_factory.mktemp("grid")
    workspace = Workspace(folder / "home")
    project = Project.import_into(workspace, "street", few_streets(folder / "streets"))
    project.label_from_truth(6, seed=0)
    project.run_round("entropy", 4, seed=0, train=QUICK, report=lambda progress: None)
    rows = project.items.rows(list(project.round().query)[:2])
    project.annotate({item: project.masks.load(row["truth"]) for item, row in rows.items()}, annotator="ann")
    assert workspace.token
    workspace.close()
    served = App(folder / "home")
    served.start()
    yield served
    served.kill()


@pytest.fixture
def project(app: App) -> Iterator[Project]:
    workspace = Workspace(app.home)
    yield workspace.project("street")
    workspace.close()


def open_grid(page: Page, app: App, view: str = "") -> None:
    page.goto(f"{app.url}/images?project=street{f'&view={view}' if view else ''}")
    page.locator(".images[data-view]:not([aria-busy]) .tile:not([hidden])").first.wait_for(timeout=60_000)


def shown(page: Page) -> list[int]:
    return sorted(int(tile.get_attribute("data-id") or "") for tile in page.locator(".tile:not([hidden])").all())


def expected(project: Project, **filters) -> list[int]:
    of, _, at = found(project, View(**filters))
    return sorted(of.ids[at].tolist())


def wait_shown(page: Page, ids: list[int]) -> None:
    expect(page.locator(".count")).to_contain_text(f"{len(ids)} of")
    page.locator(".images:not([aria-busy])").wait_for()
    expect(page.locator(".tile:not([hidden])")).to_have_count(len(ids))
    assert shown(page) == ids


def pixels(page: Page, item: int) -> np.ndarray:
    """The colors and the opacity of what is laid over a tile, (h, w, 4)."""
    image = page.locator(f".tile[data-id='{item}']:not([hidden]) img.mask")
    image.wait_for()
    width, height, values = image.evaluate(
        "async (image) => { await image.decode(); const c = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), x = c.getContext('2d');"
        " x.drawImage(image, 0, 0); return [c.width, c.height, [...x.getImageData(0, 0, c.width, c.height).data]]; }"
    )
    return np.array(values, np.uint8).reshape(height, width, 4)


def test_masks_and_drafts_lie_over_the_pictures_until_they_are_switched_off(page_factory: PageFactory, app: App, project: Project) -> None:
    page = page_factory()
    open_grid(page, app)
    done, open_ = project.round().query[0], project.round().query[3]
    mask = project.mask(done)
    assert mask is not None
    got = pixels(page, done)
    assert got.shape[:2] == mask.shape
    seen = mask != 255
    assert np.array_equal(got[seen][:, :3], np.array(project.colors)[mask[seen]])
    assert not got[~seen][:, 3].any()
    expect(page.locator(f".tile[data-id='{done}'] .caption")).to_have_text("painted")
    expect(page.locator(f".tile[data-id='{open_}'] .caption")).to_have_text("draft")
    page.get_by_role("slider", name="Opacity of the masks").fill("30")
    expect(page.locator(f".tile[data-id='{done}'] img.mask")).to_have_css("opacity", "0.3")
    page.get_by_role("button", name="Masks").click()
    expect(page.locator("img.mask")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="Masks")).to_have_attribute("aria-pressed", "false")  # it is remembered
    page.get_by_role("button", name="Masks").click()
    page.locator("img.mask").first.wait_for()


def test_filters_of_masks_are_addresses(page_factory: PageFactory, app: App, project: Project) -> None:
    page = page_factory()
    open_grid(page, app)
    page.locator("summary", has_text="Filter").click()
    page.locator("[data-filter=holds] label", has_text="sign").click()
    wait_shown(page, expected(project, holds=("sign",)))
    expect(page.locator(".chip", has_text="Mask holds: sign")).to_be_visible()
    expect(page).to_have_url(re.compile("holds%3Dsign"))  # the page learns of it a moment later
    page.reload()
    page.locator(".images[data-view]:not([aria-busy]) .tile:not([hidden])").first.wait_for()
    wait_shown(page, expected(project, holds=("sign",)))
    page.locator(".chip", has_text="Mask holds").get_by_role("button").click()
    page.locator("summary", has_text="Filter").click()
    page.locator("[data-filter=painted] label", has_text="without a mask").click()
    wait_shown(page, expected(project, painted=("none",)))


def test_images_whose_draft_is_far_from_the_mask_are_found(page_factory: PageFactory, app: App, project: Project) -> None:
    page = page_factory()
    of, _, _ = found(project, View())
    share = agreement(project, of)
    both = of.ids[np.isfinite(share)].tolist()
    assert sorted(both) == sorted(project.round().query[:2])
    open_grid(page, app, "order%3Diou")
    first = [int(page.locator(f"#tile-{at}").get_attribute("data-id") or "") for at in (0, 1)]
    assert first == sorted(both, key=lambda i: (share[of.places(np.array([i]))[0]], i))
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("IoU with the draft from").fill("100")
    page.get_by_label("IoU with the draft from").press("Tab")
    expect(page.locator(".empty")).to_have_text("No image is like that. Take a filter away.")
    page.get_by_label("IoU with the draft from").fill("0")
    page.get_by_label("IoU with the draft to").fill("100")


def test_what_the_colors_mean_stands_beside_one_image_and_in_the_filter(page_factory: PageFactory, app: App, project: Project) -> None:
    page = page_factory()
    open_grid(page, app)
    item = int(project.round().query[0])
    page.locator(f".tile[data-id='{item}']:not([hidden])").dblclick()
    legend = page.get_by_role("list", name="Classes in it").get_by_role("listitem")
    told = held(project, item)
    assert told is not None
    expect(legend).to_have_text([re.compile(f"^{re.escape(name)}") for name, _, _ in told["classes"]])
    color = project.colors[project.classes.index(told["classes"][0][0])]
    expect(legend.first.locator(".swatch")).to_have_css("background-color", f"rgb({', '.join(map(str, color))})")
    over = page.locator(".details img.over")
    expect(over).to_be_visible()
    page.get_by_role("button", name="Masks").click()
    expect(over).to_be_hidden()
    page.get_by_role("button", name="Masks").click()
    page.locator("summary", has_text="Filter").click()
    sky = page.locator("[data-filter=holds] label", has_text=told["classes"][0][0]).first.locator(".swatch")
    expect(sky).to_have_css("background-color", f"rgb({', '.join(map(str, color))})")


def test_an_image_is_painted_next_from_its_details_and_a_painted_one_says_why_not(
    page_factory: PageFactory, app: App, project: Project
) -> None:
    page = page_factory()
    open_grid(page, app)
    done = project.round().query[0]
    page.locator(f".tile[data-id='{done}']:not([hidden])").dblclick()
    page.get_by_role("button", name="Paint it next").click()
    expect(page.locator(".note")).to_contain_text("It is not asked for: it is labeled, skipped, flagged or held out already.")
    free = next(i for i in expected(project, painted=("none",), split=("pool",)) if i not in project.round().query)
    page.locator(f".tile[data-id='{free}']:not([hidden])").dblclick()
    expect(page.locator(".details h3")).to_contain_text(str(project.items.row(free)["path"]).rsplit("/", 1)[-1])
    page.get_by_role("button", name="Paint it next").click()
    page.wait_for_url("**/label?project=street")
    wait_item(page, free)
