"""The JavaScript and CSS that the app shows in a browser, as ES modules by theme, and `script`, which joins one with all it imports.
A mount (pages/ui/components for Streamlit, alcore/widget for notebooks) calls `script` and `style`; nothing else is for others, and the
modules know of no mount.
Imports the standard library alone; a module imports modules of this folder alone, and never in a circle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

HERE = Path(__file__).parent

# after these a slash begins a regular expression; after a name, a number or a closing bracket it divides
BEFORE_REGEX = re.compile(r"(?:^|[=(,:;!&|?{}\[+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield|throw))\s*\Z")
IMPORT = re.compile(r"^[ \t]*import\s+(?:(?P<default>[\w$]+)\s+from|\{(?P<names>[^}]*)\}\s+from)\s+(?P<from>[\"'] *[\"']);", re.MULTILINE)
DECLARED = re.compile(r"^[ \t]*export\s+(?P<what>(?:async\s+)?function\s*\*?|class|const)\s+(?P<name>[\w$]+)", re.MULTILINE)
LISTED = re.compile(r"^[ \t]*export\s*\{(?P<names>[^}]*)\}\s*;", re.MULTILINE)
DEFAULT = re.compile(r"^[ \t]*export\s+default\s+", re.MULTILINE)
# a default export with a name: that is declared in the module, too
NAMED = re.compile(r"(?:(?:async\s+)?function(?:\s*\*\s*|\s+)|class\s+)(?!extends\b)(?P<name>[\w$]+)")
ANY = re.compile(r"(?<![\w$.])(?:import|export)\b(?!\s*[.(:])[^\n]*")


@cache
def script(entry: str) -> str:
    """A module and everything it imports as one ES module, which can be handed to a browser inline.

    Inline modules cannot import one another. So each becomes a function with a scope of its own that returns its exports; a module comes
    after those it imports, and the entry's default export is that of the whole.

    Args:
        entry: its path below this folder, such as `label/labeler.js`; it must have a default export.

    Raises:
        ValueError: a module is missing, imports in a circle or imports a name that is not exported, or a statement is of a kind that
            cannot be joined.
    """
    return joined(HERE, entry)


@cache
def style(*names: str) -> str:
    """The named style sheets below this folder, one after the other."""
    return "".join((HERE / name).read_text(encoding="utf-8") for name in names)


def joined(folder: Path, entry: str) -> str:
    """What `script` gives, of the modules below any folder."""
    modules = _in_order(folder, entry)
    if "default" not in modules[entry].exports:
        raise ValueError(f"{entry} has no default export: a mount cannot call it")
    for module in modules.values():
        for names, path in module.imports:
            for name in names.values():
                if name not in modules[path].exports:
                    there = ", ".join(sorted(modules[path].exports)) or "nothing"
                    raise ValueError(f"{module.path} imports {name} from {path}, which exports {there}")
    texts = [module.wrapped() for module in modules.values()]
    line, index = 2, []
    for module, text in zip(modules.values(), texts, strict=True):
        index.append(f"{module.path} from line {line + 1}")
        line += text.count("\n") + 1
    end = f"export default {_variable(entry)}.default;\n//# sourceURL=alcore/browser/{entry}"
    return "\n".join([f"// {', '.join(index)}", *texts, end, ""])


class Module:
    """One file: what it imports, what it exports, and its text as a function that returns the exports."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.imports: list[tuple[dict[str, str], str]] = []  # ({name here: name there}, path)
        self.exports: dict[str, str] = {}  # name outside -> name inside
        self._text = text
        self._code = blanked(text, path)
        self._pieces: list[tuple[int, int, str]] = []  # from, to, what stands there instead
        self._read_imports()
        self._read_exports()
        self._refuse_the_rest()
        self._drop_comments()
        for start, end, instead in sorted(self._pieces, reverse=True):
            text = text[:start] + instead + text[end:]
        self.joinable = text.rstrip()

    def _replace(self, start: int, end: int, instead: str) -> None:
        """What follows keeps its line."""
        self._pieces.append((start, end, instead + "\n" * self._text.count("\n", start, end)))

    def _read_imports(self) -> None:
        for found in IMPORT.finditer(self._code):
            start, end = found.span("from")
            names = {found["default"]: "default"} if found["default"] else {here: there for there, here in _named(found["names"])}
            target = _resolved(self.path, self._text[start + 1 : end - 1])
            self.imports.append((names, target))
            picked = ", ".join(there if there == here else f"{there}: {here}" for here, there in names.items())
            self._replace(*found.span(), f"const {{ {picked} }} = {_variable(target)};")

    def _read_exports(self) -> None:
        for found in DECLARED.finditer(self._code):
            self._export(found["name"], found["name"])
            self._replace(found.start(), found.start("what"), "")
        for found in LISTED.finditer(self._code):
            for inside, outside in _named(found["names"]):
                self._export(outside, inside)
            self._replace(*found.span(), "")
        for found in DEFAULT.finditer(self._code):
            named = NAMED.match(self._code, found.end())
            self._export("default", named["name"] if named else "default_")
            self._replace(*found.span(), "" if named else "const default_ = ")

    def _export(self, name: str, inside: str) -> None:
        if name in self.exports:
            raise ValueError(f"{self.path} exports {name} twice")
        self.exports[name] = inside

    def _refuse_the_rest(self) -> None:
        for found in ANY.finditer(self._code):
            if not any(start <= found.start() < end for start, end, _ in self._pieces):
                line = self._text.count("\n", 0, found.start()) + 1
                statement = self._text[found.start() : found.end()]
                raise ValueError(f"{self.path}, line {line}: `{statement}` is of a kind that cannot be joined")

    def _drop_comments(self) -> None:
        """What is only for who reads the file is not sent."""
        statements = [(start, end) for start, end, _ in self._pieces]
        for start, end, is_comment in _quoted(self._text, self.path):
            if is_comment and not any(first < end and start < last for first, last in statements):
                self._replace(start, end, "")

    def wrapped(self) -> str:
        """The module as a function that is called at once; its first line is the file's first line."""
        given = ", ".join(name if name == inside else f"{name}: {inside}" for name, inside in self.exports.items())
        begin = f"const {_variable(self.path)} = (() => {{ // {self.path}"
        return f"{begin}\n{self.joinable}\nreturn {{ {given} }};\n}})();"


def _in_order(folder: Path, entry: str) -> dict[str, Module]:
    """The entry and all it imports, each after those it imports itself."""
    done: dict[str, Module] = {}

    def visit(path: str, way: tuple[str, ...]) -> None:
        if path in way:
            raise ValueError(f"modules import one another in a circle: {' -> '.join((*way[way.index(path) :], path))}")
        if path in done:
            return
        file = folder / path
        if not file.is_file():
            raise ValueError(f"{way[-1]} imports {path}, which does not exist" if way else f"there is no module {path}")
        module = Module(path, file.read_text(encoding="utf-8"))
        for _, target in module.imports:
            visit(target, (*way, path))
        done[path] = module

    visit(entry, ())
    return done


def _variable(path: str) -> str:
    """The name that a module's exports have in the joined script: `$label$outbox`."""
    return "$" + re.sub(r"\W", lambda found: "$" if found[0] == "/" else f"${ord(found[0])}$", path.removesuffix(".js"))


def _named(names: str) -> list[tuple[str, str]]:
    """[(a, a), (b, c)] of `a, b as c`."""
    pairs = [" ".join(part.split()).split(" as ") for part in names.split(",") if part.strip()]
    return [(pair[0], pair[-1]) for pair in pairs]


def _resolved(path: str, target: str) -> str:
    """The path below the folder of what `path` imports as `../shared/dom.js`."""
    if not target.startswith(("./", "../")) or not target.endswith(".js"):
        raise ValueError(f"{path} imports {target!r}: an address must begin with ./ or ../ and end with .js")
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / target).parts:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            raise ValueError(f"{path} imports {target!r}, which is outside the folder")
    return "/".join(parts)


def blanked(text: str, path: str = "the script") -> str:
    """The text with blanks for all that is in comments, strings, templates and regular expressions; as long, and with the same lines.

    Raises:
        ValueError: a string or a comment does not end.
    """
    result = list(text)
    for start, end, _ in _quoted(text, path):
        result[start:end] = [character if character == "\n" else " " for character in text[start:end]]
    return "".join(result)


def _quoted(text: str, path: str) -> Iterator[tuple[int, int, bool]]:
    """Where each comment, and the inside of each string, template and regular expression, begins and ends, and whether it is a comment."""
    templates: list[int] = []  # for each `${` that is open: how many braces are open in it
    seen = ""  # the code so far, as far as it tells whether a slash begins a regular expression
    at = 0
    while at < len(text):
        character, two = text[at], text[at : at + 2]
        inside = None
        if two in ("//", "/*"):
            stop = text.find("\n" if two == "//" else "*/", at + 2)
            if stop < 0 and two == "/*":
                raise ValueError(f"{path}, line {text.count(chr(10), 0, at) + 1}: a comment does not end")
            stop = len(text) if stop < 0 else stop + (0 if two == "//" else 2)
            yield at, stop, True
            at = stop
            continue
        if character in "\"'":
            inside = re.compile(rf"(?:[^{character}\\\n]|\\.)*(?={character})", re.DOTALL)
        elif character == "/" and BEFORE_REGEX.search(seen):
            inside = re.compile(r"(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+(?=/)")
        elif character == "`" or (character == "}" and templates and not templates[-1]):
            if character == "}":
                templates.pop()
            inside = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*(?=`|\$\{)", re.DOTALL)
        elif character in "{}" and templates:
            templates[-1] += 1 if character == "{" else -1
        if inside is None:
            seen = (seen + character)[-40:]
            at += 1
            continue
        found = inside.match(text, at + 1)
        if found is None:
            raise ValueError(f"{path}, line {text.count(chr(10), 0, at) + 1}: what {character} begins does not end")
        yield *found.span(), False
        at = found.end() + 1
        seen = "x"
        if text[found.end()] == "$":
            templates.append(0)
            at += 1
            seen = "("
