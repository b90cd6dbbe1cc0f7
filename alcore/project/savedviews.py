"""Views that people keep under a name, in the project's settings: everybody who works on it sees them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from alcore.errors import BadInput, NotFound
from alcore.project.stored import Stored
from alcore.project.views import View

VIEWS = "views"  # among the project's settings
MOST, LONGEST = 50, 60


def views(project: Stored) -> Mapping[str, str]:
    """name -> address of the kept views, by name."""
    return dict(sorted(project.settings.get(VIEWS, {}).items()))


def keep_view(project: Stored, name: str, address: str) -> None:
    """Keeps a view under a name; one of that name is replaced.

    Raises:
        BadInput: no name, a name too long, too many views, or an address that is none.
    """
    name = " ".join(name.split())
    if not name or len(name) > LONGEST or not name.isprintable():
        raise BadInput(f"a view needs a name of 1 to {LONGEST} printable characters")
    known = views(project)
    if name not in known and len(known) >= MOST:
        raise BadInput(f"{MOST} views are kept already: remove one first")
    project.change_settings(**{VIEWS: {**known, name: View.of(parse_qsl(address, keep_blank_values=True)).address()}})


def drop_view(project: Stored, name: str) -> None:
    """Removes a kept view. NotFound: there is none of that name."""
    known = dict(views(project))
    if name not in known:
        raise NotFound(f"no view {name[:LONGEST]!r} is kept")
    del known[name]
    project.change_settings(**{VIEWS: known})
