"""Uploads in real Chromium: through nginx with bodies of 1 MB and a killed server, of files, folders and zips; and the server's folders.

One nginx stands before one app that may read one root; every file that arrives is compared by its hash.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from alcore.project.facade import Workspace
from alcore.uploads.roots import VARIABLE
from tests.browser.conftest import PageFactory, missing
from tests.browser.real_app import PATIENCE, App, wait
from tests.browser.test_accessibility import findings
from tests.browser.test_front_door import free_port
from tests.house import ROOT

pytestmark = pytest.mark.browser

PHOTOS = 2_000
SOURCE = "Folder, CSV or array file on this machine"
DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, bytes] of files) transfer.items.add(new File([new Uint8Array(bytes)], name, { lastModified: 1700000000000 }));
  for (const kind of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def photo(rng: np.random.Generator) -> bytes:
    """A JPEG of about 20 kB."""
    made = io.BytesIO()
    small = Image.fromarray(rng.integers(0, 255, (32, 42, 3), np.uint8))
    small.resize((336, 256), Image.Resampling.BICUBIC).save(made, "JPEG", quality=80)
    return made.getvalue()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where 2,000 photos lie in two class folders, and the zip of them; beside it a folder that may not be read."""
    place = tmp_path_factory.mktemp("upload")
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(place / "photos.zip", "w") as packed:
        for number in range(PHOTOS):
            file = place / "data" / "photos" / ("cat", "dog")[number % 2] / f"ü {number:04d}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(photo(rng))
            packed.write(file, file.relative_to(place / "data" / "photos"))
    (place / "secret").mkdir()
    (place / "secret" / "x.jpg").write_bytes(photo(rng))
    return place


@pytest.fixture(scope="module")
def app(root: Path) -> Iterator[App]:
    workspace = Workspace(root / "home")
    assert workspace.token  # makes its file, which App reads
    (workspace.home / "uploads").mkdir()  # as after a first upload
    workspace.close()
    served = App(root / "home", **{VARIABLE: str(root / "data")})
    served.start()
    yield served
    served.kill()


@pytest.fixture(scope="module")
def proxies(app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The README's nginx twice: one takes bodies of 1 MB as it does when nobody says otherwise, one of 100 kB."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        missing("no nginx on the PATH: install it (apt-get install nginx-light) to run the tests behind a proxy")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```nginx\n(location / \{.*?\n\})\n```", readme, re.S)
    block, ports = block.replace("8501", str(app.port)), [free_port(), free_port()]
    servers = "\n".join(
        f"server {{ listen 127.0.0.1:{port};\n{re.sub(r'client_max_body_size [0-9a-z]+;', f'client_max_body_size {most};', block)}\n}}"
        for port, most in zip(ports, ("1m", "100k"), strict=True)
    )
    folder = tmp_path_factory.mktemp("nginx")
    kept = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\nhttp {{ access_log off;\n{kept}\n"
        f"{servers}\n}}\n"
    )
    process = subprocess.Popen([str(nginx), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])

    def is_up() -> bool:
        assert process.poll() is None, (folder / "error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", ports[0])) == 0

    wait(is_up, "nginx did not start")
    yield [f"http://127.0.0.1:{port}" for port in ports]
    process.terminate()
    process.wait()


@pytest.fixture
def proxy(proxies: list[str]) -> str:
    """The one that takes 1 MB."""
    return proxies[0]


@pytest.fixture
def page(page_factory: PageFactory, proxy: str) -> Page:
    page = page_factory()
    open_data(page, proxy)
    return page


def open_data(page: Page, proxy: str) -> None:
    page.goto(proxy)
    expect(page.locator(".upload[data-state=idle]")).to_be_visible(timeout=PATIENCE * 1000)


def wait_state(page: Page, state: str) -> None:
    expect(page.locator(f".upload[data-state={state}]")).to_be_visible(timeout=3 * PATIENCE * 1000)


def wait_taken_for(page: Page, words: str) -> None:
    expect(page.get_by_text(words, exact=False)).to_be_visible(timeout=PATIENCE * 1000)


def hashes(folder: Path) -> dict[str, str]:
    """The files below a folder, and the hash of each."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()
    }


def zip_of(how: int = zipfile.ZIP_STORED, **files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return made.getvalue()


def in_memory(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def test_two_thousand_photos_as_a_zip_survive_a_killed_server_and_a_reload(page: Page, app: App, root: Path, proxy: str) -> None:
    passed, plan = [0], {"kill": 15, "cut": 10**9}

    def pass_on(route: Route) -> None:
        passed[0] += 1
        if passed[0] == plan["kill"]:
            app.kill()
        if passed[0] > plan["cut"]:
            route.abort()
        else:
            route.continue_()

    page.route("**/pieces", pass_on)
    page.get_by_label("Files to upload").set_input_files(root / "photos.zip")
    expect(page.locator(".upload .now")).to_contain_text("The server does not answer. Trying again", timeout=PATIENCE * 1000)
    part = next((app.home / "uploads" / ".photos.upload" / "parts").iterdir())
    assert 10_000_000 < part.stat().st_size < 16_000_000  # fourteen pieces of nearly a megabyte
    assert not (app.home / "uploads" / "photos").exists()
    plan["cut"] = passed[0] + 8
    app.start()
    expect(page.locator(".upload .now .quiet")).to_be_hidden(timeout=PATIENCE * 1000)  # it goes on by itself, and the network breaks
    expect(page.locator(".upload .now")).to_contain_text("The server does not answer. Trying again", timeout=PATIENCE * 1000)
    page.goto("about:blank")  # and then the page is gone, too
    there = part.stat().st_size
    assert there > 14_000_000
    open_data(page, proxy)
    expect(page.locator(".upload .there")).to_contain_text(
        re.compile(r"photos\s*\d\d\.\d MB of 40\.\d MB are here: drop the same files again to go on")
    )
    passed[0], plan["cut"] = 0, 10**9
    plan["kill"] = 0
    page.get_by_label("Files to upload").set_input_files(root / "photos.zip")
    wait_state(page, "done")
    whole = (root / "photos.zip").stat().st_size
    assert passed[0] <= -(-(whole - there) // 900_000) + 1  # what was there is not sent again
    assert hashes(app.home / "uploads" / "photos") == hashes(root / "data" / "photos")
    wait_taken_for(page, "Read as class folders: 2 classes, 2,000 images")
    expect(page.get_by_label(SOURCE)).to_have_value(str(app.home / "uploads" / "photos"))


def test_a_folder_of_two_thousand_files_goes_in_few_requests(page: Page, app: App, root: Path) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/pieces") else None)
    page.get_by_label("A folder to upload").set_input_files(root / "data" / "photos")
    wait_state(page, "done")
    expect(page.locator(".upload .good")).to_contain_text("photos-2 is here: 2,000 files, 40.")
    assert hashes(app.home / "uploads" / "photos-2") == hashes(root / "data" / "photos")
    assert len(sent) < 60
    wait_taken_for(page, "Read as class folders: 2 classes, 2,000 images")


def test_dropped_files_arrive_and_what_must_not_be_is_refused_in_a_sentence(page: Page, app: App) -> None:
    rng = np.random.default_rng(1)
    photos = {name: photo(rng) for name in ("a.jpg", "ünï 写.jpg", "con.jpg")}
    page.evaluate(DROP, [[name, list(content)] for name, content in (photos | {".DS_Store": b"x"}).items()])
    wait_state(page, "done")
    expect(page.locator(".upload .good")).to_have_text(re.compile(r"photos-3 is here: 3 files, .* 1 hidden file was left out\."))
    assert sorted(hashes(app.home / "uploads" / "photos-3").values()) == sorted(
        hashlib.sha256(content).hexdigest() for content in photos.values()
    )
    assert {"a.jpg", "ünï 写.jpg"} < hashes(app.home / "uploads" / "photos-3").keys()
    wait_taken_for(page, "3 images")
    problem = page.locator(".upload > .problem")
    for name, content, words in (
        ("empty.zip", b"", "empty.zip is empty (0 bytes): make the zip again and drop it once more."),
        (
            "slip.zip",
            zip_of(**{"../../slip.jpg": b"x"}),
            "slip.zip is refused: its entry '../../slip.jpg' would be written outside its folder. ",
        ),
        (
            "bomb.zip",
            zip_of(zipfile.ZIP_DEFLATED, a=bytes(120_000_000)),
            "bomb.zip is refused: 117 kB would grow to 120 MB, more than 200 times",
        ),
    ):
        page.get_by_label("Files to upload").set_input_files(in_memory(name, content))
        expect(problem).to_contain_text(words, timeout=PATIENCE * 1000)
        wait_state(page, "failed")
    assert list(app.home.parent.rglob("slip.jpg")) == []
    page.get_by_role("button", name="Remove photos-3").click()
    page.get_by_role("button", name="Remove photos-3 for good").click()
    expect(page.locator(".upload .there")).not_to_contain_text("photos-3")
    assert not (app.home / "uploads" / "photos-3").exists()


def test_a_proxy_that_allows_less_gets_smaller_pieces(page: Page, app: App, proxies: list[str]) -> None:
    open_data(page, proxies[1])
    content = np.random.default_rng(2).bytes(700_000)
    page.get_by_label("Files to upload").set_input_files(in_memory("large.jpg", content))
    wait_state(page, "done")
    assert (app.home / "uploads" / "large" / "large.jpg").read_bytes() == content


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_folders_are_stepped_through_by_keys_and_nothing_else_is_read(
    page_factory: PageFactory, proxy: str, root: Path, axe: Path, width: int, scheme: str
) -> None:
    page = page_factory(width=width, color_scheme=scheme)
    open_data(page, proxy)
    page.get_by_role("button", name="Folders of the server").click()
    picker = page.locator(".upload .picker")
    expect(picker.locator("li")).to_have_text([re.compile(rf"{re.escape(str(root))}/data\s*2,000 images"), re.compile("uploads")])
    expect(picker.locator("li button").first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(picker).to_have_attribute("data-at", str(root / "data"))
    page.keyboard.press("Enter")
    expect(picker.locator("li")).to_have_text([re.compile(r"cat\s*1,000 images"), re.compile(r"dog\s*1,000 images")])
    page.keyboard.press("ArrowDown")
    expect(picker.get_by_role("button", name="dog")).to_be_focused()
    page.evaluate(axe.read_text())
    assert findings(page) == []
    assert (
        page.evaluate("() => { const main = document.querySelector('[data-testid=stMain]'); return main.scrollWidth - main.clientWidth; }")
        == 0
    )
    page.keyboard.press("ArrowLeft")
    expect(picker.get_by_role("button", name="photos")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(picker).to_have_attribute("data-at", str(root / "data" / "photos"))
    picker.get_by_role("button", name="Use this folder").click()
    wait_taken_for(page, "Read as class folders: 2 classes, 2,000 images")
    for path in (root / "secret", root / "data" / ".." / "secret", Path("/etc/passwd"), root / "nowhere"):
        field = page.get_by_label(SOURCE)
        field.fill(str(path))
        field.press("Enter")
        expect(
            page.get_by_role("alert").filter(has_text=f"/{path.name}' lies outside the folders that this server may read")
        ).to_be_visible()
        expect(page.get_by_label("Name of the project")).to_have_value("")
