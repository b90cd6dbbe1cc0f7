"""What the app reads of Streamlit's settings, and what a page says when the machine does not let it work."""

from __future__ import annotations

import errno
import os

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from alcore.errors import DiskFull
from alcore.project import facade as workspaces
from alcore.project.facade import Workspace
from pages.ui import session
from pages.ui.settings import BASE_PATH, SECRETS, base_path, bound_address, take_settings
from tests.house import ROOT

NAVIGATION = ROOT / "pages" / "navigation.py"


@pytest.fixture(autouse=True)
def _settings_as_found():
    kept = {name: (config.get_option(name), config.get_where_defined(name)) for name in (BASE_PATH, SECRETS, "server.address")}
    yield
    for name, (value, where) in kept.items():
        config.set_option(name, value, where)


def test_the_bound_address_is_what_serve_says_else_streamlits_else_every_address(monkeypatch):
    monkeypatch.setenv("ALCORE_BIND", "192.168.1.5")
    assert bound_address() == "192.168.1.5"
    monkeypatch.delenv("ALCORE_BIND")
    config.set_option("server.address", "127.0.0.1")
    assert bound_address() == "127.0.0.1"
    config.set_option("server.address", None)
    assert bound_address() == ""


def test_the_base_path_of_the_environment_counts_under_every_server(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "lab/alcore")
    config.set_option(BASE_PATH, "", "a file")
    assert base_path() == ""
    take_settings()
    assert base_path() == st.get_option(BASE_PATH) == "lab/alcore"


def test_a_base_path_given_to_streamlits_command_line_stays(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_BASE_URL_PATH", "other")
    config.set_option(BASE_PATH, "given", "command-line argument or environment variable")
    take_settings()
    assert base_path() == "given"


def test_the_files_of_secrets_of_the_environment_count_under_every_server(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SECRETS_FILES", os.pathsep.join(["/a/secrets.toml", "/b.toml"]))
    take_settings()
    assert st.get_option(SECRETS) == ["/a/secrets.toml", "/b.toml"]


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.EROFS, os.strerror(errno.EROFS), "/home/x"), "the disk is read-only: /home/x. Choose another workspace with --home or ALCORE_HOME, or make it writable."),
        (DiskFull("the disk is full: nothing was stored."), "the disk is full: nothing was stored."),
    ],
)  # fmt: skip
def test_a_page_says_what_the_machine_refuses_and_shows_no_traceback(home, monkeypatch, problem, words):
    def refused(self: Workspace) -> list[str]:
        raise problem

    monkeypatch.setenv("ALCORE_HOME", str(home))
    monkeypatch.setattr(Workspace, "projects", refused)
    page = AppTest.from_file(str(NAVIGATION), default_timeout=60).run()
    assert ([one.value for one in page.error], list(page.exception)) == ([words], [])
    workspaces._shared.pop(home).close()


def test_a_bug_is_none_of_it(monkeypatch):
    shown: list[str] = []
    monkeypatch.setattr(session.st, "error", lambda text, icon: shown.append(text))
    assert [session.told(bug) for bug in (ValueError("x"), OSError(errno.ENOENT, "x"))] == [False, False]
    assert session.told(DiskFull("the disk is full."))
    assert shown == ["the disk is full."]
    with pytest.raises(ValueError), session.plain_errors():
        raise ValueError("x")
