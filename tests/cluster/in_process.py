"""A cluster that is this process: what is sent to it and comes back is pickled as Ray does, and everything else is as `dealing.Hands` has it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from alcore.cluster.dealing import told
from alcore.errors import AlcoreError, BadInput

MACHINES = ["near", "far"]


def sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


class Hands:
    """Two machines that see what this process sees. `before` is called before each shard, with how many were done."""

    before: Callable[[int], None] = staticmethod(lambda done: None)

    def __init__(self, ray: ModuleType, device: str = "auto", workers: int = 0) -> None:
        self.device = "cpu"

    def check(self, look: Callable[[Any], str], common: Any) -> list[str]:
        if said := look(sent(common)):
            raise BadInput(f"machine {MACHINES[0]} of the Ray cluster {said}")
        return MACHINES

    def deal(self, make, common, shards, between=lambda: None) -> Iterator[tuple[Any, Any]]:
        for done, shard in enumerate(shards):
            type(self).before(done)
            kind, value = sent(told(make, sent(common), sent(shard)))
            if kind == "refused":
                raise AlcoreError(value)
            assert kind == "done", value
            yield shard, value
            between()


@contextmanager
def joined() -> Iterator[None]:
    yield None


def put_in(monkeypatch, module: ModuleType, before: Callable[[int], None] | None = None) -> None:
    """From now on `module` takes this for the Ray cluster."""
    kind = type("Hands", (Hands,), {"before": staticmethod(before)}) if before else Hands
    monkeypatch.setattr(module, "Hands", kind)
    monkeypatch.setattr(module, "joined", joined)
