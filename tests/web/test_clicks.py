"""The routes of clicks over a real project: state, masks as the editor's runs, what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project.facade import Project
from alcore.web.routes import routes
from tests.extractors.discs import disc, write_pair

W, H = 40, 24


@pytest.fixture
def streets(workspace, tmp_path) -> Project:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (H, W, 3)).astype(np.uint8)).save(folder / f"{number}.png")
    return Project.import_into(workspace, "streets", folder, task="segmentation", classes=["a", "b"])


@pytest.fixture
def client(workspace, streets) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as made:
        made.headers["Authorization"] = f"Bearer {workspace.sign('streets', 'ann')}"
        yield made


@pytest.fixture
def place(streets) -> str:
    """The address of the first item's clicks."""
    return f"/api/v1/projects/streets/items/{min(streets.items.paths())}/clicks"


def ready(workspace, streets, client: TestClient, place: str) -> None:
    write_pair(workspace.home / "models")
    assert client.get(place).json() == {"ready": False, "reason": ""}
    of = workspace.clicks
    with of._changed:
        assert of._changed.wait_for(lambda: of.state(streets, min(streets.items.paths())).ready, 60)
    assert client.get(place).json() == {"ready": True, "reason": ""}


def test_a_click_is_answered_by_a_mask_in_the_editors_runs(workspace, streets, client, place):
    ready(workspace, streets, client, place)
    answer = client.post(place, json={"points": [[20, 12, 1], [24.5, 12, 0]]})
    assert answer.status_code == 200
    assert (answer.headers["X-Width"], answer.headers["X-Height"], answer.headers["Cache-Control"]) == (str(W), str(H), "no-store")
    words = np.frombuffer(answer.content, "<u4")
    mask = np.repeat(words & 255, words >> 8).reshape(H, W)
    wanted = disc((W, H), 20, 12) & ~disc((W, H), 24.5, 12)
    assert set(np.unique(mask)) == {0, 1}
    assert (mask != wanted).sum() <= 0.06 * wanted.sum()
    box = np.frombuffer(client.post(place, json={"box": [6, 4, 30, 20]}).content, "<u4")
    assert abs(int((box >> 8)[(box & 255) == 1].sum()) - 24 * 16) <= 20


def test_without_files_the_reason_is_told_by_both(client, place):
    said = "to paint by clicks, put the encoder and the decoder of a SAM, two ONNX files, into the workspace's folder models (README, Click to mask)"
    assert client.get(place, params={"next": "2,3"}).json() == {"ready": False, "reason": said}
    answer = client.post(place, json={"points": [[1, 1, 1]]})
    assert (answer.status_code, answer.json()) == (400, {"error": said})


def test_before_a_picture_is_ready_the_browser_is_asked_to_come_again(workspace, client, place):
    write_pair(workspace.home / "models")
    answer = client.post(place, json={"points": [[1, 1, 1]]})
    assert answer.status_code == 503
    assert "is being made ready for clicks" in answer.json()["error"]
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"points": [[1, 2]]}, "points must be a list of [x, y, 1], or 0 for what is not meant"),
        ({"points": [[1, "2", 1]]}, "points must be a list of [x, y, 1], or 0 for what is not meant"),
        ({"points": [[1, True, 1]]}, "points must be a list of [x, y, 1], or 0 for what is not meant"),
        ({"points": [[1, 2, 2]]}, "points must be a list of [x, y, 1], or 0 for what is not meant"),
        ({"box": [1, 2, 3]}, "box must be [left, top, right, bottom], or null"),
        ({"points": [[100, 2, 1]]}, f"100, 2 lies outside the picture of {W} x {H}"),
        ({}, "a click or a box is needed"),
    ],
)
def test_what_is_no_question_is_refused(client, place, body, said):
    answer = client.post(place, json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": said})


def test_next_must_be_numbers_and_the_item_be_there(client, place):
    assert client.get(place, params={"next": "1,x"}).status_code == 400
    assert client.get("/api/v1/projects/streets/items/99999/clicks").status_code == 404
    assert client.post("/api/v1/projects/streets/items/99999/clicks", json={"points": [[1, 1, 1]]}).status_code == 404
    del client.headers["Authorization"]
    assert client.get(place).status_code == 401
