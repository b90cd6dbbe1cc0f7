"""The HTTP routes of clicks in a picture: whether it is ready for them, and what they mean. Knows Starlette and projects, no Streamlit.

A mask of clicks travels as the runs that the mask editor keeps masks in: little-endian words of length << 8 | value, row by row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from alcore.door.requests import Answer, Refused, json_answer, json_object, path_number, project_of
from alcore.pixels import masks

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

MOST_AHEAD = 16  # items named as next


def _state(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """Whether an item can be clicked; those of `next` are made ready after it."""
    asked = request.query_params.get("next", "")
    ahead = asked.split(",") if asked else []
    if len(ahead) > MOST_AHEAD or not all(i.isascii() and i.isdigit() and len(i) < 16 for i in ahead):
        raise Refused(400, f"next must be at most {MOST_AHEAD} numbers with commas between them")
    state = place.clicks.state(project_of(place, request), path_number(request, "item"), [int(i) for i in ahead])
    return json_answer({"ready": state.ready, "reason": state.reason})


def _find(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    """The mask that clicks and a box mean: 1 where it is meant."""
    content = json_object(body)
    points, box = content.get("points", []), content.get("box")
    if not isinstance(points, list) or not all(
        isinstance(p, list) and len(p) == 3 and _are_numbers(p[:2]) and p[2] in (0, 1) for p in points
    ):
        raise Refused(400, "points must be a list of [x, y, 1], or 0 for what is not meant")
    if box is not None and not (isinstance(box, list) and len(box) == 4 and _are_numbers(box)):
        raise Refused(400, "box must be [left, top, right, bottom], or null")
    project, item = project_of(place, request), path_number(request, "item")
    clicked = [(float(x), float(y), bool(meant)) for x, y, meant in points]
    left, top, right, bottom = map(float, box or (0, 0, 0, 0))
    mask = place.clicks.find(project, item, clicked, (left, top, right, bottom) if box else None)
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store", "Content-Encoding": "identity"}
    headers |= {"X-Width": str(mask.shape[1]), "X-Height": str(mask.shape[0])}
    return Response(masks.words(mask.astype(np.uint8)), headers=headers)


def _are_numbers(values: list[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)


PATH = "/projects/{project}/items/{item}/clicks"
READS: Mapping[str, Answer] = {PATH: _state}
POSTS: Mapping[str, Answer] = {PATH: _find}
