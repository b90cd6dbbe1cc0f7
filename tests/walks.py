"""How many functions and files a thing passes on its way through the house, counted in running code. `python -m tests.walks [TREE]`

prints four walks in this tree, and in TREE before it (an earlier checkout), each in a process of its own:

- a label, from the HTTP request to its row;
- a folder, from the import to a scored pool;
- a parameter, from the form on the Train page to the training step;
- a mask, from the HTTP request to the loss that is computed on it.

"called" counts every function of alcore/ and pages/ that ran from the beginning to the end, "passed" those that stand on the stack when the
thing arrives: what somebody reads who follows it. `-v` names the latter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import zlib
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Function = tuple[str, str]  # (file, name)
TRAIN = {"steps": 2, "batch_size": 4, "warmup": 0.0, "flip": False}
ROW = ("INSERT INTO annotations", "")  # no function is called so
HEADS = 4  # of MCDAL: the parameter that is followed


class Walk:
    """What ran between `begin` and the last of its ends; every thread that starts after it was made is seen."""

    def __init__(self, tree: Path) -> None:
        self.folders = tuple(str(tree / name) + os.sep for name in ("alcore", "pages"))
        self.cut = len(str(tree)) + 1
        self.called: set[Function] = set()
        self.passed: list[Function] = []
        self.ends: list[tuple[str, str]] = []
        threading.setprofile(self._seen)

    def begin(self, *ends: tuple[str, str]) -> None:
        """Ends are names of functions, each with the end of its file's name; ROW is the moment an annotation is inserted."""
        self.called, self.passed, self.ends = set(), [], list(ends)
        sys.setprofile(self._seen)

    def told(self) -> dict[str, Any]:
        sys.setprofile(None)
        if self.ends:
            raise AssertionError(f"the walk never came to {self.ends}")
        return {"called": sorted(self.called), "passed": self.passed}

    def row(self, statement: str) -> None:
        if statement.startswith(ROW[0]) and self.ends and self.ends[0][0] == ROW[0]:
            self._arrived(sys._getframe())

    def _seen(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not self.ends or not frame.f_code.co_filename.startswith(self.folders):
            return
        function = self._named(frame)
        if function is None:
            return
        self.called.add(function)
        name, file = self.ends[0]
        if frame.f_code.co_name == name and function[0].endswith(file):
            self._arrived(frame)

    def _arrived(self, frame: FrameType | None) -> None:
        found = []
        while frame is not None:
            if frame.f_code.co_filename.startswith(self.folders) and (function := self._named(frame)):
                found.append(function)
            frame = frame.f_back
        self.passed += [function for function in reversed(found) if function not in self.passed]
        del self.ends[0]

    def _named(self, frame: FrameType) -> Function | None:
        """None for what is no function of its own: a module's text, a lambda, a comprehension."""
        name = frame.f_code.co_qualname
        return None if frame.f_code.co_name.startswith("<") else (frame.f_code.co_filename[self.cut :], name)


def write_folder(folder: Path) -> Path:
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 4)):
        for at in range(count):
            (folder / split / "ab"[at % 2]).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 60, (16, 16, 3)) + 120 * (at % 2)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / split / "ab"[at % 2] / f"{at}.png")
    return folder


def walked(tree: Path, base: Path) -> dict[str, dict[str, Any]]:
    """The four walks through the tree that is the working directory."""
    walk = Walk(tree)  # before any thread there is

    import numpy as np
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from starlette.applications import Starlette
    from starlette.testclient import TestClient
    from streamlit.testing.v1 import AppTest

    import alcore

    try:
        from alcore.project.facade import shared
        from alcore.web.routes import routes
    except ModuleNotFoundError:  # before there were rooms
        from alcore.workspace import shared  # type: ignore[no-redef]

        from alcore.web import routes  # type: ignore[attr-defined,no-redef]

    event.listen(Engine, "before_cursor_execute", lambda conn, cursor, statement, *rest: walk.row(statement))
    os.environ["ALCORE_HOME"] = str(base / "home")
    workspace = shared()
    source = write_folder(base / "set")

    def quiet(progress: Any) -> None:
        pass

    def scored(name: str) -> Any:
        project = alcore.Project.create(name, source)
        project.label_from_truth(8, seed=0)
        project.run_round("entropy", query_size=2, train=TRAIN, report=quiet)
        return project

    found: dict[str, dict[str, Any]] = {}
    before = scored("before")  # so that what is loaded on first use does not count
    walk.begin(("write_files", "roundfiles.py"))
    toy = scored("toy")
    found["a folder, to a scored pool"] = walk.told()

    dense = alcore.Project.create("dense", source, format="flat", task="segmentation", classes=["u", "v"], image_size=16)
    with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as client:
        client.headers["Authorization"] = f"Bearer {workspace.token}"

        def label(item: int, seq: int) -> None:
            events = [{"seq": seq, "item": item, "kind": "label", "value": "a", "round": 1}]
            answer = client.post("/api/v1/projects/before/annotations", json={"client": "tab", "events": events})
            assert answer.json()["acked"] == [seq], answer.text

        def paint(item: int, seq: int) -> None:
            mask = np.zeros((16, 16), np.uint8)
            mask[:8] = 1
            asked = {"client": "tab", "seq": seq, "kind": "mask"}
            kind = {"Content-Type": "application/octet-stream"}
            at = f"/api/v1/projects/dense/items/{item}/mask"
            assert client.post(at, params=asked, content=zlib.compress(mask.tobytes()), headers=kind).json()["acked"] == [seq]

        first, second = before.round().query
        label(first, 1)
        walk.begin(ROW)
        label(second, 2)
        found["a label, to its row"] = walk.told()

        one, other = sorted(entry[0] for entry in dense.snapshot())[:2]
        paint(one, 1)
        dense.run_round("entropy", query_size=1, train={**TRAIN, "steps": 1}, report=quiet)
        walk.begin(ROW, ("loss", "tasks.py"))
        paint(other, 2)
        dense.run_round("entropy", query_size=1, train={**TRAIN, "steps": 1}, report=quiet)
        found["a mask, to the loss"] = walk.told()

    page = AppTest.from_file(str(tree / "pages" / "navigation.py"), default_timeout=120)
    page.query_params["project"] = "toy"
    page.switch_page("train.py").run()
    page.button_group(key="strategy").set_value("mcdal").run()
    keyed = {str(field.key): field for field in (*page.number_input, *page.selectbox)}

    def of_form(form: str, name: str) -> Any:
        """A field by its key, in which the network stands since there are forms of several."""
        return next(field for key, field in keyed.items() if key.startswith(f"{form}.{toy.id}.") and key.endswith(f".{name}"))

    of_form("train", "steps").set_value(2)
    of_form("mcdal", "heads").set_value(HEADS)
    next(one for one in page.button if one.label == "Start").click()
    walk.begin(("submit_round", ".py"), ("step", "mcdal.py"))
    page.run()
    job = workspace.runner.jobs("toy", limit=1)[0]
    assert job.arguments["params"] == {"heads": HEADS}, job.arguments
    while not workspace.runner.snapshot(job.id).over:
        workspace.runner._workers[job.device].join(0.05)
    assert workspace.runner.snapshot(job.id).state == "done", workspace.runner.log(job.id)
    found["a parameter, to the step"] = walk.told()
    workspace.close()
    return found


def counted(tree: Path) -> dict[str, dict[str, Any]]:
    """The walks of a tree, from a process that has imported nothing of another."""
    with tempfile.TemporaryDirectory() as base:
        command = [sys.executable, str(Path(__file__).resolve()), "--here", base]
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1", "ALCORE_FORECAST": "0"}
        ended = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=500)
    if ended.returncode:
        raise SystemExit(f"{tree}:\n{ended.stderr[-4000:]}")
    read: dict[str, dict[str, Any]] = json.loads(ended.stdout.splitlines()[-1])
    return read


def table(trees: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A line a walk, functions and files, of each tree."""
    lines = ["walk | " + " | ".join(f"{name}: passed functions (files), called functions (files)" for name in trees)]
    for walk in next(iter(trees.values())):
        cells = []
        for walks in trees.values():
            parts = [(len(walks[walk][what]), len({file for file, _ in walks[walk][what]})) for what in ("passed", "called")]
            cells.append(", ".join(f"{functions} ({files})" for functions, files in parts))
        lines.append(f"{walk} | " + " | ".join(cells))
    return "\n".join(lines)


if __name__ == "__main__":
    if "--here" in sys.argv:
        print(json.dumps(walked(Path.cwd().resolve(), Path(sys.argv[-1]))))
    else:
        given = [Path(one).resolve() for one in sys.argv[1:] if one != "-v"]
        trees = {str(tree.name): counted(tree) for tree in [*given, ROOT]}
        print(table(trees))
        if "-v" in sys.argv:
            for name, walks in trees.items():
                for walk, what in walks.items():
                    print(f"\n{name}: {walk}\n" + "\n".join(f"  {file} {function}" for file, function in what["passed"]))
