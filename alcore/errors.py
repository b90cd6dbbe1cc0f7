"""What can go wrong and be put right by a person. Anything else is a bug and keeps its traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlcoreError(Exception):
    """A problem the user can cure. The message names the thing, the value and the cure, in one or two sentences."""


class NotFound(AlcoreError):
    """A project, round, job or item that is asked for does not exist."""


class BadInput(AlcoreError):
    """A file, folder or value from outside cannot be taken as it is."""


class NotEnoughLabels(AlcoreError):
    """Training was asked for before there is anything to learn from."""


class DiskFull(AlcoreError):
    """Nothing could be written. What was to be stored is fine as it is: sent again once there is space, it is taken."""


class Cancelled(AlcoreError):
    """Raised inside a job when a person asked it to stop; never an error to report."""


@contextmanager
def disk_full_told(where: Path, what: str) -> Iterator[None]:
    """Turns a full disk while writing `what` below `where` into a message; every other error passes."""
    try:
        yield
    except OSError as wrong:
        if wrong.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"the disk is full: {what} could not be written in {where}. Free some space and try again; nothing was lost."
            ) from wrong
        raise
