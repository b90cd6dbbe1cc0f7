"""A Ray cluster joined: that of RAY_ADDRESS, that of this machine, or one that is started here and ended. Ray is an optional package."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alcore.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from types import ModuleType

RAY = "ray"  # what --on may say
HOME = Path(__file__).resolve().parents[2]
PATIENCE = 5.0  # seconds for the first word of a cluster; Ray itself would try for minutes
NOTED = "ray/ray_current_cluster"  # below the folder for temporary files: the cluster of this machine, also one that was killed


def check(on: str) -> bool:
    """Whether work is to be spread: `on` is "ray", and Ray is there; "" is this process alone.

    Raises:
        BadInput: it is another word, or Ray is not installed.
    """
    if on not in ("", RAY):
        raise BadInput(f"on = {on!r} cannot be: use ray, or leave it out for this machine alone")
    return bool(on and installed())


def installed() -> ModuleType:
    """Ray.

    Raises:
        BadInput: it is not there.
    """
    try:
        import ray
    except ModuleNotFoundError:
        raise BadInput("ray is not installed: pip install ray==2.60.0, on each machine of the cluster") from None
    return ray


@contextmanager
def joined() -> Iterator[ModuleType]:
    """Ray, connected to the cluster of RAY_ADDRESS, to that of this machine, or to one that is started here for as long as this lasts. Who
    is connected already stays so.

    Raises:
        BadInput: Ray is not installed.
        Unavailable: nobody answers there.
    """
    ray = installed()
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
    # the code of this checkout in each process, whatever its folder; nothing is copied
    there = {"PYTHONPATH": os.pathsep.join([str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])])}
    address = os.environ.get("RAY_ADDRESS", "")
    try:
        _knock(address or _noted())
        ray.init(log_to_driver=False, logging_level="warning", runtime_env={"env_vars": there})
    except (OSError, ValueError, RuntimeError) as wrong:
        where = f"at RAY_ADDRESS={address}" if address else "of this machine"
        why = (str(wrong).strip() or type(wrong).__name__).splitlines()[0]
        forget = "take RAY_ADDRESS away" if address else "let `ray stop` forget it"
        cure = f"start one (`ray start --head`, and `ray start --address=HOST:6379` on the others), or {forget}"
        raise Unavailable(f"the Ray cluster {where} does not answer ({why}): {cure}") from wrong
    try:
        yield ray
    finally:
        ray.shutdown()


def _noted() -> str:
    """Where the cluster of this machine is or was, which Ray joins where nobody says another; "" for none."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    try:
        return (Path(folder) / NOTED).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _knock(address: str) -> None:
    """Raises OSError when nobody listens at HOST:PORT; says nothing of addresses of another form."""
    if found := re.fullmatch(r"\[?([^\[\]/]+?)\]?:(\d+)", address):
        socket.create_connection((found[1], int(found[2])), PATIENCE).close()
