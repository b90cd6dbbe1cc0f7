"""Passwords: what may be one, and its hash by argon2id with the parameters of RFC 9106 for machines with little memory."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from alcore.errors import BadInput

SHORTEST, LONGEST = 10, 1000  # characters

_hasher = PasswordHasher()  # 64 MiB and about 50 ms each
_room = threading.BoundedSemaphore(4)  # of all threads that hash at a time: who sends guesses must not take the memory


def check(password: str, name: str) -> None:
    """
    Raises:
        BadInput: it is too short or too long, or is the person's name.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadInput(f"a password has {SHORTEST} to {LONGEST:,} characters, this one {len(password):,}")
    if password.casefold() == name.casefold():
        raise BadInput("the password is the name: choose another")


def hashed(password: str) -> str:
    """What is kept of it."""
    with _room:
        return _hasher.hash(password)


def is_right(password: str, kept: str | None) -> bool:
    """Whether it is the one that `kept` was made of. Takes as long where there is nothing to compare with."""
    with _room:
        try:
            return _hasher.verify(kept if kept is not None else _nobodys(), password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def is_dated(kept: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    return _hasher.hash("a password that nobody has")
