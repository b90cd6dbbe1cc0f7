"""What can go wrong and be put right by a person. Anything else is a bug and keeps its traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 299  # characters of a message: names and values from outside are quoted in it, and they have no limit of their own


def one_line(text: str, longest: int = LONGEST) -> str:
    """What is said to a person, on one line of at most so many printable characters: of a longer one the middle is left out, since the
    thing stands at its beginning and the cure at its end."""
    if len(text) > longest or not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    begin = round(longest * 0.535)
    return f"{text[:begin]} … {text[3 + begin - longest :]}" if len(text) > longest else text


class AlcoreError(Exception):
    """A problem the user can cure. The message names the thing, the value and the cure, in one or two sentences, as `one_line` has it."""

    longest = LONGEST

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(str(message), self.longest))


class NotFound(AlcoreError):
    """A project, round, job or item that is asked for does not exist."""


class BadInput(AlcoreError):
    """A file, folder or value from outside cannot be taken as it is."""


class Forbidden(AlcoreError):
    """Whoever asks may not do this: their role does not go so far."""


class BadParameters(BadInput):
    """Several parameters cannot be taken: all that is wrong with them is said at once."""

    longest = 10 * LONGEST


class NotEnoughLabels(AlcoreError):
    """Training was asked for before there is anything to learn from."""


class Unavailable(AlcoreError):
    """The machine does not let it be done now. What was asked for is fine as it is: asked again once the cause is gone, it is done."""


class Busy(Unavailable):
    """Another process is doing it already."""


class DiskFull(Unavailable):
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


def of_machine(problem: BaseException) -> Unavailable | None:
    """What the machine refuses (space, rights, file handles) as a sentence with its cure; None for every other error, which is a bug."""
    if not isinstance(problem, OSError):
        return None
    where = f": {problem.filename}" if problem.filename else ""
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"the disk is full{where}. Free some space and try again.")
    if problem.errno == errno.EROFS:
        return Unavailable(f"the disk is read-only{where}. Choose another workspace with --home or ALCORE_HOME, or make it writable.")
    if problem.errno in (errno.EACCES, errno.EPERM) and problem.filename:
        return Unavailable(f"permission denied{where}. Give this user the right to it, or choose another place.")
    if problem.errno in (errno.EMFILE, errno.ENFILE):
        return Unavailable("too many files are open: end other programs or raise the limit (`ulimit -n`), then try again.")
    return None
