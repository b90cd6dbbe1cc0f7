"""Where a workspace and the strategies in it lie."""

from __future__ import annotations

from pathlib import Path

from alcore.home import own_strategies, resolve_home


def test_the_argument_counts_then_the_environment_then_the_folder_one_is_in(tmp_path, monkeypatch):
    monkeypatch.setenv("ALCORE_HOME", str(tmp_path / "env"))
    assert resolve_home(None) == tmp_path / "env"
    assert resolve_home(tmp_path / "arg") == resolve_home(str(tmp_path / "arg")) == tmp_path / "arg"
    monkeypatch.delenv("ALCORE_HOME")
    monkeypatch.chdir(tmp_path)
    assert resolve_home(None) == tmp_path / "workspace"
    assert resolve_home("here") == tmp_path / "here"


def test_a_persons_folder_is_taken_for_what_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_home("~/labels") == tmp_path / "labels"
    assert own_strategies(Path("~/labels")) == tmp_path / "labels" / "strategies"
