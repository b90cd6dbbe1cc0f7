"""Tokens of a workspace, and where it lies."""

from __future__ import annotations

import errno
import os

import pytest

from alcore.errors import AlcoreError
from alcore.project.facade import Workspace


def test_the_token_is_made_once_and_readable_by_its_owner_only(workspace, home, monkeypatch):
    token = workspace.token
    assert len(token) >= 32
    assert (home / "token").stat().st_mode & 0o777 == 0o600
    other = Workspace(home)
    assert other.token == token
    other.close()
    monkeypatch.setenv("ALCORE_TOKEN", "of the environment")
    assert workspace.token == "of the environment"


def test_a_signed_token_allows_its_project_until_it_expires_and_no_forged_one_does(workspace, tmp_path, monkeypatch):
    signed = workspace.sign("to y", "ann", seconds=60)
    grant = workspace.verify(signed)
    assert (grant.project, grant.annotator) == ("to y", "ann")
    assert workspace.verify(workspace.token).project is None
    payload, mac = signed.split(".")
    other = Workspace(tmp_path / "other")
    for forged in (
        "",
        ".",
        "x",
        payload,
        f"{payload}.",
        f"{payload[:-2]}.{mac}",
        f"{payload}.{mac[::-1]}",
        other.sign("to y", "ann"),
        other.token,
        "ü.ü",
        f"{payload}.{mac}.{mac}",
    ):
        assert workspace.verify(forged) is None, forged
    other.close()
    assert workspace.verify(workspace.sign("to y", "ann", seconds=-2)) is None


def test_a_workspace_lies_where_the_argument_else_the_environment_says(tmp_path, monkeypatch):
    from alcore.errors import AlcoreError

    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "env"))
    for home, expected in ((None, tmp_path / "env"), (tmp_path / "arg", tmp_path / "arg")):
        opened = Workspace(home)
        assert opened.home == expected
        opened.close()
    (tmp_path / "file").write_text("x")
    with pytest.raises(AlcoreError, match="the workspace .*file cannot be made: File exists"):
        Workspace(tmp_path / "file")


@pytest.mark.parametrize("kept", [b"", b"   \n", b"short", b"\xff\xfe" * 20, b"two words that are long enough"])
def test_a_token_file_that_holds_none_is_made_anew(home, kept):
    home.mkdir()
    (home / "token").write_bytes(kept)
    (home / "token").chmod(0o644)
    opened = Workspace(home)
    token = opened.token
    opened.close()
    assert len(token) == 43
    assert (home / "token").read_text() == token
    assert (home / "token").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir() if path.name.startswith("token")] == ["token"]


def test_a_good_token_stays_and_becomes_its_owners_only(home):
    home.mkdir()
    (home / "token").write_text("a-good-token-of-somebody\n")
    (home / "token").chmod(0o644)
    opened = Workspace(home)
    assert opened.token == "a-good-token-of-somebody"
    opened.close()
    assert (home / "token").stat().st_mode & 0o777 == 0o600


def test_a_workspace_on_a_read_only_disk_is_told_in_one_line(home, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(home / "token"))

    opened = Workspace(home)
    monkeypatch.setattr("alcore.project.place.os.open", refused)
    with pytest.raises(AlcoreError, match=r"^the disk is read-only: .*token\. Choose another workspace with --home or ALCORE_HOME"):
        assert opened.token
    opened.close()
