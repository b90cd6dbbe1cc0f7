"""Classes by HTTP: what they are, what is done to them, what is taken for what."""

from __future__ import annotations

from urllib.parse import parse_qsl

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from alcore.project import confusion
from alcore.project.views import View, found
from alcore.web.routes import routes

AT = "/api/v1/projects/toy"


@pytest.fixture
def client(workspace, toy):
    client = TestClient(Starlette(routes=routes(lambda: workspace)))
    client.headers["Authorization"] = f"Bearer {workspace.sign('toy', 'ann')}"
    return client


def named(answer) -> list[str]:
    return [one["name"] for one in answer.json()["classes"]]


def test_classes_come_with_their_counts_and_why_nothing_is_measured(client, toy):
    told = client.get(f"{AT}/classes").json()
    labels = toy.counts()["labels"]
    assert [(one["name"], one["labels"], one["guesses"]) for one in told["classes"]] == [
        (name, labels.get(name, 0), None) for name in "0123"
    ]
    assert (told["changes"], told["measured"]) == ([], None)
    assert told["problem"] == "no model has been trained yet: label some images and train a round"
    assert client.get(f"{AT}/classes?way=labeled").json()["problem"].startswith("labels are doubted once there are 20")
    assert client.get(f"{AT}/classes?way=other").status_code == 400


def test_everything_that_can_be_done_is_done(client, toy):
    def post(**what):
        answer = client.post(f"{AT}/classes", json=what)
        assert answer.status_code == 200, answer.json()
        return answer

    free = toy.pool().unlabeled[:3].tolist()
    assert named(post(do="add", name="new")) == ["0", "1", "2", "3", "new"]
    assert named(post(do="rename", name="0", to="zero"))[0] == "zero"
    threes = toy.counts()["labels"].get("3", 0)
    assert post(do="merge", name="3", into="2").json()["merged"] == threes
    assert post(do="split", name="odd", ids=free, client="b-1").json()["stored"] == 3
    assert named(post(do="arrange", names=["odd", "new", "2", "1", "zero"])) == ["odd", "new", "2", "1", "zero"]
    described = post(do="describe", name="odd", color="#112233", about="What is odd").json()["classes"][0]
    shown = client.get(f"{AT}/examples", params={"name": "odd"}).json()
    assert (shown["about"], shown["labels"], [one["id"] for one in shown["images"]]) == ("What is odd", 3, sorted(free))
    assert (described["color"], described["key"], described["about"]) == ("#112233", "", "What is odd")
    assert named(post(do="delete", name="new")) == ["odd", "2", "1", "zero"]
    merged = next(c for c in post(do="describe", name="1", key="q").json()["changes"] if c["words"] == "merged “3” into “2”")
    assert named(post(do="undo", change=merged["id"])) == ["odd", "2", "1", "3", "zero"]
    assert {c["annotator"] for c in client.get(f"{AT}/classes").json()["changes"]} == {"ann"}


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ({"do": "burn"}, 400),
        ({}, 400),
        ({"do": "add", "name": 3}, 400),
        ({"do": "add", "name": "0"}, 400),
        ({"do": "merge", "name": "0"}, 400),
        ({"do": "split", "name": "x", "ids": ["a"], "client": "c"}, 400),
        ({"do": "split", "name": "x", "ids": [1], "client": "no spaces"}, 400),
        ({"do": "arrange", "names": "0123"}, 400),
        ({"do": "undo", "change": True}, 400),
        ({"do": "undo", "change": 5}, 400),
        ({"do": "describe", "name": "0", "color": "red"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(client, toy, what, status):
    answer = client.post(f"{AT}/classes", json=what)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert toy.workspace.project("toy").classes == ("0", "1", "2", "3")


def test_a_cell_opens_its_images(client, toy, quick):
    toy.run_round("margin", 5, 0, "cpu", train={**quick, "steps": 3}, report=lambda _: None)
    client.get(f"{AT}/files/every-label.csv?above=0")  # the model has looked at all images then
    said = confusion.confusion(toy)
    told = client.get(f"{AT}/classes").json()["measured"]
    assert (told["of"], told["right"], told["round"]) == (16, said.right, 1)
    assert told["words"] == "16 test images, which the model never learned from"
    counted = np.zeros((4, 4), int)
    for label, guess, n in told["cells"]:
        counted[label, guess] = n
    np.testing.assert_array_equal(counted, said.counted)
    for k, row in enumerate(told["rows"]):
        others = sorted(((j, int(n)) for j, n in enumerate(counted[k]) if n and j != k), key=lambda other: (-other[1], other[0]))
        assert row == {
            "labeled": int(counted[k].sum()),
            "guessed": int(counted[:, k].sum()),
            "right": int(counted[k, k]),
            "mixed": [list(other) for other in others],
        }
    label, guess, n = told["cells"][0]
    answer = client.post(f"{AT}/classes/cell", json={"way": "tested", "label": str(label), "guess": str(guess)}).json()
    of, _, at = found(toy, View.of(parse_qsl(answer["view"])))
    assert answer["count"] == n == len(at)
    assert sorted(of.ids[at].tolist()) == sorted(said.cell(label, guess).tolist())
    every = client.post(f"{AT}/classes/cell", json={"way": "tested", "label": str(label), "guess": None}).json()
    assert every["count"] == int(said.counted[label].sum())
    assert client.post(f"{AT}/classes/cell", json={"way": "tested", "label": "9", "guess": None}).status_code == 400


def test_a_grid_that_has_not_heard_of_other_names_and_another_order_is_understood(client, toy):
    """Its key gives the class by the name it had then, and what it saw is told by places in its own list: no conflict is made up."""
    labeled = {i: name for i, name in toy.items.labels().items() if name == "2"}
    ids, had = sorted(labeled), list(toy.classes)
    client.post(f"{AT}/classes", json={"do": "rename", "name": "1", "to": "one"})
    client.post(f"{AT}/classes", json={"do": "arrange", "names": ["3", "2", "one", "0"]})
    asked = {"client": "stale-1", "ids": ids, "kind": "label", "value": "1", "saw": [2] * len(ids), "classes": had}
    told = client.post(f"{AT}/batches", json=asked).json()
    assert (told["stored"], told["refused"], told["conflicts"]) == (len(ids), 0, 0)
    now = toy.workspace.project("toy")
    assert {now.items.labels()[i] for i in ids} == {"one"}
    without = {**asked, "client": "stale-2", "classes": ["0"]}
    assert client.post(f"{AT}/batches", json=without).status_code == 400
    assert client.post(f"{AT}/batches", json={**asked, "client": "stale-3", "value": "never"}).status_code == 400
