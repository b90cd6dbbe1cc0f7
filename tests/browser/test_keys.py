"""Which key gives which class, and which classes fit what is typed: the modules themselves, in node."""

from __future__ import annotations

import json
import subprocess

import pytest

from alcore import browser
from tests.browser.test_browser import NODE

LETTERS = "abcdeghijklmnopqrtuvwxy"


def call(tmp_path, expression: str) -> object:
    """What an expression of keys.js's exports gives."""
    (tmp_path / "keys.mjs").write_text((browser.HERE / "shared/keys.js").read_text().replace('"./dom.js"', '"./dom.mjs"'))
    (tmp_path / "dom.mjs").write_text((browser.HERE / "shared/dom.js").read_text())
    code = f"import('./keys.mjs').then((k) => console.log(JSON.stringify({expression})))"
    ended = subprocess.run([str(NODE), "-e", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.skipif(NODE is None, reason="no node")
@pytest.mark.parametrize(
    ("classes", "chosen", "digits", "expected"),
    [
        (["a", "b"], {}, None, {"a": "1", "b": "2"}),
        (["3", "1"], {}, None, {"3": "3", "1": "1"}),
        (["3", "1"], {"3": "x"}, None, {"3": "x", "1": "1"}),
        (["a", "b", "c"], {"b": "1"}, None, {"a": "2", "b": "1", "c": "3"}),
        (["a", "b"], {"a": "s", "b": "ü"}, None, {"a": "1", "b": "2"}),  # keys that mean something else
        (["a", "b"], {"a": "q", "b": "q"}, None, {"a": "q", "b": "1"}),  # the first has it
        (["a", "b"], {}, "67890", {"a": "6", "b": "7"}),
        (["7", "8"], {}, "67890", {"7": "7", "8": "8"}),
    ],
)
def test_each_class_has_the_key_that_was_chosen_or_the_next_free_one(tmp_path, classes, chosen, digits, expected):
    given = f"k.keysOf({json.dumps(classes)}, {json.dumps(LETTERS)}, {json.dumps(chosen)}{f', {json.dumps(digits)}' if digits else ''})"
    assert call(tmp_path, f"Object.fromEntries({given})") == expected


@pytest.mark.skipif(NODE is None, reason="no node")
def test_three_hundred_classes_have_as_many_keys_as_there_are(tmp_path):
    classes = [f"class {n}" for n in range(300)]
    found = call(tmp_path, f"[...k.keysOf({json.dumps(classes)}, {json.dumps(LETTERS)}).entries()]")
    assert [name for name, _ in found] == classes[: 10 + len(LETTERS)]
    assert [key for _, key in found] == [*"1234567890", *LETTERS]


@pytest.mark.skipif(NODE is None, reason="no node")
@pytest.mark.parametrize(
    ("name", "typed", "how"),
    [
        ("Long sleeve", "lo", 0),
        ("Long sleeve", "sleeve", 1),
        ("Long sleeve", "sleeve long", 2),
        ("Long sleeve", "lgslv", 3),
        ("Long_sleeve", "long s", 0),
        ("Crème", "creme", 0),
        ("Long sleeve", "shirt", -1),
        ("Long sleeve", "evl", -1),  # not in that order
    ],
)
def test_how_well_a_name_fits_what_is_typed(tmp_path, name, typed, how):
    assert call(tmp_path, f"k.fit({json.dumps(name)}, {json.dumps(typed)})") == how
