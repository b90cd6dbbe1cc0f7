"""Uploads: whatever is broken off, and in whatever order pieces come, the files are the same at the end."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile

import numpy as np
import pytest

from alcore.errors import BadInput, Cancelled, DiskFull, NotFound
from alcore.uploads import shelf as shelves
from alcore.uploads.archives import PIECE, RESERVE
from alcore.uploads.shelf import DONE, RECEIVING, REFUSED, UNPACKING, Sent, Shelf

TIME = 1_700_000_000_123


@pytest.fixture
def shelf(home):
    home.mkdir(exist_ok=True)
    return Shelf(home)


def files(n: int = 5, seed: int = 0) -> dict[Sent, bytes]:
    rng = np.random.default_rng(seed)
    contents = [rng.bytes(int(size)) for size in rng.integers(1, 3000, n)]
    return {Sent(f"c{i % 2}/ü {i}.jpg", len(content), TIME + i): content for i, content in enumerate(contents)}


def begin(shelf: Shelf, given: dict[Sent, bytes], name: str = "photos", print_: str = "p") -> str:
    return shelf.begin(name, print_, len(given), sum(map(len, given.values()))).name


def put(shelf: Shelf, name: str, sent: Sent, content: bytes, at: int = 0, end: int | None = None) -> int:
    return shelf.take(name, [(sent, at, memoryview(content)[at:end])])[0]


def send(shelf: Shelf, name: str, given: dict[Sent, bytes]) -> None:
    for sent, content in given.items():
        put(shelf, name, sent, content)


def archive(**contents: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return made.getvalue()


def of_zip(name: str, content: bytes) -> dict[Sent, bytes]:
    return {Sent(name, len(content), TIME): content}


def test_pieces_in_any_order_twice_and_over_a_restart_make_the_files(shelf, home):
    given = files(20)
    name = begin(shelf, given)
    rng = np.random.default_rng(1)
    while missing := [sent for sent in given if shelf.have(name, [sent])[0] < sent.size]:
        sent = missing[int(rng.integers(len(missing)))]
        there = shelf.have(name, [sent])[0]
        at = max(0, there + int(rng.integers(-300, 300)))  # overlapping, fitting, or behind a gap
        now = put(shelf, name, sent, given[sent], min(at, sent.size), min(sent.size, at + int(rng.integers(1, 800))))
        assert there <= now <= sent.size
        assert at <= there or now == there, "a piece behind a gap is not stored"
        shelf = Shelf(home)  # as after a restart
    done = shelf.finish(name)
    assert (done.state, done.source) == (DONE, str(home / "uploads" / "photos"))
    for sent, content in given.items():
        file = home / "uploads" / "photos" / sent.path
        assert hashlib.sha256(file.read_bytes()).digest() == hashlib.sha256(content).digest()
        assert abs(file.stat().st_mtime * 1000 - sent.time) < 1
    assert sorted(path.name for path in (home / "uploads" / ".photos.upload").iterdir()) == ["state.json"]


def test_the_same_files_go_on_and_others_of_that_name_get_their_own(shelf):
    given = files()
    name, (first, content) = begin(shelf, given), next(iter(given.items()))
    put(shelf, name, first, content, 0, 1)
    assert begin(shelf, given) == name
    assert shelf.there(name) == 1
    assert begin(shelf, files(3), print_="other") == "photos-2"
    send(shelf, name, given)
    assert shelf.finish(name).state == DONE
    again = shelf.begin("photos", "p", 5, 1)
    assert (again.state, again.name) == (DONE, "photos")
    assert [one.name for one in shelf.all()] == ["photos", "photos-2"]


def test_a_file_that_changed_meanwhile_begins_anew(shelf):
    sent = Sent("a.jpg", 4, TIME)
    name = begin(shelf, {sent: b"abcd"})
    put(shelf, name, sent, b"abcd", 0, 2)
    assert shelf.have(name, [sent, Sent("a.jpg", 4, TIME + 60_000), Sent("a.jpg", 5, TIME)]) == [2, 0, 0]


def test_what_is_missing_is_told_and_nothing_appears_before_all_is_there(shelf, home):
    given = files()
    name = begin(shelf, given)
    for sent, content in list(given.items())[:-1]:
        put(shelf, name, sent, content)
    with pytest.raises(BadInput, match=r"^4 of 5 files are there \(.* of .*\): drop the same files again$"):
        shelf.finish(name)
    assert not (home / "uploads" / "photos").exists()
    assert shelf.standing(name).state == RECEIVING


def test_an_empty_file_is_a_file(shelf, home):
    given = {Sent("a.jpg", 0, TIME): b""}
    name = begin(shelf, given)
    send(shelf, name, given)
    send(shelf, name, given)
    assert shelf.finish(name).state == DONE
    assert (home / "uploads" / "photos" / "a.jpg").read_bytes() == b""


def test_a_lone_table_is_what_is_imported_and_a_lone_image_in_its_folder(shelf, home):
    for path, source in (("set.npz", "photos/set.npz"), ("x.jpg", "photos-2")):
        given = {Sent(path, 1, TIME): b"x"}
        name = begin(shelf, given, print_=path)
        send(shelf, name, given)
        assert shelf.finish(name).source == str(home / "uploads" / source)


@pytest.mark.parametrize("path", ["../x.jpg", "/x.jpg", "a/../../x.jpg", "a/.hidden", ".x.jpg", "__MACOSX/x.jpg"])
def test_paths_that_lead_out_or_are_hidden_are_refused(shelf, home, path):
    name = begin(shelf, {Sent("a.jpg", 1, TIME): b"x"})
    with pytest.raises(BadInput):
        shelf.take(name, [(Sent(path, 1, TIME), 0, memoryview(b"x"))])
    assert not list((home / "uploads").rglob("x.jpg"))


@pytest.mark.parametrize("name", ["..", "../x", "", ".x", "a/b", "x" * 400, "none"])
def test_an_upload_that_is_not_there_is_not_found(shelf, name):
    for ask in (shelf.standing, shelf.remove, shelf.finish, lambda name: shelf.have(name, [])):
        with pytest.raises(NotFound):
            ask(name)


def test_a_name_that_is_a_file_and_a_folder_is_refused(shelf):
    name = begin(shelf, {Sent("a", 1, TIME): b"x", Sent("a/b", 1, TIME): b"x"})
    put(shelf, name, Sent("a", 1, TIME), b"x")
    with pytest.raises(BadInput, match="is a file and a folder at once"):
        put(shelf, name, Sent("a/b", 1, TIME), b"x")


def test_without_room_it_is_told_at_the_beginning_or_waited_for(shelf, monkeypatch):
    free = [RESERVE + 1000]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": free[0]}))
    with pytest.raises(BadInput, match=r"^big: 20.0 GB are to come and the disk of the workspace has 256 MB free"):
        shelf.begin("big", "p", 1, 20 * 10**9)
    given = {Sent("a.jpg", 900, TIME): bytes(900)}
    name = begin(shelf, given)
    free[0] = RESERVE + 899
    with pytest.raises(DiskFull, match="free some space, it goes on then"):
        send(shelf, name, given)
    free[0] = RESERVE + 900
    send(shelf, name, given)
    assert shelf.finish(name).state == DONE


def test_a_zip_becomes_what_is_in_it(shelf, home):
    content = archive(**{"cat/1.jpg": b"1", "dog/2.jpg": b"22", "__MACOSX/x": b"x"})
    given = of_zip("pets.zip", content)
    name = begin(shelf, given, "pets")
    send(shelf, name, given)
    assert shelf.finish(name).state == UNPACKING
    assert not (home / "uploads" / "pets").exists()
    assert Shelf(home).begin("pets", "p", 1, len(content)).state == UNPACKING
    done = Shelf(home).unpack(name)
    assert (done.state, done.source) == (DONE, str(home / "uploads" / "pets"))
    found = {path.relative_to(done.source).as_posix(): path.read_bytes() for path in (home / "uploads" / "pets").rglob("*.*")}
    assert found == {"cat/1.jpg": b"1", "dog/2.jpg": b"22"}
    assert shelf.unpack(name) == done


def test_zips_among_files_are_unpacked_in_their_place_and_a_bad_one_is_named(shelf, home):
    given = (
        of_zip("cat.zip", archive(a=b"1")) | of_zip("b/dog.zip", archive(a=b"2")) | of_zip("bad.zip", b"nothing") | of_zip("x.jpg", b"x")
    )
    name = begin(shelf, given)
    send(shelf, name, given)
    shelf.finish(name)
    done = shelf.unpack(name)
    found = {
        path.relative_to(done.source).as_posix(): path.read_bytes() for path in (home / "uploads" / "photos").rglob("*") if path.is_file()
    }
    assert found == {"cat/a": b"1", "b/dog/a": b"2", "x.jpg": b"x"}
    (note,) = done.notes
    assert note.startswith("bad.zip is damaged or no zip")


@pytest.mark.parametrize("content", [b"", b"nothing", archive(**{"__MACOSX/a": b"x"})])
def test_a_zip_that_cannot_be_taken_leaves_nothing_and_may_come_again(shelf, home, content):
    given = of_zip("pets.zip", content)
    name = begin(shelf, given, "pets")
    send(shelf, name, given)
    shelf.finish(name)
    with pytest.raises(BadInput, match=r"^pets.zip "):
        shelf.unpack(name)
    refused = shelf.standing(name)
    assert (refused.state, refused.error.startswith("pets.zip ")) == (REFUSED, True)
    assert [path.name for path in (home / "uploads").rglob("*")] == [".pets.upload", "state.json"]
    assert shelf.all() == []
    good = of_zip("pets.zip", archive(a=b"1"))
    assert begin(shelf, good, "pets", "q") == "pets"
    send(shelf, "pets", good)
    shelf.finish("pets")
    assert shelf.unpack("pets").state == DONE


def test_what_does_not_fit_stays_and_is_unpacked_later(shelf, monkeypatch):
    given = of_zip("pets.zip", archive(a=bytes(1000)))
    name = begin(shelf, given, "pets")
    send(shelf, name, given)
    shelf.finish(name)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": RESERVE}))
        with pytest.raises(DiskFull):
            shelf.unpack(name)
    assert shelf.standing(name).state == UNPACKING
    assert shelf.unpack(name).state == DONE


def test_unpacking_that_was_killed_begins_anew(shelf, home, monkeypatch):
    given = of_zip("pets.zip", archive(a=bytes(PIECE), b=b"2"))
    name = begin(shelf, given, "pets")
    send(shelf, name, given)
    shelf.finish(name)

    def killed(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shelf.unpack(name, killed)
    assert (home / "uploads" / ".pets.upload" / "unpacked" / "a").exists()
    done = Shelf(home).unpack(name)
    assert sorted(path.name for path in (home / "uploads" / "pets").iterdir()) == ["a", "b"]
    assert done.state == DONE


def test_an_upload_is_taken_away_whole_or_not_also_while_it_is_unpacked(shelf, home):
    given = files()
    send(shelf, begin(shelf, given), given)
    shelf.remove("photos")
    assert list((home / "uploads").iterdir()) == []
    with pytest.raises(NotFound):
        put(shelf, "photos", *next(iter(given.items())))
    send(shelf, begin(shelf, given), given)
    shelf.finish("photos")
    shelf.remove("photos")
    assert list((home / "uploads").iterdir()) == []
    zip_ = of_zip("pets.zip", archive(a=bytes(PIECE), b=b"2"))
    send(shelf, begin(shelf, zip_, "pets"), zip_)
    shelf.finish("pets")
    with pytest.raises(Cancelled, match="the upload pets was taken away"):
        shelf.unpack("pets", lambda progress: shelf.remove("pets") if (home / "uploads" / ".pets.upload").exists() else None)
    assert list((home / "uploads").iterdir()) == []


def test_a_folder_that_somebody_took_away_is_uploaded_anew(shelf, home):
    given = files()
    send(shelf, begin(shelf, given), given)
    shelf.finish("photos")
    shutil.rmtree(home / "uploads" / "photos")
    assert shelf.all() == []
    assert shelf.begin("photos", "p", 5, 10).state == RECEIVING


def test_states_are_words_that_the_browser_knows():
    text = (shelves.Path(__file__).parents[2] / "alcore/browser/shared/types.js").read_text()
    assert f'"{RECEIVING}" | "{UNPACKING}" | "fetching" | "stopped" | "{REFUSED}" | "{DONE}"' in text
