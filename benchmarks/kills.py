"""Kills with SIGKILL, at seeded random moments, whatever stores something: nothing acknowledged may be lost, nothing may be left.

Each kill hits one process: a server under a load of labels or masks, an import, one with labels, one of the source again, a training, an
export, a deletion, changes of the classes. Then the workspace is opened anew: what was acknowledged must be there, `doctor` must find
nothing wrong, the work must go on or succeed when it is asked for again, and after `doctor --rebuild`, with no hour of grace, every file
must belong to a row.

Longer than 400 lines: what is killed and what must hold after it are read together.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alcore.project import classes, holding
from alcore.project.doctor import examine, leftover_words
from alcore.project.exporting import export
from alcore.project.facade import Project, Workspace
from alcore.project.place import TOGETHER

KILLS = 24
CLASSES = ("ant", "bee", "cat", "dog")
IMAGES = 240
SCENES = 24
TRAIN = {"steps": 40, "batch_size": 16, "learning_rate": 0.05}
CLIENTS = 4
LOAD = 0.6  # seconds of load within which a server is killed
SPAN = 0.2  # seconds within which work is killed of which nobody knows yet how long it takes
PATIENCE = 60.0
PRELOADED = ["benchmarks.kills", "alcore.web.routes", "alcore.measures.layout", "uvicorn"]  # what the killed processes need not load


@dataclass
class Found:
    """What one kill did: whether it met the work under way, what had been acknowledged, and everything that is wrong."""

    met: bool
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class Place:
    """The workspace that is killed in, its sources, and the seeded chance of it all."""

    home: Path
    source: Path
    scenes: Path
    rng: np.random.Generator
    spans: dict[str, float] = field(default_factory=dict)  # kind -> seconds that its work takes undisturbed
    made: int = 0

    def name(self) -> str:
        """A project's name that was never used."""
        self.made += 1
        return f"p{self.made}"


def run(kills: int = KILLS, kinds: tuple[str, ...] = (), seed: int = 0) -> dict[str, Any]:
    """`kills` spread over the kinds, in turn."""
    chosen = [KINDS[name] for name in kinds or KINDS]
    results: dict[str, list[tuple[Found, float]]] = {kind.__name__.strip("_"): [] for kind in chosen}
    folder = Path(tempfile.mkdtemp(prefix="alcore-kills-"))
    try:
        place = Place(folder / "home", _pictures(folder / "source"), _painted(folder / "scenes"), np.random.default_rng(seed))
        for number in range(kills):
            kind = chosen[number % len(chosen)]
            started = time.perf_counter()
            found = kind(place)
            found.wrong += _left(place)
            results[kind.__name__.strip("_")].append((found, time.perf_counter() - started))
    finally:
        shutil.rmtree(folder)
    rows = {name: _row(done) for name, done in results.items() if done}
    print(f"  {'':14s}{'kills':>7s}{'met':>6s}{'acknowledged':>14s}{'wrong':>7s}{'s a kill':>10s}")
    for name, row in rows.items():
        words = f"{row['kills']:7d}{row['met']:6d}{row['acknowledged']:14,d}{len(row['wrong']):7d}{row['seconds']:10.1f}"
        print(f"  {name.replace('_', ' '):14s}{words}")
        for line in row["wrong"]:
            print(f"    {line}")
    return {"kills": kills, "seed": seed, "processor": processor(), "kinds": rows}


def failed(figures: Any) -> bool:
    """True when anything was lost, unsound or left."""
    return any(row["wrong"] for row in figures["kinds"].values())


def _row(done: list[tuple[Found, float]]) -> dict[str, Any]:
    return {
        "kills": len(done),
        "met": sum(found.met for found, _ in done),
        "acknowledged": sum(found.acknowledged for found, _ in done),
        "wrong": [line for found, _ in done for line in found.wrong],
        "seconds": sum(seconds for _, seconds in done) / len(done),
    }


def processor() -> str:
    """As the system calls it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


# ---- what is killed: each gives what it found; what is wrong is a sentence that begins with the kind


def _labels(place: Place) -> Found:
    with _opened(place) as workspace:
        project = _project(workspace, place)
        items = [item.id for item in project.items.pool()]
        token, name = workspace.sign(project.name, "ann"), project.name
    chance = [np.random.default_rng(int(s)) for s in place.rng.integers(0, 2**32, CLIENTS)]
    sent: list[dict[int, dict[str, Any]]] = [{} for _ in range(CLIENTS)]
    acked: list[set[int]] = [set() for _ in range(CLIENTS)]

    def label(client: int, ask: Callable[[str, bytes, str], dict[str, Any]]) -> None:
        events = []
        for _ in range(int(chance[client].integers(1, 6))):
            seq = len(sent[client]) + 1
            sent[client][seq] = {
                "seq": seq,
                "item": int(chance[client].choice(items)),
                "kind": "label",
                "value": CLASSES[int(chance[client].integers(4))],
            }
            events.append(sent[client][seq])
        body = json.dumps({"client": f"c{client}", "events": events}).encode()
        acked[client] |= set(ask(f"/api/v1/projects/{name}/annotations", body, "application/json")["acked"])

    met = _killed_under_load(place, token, label)
    found = Found(met, sum(map(len, acked)))
    with _opened(place) as workspace:
        project = workspace.project(name)
        stored = {(e["client"], e["seq"]): (e["item_id"], e["value"]) for e in project.journal.events()}
        for client in range(CLIENTS):
            for seq in sorted(acked[client]):
                event = sent[client][seq]
                if stored.get((f"c{client}", seq)) != (event["item"], event["value"]):
                    found.wrong.append(f"labels: {event} was acknowledged to client {client} and is not there")
        found.wrong += _unsound(workspace, name)
        project.delete()
    return found


def _masks(place: Place) -> Found:
    with _opened(place) as workspace:
        project = Project.import_into(workspace, place.name(), place.scenes, task="segmentation")
        rows = list(project.items.rows([item.id for item in project.items.pool()]).values())
        token, name = workspace.sign(project.name, "ann"), project.name
    chance = [np.random.default_rng(int(s)) for s in place.rng.integers(0, 2**32, CLIENTS)]
    acked: list[list[tuple[int, int, str, np.ndarray]]] = [[] for _ in range(CLIENTS)]
    seqs = [0] * CLIENTS

    def paint(client: int, ask: Callable[[str, bytes, str], dict[str, Any]]) -> None:
        seqs[client] += 1
        row = rows[int(chance[client].integers(len(rows)))]
        mask = chance[client].integers(0, 3, (row["height"], row["width"])).astype(np.uint8)
        asked = f"/api/v1/projects/{name}/items/{row['id']}/mask?client=c{client}&seq={seqs[client]}&kind=mask"
        answer = ask(asked, zlib.compress(mask.tobytes(), 1), "application/octet-stream")
        acked[client] += [(seq, row["id"], answer["digest"], mask) for seq in answer["acked"]]

    met = _killed_under_load(place, token, paint)
    found = Found(met, sum(map(len, acked)))
    with _opened(place) as workspace:
        project = workspace.project(name)
        stored = {(e["client"], e["seq"]): (e["item_id"], e["value"]) for e in project.journal.events()}
        for client in range(CLIENTS):
            for seq, item, digest, mask in acked[client]:
                if stored.get((f"c{client}", seq)) != (item, digest) or not np.array_equal(project.masks.load(digest), mask):
                    found.wrong.append(f"masks: {digest} of item {item} was acknowledged and is not there")
        found.wrong += _unsound(workspace, name)
        project.delete()
    return found


def _import(place: Place) -> Found:
    return _imported(place, "import", "hidden", 0)


def _import_labels(place: Place) -> Found:
    return _imported(place, "import labels", "labels", IMAGES)


def _imported(place: Place, kind: str, truth: str, labels: int) -> Found:
    name = place.name()
    found = Found(_killed(place, kind, _do_import, name, truth))
    with _opened(place) as workspace:
        if name not in workspace.projects():
            Project.import_into(workspace, name, place.source, truth=truth, hold_out=0.0)
        has = workspace.project(name).counts()
        if (has["items"], has["labeled"]) != (IMAGES, labels):
            found.wrong.append(f"{kind}: {has['items']} images and {has['labeled']} labels of {IMAGES} and {labels}")
        found.wrong += _unsound(workspace, name)
        workspace.project(name).delete()
    return found


def _import_again(place: Place) -> Found:
    with _opened(place) as workspace:
        project = _project(workspace, place)
        project.label_from_truth(20, seed=0)
        name, labels = project.name, project.items.labels()
    changed = place.source / CLASSES[0] / "000.png"
    fresh = [place.source / CLASSES[1] / f"new-{n}.png" for n in range(60)]
    before = changed.read_bytes()
    for path in (changed, *fresh):
        _picture(place.rng).save(path)
    found = Found(_killed(place, "import again", _do_import_again, name))
    with _opened(place) as workspace:
        project = workspace.project(name)
        found.wrong += _unsound(workspace, name)
        if project.pixels().shape[0] not in (IMAGES, IMAGES + len(fresh)):
            found.wrong.append(f"import again: {project.pixels().shape[0]} packed images")
        project.refresh()
        if project.counts()["items"] != IMAGES + len(fresh) or project.items.labels() != labels:
            found.wrong.append(f"import again: {project.counts()['items']} images, or other labels than before")
        found.wrong += _unsound(workspace, name)
        project.delete()
    changed.write_bytes(before)
    for path in fresh:
        path.unlink()
    return found


def _train(place: Place) -> Found:
    with _opened(place) as workspace:
        project = _project(workspace, place)
        project.label_from_truth(30, seed=0)
        name = project.name
    found = Found(_killed(place, "train", _do_train, name))
    with _opened(place) as workspace:
        workspace.runner.start()
        project = workspace.project(name)
        (job,) = workspace.job_rows.jobs(name) or (None,)
        if job is None:
            _do_train(workspace, name)
        elif job.state != "done":
            if job.state != "interrupted":
                found.wrong.append(f"train: the job of a killed process is {job.state}")
            workspace.runner.resume_now(job.id)
        rounds = project.rounds()
        if [len(r.query) for r in rounds] != [5] or project.files(rounds[0]).map is None:  # type: ignore[union-attr]
            found.wrong.append(f"train: {len(rounds)} rounds, or one without its query or map")
        found.wrong += _unsound(workspace, name)
        project.delete()
    return found


def _export(place: Place) -> Found:
    with _opened(place) as workspace:
        project = _project(workspace, place)
        project.label_from_truth(IMAGES // 2, seed=0)
        name = project.name
        whole = _content(export(project, "folder", place.home.parent / "whole")["out"])
    out = place.home.parent / "out"
    found = Found(_killed(place, "export", _do_export, name, str(out)))
    with _opened(place) as workspace:
        project = workspace.project(name)
        if out.exists() and _content(out) != whole:
            found.wrong.append(f"export: {len(_content(out))} of {len(whole)} files under the final name")
        shutil.rmtree(out, ignore_errors=True)
        export(project, "folder", out)
        found.wrong += _unsound(workspace, name)
        project.delete()
    beside = sorted(path.name for path in out.parent.iterdir() if path.name not in ("home", "source", "scenes", "whole", "out"))
    if _content(out) != whole or beside:
        found.wrong.append(f"export: the next one is not whole, or {beside} lie beside it")
    for path in (out, out.with_name("whole")):
        shutil.rmtree(path)
    return found


def _delete(place: Place) -> Found:
    with _opened(place) as workspace:
        project = _project(workspace, place)
        project.label_from_truth(30, seed=0)
        name = project.name
    found = Found(_killed(place, "delete", _do_delete, name))
    with _opened(place) as workspace:
        if name in workspace.projects():
            has = workspace.project(name).counts()
            if (has["items"], has["labeled"]) != (IMAGES, 30) or workspace.project(name).pixels().shape[0] != IMAGES:
                found.wrong.append(f"delete: {has['items']} images and {has['labeled']} labels are left of a project")
            found.wrong += _unsound(workspace, name)
            workspace.project(name).delete()
    return found


def _classes(place: Place) -> Found:
    with _opened(place) as workspace:
        project = _project(workspace, place)
        project.label_from_truth(IMAGES, seed=0)
        name, of_class = project.name, Counter(project.items.labels().values())
    found = Found(_killed(place, "classes", _do_classes, name))
    with _opened(place) as workspace:
        project = workspace.project(name)
        labels = project.items.labels()
        if strange := set(labels.values()) - set(project.classes):
            found.wrong.append(f"classes: there are labels of {sorted(strange)}, and classes {list(project.classes)}")
        if len(labels) != IMAGES:
            found.wrong.append(f"classes: {len(labels)} of {IMAGES} labels are left")
        found.wrong += _unsound(workspace, name)
        while told := next((one for one in classes.changes(project) if one["undoable"]), None):
            classes.undo(project, int(told["id"]), "ann")
        if (now := Counter(project.items.labels().values())) != of_class:
            found.wrong.append(f"classes: with every change taken back there are {dict(now)}, before {dict(of_class)}")
        _do_classes(workspace, name)
        found.wrong += _unsound(workspace, name)
        project.delete()
    return found


KINDS: dict[str, Callable[[Place], Found]] = {
    "labels": _labels,
    "masks": _masks,
    "import": _import,
    "import labels": _import_labels,
    "import again": _import_again,
    "train": _train,
    "export": _export,
    "delete": _delete,
    "classes": _classes,
}


# ---- what is done in the process that is killed


def _do_import(workspace: Workspace, name: str, truth: str) -> None:
    Project.import_into(workspace, name, workspace.home.parent / "source", truth=truth, hold_out=0.0)


def _do_import_again(workspace: Workspace, name: str) -> None:
    workspace.project(name).refresh()


def _do_train(workspace: Workspace, name: str) -> None:
    workspace.project(name).run_round("entropy", 5, 0, "cpu", train=TRAIN, report=lambda progress: None)


def _do_export(workspace: Workspace, name: str, out: str) -> None:
    export(workspace.project(name), "folder", Path(out))


def _do_delete(workspace: Workspace, name: str) -> None:
    workspace.project(name).delete()


def _do_classes(workspace: Workspace, name: str) -> None:
    """Names, merges, undos and images held out, one after the other."""
    project = workspace.project(name)
    some = sorted(project.items.labels())[:40]
    for turn in range(8):
        first, second, third = list(project.classes)[:3]
        classes.rename(project, first, f"{first[:3]}{turn}", "ann")
        classes.merge(project, second, third, "ann")
        holding.hold(project, some, annotator="ann")
        merged = next(one for one in classes.changes(project) if one["undoable"])
        classes.undo(project, int(merged["id"]), "ann")
        holding.hold(project, some, annotator="ann", back=True)


def serve_routes(workspace: Workspace, port: int) -> None:
    """The routes of an app without its pages."""
    import uvicorn
    from starlette.applications import Starlette

    from alcore.web.routes import routes

    uvicorn.run(Starlette(routes=routes(lambda: workspace)), host="127.0.0.1", port=port, log_level="error", access_log=False)


def _child(home: str, database: str | None, work: Callable[..., None], given: tuple[Any, ...], tell: Connection) -> None:
    import torch

    use_database(database)
    torch.set_num_threads(1)
    workspace = Workspace(home)
    tell.send("begun")
    work(workspace, *given)
    tell.send("done")


def use_database(address: str | None) -> None:
    """Who is forked has the environment of the first who forked."""
    os.environ.pop("ALCORE_DATABASE", None)
    if address is not None:
        os.environ["ALCORE_DATABASE"] = address


# ---- killing


@contextmanager
def _process(place: Place, work: Callable[..., None], *given: Any) -> Iterator[tuple[multiprocessing.process.BaseProcess, Connection]]:
    """A process that has begun to work; killed at the latest at the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    mine, its = context.Pipe()
    process = context.Process(target=_child, args=(str(place.home), os.environ.get("ALCORE_DATABASE"), work, given, its), daemon=True)
    process.start()
    its.close()
    try:
        if not mine.poll(PATIENCE) or mine.recv() != "begun":
            raise RuntimeError("the process that is to be killed did not begin")
        yield process, mine
    finally:
        _kill(process)


def _kill(process: multiprocessing.process.BaseProcess) -> None:
    if process.pid and process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join(PATIENCE)


def _killed(place: Place, kind: str, work: Callable[..., None], *given: Any) -> bool:
    """Begins the work and kills it at a random moment of the time it may take; whether it was still at it. That time is what it took when
    it came to an end, and until it has, ever more."""
    with _process(place, work, *given) as (process, tell):
        started = time.perf_counter()
        ended = tell.poll(float(place.rng.random()) * 1.05 * place.spans.get(kind, SPAN))
        if ended:
            place.spans[kind] = time.perf_counter() - started
        else:  # in the end all of it is met
            place.spans[kind] = place.spans.get(kind, SPAN) * 1.1
        _kill(process)
        return not ended


def _killed_under_load(place: Place, token: str, act: Callable[[int, Callable[[str, bytes, str], dict[str, Any]]], None]) -> bool:
    """Serves, lets CLIENTS clients act as fast as they can, and kills the server while all of them wait for an answer: True."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    broken, answered = [], threading.Event()
    with _process(place, serve_routes, port) as (process, _):
        deadline = time.monotonic() + PATIENCE
        while not _answers(port):
            if time.monotonic() > deadline:
                raise RuntimeError("the server that is to be killed did not answer")
            time.sleep(0.01)

        def client(number: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

            def ask(path: str, body: bytes, content: str) -> dict[str, Any]:
                connection.request("POST", path, body, {"Authorization": f"Bearer {token}", "Content-Type": content})
                answer = connection.getresponse()
                told = json.loads(answer.read())
                if answer.status != 200:
                    raise RuntimeError(f"{answer.status}: {told}")
                answered.set()
                return dict(told)

            try:
                while True:
                    act(number, ask)
            except (OSError, http.client.HTTPException):  # the server is gone
                broken.append(number)
            finally:
                connection.close()

        threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        answered.wait(PATIENCE)
        time.sleep(float(place.rng.random()) * LOAD)
        _kill(process)
        for thread in threads:
            thread.join(PATIENCE)
    if len(broken) != CLIENTS:
        raise RuntimeError(f"{CLIENTS - len(broken)} clients ended in another way than by the kill")
    return True


def _answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/api/v1/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


# ---- what must hold afterwards


@contextmanager
def _opened(place: Place) -> Iterator[Workspace]:
    workspace = Workspace(place.home)
    try:
        yield workspace
    finally:
        workspace.close()


def _unsound(workspace: Workspace, name: str) -> list[str]:
    return [f"doctor: {finding}" for finding in examine(workspace.project(name), rebuild=False)]


def _left(place: Place) -> list[str]:
    """Files below the home that no row owns, after what is left was collected; by an account of its own."""
    with _opened(place) as workspace:
        leftover_words(workspace, None, rebuild=True, older_than=0.0)
        owned = {place.home / name for name in ("alcore.sqlite", "alcore.sqlite-wal", "alcore.sqlite-shm", "token", TOGETHER)}
        folders = []
        for name in workspace.projects():
            project = workspace.project(name)
            settings, folder = project.settings, project.folder
            owned |= {folder / kept for kept in (".lock", settings["packed"], *(kept for kept, *_ in settings["arrays"]))}
            owned |= {folder / "masks" / digest[:2] / f"{digest}.png" for digest in project.masks.digests()}
            folders += [folder / "rounds" / round_.folder for round_ in project.rounds()] + [folder / "maps"]
            folders += [project.job_folder(job.id) for job in workspace.job_rows.jobs(name)]
        files = [path for path in place.home.rglob("*") if path.is_file()]
    wrong = [p for p in files if p not in owned and (".part" in p.name or not any(folder in p.parents for folder in folders))]
    return [f"left: {path.relative_to(place.home)}, {path.stat().st_size} bytes" for path in wrong]


def _content(folder: str | Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in Path(folder).rglob("*")
        if path.is_file()
    }


# ---- sources


def _project(workspace: Workspace, place: Place) -> Project:
    return Project.import_into(workspace, place.name(), place.source, hold_out=0.0)


def _picture(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 255, (16, 16, 3)).astype(np.uint8))


def _pictures(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        path = folder / CLASSES[number % len(CLASSES)] / f"{number // len(CLASSES):03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _picture(rng).save(path)
    return folder


def _painted(folder: Path) -> Path:
    """Pictures with masks of three classes beside a list of them."""
    rng = np.random.default_rng(1)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(SCENES):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)).save(folder / "images" / f"{number:03d}.png")
        Image.fromarray(rng.integers(0, 3, (48, 64)).astype(np.uint8)).save(folder / "masks" / f"{number:03d}.png")
    (folder / "classes.csv").write_text("name,index\nground,0\nbox,1\ndot,2\n")
    return folder
