"""The line: requests as messages, answered by the app's routes, in one name, whatever comes in which order."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from starlette.responses import StreamingResponse

from alcore.project import labeling
from alcore.project.facade import Project, Workspace
from alcore.widget import line as lines
from alcore.widget.line import Line, called
from tests.door.bare import run

PATIENCE = 30.0  # seconds for what takes a hundredth


class Page:
    """The other end: what it asks, and what came."""

    def __init__(self, workspace: Workspace, project: str = "toy", annotator: str = "ann") -> None:
        self.came: list[tuple[dict[str, Any], list[bytes]]] = []
        self.changed = threading.Condition()
        self.line = Line(workspace, project, annotator, self.hear)

    def hear(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        with self.changed:
            self.came.append((content, buffers))
            self.changed.notify_all()

    def ask(self, number: str, url: str, body: object = None, **more: Any) -> None:
        asked = {"kind": "alcore:ask", "id": number, "method": "GET", "url": f"/api/v1{url}", "headers": {}}
        if body is not None:
            asked |= {"method": "POST", "headers": {"content-type": "application/json"}}
        self.line.take(asked | more, [] if body is None else [memoryview(json.dumps(body).encode())])

    def drop(self, number: str) -> None:
        self.line.take({"kind": "alcore:drop", "id": number})

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE), self.came

    def answer(self, number: str) -> tuple[int, dict[str, str], bytes]:
        self.until(lambda: number in self.numbers())
        ((told, (body,)),) = [one for one in self.came if one[0]["id"] == number]
        assert told["kind"] == "alcore:answer"
        return told["status"], told["headers"], body

    def numbers(self) -> list[str]:
        return [told["id"] for told, _ in self.came]

    def over(self, number: str) -> None:
        """Waits until nothing is done for a request any more."""
        deadline = threading.Event()
        for _ in range(int(PATIENCE / 0.01)):
            if self.line._seen.get(number, self) is None:
                return
            deadline.wait(0.01)
        raise AssertionError(f"{number} is still on its way")


@pytest.fixture
def page(project: Project) -> Iterator[Page]:
    project.start(5, seed=0)
    made = Page(project.workspace)
    yield made
    made.line.close()


def label(item: int, value: str = "0", seq: int = 1) -> dict[str, Any]:
    return {"client": "c", "events": [{"seq": seq, "item": item, "kind": "label", "value": value}]}


def told(project: Project) -> list[tuple[Any, ...]]:
    """(item, kind, value, annotator) of every event of the journal."""
    return [(event["item_id"], event["kind"], event["value"], event["annotator"]) for event in project.journal.events()]


class Held:
    """A function that waits to be let go."""

    def __init__(self, does: Callable[..., Any]) -> None:
        self.does = does
        self.began, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, *given: Any, **how: Any) -> Any:
        self.began.set()
        assert self.go.wait(PATIENCE)
        found = self.does(*given, **how)
        self.ended.set()
        return found


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """Tells of changes are held back."""
    made = Held(labeling.changes)
    monkeypatch.setattr(labeling, "changes", made)
    yield made
    made.go.set()


def test_what_the_routes_answer_comes_as_bytes(page: Page, project: Project):
    item = project.round().query[0]
    page.ask("a", f"/projects/toy/items/{item}/image?size=64")
    page.ask("b", "/projects/toy/queue?n=3")
    status, headers, body = page.answer("a")
    encoded, mime, _ = project.picture(item, 64)
    assert (status, headers["content-type"], body) == (200, mime, encoded)
    status, headers, body = page.answer("b")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [one["id"] for one in json.loads(body)["items"]] == list(project.round().query[:3])


def test_a_label_is_stored_under_the_name_of_the_line_whatever_the_page_says(page: Page, project: Project):
    item = project.round().query[0]
    forged = {"content-type": "application/json", "Authorization": f"Bearer {project.workspace.sign('toy', 'bob')}"}
    page.ask("a", "/projects/toy/annotations", label(item, "2"), headers=forged)
    status, _, body = page.answer("a")
    assert (status, json.loads(body)["acked"]) == (200, [1])
    assert told(project) == [(item, "label", "2", "ann")]


def test_another_project_is_not_its_business(page: Page, project: Project, make_source, tmp_path):
    other = Project.import_into(project.workspace, "other", make_source(tmp_path / "other"))
    other.start(3, seed=0)
    page.ask("a", "/projects/other/queue?n=3")
    page.ask("b", "/projects/other/annotations", label(other.round().query[0]))
    assert [page.answer(number)[0] for number in "ab"] == [401, 401]
    assert json.loads(page.answer("a")[2]) == {"error": "the token is for another project"}
    assert other.counts()["labeled"] == 0


def test_a_long_answer_holds_up_neither_the_caller_nor_others(page: Page, held: Held):
    page.ask("slow", "/projects/toy/changes?after=0")
    assert held.began.wait(PATIENCE)
    page.ask("quick", "/projects/toy/status")
    assert page.answer("quick")[0] == 200
    assert page.numbers() == ["quick"]
    held.go.set()
    assert page.answer("slow")[0] == 200


def test_what_comes_twice_is_answered_once(page: Page, project: Project, held: Held):
    item = project.round().query[0]
    page.ask("slow", "/projects/toy/changes?after=0")
    page.ask("slow", "/projects/toy/changes?after=0")  # while it is on its way
    page.ask("a", "/projects/toy/annotations", label(item))
    page.answer("a")
    page.over("a")
    page.ask("a", "/projects/toy/annotations", label(item, "3", seq=2))  # after it is over
    held.go.set()
    page.answer("slow")
    page.over("slow")
    page.ask("end", "/health")
    page.answer("end")
    assert page.numbers() == ["a", "slow", "end"]
    assert told(project) == [(item, "label", "0", "ann")]


def test_what_the_page_has_given_up_is_not_answered(page: Page, project: Project, held: Held):
    item = project.round().query[0]
    page.drop("late")  # came before what it gives up
    page.ask("late", "/projects/toy/annotations", label(item))
    page.ask("slow", "/projects/toy/changes?after=0")
    assert held.began.wait(PATIENCE)
    page.drop("slow")
    held.go.set()
    page.over("slow")
    page.drop("slow")  # twice
    page.ask("end", "/health")
    page.answer("end")
    assert page.numbers() == ["end"]
    assert project.counts()["labeled"] == 0


def test_after_it_is_closed_nothing_is_sent_and_what_was_given_is_stored(page: Page, project: Project, monkeypatch: pytest.MonkeyPatch):
    item = project.round().query[0]
    take = Held(type(project.journal).take)
    monkeypatch.setattr(type(project.journal), "take", lambda *given, **how: take(*given, **how))
    page.ask("a", "/projects/toy/annotations", label(item, "1"))
    assert take.began.wait(PATIENCE)
    page.line.close()
    page.line.close()
    page.ask("b", "/health")
    take.go.set()
    assert take.ended.wait(PATIENCE)
    assert page.came == []
    assert told(project) == [(item, "label", "1", "ann")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "/etc/passwd"},
        {"url": "http://elsewhere/api/v1/health"},
        {"url": "/api/v1/é"},
        {"url": None},
        {"method": "DELETE"},
        {"method": ["GET"]},
    ],
)
def test_what_is_no_request_of_the_api_is_refused(page: Page, wrong: dict[str, Any]):
    page.line.take({"kind": "alcore:ask", "id": "a", "method": "GET", "url": "/api/v1/health", "headers": {}} | wrong)
    assert page.answer("a")[0] == 400
    assert json.loads(page.answer("a")[2]) == {"error": "there is nothing at this address"}


def test_an_address_that_is_not_there_is_told_in_json(page: Page):
    page.ask("a", "/nothing", headers=None)
    assert page.answer("a")[0] == 404
    assert json.loads(page.answer("a")[2]) == {"error": "there is nothing at this address"}


@pytest.mark.parametrize("content", [None, "text", {}, {"kind": "anywidget-command", "id": "a"}, {"kind": "alcore:answer", "id": "a"}])
def test_messages_of_others_are_left_alone(page: Page, content: object, caplog: pytest.LogCaptureFixture):
    page.line.take(content)
    page.ask("end", "/health")
    page.answer("end")
    assert (page.numbers(), caplog.records) == (["end"], [])


@pytest.mark.parametrize("number", [None, "", 7, "x" * 101])
def test_one_without_a_number_is_noted(page: Page, number: object, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        page.line.take({"kind": "alcore:ask", "id": number, "method": "GET", "url": "/api/v1/health"})
    assert "cannot be answered" in caplog.text


def test_it_remembers_only_so_many_that_are_over(page: Page, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lines, "REMEMBERED", 3)
    for number in "abcdef":
        page.ask(number, "/health")
        page.answer(number)
        page.over(number)
    assert list(page.line._seen) == ["d", "e", "f"]


def test_no_port_is_opened(page: Page, monkeypatch: pytest.MonkeyPatch):
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "listen", lambda *given: opened.append(given))
    page.ask("a", "/health")
    assert (page.answer("a")[0], opened) == (200, [])


def test_a_failure_while_sending_is_logged(project: Project, caplog: pytest.LogCaptureFixture):
    def broken(content: dict[str, Any], buffers: list[bytes]) -> None:
        raise RuntimeError("the page is gone")

    page = Page(project.workspace)
    page.line._send = broken
    with caplog.at_level(logging.ERROR):
        page.ask("a", "/health")
        page.over("a")
    assert "a request of a widget was not answered" in caplog.text
    page.line.close()


def test_an_answer_of_any_size_arrives_whole_and_a_request_as_it_was():
    sent = np.random.default_rng(0).integers(0, 256, 30_000_000, dtype=np.uint8).tobytes()
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(path=scope["path"], query=scope["query_string"], headers=dict(scope["headers"]), body=(await receive())["body"])
        seen["then"] = (await receive())["type"]
        parts = (sent[at : at + 1_000_000] for at in range(0, len(sent), 1_000_000))

        async def stream() -> Any:
            for part in parts:
                yield part

        await StreamingResponse(stream(), 201, {"X-Count": "30"})(scope, receive, send)

    status, headers, body = run(called(app, "POST", "/api/v1/a%20b?x=1&y=%C3%BC", {"a": "ü"}, b"\x00\xff"))
    assert (status, headers["x-count"], body == sent) == (201, "30", True)
    assert seen == {
        "path": "/api/v1/a b",
        "query": b"x=1&y=%C3%BC",
        "headers": {b"a": "ü".encode("latin-1")},
        "body": b"\x00\xff",
        "then": "http.disconnect",
    }
