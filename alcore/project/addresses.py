"""Where the HTTP routes have what an answer speaks of: the one place where the library writes addresses. web/ has a route for each.

An address carries what it depends on (a fingerprint, a digest, a round's folder), so that a browser may keep for ever what it got there.
"""

from __future__ import annotations

from urllib.parse import quote

API = "/api/v1"


def of_project(name: str) -> str:
    """What the addresses of a project begin with."""
    return f"{API}/projects/{quote(name, safe='')}"


def picture(project: str, item: int, fingerprint: str) -> str:
    """An item's image as people see it."""
    return f"{of_project(project)}/items/{item}/image?v={fingerprint}"


def mask(project: str, item: int, digest: str) -> str:
    """An item's current mask."""
    return f"{of_project(project)}/items/{item}/mask?v={digest}"


def view(project: str, number: int, item: int, what: str, version: str) -> str:
    """What a round thinks of an item's pixels: `what` is draft, layers/NAME or heads/NAME."""
    return f"{of_project(project)}/rounds/{number}/items/{item}/{what}?v={version}"


def in_room(code: str, *parts: str | int) -> str:
    """The page of a class in one room, or what lies below it."""
    return "/".join([f"{API}/room/{code}", *(quote(str(part), safe="") for part in parts)])
