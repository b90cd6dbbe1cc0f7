"""Accounts in real Chromium: what a stranger, a viewer and an annotator see and cannot do, that an open page ends with its account, how
somebody comes in by a link, and by a provider of identities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from alcore.accounts.roles import Role
from alcore.project.facade import Project, Workspace
from tests.browser.provider import CLIENT, Provider
from tests.browser.real_app import PATIENCE, App, open_page, stored, wait, write_images

pytestmark = pytest.mark.browser

SLOW = PATIENCE * 1000
WORD, OTHER = "correct horse", "battery staple"
ROLES = {"Ann": Role.OWNER, "Bea": Role.ANNOTATOR, "Vic": Role.VIEWER}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """Ann, Bea and Vic, and a project with an open query. What is done here another process finds in the database."""
    folder = tmp_path_factory.mktemp("accounts")
    made = Workspace(folder / "home")
    project = Project.import_into(made, "shapes", write_images(folder / "images", 12))
    project.start(12, "random")
    for name, role in ROLES.items():
        made.accounts.add(name, role, WORD, f"{name.lower()}@lab.example")
    assert made.token
    yield made
    made.close()


@pytest.fixture(scope="module")
def served(workspace: Workspace, provider: Provider) -> Iterator[App]:
    secrets = workspace.home.parent / "secrets.toml"
    app = App(workspace.home, STREAMLIT_SECRETS_FILES=str(secrets))
    lines = {
        "redirect_uri": f"{app.url}/oauth2callback",
        "cookie_secret": "a text that only this test knows",
        "client_id": CLIENT,
        "client_secret": "s",
        "server_metadata_url": f"{provider.url}/.well-known/openid-configuration",
    }
    secrets.write_text("[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in lines.items()), encoding="utf-8")
    app.start()
    yield app
    app.kill()


@pytest.fixture
def visit(browser: Browser, served: App) -> Iterator[Visit]:
    """`visit("Ann")`: a browser of their own in which somebody signed in, or nobody; script errors fail the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def made(name: str = "", at: str = "/", word: str = WORD, **how: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}, **how))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{served.url}{at}")
        if name:
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill(word)
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator("[data-testid=stSidebarNav]")).to_be_visible(timeout=SLOW)
        return page

    yield made
    for context in contexts:
        context.close()
    assert errors == []


def listed(page: Page) -> list[str]:
    return [link.inner_text().split("\n")[-1] for link in page.locator("[data-testid=stSidebarNavLink]").all()]


def choose_first(page: Page, served: App) -> None:
    """Chooses the first image of the Images page."""
    open_page(page, served, "images", "shapes")
    tile = page.locator(".images .grid [role=option], .images .grid [role=gridcell], .images .grid .tile").first
    tile.click(timeout=SLOW)
    expect(page.locator(".actions")).to_be_visible()


def test_a_stranger_gets_a_form_and_a_wrong_password_leads_nowhere(visit: Visit) -> None:
    page = visit(at="/label?project=shapes")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name").fill("Ann")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("There is no account with this name and this password.")
    expect(page.get_by_label("Name")).to_have_value("Ann")
    assert "shapes" not in page.content()


def test_a_viewer_looks_and_cannot_label(visit: Visit, served: App) -> None:
    page = visit("Vic")
    expect(page.get_by_role("heading", name="Images", exact=True)).to_be_visible(timeout=SLOW)
    assert listed(page) == ["Images", "Classes", "Explore", "Progress", "Learn", "Methods"]
    expect(page.get_by_text("Vic, viewer")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" and "/projects/" in request.url else None)
    choose_first(page, served)
    actions = page.locator(".actions")
    for name in ("Skip", "Flag", "Ask next", "Hold out", "New class"):
        expect(actions.get_by_role("button", name=name)).to_be_hidden()
    expect(actions.get_by_role("button", name="Only these")).to_be_visible()
    expect(page.locator(".images .tools").get_by_role("button", name="Undo")).to_be_hidden()
    for key in ("s", "f", "n", "z", "b"):
        page.keyboard.press(key)
    open_page(page, served, "classes", "shapes")
    expect(page.locator(".kinds tbody tr")).to_have_count(3, timeout=SLOW)
    expect(page.get_by_label("New class")).to_be_hidden()
    page.goto(f"{served.url}/label?project=shapes")
    expect(page.get_by_text("This page takes the role annotator, and yours is viewer.")).to_be_visible(timeout=SLOW)
    assert sent == []
    assert stored(served.home, "shapes", "Vic") == []


def test_an_annotator_labels_under_their_name_and_changes_nothing_else(visit: Visit, served: App, workspace: Workspace) -> None:
    page = visit("Bea", at="/label?project=shapes")
    labeler = page.locator(".labeler[data-live='1']")
    labeler.wait_for(timeout=SLOW)
    item = int(labeler.get_attribute("data-item") or 0)
    while page.locator(".labeler").get_attribute("data-item") == str(item):
        page.keyboard.press("1")
    wait(lambda: stored(served.home, "shapes", "Bea") != [], "the label was not stored")
    assert stored(served.home, "shapes", "Bea") == [(item, "label", "cross")]
    for name in ("People", "Goal"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    choose_first(page, served)
    actions = page.locator(".actions")
    expect(actions.get_by_role("button", name="Skip")).to_be_visible()
    for name in ("Hold out", "New class"):
        expect(actions.get_by_role("button", name=name)).to_be_hidden()
    page.goto(f"{served.url}/data?project=shapes")
    expect(page.get_by_text("This page takes the role owner, and yours is annotator.")).to_be_visible(timeout=SLOW)
    assert workspace.projects() == ["shapes"]


def open_images(visit: Visit, name: str, patience: int) -> Page:
    """The Images page of somebody, when it hears of its connection. A lost one is told of after `patience` ms: 0, before Streamlit has
    connected again; or so late that it has long done so, which it does at once where strangers are let through on the way to a provider."""
    page = visit(name, at="/images?project=shapes")
    page.add_init_script(f"(() => {{ const real = setTimeout; window.setTimeout = (f, ms) => real(f, ms === 400 ? {patience} : ms); }})()")
    page.reload()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible(timeout=SLOW)
    expect(page.locator(".alcore-gone")).to_be_attached(timeout=SLOW)
    expect(page.get_by_role("heading", name="Images", exact=True)).to_be_visible(timeout=SLOW)
    return page


in_either_order = pytest.mark.parametrize("patience", [0, 600_000], ids=["told at once", "connected before"])


@in_either_order
def test_an_open_page_goes_back_to_the_form_when_its_account_ends(visit: Visit, workspace: Workspace, patience: int) -> None:
    name = f"Dora {patience}"
    workspace.accounts.add(name, Role.ANNOTATOR, WORD)
    page = open_images(visit, name, patience)
    workspace.accounts.end(name, "Ann")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=SLOW)
    assert "shapes" not in page.locator("body").inner_text()


@in_either_order
def test_an_open_page_is_drawn_anew_when_its_account_has_another_role(visit: Visit, workspace: Workspace, patience: int) -> None:
    name = f"Fay {patience}"
    workspace.accounts.add(name, Role.OWNER, WORD)
    page = open_images(visit, name, patience)
    assert "Data" in listed(page)
    workspace.accounts.set_role(name, Role.VIEWER, "Ann")
    expect(page.get_by_text(f"{name}, viewer")).to_be_visible(timeout=SLOW)
    assert listed(page) == ["Images", "Classes", "Explore", "Progress", "Learn", "Methods"]


def test_an_owner_invites_somebody_who_then_labels(visit: Visit, served: App) -> None:
    owner = open_page(visit("Ann"), served, "accounts")
    owner.get_by_label("Name").fill("Cleo")
    owner.get_by_role("button", name="Make a link").click()
    code = owner.locator("[data-testid=stCode] code")
    expect(code).to_contain_text("/?invite=", timeout=SLOW)
    link = code.inner_text().strip()
    assert link.startswith(f"{served.url}/?invite=")
    page = visit(at=link.removeprefix(served.url))
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Ann invites you to label images. Your labels will stand under the name Cleo.")
    page.get_by_label("Password").fill(OTHER)
    page.get_by_label("The same again").fill(OTHER)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", name="Label", exact=True)).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("Cleo, annotator")).to_be_visible()
    page.get_by_role("link", name="Sign out").click()
    expect(page.get_by_role("alert")).to_have_text("You are signed out.")
    again = visit(at=link.removeprefix(served.url))
    expect(again.locator("main")).to_contain_text("This link was used before")


def test_a_password_is_changed_on_its_page(visit: Visit, served: App, workspace: Workspace) -> None:
    workspace.accounts.add("Edi", Role.VIEWER, WORD)
    page = visit("Edi")
    page.get_by_role("link", name="Change password").click(timeout=SLOW)
    page.get_by_label("Password of today").fill(WORD)
    page.get_by_label("New password").fill(OTHER)
    page.get_by_label("The same again").fill(OTHER)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Edi, viewer")).to_be_visible(timeout=SLOW)
    assert workspace.accounts.sign_in("Edi", OTHER) is not None


def by_provider(page: Page) -> None:
    page.get_by_role("link", name="Sign in with your organisation").click()
    page.get_by_role("button", name="Sign in with your organisation").click(timeout=SLOW)


def test_a_provider_of_identities_lets_in_whom_an_account_has_the_address_of(
    visit: Visit, provider: Provider, workspace: Workspace
) -> None:
    provider.claims = {"email": "Bea@lab.example", "email_verified": True, "name": "Beatrix"}
    page = visit()
    by_provider(page)
    expect(page.get_by_text("Bea, annotator")).to_be_visible(timeout=SLOW)
    assert [(e.who, e.details) for e in workspace.accounts.happened(1)] == [("Bea", "by a provider of identities")]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": "zoe@lab.example", "email_verified": True}, "No account has the address zoe@lab.example."),
        ({"email": "ann@lab.example", "email_verified": False}, "Your email address is not verified with your provider"),
        ({"email": "ann@lab.example"}, "does not say that your address was verified"),
    ],
    ids=["of nobody", "not verified", "nothing said"],
)
def test_whom_it_does_not_vouch_for_gets_no_further(visit: Visit, provider: Provider, claims: dict[str, Any], said: str) -> None:
    provider.claims = claims
    page = visit()
    by_provider(page)
    expect(page.get_by_text(said)).to_be_visible(timeout=SLOW)
    assert page.locator("[data-testid=stSidebarNav]").count() == 0
    assert "shapes" not in page.locator("body").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_what_the_door_shows(visit: Visit, served: App, workspace: Workspace, axe: Path, scheme: str) -> None:
    secret = workspace.accounts.invite(Role.VIEWER, by="Ann")
    for at in ("/", f"/?invite={secret}", "/?invite=wrong"):
        page = visit(at=at, color_scheme=scheme)
        page.set_viewport_size({"width": 390, "height": 844})
        page.evaluate(axe.read_text())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [rule["id"] for rule in found] == []
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
