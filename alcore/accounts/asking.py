"""Whether people are asked who they are, and what the door calls those it lets in. Loads nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from alcore.errors import BadInput

CONSOLE = "console"  # who did what was done on the machine itself
OPEN = "open"  # who is on a page of a server that asks nobody for an account
STRANGER = "stranger"  # who is on the way to a provider of identities, or back from there
TICKET = "ticket"  # its purpose, and its name in the address: what a page hands over for somebody whom a provider vouched for
VOUCHED = "_streamlit_user"  # what the names of these cookies begin with
VISITOR = "x-alcore-visitor"  # the header in which the door tells pages who is there: one of these, or an account's standing

_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def mark_of(cookies: Mapping[str, str]) -> str:
    """Names what Streamlit keeps in a browser of whom a provider vouched for, so that a ticket is good in this browser alone."""
    kept = sorted((name, value) for name, value in cookies.items() if name.startswith(VOUCHED))
    return hashlib.sha256(repr(kept).encode(errors="replace")).hexdigest()[:32]


def wanted() -> bool | None:
    """What ALCORE_SIGN_IN says: always (1), never (0), or nothing, which means wherever others than this machine can reach the server, and
    everywhere once there are accounts.

    Raises:
        BadInput: it says something else.
    """
    said = os.environ.get("ALCORE_SIGN_IN", "").strip().lower()
    if said and said not in (*_YES, *_NO):
        raise BadInput(
            f"ALCORE_SIGN_IN is {said!r}: 1 asks everybody to sign in, 0 nobody; without it only those on other machines are asked"
        )
    return said in _YES if said else None
