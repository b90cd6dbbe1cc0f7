"""The README's section "The house" is true: its rooms are those there are, and what it says of adding something is done, in a copy of the tree.

For each row of "to add ..., touch ..." that has one, an addition is written here: the files it changes must be exactly those the row names, and
one process in the copy then uses all of them.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import ROOT, floors, graph, rooms

README = (ROOT / "README.md").read_text(encoding="utf-8")
COPIED = ("alcore", "pages", "app.py", "tests/house.py", "tests/test_architecture.py")


def table(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this, row by row."""
    lines = iter(README.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            break
    next(lines)
    found = []
    for line in lines:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    assert found, heading
    return found


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# ---- the rooms


def test_the_rooms_of_the_readme_are_those_there_are_from_the_ground_up():
    from tests.test_architecture import MAY

    listed = [(quoted(row[0])[0].removesuffix("/"), set(quoted(row[2]))) for row in table("room")]
    assert {name for name, _ in listed} == set(MAY) - {"ground"}
    of = rooms(graph())
    for name, may in listed:
        assert may == MAY[name] - {"ground"}, name
    floor = floors(of)
    order = [floor[name] for name, _ in listed]
    assert order == sorted(order)


def test_the_floors_are_printed_as_the_readme_says():
    assert "python -m tests.house" in README
    ended = subprocess.run([sys.executable, "-m", "tests.house"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[1].endswith("circles: none")


# ---- what is added


def put(tree: Path, path: str, text: str) -> None:
    """A file of its own."""
    assert not (tree / path).exists(), path
    (tree / path).write_text(text, encoding="utf-8")


def change(tree: Path, path: str, before: str, after: str) -> None:
    """One place of a file that is there."""
    text = (tree / path).read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path} has {text.count(before)} times {before!r}"
    (tree / path).write_text(text.replace(before, after), encoding="utf-8")


def a_strategy(tree: Path) -> None:
    put(
        tree,
        "alcore/strategies/wobble.py",
        '''"""Wobble: ask where the logits spread least."""

from __future__ import annotations

from torch import Tensor

from alcore.strategies.base import ScoreInfo, Strategy


class Wobble(Strategy):
    """The images whose logits differ least from one another."""

    name = "wobble"
    title = "Wobble"
    paper = "none"
    rank_by = "stillness"
    tasks = ("classification",)
    score_info = (ScoreInfo("stillness", "How still it stands", "Minus the spread of the logits."),)

    def score(self, x: Tensor) -> dict[str, Tensor]:
        found = super().score(x)
        return {**found, "stillness": -found["logits"].std(1)}
''',
    )


def a_score(tree: Path) -> None:
    change(
        tree,
        "alcore/measures/scores.py",
        "from __future__ import annotations\n",
        "from __future__ import annotations\n\n\ndef doubt(logits):\n    return 1 - logits.softmax(1).amax(1)\n\n",
    )
    base = "alcore/strategies/base.py"
    change(tree, base, "BASIC = (\n", 'BASIC = (\n    ScoreInfo("doubt", "Doubt", "What is left of the probability.", span=share),\n')
    change(tree, base, '    return {"logits": logits, "entropy"', '    return {"logits": logits, "doubt": scores.doubt(logits), "entropy"')


def a_format(tree: Path) -> None:
    put(
        tree,
        "alcore/formats/trays.py",
        '''"""Trays: a text `trays.txt` with `path class` a line; labels go out as `class path`, masks as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from alcore.formats.base import AS_FOUND, Format, Inside, ReadOptions
from alcore.formats.writing import Item, Labeled, Legend
from alcore.naming import class_order
from alcore.reading import Reading
from alcore.types import Entry


class Trays(Format):
    """What the list names."""

    name = "trays"
    title = "Trays"
    rank = 5
    tasks = ("classification",)

    def recognizes(self, src: Path) -> str | None:
        return "trays" if Inside(src).has("trays.txt") else None

    def read(self, src: Path, options: ReadOptions = AS_FOUND) -> Reading:
        entries = [Entry(path, "pool", label) for _, line in Inside(src).lines("trays.txt") for path, label in (line.split(),)]
        return Reading(src, class_order(e.label for e in entries if e.label), entries, took_for="trays", used=frozenset(("trays.txt",)))


def write_masks(out: Path, items: Iterable[Item], legend: Legend) -> list[tuple[str, str]]:
    out.mkdir()
    for item in items:
        np.save(out / Path(item.path).stem, item.mask)
    return []


def write_labels(out: Path, items: Iterable[Labeled], classes: Sequence[str]) -> list[tuple[str, str]]:
    out.write_text("".join(f"{item.label} {item.path}\\n" for item in items))
    return []


FORMAT = Trays()
''',
    )


def a_family_of_extractors(tree: Path) -> None:
    put(
        tree,
        "alcore/extractors/corner.py",
        '''"""Corner: the first pixel is the vector."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from alcore.extractors.base import Extractor, Family


class Corner(nn.Module):
    """Pictures (B, 3, H, W) to their first pixels (B, 3)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 0, 0]


def _named(name: str, models: Path | None) -> Extractor:
    return Extractor(name, "Corner", 8, (0.0,) * 3, (1.0,) * 3, 3, "none", "nowhere", "c0" * 6, Corner)


CORNER = Family("corner", _named, ("corner",))
''',
    )


def a_job_kind(tree: Path) -> None:
    file = "alcore/project/background.py"
    change(
        tree,
        file,
        "    def round_job(",
        "    def count_job(job: Job, report: Report, /) -> Mapping[str, Any]:\n"
        '        return {"items": stored(place, job.project).counts()["items"]}\n\n    def round_job(',
    )
    change(tree, file, "        SIMULATION: simulation_job,\n", '        SIMULATION: simulation_job,\n        "count": count_job,\n')


def a_route(tree: Path) -> None:
    file = "alcore/web/routes.py"
    change(
        tree,
        file,
        '        reading("/jobs", _jobs),\n',
        '        reading("/jobs", _jobs),\n        reading("/projects/{project}/classes", _classes),\n',
    )
    change(
        tree,
        file,
        "def _status(place",
        "def _classes(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:\n"
        '    return json_answer({"classes": list(project_of(place, request).classes)})\n\n\ndef _status(place',
    )


def a_page(tree: Path) -> None:
    put(
        tree,
        "pages/notes.py",
        '"""Notes: a page with the project\'s name."""\n\nimport streamlit as st\n\nfrom pages.ui.session import project\n\n'
        'st.title(f"Notes on {project().name}")\n',
    )
    change(
        tree,
        "pages/ui/listed.py",
        '    Listed("progress.py"',
        '    Listed("notes.py", "Notes", ":material/notes:", Role.VIEWER),\n    Listed("progress.py"',
    )


def a_backbone(tree: Path) -> None:
    change(
        tree,
        "alcore/nets/backbones.py",
        "BACKBONES: dict",
        'class Tiny(SmallCNN):\n    """Another small one."""\n\n\nBACKBONES: dict',
    )
    change(tree, "alcore/nets/backbones.py", '    "small_cnn": SmallCNN,\n', '    "small_cnn": SmallCNN,\n    "tiny": Tiny,\n')
    change(tree, "alcore/nets/tasks.py", 'architectures = ("small_cnn", ', 'architectures = ("small_cnn", "tiny", ')
    change(
        tree,
        "alcore/params.py",
        '            "small_cnn": "Small CNN",\n',
        '            "small_cnn": "Small CNN",\n            "tiny": "Tiny",\n',
    )


def a_task(tree: Path) -> None:
    file = "alcore/nets/tasks.py"
    change(
        tree,
        file,
        "# ---- one label a pixel\n",
        'class Grading(Classification):\n    """One grade an image: to be near is worth something."""\n\n    name = "grading"\n    title = "Grading"\n'
        '    metric = "nearness"\n\n    def tally(self) -> Tally:\n        return _Nearness(self.classes)\n\n\nclass _Nearness(_Answers):\n'
        "    def result(self) -> dict[str, float]:\n        logits, target = (torch.cat(each) for each in zip(*self.parts, strict=True))\n"
        '        return {"nearness": 1 - float((logits.argmax(1) - target).abs().float().mean()) / self.classes}\n\n\n# ---- one label a pixel\n',
    )
    change(tree, file, "for task in (Classification, Segmentation)", "for task in (Classification, Segmentation, Grading)")
    # a format and a strategy that serve it: those two of their own, that were added before
    change(tree, "alcore/formats/trays.py", 'tasks = ("classification",)', 'tasks = ("classification", "grading")')
    change(tree, "alcore/strategies/wobble.py", 'tasks = ("classification",)', 'tasks = ("classification", "grading")')


NAMES = {"alcore/strategies/": "wobble", "alcore/formats/": "trays", "alcore/extractors/": "corner", "pages/": "notes"}
ADDITIONS: dict[str, Callable[[Path], None]] = {
    "a strategy, with scores of its own": a_strategy,
    "a score of every strategy": a_score,
    "a format, read and written": a_format,
    "a family of extractors": a_family_of_extractors,
    "a kind of job": a_job_kind,
    "a route": a_route,
    "a page": a_page,
    "a backbone": a_backbone,
    "a task whose labels are classes": a_task,
}

USED = """
import json, os, sys
from pathlib import Path

import numpy as np
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

import alcore
import torch
from alcore.extractors import Embedder, extractor_named, known_pictures
from alcore.formats import FORMATS, MASK_WRITERS, recognize
from alcore.project import exporting, tables
from alcore.project.facade import shared
from alcore.strategies import SCORES, STRATEGIES
from alcore.web.routes import routes

base, told = Path(sys.argv[1]), {}
home = base / "home"
os.environ["ALCORE_HOME"] = str(home)
rng = np.random.default_rng(0)
(base / "set").mkdir()
lines = []
for at in range(12):
    Image.fromarray((rng.integers(0, 60, (8, 8)) + 90 * (at % 2)).astype(np.uint8)).save(base / "set" / f"{at}.png")
    lines.append(f"{at}.png {'ab'[at % 2]}")
(base / "set" / "trays.txt").write_text("\\n".join(lines))

workspace = shared(home)
project = alcore.Project.create("toy", base / "set", home, hold_out=0.25)
project.label_from_truth(6, seed=0)
train = {"steps": 2, "batch_size": 4, "architecture": "tiny"}
round_ = project.run_round("wobble", query_size=2, train=train, report=lambda progress: None)
columns = {column["name"]: column.get("title") for column in tables.columns(project, round_)}
told["strategy"] = ["wobble" in STRATEGIES, columns["stillness"], round_.strategy, sorted(map(float, project.scores(round_)["stillness"])) != []]
told["score"] = [SCORES["doubt"].title, columns["doubt"], bool(np.allclose(project.scores()["doubt"], 1 - project.scores()["confidence"], atol=1e-6))]
told["backbone"] = round_.train["architecture"]
told["format"] = [recognize(base / "set").name, project.settings["took_for"], list(project.classes), "trays" in MASK_WRITERS]
dense = alcore.Project.create("dense", base / "set", home, format="flat", task="segmentation", classes=["u", "v"])
item = next(iter(dense.snapshot()))[0]
dense.annotate({item: np.ones((8, 8), np.uint8)})
exporting.export(dense, "trays", base / "masks")
told["format"].append([np.load(file).tolist() for file in sorted((base / "masks").iterdir())] == [np.ones((8, 8)).tolist()])
exporting.export(project, "trays", base / "lines.txt")
told["text"] = sorted({line.split()[0] for line in (base / "lines.txt").read_text().splitlines()})
corner, seen = Embedder(extractor_named("corner"), torch.device("cpu")), known_pictures(8)
told["extractor"] = [corner.extractor.title, bool(np.allclose(corner(seen) * 255, seen[:, 0, 0], atol=1e-3))]
told["job"] = workspace.runner.run_now("count", "toy", "Counting", {}).result
with TestClient(Starlette(routes=routes(lambda: workspace)), base_url="http://localhost") as client:
    told["route"] = client.get("/api/v1/projects/toy/classes", headers={"Authorization": f"Bearer {workspace.token}"}).json()
page = AppTest.from_file("pages/navigation.py", default_timeout=60)
page.query_params["project"] = "toy"
page.run()
page.switch_page("notes.py").run()
told["page"] = [title.value for title in page.title] + [str(error.value) for error in page.exception]
graded = alcore.Project.create("graded", base / "set", home, task="grading", hold_out=0.25)
graded.label_from_truth(6, seed=0)
told["task"] = sorted(graded.run_round("wobble", query_size=2, train=train, report=lambda progress: None).metrics)
workspace.close()
print(json.dumps(told))
"""


def copied(tree: Path) -> Path:
    for name in COPIED:
        source, target = ROOT / name, tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tree


def contents(tree: Path) -> dict[str, bytes]:
    return {file.relative_to(tree).as_posix(): file.read_bytes() for file in tree.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, dict[str, set[str]]]:
    """The copy with all that was added, and which files each addition changed."""
    tree = copied(tmp_path_factory.mktemp("house"))
    touched, before = {}, contents(tree)
    for what, add in ADDITIONS.items():
        add(tree)
        after = contents(tree)
        touched[what] = {path for path, content in after.items() if before.get(path) != content}
        before = after
    return tree, touched


@pytest.fixture(scope="module")
def told(built, tmp_path_factory) -> dict[str, object]:
    """What the changed tree says of what was added, all in one process."""
    command = [sys.executable, "-c", USED, str(tmp_path_factory.mktemp("used"))]
    ended = subprocess.run(command, cwd=built[0], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(ended.stdout.splitlines()[-1])


def test_every_row_has_an_addition():
    assert [row[0] for row in table("to add")] == list(ADDITIONS)


@pytest.mark.parametrize("what", ADDITIONS)
def test_it_takes_the_files_that_the_readme_names(what, built):
    (named,) = [quoted(row[1]) for row in table("to add") if row[0] == what]
    expected = {path.replace("NAME", next((name for start, name in NAMES.items() if path.startswith(start)), "")) for path in named}
    assert built[1][what] == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("strategy", [True, "How still it stands", "wobble", True]),
        ("score", ["Doubt", "Doubt", True]),
        ("format", ["trays", "trays", ["a", "b"], True, True]),
        ("text", ["a", "b"]),
        ("extractor", ["Corner", True]),
        ("job", {"items": 12}),
        ("route", {"classes": ["a", "b"]}),
        ("page", ["Notes on toy"]),
        ("backbone", "tiny"),
        ("task", ["nearness"]),
    ],
)
def test_what_was_added_works(what, expected, told):
    assert told[what] == expected


def test_the_house_with_all_of_it_still_stands(built):
    """Nothing that was added had to import upward, or made a file too long."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_architecture.py",
        "-k",
        "(room or circle or 400 or beside or table) and not of_its_name and not tests_lie",
    ]
    ended = subprocess.run(command, cwd=built[0], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-3000:]
