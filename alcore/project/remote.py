"""A project whose images were fetched from elsewhere: what changed there since comes before its source is read again."""

from __future__ import annotations

from typing import Any

from alcore.progress import Report, ignore_progress
from alcore.project.stored import Stored
from alcore.uploads.fetching import fetch, origin_of
from alcore.uploads.reach import Reach, is_address
from alcore.uploads.shelf import Shelf, Standing

__all__ = ["bring_again", "is_address", "look", "standing_of"]

SHOWN = 20  # files that a look names


def look(text: str) -> dict[str, Any]:
    """What lies at an address, for whoever works at this machine; nothing is fetched but lists of files: address, files, bytes (None where
    a server does not say), the first files by name. Raises AlcoreError."""
    origin = origin_of(text, Reach(all_=True))
    try:
        found = origin.listing().files
    finally:
        origin.close()
    sizes = [one.size for one in found]
    known = None if None in sizes else sum(size or 0 for size in sizes)
    return {"address": text.strip(), "files": len(found), "bytes": known, "first": [one.path for one in found[:SHOWN]]}


def standing_of(of: Stored) -> Standing | None:
    """The upload that was fetched for a project; None where its source is nothing that was."""
    found = Shelf(of.place.home).holding(of.source)
    return found if found and found.address else None


def bring_again(of: Stored, reach: Reach, report: Report = ignore_progress) -> Standing | None:
    """Fetches what is new or has changed at the address that a project's images came from; None where they came from none.

    Raises:
        AlcoreError: it is not to be had, or may not be fetched; what is here stays as it is.
    """
    found = standing_of(of)
    return fetch(Shelf(of.place.home), found.name, reach, report) if found else None
