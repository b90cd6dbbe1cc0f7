"""What nobody went on with: found after a week, told with its size, taken away; nothing else is."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from alcore.uploads.abandoned import WEEK, find, remove, used
from alcore.uploads.shelf import DONE, RECEIVING, REFUSED, UNPACKING, Sent, Shelf
from alcore.uploads.tables import keep

TIME = 1_500_000_000_000  # of the files, years ago: it says nothing of when they were sent


@pytest.fixture
def shelf(home):
    home.mkdir()
    return Shelf(home)


def send(shelf, name, content=b"x" * 1000, size=None, address=""):
    sent = Sent("a.bin", size or len(content), TIME)
    shelf.begin(name, name, 1, sent.size, address)
    shelf.take(name, [(sent, 0, memoryview(content))])


def words(home, older_than=0.0):
    return {one.name: one.what for one in find(home, older_than)}


def test_what_is_young_is_never_told(shelf, home):
    send(shelf, "half", size=5000)
    keep(home, "t.csv", b"path")
    assert find(home) == []
    assert find(home, WEEK) == []


def test_each_is_told_with_its_state_and_size(shelf, home):
    send(shelf, "whole")
    shelf.finish("whole")
    send(shelf, "half", size=5000)
    send(shelf, "packed")
    shelf._write(replace(shelf.standing("packed"), state=UNPACKING))
    send(shelf, "bad")
    shelf._write(replace(shelf.standing("bad"), state=REFUSED, error="no"))
    send(shelf, "lost")
    shelf.finish("lost")
    shutil.rmtree(shelf.folder / "lost")
    keep(home, "t.csv", b"path")
    assert words(home) == {
        "half": "has 1.0 kB of 5.0 kB",
        "packed": "is not unpacked",
        "bad": "was refused",
        "lost": "has lost its files",
        "t.csv": "was read by no import",
    }
    (half,) = [one for one in find(home, 0.0) if one.name == "half"]
    assert half.size >= 1000
    assert half.words().startswith("uploads: 'half' has 1.0 kB of 5.0 kB and is 0 days old (1.")
    for one in find(home, 0.0):
        remove(home, one)
    assert words(home) == {}
    assert [one.name for one in shelf.all()] == ["whole"]
    assert (shelf.folder / "whole" / "a.bin").is_file()
    assert used(home) < 2000


def test_what_was_being_fetched_anew_keeps_its_folder(shelf, home):
    send(shelf, "far", address="https://photos.test/far")
    shelf.finish("far")
    desk = shelf.desk("far")
    (desk / "tree").mkdir()
    (desk / "tree" / "b.bin").write_bytes(b"new")
    for state in (DONE, RECEIVING):
        shelf._write(replace(shelf.standing("far"), state=state))
        (desk / "tree").mkdir(exist_ok=True)
        (one,) = find(home, 0.0)
        remove(home, one)
        assert not (desk / "tree").exists()
        assert (shelf.standing("far").state, shelf.standing("far").source) == (DONE, str(shelf.folder / "far" / "a.bin"))
        assert (shelf.folder / "far" / "a.bin").is_file()
