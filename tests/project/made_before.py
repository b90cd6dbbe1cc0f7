"""How tests/data/workspace-0.5.zip was made, and what the code of that version read in it.

    cd TREE && python PATH/made_before.py FOLDER

makes, with the code of the tree it is started in, a workspace and its sources, and writes `workspace-VERSION.zip` and what that code tells of
it as `workspace-VERSION.json` into FOLDER. The version's own tree must do that, once: a later one would prove nothing. For 0.5 it was the
commit before alcore's modules became rooms. The next version adds its own two files and its name to VERSIONS of test_made_before.py.

The weights of finished rounds (model.safetensors) are zeros in it: no code reads them, and they would be most of its size.
Nothing of the machine stays in it: the folder's path is replaced by BASE in the database, processes are called `elsewhere:1:1`, and the
maker refuses to write the archive when a file of it still names either.

`told` and `done` call what every version has: HTTP routes, verbs of the command line, and names of `alcore` itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BASE = "/somewhere"
PROCESS = "elsewhere:1:1"
SIDE, W, H = 8, 20, 12
QUICK = {"steps": 4, "batch_size": 4, "warmup": 0.0, "flip": False}
TAKEN = 1_767_323_046  # when every source file was last changed: what an import tells files apart by
PROJECTS = ("toy", "scenes")


# ---- sources


def picture(kind: int, number: int) -> np.ndarray:
    """(8, 8) uint8: dark noise with quadrant `kind` (0...3) bright."""
    image = np.random.default_rng(100 * kind + number).integers(0, 60, (SIDE, SIDE))
    y, x = divmod(kind, 2)
    image[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += 150
    return image.astype(np.uint8)


def painted(number: int) -> np.ndarray:
    """(12, 20) uint8: ground, a box of class 1, and a stripe of void."""
    mask = np.zeros((H, W), np.uint8)
    x, y = np.random.default_rng(number).integers(0, 6, 2)
    mask[y : y + 5, 2 * x : 2 * x + 7] = 1
    mask[:, -2:] = 255
    return mask


def write_sources(base: Path) -> None:
    """24 pictures of four classes with a damaged file, and 8 scenes without masks."""
    for split, numbers in (("train", range(4)), ("test", range(4, 6))):
        for kind, name in enumerate(("ash", "birch", "cedar", "oak")):
            folder = base / "digits" / split / name
            folder.mkdir(parents=True)
            for number in numbers:
                Image.fromarray(picture(kind, number)).save(folder / f"{number:02d}.png")
    (base / "digits" / "train" / "ash" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for part in ("images", "masks"):
        (base / "scenes" / part).mkdir(parents=True)
    for number in range(8):
        rng, mask = np.random.default_rng(number), painted(number)
        colors = np.array([(60, 120, 60), (200, 60, 40)], np.uint8)[np.where(mask == 255, 0, mask)]
        noisy = np.clip(colors.astype(int) + rng.integers(-12, 12, colors.shape), 0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(base / "scenes" / "images" / f"{number}.png")
        Image.fromarray(mask).save(base / "scenes" / "masks" / f"{number}.png")
    (base / "scenes" / "classes.txt").write_text("ground\nbox\n")
    (base / "scenes" / "train.txt").write_text("".join(f"{number}\n" for number in range(6)))
    (base / "scenes" / "val.txt").write_text("6\n7\n")
    for name in ("digits", "scenes"):
        for file in (base / name).rglob("*"):
            set_time(file)


def set_time(file: Path) -> None:
    """The one time of every source file."""
    os.utime(file, (TAKEN, TAKEN))


# ---- the doors every version has


@contextmanager
def opened(home: Path) -> Iterator[tuple[Any, Any]]:
    """The workspace, and a client of its routes who may do everything."""
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    import alcore

    try:
        from alcore.web.routes import routes
    except ModuleNotFoundError:  # 0.5
        from alcore.web import routes  # type: ignore[attr-defined,no-redef,unused-ignore]

    workspace = alcore.Workspace(home)
    try:
        with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as client:
            yield workspace, client
    finally:
        workspace.close()


def ask(workspace: Any, client: Any, path: str, who: str = "ann", **given: Any) -> Any:
    """A route's answer; every other than 200 is an error."""
    project = path.split("/")[1]
    kind = {"Content-Type": "application/octet-stream"} if "content" in given else {}
    headers = {"Authorization": f"Bearer {workspace.sign(project, who)}", **kind}
    answer = client.request("POST" if given else "GET", f"/api/v1/projects{path}", headers=headers, **given)
    if answer.status_code != 200:
        raise AssertionError(f"{path}: {answer.status_code} {answer.text}")
    return answer if "json" not in answer.headers["Content-Type"] else answer.json()


def say(workspace: Any, client: Any, who: str, events: list[dict[str, Any]], seq: int = 1) -> Any:
    """Events of one person's browser in the toy project, numbered from `seq`."""
    numbered = [{"seq": seq + at, "ms": 900 + 100 * at, **event} for at, event in enumerate(events)]
    return ask(workspace, client, "/toy/annotations", who, json={"client": f"tab-{who}", "events": numbered})


def paint(workspace: Any, client: Any, who: str, item: int, mask: np.ndarray, **query: Any) -> Any:
    """A mask as the editor sends it."""
    return ask(
        workspace,
        client,
        f"/scenes/items/{item}/mask",
        who,
        params={"client": f"tab-{who}", "ms": 1500, **query},
        content=zlib.compress(mask.tobytes()),
    )


def verb(home: Path, *arguments: str) -> str:
    """What a verb of the command line prints."""
    command = [sys.executable, "-m", "alcore", *arguments, "--home", str(home)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout


# ---- making


def make(base: Path) -> None:
    """Sources and a workspace `home` in which two people have worked."""
    write_sources(base)
    with opened(base / "home") as (workspace, client):
        _make_toy(workspace, client, base / "digits")
        _make_scenes(workspace, client, base / "scenes")


def _make_toy(workspace: Any, client: Any, source: Path) -> None:
    runner = workspace.runner
    runner.run_now("import", "toy", "Importing toy", {"source": str(source)}, device="disk")
    toy = workspace.project("toy")
    toy.start(8, "random", seed=0)
    asked = [entry["id"] for entry in toy.queue()["items"]]
    truth = {entry[0]: entry[2] for entry in toy.snapshot()}
    label = [{"item": i, "kind": "label", "value": truth[i], "round": 0} for i in asked]
    say(
        workspace,
        client,
        "ann",
        [*label[:4], {"item": asked[4], "kind": "skip", "round": 0}, {"item": asked[5], "kind": "flag", "round": 0}],
    )
    say(workspace, client, "ann", [label[6], {"item": asked[6], "kind": "undo", "round": 0}], seq=7)
    other = next(name for name in toy.classes if name != truth[asked[0]])
    told = say(workspace, client, "bob", [{**label[0], "value": other, "replaces": None}, label[6]])
    assert [one["item"] for one in told["conflicts"]] == [asked[0]], told
    toy.label_from_truth(5, seed=1)
    toy.run_round("entropy", query_size=4, seed=3, train=QUICK)
    first = toy.queue()["items"][0]["id"]
    say(workspace, client, "bob", [{"item": first, "kind": "label", "value": truth[first], "round": 1}], seq=3)

    def stop(progress: Any) -> None:
        if progress.stage.startswith("training") and progress.done == 4:
            raise KeyboardInterrupt

    try:
        toy.run_round("margin", query_size=3, seed=5, train={**QUICK, "steps": 9, "momentum": 0.0}, report=stop)
        raise AssertionError("the round was not interrupted")
    except KeyboardInterrupt:  # as by Ctrl-C: it left a checkpoint, small since there is no momentum in it
        pass
    # a job that nobody has begun: as `submit` queues it, while the worker of the disk is elsewhere
    workspace.jobs_table.add_job("import", "toy", "Reading digits again", {"again": True}, "disk", waiter=runner.owner)


def _make_scenes(workspace: Any, client: Any, source: Path) -> None:
    runner = workspace.runner
    arguments = {"source": str(source), "task": "segmentation", "image_size": 16}
    job = workspace.jobs_table.add_job("import", "scenes", "Importing scenes", arguments, "disk", waiter=runner.owner, attended=True)
    runner._kinds["import"](job, lambda progress: None)  # the queued job of the disk would run before it
    workspace.jobs_table.finish_job(job.id, "done", result=workspace.project("scenes").import_summary(), owner=runner.owner)
    scenes = workspace.project("scenes")
    scenes.start(2, "random", seed=0)
    for at, entry in enumerate(scenes.queue()["items"]):
        mask = painted(at)
        told = paint(workspace, client, "ann", entry["id"], mask, seq=at + 1, kind="mask", round=0, clicks=3 + at)
        assert told["acked"] == [at + 1], told
    train = {**QUICK, "query_unit": "superpixels", "region_count": 4, "crop": 0.0}
    scenes.run_round("mcdal", query_size=3, seed=2, train=train)
    first = scenes.queue()["items"][0]["id"]
    told = paint(workspace, client, "bob", first, np.ones((H, W), np.uint8), seq=1, kind="region", round=1, clicks=5)
    assert told["acked"] == [1], told


# ---- telling


def told(base: Path) -> dict[str, Any]:
    """Everything a person can see of the workspace, without changing it."""
    home = base / "home"
    found: dict[str, Any] = {}
    with opened(home) as (workspace, client):

        def at(path: str) -> Any:
            return ask(workspace, client, path)

        for name in PROJECTS:
            project = workspace.project(name)
            seen: dict[str, Any] = {
                "status": at(f"/{name}/status"),
                "queue": at(f"/{name}/queue"),
                "changes": at(f"/{name}/changes?after=0"),
            }
            seen["rounds"] = [_round(project, at, number) for number in (0, 1)]
            seen["review"] = at(f"/{name}/queue?view=review")
            seen["items"] = [at(f"/{name}/items/{i}") for i in sorted(entry[0] for entry in project.snapshot())]
            seen["jobs"] = [_job(job) for job in workspace.runner.jobs(name)]
            seen["histories"] = {str(job.id): _table(project.history(job.id)) for job in workspace.runner.jobs(name) if job.kind == "round"}
            seen["logs"] = {str(job.id): workspace.runner.log(job.id) for job in workspace.runner.jobs(name)}
            seen["pace"] = _table(project.pace())
            seen["csv"] = project.labels_csv()
            found[name] = seen
        scenes = workspace.project("scenes")
        found["scenes"] |= {"classes": scenes.class_table(scenes.round(1)), "costs": _table(scenes.costs())}
        masks = {}
        for entry in found["scenes"]["items"]:
            mask = scenes.mask(entry["id"])
            masks[str(entry["id"])] = None if mask is None else mask.tolist()
            for layer in entry["layers"]:
                masks[layer["name"] + str(entry["id"])] = _digest(at(layer["address"].removeprefix("/api/v1/projects")).content)
            if entry["draft_mask"]:
                stream = at(entry["draft_mask"].removeprefix("/api/v1/projects") + "&raw=1").content
                masks[f"draft{entry['id']}"] = _digest(zlib.decompress(stream))
        found["scenes"]["masks"] = masks
        found["scenes"]["superpixels"] = _digest(zlib.decompress(at(f"/scenes/items/{scenes.round(1).query[0]}/superpixels?n=9").content))
    found["doctor"] = json.loads(verb(home, "doctor", "--json"))["findings"]
    for name, format_name in (("toy", "csv"), ("toy", "folder"), ("scenes", "camvid")):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / ("labels.csv" if format_name == "csv" else "out")
            verb(home, "export", "--project", name, "--format", format_name, "--out", str(out))
            files = {"": out} if out.is_file() else {f.relative_to(out).as_posix(): f for f in sorted(out.rglob("*")) if f.is_file()}
            found[f"export {name} {format_name}"] = {
                at: file.read_bytes().decode() if file.suffix in (".csv", ".txt") else _digest(file.read_bytes())
                for at, file in files.items()
            }
    return clean(found, base)


def _round(project: Any, at: Any, number: int) -> dict[str, Any]:
    round_ = project.round(number)
    seen: dict[str, Any] = {"query": list(round_.query), "scores": _table(project.scores(round_))}
    seen["behind"] = at(f"/{project.name}/queue?round={number}&done=50")
    if number:  # a start without a model has no map
        seen["columns"] = at(f"/{project.name}/rounds/{number}/columns")
        for column in ("id", "place_by_name", *(one["name"] for one in seen["columns"]["columns"])):
            answer = at(f"/{project.name}/rounds/{number}/columns/{column}")
            seen[column] = [answer.headers["X-Dtype"], np.frombuffer(answer.content, answer.headers["X-Dtype"]).tolist()]
    return seen


def _job(job: Any) -> dict[str, Any]:
    names = ("id", "kind", "title", "arguments", "device", "state", "result", "error", "created", "started", "finished")
    return {name: getattr(job, name) for name in names} | {"progress": [job.progress.stage, job.progress.done, job.progress.total]}


def _table(frame: Any) -> dict[str, list[Any]]:
    return {str(name): frame[name].tolist() for name in frame.columns}


def _scores(project: Any) -> dict[str, list[Any]]:
    """Those of the newest round without its map, which falls elsewhere on another processor."""
    return {name: values for name, values in _table(project.scores()).items() if name not in "xy"}


def _digest(content: bytes) -> str:
    """Of a PNG's pixels: compressed they differ from one library to the next."""
    if content.startswith(b"\x89PNG"):
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        content = repr((pixels.shape, pixels.dtype.name)).encode() + pixels.tobytes()
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def clean(value: Any, base: Path) -> Any:
    """The same as JSON has it: None for NaN, BASE for the folder, lists for tuples."""
    text = json.dumps(value, default=lambda other: other.item() if isinstance(other, np.generic) else dict(other))
    return json.loads(text.replace(str(base), BASE), parse_constant=lambda name: None)


# ---- going on


def done(base: Path) -> dict[str, Any]:
    """What comes of going on with it: labels, an undo across the rounds, the jobs, a new round. Changes the workspace."""
    home, after = base / "home", dict[str, Any]()
    with opened(home) as (workspace, client):
        toy = workspace.project("toy")
        first = ask(workspace, client, "/toy/queue?round=0&done=50")["done"][0]["id"]
        after["undone"] = say(workspace, client, "ann", [{"item": first, "kind": "undo"}], seq=100)
        after["after the undo"] = ask(workspace, client, f"/toy/items/{first}")["state"]
        after["review"] = [entry["id"] for entry in ask(workspace, client, "/toy/queue?view=review")["items"]]
        Image.fromarray(picture(2, 77)).save(base / "digits" / "train" / "cedar" / "new.png")
        set_time(base / "digits" / "train" / "cedar" / "new.png")
        (base / "digits" / "train" / "ash" / "damaged.png").unlink()
        queued = next(job.id for job in workspace.runner.jobs("toy") if job.state == "queued")
        workspace.runner.start()
        for _ in range(600):
            if workspace.runner.snapshot(queued).over:
                break
            workspace.runner._workers["disk"].join(0.1)
        after["read again"] = _job(workspace.runner.snapshot(queued))
        interrupted = next(job.id for job in workspace.runner.jobs("toy") if job.state == "interrupted")
        job = workspace.runner.resume_now(interrupted)
        toy = workspace.project("toy")
        after["resumed"] = {"state": job.state, "result": job.result, "history": _table(toy.history(job.id)[-1:]), "scores": _scores(toy)}
        toy.run_round("entropy", query_size=2, seed=9, train=QUICK)
        after["trained anew"] = {"metrics": dict(toy.round().metrics), "scores": _scores(toy)}
        scenes = workspace.project("scenes")
        waiting = ask(workspace, client, "/scenes/queue")["items"][0]["id"]
        paint(workspace, client, "ann", waiting, painted(5), seq=50, kind="region", round=1, clicks=2)
        after["painted"] = scenes.mask(waiting).tolist()
        scenes.run_round("entropy", query_size=2, seed=4, train={**QUICK, "query_unit": "tiles", "region_count": 4, "crop": 0.0})
        after["scenes"] = {"metrics": dict(scenes.round().metrics), "scores": _scores(scenes), "costs": _table(scenes.costs())}
        after["csv"] = toy.labels_csv()
    after["doctor"] = json.loads(verb(home, "doctor", "--json"))["findings"]
    after = clean(after, base)
    for job in after["read again"], after["resumed"]["result"]:  # what a clock has measured
        for name in ("created", "started", "finished", "seconds"):
            job.pop(name, None)
    return after


# ---- packing


def forget_the_machine(base: Path) -> None:
    """Another folder and another process instead of the present ones, everywhere in the database; nothing of before stays in its file."""
    with sqlite3.connect(base / "home" / "alcore.sqlite") as db:
        db.execute("PRAGMA journal_mode=DELETE")
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in db.execute(f"PRAGMA table_info({table})").fetchall():
                if kind.upper().startswith(("TEXT", "VARCHAR", "JSON")):
                    db.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(base), BASE))
        db.execute("UPDATE jobs SET owner = ?, seen = ? WHERE owner IS NOT NULL", (PROCESS, TAKEN))  # long gone
    db.close()
    with sqlite3.connect(base / "home" / "alcore.sqlite", isolation_level=None) as db:
        db.execute("VACUUM")
    db.close()
    (base / "home" / "token").unlink()
    for file in (base / "home").rglob("model.safetensors"):
        content = file.read_bytes()
        heading = 8 + int.from_bytes(content[:8], "little")
        file.write_bytes(content[:heading] + bytes(len(content) - heading))


def packed(base: Path) -> bytes:
    """The folder as a zip archive; an error when a file names this machine."""
    names = [name.encode() for name in (str(base.parent), f"{socket.gethostname()}:{os.getpid()}", f"{Path.home()}/")]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as into:
        for file in sorted(base.rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                assert not any(name in content for name in names), f"{file} names this machine"
                into.writestr(zipfile.ZipInfo(file.relative_to(base).as_posix(), (2026, 1, 2, 3, 4, 6)), content, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def unpacked(archive: Path, base: Path) -> Path:
    """The archive as a workspace and its sources below `base`, where the database then looks for them."""
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(base)
    for name in ("digits", "scenes"):
        for file in (base / name).rglob("*"):
            set_time(file)
    with sqlite3.connect(base / "home" / "alcore.sqlite") as db:
        db.execute("UPDATE projects SET source = replace(source, ?1, ?2), settings = replace(settings, ?1, ?2)", (BASE, str(base)))
        db.execute("UPDATE jobs SET arguments = replace(arguments, ?, ?)", (BASE, str(base)))
    db.close()
    return base


def main(into: Path) -> None:
    import alcore

    name = f"workspace-{alcore.__version__.rpartition('.')[0]}"
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "made"
        base.mkdir()
        make(base)
        forget_the_machine(base)
        archive = into / f"{name}.zip"
        archive.write_bytes(packed(base))
        recorded = {"told": told(unpacked(archive, Path(folder) / "read")), "done": done(unpacked(archive, Path(folder) / "used"))}
    (into / f"{name}.json").write_text(json.dumps(recorded, indent=None, separators=(",", ":")) + "\n")
    print(f"{archive}: {archive.stat().st_size:,} bytes")


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main(Path(sys.argv[1]).resolve())
