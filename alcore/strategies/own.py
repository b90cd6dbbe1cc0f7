"""Strategies that are not the library's: files in a folder that a person named or owns, and classes of a notebook.

Each file is read, run and checked once for every content it has. A broken one keeps nothing from starting: it is told of in a sentence that
names the file, the line and the cure. Knows no method of the library but the names they have.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import linecache
import logging
import os
import re
import stat
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from alcore.errors import BadInput, one_line
from alcore.nets.tasks import TASKS
from alcore.strategies.base import NoParams, ScoreInfo, Strategy

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")  # what the command line, folders of results and variants such as `mal:rule=…` can carry
CURE = "Mend the file: it is read again by itself."

Kind = type[Strategy]
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file or folder, in a sentence, and the names of strategies that are missing for it."""

    sentence: str
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Source:
    """A file as it was read.

    Attributes:
        state: by which a change is noticed.
        code: names its content.
        kinds: its classes, and the line each begins at.
    """

    path: Path
    state: tuple[int, int, int]
    code: str = ""
    kinds: tuple[tuple[Kind, int], ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Found:
    """All that counts now.

    Attributes:
        kinds: name -> class.
        files, codes: of those that come from a file, where it lies and what names its content.
        problems: what is wrong, by file.
    """

    kinds: Mapping[str, Kind]
    files: Mapping[str, Path]
    codes: Mapping[str, str]
    problems: tuple[Problem, ...]


class Own:
    """The own strategies of a process. Thread-safe.

    Args:
        library: the methods whose names, and whose words for scores, are taken.

    Attributes:
        lock: held while a file runs, which may itself add a class; whoever publishes what was found holds it too.
    """

    def __init__(self, library: Mapping[str, Kind]) -> None:
        self._library = library
        self.lock = threading.RLock()
        self._named: set[Path] = set()
        self._folders: dict[Path, Problem | None] = {}  # the one that was named last stands last, and its names count
        self._sources: dict[Path, Source] = {}
        self._added: dict[str, Kind] = {}

    def add(self, kind: Kind) -> None:
        """A class of this process, such as of a notebook's cell; one of that name which was added before is replaced.

        Raises:
            BadInput: it lacks something, or its name is the library's.
        """
        if wrong := lacking(kind) or self._clash(kind):
            raise BadInput(f"{getattr(kind, '__name__', kind)} cannot be used as a strategy: {wrong}")
        with self.lock:
            self._added[kind.name] = kind

    def look(self, folder: Path | None = None, *, named: bool = False) -> None:
        """Reads what is new or changed in a folder and in those looked at before.

        Args:
            named: True when a person said that what lies there may be run, whoever owns it.
        """
        with self.lock:
            if folder is not None:
                folder = folder.absolute()
                self._named |= {folder} if named else set()
                self._folders[folder] = self._folders.pop(folder, None)
            for each in self._folders:
                self._read(each)

    def forget(self) -> None:
        """As if nothing had been added or looked at."""
        with self.lock:
            for source in self._sources.values():
                sys.modules.pop(_module_name(source.path), None)
            self._folders, self._sources, self._added, self._named = {}, {}, {}, set()

    def found(self) -> Found:
        """What counts. In one folder the first file of a name counts, of two folders the one that was looked at last."""
        with self.lock:
            kinds: dict[str, Kind] = {}
            files: dict[str, Path] = {}
            codes: dict[str, str] = {}
            problems = [problem for problem in self._folders.values() if problem]
            for folder in self._folders:
                here: dict[str, Path] = {}
                for source in sorted((s for s in self._sources.values() if s.path.parent == folder), key=lambda s: s.path.name):
                    problems += [source.problem] if source.problem else []
                    for kind, line in source.kinds:
                        wrong = self._clash(kind, kinds)
                        if kind.name in here:
                            wrong = f"the name {kind.name!r} is that of {here[kind.name].name} already: give this one another"
                        if wrong:
                            problems.append(_problem(source.path, line, wrong, [] if kind.name in here else [kind.name]))
                        else:
                            kinds[kind.name], files[kind.name], codes[kind.name] = kind, source.path, source.code
                            here[kind.name] = source.path
            for name, kind in self._added.items():
                if wrong := self._clash(kind, kinds):
                    problems.append(Problem(one_line(f"{kind.__name__} of this process: {wrong}."), frozenset([name])))
                    continue
                kinds[name] = kind
                files.pop(name, None)
                codes.pop(name, None)
            return Found(kinds, files, codes, tuple(problems))

    def _clash(self, kind: Kind, others: Mapping[str, Kind] | None = None) -> str:
        """Why it cannot stand beside the library, and beside these others; "" when it can."""
        if kind.name in self._library:
            return f"the name {kind.name!r} is one of the library's: give it another"
        beside = [*self._library.values(), *(other for name, other in (others or {}).items() if name != kind.name)]
        for about in kind.score_info:
            for other in beside if about.name != "total" else ():
                if other.score_columns().get(about.name, about) != about:
                    return f"it says something else of the score {about.name!r} than {other.name}: give that score a name of its own"
        return ""

    def _read(self, folder: Path) -> None:
        """Brings what is known of a folder up to date."""
        self._folders[folder] = None
        try:
            paths = [path for path in sorted(folder.iterdir()) if path.suffix == ".py" and path.name[0] not in "._"]
        except FileNotFoundError:
            paths = []
        except OSError as wrong:
            paths = []
            self._folders[folder] = Problem(f"the strategies in {folder} cannot be read: {wrong.strerror}. Give this user the right to it.")
        if paths and folder not in self._named and (strange := _strange([folder, *paths])):
            self._folders[folder] = Problem(
                f"the strategies in {folder} are not run: {strange}. Mend that, or name the folder in ALCORE_STRATEGIES if you trust it."
            )
            paths = []
        for gone in [path for path in self._sources if path.parent == folder and path not in paths]:
            del self._sources[gone]
        for path in paths:
            self._refresh(path)

    def _refresh(self, path: Path) -> None:
        before = self._sources.get(path)
        try:
            about = path.stat()
            state = (about.st_mtime_ns, about.st_size, about.st_ino)
            if before and before.state == state:
                return
            content = path.read_bytes()
        except OSError as wrong:
            self._sources[path] = Source(path, (0, 0, 0), problem=_problem(path, 0, f"it cannot be read: {wrong.strerror}", [path.stem]))
            return
        code = hashlib.blake2b(content, digest_size=8).hexdigest()
        if before and before.code == code:  # touched, not changed
            self._sources[path] = dataclasses.replace(before, state=state)
            return
        source = self._sources[path] = run(path, content, state, code)
        for kind, _ in source.kinds:
            self._added.pop(kind.name, None)  # what was written down last counts
        if source.problem:
            logger.warning("%s", source.problem.sentence)


def run(path: Path, content: bytes, state: tuple[int, int, int] = (0, 0, 0), code: str = "") -> Source:
    """The file's classes, after running it as a module of its own, or what is wrong with it."""
    linecache.checkcache(str(path))  # tracebacks show the lines as they are now
    lines: dict[str, int] = {}
    names = {path.stem}
    try:
        tree = ast.parse(content, str(path))
        lines, said = _classes(tree)
        names |= said
        module = ModuleType(_module_name(path), ast.get_docstring(tree))
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # dataclasses look their module up there
        exec(compile(tree, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as wrong:  # it is a person's code: whatever it raises, what it is part of must go on
        sys.modules.pop(_module_name(path), None)
        line, words = _told(path, wrong)
        return Source(path, state, code, problem=_problem(path, line, words, names))
    kinds = [value for value in vars(module).values() if _is_strategy(value) and value.__module__ == module.__name__]
    for kind in kinds:
        if wrong_with := lacking(kind):
            line = lines.get(kind.__name__, 0)
            return Source(path, state, code, problem=_problem(path, line, f"{kind.__name__}: {wrong_with}", names))
    if not kinds:
        return Source(path, state, code, problem=_problem(path, 0, "it has no class that is a Strategy", names))
    return Source(path, state, code, tuple((kind, lines.get(kind.__name__, 0)) for kind in kinds))


def lacking(kind: object) -> str:
    """What a class lacks that lists, forms and the command line need, with the cure; "" when it lacks nothing. What it computes is a matter
    of the contract's tests."""
    if not isinstance(kind, type) or not issubclass(kind, Strategy) or kind is Strategy:
        return "it is no subclass of alcore.strategies.base.Strategy"
    name = getattr(kind, "name", None)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return f"its name is {name!r}: set name to a word of small letters, digits and _, up to 40"
    for what, cure in (("title", "what lists call it"), ("paper", 'authors and year, or "none"')):
        if not isinstance(getattr(kind, what, None), str) or not getattr(kind, what):
            return f"it has no {what}: set {what} to {cure}"
    if strange := [task for task in kind.tasks if task not in TASKS]:
        return f"it is for tasks {', '.join(map(repr, strange))}: there are {', '.join(TASKS)}"
    if kind.total is Strategy.total and not kind.rank_by:
        return "nothing says what it ranks by: set rank_by to one of its scores, or write total()"
    if not all(isinstance(about, ScoreInfo) for about in kind.score_info):
        return "score_info is not made of ScoreInfo"
    if kind.Params is not NoParams and not _is_form(kind.Params):
        return "its Params cannot be shown as a form: make it a frozen dataclass whose fields are made with alcore.params.param"
    return ""


def _is_form(params: object) -> bool:
    if not isinstance(params, type) or not dataclasses.is_dataclass(params):
        return False
    return all({"help", "source", "title"} <= field.metadata.keys() for field in dataclasses.fields(params))


def _is_strategy(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy and not value.__name__.startswith("_")


def _classes(tree: ast.Module) -> tuple[dict[str, int], set[str]]:
    """Class -> its line, and the names they say they have, from the text: a file that cannot run still says what it would be."""
    lines, names = {}, set()
    for node in tree.body:
        for one in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(one, ast.Assign) and [t.id for t in one.targets if isinstance(t, ast.Name)] == ["name"]:
                names |= set(_texts(one.value))
        if isinstance(node, ast.ClassDef):
            lines[node.name] = node.lineno
    return lines, names


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


def _told(path: Path, wrong: BaseException) -> tuple[int, str]:
    """Where in the file it went wrong, and what."""
    words = f"{type(wrong).__name__}: {wrong}" if str(wrong) else type(wrong).__name__
    if isinstance(wrong, SyntaxError) and wrong.filename == str(path):
        return wrong.lineno or 0, f"SyntaxError: {wrong.msg}"
    inside = [frame.lineno or 0 for frame in traceback.extract_tb(wrong.__traceback__) if frame.filename == str(path)]
    return (inside[-1] if inside else 0), words


def _problem(path: Path, line: int, words: str, names: Iterable[str]) -> Problem:
    where = f"{path}, line {line}" if line else f"{path}"
    return Problem(one_line(f"{where}: {words.rstrip('.')}. {CURE}"), frozenset(names))


def _module_name(path: Path) -> str:
    """Under which a file is known to Python: two folders may each have a file of one name."""
    return f"alcore_own_{path.stem}_{hashlib.blake2b(bytes(path), digest_size=4).hexdigest()}"


def _strange(paths: Iterable[Path]) -> str:
    """Who else could have written what lies there; "" for nobody, and where files have no owners."""
    if os.name == "nt":
        return ""
    for path in paths:
        about = path.stat()
        if about.st_uid != os.geteuid():
            return f"{path.name} belongs to another user"
        if stat.S_IMODE(about.st_mode) & 0o002:
            return f"everybody may write to {path.name}"
    return ""
