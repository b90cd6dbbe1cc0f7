"""Shards on a cluster of three machines: all are made, whoever is lost meanwhile, and what goes wrong there is told here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alcore.cluster.dealing import AHEAD, Hands, on_machines
from alcore.cluster.joining import joined
from alcore.errors import AlcoreError, BadInput, Cancelled
from tests.cluster import work
from tests.cluster.nodes import machines


def stand_in(**resources: float) -> Any:
    return SimpleNamespace(cluster_resources=lambda: resources)


def test_devices_and_room_are_what_the_cluster_has():
    cores, gpus = stand_in(CPU=6.0), stand_in(CPU=8.0, GPU=2.0)
    assert [(h.device, h.room) for h in (Hands(cores), Hands(cores, "cpu", 2), Hands(cores, workers=9))] == [
        ("cpu", 6),
        ("cpu", 2),
        ("cpu", 6),
    ]
    assert [(h.device, h.room) for h in (Hands(gpus), Hands(gpus, "cuda"), Hands(gpus, "cpu"))] == [
        ("cuda:0", 2),
        ("cuda:0", 2),
        ("cpu", 8),
    ]
    with pytest.raises(BadInput, match="the Ray cluster has no GPU: use --device cpu"):
        Hands(cores, "cuda")
    with pytest.raises(BadInput, match="device 'cuda:1' cannot be had on a cluster"):
        Hands(gpus, "cuda:1")
    with pytest.raises(BadInput, match="-1 workers cannot be"):
        Hands(cores, workers=-1)
    assert [on_machines(["a"]), on_machines(["a", "b"])] == ["on 1 machine of the Ray cluster", "on 2 machines of the Ray cluster"]


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[Any, list[Any], Any]]:
    """The cluster, its machines of one core each, and Ray."""
    with machines(1, 1, 1) as (cluster, nodes), joined() as ray:
        yield cluster, nodes, ray


@pytest.mark.slow
def test_shards_are_made_by_other_processes_as_they_are_asked_for(there, tmp_path):
    hands, asked = Hands(there[2]), []

    def shards() -> Iterator[int]:
        for number in range(20):
            asked.append(number)
            yield number

    found = {}
    for shard, (value, process) in hands.deal(work.squared, tmp_path, shards()):
        found[shard] = value, process
        assert len(asked) <= len(found) + AHEAD * hands.room
    assert {shard: value for shard, (value, _) in found.items()} == {number: number * number for number in range(20)}
    assert 1 <= len({process for _, process in found.values()}) <= 3
    assert list(hands.deal(work.squared, tmp_path, [])) == []


@pytest.mark.slow
def test_what_goes_wrong_there_is_told_here(there, tmp_path):
    hands = Hands(there[2])
    with pytest.raises(AlcoreError, match="shard 1 cannot be: take another"):
        list(hands.deal(work.refused, tmp_path, [1]))
    with pytest.raises(RuntimeError, match="ZeroDivisionError") as bug:
        list(hands.deal(work.broken, tmp_path, [1]))
    assert "in broken" in bug.value.__notes__[0]

    def stop() -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled, match="enough"):
        list(hands.deal(work.when_let, tmp_path, [1, 2], between=stop))


@pytest.mark.slow
def test_each_machine_looks_first_and_the_one_that_lacks_something_is_named(there, tmp_path):
    hands = Hands(there[2])
    assert hands.check(work.sees, tmp_path) == ["machine-0", "machine-1", "machine-2"]
    with pytest.raises(BadInput, match=r"machine machine-1 of the Ray cluster does not see .*/machine-1: share it"):
        hands.check(work.sees, tmp_path / "machine-1")


@pytest.mark.slow
def test_the_shard_of_a_killed_process_is_made_by_another(there, tmp_path):
    found = dict(Hands(there[2]).deal(work.once_killed, tmp_path, [3, 4]))
    assert found == {3: 9, 4: 16}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["3.begun", "4.begun"]


@pytest.mark.slow
def test_the_shard_of_a_machine_that_is_gone_is_made_by_another(there, tmp_path: Path):
    cluster, nodes, ray = there
    lost = nodes[2].node_id
    removed = []

    def between() -> None:
        if not removed and list(tmp_path.glob(f"{lost}-*")):
            cluster.remove_node(nodes[2])
            removed.append(lost)
            (tmp_path / "go").touch()

    found = dict(Hands(ray).deal(work.when_let, tmp_path, range(8), between=between))
    assert removed == [lost]
    assert found == {number: number * number for number in range(8)}
    taken = [file.name.split("-")[1] for file in tmp_path.glob(f"{lost}-*")]
    assert all(any(not file.name.startswith(lost) for file in tmp_path.glob(f"*-{shard}")) for shard in taken)
    while Hands(ray).room > 2:  # the rest of the cluster hears of it
        time.sleep(0.05)
    assert Hands(ray).check(work.sees, tmp_path) == ["machine-0", "machine-1"]
