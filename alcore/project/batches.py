"""One answer for many images at once, and its undo. Stored as an event each, in one transaction, under the batch's name as their client:
sent twice it is stored once, and what it did can be found and taken back."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from alcore.errors import BadInput
from alcore.project.stored import Stored
from alcore.types import Annotation

MOST = 50_000  # images of a batch
KINDS = ("label", "skip", "flag")


@dataclass(frozen=True)
class Batch:
    """What became of a batch.

    Attributes:
        stored: how many images got the answer (or had got it, where the batch came before).
        refused: how many did not, `reason` the first one's.
        conflicts: how many of those stored contradict what its author had not seen; they wait for a review.
    """

    stored: int
    refused: int = 0
    reason: str = ""
    conflicts: int = 0


def give(
    project: Stored,
    ids: Sequence[int],
    kind: str,
    value: str | None = None,
    *,
    annotator: str,
    client: str | None = None,
    saw: Sequence[str | None] | None = None,
) -> Batch:
    """The same answer to many images.

    Args:
        kind: label, with a class as value; skip or flag.
        client: the batch's name, of a browser that may have to send it again.
        saw: the label its author saw on each, None for none; not given by who saw none.

    Raises:
        BadInput: no image, too many, another kind, or what is no class.
    """
    wanted = checked(ids)
    if kind not in KINDS:
        raise BadInput(f"many images at once cannot get {kind[:20]!r}: use {', '.join(KINDS)}")
    if kind == "label" and project.dense:
        raise BadInput(f"{project.name!r} is labeled pixel by pixel: its images have no label each")
    if kind == "label" and project.class_meant(str(value)) is None:
        raise BadInput(f"{str(value)[:40]!r} is not a class of {project.name!r}")
    if saw is not None and len(saw) != len(wanted):
        raise BadInput(f"{len(wanted)} images and {len(saw)} labels that were seen: give one for each")
    client = client or f"batch-{uuid.uuid4().hex[:16]}"
    events = [
        Annotation(client, seq, item, kind, value, annotator=annotator, replaces=None if saw is None else saw[seq - 1] or "")
        for seq, item in enumerate(wanted, 1)
    ]
    taken = project.journal.take(events, project.classes)
    reason = str(taken.rejected[0]["reason"]) if taken.rejected else ""
    return Batch(len(taken.acked), len(taken.rejected), reason, len(taken.conflicts))


def take_back(project: Stored, client: str, *, annotator: str, undo: str | None = None) -> Batch:
    """Takes a batch back where its answer is still the newest of that person; what was answered anew since stays and counts as refused.

    Args:
        client: the batch's name.
        undo: the name of the undo, of a browser that may have to send it again.

    Raises:
        BadInput: that person gave no such batch.
    """
    undo = undo or f"undo-{uuid.uuid4().hex[:16]}"
    again = len(project.journal.of_client(undo))
    given = project.journal.of_client(client)
    if not given or any(event["annotator"] != annotator or event["kind"] not in KINDS for event in given):
        raise BadInput("there is nothing of yours to take back under that name")
    if again:
        return Batch(again, len(given) - again)
    newest = project.queries.standing([event["item_id"] for event in given])
    numbers = {event["item_id"]: event["id"] for event in given}
    open_: list[int] = []
    for item, standing in newest.items():
        own = [event.id for event in standing if event.annotator == annotator]
        if own and own[-1] == numbers[item]:
            open_.append(item)
    project.journal.take([Annotation(undo, seq, item, "undo", annotator=annotator) for seq, item in enumerate(open_, 1)])
    left = len(given) - len(open_)
    return Batch(len(open_), left, "answered anew since" if left else "")


def checked(ids: Sequence[int]) -> list[int]:
    """The ids as plain numbers. BadInput: none, too many, or one twice."""
    wanted = list(dict.fromkeys(int(i) for i in ids))
    if not wanted:
        raise BadInput("nothing is selected: choose some images first")
    if len(wanted) != len(ids):
        raise BadInput("an image is named twice")
    if len(wanted) > MOST:
        raise BadInput(f"{len(wanted):,} images are too many at once: take up to {MOST:,}")
    return wanted
