"""Two apps, one PostgreSQL and nginx under the load of eight annotators: a few kills lose nothing, and what is lost is told."""

from __future__ import annotations

import shutil
from contextlib import contextmanager

import pytest

from alcore.types import Annotation
from benchmarks import __main__ as command
from benchmarks import postgres, team


@pytest.fixture
def _equipped() -> None:
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if not postgres.needed() and (postgres.programs() is None or nginx is None):
        pytest.skip("no PostgreSQL or no nginx on this machine: install Debian's packages postgresql and nginx-light")


@pytest.mark.slow
@pytest.mark.usefixtures("_equipped")
def test_six_kills_of_apps_and_of_the_database_lose_nothing(capsys):
    figures = team.run(6, calm=1.0, whole=False, images=200)
    assert (figures["lost"], figures["wrong"], figures["refused"], figures["unheard"]) == (0, [], [], 0), figures
    assert figures["kills"] == {"app": 3, "database": 1, "power cut": 1, "connections": 1}
    assert figures["acknowledged"] == figures["stored"] >= 8 * 2 * 7  # everybody went on after each
    assert figures["answers"] > 0
    assert not team.failed(figures)
    assert "lost 0, unheard of 0" in capsys.readouterr().out


def test_what_is_lost_or_not_heard_of_is_told(project):
    """One answer of three that were acknowledged is in the journal."""
    one = team.Annotator(0, 0, "", [1], ("0",), 0)
    one.acked = {1: (1, "2"), 2: (1, "3"), 3: (2, "0")}
    one.times = [(1.0, 0.02), (2.0, 0.04), (9.0, 0.5)]
    project.journal.record([Annotation(one.name, 1, 1, "label", "2"), Annotation(one.name, 2, 1, "label", "1")], project.classes)

    class Made:
        people = (one,)

        @contextmanager
        def opened(self):
            yield project

    told = team._told(Made(), 0.0, 4.0)
    assert (told["acknowledged"], told["stored"], told["lost"], told["unheard"], told["wrong"]) == (3, 2, 2, 1, [])
    assert (told["answers"], told["a second"], round(told["median ms"]), round(told["p95 ms"]), told["most ms"]) == (2, 0.5, 30, 40, 500.0)
    assert team.failed(told)


def test_how_many_kills_is_a_number(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(team, "run", lambda *given: asked.append(given) or dict.fromkeys(("lost", "wrong", "refused", "unheard"), 0))
    for arguments in ([], ["50"]):
        monkeypatch.setattr("sys.argv", ["benchmarks", "team", *arguments, "--out", str(tmp_path / "out.json")])
        assert command.main() == 0
    assert asked == [(), (50,)]
