"""How students come into a class: the link, its QR code, and what keeps them from reaching it. Knows no class and no HTTP library."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

import segno

from alcore.errors import BadInput

# where a browser stands: the address up to the path that the app is mounted at
_PLACE = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?((?:/[A-Za-z0-9._~%-]{1,100}){0,8})/?")
ALONE = (
    "This app answers this computer alone, so nobody else can open the link. Stop it, and start it with "
    "`python -m alcore serve --host 0.0.0.0`: then everybody in the same network can, at this computer's number there. Where it is to be "
    "called by a name, that goes before it: `ALCORE_HOSTS=the.name python -m alcore serve --host 0.0.0.0`."
)


@dataclass(frozen=True)
class Invitation:
    """What stands on the wall.

    Attributes:
        link: what students open.
        qr: the same as an SVG drawing, black on white.
        warning: why others cannot open it, and what to do; "" where nothing keeps them.
    """

    link: str
    qr: str
    warning: str


def invitation(place: str, path: str, *, alone: bool, own: str | None) -> Invitation:
    """The invitation to a path of the app.

    Args:
        place: where the teacher's browser found the app, such as http://localhost:8501 or https://lab.example/alcore.
        path: of the class, from / on.
        alone: whether the app is bound to this computer alone.
        own: the address that other machines know this one by; None where it has none.

    Raises:
        BadInput: `place` is no address of a page.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise BadInput(f"{place[:80]!r} is not the address of this app: open its own page and try again")
    scheme, host, port, base = found[1], found[2], found[3] or "", found[4]
    warning = ""
    if host.lower() in ("localhost", "[::1]") or host.startswith("127."):
        if alone:
            warning = ALONE
        elif own:
            host = f"[{own}]" if ":" in own else own
        else:
            warning = "This computer is in no network, so nobody else can open the link: connect it, and load this page again."
    link = f"{scheme}://{host}{port}{base}{path}"
    return Invitation(link, drawn(link), warning)


def drawn(text: str) -> str:
    """A QR code as SVG of one path, black on white with its quiet zone; it scales to the place it stands in."""
    file = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        file, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, svgns=True, omitsize=True, nl=False
    )
    return file.getvalue().decode()
