"""A push, against a hub that runs in the test: what it is asked for, and what is said when it does not do it."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alcore import formats
from alcore.cli.main import main
from alcore.errors import BadInput, Unavailable
from alcore.project import pushing

TOKEN = "hf_not_a_real_token"


class Hub:
    """Answers as the hub does to a new data set and to one commit of regular files."""

    def __init__(self) -> None:
        self.made: list[dict] = []
        self.files: dict[str, bytes] = {}
        self.tokens: set[str | None] = set()
        self.status = 200

    def __enter__(self) -> Hub:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command == "POST":  # what changes something
                    hub.tokens.add(self.headers.get("Authorization"))
                told = json.dumps(hub.answer(self.path, body)).encode()
                self.send_response(hub.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path: str, body: bytes) -> dict:
        if self.status != 200:
            return {"error": "no"}
        if path == "/api/repos/create":
            self.made.append(json.loads(body))
            return {"url": f"{self.address}/datasets/me/photos"}
        if "/preupload/" in path:
            asked = json.loads(body)["files"]
            return {"files": [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked]}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            return {"commitUrl": f"{self.address}/datasets/me/photos/commit/abc", "commitOid": "abc", "success": True}
        return {"id": "me/photos", "sha": "0", "siblings": []}


@pytest.fixture
def hub(monkeypatch):
    with Hub() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield made


def test_what_is_pushed_is_the_export(hub, project, home, tmp_path, capsys):
    project.label_from_truth(20)
    project.workspace.close()
    assert main(["push", "me/photos", "--project", "toy", "--home", str(home), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["repository"], told["commit"], told["splits"]["train"], told["address"]) == (
        "me/photos",
        "abc",
        20,
        f"{hub.address}/datasets/me/photos",
    )
    assert (hub.made[0]["name"], hub.made[0]["type"]) == ("photos", "dataset")
    assert hub.made[0].get("private") is True or hub.made[0].get("visibility") == "private"
    assert hub.tokens == {f"Bearer {TOKEN}"}
    for path, content in hub.files.items():
        (tmp_path / "there" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "there" / path).write_bytes(content)
    reading = formats.read(tmp_path / "there", "hf", "classification")
    assert len(reading.entries) == told["items"]
    assert sorted(reading.classes) == ["0", "1", "2", "3"]
    assert [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()] == []


def test_a_table_and_other_formats_and_public(hub, project):
    project.label_from_truth(8)
    pushing.push(project, "me/photos", "csv", ("train",), public=True)
    assert hub.files["labels.csv"].startswith(b"path,label,split,annotator")
    assert hub.made[0].get("private") is False or hub.made[0].get("visibility") == "public"
    with pytest.raises(BadInput, match="cannot export as 'nothing'"):
        pushing.push(project, "me/photos", "nothing")


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [(401, BadInput, "does not let this token write"), (404, BadInput, "refuses me/photos"), (400, BadInput, "refuses")],
)
def test_what_the_hub_refuses_is_said_in_words(hub, project, status, kind, words):
    project.label_from_truth(8)
    hub.status = status
    with pytest.raises(kind, match=words) as told:
        pushing.push(project, "me/photos")
    assert TOKEN not in str(told.value)
    assert [path.name for path in project.folder.iterdir() if path.name.startswith("tmp")] == []


def test_no_hub_no_token_and_no_name(project, monkeypatch):
    project.label_from_truth(8)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(Unavailable, match="the hub cannot be reached"):
        pushing.push(project, "me/photos")
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(BadInput, match="there is no token for the hub"):
        pushing.push(project, "me/photos")
    for name in ("photos", "me/../photos", "https://a/b", "me/photos/x", ""):
        with pytest.raises(BadInput, match="OWNER/NAME"):
            pushing.push(project, name)
