"""Uploads by HTTP: pieces become files, hash by hash; what may not be is refused in a sentence; and the folders that may be chosen."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project.background import submit_fetch
from alcore.project.facade import Project
from alcore.uploads import reach
from alcore.uploads.roots import VARIABLE
from alcore.uploads.shelf import Shelf
from alcore.web.routes import routes
from alcore.web.uploads import PIECES
from tests.conftest import write_source
from tests.project.timed import wait

API = "/api/v1"
TIME = 1_700_000_000_000


@pytest.fixture
def client(workspace):
    """Somebody at the Data page."""
    client = TestClient(Starlette(routes=routes(lambda: workspace)))
    client.headers["Authorization"] = f"Bearer {workspace.sign('', 'me')}"
    return client


def body(*pieces: tuple[str, bytes, int, int]) -> bytes:
    """Pieces (path, whole content, from, to) as the browser sends them."""
    head = json.dumps({"pieces": [[path, len(content), TIME, at, end - at] for path, content, at, end in pieces]}).encode()
    return struct.pack("<I", len(head)) + head + b"".join(content[at:end] for _, content, at, end in pieces)


def put(client, upload: str, content: bytes):
    return client.post(f"{API}/uploads/{upload}/pieces", content=content, headers={"Content-Type": "application/octet-stream"})


def begin(client, files: dict[str, bytes], name: str = "photos", print_: str = "p"):
    told = {"name": name, "print": print_, "files": len(files), "bytes": sum(map(len, files.values()))}
    return client.post(f"{API}/uploads", json=told)


def act(client, upload: str, action: str):
    return client.post(f"{API}/uploads/{upload}/actions", json={"action": action})


def unpacked(client, workspace, name: str):
    """What is told once the archive's job has ended."""
    job = workspace.runner.jobs(f"uploads/{name}")[0]
    wait(lambda: workspace.runner.snapshot(job.id).over)
    return client.get(f"{API}/uploads/{name}").json()


def zip_of(files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", how) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return made.getvalue()


def test_many_small_files_and_pieces_of_a_large_one_arrive_hash_by_hash(client, workspace):
    files = {f"c{i % 2}/{i}.jpg": os.urandom(500 + i) for i in range(50)} | {"big.bin": os.urandom(2_500_000)}
    told = begin(client, files).json()
    assert told == {
        "upload": "photos",
        "state": "receiving",
        "files": 51,
        "bytes": sum(map(len, files.values())),
        "have": 0,
        "source": "",
        "notes": [],
        "address": "",
        "error": "",
    }
    small = [(name, content, 0, len(content)) for name, content in files.items() if name != "big.bin"]
    big = files["big.bin"]
    assert put(client, "photos", body(*small, ("big.bin", big, 0, 900_000))).json() == {
        "have": [len(content) for _, content, *_ in small] + [900_000]
    }
    assert put(client, "photos", body(("big.bin", big, 1_800_000, 2_500_000))).json() == {"have": [900_000]}
    assert put(client, "photos", body(("big.bin", big, 500_000, 1_800_000))).json() == {"have": [1_800_000]}
    asked = {"files": [["big.bin", len(big), TIME], ["c0/0.jpg", 500, TIME], ["c0/0.jpg", 501, TIME]]}
    assert client.post(f"{API}/uploads/photos/files", json=asked).json() == {"have": [1_800_000, 500, 0]}
    assert client.get(f"{API}/uploads").json()["uploads"][0]["have"] == told["bytes"] - 700_000
    assert "50 of 51 files are there" in act(client, "photos", "finish").json()["error"]
    put(client, "photos", body(("big.bin", big, 1_800_000, 2_500_000)))
    done = act(client, "photos", "finish").json()
    assert (done["state"], done["source"]) == ("done", str(workspace.home / "uploads" / "photos"))
    for name, content in files.items():
        assert hashlib.sha256((workspace.home / "uploads/photos" / name).read_bytes()).digest() == hashlib.sha256(content).digest()


def test_a_zip_is_unpacked_by_a_job_and_imported(client, workspace, tmp_path):
    source = write_source(tmp_path / "digits", 8, 4)
    content = zip_of({path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*.png")})
    begin(client, {"digits.zip": content}, "digits")
    put(client, "digits", body(("digits.zip", content, 0, len(content))))
    assert act(client, "digits", "finish").json()["state"] in ("unpacking", "done")
    told = unpacked(client, workspace, "digits")
    assert told["state"] == "done"
    project = Project.import_into(workspace, "digits", told["source"])
    assert len(project.classes) == 4
    assert act(client, "digits", "remove").json() == {
        "error": "the project 'digits' reads its images from 'digits': delete the project first"
    }
    project.delete()
    assert act(client, "digits", "remove").json() == {"upload": "digits", "state": "removed"}
    assert list((workspace.home / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "x.zip is empty (0 bytes): make the zip again and drop it once more"),
        (
            zip_of({"../evil.jpg": b"x"}),
            "x.zip is refused: its entry '../evil.jpg' would be written outside its folder. Make a zip of the images alone",
        ),
        (
            zip_of({"a": bytes(120_000_000)}, zipfile.ZIP_DEFLATED),
            "x.zip is refused: 117 kB would grow to 120 MB, more than 200 times as much, which images never do",
        ),
        (b"PK\x03\x04", "x.zip is damaged or no zip (File is not a zip file): make it again, or drop the folder itself"),
    ],
    ids=["empty", "slip", "bomb", "damaged"],
)
def test_a_zip_that_must_not_be_is_refused_in_a_sentence(client, workspace, content, told):
    begin(client, {"x.zip": content}, "x")
    put(client, "x", body(("x.zip", content, 0, len(content))))
    act(client, "x", "finish")
    answer = unpacked(client, workspace, "x")
    assert (answer["state"], answer["error"], answer["source"]) == ("refused", told, "")
    assert [path.name for path in workspace.home.rglob("evil*")] == []
    assert client.get(f"{API}/uploads").json()["uploads"] == []


def test_unpacking_that_was_interrupted_says_so_and_begins_again(client, workspace):
    content = zip_of({"a.jpg": b"x"})
    begin(client, {"x.zip": content}, "x")
    put(client, "x", body(("x.zip", content, 0, len(content))))
    Shelf(workspace.home).finish("x")  # and then the server was killed
    assert client.get(f"{API}/uploads/x").json()["error"] == "unpacking was interrupted"
    assert client.get(f"{API}/uploads/x").json()["state"] == "stopped"
    act(client, "x", "finish")
    assert unpacked(client, workspace, "x")["state"] == "done"


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        (b"", 400, "the body ends within its head"),
        (struct.pack("<I", 100) + b"{}", 400, "the body ends within its head"),
        (struct.pack("<I", 2) + b"[]", 400, "the body must be a JSON object"),
        (struct.pack("<I", 2) + b"{}", 400, "pieces must be a list of at most 10,000"),
        (body(("../../x.jpg", b"x", 0, 1)), 400, "'../../x.jpg' leads out of its folder: send paths below the folder that is uploaded"),
        (body(("a", b"xy", 0, 2))[:-1], 400, "the body is not as long as its pieces"),
        (body(("a", b"xy", 0, 2)) + b"z", 400, "the body is not as long as its pieces"),
        (body(("a", b"xy", 0, 2)).replace(b"2, 1700", b"1, 1700"), 400, "'a': the piece goes past the end of the file"),
        (body(("a", b"xy", 0, 2)).replace(b'["a", 2', b'["a",-2'), 400, "a file is [path, size, time]: a text and two whole numbers"),
        (bytes(PIECES.limit + 1), 413, "the body is longer than 2,000,000 bytes"),
    ],
)
def test_pieces_that_cannot_be_are_refused(client, workspace, content, status, told):
    begin(client, {"a": b"xy"})
    answer = put(client, "photos", content)
    assert (answer.status_code, answer.json()) == (status, {"error": told})
    assert client.get(f"{API}/uploads/photos").json()["have"] == 0


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("uploads", {}, 400),
        ("uploads", {"name": "x", "print": "p", "files": 0, "bytes": 1}, 400),
        ("uploads", {"name": "x", "print": "p", "files": True, "bytes": 1}, 400),
        ("uploads", {"name": "x", "print": "p", "files": 1, "bytes": -1}, 400),
        ("uploads", {"name": "x", "print": "p" * 101, "files": 1, "bytes": 1}, 400),
        ("uploads/none/files", {"files": []}, 404),
        ("uploads/none/actions", {"action": "finish"}, 404),
        ("uploads/..%2Fx/actions", {"action": "remove"}, 404),
        ("uploads/photos/files", {"files": 1}, 400),
        ("uploads/photos/files", {"files": [["a"]]}, 400),
        ("uploads/photos/actions", {"action": "eat"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(client, path, content, status):
    begin(client, {"a": b"x"})
    answer = client.post(f"{API}/{path}", json=content)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_token_is_needed_and_one_of_a_project_is_not_enough(client, workspace):
    asked = [
        ("GET", "uploads"),
        ("GET", "uploads/x"),
        ("GET", "folders"),
        ("POST", "uploads"),
        ("POST", "uploads/x/actions"),
        ("POST", "uploads/x/files"),
        ("POST", "uploads/x/pieces"),
    ]
    for method, path in asked:
        kind = "application/octet-stream" if path.endswith("pieces") else "application/json"
        for token, told in (("", "a token is needed"), (workspace.sign("digits", "me"), "the token is for a project")):
            answer = client.request(
                method, f"{API}/{path}", content=b"{}", headers={"Authorization": f"Bearer {token}" if token else "", "Content-Type": kind}
            )
            assert answer.status_code == 401, path
            assert answer.json()["error"].startswith(told)


def test_folders_are_those_that_are_allowed(client, workspace, tmp_path, monkeypatch):
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "1.jpg").write_bytes(b"x")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "data"))
    first = client.get(f"{API}/folders").json()
    assert first == {
        "at": "",
        "up": None,
        "images": 0,
        "folders": [{"name": str(tmp_path / "data"), "path": str(tmp_path / "data"), "images": 1, "more": False}],
        "cut": False,
    }
    inside = client.get(f"{API}/folders", params={"at": first["folders"][0]["path"]}).json()
    assert (inside["up"], inside["folders"]) == ("", [{"name": "cat", "path": str(tmp_path / "data/cat"), "images": 1, "more": False}])
    for at, status in (
        (str(tmp_path), 400),
        ("/etc", 400),
        (str(tmp_path / "data" / ".." / "x"), 400),
        (str(tmp_path / "data" / "none"), 404),
    ):
        assert client.get(f"{API}/folders", params={"at": at}).status_code == status


def test_what_is_fetched_is_told_gone_on_with_and_not_taken_from_its_project(client, workspace, host, monkeypatch):
    text = host.at("/photos.zip")
    monkeypatch.setenv(reach.VARIABLE, "photos.test")
    host.files = {"/photos.zip": zip_of({"a.jpg": b"1"})}
    host.status = {"/photos.zip": [404]}
    job = submit_fetch(workspace.runner, workspace, text)
    wait(lambda: workspace.runner.snapshot(job.id).over)
    told = client.get(f"{API}/uploads/photos").json()
    assert (told["state"], told["address"]) == ("stopped", text)
    assert told["error"].startswith("there is nothing at")
    assert act(client, "photos", "fetch").status_code == 200
    wait(lambda: workspace.runner.jobs("uploads/photos")[0].over)
    assert client.get(f"{API}/uploads/photos").json() | {"source": ""} == told | {
        "state": "done",
        "files": 1,
        "error": "",
        "bytes": told["bytes"],
    } | {
        "source": "",
        "bytes": len(host.files["/photos.zip"]),
        "have": len(host.files["/photos.zip"]),
    }
    monkeypatch.delenv(reach.VARIABLE)
    assert "where pages may fetch nothing" in act(client, "photos", "fetch").json()["error"]
    begin(client, {"x.bin": b"1"}, "other", "q")
    assert "was uploaded and has no address" in act(client, "other", "fetch").json()["error"]
    assert "must be finish, fetch or remove" in act(client, "photos", "nothing").json()["error"]
