"""What the HTTP API answers is what the browser's types (alcore/browser/shared/types.js) say: no field more, none less, of that kind."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.browser import HERE
from alcore.project.facade import Project
from alcore.web import room
from alcore.web import routes as web
from tests.scenes import QUICK, write_scenes

TYPES = (HERE / "shared" / "types.js").read_text(encoding="utf-8")


def split(text: str, at: str) -> list[str]:
    """Parts of a type at a sign that is in no bracket."""
    parts, deep = [""], 0
    for sign in text:
        deep += (sign in "{[<(") - (sign in "}])>")
        if sign == at and not deep:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def fields(text: str) -> dict[str, str]:
    """{"a": type, "b?": type} of `{a: type, b?: type}`."""
    return dict(re.match(r"([\w?]+)\s*:\s*(.*)", part, re.DOTALL).groups() for part in split(text[1:-1], ","))  # type: ignore[union-attr]


def typedefs() -> dict[str, Any]:
    """Name -> its fields, or the type that it stands for."""
    found: dict[str, Any] = {}
    for comment in re.findall(r"/\*\*(.*?)\*/", TYPES, re.DOTALL):
        text = re.sub(r"\n\s*\*", "\n", comment)
        head = re.search(r"@typedef \{(.*)\} (\w+)", text)
        if head is None:
            continue
        if head[1] == "object":
            rows = re.findall(r"@property \{(.*)\} (\[?)(\w+)", text)
            found[head[2]] = {name + ("?" if may else ""): kind for kind, may, name in rows}
        else:
            found[head[2]] = fields(head[1]) if head[1].startswith("{") else head[1]
    return found


KNOWN = typedefs()
PLAIN: Mapping[str, tuple[type, ...]] = {"number": (int, float), "string": (str,), "boolean": (bool,), "null": (type(None),)}


def wrong(value: Any, kind: Any, where: str) -> list[str]:
    """Where a value is not of its type."""
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            return [f"{where} is {value!r}"]
        names = {name.removesuffix("?"): of for name, of in kind.items()}
        unknown = [f"{where}.{name} is in no type" for name in value.keys() - names.keys()]
        missing = [f"{where}.{name} is missing" for name in kind if not name.endswith("?") and name not in value]
        return (
            unknown + missing + [one for name in value.keys() & names.keys() for one in wrong(value[name], names[name], f"{where}.{name}")]
        )
    choices = split(kind, "|")
    if len(choices) > 1:
        return [] if any(not wrong(value, choice, where) for choice in choices) else [f"{where} is {value!r}, not {kind}"]
    if kind in PLAIN:
        fits = isinstance(value, PLAIN[kind]) and (kind == "boolean" or not isinstance(value, bool))
    elif kind.startswith('"'):
        fits = value == kind.strip('"')
    elif kind.endswith("[]"):
        if not isinstance(value, list):
            return [f"{where} is {value!r}, not {kind}"]
        return [one for i, entry in enumerate(value) for one in wrong(entry, kind[:-2], f"{where}[{i}]")]
    elif kind.startswith("["):
        parts = split(kind[1:-1], ",")
        if not isinstance(value, list) or len(value) != len(parts):
            return [f"{where} is {value!r}, not {kind}"]
        return [one for entry, part in zip(value, parts, strict=True) for one in wrong(entry, part, where)]
    elif kind.startswith("Record<string, "):
        return [one for name, entry in value.items() for one in wrong(entry, kind[15:-1], f"{where}.{name}")]
    elif kind.startswith("{"):
        return wrong(value, fields(kind), where)
    else:
        return wrong(value, KNOWN[kind], where)
    return [] if fits else [f"{where} is {value!r}, not {kind}"]


def test_the_comparison_finds_what_differs() -> None:
    told = {"id": 1, "kind": "label", "value": None, "annotator": "ann", "round": 2}
    assert wrong(told, "EventTold", "e") == []
    assert wrong(told | {"kind": "guess"}, "EventTold", "e") != []
    assert wrong(told | {"id": True}, "EventTold", "e") == ["e.id is True, not number"]
    assert wrong(told | {"more": 1}, "EventTold", "e") == ["e.more is in no type"]
    assert wrong({"seq": 1}, "Refusal", "r") == ["r.reason is missing"]
    assert wrong({"acked": [1, "2"]}, "Receipt", "r") == ["r.acked[1] is '2', not number"]


def client(project: Project, annotator: str = "ann") -> TestClient:
    workspace = project.workspace
    made = TestClient(Starlette(routes=web.routes(lambda: workspace)), base_url=f"http://localhost/api/v1/projects/{project.name}/")
    made.headers["Authorization"] = f"Bearer {workspace.sign(project.name, annotator)}"
    return made


def told(http: TestClient, path: str, **query: object) -> Any:
    answer = http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(http: TestClient, seq: int, item: int, **event: Any) -> Any:
    entry = {"seq": seq, "item": item, "kind": "label", "value": None, "ms": 5, "round": None, "replaces": None} | event
    assert wrong(entry, "EventSent", "event") == []
    return http.post(
        "annotations", content=json.dumps({"client": f"tab-{seq}", "events": [entry]}), headers={"Content-Type": "application/json"}
    ).json()


@pytest.fixture
def labels(project, quick) -> Project:
    """After a round, with one item that two people see differently."""
    project.label_from_truth(12, seed=0)
    project.run_round("mal", query_size=4, seed=0, train=quick)
    return project


def test_labels_are_told_as_the_types_say(labels: Project) -> None:
    ann, ben = client(labels), client(labels, "ben")
    first, second, *_ = (entry["id"] for entry in told(ann, "queue", n=4)["items"])
    receipts = [
        send(ann, 1, first, value="0"),
        send(ben, 2, first, value="1"),
        send(ben, 3, second, value="no class"),
        send(ann, 4, second, kind="skip"),
    ]
    assert [list(receipt) for receipt in receipts] == [
        ["acked", "rejected"],
        ["acked", "rejected", "conflicts"],
        *[["acked", "rejected"]] * 2,
    ]
    for receipt in receipts:
        assert wrong(receipt, "Receipt", "receipt") == []
    full = told(ann, "queue", n=4, done=10)
    assert [len(entry["events"]) for entry in full["done"]] == [2, 1]
    for answer in (full, told(ann, "queue", n=4), told(ann, "queue", n=4, view="review")):
        assert wrong(answer, "QueueTold", "queue") == []
        assert any(entry["details"] for entry in answer["items"])
    changes = told(ann, "changes", after=0)
    assert len(changes["items"]) > 1
    assert wrong(changes, "ChangesTold", "changes") == []
    assert wrong(told(ann, f"items/{first}"), "ItemTold", "item") == []


def test_columns_are_told_as_the_types_say(labels: Project) -> None:
    columns = told(client(labels), f"rounds/{labels.round().number}/columns")
    assert {column["kind"] for column in columns["columns"]} == {"number", "class", "order", "flag"}
    assert wrong(columns, "ColumnsTold", "columns") == []
    for column in columns["columns"]:
        http = client(labels).get(f"rounds/{labels.round().number}/columns/{column['name']}")
        assert http.headers["x-dtype"] in ("float32", "int32", "int16", "uint8")
    trails = told(client(labels), "trails", ids=labels.round().query[0])
    assert wrong(trails, "TrailsTold", "trails") == []


def test_masks_are_told_as_the_types_say(workspace, tmp_path) -> None:
    scenes = Project.import_into(workspace, "scenes", write_scenes(tmp_path / "scenes"))
    scenes.label_from_truth(5, seed=0)
    scenes.run_round("mcdal", query_size=2, seed=0, train={**QUICK, "query_unit": "tiles", "region_count": 6})
    queue = told(client(scenes), "queue", n=2, done=5)
    (item, *_) = queue["items"]
    assert (queue["unit"], bool(item["layers"]), bool(item["heads"]), bool(item["regions"])) == ("tiles", True, True, True)
    assert wrong(queue, "QueueTold", "queue") == []


def test_a_class_is_told_as_the_types_say(project: Project) -> None:
    workspace = project.workspace
    http = TestClient(Starlette(routes=web.routes(lambda: workspace)), base_url="http://localhost/api/v1/")
    teacher = {"Authorization": f"Bearer {workspace.token}"}
    try:
        code = http.post("rooms", json={"project": project.name, "mode": "race"}, headers=teacher).json()["code"]
        mine = {"Authorization": f"Bearer {http.post(f'room/{code}/join', json={'name': 'Ann'}).json()['token']}"}
        http.post(f"room/{code}/actions", json={"action": "start"}, headers=teacher)
        asked = http.get(f"room/{code}/next", headers=mine).json()
        assert wrong(asked, "ClassNext", "next") == []
        for n in range(20):
            given = {"id": str(n), "item": asked["items"][0]["id"], "label": n % 4, "era": 0}
            asked = http.post(f"room/{code}/answers", json=given, headers=mine).json()
            assert wrong(asked, "ClassNext", "answer") == []
        http.post(f"room/{code}/actions", json={"action": "end"}, headers=teacher)
        while not (board := http.get(f"room/{code}/board", headers=teacher).json())["teams"][0]["curve"]:
            time.sleep(0.05)
        assert wrong(board, "ClassBoard", "board") == []
        assert wrong(http.get(f"room/{code}/board", headers=mine).json(), "ClassBoard", "board") == []
        invited = http.get(f"room/{code}/invitation", params={"at": "http://localhost:8501"}, headers=teacher).json()
        assert wrong(invited, "ClassInvitation", "invitation") == []
    finally:
        room.close(workspace)
