"""Servers that need not load their libraries: one process loads them once, and each server is a fork of it. What is loaded runs no thread of ours
and reads no setting; the app itself is made in the fork, by the command `serve`."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.browser.loaded_here"])


def started(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> ForkServerProcess:
    """A process that is `python -m alcore ARGUMENTS` with this environment; all it says is added to `log`."""
    log.touch()
    process = _forks.Process(target=_run, args=(list(arguments), dict(environment), log))
    process.start()
    return process


def _run(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.clear()
    os.environ.update(environment)
    from alcore.cli.main import main  # the process that asks for a server needs none of it

    sys.exit(main(arguments))
