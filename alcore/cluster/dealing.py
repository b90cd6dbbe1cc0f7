"""Shards of work dealt out to the processes of a joined Ray cluster, and what they made of them, as it comes in.

A shard is a task. One whose process or machine is lost is done by another; machines that join meanwhile take their part.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from alcore.errors import AlcoreError, BadInput, Unavailable

if TYPE_CHECKING:
    from types import ModuleType

C = TypeVar("C")  # what all shards have in common
S = TypeVar("S")  # a shard
R = TypeVar("R")  # what is made of it

LOOK_EVERY = 0.5  # seconds between two looks at what has been made
TRIES = 3  # more for a shard whose process is lost
AHEAD = 2  # shards that lie ready for each process, so that none waits for this one


def nothing() -> None:
    """What is done between two looks where nobody wants to know."""


class Hands:
    """The processes of a cluster that work for this one: one for each core of its machines, or for each GPU.

    Args:
        ray: as `joining.joined` gives it.
        device: auto (GPUs where the cluster has any), cpu or cuda.
        workers: the most shards at a time; 0: as many as the cluster has room for.

    Attributes:
        device: what a process computes on: cpu, or cuda:0, which is the GPU that Ray gave to it alone.

    Raises:
        BadInput: another device, or a cluster without GPUs is asked for one.
    """

    def __init__(self, ray: ModuleType, device: str = "auto", workers: int = 0) -> None:
        self.ray, self.workers = ray, workers
        if device not in ("auto", "cpu", "cuda"):
            raise BadInput(f"device {device!r} cannot be had on a cluster: use auto, cpu or cuda, each process then gets a GPU of its own")
        if workers < 0:
            raise BadInput(f"{workers} workers cannot be: use 1 or more, or 0 for as many as the cluster has room for")
        has_gpus = self._has("GPU") >= 1
        if device == "cuda" and not has_gpus:
            raise BadInput("the Ray cluster has no GPU: use --device cpu or auto")
        self._kind = "GPU" if has_gpus and device != "cpu" else "CPU"
        self._needs = {"num_gpus": 1, "num_cpus": 1} if self._kind == "GPU" else {"num_cpus": 1}
        self.device = "cuda:0" if self._kind == "GPU" else "cpu"

    @property
    def room(self) -> int:
        """How many shards can be made at a time by the machines that are there now."""
        there = max(1, int(self._has(self._kind)))
        return min(self.workers, there) if self.workers else there

    def check(self, look: Callable[[C], str], common: C) -> list[str]:
        """Lets each machine that may get a shard look at what it will need; their names.

        Args:
            look: a function of a module; what the machine lacks, with the cure, in a sentence, or "".

        Raises:
            BadInput: a machine lacks something; its name stands before the sentence.
            Unavailable: no machine of the cluster takes work.
        """
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        machines = {node["NodeID"]: str(node["NodeName"]) for node in self._machines()}
        if not machines:
            raise Unavailable(f"no machine of the Ray cluster has a {self._kind} to give: start one with `ray start`")
        given, task = self.ray.put(common), self.ray.remote(max_retries=0, num_cpus=0)(looked)
        there = {node: NodeAffinitySchedulingStrategy(node, soft=False) for node in machines}
        asked = {node: task.options(name=look.__name__, scheduling_strategy=there[node]).remote(look, given) for node in machines}
        for node, ref in asked.items():
            try:
                said = _result(self.ray, ref)
            except Unavailable:
                if node not in {other["NodeID"] for other in self._machines()}:
                    continue  # it left meanwhile, and will get nothing
                raise
            if said:
                raise BadInput(f"machine {machines[node]} of the Ray cluster {said}")
        return sorted(machines.values())

    def deal(
        self, make: Callable[[C, S], R], common: C, shards: Iterable[S], between: Callable[[], None] = nothing
    ) -> Generator[tuple[S, R], None, None]:
        """Each shard with what was made of it, in the order in which they are done. Shards are asked for as they are dealt.

        Args:
            make: a function of a module, as the processes find it by its name.
            common: is sent to each machine once.
            between: called after every look; what it raises ends everything, as leaving the loop does.

        Raises:
            AlcoreError: what `make` raised on one of them, or a shard's process was lost again and again.
            RuntimeError: a bug there, with its traceback as a note.
        """
        given, task = self.ray.put(common), self.ray.remote(max_retries=TRIES, **self._needs)(told)
        task = task.options(name=make.__name__)
        waiting: dict[Any, S] = {}
        coming, more = iter(shards), True
        try:
            while waiting or more:
                while more and len(waiting) < (self.room if self.workers else AHEAD * self.room):
                    shard = next(coming, None)
                    if shard is None:
                        more = False
                    else:
                        waiting[task.remote(make, given, shard)] = shard
                ready, _ = self.ray.wait(list(waiting), timeout=LOOK_EVERY) if waiting else ([], [])
                for ref in ready:
                    shard = waiting.pop(ref)
                    yield shard, _result(self.ray, ref)
                between()
        finally:
            for ref in waiting:
                self.ray.cancel(ref, force=True)

    def _has(self, kind: str) -> float:
        return float(self.ray.cluster_resources().get(kind, 0))

    def _machines(self) -> list[dict[str, Any]]:
        """Those that may get a shard."""
        return [node for node in self.ray.nodes() if node["Alive"] and node["Resources"].get(self._kind, 0) >= 1]


def _result(ray: ModuleType, ref: Any) -> Any:
    """What a task answered. Raises as `Hands.deal`; Unavailable where its process was lost."""
    try:
        kind, value = ray.get(ref)
    except ray.exceptions.RayTaskError as wrong:  # `told` raises nothing, so it could not even begin
        why = str(wrong).strip().splitlines()[-1]
        cure = "put this version of it, with the same packages, into the same folder there"
        raise AlcoreError(f"a machine of the Ray cluster cannot run alcore ({why}): {cure}") from wrong
    except ray.exceptions.RayError as lost:
        why = str(lost).strip().splitlines()[0]
        raise Unavailable(f"a process of the Ray cluster was lost again and again ({why}), perhaps because memory ran out") from lost
    if kind == "refused":
        raise AlcoreError(value)
    if kind == "broken":
        bug = RuntimeError(value[0])
        bug.add_note(value[1])
        raise bug
    return value


def on_machines(names: Sequence[str]) -> str:
    """What a person who waits is told of those that were looked at."""
    return f"on {len(names)} machine{'s' if len(names) > 1 else ''} of the Ray cluster"


# ---- in a process of the cluster


def told(make: Callable[..., R], *given: Any) -> tuple[str, Any]:
    """Makes something where nobody sees an exception: `done` with what was made, `refused` with a sentence, or `broken` with the bug and
    its traceback."""
    try:
        return "done", make(*given)
    except AlcoreError as problem:
        return "refused", str(problem)
    except Exception as bug:  # its traceback must reach whoever asked, which has none of this process's frames
        return "broken", (f"{type(bug).__name__}: {bug}", traceback.format_exc())


def looked(look: Callable[[C], str], common: C) -> tuple[str, Any]:
    """What a machine lacks, told in the same way."""
    return told(look, common)
