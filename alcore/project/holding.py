"""Images that a person holds out by hand: nothing trains on them and nobody is asked for them; those with a label are tested on. Kept as
notes in the journal."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from alcore.errors import BadInput
from alcore.project.batches import Batch, checked
from alcore.project.stored import Stored
from alcore.types import HOLD, NOT

BESIDE = {False: "not among the images to label: tested on already, or gone", True: "not held out by hand"}


def hold(project: Stored, ids: Sequence[int], *, annotator: str, client: str | None = None, back: bool = False) -> Batch:
    """Holds images out of the pool, or puts such ones back; those that are not there are refused. Labels stay what they are.

    Args:
        client: its name, of a browser that may have to send it again.

    Raises:
        BadInput: no image, too many, or one twice.
    """
    wanted = checked(ids)
    done = project.journal.apart.hold(wanted, annotator, client or f"hold-{uuid.uuid4().hex[:16]}", back)
    left = len(wanted) - len(done)
    return Batch(len(done), left, BESIDE[back] if left else "")


def take_back(project: Stored, client: str, *, annotator: str, undo: str | None = None) -> Batch:
    """Undoes what was done under a name, where it still is so: what was held out is put back, and the other way round.

    Raises:
        BadInput: that person did nothing of that kind under that name.
    """
    given = project.journal.of_client(client)
    if not given or any(event["annotator"] != annotator or event["kind"] != HOLD for event in given):
        raise BadInput("there is nothing of yours to take back under that name")
    held = given[0]["value"] != NOT
    return hold(
        project, [event["item_id"] for event in given], annotator=annotator, client=undo or f"undo-{uuid.uuid4().hex[:16]}", back=held
    )
