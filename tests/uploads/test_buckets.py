"""Buckets, as fsspec shows them. `benchmarks/peers_s3.py` does the same with s3fs and a server that speaks S3."""

from __future__ import annotations

import builtins
import hashlib
from datetime import UTC, datetime

import pytest

from alcore.errors import BadInput, NotFound, Unavailable
from alcore.uploads import buckets
from alcore.uploads.buckets import Bucket
from alcore.uploads.fetching import begin, fetch
from alcore.uploads.https import Lost
from alcore.uploads.reach import Reach, parsed
from alcore.uploads.shelf import DONE, Shelf

WHEN = datetime(2026, 5, 31, 12, tzinfo=UTC)
OWNER = Reach(all_=True)


class Kept:
    """What s3fs shows of a bucket that lies in memory; `asked` are the pieces."""

    def __init__(self, files: dict[str, bytes], problem: Exception | None = None) -> None:
        self.files, self.problem = files, problem
        self.asked: list[tuple[str, int, int]] = []

    def info(self, path: str, refresh: bool = False) -> dict[str, object]:
        content = self.files[path]
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        return {"name": path, "type": "file", "size": len(content), "ETag": tag, "LastModified": WHEN}

    def find(self, at: str, detail: bool = True, refresh: bool = False) -> dict[str, dict[str, object]]:
        if self.problem:
            raise self.problem
        return {path: self.info(path) for path in self.files if path.startswith(at)}

    def cat_file(self, path: str, start: int, end: int) -> bytes:
        self.asked.append((path, start, end))
        return self.files[path][start:end]


def bucket(files: dict[str, bytes], text: str = "s3://photos/ds", problem: Exception | None = None) -> Bucket:
    return Bucket(parsed(text), Kept(files, problem))


def test_the_files_below_a_folder_with_what_the_listing_knows():
    files = {
        "photos/ds/cat/1.jpg": b"1",
        "photos/ds/2.jpg": b"22",
        "photos/ds/.hidden": b"",
        "photos/dsx/3.jpg": b"3",
        "photos/ds/empty/": b"",
    }
    found = bucket(files).listing().files
    assert [(one.path, one.address, one.size, one.time) for one in found] == [
        ("2.jpg", "photos/ds/2.jpg", 2, int(WHEN.timestamp() * 1000)),
        ("cat/1.jpg", "photos/ds/cat/1.jpg", 1, int(WHEN.timestamp() * 1000)),
    ]
    assert [one.path for one in bucket(files, "s3://photos/ds/").listing().files] == ["2.jpg", "cat/1.jpg"]
    assert [one.path for one in bucket(files, "s3://photos/ds/2.jpg").listing().files] == ["2.jpg"]
    with pytest.raises(NotFound, match="there is no file at s3://photos/none"):
        bucket(files, "s3://photos/none").listing()


def test_it_comes_in_pieces_and_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(buckets, "CHUNK", 4)
    files = {"photos/ds/a": b"0123456789"}
    made = bucket(files)
    (one,) = made.listing().files
    with made.get(one, 0, "", "") as got:
        assert (b"".join(iter(lambda: got.read(1), b"")), got.size) == (b"0123456789", 10)
    assert made.files.asked == [("photos/ds/a", 0, 4), ("photos/ds/a", 4, 8), ("photos/ds/a", 8, 10)]
    with made.get(one, 7, one.tag, "") as got:
        assert (got.start, b"".join(iter(lambda: got.read(1), b""))) == (7, b"789")
    with made.get(one, 7, "another", "") as got:
        assert got.start == 0
    with made.get(one, 0, "", one.tag) as got:
        assert got.same


def test_a_file_that_changes_while_it_comes_is_not_taken(monkeypatch):
    monkeypatch.setattr(buckets, "CHUNK", 4)
    made = bucket({"photos/ds/a": b"0123456789"})
    (one,) = made.listing().files
    with made.get(one, 0, "", "") as got:
        got.read(4)
        made.files.files["photos/ds/a"] = b"9876543210"
        got.read(4), got.read(4)
        with pytest.raises(Lost, match="was changed while it was fetched"):
            got.read(4)
        made.files.files["photos/ds/a"] = b"9"
    with made.get(one, 4, one.tag, "") as got, pytest.raises(Lost, match="ends early"):
        got.read(4)


def test_only_what_changed_comes_again(home):
    home.mkdir()
    shelf, kept = Shelf(home), Kept({f"photos/ds/{i}.jpg": bytes([i]) * 100 for i in range(5)})
    name = begin(shelf, "s3://photos/ds").name

    def bring():
        kept.asked.clear()
        return fetch(shelf, name, OWNER, opens=lambda text, reach: Bucket(reach.check(text), kept))

    assert (bring().state, len(kept.asked)) == (DONE, 5)
    assert (bring().state, len(kept.asked)) == (DONE, 0)
    kept.files["photos/ds/1.jpg"] = b"new"
    del kept.files["photos/ds/2.jpg"]
    assert (bring().files, [path for path, _, _ in kept.asked]) == (4, ["photos/ds/1.jpg"])
    assert sorted(path.name for path in (home / "uploads" / "ds").iterdir()) == ["0.jpg", "1.jpg", "3.jpg", "4.jpg"]
    assert (home / "uploads" / "ds" / "1.jpg").read_bytes() == b"new"


class NoCredentialsError(Exception):
    """As botocore calls it."""


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (FileNotFoundError("x"), NotFound, "nothing at"),
        (PermissionError("AKIASECRET"), BadInput, "may not be read with the rights of this machine"),
        (NoCredentialsError("AKIASECRET"), BadInput, "has no rights for S3"),
        (OSError("AKIASECRET"), Unavailable, "does not answer"),
    ],
)
def test_what_goes_wrong_is_said_without_what_the_library_says(problem, kind, words):
    with pytest.raises(kind, match=words) as told:
        bucket({}, problem=problem).listing()
    assert "AKIASECRET" not in str(told.value)


def test_a_bucket_for_everybody_needs_no_keys(monkeypatch):
    wanted = []

    def s3(anon=False):
        wanted.append(anon)
        return Kept({"photos/ds/a": b"1"}, None if anon else NoCredentialsError())

    monkeypatch.setattr(buckets, "_s3", s3)
    assert [one.path for one in Bucket(parsed("s3://photos/ds")).listing().files] == ["a"]
    assert wanted == [False, True]


def test_without_the_package_it_says_which(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **options):
        if name == "fsspec":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInput, match="pip install s3fs"):
        Bucket(parsed("s3://photos/ds"))
