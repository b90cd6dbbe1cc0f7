"""The joiner of the browser's modules: one ES module of an entry and all it imports; and what each of our own entries becomes.

What a joined script does is asked of node, where there is one: CI has it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from alcore import browser

ENTRIES = (
    "classes/classes.js",
    "images/images.js",
    "learn/learn.js",
    "label/labeler.js",
    "map/map.js",
    "mask/editor.js",
    "notebook/editor.js",
    "notebook/labeler.js",
    "notebook/map.js",
    "page/connection.js",
    "page/download.js",
    "page/gallery.js",
    "page/onward.js",
    "page/proposals.js",
    "page/remember.js",
    "room/student.js",
    "room/teacher.js",
    "upload/upload.js",
)
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node")


def files(folder: Path, **texts: str) -> Path:
    """Modules below a folder; `a__b` is a/b.js."""
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def told(folder: Path, entry: str = "main.js") -> object:
    """What the default export of the joined script gives when it is called."""
    (folder / "joined.mjs").write_text(browser.joined(folder, entry), encoding="utf-8")
    code = "import('./joined.mjs').then((m) => console.log(JSON.stringify(m.default())))"
    ended = subprocess.run([str(NODE), "-e", code], cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@needs_node
def test_names_of_one_module_are_not_those_of_another(tmp_path: Path) -> None:
    files(
        tmp_path,
        main='import { a } from "./one/a.js";\nimport { b } from "./two/b.js";\nconst own = "main";\nexport default () => [a(), b(), own];',
        one__a='const own = "a";\nexport function a() {\n  return own;\n}',
        two__b='import { a } from "../one/a.js";\nconst own = "b";\nexport const b = () => own + a();',
    )
    assert told(tmp_path) == ["a", "ba", "main"]


@needs_node
def test_a_module_runs_once_and_before_those_that_import_it(tmp_path: Path) -> None:
    files(
        tmp_path,
        main='import { log } from "./log.js";\nimport { b } from "./b.js";\nlog.push(b);\nexport default () => log;',
        b='import { c } from "./c.js";\nimport { log } from "./log.js";\nlog.push("b");\nexport const b = c;',
        c='import { log } from "./log.js";\nlog.push("c");\nexport const c = "end";',
        log='export const log = ["log"];',
    )
    assert told(tmp_path) == ["log", "c", "b", "end"]


@needs_node
@pytest.mark.parametrize(
    ("exported", "imported"),
    [
        ("export const x = 7;", 'import { x } from "./other.js";'),
        ("export function x() {}\nx.valueOf = () => 7;", 'import { x as y } from "./other.js";\nconst x = +y;'),
        ("export async function x() {}\nx.valueOf = () => 7;", 'import { x as y } from "./other.js";\nconst x = +y;'),
        ("export class X { static valueOf() { return 7; } }", 'import { X } from "./other.js";\nconst x = +X;'),
        ("const x = 7;\nexport { x };", 'import { x } from "./other.js";'),
        ("const inside = 7;\nexport { inside as x };", 'import { x } from "./other.js";'),
        ("const a = 1;\nconst b = 6;\nexport {\n  a,\n  b as c,\n};", 'import {\n  a,\n  c as d,\n} from "./other.js";\nconst x = a + d;'),
        ("export default 7;", 'import x from "./other.js";'),
        ("export const f = 7;\nexport default function () { return f; }", 'import f from "./other.js";\nconst x = f();'),
        ("export default function f() { return 7; }\nf.own = f();", 'import f from "./other.js";\nconst x = f.own;'),
        ("class A {}\nexport default class extends A { static valueOf() { return 7; } }", "import X from './other.js';\nconst x = +X;"),
        ("export default class { static valueOf() { return 7; } }", "import X from './other.js';\nconst x = +X;"),
    ],
)
def test_every_kind_of_export_and_import_is_joined(tmp_path: Path, exported: str, imported: str) -> None:
    files(tmp_path, main=f"{imported}\nexport default () => x;", other=exported)
    assert told(tmp_path) == 7


@needs_node
def test_what_looks_like_an_import_in_a_comment_a_string_or_a_pattern_is_none(tmp_path: Path) -> None:
    text = r"""// import { a } from "./missing.js";
/*
import { b } from "./missing.js";
export const b = 1;
*/
const inString = "\
import { c } from './missing.js';";
const template = `
import { d } from "./missing.js";
${`${[1, 2].map((n) => { return `<${n}>`; }).join("")}
export const d = 2;`}
`;
const quotes = /["'`/[\]]/.test("'") ? 4 / 2 / 1 : "//";
const called = { import: 1, export: 2 };
const address = "https://example.org"; // a comment with a "quote
export default () => [inString, template, quotes, called.import, address];
"""
    files(tmp_path, main=text)
    expected = '\nimport { d } from "./missing.js";\n<1><2>\nexport const d = 2;\n'
    assert told(tmp_path) == ["import { c } from './missing.js';", expected, 2, 1, "https://example.org"]


@needs_node
def test_paths_that_are_alike_are_told_apart(tmp_path: Path) -> None:
    names = ("a/b", "a_b", "a-b", "a.b")
    texts = {f"{name}.js": f"export const x = {name!r};" for name in names}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    imports = "".join(f'import {{ x as x{i} }} from "./{name}.js";\n' for i, name in enumerate(names))
    files(tmp_path, main=f"{imports}export default () => [x0, x1, x2, x3];")
    assert told(tmp_path) == list(names)


def test_a_line_keeps_its_number_and_comments_are_not_sent(tmp_path: Path) -> None:
    """So that a place in a stack trace leads to the file: the first line says where each begins."""
    files(
        tmp_path,
        main='// what it is\nimport {\n  a,\n} from "./a.js";\n/** said\n * of it */\nexport default a; // here',
        a="/* first */ export const a = 1;\n// end\nexport const b = 2;",
    )
    lines = browser.joined(tmp_path, "main.js").split("\n")
    found = re.fullmatch(r"// a\.js from line (\d+), main\.js from line (\d+)", lines[0])
    assert found is not None
    a, main = int(found[1]), int(found[2])
    assert lines[a - 1].strip() == "const a = 1;"
    assert lines[a + 1] == "const b = 2;"
    assert lines[main + 5].strip() == "const default_ = a;"
    assert [line for line in lines if "what it is" in line or "first" in line or "said" in line or "here" in line] == []
    assert lines[-2] == "//# sourceURL=alcore/browser/main.js"


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (
            {
                "main": 'import { a } from "./a.js";\nexport default a;',
                "a": 'import { b } from "./b.js";\nexport const a = b;',
                "b": 'import { a } from "./a.js";\nexport const b = a;',
            },
            "modules import one another in a circle: a.js -> b.js -> a.js",
        ),
        ({"main": 'import m from "./main.js";\nexport default m;'}, "modules import one another in a circle: main.js -> main.js"),
        ({"main": 'import { a } from "./a.js";\nexport default a;'}, "main.js imports a.js, which does not exist"),
        (
            {"main": 'import { a } from "./a.js";\nexport default a;', "a": "export const b = 1;\nexport const c = 1;"},
            "main.js imports a from a.js, which exports b, c",
        ),
        (
            {"main": 'import a from "./a.js";\nexport default a;', "a": "const a = 1;"},
            "main.js imports default from a.js, which exports nothing",
        ),
        ({"main": "export const a = 1;"}, "main.js has no default export: a mount cannot call it"),
        ({"main": "export const a = 1;\nexport { a };\nexport default a;"}, "main.js exports a twice"),
        ({"main": 'import { a } from "../a.js";\nexport default a;'}, "main.js imports '../a.js', which is outside the folder"),
        (
            {"main": 'import { a } from "lodash";\nexport default a;'},
            "main.js imports 'lodash': an address must begin with ./ or ../ and end with .js",
        ),
        (
            {"main": '\nimport * as a from "./a.js";\nexport default a;'},
            'main.js, line 2: `import * as a from "./a.js";` is of a kind that cannot be joined',
        ),
        ({"main": "export let a = 1;\nexport default a;"}, "main.js, line 1: `export let a = 1;` is of a kind that cannot be joined"),
        (
            {"main": "const a = 1; export { a };\nexport default a;"},
            "main.js, line 1: `export { a };` is of a kind that cannot be joined",
        ),
        ({"main": "const a = 1;\n/* never\nends"}, "main.js, line 2: a comment does not end"),
        ({"main": "const a = 1;\nconst b = 'never ends\n"}, "main.js, line 2: what ' begins does not end"),
        ({"main": "const a = 1;\nconst b = `never ${a} ends\n"}, "main.js, line 2: what } begins does not end"),
    ],
)
def test_what_cannot_be_joined_says_where(tmp_path: Path, texts: dict[str, str], why: str) -> None:
    files(tmp_path, **texts)
    with pytest.raises(ValueError) as caught:
        browser.joined(tmp_path, "main.js")
    assert str(caught.value) == why


def test_a_script_that_is_not_there_is_told() -> None:
    with pytest.raises(ValueError, match=r"^there is no module label/nothing\.js$"):
        browser.script("label/nothing.js")


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_of_our_entries_is_joined(entry: str, tmp_path: Path) -> None:
    joined = browser.script(entry)
    assert browser.script(entry) is joined  # made once
    assert re.findall(r"^(?:import|export)\b.*", joined, re.MULTILINE) == [
        f"export default ${entry.removesuffix('.js').replace('/', '$')}.default;"
    ]
    if NODE is None:
        pytest.skip("no node: what is joined was not parsed")
    (tmp_path / "joined.mjs").write_text(joined, encoding="utf-8")
    checked = subprocess.run([NODE, "--check", "joined.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (checked.returncode, checked.stderr) == (0, "")


@needs_node
def test_one_function_turns_addresses_and_ids_into_urls(tmp_path: Path) -> None:
    """The library's addresses name the API's default place; it may be mounted elsewhere."""
    shutil.copytree(browser.HERE / "shared", tmp_path / "shared")
    asked = """
import { Api } from "./shared/api.js";
export default () => {
  const api = new Api();
  api.root = "/below/api/v1";
  return [
    api.url("/api/v1/projects/a%20b/items/3/image?v=ab", { size: 96 }),
    api.url("/api/v1/projects/api/v1/mask", { raw: 1 }),
    api.url(["projects", "a b/ü?", "items", 3], { round: null, after: 0, view: undefined, replaces: "" }),
    api.url(["jobs"]),
  ];
};"""
    files(tmp_path, main=asked)
    assert told(tmp_path) == [
        "/below/api/v1/projects/a%20b/items/3/image?v=ab&size=96",
        "/below/api/v1/projects/api/v1/mask?raw=1",
        "/below/api/v1/projects/a%20b%2F%C3%BC%3F/items/3?after=0&replaces=",
        "/below/api/v1/jobs",
    ]


def test_no_other_module_writes_addresses() -> None:
    found = {
        file.relative_to(browser.HERE).as_posix()
        for file in browser.HERE.rglob("*.js")
        if re.search(r"encodeURIComponent|api\\?/v1|[`\"']/projects", file.read_text(encoding="utf-8"))
    }
    assert found == {"shared/api.js", "label/outbox.js", "page/remember.js"}  # the outbox names its entries, remember its cookie


def test_every_module_of_ours_is_part_of_an_entry() -> None:
    """A file that nobody imports is dead."""
    there = {file.relative_to(browser.HERE).as_posix() for file in browser.HERE.rglob("*.js")}
    joined = {name for entry in ENTRIES for name in re.findall(r"(\S+\.js) from line", browser.script(entry).split("\n", 1)[0])}
    assert there - joined == {"shared/types.js"}  # types alone


def test_styles_come_in_the_order_that_is_asked_for() -> None:
    labeler, editor = browser.style("label/labeler.css"), browser.style("mask/editor.css")
    assert browser.style("label/labeler.css", "mask/editor.css") == labeler + editor
    assert ".labeler" in labeler
    assert ".editor" in editor
