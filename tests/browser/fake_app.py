"""A stand-in for the app: Streamlit with the HTTP routes of a project that is made up from its own name.

`c10-n60-s32` is a project of 10 classes, 60 items, images of 32x32. Events are kept in SQLite, so that a killed server
finds them again. POST /control changes how the routes behave: {"down": 503 or 401 or null, "delay": seconds, "reject": [ids]}.
Rounds that come while one labels are those of fake_rounds.py. /bare shows the labeler without Streamlit, as the page's address says.
"""

from __future__ import annotations

import asyncio
import io
import os
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from alcore.browser import script, style
from tests.browser import fake_rounds
from tests.browser.fake_map import ANNOTATORS, ROUNDS, class_names, column, shape
from tests.house import ROOT

CONTROL: dict[str, Any] = {"down": None, "delay": 0, "reject": []}
DATABASE = sqlite3.connect(os.environ["FAKE_DATABASE"], check_same_thread=False, isolation_level=None)
DATABASE.execute("pragma journal_mode=wal")
DATABASE.execute("pragma synchronous=off")  # a killed process keeps what it wrote; only a power loss would not
DATABASE.execute(
    """create table if not exists events (
        id integer primary key, project, client, seq integer, item integer, kind, value, ms integer, round integer,
        annotator default 'anna', unique(client, seq))"""
)
COLUMNS = ("seq", "item", "kind", "value", "ms", "round")  # of an event as it is sent


def states(project: str) -> dict[int, list[tuple[str, str | None]]]:
    stacks: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
    for item, kind, value in DATABASE.execute("select item, kind, value from events where project = ? order by id", (project,)):
        if kind != "undo":
            stacks[item].append((kind, value))
        elif stacks[item]:
            stacks[item].pop()
    return stacks


def describe(project: str, item: int, rank: int = 1) -> dict[str, Any]:
    kind, names = shape(project), class_names(project)
    rng = np.random.default_rng(item)
    probabilities = np.sort(rng.dirichlet(np.full(min(5, len(names)), 0.8)))[::-1]
    chosen = rng.permutation(len(names))[: len(probabilities)]
    entropy = float(rng.uniform(0.5, 2.2))
    cold = "cold" in project
    details = [
        {
            "name": "entropy",
            "value": entropy,
            "rank": rank,
            "of": 1387,
            "percentile": 100 - rank / 14,
            "unit": "nats",
            "low": 0,
            "high": 2.302,
        },
        {"name": "labeledness", "value": 0.04, "rank": 12, "of": 1387, "percentile": 2.2, "unit": "", "low": 0, "high": 1},
        {"name": "total", "value": 0.98, "rank": rank, "of": 1387, "percentile": 99.8, "unit": "", "low": 0, "high": 1},
    ]
    return {
        "id": item,
        "path": f"train/{names[item % len(names)]}/{item:04d}.png",
        "name": f"train/{item:04d}.png",
        "image": f"/api/v1/projects/{project}/items/{item}/image?v=ab{item}",
        "width": kind["size"],
        "height": kind["size"] * 3 // 4 if "wide" in project else kind["size"],
        "rank": rank,
        "of": 1387,
        "draft": None if cold else names[chosen[0]],
        "top": [] if cold else [[names[c], float(p)] for c, p in zip(chosen, probabilities, strict=True)],
        "reason": "no model yet: picked at random"
        if cold
        else f"entropy {entropy:.1f} of 2.3 nats, rank {rank} of 1,387; the discriminator gives it 4 % to be labeled",
        "scores": {} if cold else {"entropy": entropy, "labeledness": 0.04, "total": 0.98},
        "details": [] if cold else details,
        "state": {"label": None, "skipped": False, "flagged": False},
    }


async def gate(request: Request) -> Response | None:
    if CONTROL["delay"]:
        await asyncio.sleep(CONTROL["delay"])
    if CONTROL["down"]:
        return JSONResponse({"error": "switched off"}, CONTROL["down"])
    if request.headers.get("authorization") != "Bearer good":
        return JSONResponse({"error": "the token is not valid"}, 401)
    return None


async def queue(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    project = request.path_params["project"]
    if project in fake_rounds.ROUNDS:
        return await with_rounds(
            project, "queue", lambda: fake_rounds.queue(project, stored(project), describe, dict(request.query_params))
        )
    stacks, total = states(project), shape(project)["items"]
    still = [i for i in range(1, total + 1) if not stacks.get(i)]
    n = int(request.query_params.get("n", 48))
    kinds = [stack[-1][0] for stack in stacks.values() if stack]
    items = [describe(project, item, item) for item in still[:n]]
    labeled = kinds.count("label")
    round_number = shape(project)["round"]
    names = class_names(project)
    answer = {
        "project": project,
        "round": round_number,
        "remaining": len(still),
        "total": total,
        "labeled": labeled,
        "classes": names,
        "items": items,
    }
    return JSONResponse(answer | {"skipped": kinds.count("skip"), "flagged": kinds.count("flag")})


def stored(project: str) -> list[fake_rounds.Row]:
    query = "select id, item, kind, value, annotator, round from events where project = ? order by id"
    return DATABASE.execute(query, (project,)).fetchall()


async def with_rounds(project: str, route: str, make: Callable[[], dict[str, Any]]) -> Response:
    if fake_rounds.fails(project, route):
        return JSONResponse({"error": "switched off"}, 503)
    answer = make()
    await fake_rounds.held_back(project, route)
    return JSONResponse(answer | {"project": project, "labeled": 0, "classes": class_names(project)} if route == "queue" else answer)


async def changes(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    project = request.path_params["project"]
    if project not in fake_rounds.ROUNDS:
        return JSONResponse({"error": "this project has no rounds"}, 404)
    after = int(request.query_params["after"])
    return await with_rounds(project, "changes", lambda: fake_rounds.changes(project, stored(project), after))


async def record(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    if fake_rounds.fails(request.path_params["project"], "annotations"):
        return JSONResponse({"error": "switched off"}, 503)
    body = await request.json()
    acked, rejected = [], []
    for event in body["events"]:
        if event["item"] in CONTROL["reject"]:
            rejected.append({"seq": event["seq"], "reason": f"item {event['item']} is locked"})
            continue
        row = (request.path_params["project"], body["client"], *(event[name] for name in COLUMNS))
        DATABASE.execute(f"insert or ignore into events (project, client, {', '.join(COLUMNS)}) values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        acked.append(event["seq"])
    await fake_rounds.held_back(request.path_params["project"], "annotations")
    if CONTROL.get("lose_answer"):
        return JSONResponse({"error": "stored, and the answer is lost"}, 503)
    return JSONResponse({"acked": acked, "rejected": rejected})


def draw(item: int, width: int, height: int) -> bytes:
    """A picture that a person can tell from its neighbours: rings in the item's own colours."""
    rng = np.random.default_rng(item)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    far = np.hypot(x - rng.uniform(0.3, 0.7), y - rng.uniform(0.3, 0.7))
    wave = 0.5 + 0.5 * np.sin(far * rng.uniform(14, 40))
    pixels = wave[..., None] * rng.integers(60, 255, 3) + (1 - wave[..., None]) * rng.integers(0, 120, 3)
    out = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


async def image(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    item = describe(request.path_params["project"], request.path_params["item"])
    if item["id"] == 13 and "broken" in item["image"]:
        return JSONResponse({"error": "the file is gone"}, 404)
    shrink = min(1.0, int(request.query_params.get("size", 96)) / max(item["width"], item["height"]))
    png = draw(item["id"], max(1, round(item["width"] * shrink)), max(1, round(item["height"] * shrink)))
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=31536000, immutable"})


async def one_item(request: Request) -> Response:
    return await gate(request) or JSONResponse(describe(request.path_params["project"], request.path_params["item"]))


async def columns(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    project = request.path_params["project"]
    listed = []
    kinds = {"entropy": "number", "total": "number", "selected": "flag", "asked": "order"}
    kinds |= dict.fromkeys(("label", "prediction", "truth", "correct", "annotator"), "class")
    names = {"asked": [f"Round {r}" for r in ROUNDS], "annotator": list(ANNOTATORS), "correct": ["wrong", "right"]}
    for name, kind in kinds.items():
        values = column(project, name)
        told = {"name": name, "kind": kind, "low": float(np.nanmin(values)), "high": float(np.nanmax(values))}
        listed.append(told | ({"names": names[name]} if name in names else {}))
    answer = {"round": request.path_params["round"], "count": shape(project)["items"], "columns": listed, "classes": class_names(project)}
    return JSONResponse(answer)


async def one_column(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    values = column(request.path_params["project"], request.path_params["name"], request.path_params["round"])
    return Response(values.tobytes(), media_type="application/octet-stream", headers={"X-Dtype": str(values.dtype)})


async def thumbnails(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    pictures = [draw(int(i), 32, 32) for i in request.query_params["ids"].split(",")]
    body = b"".join(len(png).to_bytes(4, "little") + png for png in pictures)
    return Response(body, media_type="application/octet-stream")


async def trails(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    at = [int(i) - 1 for i in request.query_params["ids"].split(",")]
    places = {axis: [column(request.path_params["project"], axis, r)[at].tolist() for r in ROUNDS] for axis in "xy"}
    return JSONResponse({"rounds": ROUNDS, **places})


async def control(request: Request) -> Response:
    CONTROL.update(await request.json())
    return JSONResponse(CONTROL)


async def rows(request: Request) -> Response:
    found = DATABASE.execute(
        "select item, kind, value, client, seq, ms from events where project = ? order by id", (request.path_params["project"],)
    )
    return JSONResponse([list(row) for row in found])


async def rounds(request: Request) -> Response:
    made = fake_rounds.change(request.path_params["project"], await request.json())
    return JSONResponse(made.held)


async def said(request: Request) -> Response:
    """What was said; by POST, an answer of somebody else."""
    project = request.path_params["project"]
    if request.method == "GET":
        names = ("id", "item", "kind", "value", "annotator", "round")
        return JSONResponse([dict(zip(names, row, strict=True)) for row in stored(project)])
    body = await request.json()
    DATABASE.execute(
        "insert into events (project, client, seq, item, kind, value, annotator) values (?, ?, ?, ?, ?, ?, ?)",
        (project, f"{body['annotator']}-{project}", len(stored(project)), body["item"], body["kind"], body.get("value"), body["annotator"]),
    )
    return JSONResponse({})


async def bare(request: Request) -> Response:
    return HTMLResponse(BARE.read_text(encoding="utf-8").replace("/* style */", style("shared/look.css", "label/labeler.css")))


async def bare_script(request: Request) -> Response:
    return Response(script("label/labeler.js"), media_type="text/javascript")


async def rules_script(request: Request) -> Response:
    return Response(BARE.with_suffix(".js").read_text(encoding="utf-8"), media_type="text/javascript")


BARE = ROOT / "tests" / "browser" / "fake_rounds.html"
P = "/api/v1/projects/{project}"
app = st.App(
    Path(__file__).with_name("fake_page.py"),
    routes=[
        Route(f"{P}/queue", queue),
        Route(f"{P}/changes", changes),
        Route(f"{P}/annotations", record, methods=["POST"]),
        Route(P + "/items/{item:int}/image", image),
        Route(P + "/items/{item:int}", one_item),
        Route(P + "/rounds/{round:int}/columns", columns),
        Route(P + "/rounds/{round:int}/columns/{name}", one_column),
        Route(P + "/thumbnails", thumbnails),
        Route(P + "/trails", trails),
        Route("/control", control, methods=["POST"]),
        Route("/rows/{project}", rows),
        Route("/rounds/{project}", rounds, methods=["POST"]),
        Route("/said/{project}", said, methods=["GET", "POST"]),
        Route("/bare", bare),
        Route("/bare.js", bare_script),
        Route("/rules.js", rules_script),
    ],
)
