"""Real Chromium through Playwright, and the made-up server of fake_app.py in a process of its own that tests can kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from alcore.project.facade import Project, Workspace
from tests.browser.real_app import App
from tests.browser.real_lab import Lab
from tests.conftest import QUICK, write_source
from tests.house import ROOT
from tests.scenes import few_streets

# The last of several such switches counts, so what Playwright switches off (chromiumSwitches.ts) stands here again. The last three are ours:
# with every window Chromium renders two pages for the address bar, which nobody sees here, and with every page a process in store.
SWITCHED_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,"
    "MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,TcpPortRandomizationWin,"
    "OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,msForceBrowserSignIn,"
    "msEdgeUpdateLaunchServicesPreferredVersion,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess"
)
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={SWITCHED_OFF}",
)

# What the labeler shows when a key arrives, before it sees the key: [key, live, item, file name] of each. A key is live when it was pressed
# after its picture was on the screen: on a busy machine it may arrive later than that and have been pressed before.
WATCH = """
window.pressed = [];
let since = 0, watched = null;
const find = (root) => root.querySelector(".labeler") || [...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find(Boolean);
window.addEventListener("keydown", (event) => {
  const labeler = find(document);
  if (!labeler) return;
  if (watched !== labeler) {
    watched = labeler;
    const note = () => { since = labeler.dataset.live === "1" ? performance.now() : Infinity; };
    new MutationObserver(note).observe(labeler, { attributes: true, attributeFilter: ["data-live"] });
  }
  const live = labeler.dataset.live === "1" && event.timeStamp >= since;
  window.pressed.push([event.key, live, Number(labeler.dataset.item), labeler.querySelector(".path")?.textContent]);
}, true);
"""

expect.set_options(timeout=20_000)  # what is waited for comes at once on a quiet machine; five seconds are short beside other work


class Server:
    """`uvicorn MODULE:app` on a free port, from the repository's root."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.module = module
        quiet = {
            "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
            "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
            "STREAMLIT_LOGGER_LEVEL": "error",
            "PYTHONPATH": str(ROOT),
        }
        self.environment = os.environ | quiet | environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            f"{self.module}:app",
            "--port",
            str(self.port),
            "--log-level",
            "warning",
            "--no-access-log",
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2).read()
                return
            except (urllib.error.URLError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.module} did not start: exit code {self.process.poll()}") from None
                time.sleep(0.05)

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.loads(answer.read())

    def post(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def control(self, **settings: Any) -> None:
        self.post("/control", **settings)

    def rows(self, project: str) -> list[tuple[int, str, str | None]]:
        """The stored events as (item, kind, value), in the order they were stored."""
        return [(item, kind, value) for item, kind, value, *_ in self.get(f"/rows/{project}")]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("no Chromium on the PATH: install it (apt-get install chromium) to run the browser tests")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_FLAGS))
        yield running
        running.close()


def missing(what: str) -> None:
    """Skips, or fails where browser tests are required."""
    if os.environ.get("ALCORE_BROWSER_TESTS") == "required":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script of axe-core, which finds what keeps people from using a page: below ALCORE_AXE, else where the Makefile puts it."""
    folders = [Path(folder) for folder in (os.environ.get("ALCORE_AXE"), ROOT / ".venv" / "node") if folder]
    found = [script for folder in folders if (script := folder / "node_modules" / "axe-core" / "axe.min.js").is_file()]
    if not found:
        missing("no axe-core: `make .venv/.done` installs it with npm, or name its folder in ALCORE_AXE")
    return found[0]


@pytest.fixture(scope="module")
def bare_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The real app without any project."""
    served = App(tmp_path_factory.mktemp("bare") / "home")
    served.start()
    yield served
    served.kill()


PageFactory = Callable[..., Page]


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One browser profile for all tests: Streamlit's scripts are loaded and compiled once. The empty page keeps its window open: a test's
    page is a tab of it, which costs a third less than a window and a renderer of its own."""
    profile = browser.new_context()
    profile.new_page()
    yield profile
    profile.close()


@pytest.fixture
def page_factory(context: BrowserContext) -> Iterator[PageFactory]:
    """`page_factory(width=1280, height=800, color_scheme="light")` gives a new page; a script error on any of them fails the test."""
    pages, errors = [], []

    def make(width: int = 1280, height: int = 800, color_scheme: Any = "light") -> Page:
        page = context.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield make
    for page in pages:
        page.close()
    assert errors == []


@pytest.fixture(scope="session")
def shared_fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The fake server of all tests that do not kill it."""
    server = Server("tests.browser.fake_app", {"FAKE_DATABASE": str(tmp_path_factory.mktemp("fake") / "events.db")})
    server.start()
    yield server
    server.kill()


@pytest.fixture
def fake(shared_fake: Server) -> Iterator[Server]:
    """The shared fake server, well again after each test."""
    yield shared_fake
    shared_fake.control(down=None, delay=0, reject=[], lose_answer=False)


@pytest.fixture
def mortal_fake(tmp_path: Path) -> Iterator[Server]:
    """A fake server of this test's own, to be killed and started again."""
    server = Server("tests.browser.fake_app", {"FAKE_DATABASE": str(tmp_path / "events.db")})
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def notebook_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with `street`, of which 2 masks are asked for, and `toy` after a round."""
    folder = tmp_path_factory.mktemp("notebooks")
    workspace = Workspace(folder / "home")
    Project.import_into(workspace, "street", few_streets(folder / "streets")).start(2, "random", seed=0)
    toy = Project.import_into(workspace, "toy", write_source(folder / "toy"))
    toy.label_from_truth(8, seed=0)
    toy.run_round("margin", query_size=12, seed=0, train=QUICK, report=lambda progress: None)
    write_source(folder / "fresh")
    workspace.close()
    return folder / "home"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    served = Lab(tmp_path_factory.mktemp("lab"))
    served.start()
    yield served
    served.stop()
