"""All images by HTTP: columns that a browser reads as they are, many pictures at once, one answer for many."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project import metadata
from alcore.project.facade import Project
from alcore.project.views import View, found
from alcore.web.routes import routes
from tests.scenes import write_scenes

AT = "/api/v1/projects/toy"


@pytest.fixture
def client(workspace, toy):
    client = TestClient(Starlette(routes=routes(lambda: workspace)))
    client.headers["Authorization"] = f"Bearer {workspace.sign('toy', 'ann')}"
    return client


def read(content: bytes):
    (length,) = struct.unpack_from("<I", content)
    head = json.loads(content[4 : 4 + length])
    at, columns = 4 + length, {}
    for name, kind in head["columns"]:
        columns[name] = np.frombuffer(content, kind, head["count"], at)
        assert at % columns[name].itemsize == 0  # else no browser takes it as it lies
        at += columns[name].nbytes
    assert at == len(content)
    return head, columns


def test_a_view_comes_as_columns(client, toy):
    toy.annotate({int(toy.pool().unlabeled[0]): "3"}, annotator="ben")
    answer = client.get(f"{AT}/images?state=labeled&order=label&back=1")
    head, columns = read(answer.content)
    of, _, at = found(toy, View(state=("labeled",), order="label", back=True))
    assert head["count"] == 11
    assert (head["of"], head["classes"], head["round"], head["features"], head["views"]) == (56, ["0", "1", "2", "3"], None, False, {})
    assert columns["id"].tolist() == of.ids[at].tolist()
    assert columns["label"].tolist() == of.labels[at].tolist() == sorted(columns["label"].tolist(), reverse=True)
    assert set(columns["guess"].tolist()) == {-1}
    assert np.isnan(columns["confidence"]).all()
    assert set(columns["state"].tolist()) == {1}
    assert {head["people"][k] for k in columns["by"]} == {"oracle", "ben"}
    assert sum(head["counts"]["label"]) == 56
    assert head["counts"]["state"] == [45, 11, 0, 0, 0]
    assert head["counts"]["split"][0] == 40


def test_pictures_come_many_at_once_and_a_lost_one_is_empty(client, toy):
    ids = toy.pool().unlabeled[:3].tolist()
    (toy.source / toy.items.row(ids[1])["path"]).unlink()
    answer = client.get(f"{AT}/thumbnails", params={"size": 16, "ids": ",".join(map(str, [*ids, 99999]))})
    parts, at = [], 0
    while at < len(answer.content):
        (length,) = struct.unpack_from("<I", answer.content, at)
        parts.append(answer.content[at + 4 : at + 4 + length])
        at += 4 + length
    assert [len(part) > 0 for part in parts] == [True, False, True, False]
    assert parts[0] == toy.picture(ids[0], 16)[0]
    assert Image.open(io.BytesIO(parts[2])).size == (8, 8)


def test_one_answer_for_many_its_undo_and_the_history(client, toy):
    ids = toy.pool().unlabeled[:30].tolist()
    given = {"client": "first", "ids": ids, "kind": "label", "value": "1", "saw": [-1] * 30}
    for _ in range(2):
        assert client.post(f"{AT}/batches", json=given).json() == {"stored": 30, "refused": 0, "reason": "", "conflicts": 0}
    told = client.get(f"{AT}/items/{ids[0]}/history").json()
    assert [(e["kind"], e["value"], e["annotator"]) for e in told["events"]] == [("label", "1", "ann")]
    assert client.post(f"{AT}/batches", json={"client": "back", "undo": "first"}).json()["stored"] == 30
    assert [e["stands"] for e in client.get(f"{AT}/items/{ids[0]}/history").json()["events"]] == [False, False]
    contradicted = client.post(f"{AT}/batches", json={**given, "client": "second", "saw": [2] * 30}).json()
    assert contradicted["conflicts"] == 0  # what she saw is gone, and nobody else said anything


def test_images_are_held_out_and_that_is_taken_back(client, toy):
    ids = toy.pool().unlabeled[:3].tolist()
    before = toy.pool().unlabeled.tolist()
    assert client.post(f"{AT}/batches", json={"client": "out", "ids": ids, "kind": "hold"}).json()["stored"] == 3
    head, columns = read(client.get(f"{AT}/images", params={"split": "held"}).content)
    assert columns["id"].tolist() == ids
    assert head["counts"]["split"][head["splits"].index("held")] == 3
    assert client.post(f"{AT}/batches", json={"client": "some", "ids": ids[:1], "kind": "back"}).json()["stored"] == 1
    undone = client.post(f"{AT}/batches", json={"client": "in", "undo": "out", "kind": "hold"}).json()
    assert undone == {"stored": 2, "refused": 1, "reason": "not held out by hand", "conflicts": 0}
    assert toy.pool().unlabeled.tolist() == before


def test_selections_and_views_are_kept(client, toy):
    ids = toy.pool().unlabeled[:4].tolist()
    among = client.post(f"{AT}/selections", json={"ids": ids}).json()["among"]
    assert read(client.get(f"{AT}/images", params={"among": among}).content)[1]["id"].tolist() == sorted(ids)
    assert client.get(f"{AT}/selections/{among}").json() == {"ids": sorted(ids)}
    assert client.post(f"{AT}/views", json={"name": "mine", "address": "state=skipped"}).json() == {"views": {"mine": "state=skipped"}}
    assert read(client.get(f"{AT}/images").content)[0]["views"] == {"mine": "state=skipped"}
    assert client.post(f"{AT}/views", json={"name": "mine", "address": None}).json() == {"views": {}}


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("images?colour=red", None, 400, "there is no filter 'colour'"),
        ("images?label=red", None, 400, "'red' is not a class"),
        ("images?asked=4", None, 404, "has no round 4"),
        ("thumbnails?ids=", None, 400, "ids must be 1 to 200 numbers"),
        ("thumbnails?ids=1,x", None, 400, "ids must be"),
        (f"thumbnails?ids={'1,' * 200}1", None, 400, "ids must be"),
        ("thumbnails?ids=1&size=9999", None, 400, "size must be"),
        ("items/9999/history", None, 404, "no item 9999"),
        ("batches", {"client": "a b", "ids": [1], "kind": "skip"}, 400, "client must be"),
        ("batches", {"client": "a", "ids": "1", "kind": "skip"}, 400, "ids must be a list"),
        ("batches", {"client": "a", "ids": [True], "kind": "skip"}, 400, "ids must be a list"),
        ("batches", {"client": "a", "ids": [1], "kind": 7}, 400, "kind must be"),
        ("batches", {"client": "a", "ids": [1], "kind": "label", "value": ["0"]}, 400, "kind must be"),
        ("batches", {"client": "a", "ids": [1], "kind": "label", "value": "0", "saw": [9]}, 400, "saw must be"),
        ("batches", {"client": "a", "undo": "b"}, 400, "nothing of yours"),
        ("batches", {"client": "a", "undo": "b", "kind": "hold"}, 400, "nothing of yours"),
        ("batches", {"client": "a", "ids": [], "kind": "hold"}, 400, "nothing is selected"),
        ("selections/0123456789abcdef", None, 400, "is not kept"),
        ("selections", {"ids": []}, 400, "nothing is selected"),
        ("selections", {"ids": [424242]}, 404, "no item 424242"),
        ("views", {"name": 7, "address": ""}, 400, "name must be a text"),
        ("views", {"name": "x", "address": "colour=red"}, 400, "no filter 'colour'"),
        ("views", {"name": "x", "address": None}, 404, "no view 'x'"),
    ],
)
def test_what_cannot_be_is_a_sentence(client, path, body, status, words):
    answer = client.get(f"{AT}/{path}") if body is None else client.post(f"{AT}/{path}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert words in answer.json()["error"]


def test_a_stranger_gets_nothing(client, workspace, toy):
    for token in ("", workspace.sign("other", "ann")):
        client.headers["Authorization"] = f"Bearer {token}"
        for path in ("images", "thumbnails?ids=1", "items/1/history"):
            assert client.get(f"{AT}/{path}").status_code == 401
        for path in ("batches", "selections", "views"):
            assert client.post(f"{AT}/{path}", json={}).status_code == 401


def test_why_comes_as_the_library_tells_it(client, toy, quick):
    round_ = toy.run_round("mcdal", 4, 1, "cpu", train={**quick, "steps": 4}, report=lambda _: None)
    item = round_.query[1]
    told = client.get(f"{AT}/items/{item}/why").json()
    assert told == toy.why(item) == toy.why(item, round_) == client.get(f"{AT}/items/{item}/why?round=1").json()
    assert (told["round"], told["asked"], told["of"], told["strategy"]) == (1, 2, 4, "mcdal")
    assert client.get(f"{AT}/items/{item}/why?round=7").status_code == 404
    assert client.get(f"{AT}/items/999999/why").status_code == 404
    assert client.get(f"{AT}/items/{item}/why?round=x").status_code == 400


def test_masks_and_drafts_come_many_at_once_and_projects_of_classes_have_none(client, workspace, tmp_path):
    project = Project.import_into(workspace, "scenes", write_scenes(tmp_path / "scenes"), truth="labels")
    client.headers["Authorization"] = f"Bearer {workspace.token}"
    painted = project.items.labels()
    item, free = next(iter(painted)), next(i for i in project.items.paths() if i not in painted)
    answer = client.get("/api/v1/projects/scenes/overlays", params={"ids": f"{free},{item}", "size": 128})
    (none,) = struct.unpack_from("<I", answer.content)
    (length,) = struct.unpack_from("<I", answer.content, 4)
    assert (none, 8 + length) == (0, len(answer.content))
    seen = np.asarray(Image.open(io.BytesIO(answer.content[8:])).convert("RGBA"))
    mask = project.mask(item)
    assert np.array_equal(seen[..., 3] == 255, mask != 255)
    assert np.array_equal(seen[mask != 255][:, :3], np.array(project.colors)[mask[mask != 255]])
    head, columns = read(client.get("/api/v1/projects/scenes/images?painted=whole&holds=dot").content)
    assert head["count"] == head["counts"]["holds"][2] == 10
    assert (head["counts"]["painted"], head["counts"]["label"], head["drafts"]) == ([10, 0, 4], [], False)
    assert set(columns["label"].tolist()) == {-1}
    refused = client.get(f"{AT}/overlays?ids=1")
    assert (refused.status_code, "there are no masks" in refused.json()["error"]) == (400, True)
    assert client.get("/api/v1/projects/scenes/overlays?ids=x").status_code == 400


def test_columns_of_metadata_come_with_a_view_and_with_an_image(client, toy, tmp_path):
    paths = sorted(toy.items.paths().values())
    (tmp_path / "m.csv").write_text("path,camera,age\n" + "".join(f"{p},{'ab'[at % 2]},{at}\n" for at, p in enumerate(paths)))
    metadata.attach(toy, metadata.look(toy, tmp_path / "m.csv"))
    head, columns = read(
        client.get(f"{AT}/images", params={"meta.camera": "a", "meta.age.to": "9", "order": "meta:age", "back": "1"}).content
    )
    assert head["meta"] == metadata.aligned(toy).told
    assert [toy.items.paths()[i] for i in columns["id"].tolist()] == paths[:9:2][::-1]
    item = int(columns["id"][0])
    assert client.get(f"{AT}/items/{item}/history").json()["meta"] == [["camera", "a"], ["age", "8"]]
    answer = client.get(f"{AT}/images", params={"meta.lens": "a"})
    assert (answer.status_code, answer.json()["error"]) == (400, "there is no metadata column 'lens': use one of camera, age")
