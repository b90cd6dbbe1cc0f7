"""A team: two app processes behind nginx on one PostgreSQL and one folder, eight annotators with five labels a second each.

First nothing is disturbed, and the time from a press to its acknowledgement is told. Then app processes and the database are killed in
turn, at seeded random moments under the same load, and started again. An annotator does as the browser does: what is not acknowledged is
sent again, under its own number. In the end the journal is held against what was acknowledged: each answer once, as it was given; and each
annotator must have heard of every image that anybody labeled.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from alcore.project.doctor import examine
from alcore.project.facade import Project, Workspace
from benchmarks import postgres
from benchmarks.kills import PRELOADED, processor, serve_routes, use_database
from benchmarks.server import ROOT, folder, make_project, p95

ANNOTATORS, EVERY = 8, 0.2  # five labels a second each
LOOK = 1.0  # seconds between two looks at what others did
CALM = 30.0  # seconds without a kill
IMAGES = 2000
PATIENCE = 120.0
GOAL = 150  # ms, the p95 on a quiet machine
NAME = "team"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class App:
    """One app process, which may be killed and begun again at its port.

    Args:
        whole: with its pages, as `serve` starts it; else the routes alone, in a process that begins at once.
    """

    def __init__(self, home: Path, whole: bool) -> None:
        self.home, self.whole, self.port = home, whole, free_port()
        self.log = (home.parent / f"app-{self.port}.log").open("wb")
        self.pid = 0
        self.gone: Callable[[], object] = lambda: None

    def start(self) -> None:
        if self.whole:
            command = [sys.executable, "-m", "alcore", "serve", "--port", str(self.port)]
            quiet = {"ALCORE_HOME": str(self.home), "OMP_NUM_THREADS": "1"}
            served = subprocess.Popen(command, cwd=ROOT, env=os.environ | quiet, stdout=self.log, stderr=self.log)
            self.pid, self.gone = served.pid, served.wait
            return
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        forked = context.Process(target=_serve, args=(str(self.home), os.environ["ALCORE_DATABASE"], self.port), daemon=True)
        forked.start()
        self.pid, self.gone = forked.pid or 0, forked.join

    def wait(self) -> None:
        """Returns when it answers."""
        _until(lambda: _healthy(self.port), f"the app at {self.port} did not start: see {self.log.name}")

    def kill(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.gone()
            self.pid = 0


def _serve(home: str, address: str, port: int) -> None:
    use_database(address)
    workspace = Workspace(home)
    workspace.runner.start()
    serve_routes(workspace, port)


@contextmanager
def proxied(ports: tuple[int, int], place: Path) -> Iterator[int]:
    """The port of an nginx in front of two app processes, with the README's own settings."""
    nginx = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if nginx is None:
        raise FileNotFoundError("there is no nginx on this machine: install Debian's package nginx-light")
    block = nginx_block().replace("8501", str(ports[0])).replace("8502", str(ports[1]))
    port = free_port()
    place.mkdir()
    kept = "\n".join(f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = f"daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;\nevents {{}}\n"
    block = block.replace("listen 80;", f"listen 127.0.0.1:{port};")
    (place / "nginx.conf").write_text(f"{head}http {{ access_log off;\n{kept}\n{block}\n}}\n")
    command = [nginx, "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "error.log")]
    process = subprocess.Popen(command)
    try:
        _until(lambda: _listens(port), f"nginx did not start: see {place / 'error.log'}")
        yield port
    finally:
        process.terminate()
        process.wait()


def nginx_block() -> str:
    """The README's settings of nginx for two app processes."""
    (block,) = re.findall(r"```nginx\n(upstream alcore .*?)\n```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    return str(block)


@dataclass
class Annotator:
    """Somebody who labels at a steady pace, and looks at what the others did.

    Attributes:
        sent, acked: seq -> (item, class) of every answer; those of which the server said that it has them.
        times: (moment, seconds from press to acknowledgement) of each.
        again: how often something had to be sent again.
        heard: items of which the looks have told.
    """

    number: int
    port: int
    token: str
    items: list[int]
    classes: tuple[str, ...]
    seed: int
    sent: dict[int, tuple[int, str]] = field(default_factory=dict)
    acked: dict[int, tuple[int, str]] = field(default_factory=dict)
    times: list[tuple[float, float]] = field(default_factory=list)
    again: int = 0
    heard: set[int] = field(default_factory=set)
    event: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"window-{self.number}"

    def ask(self, line: Line, path: str, body: dict[str, Any] | None, stopped: threading.Event | None = None) -> Any:
        """The answer, however often it takes; None where `stopped` is set before it came."""
        while not (stopped and stopped.is_set()):
            try:
                status, answer = line.ask(path, body)
            except (OSError, http.client.HTTPException, ValueError):  # no answer, or one that was cut short
                status, answer = 0, None
            if status == 200:
                return answer
            if 400 <= status < 500:
                self.refused.append(f"{status} {answer}")
                return None
            self.again += 1
            time.sleep(0.1)
        return None

    def label(self, begin: float, stopped: threading.Event) -> None:
        """Presses a key each 0.2 s until it is stopped; what is on its way then is brought to its end."""
        chance, line, at = np.random.default_rng(self.seed), Line(self.port, self.token), 0
        while not stopped.is_set():
            due = begin + EVERY * (at + self.number / ANNOTATORS)
            time.sleep(max(0.0, due - time.perf_counter()))
            due, at = max(due, time.perf_counter() - EVERY), at + 1  # a person waits while nothing is taken
            seq = len(self.sent) + 1
            self.sent[seq] = item, value = int(chance.choice(self.items)), str(chance.choice(self.classes))
            event = {"seq": seq, "item": item, "kind": "label", "value": value, "ms": 200}
            answer = self.ask(line, "annotations", {"client": self.name, "events": [event]})
            if answer and seq in answer["acked"]:
                self.acked[seq] = self.sent[seq]
                self.times.append((time.perf_counter(), time.perf_counter() - due))
            begin = max(begin, time.perf_counter() - EVERY * (at + self.number / ANNOTATORS))

    def look(self, stopped: threading.Event) -> None:
        """Follows what happens, as an open page does."""
        line = Line(self.port, self.token)
        while not stopped.wait(LOOK):
            self.hear(line, stopped)

    def hear(self, line: Line, stopped: threading.Event | None = None) -> bool:
        """One look; whether there was something new."""
        told = self.ask(line, f"changes?after={self.event}&here={self.name}", None, stopped)
        if not told or told["event"] == self.event:
            return False
        self.event = told["event"]
        self.heard |= {item["id"] for item in told["items"]}
        return True


class Line:
    """A connection to nginx with a browser's cookie, which keeps it at one app process."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token, self.cookie = port, token, ""
        self.connection: http.client.HTTPConnection | None = None

    def ask(self, path: str, body: dict[str, Any] | None) -> tuple[int, Any]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Cookie": self.cookie}
        try:
            self.connection.request(
                "POST" if body else "GET", f"/api/v1/projects/{NAME}/{path}", json.dumps(body) if body else None, headers
            )
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        self.cookie = (answer.headers.get("Set-Cookie") or self.cookie).partition(";")[0]
        return answer.status, json.loads(content) if answer.status == 200 else content[:200]


class Team:
    """All of it, running: `with Team(...) as team`."""

    def __init__(self, home: Path, whole: bool, images: int) -> None:
        self.home, self.whole, self.images = home, whole, images
        self.stack = ExitStack()

    def __enter__(self) -> Team:
        with self.stack:
            self.database = self.stack.enter_context(postgres.server())
            self.address = self.database.address(self.database.make())
            self.stack.callback(use_database, os.environ.get("ALCORE_DATABASE"))
            use_database(self.address)
            make_project(self.home, NAME, self.images, 50)
            with self.opened() as project:
                token = {n: project.workspace.sign(NAME, f"person {n}") for n in range(ANNOTATORS)}
                items, classes = [item.id for item in project.items.pool() if item.split == "pool"], project.classes
            self.apps = [App(self.home, self.whole) for _ in range(2)]
            for app in self.apps:
                self.stack.callback(app.kill)
                app.start()
            for app in self.apps:
                app.wait()
            self.port = self.stack.enter_context(
                proxied((self.apps[0].port, self.apps[1].port), self.home.parent / f"{self.home.name}-nginx")
            )
            self.people = [Annotator(n, self.port, token[n], items, classes, 100 + n) for n in range(ANNOTATORS)]
            self.stopped = threading.Event()
            begin = time.perf_counter() + 0.5
            self.threads = [threading.Thread(target=one.label, args=(begin, self.stopped)) for one in self.people]
            self.threads += [threading.Thread(target=one.look, args=(self.stopped,)) for one in self.people]
            for thread in self.threads:
                thread.start()
            self.stack.callback(self.stopped.set)
            self.kept = self.stack.pop_all()
        return self

    def __exit__(self, *wrong: object) -> None:
        self.kept.close()

    @contextmanager
    def opened(self) -> Iterator[Project]:
        workspace = Workspace(self.home)
        try:
            yield workspace.project(NAME)
        finally:
            workspace.close()

    def all_go_on(self) -> None:
        """Returns once everybody had two answers acknowledged that they gave from now on."""
        want = {one.number: len(one.sent) + 2 for one in self.people}
        _until(lambda: all(len(one.acked) + len(one.refused) >= want[one.number] for one in self.people), "not everybody could go on")

    def kill(self, kind: str, number: int) -> None:
        """Kills one thing and brings it back."""
        if kind == "app":
            app = self.apps[number % 2]
            app.kill()
            app.start()
            app.wait()
        elif kind == "database":
            self.database.kill()
            self.database.start()
        elif kind == "power cut":
            self.database.stop("immediate")
            self.database.start()
        else:
            self.database.kill_children()

    def finish(self) -> None:
        """Nobody presses any more, all is acknowledged, and everybody looks to the end."""
        self.stopped.set()
        for thread in self.threads:
            thread.join(PATIENCE)
        for one in self.people:
            line = Line(self.port, one.token)
            while one.hear(line):
                pass


KINDS = ("app", "database", "app", "power cut", "connections")


def run(kills: int = 0, calm: float = CALM, whole: bool = True, images: int = IMAGES, seed: int = 0) -> dict[str, Any]:
    """The load for `calm` seconds, then `kills` in it."""
    rng, done = np.random.default_rng(seed), Counter[str]()
    with folder() as home, Team(home / "home", whole, images) as team:
        team.all_go_on()
        began, load = time.perf_counter(), os.getloadavg()
        time.sleep(calm)
        ended = time.perf_counter()
        for number in range(kills):
            time.sleep(float(rng.random()))
            kind = KINDS[number % len(KINDS)]
            team.kill(kind, done[kind])
            done[kind] += 1
            team.all_go_on()
        team.finish()
        figures = _told(team, began, ended) | {"kills": dict(done), "seconds of kills": time.perf_counter() - ended, "load": load}
    _print(figures)
    return figures


def failed(figures: Any) -> bool:
    """True when anything was lost, stored twice, unsound, refused or not heard of."""
    return any(figures[name] for name in ("lost", "wrong", "refused", "unheard"))


def _told(team: Team, began: float, ended: float) -> dict[str, Any]:
    with team.opened() as project:
        events = project.journal.events()
        wrong = [f"doctor: {finding}" for finding in examine(project, rebuild=False)]
    stored = {(e["client"], e["seq"]): (e["item_id"], e["value"]) for e in events}
    wrong += ["an answer was stored twice"] if len(stored) != len(events) else []
    lost = [(one.name, seq) for one in team.people for seq, given in one.acked.items() if stored.get((one.name, seq)) != given]
    all_ = {item for item, _ in stored.values()}
    calm = sorted(1000 * took for one in team.people for at, took in one.times if began <= at <= ended)
    whole = sorted(1000 * took for one in team.people for _, took in one.times)
    return {
        "processor": processor(),
        "answers": len(calm),
        "a second": len(calm) / (ended - began) if ended > began else 0.0,
        "median ms": median(calm) if calm else 0.0,
        "p95 ms": p95(calm) if calm else 0.0,
        "most ms": whole[-1],
        "acknowledged": sum(len(one.acked) for one in team.people),
        "stored": len(events),
        "sent again": sum(one.again for one in team.people),
        "lost": len(lost),
        "wrong": wrong,
        "refused": [told for one in team.people for told in one.refused],
        "unheard": sum(len(all_ - one.heard) for one in team.people),
    }


def _print(figures: dict[str, Any]) -> None:
    words = f"{figures['answers']} answers, {figures['a second']:.0f} a second, acknowledged after {figures['median ms']:.0f} ms (median), "
    print(f"  calm: {words}p95 {figures['p95 ms']:.0f} ms (goal {GOAL}); load of the machine before {figures['load'][0]:.1f}")
    kinds = ", ".join(f"{name} {n}" for name, n in figures["kills"].items()) or "none"
    print(f"  kills: {kinds}, in {figures['seconds of kills']:.0f} s; the longest wait {figures['most ms'] / 1000:.1f} s")
    print(
        f"  acknowledged {figures['acknowledged']}, stored {figures['stored']}, sent again {figures['sent again']}, "
        f"lost {figures['lost']}, unheard of {figures['unheard']}"
    )
    for line in (*figures["wrong"], *figures["refused"][:5]):
        print(f"    {line}")


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.02)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _healthy(port: int) -> bool:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=2)) as connection:
        try:
            connection.request("GET", "/api/v1/health")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
