"""What the tests of the cluster let it do: functions of a module, as its processes find them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from alcore.errors import AlcoreError


def squared(common: Path, shard: int) -> tuple[int, int]:
    """(shard², the process)."""
    return shard * shard, os.getpid()


def once_killed(common: Path, shard: int) -> int:
    """The same, in a second process: the first one is killed."""
    try:
        (common / f"{shard}.begun").touch(exist_ok=False)
    except FileExistsError:
        return shard * shard
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def when_let(common: Path, shard: int) -> int:
    """The same once `common`/go is there; the file <machine>-<shard> says that it has begun."""
    import ray

    (common / f"{ray.get_runtime_context().get_node_id()}-{shard}").touch()
    while not (common / "go").exists():
        time.sleep(0.05)
    return shard * shard


def refused(common: Path, shard: int) -> int:
    raise AlcoreError(f"shard {shard} cannot be: take another")


def broken(common: Path, shard: int) -> float:
    return 1 / 0


def sees(common: Path) -> str:
    """The machine that is called as the folder does not see it."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    (node,) = [node for node in ray.nodes() if node["NodeID"] == here]
    return "" if node["NodeName"] != common.name else f"does not see {common}: share it"
