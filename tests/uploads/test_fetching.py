"""Fetching: broken off anywhere it goes on, and what has not changed does not come again."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput, Cancelled, DiskFull, NotFound, Unavailable
from alcore.uploads import archives, fetching
from alcore.uploads.fetching import begin, fetch
from alcore.uploads.reach import Reach, checked
from alcore.uploads.shelf import DONE, RECEIVING, REFUSED, Shelf
from tests.uploads.serving import TIME, archive, folder, there

NAMED = Reach(allowed=checked(["photos.test", "other.test"]))
RNG = np.random.default_rng(3)


@pytest.fixture
def shelf(home):
    home.mkdir()
    return Shelf(home)


def bring(shelf: Shelf, text: str, reach: Reach = NAMED, report=fetching.ignore_progress):
    return fetch(shelf, begin(shelf, text).name, reach, report)


FILES = {f"{i}.jpg": RNG.bytes(5_000 + i) for i in range(12)}


def test_a_folder_comes_whole(host, shelf):
    told = []
    done = bring(shelf, folder(host, FILES), report=told.append)
    assert (done.state, done.files, done.bytes, done.notes) == (DONE, 12, sum(map(len, FILES.values())), ())
    assert there(shelf, "ds") == FILES
    assert done.source == str(shelf.folder / "ds")
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("fetching", 12, 12)
    assert (shelf.folder / "ds" / "0.jpg").stat().st_mtime == TIME
    assert not (shelf.folder / ".ds.upload" / "parts").exists()


def test_the_same_address_is_the_same_upload_and_brings_what_changed(host, shelf):
    text = folder(host, FILES)
    bring(shelf, text)
    host.asked.clear()
    assert bring(shelf, text).name == "ds"
    assert host.paths(200) == ["/ds/"]
    assert len(host.paths(304)) == 12
    now = {**FILES, "3.jpg": b"other", "new.jpg": b"new"}
    del now["5.jpg"]
    folder(host, now)
    host.asked.clear()
    done = bring(shelf, text)
    assert (done.state, done.files) == (DONE, 12)
    assert there(shelf, "ds") == now
    assert [path for path in host.paths(200) if path != "/ds/"] == ["/ds/3.jpg", "/ds/new.jpg"]


def test_a_fetch_anew_that_breaks_off_leaves_what_there_was_and_goes_on(host, shelf, monkeypatch):
    text = folder(host, FILES)
    bring(shelf, text)
    now = {name: content[::-1] for name, content in FILES.items()}
    folder(host, now)
    monkeypatch.setattr(fetching, "LANES", 1)

    def until(progress):
        if progress.stage == "fetching" and progress.done == 5:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        bring(shelf, text, report=until)
    assert (shelf.standing("ds").state, there(shelf, "ds")) == (DONE, FILES)
    host.asked.clear()
    bring(shelf, text)
    assert there(shelf, "ds") == now
    assert 0 < len([path for path in host.paths(200) if path != "/ds/"]) <= 8
    assert bring(shelf, text).state == DONE


@pytest.mark.parametrize("tags", [True, False])
def test_a_connection_that_breaks_goes_on_where_it_was(host, shelf, tags):
    host.tags = tags
    content = RNG.bytes(900_000)
    text = folder(host, {"big.bin": content})
    host.breaks = {"/ds/big.bin": 700_000}
    bring(shelf, text)
    assert there(shelf, "ds") == {"big.bin": content}
    assert [(wanted, status) for path, wanted, status, _ in host.asked if path == "/ds/big.bin"] == [("", 200), ("bytes=700000-", 206)]


def test_a_server_without_any_mark_is_begun_anew(host, shelf):
    host.tags = host.times = False
    text = folder(host, FILES)
    host.breaks = {"/ds/1.jpg": 100}
    bring(shelf, text)
    assert there(shelf, "ds") == FILES
    assert {wanted for _, wanted, _, _ in host.asked} == {""}


def test_a_stopped_fetch_goes_on_with_what_is_missing(host, shelf, monkeypatch):
    monkeypatch.setattr(fetching, "LANES", 1)
    text = folder(host, FILES)

    def until(progress):
        if progress.stage == "fetching" and progress.done == 5:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        bring(shelf, text, report=until)
    assert shelf.standing("ds").state == RECEIVING
    come = {path for path in host.paths() if path != "/ds/"}
    assert 5 <= len(come) < 12
    host.asked.clear()
    bring(shelf, text)
    assert there(shelf, "ds") == FILES
    assert {path for path in host.paths(200) if path != "/ds/"} & {f"/ds/{name}" for name in FILES} == {
        f"/ds/{name}" for name in FILES
    } - come


def test_a_part_of_another_state_is_not_glued_to_the_new_one(host, shelf, monkeypatch):
    monkeypatch.setattr(fetching, "TRIES", 0)
    text = folder(host, {"a.bin": RNG.bytes(600_000)})
    host.breaks = {"/ds/a.bin": 500_000}
    with pytest.raises(Unavailable, match="try again, it goes on where it was"):
        bring(shelf, text)
    assert shelf.there("ds") == 500_000
    now = RNG.bytes(600_000)
    folder(host, {"a.bin": now})
    bring(shelf, text)
    assert there(shelf, "ds") == {"a.bin": now}
    assert host.asked[-1][1:3] == ("bytes=500000-", 200)


def test_a_zip_is_unpacked_and_anew_when_it_changed(host, shelf):
    host.files = {"/photos.zip": archive({"cat/1.jpg": b"1", "dog/2.jpg": b"2"})}
    done = bring(shelf, host.at("/photos.zip"))
    assert (done.name, done.state) == ("photos", DONE)
    assert there(shelf, "photos") == {"cat/1.jpg": b"1", "dog/2.jpg": b"2"}
    host.asked.clear()
    assert bring(shelf, host.at("/photos.zip")).state == DONE
    assert len(host.asked) == 1  # to see that it is the same
    host.files["/photos.zip"] = archive({"cat/1.jpg": b"1", "cat/3.jpg": b"3"})
    bring(shelf, host.at("/photos.zip"))
    assert there(shelf, "photos") == {"cat/1.jpg": b"1", "cat/3.jpg": b"3"}
    assert sorted(path.name for path in (shelf.folder / ".photos.upload").iterdir()) == ["placed.jsonl", "state.json"]


def test_a_zip_that_cannot_be_taken_leaves_what_there_was(host, shelf):
    slip = archive({"../out.jpg": b"x"})
    host.files = {"/photos.zip": archive({"1.jpg": b"1"}), "/slip.zip": slip}
    with pytest.raises(BadInput, match="would be written outside its folder"):
        bring(shelf, host.at("/slip.zip"))
    assert shelf.standing("slip").state == REFUSED
    bring(shelf, host.at("/photos.zip"))
    host.files["/photos.zip"] = slip
    with pytest.raises(BadInput, match="would be written outside its folder"):
        bring(shelf, host.at("/photos.zip"))
    assert (shelf.standing("photos").state, there(shelf, "photos")) == (DONE, {"1.jpg": b"1"})
    with pytest.raises(BadInput, match="would be written outside its folder"):  # again: it is not taken for what is here
        bring(shelf, host.at("/photos.zip"))
    assert not (shelf.folder.parent / "out.jpg").exists()
    host.files["/photos.zip"] = archive({"2.jpg": b"2"})
    bring(shelf, host.at("/photos.zip"))
    assert there(shelf, "photos") == {"2.jpg": b"2"}


def test_a_table_and_its_images(host, shelf):
    host.files = {
        "/ds/labels.csv": b"path,label\na/1.jpg,cat\na/2.jpg,dog\n../3.jpg,dog\na/gone.jpg,cat\n",
        "/ds/a/1.jpg": b"1",
        "/ds/a/2.jpg": b"2",
    }
    done = bring(shelf, host.at("/ds/labels.csv"))
    assert {path: content for path, content in there(shelf, "labels").items() if path.endswith("jpg")} == {"a/1.jpg": b"1", "a/2.jpg": b"2"}
    assert there(shelf, "labels")["labels.csv"].decode().splitlines()[:2] == ["path,label", "a/1.jpg,cat"]
    assert len(done.notes) == 1
    assert done.notes[0].startswith("2 files could not be fetched: '../3.jpg' leads out of its folder")
    assert "a/gone.jpg: there is nothing at https://photos.test" in done.notes[0]


def test_addresses_of_a_list_are_looked_at_one_by_one(host, shelf):
    inner = ["https://127.0.0.1/a.jpg", "https://169.254.169.254/latest", "http://photos.example/a.jpg", host.at("/ok.jpg")]
    host.files = {"/list.json": json.dumps(inner).encode(), "/ok.jpg": b"ok"}
    done = bring(shelf, host.at("/list.json"))
    assert there(shelf, "list") == {"photos.test/ok.jpg": b"ok"}
    assert done.notes[0].startswith("3 files could not be fetched")
    assert "where pages may fetch nothing" in done.notes[0]


def test_nothing_at_all_is_an_error(host, shelf):
    host.files = {"/list.json": json.dumps([host.at("/a.jpg"), host.at("/b.jpg")]).encode()}
    with pytest.raises(BadInput, match=r"nothing of https://photos.* could be fetched; the first, photos\.test/"):
        bring(shelf, host.at("/list.json"))
    with pytest.raises(NotFound):
        bring(shelf, host.at("/nowhere"))


def test_a_machine_of_others_that_is_gone_is_left_out_and_its_own_is_not(host, shelf, names, monkeypatch):
    monkeypatch.setattr("alcore.uploads.https.PAUSE", 0)
    names["other.test"] = "203.0.113.1"
    monkeypatch.setattr("alcore.uploads.reach.Reach.machines", lambda self, address, real=Reach.machines: _none(self, address, real))
    host.files = {"/list.json": json.dumps([host.at("/ok.jpg"), host.at("/x.jpg", "other.test")]).encode(), "/ok.jpg": b"ok"}
    done = bring(shelf, host.at("/list.json"))
    assert (there(shelf, "list"), len(done.notes)) == ({"photos.test/ok.jpg": b"ok"}, 1)
    host.status = {"/ds/3.jpg": [503] * 40}
    with pytest.raises(Unavailable, match="goes on where it was"):
        bring(shelf, folder(host, FILES))
    assert shelf.standing("ds").state == RECEIVING
    host.status = {}
    bring(shelf, host.at("/ds/"))
    assert there(shelf, "ds") == FILES


def _none(self, address, real):
    if address.host == "other.test":
        raise Unavailable("there is no host 'other.test', or no network: look at the address, or try again")
    return real(self, address)


def test_sizes_are_bounded_before_and_while_they_come(host, shelf, monkeypatch):
    text = folder(host, FILES)
    monkeypatch.setattr(fetching, "MOST", 30_000)
    with pytest.raises(AlcoreError, match=r"holds more than 30\.0 kB: name a folder in it"):
        bring(shelf, text)
    monkeypatch.setattr(fetching, "MOST", 10**12)
    monkeypatch.setattr(Shelf, "free", lambda self: archives.RESERVE - 1)
    with pytest.raises(DiskFull, match="free some space and fetch it again"):
        bring(shelf, text)
    monkeypatch.undo()


def test_a_file_of_no_told_size_comes_whole(host, shelf):
    host.sized = False
    text = folder(host, FILES)
    bring(shelf, text)
    assert there(shelf, "ds") == FILES


def test_removed_it_is_gone(host, shelf):
    text = folder(host, FILES)
    bring(shelf, text)
    shelf.remove("ds")
    assert list(shelf.folder.iterdir()) == []
    bring(shelf, text)
    assert there(shelf, "ds") == FILES


def test_no_address_is_no_fetch(shelf):
    shelf.begin("photos", "p", 1, 1)
    with pytest.raises(BadInput, match="was uploaded and has no address"):
        fetch(shelf, "photos", NAMED)
    with pytest.raises(BadInput):
        begin(shelf, "ftp://a.example/x")
