"""Files that appear whole or not at all, what they are called until then, columns kept in one, and locks that end with their process. Knows
no project."""

from __future__ import annotations

import glob
import logging
import os
import re
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

try:
    import fcntl
except ImportError:  # Windows has no such locks: nothing is collected there
    fcntl = None  # type: ignore[assignment]

PART = re.compile(r"\..+\.[0-9a-f]{8}\.part")
LOCK = ".lock"
LOCKS = fcntl is not None  # whether there are any

logger = logging.getLogger(__name__)


def part_of(path: Path) -> Path:
    """A new name beside `path` for what will be renamed to it; PART matches it."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")


@contextmanager
def written_whole(path: Path, lasting: bool = False) -> Iterator[BinaryIO]:
    """A new file that takes the place of `path` when the block ends, and is gone when the block fails.

    Args:
        lasting: also when the power fails right after.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        with part.open("xb") as file:
            yield file
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def made_beside(out: Path) -> Iterator[Path]:
    """A path to make a file or a folder at, which becomes `out` when the block ends well. What killed processes left beside `out` for it is
    removed first."""
    for left in out.parent.glob(f".{glob.escape(out.name)}.*.part"):
        if not PART.fullmatch(left.name) or not left.is_dir():
            continue
        with alone_in(left) as alone:
            if alone:
                shutil.rmtree(left, ignore_errors=True)
    part = part_of(out)
    try:
        with at_work(part):
            yield part / "whole"
            os.replace(part / "whole", out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def kept_columns(path: Path, state: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Columns that take long to make, from a file that holds those of one state; made anew, and kept there, where it holds another's or
    cannot be read. What the disk has no room for is not kept."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["state"]) == state:
                return {name: stored[name] for name in stored.files if name != "state"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # there is none yet, or it was damaged: it can be made again at any time
    made = make()
    try:
        with written_whole(path) as file:
            np.savez(file, state=np.array(state), **made)  # type: ignore[arg-type]  # none is called allow_pickle
    except OSError as wrong:
        logger.warning("%s is not kept, and made anew after the next start: %s", path, wrong)
    return made


def hold(file: int | IO[Any], *, wait: bool = False, shared: bool = False) -> bool | None:
    """Holds an open file against other processes, and other openings of it in this one, until it is closed; the system lets go of it when
    the process ends, however it ends. Whether that came about, None where there are no such locks.

    Args:
        wait: until whoever holds it lets go.
        shared: many may hold it so at a time, and nobody otherwise meanwhile.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def let_go(lock: int) -> None:
    """Closes what `hold` holds, for processes too that were forked meanwhile and have it open."""
    if fcntl is not None:
        fcntl.flock(lock, fcntl.LOCK_UN)
    os.close(lock)


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """While this lasts nobody takes what lies in `folder` for litter, or removes it. Many may be at work at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        hold(lock, wait=True, shared=True)
        yield
    finally:
        os.close(lock)


@contextmanager
def alone_in(folder: Path) -> Iterator[bool | None]:
    """Keeps everybody from beginning work in `folder` if nobody is at work there; whether that is so, None where nobody can tell."""
    if fcntl is None:
        yield None
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield hold(lock)
    finally:
        os.close(lock)
