"""What events of the journal mean: which still stand, what they make of an item, and where two contradict. Pure: no database, no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from alcore.types import NOTES, Annotation

MASK_KINDS = ("mask", "region")

Event = TypeVar("Event", bound=tuple[Any, ...])


def left_standing(events: Iterable[Event]) -> list[Event]:
    """What people said of an item and no undo took back, of its events, oldest first and each beginning with its kind, value and annotator.

    An undo takes the newest event of its own annotator that stands, of whoever where that person has none: nobody takes back what somebody
    else said meanwhile.
    """
    standing: list[Event] = []
    for event in events:
        if event[0] in NOTES:
            continue  # nobody said it, and nobody takes it back
        if event[0] != "undo":
            standing.append(event)
        elif standing:
            own = [place for place, other in enumerate(standing) if other[2] == event[2]]
            del standing[own[-1] if own else -1]
    return standing


def answered_items(events: Iterable[Any], number: int, created: float) -> set[int]:
    """Items whose regions somebody answered that a round asked for, and not taken back. An answer names its round; one that does not is
    taken for any that was there.

    Args:
        events: (item, kind, value, annotator, round, time), oldest first.
        number, created: the round's.
    """
    by_item: dict[int, list[tuple[str, str | None, str, int | None, float]]] = {}
    for item, *event in events:
        by_item.setdefault(item, []).append(tuple(event))

    def answers(kind: str, value: str | None, annotator: str, round_: int | None, at: float) -> bool:
        return kind == "region" and (round_ == number or (round_ is None and at >= created))

    return {item for item, of_item in by_item.items() if any(answers(*event) for event in left_standing(of_item))}


def fold(events: Iterable[tuple[Any, ...]]) -> dict[str, Any] | None:
    """The state an item's events (kind, value, annotator, time, replaces, opinions), oldest first, leave; None without any. The last two
    may lack.
    A label without a value is of a class that was taken away, and says nothing.

    An undo takes back its annotator's newest event that is not taken back yet; an undo of nothing changes nothing. A label or mask ends a
    skip, and a skip takes an earlier one away, but not what was painted of a part of an image: then it says that no more of it is wanted.
    An answer to regions does not make an image partial that was painted as a whole. A flag stands beside either.

    An item is disputed once somebody answers otherwise without having seen what another said: the newer label counts, a skip takes nothing
    away, and both wait for a review, which any answer is that was given in sight of the label.

    Where an answer says how many `opinions` were asked for, each person has one vote, the newest they gave, and what most said counts; see
    Opinions. `missing` is how many are still to answer.
    """
    told = [event for event in events if event[0] not in NOTES]
    standing = left_standing(told)
    if not standing:
        return None
    state: dict[str, Any] = {"label": None, "partial": False, "disputed": False, "skipped": False, "flagged": False, "missing": 0}
    state |= {"annotator": standing[-1][2], "changed": told[-1][3]}
    opinions = Opinions()
    for kind, value, annotator, _, *saw in standing:
        if kind == "flag":
            state["flagged"] = True
            continue
        if kind == "label" and value is None:
            continue
        replaces, of = (*saw, None, None)[:2]
        if opinions.takes(replaces, of):
            state |= opinions.given(annotator, value if kind == "label" else None, of, state)
            continue
        unseen = differs(state, kind, value, replaces)
        opinions.answered(annotator, value if kind == "label" else None, replaces, unseen)
        if unseen or replaces is None or replaces == (state["label"] or ""):
            state["disputed"] = unseen
        if kind != "skip":
            partial = kind == "region" and (state["label"] is None or state["partial"])
            state |= {"label": value, "partial": partial, "skipped": False}
        elif state["partial"]:
            state["skipped"] = True
        elif not unseen:
            state |= {"label": None, "skipped": True}
        state |= {"annotator": annotator, "missing": 0}  # a flag beside a label does not make its annotator the label's
    return state


class Opinions:
    """What people said of one item without seeing what the others said, and what counts of it.

    A vote is a class or a skip (None). What most said counts, of as many the label that was said first; a tie waits for a review once all
    who were asked have answered. An answer in sight of what others said, or of a script, decides: after it an opinion that says otherwise
    takes nothing away, and the item waits for another review.
    """

    def __init__(self) -> None:
        self.votes: dict[str, str | None] = {}  # by who, in the order in which they first answered
        self.of = 0
        self.decided = False

    def takes(self, replaces: str | None, of: int | None) -> bool:
        """Whether an answer is an opinion: it says so, or its author saw nothing of an item on which others gave theirs."""
        return bool(of) or (self.of > 0 and replaces == "" and not self.decided)

    def answered(self, annotator: str, value: str | None, replaces: str | None, unseen: bool) -> None:
        """An answer that is none: the only vote of who saw nothing of others, a decision otherwise."""
        others = self.votes.keys() - {annotator}
        self.decided = replaces is None or (not unseen and replaces != "" and bool(others or self.decided))
        if self.decided:
            self.votes.clear()
        self.votes[annotator] = value

    def given(self, annotator: str, value: str | None, of: int | None, state: Mapping[str, Any]) -> dict[str, Any]:
        """One more opinion: what it makes of the item's state."""
        if self.decided:
            return {"disputed": state["disputed"] or value != state["label"]}
        self.of = of or self.of
        self.votes[annotator] = value
        tally = Counter(self.votes.values())
        most = max(tally.values())
        first = [vote for vote, n in tally.items() if n == most]
        label = next((vote for vote in first if vote is not None), None)
        missing = max(0, self.of - len(self.votes))
        left = {"label": label, "partial": False, "skipped": label is None, "disputed": not missing and len(first) > 1}
        return left | {"missing": missing, "annotator": [who for who, vote in self.votes.items() if vote == label][-1]}


def differs(state: Mapping[str, Any] | None, kind: str, value: str | None, replaces: str | None) -> bool:
    """True when an answer contradicts the label an item has, and its author saw another one or none. Parts of an image never do: they are
    laid over what there is."""
    label = state["label"] if state else None
    if label is None or replaces is None or replaces == label or kind not in ("label", "mask", "skip"):
        return False
    return kind == "skip" or value != label


def row_of(event: Annotation, project_id: int, now: float) -> dict[str, Any]:
    """An event as a row of the journal, at a time in seconds since 1970."""
    return {
        "project_id": project_id,
        "item_id": event.item,
        "kind": event.kind,
        "value": event.value,
        "annotator": event.annotator,
        "client": event.client,
        "seq": event.seq,
        "round": event.round,
        "ms": event.ms,
        "clicks": event.clicks,
        "replaces": event.replaces,
        "opinions": event.opinions,
        "created": now,
    }
