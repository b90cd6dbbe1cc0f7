"""The HTTP routes of masks: current mask, draft, heat layers, heads, superpixels, and saving. Knows Starlette and projects, no Streamlit.

Masks travel as zlib streams of one byte a pixel, which a browser unpacks without touching a value; pictures of them are PNG.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from alcore.door.requests import (
    CLIENT,
    DAY,
    FOREVER,
    Answer,
    Refused,
    Takes,
    cacheable,
    json_answer,
    path_number,
    project_of,
    query_number,
    segment,
)
from alcore.errors import BadInput, NotFound
from alcore.pixels import masks
from alcore.project import answers, drafts
from alcore.types import Annotation

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

TAKES = Takes("application/octet-stream", 64_000_000)
MOST_CLICKS = 1_000_000
KINDS = ("mask", "region")


def _mask(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, item = project_of(place, request), path_number(request, "item")
    mask = project.mask(item)
    if mask is None:
        raise NotFound(f"item {item} of {project.name!r} has no mask yet")
    # the address carries the digest, but a browser that asks without it must see the newest
    return _sent(request, mask, masks.digest(mask), "private, no-cache")


def _draft(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, number, item = project_of(place, request), path_number(request, "round"), path_number(request, "item")
    mask = drafts.draft(project, number, item)
    return _sent(request, mask, masks.digest(mask), FOREVER)


def _sent(request: Request, mask: np.ndarray, etag: str, keep: str) -> Response:
    if query_number(request, "raw", 0, 0, 1):
        headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "identity", "Cache-Control": keep}
        headers |= {"X-Width": str(mask.shape[1]), "X-Height": str(mask.shape[0])}
        return cacheable(request, masks.deflated(mask), f"{etag}-raw", headers)
    return cacheable(request, masks.encode(mask), etag, {"Content-Type": "image/png", "Cache-Control": keep})


def _layer(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, number, item = project_of(place, request), path_number(request, "round"), path_number(request, "item")
    name = segment(request, "layer")
    return _png(request, drafts.layer(project, number, item, name), f"{number}-{item}-{name}")


def _head(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, number, item = project_of(place, request), path_number(request, "round"), path_number(request, "item")
    name = segment(request, "head")
    return _png(request, drafts.head(project, number, item, name), f"{number}-{item}-{name}")


def _png(request: Request, content: bytes, etag: str) -> Response:
    return cacheable(request, content, etag, {"Content-Type": "image/png", "Cache-Control": FOREVER})


def _superpixels(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, item = project_of(place, request), path_number(request, "item")
    n = query_number(request, "n", 150, 2, drafts.MOST_SUPERPIXELS)
    stream, width, height, count = drafts.superpixels(project, item, n)
    # the address does not change with the picture, so a browser asks each time
    headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "identity", "Cache-Control": "private, no-cache"}
    headers |= {"X-Width": str(width), "X-Height": str(height), "X-Count": str(count)}
    return cacheable(request, stream, hashlib.blake2b(stream, digest_size=12).hexdigest(), headers)


READS: Mapping[str, Answer] = {
    "/projects/{project}/items/{item}/mask": _mask,
    "/projects/{project}/items/{item}/superpixels": _superpixels,
    "/projects/{project}/rounds/{round}/items/{item}/draft": _draft,
    "/projects/{project}/rounds/{round}/items/{item}/layers/{layer}": _layer,
    "/projects/{project}/rounds/{round}/items/{item}/heads/{head}": _head,
}


def save(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """Stores a mask and the event that names it; the answer comes after the commit. Sent twice, it is stored once."""
    project, item = project_of(place, request), path_number(request, "item")
    asked = request.query_params
    client, kind = asked.get("client", ""), asked.get("kind", "mask")
    if not CLIENT.fullmatch(client):
        raise Refused(400, "client must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    if kind not in KINDS:
        raise Refused(400, f"kind must be one of {', '.join(KINDS)}")
    seq = query_number(request, "seq", 0, 1, 2**53)
    if not seq:
        raise Refused(400, "seq must be a whole number from 1")
    numbers = {name: query_number(request, name, -1, 0, most) for name, most in (("ms", DAY), ("round", 2**53), ("clicks", MOST_CLICKS))}
    ms, round_, clicks = (None if value < 0 else value for value in numbers.values())
    replaces = asked.get("replaces")
    if replaces is not None and len(replaces) > 200:
        raise Refused(400, "replaces must name the mask that was there, or be empty")
    event = Annotation(client, seq, item, kind, ms=ms, annotator=grant.annotator, round=round_, clicks=clicks, replaces=replaces)
    try:
        digest, taken = answers.answer(project, event, body)
    except BadInput as wrong:
        return json_answer({"acked": [], "rejected": [{"seq": seq, "reason": str(wrong)}]})
    answer = {"acked": taken.acked, "rejected": taken.rejected, "digest": digest}
    return json_answer(answer | ({"conflicts": taken.conflicts} if taken.conflicts else {}))
