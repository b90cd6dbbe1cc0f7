"""A real JupyterLab in a process of its own, on folders that are nobody's, and what a person does on its page."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

from alcore.project.facade import Workspace
from tests.browser.real_app import wait
from tests.house import ROOT


class Lab:
    """JupyterLab on a free port of this machine, for those who have its token; it asks nobody for news."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.url = folder, f"http://127.0.0.1:{self.port}"
        self.token = secrets.token_hex(16)
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir(parents=True)

    def start(self) -> None:
        settings = self.folder / "settings"
        quiet = settings / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        quiet.parent.mkdir(parents=True)
        quiet.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}), encoding="utf-8")
        places = {name: str(self.folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
        places |= {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces")}
        places |= {
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "ALCORE_FORECAST": "0",
            "JUPYTER_TOKEN": self.token,
        }
        told = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": False,
            "ServerApp.root_dir": str(self.notebooks),
            "ServerApp.allow_root": True,
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "LabApp.news_url": "",
            "LabApp.extension_manager": "readonly",
        }
        command = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in told.items())]
        self.log = (self.folder / "lab.log").open("ab")
        self.process = subprocess.Popen(command, cwd=self.notebooks, env=os.environ | places, stdout=self.log, stderr=self.log)
        wait(self._is_there, "JupyterLab did not start")

    def _is_there(self) -> bool:
        assert self.process.poll() is None, (self.folder / "lab.log").read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """With its kernels: a killed one would leave them."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()

    def open(self, page: Page, name: str, cells: Sequence[str]) -> LabPage:
        """A notebook of these cells, on a page that shows nothing but it."""
        metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=metadata)
        nbformat.write(notebook, self.notebooks / f"{name}.ipynb")
        page.goto(f"{self.url}/doc/workspaces/{name}/tree/{name}.ipynb?reset&token={self.token}")
        expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(len(cells), timeout=60_000)
        expect(page.locator("#jp-main-statusbar").get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
        return LabPage(page)


class LabPage:
    """A notebook that is open."""

    def __init__(self, page: Page) -> None:
        self.page, self.ran = page, 0

    def cell(self, at: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(at)

    def run(self, at: int) -> None:
        """Runs a cell and waits until it is over."""
        self.begin(at)
        self.ended(at)

    def begin(self, at: int) -> None:
        self.ran += 1
        self.cell(at).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def ended(self, at: int) -> None:
        """Waits until the cell that was begun last is over, without an error."""
        expect(self.cell(at).locator(".jp-InputPrompt")).to_have_text(f"[{self.ran}]:", timeout=90_000)
        expect(self.cell(at).locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']")).to_have_count(0)

    def text(self, at: int) -> str:
        """What a cell printed."""
        return self.cell(at).locator(".jp-OutputArea-output pre").first.inner_text().strip()

    def choose(self, *names: str) -> None:
        """Goes through the menus."""
        self.page.locator(".lm-MenuBar-item", has_text=names[0]).click()
        for name in names[1:]:
            self.page.locator(".lm-Menu-item").get_by_text(name, exact=True).click()


def stored(home: Path, project: str) -> list[tuple[int, str, str | None, str]]:
    """(item, kind, value, annotator) of every answer given by hand, as another process than the kernel reads it."""
    workspace = Workspace(home)
    events = workspace.project(project).journal.events()
    workspace.close()
    return [(one["item_id"], one["kind"], one["value"], one["annotator"]) for one in events if one["annotator"] not in ("oracle", "import")]


def query(home: Path, project: str) -> list[int]:
    workspace = Workspace(home)
    asked = [item["id"] for item in workspace.project(project).queue(48)["items"]]
    workspace.close()
    return asked


def opened(home: Path, project: str) -> str:
    return f"import alcore\nproject = alcore.Project.open({project!r}, home={str(home)!r})"
