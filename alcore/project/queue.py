"""The open query as a person meets it: its items, best first, each with the reasons it was asked for. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alcore.project import addresses, drafts, sharing
from alcore.project.alike import said_of_others
from alcore.project.stored import Stored
from alcore.storage.queries import OpenQuery
from alcore.strategies import told_by
from alcore.training import explain
from alcore.training.roundfiles import RoundFiles
from alcore.types import FRAMES, PROPOSED, SLICE, WANTED, Round

STARTS = {
    "random": "first query, drawn at random: there is no model yet",
    "groups": "first query, in the middle of a group of images that look alike: there is no model yet",
    WANTED: "chosen by hand",
    PROPOSED: "one method's choice, taken after a comparison",
    "kcenter": "first query, spread over the raw pixels: there is no model yet",
}


TESTED = "a test image, drawn at random: it is only there to measure how often the model is right, and nothing learns from it"


def queue(
    project: Stored, n: int, opened: OpenQuery | None = None, chosen: Sequence[int] | None = None, viewer: str | None = None
) -> dict[str, Any]:
    """A query's next `n` items, best first, of the newest query for None; the shape is fixed by the HTTP contract.

    Args:
        chosen: the items to tell, where they are not the next ones.
        viewer: who looks, see `describe`.
    """
    opened = opened or project.queries.open()
    counts = project.items.labeled_count()
    result: dict[str, Any] = {
        "project": project.name,
        "round": None,
        "remaining": 0,
        "total": 0,
        "labeled": counts,
        "classes": list(project.classes),
        "items": [],
    }
    if not project.dense:
        result["looks"] = dict(project.settings.get("looks", {}))
    if project.dense:
        result |= {"colors": [list(color) for color in project.colors], "unit": FRAMES}
    if opened is None:
        return result
    round_ = project.round(opened.number)
    shown = describe(project, round_, opened.waiting[:n] if chosen is None else chosen, viewer)
    if project.dense:
        result["unit"] = round_.unit
    result |= {"round": opened.number, "remaining": len(opened.waiting), "total": opened.total, "items": shown}
    result |= {"skipped": opened.skipped, "flagged": opened.flagged}
    return result


def item(project: Stored, item_id: int, viewer: str | None = None) -> dict[str, Any]:
    """One item in the same shape, with what the newest round thinks of it; without what others said, where `viewer` has to say it first."""
    project.items.row(item_id)
    told = describe(project, project.newest_round(), [item_id], viewer)[0]
    if viewer is not None and item_id in sharing.unseen(project, viewer):
        told["state"] = {"label": None, "skipped": False, "flagged": False}
    return told


def describe(project: Stored, round_: Round | None, ids: Sequence[int], viewer: str | None = None) -> list[dict[str, Any]]:
    """Items as the queue shows them, with what a round thinks of them.

    Args:
        viewer: who looks: what others said of near duplicates that this person has still to answer is no draft and no reason.
    """
    rows = project.items.rows(ids)
    looked = looked_at(project, round_) if round_ else None
    files = project.files(looked) if looked else None
    scored = [i for i in ids if files and i in files.position]
    others = said_of_others(project, ids, () if viewer is None else sharing.unseen(project, viewer))
    by_hand = set(project.queries.wanted())
    probabilities = dict(zip(scored, files.probabilities([files.position[i] for i in scored]), strict=True)) if files and scored else {}
    result = []
    for i in ids:
        row = rows[i]
        name = project.shown_name(i, row["path"])
        entry: dict[str, Any] = {
            "id": i,
            "path": name,  # this goes to browsers: a class folder would tell the hidden truth
            "name": name,
            "image": addresses.picture(project.name, i, row["fingerprint"]),
            "width": row["width"],
            "height": row["height"],
            "rank": None,
            "of": None,
            "draft": None,
            "top": [],
            "reason": "",
            "scores": {},
            "details": [],
            "state": state_of(row),
            "test": row["split"] == SLICE,
        }
        if row["split"] == SLICE:
            entry["reason"] = TESTED
        elif files and looked and i in files.position:
            entry |= _thoughts(project, looked, files, i, probabilities[i])
            if round_ and round_.start:
                entry["reason"] = f"{_taken(round_, i)}{entry['reason']}"
        elif round_ and round_.start:
            entry["reason"] = STARTS[round_.start]
        if i in by_hand:
            thought = entry["reason"] if entry["rank"] is not None else ""
            entry["reason"] = f"{STARTS[WANTED]}; {thought}".rstrip("; ")
        if i in others and row["label"] is None:
            entry |= {"draft": others[i], "reason": f"a near duplicate was labeled {others[i]}; {entry['reason']}".rstrip("; ")}
        if project.dense:
            entry |= drafts.describe(project, looked, files, row)
        result.append(entry)
    return result


def looked_at(project: Stored, round_: Round) -> Round:
    """The round whose look at the pool a query comes from: itself, or the one that methods were compared on."""
    return project.round(int(round_.params["round"])) if round_.start == PROPOSED else round_


def _taken(round_: Round, item: int) -> str:
    """Who asked for an item of a query that was taken after a comparison."""
    if item not in round_.query:
        return ""
    place = f"{round_.query.index(item) + 1:,} of {len(round_.query):,}"
    return f"{round_.params['title']} asks for it, {place}, by round {round_.params['round']}'s look at the pool; "


def state_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of an item, from its row."""
    return {"label": row["label"], "skipped": row["skipped"], "flagged": row["flagged"]}


def _thoughts(project: Stored, round_: Round, files: RoundFiles, item_id: int, p: np.ndarray) -> dict[str, Any]:
    at = files.position[item_id]
    values = {name: float(v[at]) for name, v in files.scores.items()}
    ranks = {name: int(r[at]) for name, r in files.ranks.items()}
    names = project.classes[: len(p)]  # classes added since the round have no probability
    top = [(names[k], round(float(p[k]), 4)) for k in np.argsort(-p, kind="stable")[:5]]
    return {
        "rank": ranks["total"],
        "of": len(files.ids),
        "draft": top[0][0],
        "top": top,
        "reason": told_by(round_.strategy).explain(values, ranks, len(files.ids), files.trained_classes),
        "scores": values,
        "details": explain.details(files.scores, files.ranks, at, files.trained_classes),
    }
