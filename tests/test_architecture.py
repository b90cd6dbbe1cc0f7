"""Who may import whom, how large files may be, what they may be called. A new module of alcore needs its line in MAY below."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

FOUNDATION = {"errors", "naming", "params", "types", "whole"}
STRATEGY = FOUNDATION | {"backbones", "centers", "clusters", "models", "scores", "tasks", "strategies.base"}
# what a format may stand on: no other format
SOURCE = {"columns", "kinds", "masks", "reading"} | {
    f"formats.{name}"
    for name in ("base", "coco_json", "dense", "listing", "oddities", "pairs", "places", "runs", "tables", "void", "writing")
}
TRAINING = FOUNDATION | {
    "backbones",
    "batches",
    "centers",
    "explain",
    "models",
    "pool",
    "scores",
    "strategies",
    "strategies.base",
    "tasks",
    "training",
}
STORE = FOUNDATION | {"columns", "database", "schema", "store"}
# the project layer knows everything but those who show it
PROJECT = (
    TRAINING
    | STORE
    | {
        "doctor",
        "embedding",
        "exporting",
        "forecast",
        "timing",
        "formats",
        "frames",
        "images",
        "importing",
        "jobs",
        "jobtable",
        "jobtypes",
        "journal",
        "labels",
        "leftovers",
        "loop",
        "plans",
    }
    | {"columns", "pictures", "project", "rounds", "streaming", "work", "workspace"}
    | {"alike", "labeling", "queries", "reading", "request", "samples"}
    | {"formats.base", "formats.folder", "formats.places", "formats.tables", "formats.writing"}
    | {"answers", "asked", "creation", "kinds", "layers", "levels", "maskfiles", "masks", "maskstore", "packing", "roundfiles"}
)
# module of alcore -> modules of alcore it may import when it runs
MAY: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "browser": set(),
    "errors": set(),
    "naming": {"errors"},
    "terminal": {"measures", "types"},
    "measures": set(),
    "reading": {"types"},
    "types": {"errors", "params"},
    "params": {"errors"},
    "scores": set(),
    "convolution": set(),
    "models": {"convolution"},
    "backbones": {"convolution", "drn", "errors"},
    "tasks": FOUNDATION | {"models", "scores"},
    "drn": set(),
    "regions": {"masks"},
    "roundfiles": FOUNDATION | {"explain"},
    "masks": FOUNDATION | {"kinds"},
    "maskfiles": FOUNDATION | {"masks", "reading"},
    "maskstore": STORE | {"maskfiles", "masks"},
    "advice": {"strategies"},
    "explain": {"strategies", "strategies.base"},
    "pool": FOUNDATION | {"columns"},
    "batches": FOUNDATION | {"pool", "tasks"},
    "strategies": FOUNDATION | {"strategies.base"},
    "strategies.base": STRATEGY - {"strategies.base"},
    "precision": FOUNDATION | {"batches", "models", "strategies.base"},
    "checkpoints": FOUNDATION | {"batches", "precision", "strategies.base"},
    "training": FOUNDATION
    | {"backbones", "batches", "checkpoints", "models", "precision", "regions", "scores", "strategies.base", "tasks"},
    "rounds": TRAINING | {"roundfiles"},
    "kinds": FOUNDATION,
    "levels": FOUNDATION | {"kinds"},
    "images": FOUNDATION | {"kinds", "levels"},
    "packing": FOUNDATION | {"images"},
    "formats": FOUNDATION | {"formats.base", "formats.oddities", "formats.void", "reading"},
    "alike": set(),
    "request": FOUNDATION | {"formats", "formats.void", "images", "streaming"},
    "preview": FOUNDATION | {"columns", "formats", "images", "importing", "levels", "reading", "request", "streaming", "tasks"},
    "embedding": FOUNDATION,
    "figures": FOUNDATION | {"measures"},
    "jobs": FOUNDATION | {"jobtypes", "pace", "processes"},
    "jobtypes": FOUNDATION,
    "pace": FOUNDATION,
    "plans": FOUNDATION | {"pace", "rounds"},
    "probe": TRAINING | {"maskfiles", "regions", "rounds", "workspace"},
    "timing": FOUNDATION | {"forecast", "loop", "probe", "rounds"},
    "forecast": FOUNDATION | {"plans", "probe", "rounds", "strategies"},
    "processes": set(),
    "whole": set(),
    "schema": set(),
    "database": FOUNDATION | {"schema"},
    "store": STORE,
    "journal": STORE,
    "queries": STORE,
    "jobtable": STORE | {"jobtypes", "processes"},
    "presets": FOUNDATION,
    "centers": FOUNDATION,
    "clusters": FOUNDATION | {"centers"},
    "columns": FOUNDATION,
    "streaming": FOUNDATION | {"columns", "images", "packing", "reading"},
    "simulation": set(),
    "simulation.verb": FOUNDATION | {"simulation.conduct"},
    "simulation.environment": {"__version__"},
    "simulation.charts": set(),
    "simulation.report": {"simulation.charts"},
    "simulation.comparison": FOUNDATION | {"strategies"},
    "simulation.oracle": FOUNDATION | {"importing", "maskfiles", "masks", "pool", "presets", "request", "streaming", "tasks"},
    "simulation.experiment": TRAINING | {"presets", "rounds", "simulation.oracle"},
    "simulation.records": FOUNDATION | {"simulation.comparison", "simulation.report"},
    "simulation.runs": TRAINING
    | {"masks", "rounds"}
    | {f"simulation.{name}" for name in ("environment", "experiment", "oracle", "records")},
    "simulation.workers": FOUNDATION | {"simulation.runs"},
    "simulation.conduct": TRAINING
    | {"presets", "simulation"}
    | {f"simulation.{name}" for name in ("environment", "experiment", "oracle", "records", "runs", "workers")},
    "webrequests": FOUNDATION | {"project", "workspace"},
    "webmasks": FOUNDATION | {"layers", "masks", "project", "webrequests", "workspace"},
    "web": FOUNDATION | {"jobs", "journal", "labeling", "project", "webmasks", "webrequests", "workspace"},
    "hosts": {"errors"},
    "doorpages": set(),
    "signin": FOUNDATION | {"doorpages", "hosts", "webrequests", "workspace"},
    "door": FOUNDATION | {"doorpages", "hosts", "signin", "webrequests", "workspace"},
    "serving": FOUNDATION | {"hosts", "signin", "workspace"},
    "cli": FOUNDATION
    | {"doctor", "embedding", "exporting", "jobs", "loop", "presets", "project", "strategies"}
    | {"formats.tables", "preview", "request", "simulation", "serving", "simulation.verb", "terminal", "workspace"},
    "samples": FOUNDATION,
    **dict.fromkeys(("doctor", "exporting", "frames", "importing", "labeling", "labels", "loop", "pictures"), PROJECT),
    **dict.fromkeys(("answers", "asked", "creation", "layers", "leftovers", "project", "work", "workspace"), PROJECT),
}
PAGES_MAY = FOUNDATION | {"__version__", "embedding", "explain", "figures", "formats", "frames", "jobs", "project", "strategies", "tasks"}
PAGES_MAY |= {"advice", "browser", "door", "labeling", "measures", "preview", "request", "web", "workspace"}
# library -> the modules of alcore that may import it; numpy may be imported by all
ONLY = {
    "sqlalchemy": {"database", "schema", "store", "journal", "jobtable", "maskstore", "queries"},
    "starlette": {"door", "doorpages", "signin", "web", "webmasks", "webrequests"},
    "plotly": {"figures"},
    "torchvision": {"backbones"},
    "safetensors": {"roundfiles"},
    "numba": {"embedding"},
    "uvicorn": {"serving"},
    "tqdm": {"loop"},
    "pandas": {"figures", "frames", "project", "simulation.comparison", "simulation.conduct", "simulation.records"},
    "PIL": {"images", "kinds", "layers", "levels", "masks", "pictures"},
    "pillow_heif": {"kinds"},
    "skimage": {"masks"},
    "pycocotools": {"formats.coco", "formats.runs"},
    "torch": {"convolution", "drn", "scores", "models", "backbones", "tasks", "batches", "precision", "checkpoints", "training", "probe", "rounds", "embedding", "cli", "centers", "clusters"}
    | {"simulation.environment", "simulation.experiment", "simulation.runs"},
}  # fmt: skip
TRAINING_SIDE = (
    "strategies",
    "backbones",
    "models",
    "scores",
    "tasks",
    "batches",
    "images",
    "training",
    "rounds",
    "importing",
    "presets",
    "simulation.conduct",
    "simulation.verb",
)


def python_files(*folders: str) -> list[Path]:
    found = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def module_name(file: Path) -> str:
    """`strategies.mal` for alcore/strategies/mal.py, `strategies` for its __init__."""
    parts = file.relative_to(ROOT / "alcore").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def runtime_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node, also inside functions, but not below `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from runtime_nodes(node)


def imports(file: Path) -> set[str]:
    """Dotted names of what a file imports; `from alcore import x` is alcore.x, `from alcore.x import y` is alcore.x or, if y is a module, alcore.x.y."""
    found: set[str] = set()
    for node in runtime_nodes(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                path = ROOT / longer.replace(".", "/")
                is_module = path.with_suffix(".py").is_file() or path.is_dir()
                found.add(longer if is_module or node.module == "alcore" else str(node.module))
    return found


def of_alcore(names: set[str]) -> set[str]:
    return {name.removeprefix("alcore.") for name in names if name.startswith("alcore.")}


def test_imports_below_type_checking_and_inside_functions_are_told_apart(tmp_path):
    file = tmp_path / "x.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import streamlit\n"
        "def f():\n    import torch.nn\n    from alcore import scores\n    from alcore.strategies import STRATEGIES, mal\n"
    )
    assert imports(file) == {"typing", "torch.nn", "alcore.scores", "alcore.strategies", "alcore.strategies.mal"}


@pytest.mark.parametrize("file", python_files("alcore"), ids=module_name)
def test_a_module_imports_only_what_it_may(file):
    module, found = module_name(file), imports(file)
    group = module.split(".")[0]
    if group == "strategies" and "." in module:
        may = MAY.get(module, STRATEGY)  # never another strategy, store, pool, project or jobs
    elif group == "formats" and "." in module:
        may = FOUNDATION | SOURCE
    else:
        assert module in MAY, f"say in MAY what alcore/{module}.py may import"
        may = MAY[module]
    assert of_alcore(found) - may - {module} == set()
    tops = {name.split(".")[0] for name in found} - sys.stdlib_module_names - {"alcore", "numpy"}
    assert tops - ONLY.keys() == set(), "nothing in alcore imports streamlit, pages or app; say in ONLY who may import a new library"
    by_group = {"formats": {"PIL"}, "strategies": {"torch"}}.get(group, set())
    assert {top for top in tops - by_group if module not in ONLY[top]} == set()


@pytest.mark.parametrize("file", [ROOT / "app.py", *python_files("pages")], ids=lambda file: file.relative_to(ROOT).as_posix())
def test_pages_and_app_import_neither_torch_nor_the_store(file):
    found = imports(file)
    assert {name.split(".")[0] for name in found} & {"torch", "torchvision", "sqlalchemy"} == set()
    assert {name.split(".")[0] for name in of_alcore(found)} - PAGES_MAY == set()


BLOCKED = ("streamlit", "plotly", "umap", "sqlalchemy", "starlette", "safetensors", "pillow_heif")


def test_the_training_side_imports_without_the_apps_libraries():
    """So that a GPU box with torch, torchvision, numpy, pandas and pillow alone can train."""
    code = f"import sys\nsys.modules.update(dict.fromkeys({BLOCKED!r}))\nimport importlib\n"
    code += f"for name in {TRAINING_SIDE!r}: importlib.import_module('alcore.' + name)\n"
    code += "from alcore.strategies import STRATEGIES\nassert len(STRATEGIES) >= 5\n"
    code += "print([m for m in sys.modules if m.startswith(('alcore.store', 'alcore.project', 'alcore.web', 'alcore.jobs'))])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr


def test_importing_alcore_alone_imports_no_torch():
    code = "import sys, alcore; print('torch' in sys.modules, alcore.AlcoreError.__name__)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (0, "False AlcoreError\n"), ended.stderr


def test_only_the_mounts_use_the_browser_part():
    """What stands in a browser is mounted by pages/ui/components, and by nobody else."""
    users = {
        file.relative_to(ROOT) for file in [ROOT / "app.py", *python_files("alcore", "pages")] if "browser" in of_alcore(imports(file))
    }
    assert {file.parent.as_posix() for file in users} == {"pages/ui/components"}


def test_scripts_and_styles_stand_in_the_browser_part():
    """Where modules are joined and typed; the report of a simulation is one page of its own, app.css the look of Streamlit's own pages."""
    found = [file for folder in ("alcore", "pages") for file in (ROOT / folder).rglob("*") if file.suffix in (".js", ".css")]
    outside = {file.relative_to(ROOT).as_posix() for file in found if ROOT / "alcore" / "browser" not in file.parents}
    assert outside == {"alcore/simulation/report.js", "alcore/simulation/report.css", "pages/ui/app.css"}


SOURCES = [*python_files("alcore", "pages"), *sorted((ROOT / "alcore" / "browser").rglob("*.js"))]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.relative_to(ROOT).as_posix())
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
    assert [name for name in silent if not name.endswith("__init__.py")] == []
