"""What a person wants to reach, a share of right guesses or a time, and how far off it is at the pace there is. Knows no page, no route."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass

from alcore.errors import BadInput
from alcore.measures import outlook
from alcore.metrics import wilson
from alcore.nets.tasks import FEATURES
from alcore.project import sharing, slices
from alcore.project.stored import Stored
from alcore.types import Round

SETTING = "goal"
PAUSE = 120.0  # seconds without a label: from there on it is no part of the work
RECENT = 60  # labels a person's pace is taken over
CROWD = 20  # people, of whom that many labels are looked at
AWAY = 300.0  # seconds by which somebody's last label lies behind the newest of all: from there on they are not at work
FEWEST = 5  # times between two labels, at least
LONGEST = 7 * 24 * 60  # minutes that a deadline may lie ahead


@dataclass(frozen=True)
class Goal:
    """A share of right guesses, 0 to 1, and a time in seconds since 1970; None for what nobody asked for."""

    accuracy: float | None = None
    until: float | None = None


def goal(project: Stored) -> Goal:
    """As a person chose it."""
    return Goal(**project.settings.get(SETTING, {}))


def aim(project: Stored, accuracy: float | None = None, minutes: float | None = None) -> None:
    """Keeps a goal; what is None stays as it was.

    Args:
        accuracy: the share of guesses that is to be right, above 0 and below 1.
        minutes: from now on.

    Raises:
        BadInput: one of them makes no sense.
    """
    if accuracy is not None and not 0 < accuracy < 1:
        raise BadInput(f"a share of {accuracy} cannot be aimed at: use one above 0 and below 1")
    if minutes is not None and not 0 < minutes <= LONGEST:
        raise BadInput(f"a deadline cannot be {minutes:g} minutes ahead: use 1 to {LONGEST:,}")
    new = {"accuracy": accuracy, "until": None if minutes is None else time.time() + 60 * minutes}
    project.change_settings(**{SETTING: {**project.settings.get(SETTING, {}), **{k: v for k, v in new.items() if v is not None}}})


def forget(project: Stored) -> None:
    """Takes the goal away."""
    project.change_settings(**{SETTING: {}})


def pace(project: Stored) -> float | None:
    """Labels a minute, of all who are at work together: the sum of what each gives, over their last RECENT labels without their pauses.
    Where several people answer each image, so many of their labels make one. None before there are some."""
    moments: dict[str, list[float]] = {}
    for who, at in project.items.label_moments(CROWD * RECENT):
        moments.setdefault(who, []).append(at)
    if not moments:
        return None
    last = max(of_one[0] for of_one in moments.values())
    at_work = [of_one[:RECENT] for of_one in moments.values() if of_one[0] >= last - AWAY]
    each = [found for of_one in at_work if (found := tempo([(at, True) for at in of_one[::-1]], PAUSE)) is not None]
    return sum(each) / sharing.settings(project).opinions if each else None


def tempo(moments: Iterable[tuple[float, bool]], pause: float) -> float | None:
    """A person's labels a minute, of when they did something and whether it was a label, oldest first: only time counts that passed between
    two deeds without a pause, and only labels that ended such a time. None where there are too few."""
    gaps = [(gap, counts) for (sooner, _), (later, counts) in itertools.pairwise(moments) if (gap := later - sooner) <= pause]
    spent = sum(gap for gap, _ in gaps)
    return 60 * sum(counts for _, counts in gaps) / spent if len(gaps) >= FEWEST and spent > 0 else None


def told(project: Stored, now: float | None = None) -> list[str]:
    """The goal in words, one for each thing that was asked for, with what it takes at this pace; none without a goal."""
    aimed, found = goal(project), []
    per_minute = pace(project) if aimed != Goal() else None
    if aimed.accuracy is not None:
        found.append(_of_accuracy(project, aimed.accuracy, per_minute))
    if aimed.until is not None:
        found.append(_of_time(aimed.until - (time.time() if now is None else now), per_minute))
    return found


def _of_time(left: float, per_minute: float | None) -> str:
    if left <= 0:
        return "the time is over"
    minutes = math.ceil(left / 60)
    more = f": about {_whole(per_minute * left / 60)} labels more" if per_minute else ""
    return f"{_minutes(minutes)} left{more}"


def _of_accuracy(project: Stored, target: float, per_minute: float | None) -> str:
    name = f"{100 * target:.0f} %"
    rounds = [r for r in project.rounds() if not r.start and r.train.get("architecture") == FEATURES]
    measured = [(r, m) for r in _apart(rounds) if (m := slices.measured(project, r))]
    if not measured or measured[-1][0].number != rounds[-1].number:
        return f"how far {name} is off is not known without test images"
    last = measured[-1][1]
    if wilson(last.share, last.of)[0] >= target:
        return f"{name} reached"
    few, most = outlook.labels_to(target, [(r.labeled, m.right) for r, m in measured if m.of == last.of], last.of) or (0.0, math.inf)
    left = len(project.pool().unlabeled)
    if few > left:
        return f"{name} may take more labels than there are images"
    if few < 1 and most == math.inf:
        return f"how far {name} is off cannot be told yet"
    if most == math.inf:
        return f"{name} takes at least {_labels(few, per_minute)} more"
    if few < 1:
        return f"{name} may be reached, or takes up to {_labels(most, per_minute)} more"
    span = f" ({_minutes(few / per_minute)} to {_minutes(most / per_minute)})" if per_minute else ""
    return f"{name} takes {_whole(few)} to {_whole(most)} labels more{span}"


def _apart(rounds: list[Round]) -> list[Round]:
    """The newest round, and of those before it as few as tell a curve: each with clearly fewer labels than the next."""
    kept: list[Round] = []
    for round_ in reversed(rounds):
        if not kept or 0 < round_.labeled * outlook.APART <= kept[-1].labeled:
            kept.append(round_)
    return kept[::-1]


def _labels(n: float, per_minute: float | None) -> str:
    return f"{_whole(n)} labels" + (f" ({_minutes(n / per_minute)})" if per_minute else "")


def _whole(n: float) -> str:
    """With two digits that count: 137 is about 140."""
    size = max(0, math.floor(math.log10(max(1.0, n))) - 1)
    return f"{round(n, -size):,.0f}"


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    return f"{_whole(minutes)} min" if minutes < 100 else f"{minutes / 60:.0f} h"
