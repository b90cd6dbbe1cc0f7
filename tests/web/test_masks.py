"""The routes of masks over a real project: reading, saving, who may, what is refused, what is stored once."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.pixels import masks
from alcore.project.facade import Project
from alcore.web.masks import TAKES
from alcore.web.routes import routes

W, H = 20, 12
BASE = "/api/v1/projects/scenes"


def mask_of(number: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    mask = rng.integers(0, 2, (H, W)).astype(np.uint8)
    mask[rng.integers(0, H), :] = masks.VOID
    return mask


@pytest.fixture
def scenes(workspace, tmp_path) -> Project:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(4):
        rng = np.random.default_rng(number)
        Image.fromarray(rng.integers(0, 255, (H, W, 3)).astype(np.uint8)).save(folder / f"{number}.png")
    project = Project.import_into(workspace, "scenes", folder, task="segmentation", classes=["a", "b"])
    project.start(3, "random", seed=0)
    return project


@pytest.fixture
def client(workspace, scenes) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as made:
        made.headers["Authorization"] = f"Bearer {workspace.sign('scenes', 'ann')}"
        yield made


def save(http: TestClient, item: int, mask: np.ndarray, **query: object):
    asked = {"client": "tab1", "seq": 1, "kind": "mask", "ms": 1200, "round": 0, "clicks": 7} | query
    return http.post(
        f"{BASE}/items/{item}/mask",
        params={name: value for name, value in asked.items() if value is not None},
        content=zlib.compress(mask.tobytes()),
        headers={"Content-Type": "application/octet-stream"},
    )


def raw(answer) -> np.ndarray:
    width, height = int(answer.headers["X-Width"]), int(answer.headers["X-Height"])
    return np.frombuffer(zlib.decompress(answer.content), np.uint8).reshape(height, width)


def items(client: TestClient) -> list[int]:
    return [entry["id"] for entry in client.get(f"{BASE}/queue").json()["items"]]


def test_a_saved_mask_comes_back_bit_for_bit_as_a_stream_and_as_a_picture(client, scenes):
    item = items(client)[0]
    answer = save(client, item, mask_of(1))
    assert answer.json() == {"acked": [1], "rejected": [], "digest": masks.digest(mask_of(1))}
    again = client.get(f"{BASE}/items/{item}/mask", params={"raw": 1})
    assert np.array_equal(raw(again), mask_of(1))
    assert again.headers["Content-Encoding"] == "identity"
    picture = client.get(f"{BASE}/items/{item}/mask")
    assert picture.headers["Content-Type"] == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(picture.content))), mask_of(1))
    assert client.get(f"{BASE}/items/{item}/mask", headers={"If-None-Match": picture.headers["ETag"]}).status_code == 304
    (event,) = scenes.journal.events()
    assert (event["kind"], event["value"], event["annotator"]) == ("mask", masks.digest(mask_of(1)), "ann")
    assert (event["ms"], event["round"], event["clicks"]) == (1200, 0, 7)


def test_the_saved_item_leaves_the_queue_and_its_mask_has_an_address_afterwards(client):
    first, *rest = items(client)
    save(client, first, mask_of(1))
    assert items(client) == rest
    shown = client.get(f"{BASE}/items/{first}").json()
    assert np.array_equal(raw(client.get(shown["mask"], params={"raw": 1})), mask_of(1))
    assert client.get(f"{BASE}/queue").json()["unit"] == "frames"


def test_the_same_mask_sent_twice_is_acknowledged_and_stored_once(client, scenes):
    item = items(client)[0]
    assert [save(client, item, mask_of(1)).json()["acked"] for _ in range(3)] == [[1]] * 3
    assert len(scenes.journal.events()) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no stream", "zlib"),
        (zlib.compress(bytes(W * H - 1)), f"{W} x {H}"),
        (zlib.compress(bytes(W * H + 1)), f"{W} x {H}"),
        (zlib.compress(bytes([2]) * (W * H)), "no class"),
    ],
)
def test_what_is_no_mask_of_the_item_is_rejected_with_a_reason_and_nothing_is_stored(client, scenes, body, reason):
    item = items(client)[0]
    answer = client.post(
        f"{BASE}/items/{item}/mask",
        params={"client": "tab1", "seq": 4},
        content=body,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 200
    assert answer.json()["acked"] == []
    (rejected,) = answer.json()["rejected"]
    assert rejected["seq"] == 4
    assert reason in rejected["reason"]
    assert scenes.journal.events() == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"client": "a b"}, "client must be"),
        ({"client": None}, "client must be"),
        ({"kind": "label"}, "kind must be one of mask, region"),
        ({"seq": None}, "seq must be"),
        ({"seq": "-1"}, "seq must be"),
        ({"seq": "x"}, "seq must be"),
        ({"ms": "1e9"}, "ms must be"),
        ({"clicks": "99999999"}, "clicks must be"),
    ],
)
def test_what_is_said_beside_a_mask_is_checked(client, scenes, query, words):
    answer = save(client, items(client)[0], mask_of(1), **query)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert scenes.journal.events() == []


def test_who_may_not_does_not_and_items_of_nobody_are_not_found(client, workspace, scenes):
    item = items(client)[0]
    foreign = {"Authorization": f"Bearer {workspace.sign('other', 'eve')}"}
    for path in (
        f"items/{item}/mask",
        f"items/{item}/superpixels",
        f"rounds/0/items/{item}/draft",
        f"rounds/0/items/{item}/layers/entropy",
    ):
        assert client.get(f"{BASE}/{path}", headers=foreign).status_code == 401
        assert client.get(f"{BASE}/{path}", headers={"Authorization": "Bearer x"}).status_code == 401
    sent = client.post(f"{BASE}/items/{item}/mask", headers={**foreign, "Content-Type": "application/octet-stream"}, content=b"")
    assert sent.status_code == 401
    assert save(client, 999, mask_of(1)).status_code == 404
    assert client.get(f"{BASE}/items/999/superpixels").status_code == 404
    assert client.get(f"{BASE}/items/{item}/mask").status_code == 404  # nothing painted yet
    assert client.get(f"{BASE}/rounds/0/items/{item}/draft").status_code == 404
    assert client.get(f"{BASE}/rounds/7/items/{item}/layers/entropy").status_code == 404
    assert scenes.journal.events() == []


def test_bodies_of_another_kind_or_too_long_are_refused_before_they_are_read(client, monkeypatch):
    item = items(client)[0]
    assert client.post(f"{BASE}/items/{item}/mask", json={}).status_code == 400
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(TAKES.limit + 1)}
    assert client.post(f"{BASE}/items/{item}/mask", content=b"x", headers=headers).status_code == 413


def test_superpixels_come_as_a_stream_of_labels(client, scenes):
    item = items(client)[0]
    answer = client.get(f"{BASE}/items/{item}/superpixels", params={"n": 9})
    labels = np.frombuffer(zlib.decompress(answer.content), "<u2").reshape(int(answer.headers["X-Height"]), int(answer.headers["X-Width"]))
    assert labels.shape == (H, W)
    assert labels.max() + 1 == int(answer.headers["X-Count"])
    whole = np.asarray(scenes.pictures.whole(scenes.items.row(item)))
    assert np.array_equal(labels, masks.superpixels(whole, 9))
    assert client.get(f"{BASE}/items/{item}/superpixels", params={"n": 1}).status_code == 400


def test_skips_and_undos_of_mask_items_go_the_usual_way(client, scenes):
    first, second, _ = items(client)
    events = [{"seq": 1, "item": first, "kind": "skip"}, {"seq": 2, "item": second, "kind": "label", "value": "a"}]
    answer = client.post(f"{BASE}/annotations", json={"client": "tab1", "events": events}).json()
    assert answer["acked"] == [1]
    assert "masks" in answer["rejected"][0]["reason"]
    save(client, second, mask_of(2), seq=3)
    client.post(f"{BASE}/annotations", json={"client": "tab1", "events": [{"seq": 4, "item": second, "kind": "undo"}]})
    assert scenes.mask(second) is None


def test_a_class_project_takes_no_mask(client, workspace, project):
    item = next(iter(project.items.paths()))
    answer = client.post(
        f"/api/v1/projects/toy/items/{item}/mask",
        params={"client": "c", "seq": 1},
        content=zlib.compress(bytes(64)),
        headers={"Content-Type": "application/octet-stream", "Authorization": f"Bearer {workspace.token}"},
    )
    assert "one class an image" in answer.json()["rejected"][0]["reason"]
