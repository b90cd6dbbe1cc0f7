"""Pages run headless (AppTest): opened, read and pressed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button, Selectbox, TextInput

from alcore.project.facade import Workspace
from alcore.types import Job
from tests.house import ROOT

SECONDS = 60.0  # for what takes a moment on a quiet machine


def show(page: str, project: str | None = None, **asked: str) -> AppTest:
    """A page as one opens it, with a project and what else stands in its address."""
    at = AppTest.from_file(str(ROOT / "pages" / "navigation.py"), default_timeout=SECONDS)
    for name, value in (({"project": project} if project else {}) | asked).items():
        at.query_params[name] = value
    at.switch_page(f"{page}.py")
    return ran(at)


def ran(at: AppTest) -> AppTest:
    at.run()
    assert list(at.exception) == []
    return at


def words(at: AppTest) -> str:
    """Everything a person can read on the page and beside it."""
    said: list[str] = []
    for part in (at.main, at.sidebar):
        for node in part:
            said += [str(value) for name in ("label", "value", "placeholder") if isinstance(value := getattr(node, name, None), str)]
            said += list(getattr(node, "options", []) if isinstance(node, Selectbox) else [])
    return "\n".join(said)


def button(at: AppTest, label: str) -> Button:
    found = [b for b in at.button if b.label == label]
    assert len(found) == 1, f"{label!r} among {[b.label for b in at.button]}"
    return found[0]


def press(at: AppTest, label: str) -> AppTest:
    button(at, label).click()
    return ran(at)


def field(at: AppTest, label: str) -> TextInput:
    return next(f for f in at.text_input if f.label == label)


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)


def ended(workspace: Workspace, job_id: int) -> Job:
    wait(lambda: workspace.runner.snapshot(job_id).over)
    return workspace.runner.snapshot(job_id)
