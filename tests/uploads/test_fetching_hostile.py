"""Fetching: killed, taken away, stopped or asked for twice at any moment, and servers that glue, repeat or contradict themselves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alcore.errors import BadInput, Busy, Cancelled, Unavailable
from alcore.uploads import fetching
from alcore.uploads.fetching import begin, fetch
from alcore.uploads.reach import Reach, checked
from alcore.uploads.records import Records
from alcore.uploads.shelf import DONE, Shelf
from tests.uploads.serving import archive, folder, there

NAMED = Reach(allowed=checked(["photos.test"]))
RNG = np.random.default_rng(4)
FILES = {f"{i}.jpg": RNG.bytes(5_000 + i) for i in range(12)}


@pytest.fixture
def shelf(home):
    home.mkdir()
    return Shelf(home)


def bring(shelf: Shelf, text: str, report=fetching.ignore_progress):
    return fetch(shelf, begin(shelf, text).name, NAMED, report)


def broken_off(host, shelf: Shelf, monkeypatch) -> str:
    """The address of a file of 600,000 bytes, of which 500,000 are there."""
    monkeypatch.setattr(fetching, "TRIES", 0)
    text = folder(host, {"a.bin": RNG.bytes(600_000)})
    host.breaks = {"/ds/a.bin": 500_000}
    with pytest.raises(Unavailable):
        bring(shelf, text)
    return text


def test_a_server_that_goes_on_with_another_state_is_not_believed(host, shelf, monkeypatch):
    text = broken_off(host, shelf, monkeypatch)
    monkeypatch.setattr(fetching, "TRIES", 4)
    host.careless = True
    for now in (RNG.bytes(600_000), RNG.bytes(700_000)):
        folder(host, {"a.bin": now})
        host.asked.clear()
        bring(shelf, text)
        assert there(shelf, "ds") == {"a.bin": now}
        if len(now) == 600_000:
            assert [asked[1:3] for asked in host.asked[1:]] == [("bytes=500000-", 206), ("", 200)]


def test_a_kill_after_a_new_state_is_recorded_gives_it_no_old_bytes(host, shelf, monkeypatch):
    text = broken_off(host, shelf, monkeypatch)
    now, real = RNG.bytes(600_000), Records.add

    def killed(self, path, record):
        real(self, path, record)
        raise Cancelled("killed")

    folder(host, {"a.bin": now})
    monkeypatch.setattr(Records, "add", killed)
    with pytest.raises(Cancelled, match="killed"):
        bring(shelf, text)
    monkeypatch.setattr(Records, "add", real)
    bring(shelf, text)
    assert there(shelf, "ds") == {"a.bin": now}


def test_a_kill_between_a_link_and_its_record_is_gone_on_after(host, shelf, monkeypatch):
    text = folder(host, FILES)
    bring(shelf, text)
    folder(host, {**FILES, "0.jpg": b"other"})
    tree = shelf.folder / ".ds.upload" / "tree"
    tree.mkdir()
    (tree / "1.jpg").hardlink_to(shelf.folder / "ds" / "1.jpg")
    (tree / "2.jpg").write_bytes(b"a copy that was cut short")
    bring(shelf, text)
    assert there(shelf, "ds") == {**FILES, "0.jpg": b"other"}


def test_a_text_of_a_killed_turn_does_not_change_what_is_in_use(host, shelf):
    host.files = {"/ds/t.csv": b"path,x\na.jpg,1\n", "/ds/a.jpg": b"1"}
    bring(shelf, host.at("/ds/t.csv"))
    before = there(shelf, "t")
    tree = shelf.folder / ".t.upload" / "tree"
    tree.mkdir()
    (tree / "t.csv").hardlink_to(shelf.folder / "t" / "t.csv")
    host.files["/ds/t.csv"], host.status = b"path,x\na.jpg,2\n", {"/ds/a.jpg": [404]}
    with pytest.raises(BadInput):
        bring(shelf, host.at("/ds/t.csv"))
    assert there(shelf, "t") == before


def test_it_is_fetched_once_at_a_time(host, shelf):
    text = folder(host, FILES)
    told = []

    def meanwhile(progress):
        if not told:
            with pytest.raises(Busy, match="'ds' is being fetched already"):
                bring(Shelf(shelf.folder.parent), text)
            told.append(progress)

    assert bring(shelf, text, report=meanwhile).state == DONE
    assert len(told) == 1
    assert sorted(path.name for path in shelf.folder.iterdir()) == [".ds.upload", "ds"]
    assert bring(shelf, text).state == DONE


@pytest.mark.parametrize("stage", ["looking what is there", "fetching"])
def test_taken_away_while_it_comes_it_ends_and_stays_away(host, shelf, stage):
    text = folder(host, FILES)

    def away(progress):
        if progress.stage == stage and shelf.all():
            shelf.remove("ds")

    with pytest.raises(Cancelled, match="was taken away"):
        bring(shelf, text, report=away)
    assert list(shelf.folder.iterdir()) == []
    assert bring(shelf, text).state == DONE
    assert there(shelf, "ds") == FILES


def test_it_stops_while_a_folder_is_listed(host, shelf):
    folder(host, {})
    host.files["/ds/"] = b"".join(b'<a href="%d/">x</a>' % i for i in range(50))
    host.files |= {f"/ds/{i}/": b'<a href="1.jpg">1</a>' for i in range(50)}
    host.kinds = dict.fromkeys(host.files, "text/html")

    def until(progress):
        if len(host.asked) > 2:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        bring(shelf, host.at("/ds/"), report=until)
    assert len(host.asked) == 3


def test_two_that_would_go_to_one_place_are_one_and_a_note(host, shelf):
    said = json.dumps([host.at("/a//b.png"), host.at("/a/b.png")]).encode()
    host.files = {"/t.json": said, "/a//b.png": b"1", "/a/b.png": b"2"}
    for _ in range(2):
        done = bring(shelf, host.at("/t.json"))
        assert there(shelf, "t") == {"photos.test/a/b.png": b"1"}
        assert done.notes == ("1 file could not be fetched: 'photos.test/a/b.png' goes where another file does.",)


@pytest.mark.parametrize("anew", [False, True])
def test_what_is_a_file_and_a_folder_is_told(host, shelf, anew, monkeypatch):
    monkeypatch.setattr(fetching, "LANES", 1)
    host.files = {"/t.csv": b"path\na.x\na.x/b.png\nc.png\n", "/a.x": b"1", "/a.x/b.png": b"2", "/c.png": b"3"}
    if anew:
        host.files["/t.csv"] = b"path\na.x/b.png\nc.png\n"
        bring(shelf, host.at("/t.csv"))
        host.files["/t.csv"] = b"path\na.x\na.x/b.png\nc.png\n"
    done = bring(shelf, host.at("/t.csv"))
    assert there(shelf, "t") == {"a.x": b"1", "c.png": b"3"}
    assert done.notes == ("1 file could not be fetched: a.x/b.png: 'a.x/b.png' is a file and a folder at once.",)


@pytest.mark.parametrize("sent", [["a.zip"], ["a.zip", "b.zip", "c.jpg"]])
def test_unpacked_in_part_and_fetched_again_nothing_is_there_twice(host, shelf, sent):
    def zips(mark: bytes) -> str:
        return folder(
            host, {name: archive({f"{i}.jpg": mark * 900 for i in range(300)}) if name.endswith("zip") else mark for name in sent}
        )

    text = zips(b"1")
    bring(shelf, text)
    before = there(shelf, "ds")
    zips(b"2")

    def until(progress):
        if (shelf.folder / ".ds.upload" / "unpacked").exists() and "b.zip" not in sent:
            raise Cancelled("stop")
        if (shelf.folder / ".ds.upload" / "tree" / "a").exists() or (shelf.folder / ".ds.upload" / "tree" / "b").exists():
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        bring(shelf, text, report=until)
    assert (shelf.standing("ds").state, there(shelf, "ds")) == (DONE, before)
    bring(shelf, text)
    assert there(shelf, "ds") == {name: content.replace(b"1", b"2") for name, content in before.items()}
