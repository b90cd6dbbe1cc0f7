"""What was said of one image, by whom and when, and what the model of that time thought. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alcore.project import metadata, notes, painted, queue, sharing
from alcore.project.stored import Stored
from alcore.storage.events import left_standing
from alcore.types import AGAIN, HOLD, NOTES, REMARK, SLICE, SURE, WANTED, Round


def history(project: Stored, item_id: int, viewer: str | None = None) -> dict[str, Any]:
    """An image with what was said of it.

    Args:
        viewer: who looks; without anybody all is told. What others said of an image that still wants this person's own opinion is not.

    Returns:
        `item` as the queue tells it, `holds` (of masks painted.held, else None), `note` (what somebody wrote about it), `meta` (column and
        value of what the metadata know of it), and `events` of the journal, oldest first: kind (drawn: for the test slice; wanted and
        unwanted: asked for by hand, and that taken back; held and put back: held out, and that taken back; remark: a note), value,
        annotator, time (seconds since 1970), round, `stands` (no undo took it back), `guess` and `confidence` of the round it was an answer
        to or, where it was none, of the newest round of that time.

    Raises:
        NotFound: there is no such item.
    """
    item = queue.item(project, item_id, viewer)
    events = project.journal.of_item(item_id)
    if viewer is not None and item_id in sharing.unseen(project, viewer):
        events = [event for event in events if event["annotator"] == viewer or (event["kind"] in NOTES and event["kind"] != AGAIN)]
    standing = {event[-1] for event in left_standing((e["kind"], e["value"], e["annotator"], e["id"]) for e in events)}
    rounds = [r for r in project.rounds() if not r.start]
    told = []
    for event in events:
        thought = _thought(project, item_id, _round_then(rounds, event))
        told.append(
            {
                "id": event["id"],
                "kind": _kind(event),
                "value": event["value"] if event["kind"] in ("label", AGAIN, REMARK) else None,
                "annotator": event["annotator"],
                "time": event["created"],
                "round": event["round"],
                "stands": event["id"] in standing or event["kind"] in NOTES,
                "guess": thought[0] if thought else None,
                "confidence": thought[1] if thought else None,
            }
        )
    holds = painted.held(project, item_id) if project.dense else None
    return {"item": item, "holds": holds, "events": told, "note": notes.of(project, item_id), "meta": metadata.facts(project, item_id)}


def _kind(event: Mapping[str, Any]) -> str:
    if event["kind"] == WANTED:
        return "wanted" if event["value"] is None else "unwanted"
    if event["kind"] == HOLD:
        return "held" if event["value"] is None else "put back"
    return {SLICE: "drawn", SURE: "sure"}.get(event["kind"], str(event["kind"]))


def _round_then(rounds: Sequence[Round], event: Mapping[str, Any]) -> Round | None:
    if event["round"] is not None:
        return next((r for r in rounds if r.number == event["round"]), None)
    return next((r for r in reversed(rounds) if r.created <= event["created"]), None)


def _thought(project: Stored, item_id: int, round_: Round | None) -> tuple[str, float] | None:
    """(class, confidence) that the round's model had for the item; None where it did not look, or its files were thinned out."""
    if round_ is None or project.dense or not (project.folder / "rounds" / round_.folder).is_dir():
        return None
    files = project.files(round_)
    at = [] if files is None else np.flatnonzero(files.walked_ids == item_id).tolist()
    if files is None or not at:
        return None
    p = files.probabilities(at)[0]
    return project.classes[int(p.argmax())], round(float(p.max()), 4)
