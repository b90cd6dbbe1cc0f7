"""The kills benchmark on a few of its quick kinds, and that it tells what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.storage.journal import Journal
from benchmarks import __main__ as command
from benchmarks import kills


@pytest.mark.slow
@pytest.mark.both_databases
def test_a_few_kills_lose_nothing_and_leave_nothing(store, capsys):
    figures = kills.run(6, ("labels", "masks", "import labels", "export", "delete", "classes"))
    assert {name: (row["kills"], row["wrong"]) for name, row in figures["kinds"].items()} == {
        name: (1, []) for name in ("labels", "masks", "import_labels", "export", "delete", "classes")
    }
    assert not kills.failed(figures)
    assert figures["kinds"]["labels"]["met"] == 1
    assert "import labels" in capsys.readouterr().out


def test_what_was_lost_and_what_was_left_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(Journal, "events", lambda self: [])
    figures = kills.run(1, ("labels",), seed=1)
    wrong = figures["kinds"]["labels"]["wrong"]
    assert wrong
    assert all("was acknowledged to client" in line for line in wrong)
    assert kills.failed(figures)
    place = kills.Place(tmp_path / "home", tmp_path, tmp_path, np.random.default_rng(0))
    (tmp_path / "home" / "projects" / "x").mkdir(parents=True)
    (tmp_path / "home" / "odd.txt").write_text("12345")
    assert kills._left(place) == ["left: odd.txt, 5 bytes"]


def test_how_many_kills_is_a_number(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(kills, "run", lambda *given: asked.append(given) or {"kinds": {"x": {"wrong": ["lost"]}}})
    for arguments, given, code in (([], (), 1), (["7"], (7,), 1)):
        monkeypatch.setattr("sys.argv", ["benchmarks", "kills", *arguments, "--out", str(tmp_path / "out.json")])
        assert command.main() == code
        assert asked.pop() == given
    monkeypatch.setattr("sys.argv", ["benchmarks", "kills", "many"])
    with pytest.raises(SystemExit):
        command.main()
    assert "'many' is no number: python -m benchmarks kills N" in capsys.readouterr().err
