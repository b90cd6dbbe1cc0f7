"""Who imports whom in a tree of alcore: rooms, floors, circles. `python -m tests.house [TREE]` prints them for any checkout.

An import counts wherever it stands: at the top, in a function, below `if TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping, Set
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def module_name(file: Path, root: Path = ROOT) -> str:
    """`strategies.mal` for alcore/strategies/mal.py, `strategies` for its __init__."""
    parts = file.relative_to(root / "alcore").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@cache
def imports(file: Path, root: Path = ROOT) -> frozenset[str]:
    """Dotted names of what a file imports; `from alcore import x` is alcore.x, `from alcore.x import y` is alcore.x or, if y is a module,
    alcore.x.y."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            for alias in node.names:
                longer = f"{node.module}.{alias.name}"
                path = root / longer.replace(".", "/")
                is_module = path.with_suffix(".py").is_file() or path.is_dir()
                found.add(longer if is_module or node.module == "alcore" else str(node.module))
    return frozenset(found)


def of_alcore(names: Set[str]) -> set[str]:
    """Those of our own, without `alcore.`."""
    return {name.removeprefix("alcore.") for name in names if name.startswith("alcore.")}


@cache
def graph(root: Path = ROOT) -> Mapping[str, frozenset[str]]:
    """Module -> the modules of alcore that it imports."""
    files = sorted((root / "alcore").rglob("*.py"))
    names = {module_name(file, root) for file in files}
    return {module_name(file, root): frozenset(of_alcore(imports(file, root)) & names) for file in files}


def circles(of: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Groups of names that all reach one another (Tarjan 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in of[name]:
            if other not in number:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            group = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in of:
        if name not in number:
            visit(name)
    return found


def floors(of: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """How many floors down it goes from each name; who stands in a circle shares one."""
    together = {name: group for group in circles(of) for name in group}

    @cache
    def floor(name: str) -> int:
        group = together.get(name, [name])
        below = {other for member in group for other in of[member]} - set(group)
        return 1 + max((floor(other) for other in below), default=-1)

    return {name: floor(name) for name in of}


def room(module: str) -> str:
    """The folder a module is in; `ground` for what lies beside the folders."""
    return module.partition(".")[0] if "." in module or (ROOT / "alcore" / module).is_dir() else "ground"


def rooms(of: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Room -> the rooms that its modules import."""
    found: dict[str, set[str]] = {}
    for module, below in of.items():
        if module != "__main__":  # starts the command line
            found.setdefault(room(module), set()).update(room(other) for other in below)
    return {name: frozenset(others - {name}) for name, others in found.items()}


def told(root: Path = ROOT) -> str:
    """What stands where, in a few lines."""
    of = graph(root)
    found = circles(of)
    upward = sum(len(of[name] & set(group)) for group in found for name in group)  # elsewhere every import goes down
    told = f"circles: {[len(group) for group in found] or 'none'}, imports that go up or round in them: {upward}"
    lines = [f"{len(of)} modules on {1 + max(floors(of).values())} floors, {told}"]
    if any((root / "alcore" / name).is_dir() for name in ("training", "storage")):
        by_room = rooms(of)
        floor = floors(by_room)
        lines.append(f"{len(by_room)} rooms on {1 + max(floor.values())} floors, circles: {circles(by_room) or 'none'}")
        for name in sorted(by_room, key=lambda name: (floor[name], name)):
            lines.append(f"  {floor[name]} {name:11s} -> {' '.join(sorted(by_room[name]))}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(told(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT))
