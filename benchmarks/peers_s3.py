"""Buckets through s3fs, against moto, a server that speaks S3: fetched, stopped and gone on with, changed and fetched again.

    python -m venv peers && peers/bin/pip install s3fs==2026.9.0 "moto[server]==5.2.5" numpy pillow
    peers/bin/python benchmarks/peers_s3.py                       # prints what held; fails on what did not

An environment of its own, because what is below s3fs and moto wants an older python-dateutil than the app has.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from alcore.errors import AlcoreError, Cancelled
from alcore.progress import Progress, Report, ignore_progress
from alcore.uploads import buckets, fetching
from alcore.uploads.reach import Reach
from alcore.uploads.shelf import DONE, RECEIVING, Shelf, Standing

SECRET = "not-so-secret-0123456789"
FILES = {f"train/{name}/{i:04d}.jpg": os.urandom(200 + i) for name in ("cat", "große Hunde") for i in range(1000)}


def main() -> None:
    """Starts the server, and does it all."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ |= {"AWS_ACCESS_KEY_ID": "alcore-test", "AWS_SECRET_ACCESS_KEY": SECRET}
    import fsspec

    s3 = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    s3.mkdir("photos")
    for path, content in FILES.items():
        s3.pipe_file(f"photos/ds/{path}", content)
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        for check in (_whole, _again, _large, _refused, _open):
            began = time.perf_counter()
            print(f"{check.__doc__}: {check(shelf, s3)} ({time.perf_counter() - began:.1f} s)", flush=True)
        kept = [path for path in Path(folder).rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
        assert kept == [], kept
        print("the key is in no file of the workspace")
    server.stop()


def _bring(shelf: Shelf, text: str, report: Report = ignore_progress) -> Standing:
    return fetching.fetch(shelf, fetching.begin(shelf, text).name, Reach(all_=True), report)


def _there(shelf: Shelf, name: str) -> dict[str, bytes]:
    root = shelf.folder / name
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def _counted(bucket_of: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def piece(self: Any, one: Any, start: int, end: int) -> bytes:
        asked.append(one.path)
        content: bytes = bucket_of(self, one, start, end)
        return content

    return piece


def _whole(shelf: Shelf, s3: Any) -> str:
    """2,000 small files, stopped once and gone on with"""

    def until(progress: Progress) -> None:
        if progress.stage == "fetching" and progress.done >= 700:
            raise Cancelled("stop")

    asked: list[str] = []
    buckets.Bucket.piece = _counted(buckets.Bucket.piece, asked)  # type: ignore[method-assign]
    with contextlib.suppress(Cancelled):
        _bring(shelf, "s3://photos/ds", until)
    assert shelf.standing("ds").state == RECEIVING
    first = len(asked)
    done = _bring(shelf, "s3://photos/ds")
    assert (done.state, done.files) == (DONE, len(FILES))
    assert _there(shelf, "ds") == FILES
    assert set(asked) == FILES.keys()
    assert len(asked) <= len(FILES) + fetching.LANES, "what was on its way when it was stopped comes twice, and nothing else"
    return f"{first} before, {len(asked) - first} after, every byte the same"


def _again(shelf: Shelf, s3: Any) -> str:
    """Some changed, one gone, one new"""
    FILES["train/cat/0003.jpg"] = b"other"
    FILES["train/cat/new.jpg"] = b"new"
    del FILES["train/cat/0005.jpg"]
    s3.pipe_file("photos/ds/train/cat/0003.jpg", b"other")
    s3.pipe_file("photos/ds/train/cat/new.jpg", b"new")
    s3.rm_file("photos/ds/train/cat/0005.jpg")
    asked: list[str] = []
    buckets.Bucket.piece = _counted(buckets.Bucket.piece, asked)  # type: ignore[method-assign]
    _bring(shelf, "s3://photos/ds")
    assert sorted(asked) == ["train/cat/0003.jpg", "train/cat/new.jpg"], asked
    assert _there(shelf, "ds") == FILES
    asked.clear()
    _bring(shelf, "s3://photos/ds")
    assert asked == []
    return "two came, and nothing the next time"


def _large(shelf: Shelf, s3: Any) -> str:
    """One file of 60 MB, stopped in the midst of it"""
    content = os.urandom(60_000_000)
    s3.pipe_file("photos/large.bin", content)

    def until(progress: Progress) -> None:
        if progress.stage == "fetching" and progress.done > 20_000_000:
            raise Cancelled("stop")

    for report in (until, ignore_progress):
        try:
            _bring(shelf, "s3://photos/large.bin", report)
        except Cancelled:
            before = shelf.there("large.bin")
    assert _there(shelf, "large.bin") == {"large.bin": content}
    return f"{before / 1e6:.0f} MB before"


def _refused(shelf: Shelf, s3: Any) -> str:
    """Buckets and keys that are not there"""
    said = []
    for text in ("s3://nobody-has-this/x", "s3://photos/none/"):
        try:
            _bring(shelf, text)
        except AlcoreError as problem:
            said.append(str(problem))
    assert len(said) == 2, said
    return " | ".join(said)


def _open(shelf: Shelf, s3: Any) -> str:
    """A bucket that everybody may read, without keys; and one that not everybody may"""
    s3.mkdir("everybody", acl="public-read")
    s3.pipe_file("everybody/1.jpg", b"1", ACL="public-read")
    kept = {name: os.environ.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    try:
        _bring(shelf, "s3://everybody/1.jpg")
        assert _there(shelf, "1.jpg") == {"1.jpg": b"1"}
        _bring(shelf, "s3://photos/train")
    except AlcoreError as problem:
        return str(problem)
    finally:
        os.environ |= kept
    raise AssertionError("it was read without keys")


if __name__ == "__main__":
    main()
