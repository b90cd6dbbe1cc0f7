"""A Ray cluster of several machines, which are processes of this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

TRIES = 5  # Ray gives up a machine whose helpers take more than 15 s to start, as beside other work they may


@contextmanager
def machines(*cores: int) -> Iterator[tuple[Any, list[Any]]]:
    """(ray.cluster_utils.Cluster, its machines), one with each of these numbers of cores, at RAY_ADDRESS; `cluster.remove_node(machine)`
    takes one away, but for the first, where whoever joins stands."""
    from ray.cluster_utils import Cluster

    before, cluster = os.environ.pop("RAY_ADDRESS", None), Cluster()
    try:
        found = [_added(cluster, number, f"machine-{at}") for at, number in enumerate(cores)]
        os.environ["RAY_ADDRESS"] = cluster.address
        yield cluster, found
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        if before:
            os.environ["RAY_ADDRESS"] = before
        cluster.shutdown()


def _added(cluster: Any, cores: int, name: str) -> Any:
    for _ in range(TRIES - 1):
        with suppress(Exception):  # Ray has no kind of its own for it
            return cluster.add_node(num_cpus=cores, node_name=name)
    return cluster.add_node(num_cpus=cores, node_name=name)
