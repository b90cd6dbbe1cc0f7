"""Requests of a notebook's page as messages (alcore/browser/notebook/carry.js), asked of node, where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from alcore import browser

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node")

MODEL = """
import { carryOf } from "./notebook/carry.js";
import { Api, wordsOf } from "./shared/api.js";

function modelOf() {
  const sent = [], hears = [];
  return {
    sent,
    send: (content, callbacks, buffers = []) => sent.push({ ...content, body: buffers.map((b) => [...new Uint8Array(b)]) }),
    on: (name, does) => name === "msg:custom" && hears.push(does),
    say: (content, ...buffers) => hears.forEach((does) => does(content, buffers)),
  };
}
const view = (bytes, before = 0) => new DataView(new Uint8Array([...Array(before).fill(9), ...bytes]).buffer, before, bytes.length);
const answer = (id, status = 200, headers = {}) => ({ kind: "alcore:answer", id, status, headers });
export default async () => {
  const model = modelOf();
  const carry = carryOf(model);
  %s
};
"""


def told(tmp_path: Path, code: str) -> Any:
    """What the code gives, with a model and its carry at hand."""
    for folder in ("notebook", "shared"):
        shutil.copytree(browser.HERE / folder, tmp_path / folder)
    (tmp_path / "main.js").write_text(MODEL % code, encoding="utf-8")
    (tmp_path / "joined.mjs").write_text(browser.joined(tmp_path, "main.js"), encoding="utf-8")
    script = "import('./joined.mjs').then((m) => m.default()).then((found) => { console.log(JSON.stringify(found)); process.exit(); })"
    ended = subprocess.run([str(NODE), "-e", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_a_request_is_a_message_with_its_body_as_a_buffer(tmp_path: Path) -> None:
    sent = told(
        tmp_path,
        """
  carry("/api/v1/a", { headers: { Authorization: "Bearer x" } });
  carry("/api/v1/b", { method: "POST", headers: { "Content-Type": "application/json" }, body: "ü" });
  carry("/api/v1/c", { method: "POST", body: new Uint8Array([1, 2]).buffer });
  return model.sent.map(({ id, ...rest }) => ({ ...rest, n: id.split(":")[1], page: id.split(":")[0] === model.sent[0].id.split(":")[0] }));""",
    )
    common = {"kind": "alcore:ask", "page": True}
    assert sent == [
        common | {"method": "GET", "url": "/api/v1/a", "headers": {"authorization": "Bearer x"}, "body": [], "n": "1"},
        common | {"method": "POST", "url": "/api/v1/b", "headers": {"content-type": "application/json"}, "body": [[195, 188]], "n": "2"},
        common | {"method": "POST", "url": "/api/v1/c", "headers": {}, "body": [[1, 2]], "n": "3"},
    ]


def test_answers_come_in_any_order_twice_or_for_others(tmp_path: Path) -> None:
    got = told(
        tmp_path,
        """
  const asked = ["a", "b"].map((name) => carry(name, {}));
  const [a, b] = model.sent.map(({ id }) => id);
  model.say({ kind: "anywidget-command-response", id: a });
  model.say(answer("somebody:1"), view([7]));
  model.say(answer(b, 200, { "x-dtype": "uint8" }), view([4, 5, 6], 3));
  model.say(answer(b, 500), view([0]));
  model.say(answer(a, 304));
  const [first, second] = await Promise.all(asked);
  return [first.status, second.status, second.headers.get("X-Dtype"), [...new Uint8Array(await second.arrayBuffer())]];""",
    )
    assert got == [304, 200, "uint8", [4, 5, 6]]


def test_numbers_that_begin_within_a_message_can_be_read_as_an_array(tmp_path: Path) -> None:
    got = told(
        tmp_path,
        """
  const asked = carry("a", {});
  model.say(answer(model.sent[0].id), view([0, 0, 128, 63], 3));
  return [...new Float32Array(await (await asked).arrayBuffer())];""",
    )
    assert got == [1]


def test_what_is_given_up_is_told_to_the_kernel_once_and_an_answer_after_that_is_nobodys(tmp_path: Path) -> None:
    got = told(
        tmp_path,
        """
  const stop = new AbortController();
  const asked = carry("a", { signal: stop.signal }).catch((error) => error.message);
  const { id } = model.sent[0];
  stop.abort();
  stop.abort();
  model.say(answer(id), view([1]));
  return [await asked, model.sent.slice(1).map((m) => [m.kind, m.id === id])];""",
    )
    assert got == ["the kernel does not answer", [["alcore:drop", True]]]


def test_an_answer_that_is_there_is_not_given_up(tmp_path: Path) -> None:
    got = told(
        tmp_path,
        """
  const stop = new AbortController();
  const asked = carry("a", { signal: stop.signal });
  model.say(answer(model.sent[0].id), view([1]));
  stop.abort();
  return [(await asked).status, model.sent.length];""",
    )
    assert got == [200, 1]


def test_a_widget_has_one_line_wherever_it_is_shown_and_another_widget_another(tmp_path: Path) -> None:
    assert told(tmp_path, "return [carryOf(model) === carry, carryOf(modelOf()) === carry];") == [True, False]


def test_a_message_that_cannot_be_sent_is_an_error(tmp_path: Path) -> None:
    got = told(
        tmp_path,
        """
  model.send = () => { throw new Error("the kernel is gone"); };
  return [await carry("a", {}).catch((error) => error.message)];""",
    )
    assert got == ["the kernel is gone"]


def test_the_api_goes_that_way_and_names_addresses_from_the_root(tmp_path: Path) -> None:
    got = told(
        tmp_path,
        """
  const api = new Api();
  api.connect("/api/v1", "", carry);
  const asked = api.json(api.url(["projects", "a b", "queue"], { n: 3 }));
  const { id, url } = model.sent[0];
  model.say(answer(id, 200, { "content-type": "application/json" }), view(new TextEncoder().encode('{"x": 1}')));
  const found = await asked;
  const refused = api.request("/api/v1/b").catch((error) => [error.status, error.message, wordsOf(error)]);
  model.say(answer(model.sent[1].id, 404, {}), view(new TextEncoder().encode('{"error": "there is no such item."}')));
  return [url, found, await refused];""",
    )
    assert got == ["/api/v1/projects/a%20b/queue?n=3", {"x": 1}, [404, "there is no such item", "there is no such item"]]
