"""Why a round asked for an image, or did not: every score with its formula and the numbers put in, the heads or prototypes and D behind
them, and the labeled images that are most like it. Reads only what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from alcore.errors import AlcoreError
from alcore.measures.likeness import cosines
from alcore.project import addresses, queue, sharing
from alcore.project.features import Features, suits
from alcore.project.passes import Pass
from alcore.project.stored import Stored
from alcore.strategies import title_of
from alcore.training import explain
from alcore.training.worked import At, Worked, distances, head_symbol, worked
from alcore.types import Round

NEIGHBORS = 6
SHOWN = 5  # classes that bars are drawn of
UNSEEN = "Round {} did not score this image: it was labeled, skipped or held out then, came later, or was not in the part that was scored."
STARTED = "Round {} was a start without a model, so there is nothing to work out: {}."


def why(project: Stored, item: int, number: int | None = None, viewer: str | None = None) -> dict[str, Any]:
    """Why that round asked for an item.

    Args:
        number: of the round; for None the newest that asked for it, or the newest of all.
        viewer: who looks: images of which they have to say what they see first are no neighbors.

    Returns:
        item, name, round, strategy, title, asked (its place in the query, from 1; None when it was not asked for), of (the query's size),
        reason (a sentence), missing (a sentence where nothing can be worked out, else ""), scores (each with name, title, value, unit,
        rank, of, help, formula, put, parts, worked, note), heads, prototypes, discriminator (None where the strategy has none), and
        neighbors (by, rows, note). All of it is JSON; numbers are not rounded.

    Raises:
        NotFound: there is no such item, or no such round.
    """
    row = project.items.row(item)
    round_ = project.round(number) if number is not None else _asker(project, item)
    entry = queue.describe(project, round_, [item], viewer)[0]
    told: dict[str, Any] = {
        "item": item,
        "name": project.shown_name(item, row["path"]),
        "round": round_.number,
        "strategy": round_.strategy,
        "title": str(round_.params.get("title", "")) if round_.start else title_of(round_.strategy, round_.params, round_.train),
        "asked": round_.query.index(item) + 1 if item in round_.query else None,
        "of": len(round_.query),
        "reason": entry["reason"],
        "missing": "",
        "scores": [],
        "heads": None,
        "prototypes": None,
        "discriminator": None,
        "neighbors": {"by": "", "rows": [], "note": ""},
    }
    base = queue.looked_at(project, round_)
    if base.start:
        return {
            **told,
            "missing": STARTED.format(round_.number, queue.STARTS[round_.start]),
            "neighbors": _neighbors(project, item, None, viewer),
        }
    looked = Pass(project, base)
    told["neighbors"] = _neighbors(project, item, looked, viewer)
    if item not in looked.files.position:
        return {**told, "missing": UNSEEN.format(base.number)}
    at = _at(looked, item)
    return {
        **told,
        "scores": _scores(at, base),
        "heads": _heads(at),
        "prototypes": _prototypes(at),
        "discriminator": _discriminator(at),
    }


def _asker(project: Stored, item: int) -> Round:
    """The newest round that asked for an item, or the newest of all."""
    return next((r for r in reversed(project.rounds()) if item in r.query), None) or project.round()


def _at(looked: Pass, item: int) -> At:
    files = looked.files
    titles = {name: explain.info(name, looked.round.strategy).title for name in files.scores}
    place, strategy = files.position[item], looked.round.strategy
    return At(files, place, strategy, looked.params, looked.classes, looked.project.dense, looked.embeddings, titles)


def _scores(at: At, round_: Round) -> list[dict[str, Any]]:
    """What it ranks by first, then the others."""
    found = explain.details(at.files.scores, at.files.ranks, at.place, len(at.classes))
    found.sort(key=lambda detail: detail["name"] != "total")
    return [
        {**detail, **_formula(worked(detail["name"], at)), "help": explain.info(detail["name"], round_.strategy).help} for detail in found
    ]


def _formula(of: Worked) -> dict[str, Any]:
    parts = [{"title": part.title, "value": part.value} for part in of.parts]
    return {"formula": of.formula, "put": of.put, "parts": parts, "worked": of.value, "note": of.note}


# ---- what is behind the scores


def _heads(at: At) -> dict[str, Any] | None:
    """Each head's probabilities of the classes that any of them finds likeliest, and how far the heads are apart."""
    if len(at.files.heads) == 1:
        return None
    p = np.stack([each[0].numpy() for each in at.heads()])
    order = np.argsort(-p.max(0), kind="stable")
    top, rest = order[:SHOWN], order[SHOWN:]
    mcdal = at.strategy == "mcdal"
    names = [("F" if not k else f"F{k}") if mcdal else f"Network {k + 1}" for k in range(len(p))]
    bars = [{"class": at.classes[k], "p": p[:, k].tolist()} for k in top]
    pairs = [{"title": f"d({head_symbol(a)}, {head_symbol(b)})", "a": a, "b": b, "value": d} for a, b, d in distances(at)] if mcdal else []
    return {"names": names, "bars": bars, "rest": p[:, rest].sum(1).tolist() if len(rest) else None, "more": len(rest), "pairs": pairs}


def _prototypes(at: At) -> dict[str, Any] | None:
    """How like each class's prototype an image is, of MAL: w·z/‖z‖, which over T is the logit, and the cosine."""
    if at.strategy != "mal" or at.dense:
        return None
    weight = at.files.weight("c.prototypes.weight")
    logits, p = at.logits()[0][0].numpy(), at.heads()[0][0].numpy()
    likeness = logits * at.params.temperature
    # a class's prototype of any length; with head=norm_w it counts as one of length 1
    lengths = np.ones(len(logits)) if weight is None or at.params.head == "norm_w" else np.linalg.norm(weight.astype(np.float64), axis=1)
    order = np.argsort(-likeness, kind="stable")[: 2 * SHOWN]
    rows = [{"class": at.classes[k], "likeness": likeness[k], "cosine": likeness[k] / lengths[k], "p": p[k]} for k in order]
    return {
        "temperature": at.params.temperature,
        "more": len(logits) - len(order),
        "rows": [{name: value if name == "class" else float(value) for name, value in row.items()} for row in rows],
    }


def _discriminator(at: At) -> dict[str, float] | None:
    if "labeledness_logit" not in at.files.scores:
        return None
    return {"logit": at.score("labeledness_logit"), "probability": at.score("labeledness")}


# ---- labeled images that are like it


def _neighbors(project: Stored, item: int, looked: Pass | None, viewer: str | None) -> dict[str, Any]:
    """The labeled images whose features, or else the round's embeddings, have the highest cosine with the item's."""
    beside = {item, *(i for i, _, _ in project.items.slice())}  # nothing learns from the slice
    beside.update(() if viewer is None else sharing.unseen(project, viewer))
    labeled = np.array(sorted(i for i in project.items.labels() if i not in beside), np.int64)  # no look at the whole pool
    if not len(labeled):
        return {"by": "", "rows": [], "note": "Nothing is labeled yet that it could be like."}
    by, ids, cosine = "features", *_by_features(project, item, labeled)
    note = "Nothing is stored that it could be compared by: neither features nor a round's embedding of it."
    if not len(ids) and looked is not None:
        try:
            by, ids, cosine = "embedding", *_by_embedding(looked, item, labeled)
        except (AlcoreError, FileNotFoundError) as gone:
            note = f"What it would be compared by is gone: {gone}"
    if not len(ids):
        return {"by": "", "rows": [], "note": note}
    best = np.lexsort((ids, -cosine))[: 4 * NEIGHBORS]  # some may be gone since the source was read again
    rows = project.items.rows(ids[best].tolist())
    there = [k for k in best if rows[int(ids[k])]["present"] and rows[int(ids[k])]["split"] == "pool"]
    shown = [_neighbor(project, rows[int(ids[k])], float(cosine[k])) for k in there[:NEIGHBORS]]
    return {"by": by, "rows": shown, "note": ""}


def _neighbor(project: Stored, row: Mapping[str, Any], cosine: float) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": project.shown_name(row["id"], row["path"]),
        "image": addresses.picture(project.name, row["id"], row["fingerprint"]),
        "label": "painted" if project.dense else row["label"],
        "cosine": cosine,
    }


def _by_features(project: Stored, item: int, labeled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(ids, cosines) of the labeled images that have features; none where the item has none."""
    nobody = np.empty(0, np.int64), np.empty(0)
    if not suits(project):
        return nobody
    found = Features(project)
    ids, rows = found.ids, found.rows
    places = np.minimum(np.searchsorted(ids, [item, *labeled]), len(ids) - 1)
    found_rows = np.where(ids[places] == [item, *labeled], rows[places], -1)
    own, theirs = int(found_rows[0]), found_rows[1:]
    if own < 0 or not (theirs >= 0).any():
        return nobody
    vectors = found.store.vectors()
    there = np.flatnonzero(theirs >= 0)
    return labeled[there], cosines(vectors[theirs[there]], np.asarray(vectors[[own]], np.float32))


def _by_embedding(looked: Pass, item: int, labeled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by what the round's network made of both; none where it did not look at the item."""
    walked = looked.files.walked_ids
    own = np.flatnonzero(walked == item)
    there = np.flatnonzero(np.isin(walked, labeled))
    if not len(own) or not len(there):
        return np.empty(0, np.int64), np.empty(0)
    both = looked.embeddings(np.concatenate([own, there]))
    return walked[there], cosines(both[1:], both[:1])
