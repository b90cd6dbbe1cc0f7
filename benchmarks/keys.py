"""Labeling at a pool of 50,000: key press to next image painted and to label acknowledged, idle, while a round trains and while photos of
another project are read by the pretrained network; route latencies.

"Painted" is the next image decoded and one animation frame later, as the page itself measures it; "acknowledged" is after the commit.
"""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.server import browser, folder, make_project, p95, served

POOL = 50_000
READY = "[data-ready]:not([data-ready='0'])"  # the labeler says how many pictures it holds
PHOTOS = 10_000  # of 64 pixels: more than are read within the keys
KEYS = 200
EVERY = 0.2  # seconds between two keys: a quick person


def run() -> dict[str, Any]:
    with folder() as home:
        make_project(home, "bench", POOL, 4 * KEYS)
        make_project(home, "photos", PHOTOS, 1, side=64)
        token = (home / "token").read_text() if (home / "token").is_file() else _token(home)
        with served(home) as address, browser() as chromium:
            page = chromium.new_page(viewport={"width": 1280, "height": 800})
            started = time.perf_counter()
            page.goto(f"{address}/label?project=bench")
            page.wait_for_selector(READY, timeout=60_000)
            first = time.perf_counter() - started
            idle = _press(page)
            _start(chromium, address, token, "train?project=bench", "Start this")  # its training, scoring and map outlast the keys
            training = _press(page)
            (job,) = _get(address, "/api/v1/jobs", token)["jobs"]
            _wait(address, token, "done")
            _start(chromium, address, token, "?project=photos", "Read them")
            reading = _press(page)
            read = _get(address, "/api/v1/jobs", token)["jobs"][0]["progress"]
        if read["done"] >= PHOTOS:
            raise RuntimeError("the photos were read before the last key: make more of them")
        result: dict[str, Any] = {"first image after navigation s": first, "idle": idle, "while training": training}
        result["while photos are read"] = reading
        result["job after the last key"] = f"{job['state']}: {job['progress']['stage']}"
        result["routes ms"] = {by: _routes(home, by, token) for by in ("alcore", "streamlit")}
    ours, plain = result["routes ms"]["alcore"], result["routes ms"]["streamlit"]
    result["post: streamlit run / alcore serve"] = plain["post"] / ours["post"]
    for name in ("idle", "while training", "while photos are read"):
        print(f"  {name:21s} painted median {result[name]['painted median ms']:.1f} p95 {result[name]['painted p95 ms']:.1f} ms; ", end="")
        print(f"acknowledged median {result[name]['acked median ms']:.1f} p95 {result[name]['acked p95 ms']:.1f} ms")
    print(f"  the job after the last key: {result['job after the last key']}; first image {first:.1f} s after navigation")
    print(f"  routes, median ms: {result['routes ms']}")
    return result


def _token(home: Path) -> str:
    from alcore.project.facade import Workspace

    workspace = Workspace(home)
    try:
        return workspace.token
    finally:
        workspace.close()


def _press(page: Any) -> dict[str, float]:
    page.evaluate("performance.clearMeasures()")
    for at in range(KEYS):
        page.keyboard.press(str(at % 10))
        page.wait_for_timeout(EVERY * 1000)
    page.wait_for_function(f"() => performance.getEntriesByName('alcore:ack').length >= {KEYS - 5}", timeout=60_000)
    painted = page.evaluate("performance.getEntriesByName('alcore:paint').map(e => e.duration)")
    acked = page.evaluate("performance.getEntriesByName('alcore:ack').map(e => e.duration)")
    return {
        "keys": len(painted),
        "painted median ms": median(painted),
        "painted p95 ms": p95(painted),
        "acked median ms": median(acked),
        "acked p95 ms": p95(acked),
    }


def _start(chromium: Any, address: str, token: str, place: str, button: str) -> None:
    """Presses a page's button that begins a job, and waits until it is at work."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}/{place}")
    page.get_by_role("button", name=button).click(timeout=60_000)
    _wait(address, token, "running")
    page.close()


def _wait(address: str, token: str, state: str) -> None:
    """Until the newest job is over, or at work."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        jobs = _get(address, "/api/v1/jobs", token)["jobs"]
        if jobs and jobs[0]["state"] == state and jobs[0]["progress"]["done"] > 0:
            return
        time.sleep(0.2)
    raise RuntimeError(f"the newest job was not {state} within ten minutes")


def _get(address: str, path: str, token: str) -> Any:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    return json.loads(connection.getresponse().read())


def _routes(home: Path, by: str, token: str) -> dict[str, float]:
    """Median of 100 requests over one kept-alive connection."""
    with served(home, by) as address:
        place = urlsplit(address)
        item = _get(address, "/api/v1/projects/bench/queue?n=1", token)["items"][0]
        connection = http.client.HTTPConnection(place.hostname or "", place.port)
        head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        seconds: dict[str, list[float]] = {"health": [], "image": [], "post": []}
        for seq in range(1, 101):
            event = {"seq": seq, "item": item["id"], "kind": "flag", "value": None, "ms": 1}
            body = json.dumps({"client": f"bench-{by}", "events": [event]})
            for name, method, path, sent in (
                ("health", "GET", "/api/v1/health", None),
                ("image", "GET", item["image"], None),
                ("post", "POST", "/api/v1/projects/bench/annotations", body),
            ):
                started = time.perf_counter()
                connection.request(method, path, sent, head)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise RuntimeError(f"{path} answered {answer.status}")
                seconds[name].append(time.perf_counter() - started)
    return {name: round(1000 * median(times), 2) for name, times in seconds.items()}
