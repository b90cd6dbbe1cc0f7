"""Several processes at one training, as torchrun starts them: each works on its share of every batch, and their gradients are averaged.

A batch stays what it is: every process makes the same draws and takes its share of them, so what is learned does not depend on how many
there are, but for rounding. One process, which is what there is without torchrun, is a crew of its own and waits for nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from alcore.errors import AlcoreError, BadInput

PATIENCE = timedelta(hours=6)  # that the others wait while the leader tests and chooses, or makes the features first
LOST = "another process of this training ended: look at what it said, and start again (`train --resume JOB` goes on where it was)"


@dataclass(frozen=True)
class Crew:
    """The processes at one training, seen from one of them.

    Attributes:
        rank: of this process, 0 for the one that leads: it reads, tests, chooses and stores.
        size: how many there are.
        place: of this process among those of its machine, which is the number of its GPU.
    """

    rank: int = 0
    size: int = 1
    place: int = 0

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def share(self, count: int) -> slice | Tensor:
        """The positions of a batch of `count` that this process works on: with each position its counterpart from the end, since ranking
        losses compare those."""
        if self.size == 1:
            return slice(None)
        at = torch.arange(count)
        return at[torch.minimum(at, count - 1 - at) % self.size == self.rank]

    def device(self, device: torch.device) -> torch.device:
        """The leader's device, or the GPU of this process in its stead."""
        return torch.device("cuda", self.place) if device.type == "cuda" and self.size > 1 else device

    def check(self, net: nn.Module, batch_size: int, device: torch.device) -> None:
        """Raises BadInput for what cannot be shared out."""
        if self.size == 1:
            return
        if batch_size % (2 * self.size):
            raise BadInput(
                f"batches of {batch_size} cannot be shared out evenly among {self.size} processes: use a batch_size that {2 * self.size} "
                "divides"
            )
        if device.type == "cpu" and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules()):
            raise BadInput(
                "a network with batch normalization is shared out among GPUs only, since it looks at whole batches: use "
                "architecture=features, or one process"
            )

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Sets gradients to the mean of all processes' gradients, in one message for each kind of number."""
        if self.size == 1:
            return
        kinds: dict[torch.dtype, list[Tensor]] = {}
        for one in parameters:
            if one.grad is not None:
                kinds.setdefault(one.grad.dtype, []).append(one.grad)
        for grads in kinds.values():
            flat = self.mean(torch.cat([grad.reshape(-1) for grad in grads]))
            for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
                grad.copy_(part.view_as(grad))

    def mean(self, numbers: Tensor) -> Tensor:
        """The mean over the processes; the same on each."""
        if self.size > 1:
            with _lost_told():
                dist.all_reduce(numbers)
            numbers /= self.size
        return numbers

    def parts(self, ids: np.ndarray) -> list[np.ndarray]:
        """What each process looks at of a pass over `ids`, in their order."""
        return np.array_split(ids, self.size)

    def gather(self, mine: Mapping[str, np.ndarray], counts: list[int]) -> dict[str, np.ndarray]:
        """The rows of all processes one after the other, for the leader; the others give theirs and get their own back.

        Args:
            mine: name -> (n, ...) of this process, the same names and kinds of numbers in each.
            counts: rows of each process.
        """
        if self.size == 1:
            return dict(mine)
        result = {}
        for name, values in mine.items():
            if not self.leads:
                result[name] = values
                with _lost_told():
                    dist.send(torch.from_numpy(np.ascontiguousarray(values)), 0)
                continue
            whole = np.empty((sum(counts), *values.shape[1:]), values.dtype)
            whole[: counts[0]] = values
            at = counts[0]
            for rank in range(1, self.size):
                with _lost_told():
                    dist.recv(torch.from_numpy(whole[at : at + counts[rank]]), rank)
                at += counts[rank]
            result[name] = whole
        return result

    def tell(self, message: Mapping[str, Any] | None) -> None:
        """The leader's word to the others: what is to be done next, or None, that nothing is."""
        if self.size > 1:
            with _lost_told():
                dist.broadcast_object_list([None if message is None else dict(message)], 0, device=torch.device("cpu"))

    def told(self) -> dict[str, Any] | None:
        """What the leader says next; waits for it."""
        heard: list[Any] = [None]
        with _lost_told():
            dist.broadcast_object_list(heard, 0, device=torch.device("cpu"))
        result: dict[str, Any] | None = heard[0]
        return result


def crew() -> Crew:
    """Of this process."""
    if not (dist.is_available() and dist.is_initialized()):
        return Crew()
    return Crew(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", dist.get_rank())))


@contextmanager
def joined() -> Iterator[Crew]:
    """Inside, this process belongs to the crew that torchrun started it for; without torchrun it is alone.

    Raises:
        AlcoreError: the others cannot be reached.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Crew()
        return
    gpus = torch.cuda.is_available()
    try:
        # gradients go from GPU to GPU, orders and results by way of the machines' memory
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=PATIENCE)
    except (RuntimeError, ValueError) as wrong:
        raise AlcoreError(f"the processes of this training do not find each other: {wrong}. Start them with torchrun.") from wrong
    own = crew()
    if gpus:
        torch.cuda.set_device(own.place)
    try:
        yield own
    finally:
        dist.destroy_process_group()


@contextmanager
def _lost_told() -> Iterator[None]:
    """Says in a sentence that another process is gone."""
    try:
        yield
    except RuntimeError as wrong:
        raise AlcoreError(LOST) from wrong
