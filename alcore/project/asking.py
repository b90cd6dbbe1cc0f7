"""Images that a person asks for by hand: they come before what a round asks for, with that as the reason. Kept as notes in the journal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from alcore.errors import BadInput
from alcore.project.batches import Batch, checked
from alcore.project.stored import Stored
from alcore.types import NOT, SLICE, START, WANTED

ANSWERED = "labeled, skipped, flagged or held out"


def ask(project: Stored, ids: Sequence[int], *, annotator: str, client: str | None = None) -> Batch:
    """Puts images at the head of the queue, in this order; those that nobody has anything to say of any more are refused.

    Without any round yet they are the first query.

    Args:
        client: its name, of a browser that may have to send it again.

    Raises:
        BadInput: no image, too many, or one twice.
    """
    wanted = checked(ids)
    client = client or f"ask-{uuid.uuid4().hex[:16]}"
    rows = project.items.rows(wanted)
    told = project.journal.of_client(client)
    free = [event["item_id"] for event in told] or [i for i in wanted if i in rows and _is_open(rows[i])]
    if free and not told:
        project.journal.note(WANTED, free, annotator, client)
        if project.newest_round() is None:
            labeled = project.counts()["labeled"]
            project.round_rows.add(f"{START}{WANTED}", free, seed=0, labeled=labeled, device="cpu", seconds={})
    missing = [i for i in wanted if i not in rows]
    reason = f"there is no item {missing[0]} in this project" if missing else ANSWERED
    left = len(wanted) - len(free)
    return Batch(len(free), left, reason if left else "")


def _is_open(row: Mapping[str, Any]) -> bool:
    """Whether anybody has something to say of an item, from its row."""
    answered = row["label"] is not None or row["skipped"] or row["flagged"]
    return bool(row["present"]) and row["split"] in ("pool", SLICE) and not answered


def take_back(project: Stored, client: str, *, annotator: str, undo: str | None = None) -> Batch:
    """Takes images that were asked for together out of the head of the queue again; those that were answered meanwhile stay answered.

    Raises:
        BadInput: that person asked for nothing under that name.
    """
    asked = project.journal.of_client(client)
    if not asked or any(event["annotator"] != annotator or event["kind"] != WANTED for event in asked):
        raise BadInput("there is nothing of yours to take back under that name")
    ids = [event["item_id"] for event in asked]
    project.journal.note(WANTED, ids, annotator, undo or f"undo-{uuid.uuid4().hex[:16]}", NOT)
    return Batch(len(ids))
