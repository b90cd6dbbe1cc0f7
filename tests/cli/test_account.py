"""The verb account: what it does, what it prints, and what it refuses."""

from __future__ import annotations

import io
import json

import pytest

from alcore.cli import account as module
from alcore.cli.main import main
from alcore.project.facade import Workspace

WORD = "correct horse"


@pytest.fixture
def verb(tmp_path, monkeypatch, capsys):
    """`verb("add", "Ann", "--role", "owner")`: its answer, or the line that says why not."""
    monkeypatch.delenv("ALCORE_SIGN_IN", raising=False)

    def run(*words: str, typed: str = f"{WORD}\n") -> object:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        done = main(["account", *words, "--home", str(tmp_path / "home"), "--json"])
        out, said = capsys.readouterr()
        return json.loads(out) if done == 0 else said.strip()

    return run


def opened(tmp_path) -> Workspace:
    return Workspace(tmp_path / "home")


def test_an_account_is_made_changed_and_ended(verb, tmp_path):
    made = verb("add", "Ann", "--role", "owner")
    assert {name: made[name] for name in ("name", "role", "email", "password", "ended")} == {
        "name": "Ann", "role": "owner", "email": "", "password": True, "ended": None,
    }  # fmt: skip
    assert verb("add", "Bea", "--role", "viewer", "--email", "bea@lab.example", "--no-password")["password"] is False
    assert verb("role", "bea", "--role", "annotator")["role"] == "annotator"
    assert verb("email", "Bea", "--email", "")["email"] == ""
    assert verb("password", "Bea", typed="another word 1\n")["password"] is True
    workspace = opened(tmp_path)
    standing = workspace.accounts.sign_in("Bea", "another word 1").standing
    verb("sign-out", "Bea")
    assert workspace.accounts.of(standing) is None
    assert verb("end", "Bea")["ended"] is not None
    assert verb("back", "Bea")["ended"] is None
    told = verb("list")
    assert [(one["name"], one["role"]) for one in told["accounts"]] == [("Ann", "owner"), ("Bea", "annotator")]
    events = [(e["who"], e["what"], e["whom"]) for e in reversed(verb("log")["events"])]
    assert events == [("console", what, who) for what, who in (
        ("added", "Ann"), ("added", "Bea"), ("role", "Bea"), ("address", "Bea"), ("password", "Bea"))] + [
        ("Bea", "signed in", "Bea"), ("console", "sessions ended", "Bea"), ("console", "ended", "Bea"), ("console", "back", "Bea")]  # fmt: skip
    workspace.close()


def test_links_are_printed_once_and_work(verb, tmp_path):
    verb("add", "Ann", "--role", "owner")
    invited, renewed = verb("invite", "--role", "viewer", "--days", "2"), verb("renew", "Ann")
    workspace = opened(tmp_path)
    (first, second) = workspace.accounts.invitations()
    assert first.expires - first.created == pytest.approx(2 * 86_400, abs=1)
    assert second.expires - second.created == pytest.approx(7 * 86_400, abs=1)
    assert [one["for"] for one in verb("list")["invitations"]] == ["anybody", "Ann"]
    assert workspace.accounts.join(invited["link"].removeprefix("/?invite="), "Vic", WORD).role.word == "viewer"
    assert workspace.accounts.join(renewed["link"].removeprefix("/?invite="), "", "another word 1").name == "Ann"
    workspace.close()


def test_a_token_is_the_accounts_and_ends_with_it(verb, tmp_path):
    verb("add", "Ann", "--role", "owner")
    verb("add", "Bea", "--role", "annotator")
    token = verb("token", "Bea", "--days", "2")["token"]
    workspace = opened(tmp_path)
    grant = workspace.verify(token)
    assert (grant.project, grant.annotator, grant.role.word) == (None, "Bea", "annotator")
    verb("end", "Bea")
    assert workspace.verify(token) is None
    assert "the account 'Bea' has ended" in verb("token", "Bea")
    workspace.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("end",), "account end: say whose, as in `account end ann`"),
        (("end", "Zoe"), "there is no account 'Zoe' (accounts: Ann)"),
        (("add", "Bea"), "account add: say the role, --role viewer or annotator or owner"),
        (("add", "Bea", "--role", "boss"), "'boss' is no role"),
        (("email", "Ann"), "account email: say which with --email ADDRESS"),
        (("token", "Ann", "--days", "0"), "--days 0: a token is good for up to 366"),
        (("renew", "Ann", "--days", "0"), "an invitation is good for up to 90 days, not 0"),
        (("token", "Ann", "--days", "400"), "--days 400: a token is good for up to 366"),
        (("end", "Ann"), "'Ann' is the only owner"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(verb, words, said):
    verb("add", "Ann", "--role", "owner")
    assert said in verb(*words)


def test_a_terminal_is_asked_twice(verb, monkeypatch, tmp_path):
    typed = iter([WORD, WORD, WORD, "something else"])
    monkeypatch.setattr(module.getpass, "getpass", lambda prompt: next(typed))

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(module.sys, "stdin", Terminal())
    assert module._asked_password() == WORD
    with pytest.raises(module.BadInput, match="not the same both times"):
        module._asked_password()
