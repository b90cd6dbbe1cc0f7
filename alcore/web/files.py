"""The HTTP route of files that are made when they are asked for: labels, images with masks, a label for every image. Knows Starlette and
projects, no Streamlit.

A page of Streamlit keeps such a file only as long as it is not drawn anew, and forgets a click that comes meanwhile; an address does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from alcore.door.requests import Answer, Refused, project_of, segment
from alcore.errors import NotFound
from alcore.project import delivery, exporting, listing, views

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Project
    from alcore.project.place import Grant
from alcore.project.facade import Workspace

CSV, PARQUET, ZIP = "text/csv; charset=utf-8", "application/vnd.apache.parquet", "application/zip"
PIECE = 1 << 18  # bytes of a file on its way
_SHARE = re.compile(r"[01](\.[0-9]{1,17})?|[0-9](\.[0-9]{1,17})?e-[0-9]{1,2}")


def _packed(project: Project, request: Request) -> tuple[BinaryIO, str]:
    return exporting.archive(project, request.query_params.get("format", exporting.export_formats(project)[0])), ZIP


def _labels(project: Project, request: Request, viewer: str) -> tuple[bytes, str]:
    if project.dense:
        raise NotFound(f"{project.name!r} has masks: ask for masks.zip")
    return project.labels_csv().encode(), CSV


def _masks(project: Project, request: Request, viewer: str) -> tuple[BinaryIO, str]:
    if not project.dense:
        raise NotFound(f"{project.name!r} has no masks: ask for labels.csv or labels.zip")
    return _packed(project, request)


def _copies(project: Project, request: Request, viewer: str) -> tuple[BinaryIO, str]:
    if project.dense:
        raise NotFound(f"{project.name!r} has masks: ask for masks.zip")
    return _packed(project, request)


def _every_label(kind: str) -> Callable[[Project, Request, str], tuple[bytes, str]]:
    def made(project: Project, request: Request, viewer: str) -> tuple[bytes, str]:
        given = request.query_params.get("above", "0")
        if not _SHARE.fullmatch(given) or not 0 <= float(given) <= 1:
            raise Refused(400, "above must be a confidence from 0 to 1")
        return delivery.content(project, kind, float(given)), CSV if kind == "csv" else PARQUET

    return made


def _images(project: Project, request: Request, viewer: str) -> tuple[bytes, str]:
    """A view as whoever asks sees it on the Images page; the other files are the project's labels, and hold everybody's."""
    view = views.View.of(request.query_params.multi_items())
    return listing.table(project, view, viewer).to_csv(index=False).encode("utf-8", "surrogateescape"), CSV


FILES: dict[str, Callable[[Project, Request, str], tuple[bytes | BinaryIO, str]]] = {
    "labels.csv": _labels,
    "images.csv": _images,
    "labels.zip": _copies,
    "masks.zip": _masks,
    "every-label.csv": _every_label("csv"),
    "every-label.parquet": _every_label("parquet"),
}


def _file(place: Workspace, grant: Grant, request: Request, body: bytes) -> Response:
    project, name = project_of(place, request), segment(request, "file")
    if name not in FILES:
        raise NotFound(f"there is no file {name!r}: ask for one of {', '.join(FILES)}")
    content, kind = FILES[name](project, request, grant.annotator)
    saved = quote(f"{project.name}-{name}", safe="")
    headers = {
        "Content-Type": kind,
        "Content-Disposition": f"attachment; filename*=UTF-8''{saved}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if isinstance(content, bytes):
        return Response(content, headers=headers)
    return StreamingResponse(_pieces(content), headers=headers)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


READS: dict[str, Answer] = {"/projects/{project}/files/{file}": _file}
