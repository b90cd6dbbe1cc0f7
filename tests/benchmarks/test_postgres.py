"""The server that tests and benchmarks start: found where Debian puts it, refused in words where it is not, gone afterwards."""

from __future__ import annotations

import pytest

from benchmarks import postgres


def test_without_a_server_on_the_machine_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(postgres, "programs", lambda: None)
    with pytest.raises(FileNotFoundError, match="install Debian's package postgresql"):
        postgres.Server(tmp_path)


def test_programs_are_found_on_the_path_first(monkeypatch, tmp_path):
    for name in ("initdb", "pg_ctl"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres.programs() == tmp_path
    (tmp_path / "pg_ctl").unlink()
    assert postgres.programs() != tmp_path


def test_what_must_not_be_skipped_is_said_by_the_environment(monkeypatch):
    for value, needed in (("required", True), ("", False), ("other", False)):
        monkeypatch.setenv("ALCORE_POSTGRES_TESTS", value)
        assert postgres.needed() is needed


@pytest.mark.skipif(postgres.programs() is None and not postgres.needed(), reason="there is no PostgreSQL on this machine")
def test_a_killed_server_starts_again_with_what_it_had_and_nothing_is_left_of_it_in_the_end():
    with postgres.server() as own:
        name = own.make()
        own.sql("CREATE TABLE kept AS SELECT 7 AS n", name)
        first = own.postmaster
        own.kill()
        own.start()
        assert own.postmaster != first
        assert own.sql("SELECT n FROM kept", name) == [(7,)]
        dumped = own.dump(name)
        other = own.make()
        own.restore(dumped, other)
        assert own.sql("SELECT n FROM kept", other) == [(7,)]
        own.drop(name)
        assert own.sql(f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == [(0,)]
        folder, last = own.folder, own.postmaster
    assert not folder.exists()
    assert not postgres._runs(last)
