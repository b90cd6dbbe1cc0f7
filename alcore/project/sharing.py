"""Several people at one project: whether they see one queue or each their share of it, how many answer an image, and which images a window
gets. Knows no page and no route.

What was given to a window is nobody else's as long as that window is there: so nobody is shown what another one is on, whoever joins. What
is not given out yet belongs to whom `owner` says, and comes to anybody whose own share is used up.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from alcore.errors import BadInput
from alcore.project.stored import Stored
from alcore.storage.presence import Seat
from alcore.storage.queries import Event, OpenQuery

SETTING = "sharing"
MOST = 9  # people an image
ANSWERS = ("label", "skip")  # kinds of events that answer an image


@dataclass(frozen=True)
class Settings:
    """How people share a project.

    Attributes:
        split: each waiting image is shown to one person only.
        opinions: how many people answer an image, each without seeing the others' answers; 1 is enough usually.
        again: whether people are asked anew, now and then, what they have answered before.
    """

    split: bool = False
    opinions: int = 1
    again: bool = False

    @property
    def mode(self) -> str:
        """In one word, which changes whenever open windows have to ask anew."""
        return str(self.opinions) if self.opinions > 1 else "split" if self.split else "shared"


def settings(project: Stored) -> Settings:
    """As a person chose them."""
    return Settings(**project.settings.get(SETTING, {}))


def choose(project: Stored, *, split: bool = False, opinions: int = 1, again: bool = False) -> None:
    """Keeps a person's choice. It counts for the answers from now on: what was answered before stays as it is.

    Raises:
        BadInput: `opinions` is not in 1 ... MOST, or one of them means nothing for masks.
    """
    if not 1 <= opinions <= MOST:
        raise BadInput(f"{opinions} people cannot answer each image: use 1 to {MOST}")
    if project.dense and (opinions > 1 or again):
        raise BadInput(f"{project.name!r} is labeled pixel by pixel: several opinions and images asked again are for classes")
    chosen = {"split": split and opinions == 1, "opinions": opinions, "again": again}
    project.change_settings(**{SETTING: chosen})


def owner(item: int, names: Collection[str]) -> str:
    """Whose an image is, of those who are there: the same for everybody who asks, and when somebody comes or goes only the images change
    hands that become theirs or were theirs (rendezvous hashing, Thaler & Ravishankar 1998)."""
    return max(names, key=lambda name: (hashlib.blake2b(f"{item} {name}".encode(), digest_size=8).digest(), name))


@dataclass(frozen=True)
class Share:
    """What of a query is one window's.

    Attributes:
        opened: the query, of everybody; None where nothing was asked for.
        items: what it is to show next, in order.
        free: how many there are for it in all, with these.
        elsewhere: how many wait that others are on.
        mine: of a project of several opinions, the items that still want this person's; empty otherwise.
    """

    opened: OpenQuery | None
    items: tuple[int, ...] = ()
    free: int = 0
    elsewhere: int = 0
    mine: frozenset[int] = field(default_factory=frozenset)


def share(project: Stored, number: int | None, n: int, annotator: str, client: str, now: float | None = None) -> Share:
    """Gives a window its next `n` items of a round's query (the newest for None), and notes that they are given: one transaction, so that
    two who ask at once are not given the same."""
    chosen, now = settings(project), time.time() if now is None else now
    with project.place.database.write() as conn:
        opened = project.queries.open(number, conn)
        seats = project.presence.seats(now, conn)
        mine = next((seat for seat in seats if (seat.client, seat.annotator) == (client, annotator)), None)
        takes = dict.fromkeys(opened.waiting if opened else (), chosen.opinions)  # id -> how many more answers it takes
        if chosen.opinions > 1:
            takes = {**project.queries.half(annotator, client, conn), **takes}  # what somebody has answered already comes first
        others = [seat for seat in seats if seat.client != client]
        held = {i for seat in others for i in seat.held if i in takes}
        said = _answered_by(project.queries.standing(sorted(held), conn)) if chosen.opinions > 1 and held else {}
        theirs = [seat for seat in others if seat.annotator != annotator]
        taken = Counter(i for seat in theirs for i in seat.held if i in takes and seat.annotator not in said.get(i, ()))
        own = {i for seat in others if seat.annotator == annotator for i in seat.held}  # in another window of the same person
        free = sorted((i for i, more in takes.items() if taken[i] < more), key=own.__contains__)  # that comes last: it may be closed
        there = set(free)
        kept = [i for i in (mine.held if mine else ()) if i in there]
        names = {annotator, *(seat.annotator for seat in others)}
        fresh = _fresh(free, {*kept, *own}, annotator, names if chosen.mode == "split" else {annotator})
        given = _first(kept, chain(fresh, (i for i in free if i in own and i not in kept)), n)
        project.presence.sit(Seat(client, annotator, now, mine.item if mine else None, tuple(given)), conn)
    wanted = frozenset(takes) if chosen.opinions > 1 else frozenset()
    return Share(opened, tuple(given[:n]), len(free), len(takes) - len(free), wanted)


def _answered_by(standing: Mapping[int, Sequence[Event]]) -> dict[int, set[str]]:
    return {i: {event.annotator for event in events if event.kind in ANSWERS} for i, events in standing.items()}


def _fresh(free: Sequence[int], kept: Collection[int], annotator: str, names: Collection[str]) -> Iterable[int]:
    """What was not given to this window yet: its person's own share, best first, then that of others from its end, where they come last."""
    left = [i for i in free if i not in kept]
    if len(names) == 1:
        yield from left
        return
    theirs = []
    for i in left:
        if owner(i, names) == annotator:
            yield i
        else:
            theirs.append(i)
    yield from reversed(theirs)


def _first(kept: Sequence[int], fresh: Iterable[int], n: int) -> list[int]:
    """What a window has, and as many more as make `n`: no more of them are looked at than needed."""
    given = list(kept)
    for i in fresh:
        if len(given) >= n:
            break
        given.append(i)
    return given


def unseen(project: Stored, annotator: str) -> list[int]:
    """Images, ascending, of which a person is not to see what others said: they wait for more opinions, and have none of this person. Empty
    in a project where one opinion an image is enough."""
    return sorted(project.queries.half(annotator, "")) if settings(project).opinions > 1 else []


def seen_by(events: Sequence[Event], annotator: str, missing: int) -> tuple[list[Event], bool]:
    """What a person is to see of what was said of an image in a project of several opinions, and whether their own answer is one of these:
    as long as it counts as an opinion they see their own alone. What others decided in sight of all, and what nobody asks them any more,
    they see whole.

    Args:
        events: those that stand, oldest first.
        missing: how many opinions the image still waits for.
    """
    answers = [event for event in events if event.kind in ANSWERS]
    own = [event for event in events if event.annotator == annotator]
    if not answers:
        return list(events), True
    is_mine = any(event in answers for event in own)
    asked = any(event.opinions for event in answers)
    decided = answers[-1].opinions is None and (answers[-1].annotator != annotator or not asked)
    if not asked or decided or (not is_mine and not missing):
        return list(events), False
    return own, True
