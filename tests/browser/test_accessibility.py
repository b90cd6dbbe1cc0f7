"""What people with weak sight, a screen reader or a narrow window get of each page: axe's rules, light and dark, and a layout that fits.

axe-core is the rule engine that browsers' own audits use. A page is added by one line of PAGES; `ready` is what says that it is all there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from alcore.project.facade import Project, Workspace
from alcore.simulation.conduct import simulate
from tests.browser.conftest import PageFactory
from tests.browser.real_app import App, unfold, write_images
from tests.scenes import few_streets

pytestmark = pytest.mark.browser

QUICK = {"steps": 4, "batch_size": 4, "warmup": 0.0}
LONG = "a project with a name that is longer than any sidebar has room for"
# (page, project, what is there once the page is): add others here
PAGES = [
    ("data", LONG, "text=Manage"),
    ("train", LONG, "text=Past jobs"),
    ("train", "fresh", "text=Nothing is labeled yet"),
    ("explore", LONG, ".map .legend b"),
    ("label", LONG, ".labeler[data-live='1']"),
    ("label", "street", ".editor[data-live='1']"),
    ("progress", LONG, ".js-plotly-plot .legend"),
    ("progress", "street", "text=images with it"),
    ("images", LONG, ".images[data-view]:not([aria-busy]) .tile[aria-posinset]"),
    ("images", "street", ".images[data-view]:not([aria-busy]) .tile[aria-posinset]"),
    ("classes", LONG, ".kinds[data-classes]:not([aria-busy])"),
    ("classes", "street", ".kinds[data-classes]:not([aria-busy])"),
    ("learn", LONG, ".learn[data-step]"),
    ("methods", f"{LONG}&method=mal", "text=Parameters"),
    ("methods", "street&method=vaal", "text=Parameters"),
    ("simulate", "fresh", "text=8 of 8 rounds"),
    ("simulate", "fresh&simulation=tiny", "text=Who beats whom"),
]
# rule -> a part of the element's HTML -> why it stays: Streamlit's own widgets, which neither theme nor style sheet nor arguments change
EXCEPTIONS: dict[str, dict[str, str]] = {}
DARK = "rgb(18, 22, 29)"  # the background of .streamlit/config.toml
SIZES = ((390, 844), (853, 600))  # a phone, and 1280 x 900 at 150 %


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Projects in the states that PAGES names."""
    folder = tmp_path_factory.mktemp("accessible")
    workspace = Workspace(folder / "home")
    source = write_images(folder / "images", 12)
    Project.import_into(workspace, "fresh", source)
    worked = Project.import_into(workspace, LONG, source)
    worked.label_from_truth(12, seed=0)
    for strategy in ("mal", "margin"):
        worked.run_round(strategy, 4, seed=0, train=QUICK, report=lambda progress: None)
        worked.label_query_from_truth()
    worked.start(8, "random")
    street = Project.import_into(workspace, "street", few_streets(folder / "streets"))
    street.label_from_truth(6, seed=0)
    street.run_round("entropy", 3, seed=0, train=QUICK, report=lambda progress: None)
    simulate(
        source,
        ["random", "margin"],
        init=9,
        query_size=4,
        rounds=2,
        seeds=[0, 1],
        out=workspace.home / "simulations" / "tiny",
        train=QUICK,
        device="cpu",
    )
    assert workspace.token  # makes its file, which App reads
    workspace.close()
    app = App(folder / "home")
    app.start()
    yield app
    app.kill()


def open_at(page: Page, app: App, name: str, project: str, ready: str) -> None:
    page.goto(f"{app.url}/{'' if name == 'data' else name}?project={project}")
    expect(page.get_by_role("heading", name=name.capitalize(), exact=True)).to_be_visible(timeout=60_000)
    page.locator(ready).first.wait_for(state="attached", timeout=60_000)
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)


def findings(page: Page) -> list[str]:
    """Serious and critical findings of axe in the whole document, shadow roots included, without the named exceptions."""
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = []
    for rule in found["violations"]:
        for node in rule["nodes"] if rule["impact"] in ("serious", "critical") else ():
            if not any(part in node["html"] for part in EXCEPTIONS.get(rule["id"], {})):
                said = [check["message"] for check in (*node["any"], *node["all"], *node["none"])]
                told.append(f"{rule['id']}: {node['html'][:200]}: {' '.join(said)}")
    return told


def audit(page: Page, axe: Path) -> list[str]:
    """Findings with everything folded opened, once nothing moves any more."""
    folded = page.locator("[data-testid=stExpander] details:not([open]) > summary >> visible=true")
    while folded.count():  # what lies inside one comes into view when that is opened
        unfold(folded.first)
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})))")
    page.evaluate(axe.read_text())  # not as a script of the page: its content policy allows none but its own
    return findings(page)


def check_fit(page: Page, name: str) -> None:
    """Nothing is wider than the window, and the title is not below the button that opens the sidebar."""
    main = "() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; }"
    assert (page.viewport_size, page.evaluate(main)) == (page.viewport_size, 0)
    title = page.get_by_role("heading", name=name.capitalize(), exact=True)
    left = title.evaluate(
        "(node) => { const range = document.createRange(); range.selectNodeContents(node); return range.getBoundingClientRect().left; }"
    )
    menu = page.get_by_test_id("stExpandSidebarButton")
    if menu.count():
        box = menu.bounding_box()
        assert box is not None
        assert left >= box["x"] + box["width"]


@pytest.mark.parametrize(("name", "project", "ready"), PAGES)
def test_axe_finds_nothing_serious_and_the_page_fits(
    page_factory: PageFactory, served: App, axe: Path, name: str, project: str, ready: str
) -> None:
    page = page_factory(width=1280, height=900)
    open_at(page, served, name, project, ready)
    check_fit(page, name)
    assert audit(page, axe) == []
    page.emulate_media(color_scheme="dark")
    expect(page.locator("[data-testid=stApp]")).to_have_css("background-color", DARK)
    assert audit(page, axe) == []
    page.set_viewport_size({"width": 390, "height": 844})
    open_at(page, served, name, project, ready)
    check_fit(page, name)
    assert audit(page, axe) == []
    page.set_viewport_size({"width": 853, "height": 600})  # 1280 x 900 at 150 %
    open_at(page, served, name, project, ready)
    check_fit(page, name)


def test_axe_finds_nothing_serious_in_what_a_click_brings(page_factory: PageFactory, served: App, axe: Path) -> None:
    page = page_factory(width=1280, height=900)
    open_at(page, served, "data", LONG, "text=Manage")
    page.get_by_role("tab", name="Samples").click()
    page.locator(".alcore-gallery img[src]").first.wait_for(timeout=60_000)
    assert audit(page, axe) == []
    open_at(page, served, "explore", LONG, ".map .legend b")
    page.get_by_role("button", name="Select view: select every point in view (V)").click()
    page.locator(".map .grid img[src]").first.wait_for(timeout=60_000)
    page.locator("[data-testid=stDataFrame]").wait_for(timeout=60_000)
    assert audit(page, axe) == []


def test_the_map_has_room_on_a_phone_and_its_selection_lies_below(page_factory: PageFactory, served: App) -> None:
    page = page_factory(width=390, height=844)
    open_at(page, served, "explore", LONG, ".map .legend b")
    plot, side = page.locator(".map .plot").bounding_box(), page.locator(".map .side").bounding_box()
    assert plot is not None
    assert side is not None
    assert plot["width"] > 340
    assert plot["height"] > 340
    assert side["y"] >= plot["y"] + plot["height"]
    page.set_viewport_size({"width": 1280, "height": 900})
    expect(page.locator(".map .side")).to_be_in_viewport()
    page.wait_for_function("""() => {
      const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => (e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]));
      const [plot, side] = ['.plot', '.side'].map((name) => all(document).find((e) => e.matches('.map ' + name)).getBoundingClientRect());
      return side.left >= plot.right && side.top === plot.top;
    }""")
