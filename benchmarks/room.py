"""A class in one room: thirty HTTP clients with two labels a second each beside three real browsers, in a race, on the app itself.

"Acknowledged" is from the press, or the request, to the answer, which comes after the label is on the disk. At the end the ledger is
counted: every acknowledged answer must be in it, once.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.server import browser, folder, p95, served

CLIENTS, BROWSERS = 30, 3
EVERY, SECONDS = 0.5, 20.0  # of a client: two labels a second
READY = ".stage[data-live='1']"


class Client:
    """A student without a browser: as many requests as the page makes."""

    def __init__(self, address: str, code: str, number: int, truth: dict[int, int]) -> None:
        place = urlsplit(address)
        self.address, self.code, self.truth = (place.hostname or "", place.port), code, truth
        self.number, self.acked, self.times, self.waits = number, set[str](), list[float](), 0
        self.connection = http.client.HTTPConnection(*self.address)
        self.token = ""
        self.token = self.call("POST", "join", {"name": f"student {number}"})["token"]

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        self.connection.request(method, f"/api/v1/room/{self.code}/{path}", json.dumps(body) if body else None, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}: {content[:200]!r}")
        return json.loads(content) if "json" in answer.headers["content-type"] else None

    def run(self, begin: float) -> None:
        """Labels at its pace, loads each image and looks at the board each second."""
        time.sleep(max(0.0, begin - time.perf_counter()))
        said, looked, known = self.call("GET", "next"), 0.0, set[int]()
        for at in range(int(SECONDS / EVERY)):
            due = begin + at * EVERY + EVERY * self.number / CLIENTS
            time.sleep(max(0.0, due - time.perf_counter()))
            for item in said["items"]:
                if item["id"] not in known:
                    known.add(item["id"])
                    self.call("GET", f"images/{item['id']}")
            if not said["items"]:
                self.waits += 1
                said = self.call("GET", "next")
            if said["items"]:
                item, name = said["items"][0]["id"], f"bench-{self.number}-{at}"
                started = time.perf_counter()
                said = self.call("POST", "answers", {"id": name, "item": item, "label": self.truth[item], "era": said["era"]})
                self.times.append(time.perf_counter() - started)
                self.acked.add(said["acked"])
            if time.perf_counter() - looked > 1:
                looked = time.perf_counter()
                self.call("GET", "board")


def run() -> dict[str, Any]:
    with folder() as home:
        home.mkdir(parents=True, exist_ok=True)
        with served(home) as address, browser() as chromium:
            token = (home / "token").read_text().strip()
            code = _teacher(address, token, "rooms", {"project": "", "mode": "race"})["code"]
            truth = _truth(home)
            pages = [_joined(chromium, address, code, number) for number in range(BROWSERS)]
            clients = [Client(address, code, number, truth) for number in range(CLIENTS)]
            _teacher(address, token, f"room/{code}/actions", {"action": "start"})
            begin = time.perf_counter() + 1
            threads = [threading.Thread(target=client.run, args=(begin,)) for client in clients]
            for thread in threads:
                thread.start()
            _press(pages, truth, begin)
            for thread in threads:
                thread.join()
            acks = [time for page in pages for time in page.evaluate("performance.getEntriesByName('alcore:ack').map(e => e.duration)")]
            _teacher(address, token, f"room/{code}/actions", {"action": "end"})
            board = _settled(address, token, code)
        stored = [event for event in _events(home / "classes" / f"{code}.jsonl") if event["event"] == "answer"]
    acked = set().union(*(client.acked for client in clients))
    kept = {event["id"] for event in stored}
    times = [1000 * seconds for client in clients for seconds in client.times]
    result = {
        "clients acked median ms": median(times), "clients acked p95 ms": p95(times), "clients answers": len(times),
        "clients waits": sum(client.waits for client in clients),
        "browsers acked median ms": median(acks), "browsers acked p95 ms": p95(acks), "browsers answers": len(acks),
        "acknowledged": len(acked) + len(acks), "stored": len(stored), "lost": len(acked - kept) + max(0, len(acks) - len(kept - acked)),
        "learned": {team["title"]: len(team["curve"]) for team in board["teams"]},
        "right": {team["title"]: team["curve"][-1][1] / team["curve"][-1][2] for team in board["teams"]},
    }  # fmt: skip
    for who in ("clients", "browsers"):
        print(f"  {who:8s} {result[f'{who} answers']} answers, acknowledged median {result[f'{who} acked median ms']:.0f} ms, ", end="")
        print(f"p95 {result[f'{who} acked p95 ms']:.0f} ms")
    print(
        f"  acknowledged {result['acknowledged']}, stored {result['stored']}, lost {result['lost']}; the models learned {result['learned']}"
    )
    print(f"  {result['clients waits']} times a client found nothing to label; right at the end: {result['right']}")
    if result["lost"] or result["acknowledged"] != result["stored"]:
        raise RuntimeError("what was acknowledged is not what was stored")
    return result


def _teacher(address: str, token: str, path: str, body: dict[str, Any] | None = None) -> Any:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST" if body else "GET", f"/api/v1/{path}", json.dumps(body) if body else None, headers)
    return json.loads(connection.getresponse().read())


def _settled(address: str, token: str, code: str) -> Any:
    """The board once nothing is left to learn."""
    while True:
        board = _teacher(address, token, f"room/{code}/board")
        if all(team["curve"] and team["curve"][-1][0] == team["labels"] for team in board["teams"]):
            return board
        time.sleep(0.2)


def _truth(home: Path) -> dict[int, int]:
    from alcore.project.facade import Workspace

    workspace = Workspace(home)
    try:
        project = workspace.project("digits")
        snapshot = project.snapshot()
        index = {name: at for at, name in enumerate(project.classes)}
        return dict(zip(snapshot.ids.tolist(), snapshot.indices(snapshot.truths, index).tolist(), strict=True))
    finally:
        workspace.close()


def _joined(chromium: Any, address: str, code: str, number: int) -> Any:
    page = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True).new_page()
    page.goto(f"{address}/api/v1/room/{code}")
    page.get_by_label("Your name").fill(f"browser {number}")
    page.get_by_role("button", name="Join").click()
    page.locator(".stage").wait_for()
    return page


def _press(pages: list[Any], truth: dict[int, int], begin: float) -> None:
    """Answers in every browser, twice a second each as far as images are there."""
    time.sleep(max(0.0, begin - time.perf_counter()))
    for at in range(int(SECONDS / EVERY)):
        for number, page in enumerate(pages):
            due = begin + at * EVERY + EVERY * number / len(pages)
            page.wait_for_timeout(max(0.0, 1000 * (due - time.perf_counter())))
            item = page.evaluate(f"document.querySelector({READY!r})?.dataset.item")
            if item:
                page.locator(".choice").nth(truth[int(item)]).tap()
    for page in pages:  # what is on its way
        page.wait_for_function("() => Object.keys(localStorage).every((key) => !key.endsWith(':answers') || localStorage[key] === '[]')")


def _events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
