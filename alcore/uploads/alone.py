"""One at a time, in this process and in all others: who brings an upload holds a file for as long as that takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alcore.errors import Busy
from alcore.files import LOCKS, hold, let_go


@contextmanager
def alone(file: Path, words: str) -> Iterator[None]:
    """Holds a file while this lasts, and takes it away then. The system lets go of it when the process ends, however it ends.

    Args:
        file: made for this; its folder is there.
        words: what somebody else is told, a sentence.

    Raises:
        Busy: somebody holds it.
    """
    lock = _held(file)
    if lock is None:
        raise Busy(words)
    try:
        yield
    finally:
        _let_go(file, lock)


def drop(file: Path) -> None:
    """Takes away what a killed process left; not what somebody holds."""
    if file.exists() and (lock := _held(file)) is not None:
        _let_go(file, lock)


def _held(file: Path) -> int | None:
    while True:
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
        if (held := hold(lock)) is None:
            return lock  # two processes with one workspace are then the user's care
        if not held:
            os.close(lock)
            return None
        try:
            if os.path.samestat(os.fstat(lock), os.stat(file)):
                return lock
        except FileNotFoundError:  # whoever held it took it away: another one is to be made
            pass
        os.close(lock)


def _let_go(file: Path, lock: int) -> None:
    if not LOCKS:
        os.close(lock)  # where there are none, an open file cannot be taken away
        file.unlink(missing_ok=True)
        return
    file.unlink(missing_ok=True)  # while it is held, so that it is nobody else's
    let_go(lock)
