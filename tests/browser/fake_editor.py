"""A stand-in for the app around the mask editor: Streamlit with the HTTP routes of a segmentation project made up from its own name.

`c4-n6-w64-h48` is a project of 4 classes, 6 items, pictures of 64x48. More words in the name: `current` (items have a mask with holes),
`cold` (no model: no draft, no layers), `tiles` (two tiles an item are asked for), `long` and `hostile` (class names). Answers are kept in
SQLite, so that a killed server finds them again. POST /control changes how the routes behave: {"down": 503 or 401 or null, "delay":
seconds, "reject": [ids], "lose_answer": bool, "too_large": bool, "clicks": "ready", "waiting", "lost" (of which a browser hears as it
clicks) or a reason why there are none}. FAKE_PICTURES may name a folder with images/ and masks/ to show instead.
"""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import sqlite3
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.browser.fake_editor_rules import clicked

WELL: dict[str, Any] = {"down": None, "delay": 0, "reject": [], "lose_answer": False, "too_large": False, "clicks": "ready"}
CONTROL: dict[str, Any] = dict(WELL)
DATABASE = sqlite3.connect(os.environ["FAKE_DATABASE"], check_same_thread=False, isolation_level=None)
DATABASE.execute("pragma journal_mode=wal")
DATABASE.execute("pragma synchronous=off")  # a killed process keeps what it wrote; only a power loss would not
DATABASE.execute(
    """create table if not exists events (
        id integer primary key, project, client, seq integer, item integer, kind, mask blob, ms, round, clicks, unique(client, seq))"""
)
PICTURES = Path(os.environ["FAKE_PICTURES"]) if os.environ.get("FAKE_PICTURES") else None
VOID = 255
NAMES = ("sky", "road", "tree", "car", "person", "sign", "building", "sidewalk", "fence", "pole", "cyclist", "water")
HOSTILE = ("<img src=x onerror=alert(1)>", "a\"b'c&amp;", "‮desrever", "⚑ " + "very " * 30 + "long", "../../etc", "${1+1}")
COLORS = ((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0), (192, 128, 128), (64, 64, 128))
COLORS += ((64, 0, 128), (64, 64, 0), (0, 128, 192), (0, 175, 145))


def shape(project: str) -> dict[str, int]:
    found = {name: int(value) for name, value in re.findall(r"(?:^|-)([a-z])(\d+)(?=-|$)", project)}
    return {"c": 4, "n": 6, "w": 64, "h": 48, "r": 2, "i": 0} | found


def class_names(project: str) -> list[str]:
    n = shape(project)["c"]
    if "hostile" in project:
        return [HOSTILE[i % len(HOSTILE)] + (f" {i}" if i >= len(HOSTILE) else "") for i in range(n)]
    if "long" in project:
        return [f"{NAMES[i % 12]} with a name of many words that goes on and on {i}" for i in range(n)]
    return [NAMES[i] if i < 12 else f"{NAMES[i % 12]} {i}" for i in range(n)]


def class_colors(project: str) -> list[tuple[int, int, int]]:
    return [COLORS[i % len(COLORS)] for i in range(shape(project)["c"])]


@cache
def picture(project: str, item: int) -> Image.Image:
    """Rings in the item's own colors, or a picture of FAKE_PICTURES."""
    kind = shape(project)
    if PICTURES and "photo" in project:
        with Image.open(sorted((PICTURES / "images").iterdir())[kind["i"] + item - 1]) as opened:
            return opened.convert("RGB")
    rng = np.random.default_rng(item)
    y, x = np.mgrid[0 : kind["h"], 0 : kind["w"]] / max(kind["w"], kind["h"])
    wave = 0.5 + 0.5 * np.sin(np.hypot(x - rng.uniform(0.3, 0.7), y - rng.uniform(0.3, 0.7)) * rng.uniform(14, 40))
    pixels = wave[..., None] * rng.integers(60, 255, 3) + (1 - wave[..., None]) * rng.integers(0, 120, 3)
    return Image.fromarray(pixels.astype(np.uint8))


@cache
def encoded(project: str, item: int, longest: int) -> bytes:
    image, out = picture(project, item), io.BytesIO()
    if max(image.size) > longest:
        image = image.resize([max(1, side * longest // max(image.size)) for side in image.size])
    image.save(out, "JPEG", quality=92)
    return out.getvalue()


def size(project: str, item: int) -> tuple[int, int]:
    """(height, width) of an item."""
    if "photo" in project:
        width, height = picture(project, item).size
        return height, width
    if "huge" in project and item == 1:
        return 9_000, 12_000
    return shape(project)["h"], shape(project)["w"]


def superpixel_map(height: int, width: int, n: int) -> np.ndarray:
    """Labels of slanted blocks, about n of them: (H, W), every label one area, 0 ... m - 1."""
    side = max(2, int(np.sqrt(height * width / n)))
    y, x = np.mgrid[0:height, 0:width]
    across = -(-(width + side) // side)
    label = y // side * across + (x + y % side // 2) // side
    return np.unique(label, return_inverse=True)[1].reshape(height, width).astype(np.uint16)


def draft(project: str, item: int) -> np.ndarray:
    """What the model would say: wide bands with a disc, classes by index."""
    if PICTURES and "photo" in project:
        with Image.open(sorted((PICTURES / "masks").iterdir())[shape(project)["i"] + item - 1]) as opened:
            mask = np.array(opened)
        return np.where(mask < shape(project)["c"], mask, 0).astype(np.uint8)
    height, width = size(project, item)
    y, x = np.mgrid[0:height, 0:width]
    bands = (x * 3 // width + item) % shape(project)["c"]
    bands[np.hypot(x - width / 2, y - height / 2) < height / 5] = (item + 3) % shape(project)["c"]
    return bands.astype(np.uint8)


def current(project: str, item: int) -> np.ndarray | None:
    """The mask an item has: a frame with a hole, a line of one pixel, the rest void."""
    if "current" not in project:
        return None
    height, width = size(project, item)
    mask = np.full((height, width), VOID, np.uint8)
    mask[4 : height - 8, 6 : width // 2] = 1
    mask[10 : height - 20, 12 : width // 2 - 8] = VOID
    mask[2, :] = 2
    mask[:, width - 3] = 0
    return mask


def regions(project: str, item: int) -> list[np.ndarray] | None:
    if "tiles" not in project:
        return None
    height, width = size(project, item)
    first, second = np.zeros((height, width), bool), np.zeros((height, width), bool)
    first[height // 4 : height // 2, width // 4 : width // 2] = True
    second[height // 2 : height - 4, width // 2 : width // 2 + width // 5] = True
    return [first, second]


def runs(region: np.ndarray) -> list[int]:
    """Row-major run lengths, the first one of pixels outside."""
    flat = region.ravel()
    ends = [*np.flatnonzero(np.diff(flat)) + 1, flat.size]
    lengths = np.diff([0, *ends]).tolist()
    return [0, *lengths] if flat[0] else lengths


def heat(project: str, item: int) -> np.ndarray:
    height, width = (max(1, side // 3) for side in size(project, item))
    y, x = np.mgrid[0:height, 0:width]
    return (127 + 127 * np.sin(x / width * 7 + item) * np.cos(y / height * 5)).astype(np.uint8)


def head(project: str, item: int, number: int) -> np.ndarray:
    small = draft(project, item)[1::3, 1::3]
    return np.roll(small, number * small.shape[1] // 12, axis=1)


def describe(project: str, item: int, rank: int) -> dict[str, Any]:
    height, width = size(project, item)
    at = f"/api/v1/projects/{project}/items/{item}"
    cold = "cold" in project
    entropy = float(np.random.default_rng(item).uniform(0.3, 1.2))
    detail = {"rank": rank, "of": 367, "percentile": 100 - rank / 4}
    asked = regions(project, item)
    return {
        "id": item,
        "path": f"train/{item:04d}{'-of-a-camera-with-a-name-that-is-much-too-long-for-any-caption' if 'long' in project else ''}.png",
        "image": f"{at}/image?v=ab{item}",
        "width": width,
        "height": height,
        "rank": rank,
        "of": 367,
        "reason": "no model yet: picked at random" if cold else f"mean entropy {entropy:.2f} of 1.4 nats, rank {rank} of 367; the discriminator gives it 4 % to be labeled",
        "scores": {} if cold else {"entropy": entropy},
        "details": []
        if cold
        else [
            {"name": "entropy", "value": entropy, "unit": "nats", "low": 0, "high": 1.386, **detail},
            {"name": "total", "value": 0.98, "unit": "", "low": 0, "high": 1, **detail},
        ],
        "state": {"label": None, "skipped": False, "flagged": False},
        "mask": f"{at}/mask?v=1" if current(project, item) is not None else None,
        "draft_mask": None if cold else f"{at}/draft?round=2",
        "layers": []
        if cold
        else [
            {"name": "entropy", "title": "entropy", "address": f"{at}/layers/entropy?round=2", "low": 0, "high": 1.386, "unit": "nats"},
            {"name": "discrepancy", "title": "disagreement of the heads", "address": f"{at}/layers/other", "low": 0, "high": 0.5, "unit": ""},
        ],
        "heads": [] if cold else [{"name": f"head_{k}", "title": f"head {k}", "address": f"{at}/heads/{k}"} for k in (1, 2)],
        "frame": []
        if cold
        else [{"name": "entropy", "title": "entropy", "value": entropy, "low": 0, "high": 1.386}, {"name": "labeledness", "title": "labeledness", "value": 0.04, "low": 0, "high": 1}],
        "regions": None if asked is None else [runs(region) for region in asked],
    }  # fmt: skip


async def gate(request: Request) -> Response | None:
    if CONTROL["delay"]:
        await asyncio.sleep(CONTROL["delay"])
    if CONTROL["down"]:
        return JSONResponse({"error": "switched off"}, CONTROL["down"])
    if request.headers.get("authorization") != "Bearer good":
        return JSONResponse({"error": "the token is not valid"}, 401)
    return None


def states(project: str) -> dict[int, list[str]]:
    stacks: dict[int, list[str]] = {}
    for item, kind in DATABASE.execute("select item, kind from events where project = ? order by id", (project,)):
        stack = stacks.setdefault(item, [])
        if kind != "undo":
            stack.append(kind)
        elif stack:
            stack.pop()
    return stacks


async def queue(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    project = request.path_params["project"]
    stacks, total = states(project), shape(project)["n"]
    still = [i for i in range(1, total + 1) if not stacks.get(i)]
    kinds = [stack[-1] for stack in stacks.values() if stack]
    answer = {
        "project": project,
        "round": shape(project)["r"],
        "remaining": len(still),
        "total": total,
        "labeled": kinds.count("mask") + kinds.count("region"),
        "skipped": kinds.count("skip"),
        "flagged": kinds.count("flag"),
        "classes": class_names(project),
        "colors": class_colors(project),
        "unit": "tiles" if "tiles" in project else "frames",
        "items": [describe(project, item, item) for item in still[: int(request.query_params.get("n", 48))]],
    }
    return JSONResponse(answer)


def store(project: str, client: str, seq: int, item: int, kind: str, mask: bytes | None, *about: Any) -> None:
    DATABASE.execute(
        "insert or ignore into events (project, client, seq, item, kind, mask, ms, round, clicks) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (project, client, seq, item, kind, mask, *about),
    )


async def record(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    body = await request.json()
    for event in body["events"]:
        store(request.path_params["project"], body["client"], event["seq"], event["item"], event["kind"], None, event["ms"], None, None)
    return JSONResponse({"acked": [event["seq"] for event in body["events"]], "rejected": []})


async def take_mask(request: Request) -> Response:
    if refused := await gate(request):
        return refused
    project, item, asked = request.path_params["project"], request.path_params["item"], request.query_params
    seq = int(asked["seq"])
    if CONTROL["too_large"]:
        return JSONResponse({"error": "a mask may have 20 MB"}, 413)
    if item in CONTROL["reject"]:
        return JSONResponse({"acked": [], "rejected": [{"seq": seq, "reason": f"item {item} is locked"}]})
    if request.headers.get("content-type") != "application/octet-stream":
        return JSONResponse({"error": "masks come as application/octet-stream"}, 415)
    pixels = zlib.decompress(await request.body())
    height, width = size(project, item)
    if len(pixels) != height * width:
        return JSONResponse({"error": f"{len(pixels)} bytes are no mask of {width} x {height}"}, 400)
    store(
        project,
        asked["client"],
        seq,
        item,
        asked["kind"],
        zlib.compress(pixels),
        int(asked["ms"]),
        int(asked["round"]),
        int(asked["clicks"]),
    )
    if CONTROL["lose_answer"]:
        return JSONResponse({"error": "stored, and the answer is lost"}, 503)
    return JSONResponse({"acked": [seq], "digest": "0" * 32})


async def answer_clicks(request: Request) -> Response:
    """What clicks mean, by the rule of fake_editor_rules.clicked, as the runs that the editor keeps masks in."""
    if refused := await gate(request):
        return refused
    project, item, asked = request.path_params["project"], request.path_params["item"], await request.json()
    if CONTROL["clicks"] in ("waiting", "lost"):
        return JSONResponse({"error": "the picture is being made ready"}, 503, headers={"Retry-After": "5"})
    if CONTROL["clicks"] != "ready":
        return JSONResponse({"error": CONTROL["clicks"]}, 400)
    mask = clicked(size(project, item), [tuple(point) for point in asked["points"]], asked["box"])
    lengths, words, meant = runs(mask), [], 0
    for length in lengths:
        words += [length << 8 | meant] if length else []
        meant = 1 - meant
    about = {"X-Width": str(mask.shape[1]), "X-Height": str(mask.shape[0])}
    return Response(np.array(words, "<u4").tobytes(), media_type="application/octet-stream", headers=about)


def png(pixels: np.ndarray) -> Response:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return Response(out.getvalue(), media_type="image/png")


def raw(pixels: np.ndarray, **headers: str) -> Response:
    about = {"X-Width": str(pixels.shape[1]), "X-Height": str(pixels.shape[0])} | headers
    return Response(zlib.compress(pixels.tobytes()), media_type="application/octet-stream", headers=about)


async def part(request: Request) -> Response:
    """Everything a GET below an item gives."""
    if refused := await gate(request):
        return refused
    project, item = request.path_params["project"], request.path_params["item"]
    what, *rest = request.path_params["what"].split("/")
    if what == "image":
        return Response(encoded(project, item, int(request.query_params.get("size", 96))), media_type="image/jpeg")
    if what == "mask":
        mask = current(project, item)
        return JSONResponse({"error": "no mask"}, 404) if mask is None else raw(mask)
    if what == "draft":
        return raw(draft(project, item))
    if what == "superpixels":
        labels = superpixel_map(*size(project, item), int(request.query_params["n"]))
        return raw(labels.astype("<u2"), **{"X-Count": str(labels.max() + 1)})
    if what == "clicks":
        return JSONResponse(
            {
                "ready": CONTROL["clicks"] in ("ready", "lost"),
                "reason": "" if CONTROL["clicks"] in ("ready", "waiting", "lost") else CONTROL["clicks"],
            }
        )
    if what == "layers":
        return png(heat(project, item + len(rest[0])))
    return png(head(project, item, int(rest[0])))


async def control(request: Request) -> Response:
    CONTROL.update(await request.json())
    return JSONResponse(CONTROL)


async def rows(request: Request) -> Response:
    found = DATABASE.execute(
        "select item, kind, mask, client, seq, ms, round, clicks from events where project = ? order by id",
        (request.path_params["project"],),
    )
    return JSONResponse([[item, kind, mask and base64.b64encode(mask).decode(), *rest] for item, kind, mask, *rest in found])


P = "/api/v1/projects/{project}"
app = st.App(
    Path(__file__).with_name("fake_editor_page.py"),
    routes=[
        Route(f"{P}/queue", queue),
        Route(f"{P}/annotations", record, methods=["POST"]),
        Route(P + "/items/{item:int}/mask", take_mask, methods=["POST"]),
        Route(P + "/items/{item:int}/clicks", answer_clicks, methods=["POST"]),
        Route(P + "/items/{item:int}/{what:path}", part),
        Route("/control", control, methods=["POST"]),
        Route("/rows/{project}", rows),
    ],
)
