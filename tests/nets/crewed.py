"""What each process of a crew does in test_crew.py: `python -m tests.nets.crewed TASK FOLDER`, started as torchrun does it, or alone."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import torch

from alcore.errors import AlcoreError
from alcore.nets.crew import joined
from alcore.nets.tasks import Segmentation
from alcore.training import train as training
from alcore.training.pool import Pool
from alcore.training.turn import Material, Order, assist, turn
from alcore.types import VOID

NAMES = ("entropy", "mcdal", "mal", "qbc", "learning_loss", "badge")
HALVED = "badge"  # whose round is gone on with after memory had room for half a batch only
GAME = {"minimax": True, "update": "two_step"}  # both losses of MAL, one after the other


def material() -> Material:
    """Forty vectors in three clouds, sixteen of them labeled."""
    rng = np.random.default_rng(0)
    kinds = np.arange(40) % 3
    vectors = (rng.normal(size=(3, 12))[kinds] + 0.4 * rng.normal(size=(40, 12))).astype(np.float16)
    ids = np.arange(100, 140)
    return Material(Pool(ids[:16], kinds[:16], ids[16:34], ids[34:], kinds[34:], ids, np.arange(40)), 3, vectors)


def order(name: str, **train: object) -> Order:
    given = {"architecture": "features", "steps": 20, "passes": 1, "batch_size": 8, **train}
    return Order(name, 5, 3, "cpu", GAME if name == "mal" else {}, given)


def rounds(crew, folder: Path) -> None:
    """A round of each method; the leader writes losses, scores and query."""
    for name in NAMES:
        work = folder / name
        if not crew.leads:
            crew.told()  # the leader's folder is there
            assist(order(name), material(), work)
            continue
        work.mkdir(parents=True)
        if name == HALVED:
            (work / "batch_size").write_text("4")
        crew.tell({"name": name})
        done = turn(order(name), material(), work=work)
        with (work / "history.csv").open(newline="") as file:
            losses = [(stage, int(step), loss, float(value)) for stage, step, loss, value in csv.reader(file)]
        found = {
            "losses": [one for one in losses if one[1] % 20 == 0],
            "metrics": done.metrics,
            "total": done.scores.total.tolist(),
            "logits": done.walked.arrays["logits"].tolist(),
            "ids": done.walked.ids.tolist(),
            "query": done.scores.selected.tolist(),
        }
        (work / "found.json").write_text(json.dumps(found))


def masks(crew, folder: Path) -> None:
    """The gradient of one batch of masks of which most of the first are void, from its shares."""
    rng = np.random.default_rng(1)
    logits = torch.from_numpy(rng.normal(size=(4, 3, 5, 5)).astype(np.float32))
    target = torch.from_numpy(rng.integers(0, 3, (4, 5, 5)))
    target[0, :4] = VOID
    shift = torch.zeros(3, 1, 1, requires_grad=True)
    share = crew.share(4)
    loss = Segmentation(3, 5).loss(logits[share] + shift, target[share])
    loss.backward()
    assert shift.grad is not None
    crew.average([shift])
    told = {"gradient": shift.grad.flatten().tolist(), "loss": float(crew.mean(loss.detach()))}
    if crew.leads:
        (folder / "masks.json").write_text(json.dumps(told))


def left(crew, folder: Path) -> None:
    """The second process ends in the middle of the training; what the first then says."""
    if not crew.leads:
        os._exit(0)
    try:
        turn(order("entropy"), material(), work=folder)
    except AlcoreError as problem:
        (folder / "said.txt").write_text(str(problem))


if __name__ == "__main__":
    torch.set_num_threads(1)
    training.REPORT_EVERY = 0.0  # alone too, losses are read at the steps that are compared
    with joined() as own:
        {"rounds": rounds, "masks": masks, "left": left}[sys.argv[1]](own, Path(sys.argv[2]))
