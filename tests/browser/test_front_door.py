"""Nobody else gets in: a page of another site, a browser that has not signed in, and proxies as people set them up, in real Chromium and nginx.

Longer than 400 lines: two servers and one nginx serve them all.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from alcore.project.facade import Project, Workspace
from tests.browser.conftest import CHROMIUM_FLAGS, PageFactory
from tests.browser.real_app import CLASSES, PATIENCE, QUIET, App, stored, wait, wait_labeler, wait_saved, write_images
from tests.house import ROOT
from tests.scenes import few_streets

pytestmark = pytest.mark.browser

README = (ROOT / "README.md").read_text(encoding="utf-8")
# a function: an expression would be evaluated in the page, which its policy forbids
MAP_IS_DRAWN = "() => performance.getEntriesByName('alcore:map').length > 0"
QUICK = {"steps": 20, "batch_size": 8}


class Served(App):
    """`serve` with options and an environment of its own; `below` is the path it is mounted at."""

    def __init__(self, home: Path, *options: str, below: str = "", **environment: str) -> None:
        super().__init__(home)
        self.options, self.below, self.environment = options, below, environment

    def start(self) -> None:
        command = [sys.executable, "-m", "alcore", "serve", "--home", str(self.home), "--port", str(self.port), *self.options]
        self.log = (self.home.parent / f"{self.port}.log").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=QUIET | self.environment, stdout=self.log, stderr=self.log)
        wait(self._answers, "the server did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.home.parent / f"{self.port}.log").read_text()
        try:
            return bool(self.get("/health")["status"] == "ok")
        except OSError:
            return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the project `shapes`, of which 30 images are asked for after a round, and `street` with masks."""
    folder = tmp_path_factory.mktemp("door")
    workspace = Workspace(folder / "home")
    shapes = Project.import_into(workspace, "shapes", write_images(folder / "shapes", 20))
    shapes.label_from_truth(12)
    shapes.run_round("entropy", 30, seed=0, train=QUICK, report=lambda progress: None)
    street = Project.import_into(workspace, "street", few_streets(folder / "streets"))
    street.start(3, "random")
    assert workspace.token
    workspace.close()
    return folder / "home"


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[Served]:
    """On the loopback address, as it comes."""
    served = Served(home, ALCORE_HOSTS="")
    served.start()
    yield served
    served.kill()


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """Where nginx listens: a proxy a name."""
    return {name: free_port() for name in ("default", "split", "root", "below", "base")}


@pytest.fixture(scope="module")
def signed(home: Path, ports: dict[str, int]) -> Iterator[Served]:
    """Mounted at /alcore, behind a proxy that changes Host, with a sign-in."""
    environment = {"STREAMLIT_SERVER_BASE_URL_PATH": "alcore", "ALCORE_HOSTS": f"127.0.0.1:{ports['base']}"}
    served = Served(home, "--sign-in", below="/alcore", **environment)
    served.start()
    yield served
    served.kill()


def location(path: str) -> str:
    """The README's block for a path."""
    (block,) = re.findall(rf"```nginx\n(location {re.escape(path)} \{{.*?\n\}})\n```", README, re.S)
    return str(block)


@pytest.fixture(scope="module")
def proxies(app: Served, signed: Served, ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of one nginx: `default` passes no Host on, `split` to all but the routes, `root` and `below` are the README's two blocks,
    `base` leaves the path and passes no Host on."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        missing = "no nginx on the PATH: install it (apt-get install nginx-light) to run the tests behind a proxy"
        if os.environ.get("ALCORE_BROWSER_TESTS") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    right, below = location("/").replace("8501", str(app.port)), location("/alcore/").replace("8501", str(app.port))
    default = re.sub(r".*proxy_set_header Host .*\n", "", right)
    api = default.replace("location / ", "location /api/ ")
    base = re.sub(r".*proxy_set_header Host .*\n", "", below).replace(f":{app.port}/;", f":{signed.port};")
    blocks = {"default": default, "split": f"{api}\n{right}", "root": right, "below": below, "base": base}
    servers = "\n".join(f"server {{ listen 127.0.0.1:{ports[name]};\n{block}\n}}" for name, block in blocks.items())
    folder = tmp_path_factory.mktemp("nginx")
    kept = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\nhttp {{ access_log off;\n{kept}\n{servers}\n}}\n"
    )
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])

    def is_up() -> bool:
        assert process.poll() is None, (folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", ports["root"])) == 0

    wait(is_up, "nginx did not start")
    yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    process.terminate()
    process.wait()


def label_one(page: Page, home: Path, key: str = "1") -> None:
    """One key on the labeler that is open; the label must be in the store."""
    before = stored(home, "shapes")
    wait_labeler(page, 1)
    page.keyboard.press(key)
    wait(lambda: stored(home, "shapes") != before, "the label was not stored")
    wait_saved(page)
    after = stored(home, "shapes")
    assert after[:-1] == before
    assert after[-1][1:] == ("label", CLASSES[int(key) - 1])


def shown_pictures(page: Page) -> int:
    """How many pictures the Data page's gallery has really drawn."""
    return int(
        page.evaluate(
            """() => {
              const all = (root) => [...root.querySelectorAll('*')].flatMap((e) => (e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]));
              return all(document).filter((e) => e.matches('.alcore-gallery img') && e.naturalWidth > 0).length;
            }"""
        )
    )


# ---- another site's page


def test_a_name_of_another_site_at_our_address_gets_nothing(app: Served, browser: Browser, home: Path) -> None:
    """DNS rebinding: the browser takes us for evil.example, so nothing but the names tells."""
    with browser.browser_type.launch(
        executable_path=shutil.which("chromium"), args=[*CHROMIUM_FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    ) as other:
        page = other.new_context(bypass_csp=True).new_page()  # the page's own policy must not be what keeps it from asking
        evil = f"http://evil.example:{app.port}"
        for path in ("/", "/label", "/static/js/index.js"):
            answer = page.goto(f"{evil}{path}")
            assert answer is not None
            assert answer.status == 403
        expect(page.locator("p")).to_contain_text("This server does not answer for the host 'evil.example")
        expect(page.locator("p")).to_contain_text("ALCORE_HOSTS=evil.example")
        asked = """([url, method]) => fetch(url, {method, headers: {"Content-Type": "application/json"}, body: method === "POST" ? "{}" : undefined})
          .then(async (answer) => [answer.status, (await answer.json()).error], () => "no answer")"""
        status, error = page.evaluate(asked, [f"{evil}/api/v1/health", "GET"])
        assert (status, "ALCORE_HOSTS" in error) == (403, True)
        assert page.evaluate(asked, [f"{evil}/api/v1/projects/shapes/annotations", "POST"])[0] == 403
        socket_ = """(url) => new Promise((resolve) => {
          const socket = new WebSocket(url, ["streamlit"]);
          socket.onopen = () => resolve("open");
          socket.onclose = (event) => resolve(`closed ${event.code}`);
        })"""
        assert page.evaluate(socket_, f"ws://evil.example:{app.port}/_stcore/stream") == "closed 1006"
        # and a page of another site that asks us by our own name
        assert page.evaluate(socket_, f"ws://127.0.0.1:{app.port}/_stcore/stream") == "closed 1006"
        assert page.evaluate(asked, [f"http://127.0.0.1:{app.port}/api/v1/origin", "POST"]) == "no answer"


def raw_handshake(port: int, **headers: str) -> str:
    """The status line of the WebSocket's answer."""
    lines = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    } | headers
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as link:
        link.sendall(
            ("GET /_stcore/stream HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode()
        )
        return link.recv(4096).split(b"\r\n")[0].decode()


def test_the_handshake_is_refused_with_403_by_host_and_by_origin(app: Served) -> None:
    assert raw_handshake(app.port) == "HTTP/1.1 101 Switching Protocols"
    assert raw_handshake(app.port, Origin=app.url) == "HTTP/1.1 101 Switching Protocols"
    assert raw_handshake(app.port, Host="evil.example") == "HTTP/1.1 403 Forbidden"
    assert raw_handshake(app.port, Origin="http://evil.example") == "HTTP/1.1 403 Forbidden"
    assert raw_handshake(app.port, Origin="http://127.0.0.1:1") == "HTTP/1.1 403 Forbidden"


def test_every_page_runs_under_its_policy_and_asks_nobody_else(app: Served, page_factory: PageFactory) -> None:
    page = page_factory()
    troubles: list[str] = []
    page.on("console", lambda said: troubles.append(said.text) if "Content Security Policy" in said.text else None)
    page.on(
        "request",
        lambda asked: troubles.append(asked.url) if not asked.url.startswith((app.url, "blob:", "data:", f"ws{app.url[4:]}")) else None,
    )
    page.goto(f"{app.url}/?project=shapes")
    page.get_by_role("tab", name="Samples").click()
    page.wait_for_function("() => document.readyState === 'complete'")
    wait(lambda: shown_pictures(page) > 0, "no picture was drawn")
    page.get_by_text("Manage", exact=True).click()
    with page.expect_download() as got:
        page.get_by_role("button", name="Labels as CSV").click()
    assert got.value.suggested_filename == "shapes-labels.csv"
    assert Path(got.value.path()).read_text().startswith("path,label")
    page.goto(f"{app.url}/explore?project=shapes")
    page.wait_for_function(MAP_IS_DRAWN)
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=PATIENCE * 1000)
    for name in ("progress", "train"):
        page.goto(f"{app.url}/{name}?project=shapes")
        expect(page.get_by_role("heading", name=name.capitalize(), exact=True)).to_be_visible(timeout=PATIENCE * 1000)
        if name == "progress":
            expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=PATIENCE * 1000)
    page.goto(f"{app.url}/label?project=shapes")
    wait_labeler(page, 1)
    page.goto(f"{app.url}/label?project=street")
    expect(page.locator("canvas.painting").first).to_be_visible(timeout=PATIENCE * 1000)
    assert troubles == []
    page.evaluate(
        "() => { const script = document.createElement('script'); script.textContent = 'window.injected = 1'; document.head.append(script); }"
    )
    assert page.evaluate("() => window.injected") is None
    assert any("Content Security Policy" in said for said in troubles), "what is not ours is refused, so the policy was there"


def test_a_file_that_cannot_be_made_says_why_beside_its_button_and_the_next_click_makes_it(app: Served, page_factory: PageFactory) -> None:
    page = page_factory()
    page.goto(f"{app.url}/?project=shapes")
    page.get_by_text("Manage", exact=True).click()
    page.route("**/files/labels.csv", lambda route: route.fulfill(status=503, json={"error": "the disk is full"}))
    button = page.get_by_role("button", name="Labels as CSV")
    button.click()
    alert = page.locator(".alcore-download").get_by_role("alert")
    expect(alert).to_have_text("the disk is full.")
    expect(button).to_be_enabled()
    page.unroute("**/files/labels.csv")
    with page.expect_download() as got:
        button.click()
    assert Path(got.value.path()).read_text().startswith("path,label")
    expect(alert).to_be_hidden()


# ---- behind nginx


def test_behind_a_proxy_that_changes_host_the_page_says_what_to_set(
    proxies: dict[str, str], app: Served, page_factory: PageFactory
) -> None:
    page = page_factory()
    page.goto(f"{proxies['default']}/label?project=shapes")
    place = proxies["default"].removeprefix("http://")
    expect(page.get_by_role("alert")).to_have_text(
        f"The request comes from a page of '{place}', and this server is called '127.0.0.1:{app.port}'. If that page is this server behind a "
        f"proxy, pass the browser's Host on, or start alcore with ALCORE_HOSTS={place}."
    )


def test_a_refused_label_is_kept_and_the_servers_sentence_is_shown(proxies: dict[str, str], home: Path, page_factory: PageFactory) -> None:
    before = stored(home, "shapes")
    page = page_factory()
    page.route("**/api/v1/origin", lambda route: route.fulfill(status=200, json={}))  # as if it had been right when the page was opened
    page.goto(f"{proxies['split']}/label?project=shapes")
    wait_labeler(page, 1)
    page.keyboard.press("1")
    notice = page.locator(".notice")
    expect(notice).to_contain_text("The server does not take the labels (the request comes from a page of")
    expect(notice).to_contain_text(
        f"ALCORE_HOSTS={proxies['split'].removeprefix('http://')}). 1 label is kept in this browser, trying again."
    )
    expect(page.locator(".save")).to_have_text("1 unsaved")
    assert stored(home, "shapes") == before
    assert page.evaluate("() => Object.keys(localStorage).filter((key) => key.startsWith('alcore:event:')).length") == 1


def test_why_the_server_cannot_store_now_is_said_and_the_label_goes_out_later(app: Served, home: Path, page_factory: PageFactory) -> None:
    before = stored(home, "shapes")
    page = page_factory()
    full = {
        "status": 503,
        "headers": {"Retry-After": "5"},
        "json": {"error": "the disk is full: nothing was stored. Free some space and try again."},
    }
    page.route("**/annotations", lambda route: route.fulfill(**full))
    page.goto(f"{app.url}/label?project=shapes")
    wait_labeler(page, 1)
    page.keyboard.press("3")
    expect(page.locator(".notice")).to_have_text(
        "The server does not take the labels (the disk is full: nothing was stored. Free some space and try again). "
        "1 label is kept in this browser, trying again."
    )
    page.unroute("**/annotations")
    wait_saved(page)
    assert [row[1:] for row in stored(home, "shapes")[len(before) :]] == [("label", CLASSES[2])]


def test_through_the_readmes_block_a_label_is_stored(proxies: dict[str, str], home: Path, page_factory: PageFactory) -> None:
    page = page_factory()
    page.goto(f"{proxies['root']}/label?project=shapes")
    label_one(page, home, "2")


def test_below_a_path_that_the_proxy_takes_away_everything_is_found(proxies: dict[str, str], home: Path, page_factory: PageFactory) -> None:
    page = page_factory()
    page.goto(f"{proxies['below']}/alcore/?project=shapes")
    page.get_by_role("tab", name="Samples").click()
    wait(lambda: shown_pictures(page) > 0, "no picture was drawn")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Explore", exact=True).click()
    page.wait_for_function(MAP_IS_DRAWN)
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Label", exact=True).click()
    label_one(page, home, "3")
    assert page.url.startswith(f"{proxies['below']}/alcore/label")
    page.reload()
    label_one(page, home, "1")
    page.goto(f"{proxies['below']}/alcore/label?project=street")
    expect(page.locator("canvas.painting").first).to_be_visible(timeout=PATIENCE * 1000)


# ---- the sign-in, below a base path


def test_signing_in_by_the_form_and_labeling_below_a_base_path(
    proxies: dict[str, str], signed: Served, home: Path, browser: Browser
) -> None:
    token = (home / "token").read_text()
    profile = browser.new_context(viewport={"width": 390, "height": 800})
    page = profile.new_page()
    page.goto(f"{proxies['base']}/alcore/label?project=shapes")
    field = page.get_by_label("Token", exact=True)
    expect(field).to_be_focused()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    field.fill("not the token")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token of this workspace.")
    page.get_by_label("Token", exact=True).fill(token)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("Enter")
    label_one(page, home, "2")
    assert page.url == f"{proxies['base']}/alcore/label?project=shapes"
    (cookie,) = [one for one in profile.cookies() if one["name"].startswith("alcore-")]
    assert (cookie["httpOnly"], cookie["sameSite"], token in cookie["value"]) == (True, "Lax", False)
    page.goto(f"{proxies['base']}/alcore/?project=shapes")
    page.get_by_role("tab", name="Samples").click()
    wait(lambda: shown_pictures(page) > 0, "no picture was drawn")
    page.goto(f"{proxies['base']}/alcore/logout")
    expect(page.get_by_role("alert")).to_have_text("You are signed out.")
    profile.close()


def test_the_printed_link_signs_in_without_a_proxy(signed: Served, home: Path, browser: Browser) -> None:
    log = (home.parent / f"{signed.port}.log").read_text()
    (link,) = re.findall(r"alcore is at (\S+)", log)
    assert link == f"http://localhost:{signed.port}/alcore/?token={(home / 'token').read_text()}"
    profile = browser.new_context()
    page = profile.new_page()
    page.goto(link)
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible(timeout=PATIENCE * 1000)
    expect(page).to_have_url(re.compile(rf"http://localhost:{signed.port}/alcore/\?project="))
    assert "token" not in page.url
    profile.close()


def test_without_a_sign_in_no_file_and_no_socket_is_given(signed: Served) -> None:
    def status(path: str) -> int:
        try:
            with urllib.request.urlopen(f"{signed.url}{path}", timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    assert status("/alcore/_stcore/health") == 200
    assert status("/alcore/api/v1/health") == 200
    for path in ("/alcore/", "/alcore/label", "/alcore/_stcore/host-config", "/alcore/media/x.csv", "/alcore/static/js/x.js"):
        assert status(path) == 401, path


def test_streamlits_own_start_has_the_same_door(home: Path, tmp_path: Path) -> None:
    """`streamlit run app.py` on every address of the machine: names, origins, the routes' token and the sign-in are asked for alike."""
    token, port = (home / "token").read_text(), free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.address", "0.0.0.0"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"ALCORE_HOME": str(home)}, stdout=log, stderr=log)

    def ask(path: str, **headers: str) -> int:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            link.request("GET", path, headers=headers)
            answer = link.getresponse()
            cookies.extend(value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie", []))
            return answer.status
        except OSError:
            return 0
        finally:
            link.close()

    cookies: list[str] = []
    try:
        wait(lambda: ask("/_stcore/health") == 200, "streamlit run did not start")
        assert ask("/", Host="evil.example") == 403
        assert ask("/") == 401
        assert ask("/api/v1/jobs", Authorization=f"Bearer {token}") == 200
        assert raw_handshake(port) == "HTTP/1.1 403 Forbidden"
        cookies.clear()
        assert ask(f"/?token={token}") == 303
        signed_in = {"Cookie": next(cookie for cookie in cookies if cookie.startswith("alcore-"))}
        assert ask("/", **signed_in) == 200
        assert raw_handshake(port, **signed_in) == "HTTP/1.1 101 Switching Protocols"
        assert raw_handshake(port, **signed_in, Origin="http://evil.example") == "HTTP/1.1 403 Forbidden"
    finally:
        process.terminate()
        process.wait()
