"""Workspaces that earlier versions made (made_before.py): today's code reads in them what that version's own code read, and goes on."""

from __future__ import annotations

import json
import math
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alcore.cli.main import main
from alcore.project.moving import move_database
from alcore.project.place import Place
from tests.project import made_before

DATA = Path(__file__).parents[1] / "data"
VERSIONS = ("0.5",)
# keys of answers that came since
NEWER = ("live", "slice", "sliced", "test", "at", "mode", "asked", "annotator", "correct", "colors", "classes_at", "looks", "meta")
# of training that is done here again: another processor adds in another order
NEAR = 1e-3


def differences(was: Any, now: Any, near: float = 0.0, at: str = "") -> Iterator[str]:
    """Where two values of JSON differ, numbers that are not whole by more than `near`."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            if key not in was or key not in now:
                yield f"{at}/{key}: only {'now' if key in now else 'before'}"
            else:
                yield from differences(was[key], now[key], near, f"{at}/{key}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for number, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from differences(one, other, near, f"{at}/{number}")
    elif isinstance(was, float) and isinstance(now, float) and math.isclose(was, now, rel_tol=near, abs_tol=near):
        return
    elif was != now or type(was) is not type(now):
        yield f"{at}: {was!r:.200} before, {now!r:.200} now"


def columns_by_name(told: Any) -> Any:
    """The same with the columns of maps by their names: in a list, one more moves all that follow."""
    if isinstance(told, list):
        return [columns_by_name(one) for one in told]
    if not isinstance(told, dict):
        return told
    listed = {key for key, value in told.items() if key == "columns" and isinstance(value, list)}
    return {key: {one["name"]: one for one in value} if key in listed else columns_by_name(value) for key, value in told.items()}


def test_what_differs_is_found():
    was = {"a": [1, 2.0], "b": None, "c": "x"}
    assert list(differences(was, {"a": [1, 2.0], "b": None, "c": "x"})) == []
    assert list(differences(was, {"a": [1, 2.1], "b": 0, "d": "x"}, near=0.01)) == [
        "/a/1: 2.0 before, 2.1 now",
        "/b: None before, 0 now",
        "/c: only before",
        "/d: only now",
    ]
    assert list(differences({"a": [1]}, {"a": [1, 2]})) == ["/a: [1] before, [1, 2] now"]


@pytest.fixture(params=VERSIONS, scope="module")
def version(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def recorded(version) -> dict[str, Any]:
    return json.loads((DATA / f"workspace-{version}.json").read_text())


@pytest.fixture
def base(version, tmp_path, store, monkeypatch) -> Path:
    """The workspace `home` and its sources, in a folder of this test; its rows moved to PostgreSQL where the test's are there."""
    made = made_before.unpacked(DATA / f"workspace-{version}.zip", tmp_path)
    if store == "postgres":
        address = os.environ["ALCORE_DATABASE"]
        monkeypatch.delenv("ALCORE_DATABASE")
        place = Place(made / "home")
        move_database(place, address)
        place.close()
        monkeypatch.setenv("ALCORE_DATABASE", address)
    return made


def test_what_was_there_is_read_as_it_was(recorded, base):
    added = tuple(f"/{name}: only now" for name in NEWER)
    was, now = columns_by_name(recorded["told"]), columns_by_name(made_before.told(base))
    assert [told for told in differences(was, now) if not told.endswith(added)] == []


@pytest.mark.both_databases
def test_and_the_work_goes_on_as_it_would_have(recorded, base):
    assert list(differences(recorded["done"], made_before.done(base), NEAR)) == []


def test_the_archive_is_small_and_names_no_machine(version):
    archive = DATA / f"workspace-{version}.zip"
    assert archive.stat().st_size < 600_000
    with zipfile.ZipFile(archive) as zipped:
        contents = {name: zipped.read(name) for name in zipped.namelist()}
    assert [name for name, content in contents.items() for word in (b"/tmp/", b"/root/", b"/home/") if word in content] == []
    assert "home/token" not in contents


def doctor(home: Path, capsys, *more: str) -> list[str]:
    main(["doctor", "--home", str(home), "--json", *more])
    return json.loads(capsys.readouterr().out)["findings"]


def test_what_is_damaged_in_it_is_told_and_not_passed_over(base, capsys):
    home = base / "home"
    assert doctor(home, capsys) == []
    with sqlite3.connect(home / "alcore.sqlite") as db:
        (labeled,) = db.execute("SELECT item_id FROM current JOIN items ON items.id = item_id WHERE path = 'train/birch/03.png'").fetchone()
        (folder,) = db.execute("SELECT json_extract(settings, '$.folder') FROM projects WHERE name = 'toy'").fetchone()
        (other,) = db.execute("SELECT json_extract(settings, '$.folder') FROM projects WHERE name = 'scenes'").fetchone()
        (round_,) = db.execute("SELECT folder FROM rounds WHERE strategy = 'entropy'").fetchone()
        db.execute("DELETE FROM current WHERE item_id = ?", (labeled,))
    db.close()
    shutil.rmtree(home / "projects" / folder / "rounds" / round_)
    mask = next(file for file in sorted((home / "projects" / other / "masks").rglob("*")) if file.is_file())
    mask.unlink()
    scenes, labels, gone = sorted(doctor(home, capsys))
    assert scenes.startswith(f"scenes: the files of 1 masks are gone or damaged, first {mask.stem}")
    assert labels.startswith("toy: 1 current labels do not follow from the journal")
    assert gone == "toy: the files of round 1 are gone"
    with (
        made_before.opened(home) as (workspace, client),
        pytest.raises(AssertionError, match=r"/toy/queue: 400 .*the files of round 1 of 'toy' are gone"),
    ):
        made_before.ask(workspace, client, "/toy/queue")
    assert doctor(home, capsys, "--project", "toy", "--rebuild")[0] == "toy: 1 current labels differed from the journal and were rebuilt"
    with made_before.opened(home) as (workspace, _):
        assert "train/birch/03.png,birch,train,bob" in workspace.project("toy").labels_csv()
