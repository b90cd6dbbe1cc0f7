"""Who may import whom, how large files may be, what they may be called, where each is tested. `-s` prints the rooms and their floors (tests/house.py)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import ROOT, circles, floors, graph, imports, module_name, of_alcore, room, rooms, told

GROUND = {"ground"}
NUMBERS = GROUND | {"measures", "nets", "strategies"}  # what scores and models are made of
SOURCES = GROUND | {"pixels", "formats"}
# room -> the rooms it may import. Who comes later stands higher; nobody imports upward, wherever in a file the import stands.
MAY: dict[str, set[str]] = {
    "ground": set(),
    "browser": set(),
    "measures": GROUND,
    "jobs": GROUND,
    "cluster": GROUND,
    "pixels": GROUND,
    "nets": GROUND | {"measures"},
    "extractors": GROUND | {"nets", "pixels", "cluster"},
    "strategies": GROUND | {"nets", "measures"},
    "formats": GROUND | {"pixels"},
    "training": NUMBERS | {"pixels", "cluster"},
    "teaching": NUMBERS | {"training"},
    "importing": SOURCES | {"nets"},
    "storage": GROUND | {"pixels", "jobs"},
    "simulation": NUMBERS | SOURCES | {"training", "importing", "extractors", "cluster"},
    "uploads": GROUND | {"formats"},
    "accounts": GROUND | {"storage"},
    "project": NUMBERS | SOURCES | {"training", "importing", "extractors", "storage", "jobs", "uploads", "cluster", "accounts"},
    "door": GROUND | {"project", "uploads", "accounts"},
    "web": GROUND | {"accounts", "project", "door", "storage", "jobs", "pixels", "teaching", "uploads"},
    "cli": NUMBERS | SOURCES | {"training", "importing", "extractors", "accounts", "project", "simulation", "door"},
    "widget": GROUND | {"project", "web", "browser"},
}
PAGES_MAY = GROUND | {
    "accounts", "project", "simulation", "strategies", "training", "teaching", "importing", "formats", "nets", "measures", "jobs", "browser", "uploads"
}  # fmt: skip
APP_MAY = PAGES_MAY | {"web", "door"}
# what each format may stand on: no other format
FORMATS_SHARE = {
    *("base", "brush", "coco_json", "columnar", "dense", "labelstudio_json", "listing", "markup", "oddities", "outlines", "pairs"),
    *("places", "runs", "said", "shapes", "tabled", "tables", "void", "voc_xml", "writing", "yolo_texts"),
}
# library -> the modules, or whole rooms, that may import it; numpy and the standard library may be imported by all
ONLY = {
    "sqlalchemy": {"storage"},
    "starlette": {"door", "web", "widget.line"},
    "uvicorn": {"door.serve"},
    "plotly": {"figures"},
    "pandas": {"figures", "project.facade", "project.listing", "project.tables", "project.delivery", "simulation"},
    "tqdm": {"progress"},
    "torch": {
        "measures",
        "nets",
        "extractors",
        "strategies",
        "training",
        "teaching",
        "simulation",
        "project.probe",
        "project.passes",
        "project.proposals",
        "cli.verbs",
    },
    "torchvision": {"nets.backbones", "extractors.torchvision"},
    "timm": {"extractors.timm"},  # optional, as its hub and the next
    "huggingface_hub": {"extractors.timm", "project.pushing"},
    "onnxruntime": {"extractors.onnx", "extractors.sam"},
    "onnx": {"training.tracing"},
    "safetensors": {"training.roundfiles", "training.predict", "extractors.base"},
    "numba": {"measures.layout"},
    "ray": {"cluster"},  # optional
    "PIL": {"pixels", "formats", "extractors.base", "extractors.extraction", "extractors.sam", "project.drafts", "project.painted"},
    "pillow_heif": {"pixels.kinds"},
    "skimage": {"pixels.masks"},
    "anywidget": {"widget"},  # optional, with the next, which it brings
    "traitlets": {"widget.widgets"},
    "anyio": {"door.signin"},  # comes with starlette
    "argon2": {"accounts.passwords"},
    "segno": {"teaching.invitation"},
    "pycocotools": {"formats.coco", "formats.runs"},
    "pyarrow": {"formats.columnar", "formats.hf", "formats.parquet"},  # comes with streamlit; all else works without
    "yaml": {"formats.yolo_texts"},
    "fsspec": {"uploads.buckets"},  # optional, with s3fs
}


def python_files(*folders: str) -> list[Path]:
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def test_imports_are_found_wherever_they_stand(tmp_path):
    file = tmp_path / "x.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import streamlit\n"
        "def f():\n    import torch.nn\n    from alcore.measures import scores\n    from alcore.strategies import STRATEGIES, mal\n"
    )
    assert imports(file) == {"typing", "streamlit", "torch.nn", "alcore.measures.scores", "alcore.strategies", "alcore.strategies.mal"}


def test_circles_and_floors_of_a_small_house():
    of = {name: frozenset(below) for name, below in {"a": "", "b": "a", "c": "bd", "d": "c", "e": "da"}.items()}
    assert circles(of) == [["c", "d"]]
    assert floors(of) == {"a": 0, "b": 1, "c": 2, "d": 2, "e": 3}


def test_there_is_no_circle_in_the_whole_of_alcore():
    print(f"\n{told()}")
    assert circles(graph()) == []


@pytest.mark.parametrize("name", sorted(rooms(graph())))
def test_a_room_imports_only_what_it_may(name):
    assert name in MAY, f"say in MAY what the room {name} may import"
    assert rooms(graph())[name] - MAY[name] == set()


def test_the_table_itself_goes_one_way():
    assert circles({name: frozenset(below) for name, below in MAY.items()}) == []
    assert set(MAY) == set(rooms(graph()))  # no room is named that is not there


@pytest.mark.parametrize("module", [m for m in sorted(graph()) if room(m) in ("strategies", "formats", "project")])
def test_within_a_room_too_what_stands_alone_stays_alone(module):
    folder, _, own = module.partition(".")
    beside = {other.partition(".")[2] for other in graph()[module] if other.startswith(f"{folder}.")} - {own}
    if folder == "strategies" and own:
        assert beside <= {"base"}  # a method reads as its paper, whatever else there is
    elif folder == "formats" and own:
        assert beside <= FORMATS_SHARE
    elif folder == "project":
        assert "facade" not in beside  # what can be done with a project takes a Stored
        assert own not in ("place", "stored") or beside <= {"place"}


@pytest.mark.parametrize("file", python_files("alcore"), ids=module_name)
def test_a_library_is_imported_only_where_it_may(file):
    module = module_name(file)
    tops = {name.split(".")[0] for name in imports(file)} - sys.stdlib_module_names - {"alcore", "numpy"}
    assert tops - ONLY.keys() == set(), "nothing in alcore imports streamlit, pages or app; say in ONLY who may import a new library"
    assert {top for top in tops if not ONLY[top] & {module, room(module)}} == set()


@pytest.mark.parametrize("file", [ROOT / "app.py", *python_files("pages")], ids=lambda file: file.relative_to(ROOT).as_posix())
def test_pages_and_app_import_neither_torch_nor_the_store(file):
    found = imports(file)
    assert {name.split(".")[0] for name in found} & {"torch", "torchvision", "sqlalchemy"} == set()
    assert {room(name) for name in of_alcore(found)} - (APP_MAY if file.name == "app.py" else PAGES_MAY) == set()


def test_every_public_name_is_there():
    code = "import alcore; print([name for name in alcore.__all__ if getattr(alcore, name) is None], alcore.scores.entropy.__name__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "[] entropy\n"), ended.stderr


def test_importing_alcore_alone_imports_no_torch():
    code = "import sys, alcore; print('torch' in sys.modules, alcore.AlcoreError.__name__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "False AlcoreError\n"), ended.stderr


def test_only_the_mounts_use_the_browser_part():
    """What stands in a browser is mounted by pages/ui/components and by the widgets of a notebook, and by nobody else."""
    users = {
        file.relative_to(ROOT) for file in [ROOT / "app.py", *python_files("alcore", "pages")] if "browser" in of_alcore(imports(file))
    }
    assert {file.parent.as_posix() for file in users} == {"pages/ui/components", "alcore/widget"}


def test_scripts_and_styles_stand_in_the_browser_part():
    """Where modules are joined and typed; the report of a simulation is one page of its own, app.css the look of Streamlit's own pages."""
    found = [file for folder in ("alcore", "pages") for file in (ROOT / folder).rglob("*") if file.suffix in (".js", ".css")]
    outside = {file.relative_to(ROOT).as_posix() for file in found if ROOT / "alcore" / "browser" not in file.parents}
    assert outside == {"alcore/simulation/report.js", "alcore/simulation/report.css", "pages/ui/app.css"}


LONG = [*python_files("alcore", "pages"), *sorted((ROOT / "alcore" / "browser").rglob("*.js"))]


@pytest.mark.parametrize("file", LONG, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_file_is_past_400_lines(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 400


def test_no_file_is_named_after_nothing():
    empty = {"util", "utils", "helper", "helpers", "common", "config", "manager", "factory", "misc", "tools", "base_utils"}
    named = {file.relative_to(ROOT).as_posix() for file in python_files("alcore", "pages", "tests") if file.stem.lower() in empty}
    assert named == set()


def test_every_module_says_first_what_it_holds():
    silent = [
        file.relative_to(ROOT).as_posix()
        for file in python_files("alcore", "pages", "tests")
        if not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert [name for name in silent if not (name.endswith("__init__.py") and name.startswith(("pages", "tests")))] == []


# ---- the tests themselves


def says_something(file: Path) -> bool:
    """Whether there is more in a module than its docstring."""
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in ast.parse(file.read_text()).body)


def file_of_tests(module: str) -> Path:
    """tests/<room>/test_<module>.py; a room's own __init__ is tested in the file of the room's name."""
    return ROOT / "tests" / room(module) / f"test_{module.rpartition('.')[2]}.py"


def reasons_elsewhere() -> dict[str, list[str]]:
    """Module -> the files that tests/README.md names for it."""
    rows = re.findall(r"^\| `([\w.]+)` \| (.+?) \| .+ \|$", (ROOT / "tests" / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {module: re.findall(r"`([\w/]+\.py)`", where) for module, where in rows}


MODULES = {"alcore" if module_name(file) == "__init__" else module_name(file) for file in python_files("alcore") if says_something(file)}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_has_tests_of_its_name_or_the_reason_is_told(module):
    own, told = file_of_tests(module).is_file(), reasons_elsewhere().get(module, [])
    assert own or told, (
        f"write tests/{file_of_tests(module).relative_to(ROOT / 'tests')}, or a line in tests/README.md that says where it is tested"
    )
    assert not (own and told), f"{module} has its own tests: take its line out of tests/README.md"
    assert [name for name in told if not (ROOT / "tests" / name).is_file()] == []


def test_no_reason_is_told_for_a_module_that_is_gone():
    assert reasons_elsewhere().keys() - MODULES == set()


def test_tests_lie_in_the_folders_of_rooms():
    folders = {file.parent.relative_to(ROOT / "tests").as_posix() for file in python_files("tests")}
    assert folders - set(MAY) == {".", "pages", "benchmarks", "notebooks"}
