"""The way to a provider of identities and back; and what else the door decides by whom somebody is."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from alcore.accounts.asking import mark_of
from alcore.door import signin
from alcore.uploads.roots import Roots
from tests.door.bare import HTML, handshake, sign_in


@pytest.fixture
def vouched(make_app, people) -> TestClient:
    return TestClient(make_app(vouches=lambda: True), base_url="http://127.0.0.1:8501", follow_redirects=False)


def test_a_stranger_on_the_way_to_a_provider_gets_the_empty_shell_and_nothing_else(vouched, reached):
    assert '<a href="./?provider">' in vouched.get("/", headers=HTML).text
    shell = ["/?provider", "/static/js/x.js", "/_stcore/host-config", "/auth/login", "/oauth2callback"]
    assert [vouched.get(path, headers=HTML).status_code for path in shell] == [200] * len(shell)
    others = ["/label?provider", "/media/x", "/app/static/x", "/component/x", "/_stcore/upload_file/a", "/anything"]
    assert [vouched.get(path, headers=HTML).status_code for path in others] == [401] * len(others)
    assert vouched.put("/_stcore/upload_file/a/b").status_code == 401
    assert vouched.get("/api/v1/jobs").status_code == 401
    assert handshake(vouched) == "hello"
    vouched.cookies.set("_streamlit_user", "anything")  # who came back; the page finds out who it is
    assert vouched.get("/", headers=HTML).status_code == 200
    assert vouched.get("/label", headers=HTML).status_code == 401


def test_without_a_provider_there_is_no_shell(there):
    assert "organisation" not in there.get("/", headers=HTML).text
    for path in ("/?provider", "/auth/login", "/oauth2callback"):
        assert there.get(path, headers=HTML).status_code == 401


def test_a_ticket_signs_in_whom_it_names_once_in_the_browser_that_came_back(make_app, vouched, workspace, people):
    account, mark = people.named("Bea"), mark_of({"_streamlit_user": "word of a provider"})

    def ticket(purpose: str = signin.TICKET, seconds: float = 60, of: str = mark) -> str:
        return f"/?ticket={workspace.seal(purpose, [account.standing, of], seconds)}"

    vouched.cookies.set("_streamlit_user", "word of a provider")
    for bad in (ticket(seconds=-1), ticket("other"), ticket(of="other"), "/?ticket=x", f"/?ticket={workspace.seal(signin.TICKET, [], 60)}"):
        assert "set-cookie" not in vouched.get(bad, headers=HTML).headers
    good = ticket()
    elsewhere = TestClient(make_app(vouches=lambda: True), base_url="http://127.0.0.1:8501", follow_redirects=False)
    assert elsewhere.get(good, headers=HTML).status_code == 401
    good = ticket()
    answer = vouched.get(good, headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    assert vouched.get("/label", headers=HTML).status_code == 200
    (newest, *_) = people.happened(1)
    assert (newest.who, newest.what, newest.details) == ("Bea", "signed in", "by a provider of identities")
    vouched.get("/logout", headers=HTML)
    vouched.cookies.set("_streamlit_user", "word of a provider")
    assert "set-cookie" not in vouched.get(good, headers=HTML).headers


def test_only_an_owners_page_takes_files(client, people, reached):
    for name, status in (("Bea", 403), ("Ann", 200)):
        there = client()
        sign_in(there, name)
        assert there.put("/_stcore/upload_file/a/b").status_code == status
    assert [path for path, _ in reached] == ["/_stcore/upload_file/a/b"]


def test_where_people_have_accounts_pages_read_no_folder_that_nobody_named(there, workspace, monkeypatch):
    monkeypatch.delenv("ALCORE_DATA_ROOTS", raising=False)
    assert Roots.of(workspace.home).open
    there.get("/", headers=HTML)
    assert not Roots.of(workspace.home).open
    monkeypatch.setenv("ALCORE_DATA_ROOTS", "/photos")
    there.get("/", headers=HTML)
    assert [str(one) for one in Roots.of(workspace.home).allowed] == ["/photos"]
