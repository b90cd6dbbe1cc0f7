"""Zips: sound ones come out byte for byte, and those that must not are refused in a sentence, with nothing written outside."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from alcore.errors import BadInput, Cancelled, DiskFull
from alcore.progress import Progress
from alcore.uploads import archives
from alcore.uploads.archives import RESERVE, Unpacked, unpack

FREE = 10**12


def zipped(path: Path, how: int = zipfile.ZIP_STORED, **files: bytes) -> Path:
    """A zip of files."""
    with zipfile.ZipFile(path, "w", how) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def entry(path: Path, name: str, content: bytes = b"x", mode: int = 0) -> Path:
    info = zipfile.ZipInfo(name)
    info.filename = info.orig_filename = name
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(info, content)
    return path


def refused(path: Path, out: Path, free: int = FREE) -> str:
    out.mkdir(exist_ok=True)
    with pytest.raises(BadInput) as told:
        unpack(path, out, path.name, free)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_was_put_in_comes_out(tmp_path, how):
    files = {"cat/1.jpg": os.urandom(3_000_000), "dog/deep/ü.png": b"png", "empty.txt": b""}
    reports: list[Progress] = []
    made = unpack(zipped(tmp_path / "a.zip", how, **files), tmp_path, "a.zip", FREE, reports.append)
    assert made == Unpacked(3, 3_000_003, 0)
    for name, content in files.items():
        assert (tmp_path / name).read_bytes() == content
    assert [(one.done, one.total, one.message) for one in reports][-1] == (3_000_003, 3_000_003, "3 of 3 files")


def test_what_systems_leave_and_links_stay_out(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        for name in ("a/1.jpg", "__MACOSX/a/._1.jpg", "a/.DS_Store", "Thumbs.db"):
            made.writestr(name, b"x")
        info = zipfile.ZipInfo("a/link.jpg")
        info.external_attr = 0o120777 << 16
        made.writestr(info, "/etc/passwd")
    out = tmp_path / "out"
    out.mkdir()
    assert unpack(path, out, "a.zip", FREE) == Unpacked(1, 1, 1)
    assert [file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()] == ["a/1.jpg"]


@pytest.mark.parametrize("name", ["../../evil.jpg", "/tmp/evil.jpg", "a/../../evil.jpg", "..\\evil.jpg", "C:\\evil.jpg", "c:/evil.jpg"])
def test_a_zip_that_writes_outside_its_folder_is_refused(tmp_path, name):
    inside = tmp_path / "deep" / "out"
    inside.parent.mkdir()
    said = refused(entry(tmp_path / "slip.zip", name), inside)
    assert said.startswith("slip.zip is refused: its entry ")
    assert "would be written outside its folder" in said
    assert {file.name for file in tmp_path.rglob("*")} == {"slip.zip", "deep", "out"}


def test_a_bomb_is_refused_before_anything_is_written(tmp_path):
    said = refused(zipped(tmp_path / "bomb.zip", zipfile.ZIP_DEFLATED, x=bytes(110_000_000)), tmp_path / "out")
    assert said.startswith("bomb.zip is refused: 107 kB would grow to 110 MB, more than 200 times as much")
    assert list((tmp_path / "out").iterdir()) == []


def test_small_files_may_shrink_as_much_as_they_do(tmp_path):
    assert unpack(zipped(tmp_path / "flat.zip", zipfile.ZIP_DEFLATED, x=bytes(1_000_000)), tmp_path, "flat.zip", FREE).bytes == 1_000_000


def test_more_than_the_disk_has_is_told_and_can_be_tried_again(tmp_path):
    path = zipped(tmp_path / "big.zip", x=bytes(5_000_000))
    with pytest.raises(DiskFull, match=r"big.zip unpacks to 5.0 MB, and the disk has 260 MB free: free some space"):
        unpack(path, tmp_path, "big.zip", RESERVE + 4_000_000)
    assert unpack(path, tmp_path, "big.zip", RESERVE + 5_000_000).bytes == 5_000_000


def test_an_empty_or_damaged_zip_is_refused(tmp_path):
    (tmp_path / "zero.zip").write_bytes(b"")
    assert refused(tmp_path / "zero.zip", tmp_path / "o1") == "zero.zip is empty (0 bytes): make the zip again and drop it once more"
    (tmp_path / "text.zip").write_bytes(b"no zip at all")
    assert refused(tmp_path / "text.zip", tmp_path / "o2").startswith("text.zip is damaged or no zip")
    whole = zipped(tmp_path / "whole.zip", a=os.urandom(2000), b=os.urandom(2000)).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[:-300])
    assert refused(tmp_path / "cut.zip", tmp_path / "o3").startswith("cut.zip is damaged or no zip")
    (tmp_path / "bent.zip").write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert refused(tmp_path / "bent.zip", tmp_path / "o4").startswith("bent.zip is damaged at 'a' (Bad CRC-32")
    assert refused(zipped(tmp_path / "none.zip"), tmp_path / "o5").startswith("none.zip holds no file")
    assert refused(zipped(tmp_path / "mac.zip", **{"__MACOSX/a": b"x"}), tmp_path / "o6").startswith("mac.zip holds no file")


def test_an_encrypted_zip_is_refused(tmp_path):
    raw = bytearray(zipped(tmp_path / "a.zip", x=b"secret").read_bytes())
    raw[6] |= 1  # the flags of the entry ...
    raw[raw.rindex(b"PK\x01\x02") + 8] |= 1  # ... and of its heading
    (tmp_path / "locked.zip").write_bytes(raw)
    assert refused(tmp_path / "locked.zip", tmp_path / "out") == "locked.zip is encrypted: unpack it with its password and drop the folder"


def test_a_zip_that_claims_a_huge_table_is_refused_before_it_is_read(tmp_path, monkeypatch):
    raw = bytearray(zipped(tmp_path / "a.zip", x=b"x").read_bytes())
    struct.pack_into("<L", raw, raw.rindex(b"PK\x05\x06") + 12, archives.MOST_HEADINGS + 1)
    (tmp_path / "table.zip").write_bytes(raw)
    assert "up to 1,000,000 are taken" in refused(tmp_path / "table.zip", tmp_path / "out")
    monkeypatch.setattr(archives, "MOST_FILES", 1)
    assert refused(zipped(tmp_path / "two.zip", x=b"", y=b""), tmp_path / "out").startswith(
        "two.zip says that it holds 2 files: up to 1 are taken"
    )


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as made:
        made.writestr("a", b"x")
        made.writestr("a/b", b"x")
    assert "a file and a folder of the same name" in refused(tmp_path / "odd.zip", tmp_path / "out")
    raw = zipped(tmp_path / "ab.zip", **{"name a": b"x", "name b": b"y"}).read_bytes()
    (tmp_path / "twice.zip").write_bytes(raw.replace(b"name b", b"name a"))
    assert refused(tmp_path / "twice.zip", tmp_path / "out2").startswith("twice.zip holds 'name a' twice")


def test_names_in_utf8_that_do_not_say_so_are_read_as_they_were_meant(tmp_path):
    raw = bytearray(zipped(tmp_path / "a.zip", **{"ü.jpg": b"x"}).read_bytes())
    raw[7] &= ~8  # bit 11 of the flags: names are UTF-8
    raw[raw.rindex(b"PK\x01\x02") + 9] &= ~8
    (tmp_path / "b.zip").write_bytes(raw)
    out = tmp_path / "out"
    out.mkdir()
    unpack(tmp_path / "b.zip", out, "b.zip", FREE)
    assert [file.name for file in out.iterdir()] == ["ü.jpg"]


def test_it_stops_where_it_is_asked_to(tmp_path):
    def stop(progress: Progress) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        unpack(zipped(tmp_path / "a.zip", x=bytes(archives.PIECE), y=b"2"), tmp_path, "a.zip", FREE, stop)
    assert not (tmp_path / "y").exists()
