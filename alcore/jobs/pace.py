"""How far a job is and how long it may still take: over the running stage, and over all of them by a plan. Knows no job and no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alcore.progress import Progress

RATE_MEMORY = 15.0  # seconds over which the speed behind an ETA is smoothed
ENOUGH = 0.3  # share of a guessed plan that must have been measured before it says how long the rest takes


@dataclass(frozen=True)
class Planned:
    """A stage of a job and how long it may take.

    Attributes:
        stage: its name, or what stands before the colon of its names.
        seconds: to be multiplied by how much slower this machine turns out to be than the plan thought.
        fixed: not to be multiplied.
        begin, end: which part it is, 0...1, of the total that its reports name.
    """

    stage: str
    seconds: float
    fixed: bool = False
    begin: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Plan:
    """A job's stages in their order; `measured` when the seconds are those of an earlier job, and not a rule's guess."""

    stages: Sequence[Planned] = ()
    measured: bool = False


class Course:
    """A job on its way through its plan. Without a plan it is that of the running stage."""

    def __init__(self, now: float, plan: Plan | None = None) -> None:
        self._plan = plan or Plan()
        self._pace = Pace(now)
        self._at = -1  # the stage of the plan that runs, or ran last
        self._from = -1  # the first that ran here: a resumed job has others behind it
        self._stage: str | None = None
        self._entered = now
        self._whole: set[int] = set()  # stages of the plan that ran here from their beginning
        self._spent: dict[str, float] = {}
        self._share = 0.0

    def add(self, now: float, progress: Progress, entered: bool) -> None:
        """Takes a report; `entered` when it is the first one of its stage."""
        if entered:
            self._leave(now)
            self._stage = progress.stage
            if (found := self._find(progress.stage)) is not None:
                planned, self._at = self._plan.stages[found], found
                self._from = found if self._from < 0 else self._from
                if progress.done <= planned.begin * progress.total + 1:  # training reports after its first step
                    self._whole.add(found)
        self._pace.add(now, progress, entered)
        self._share = max(self._share, self._of_all(now))

    def eta(self, now: float) -> float | None:
        """Seconds until the job ends; None as long as nobody can tell. Without a plan, until the running stage ends."""
        if not self._plan.stages:
            return self._pace.eta(now)
        left = self._pace.eta(now, self._plan.stages[self._at].end) if self._at >= 0 else None
        slowness = self._slowness(now)
        if slowness is None:
            return None
        if self._at >= 0 and left is None:
            left = max(0.0, _seconds(self._plan.stages[self._at], slowness) - (now - self._entered) * self._runs())
        later = sum(_seconds(planned, slowness) for planned in self._plan.stages[self._at + 1 :])
        return (left or 0.0) * self._runs() + later

    @property
    def fraction(self) -> float:
        """0...1 of the whole job; never less than it was."""
        return self._share

    def stages(self, now: float) -> Mapping[str, float]:
        """Seconds of each stage so far, what was done before the first report left out."""
        running = {self._stage: self._spent.get(self._stage, 0.0) + now - self._entered} if self._stage else {}
        return {**self._spent, **running}

    # ---- inside

    def _find(self, stage: str) -> int | None:
        for at, planned in enumerate(self._plan.stages):
            if at >= self._at and (stage == planned.stage or stage.startswith(f"{planned.stage}:")):
                return at
        return None

    def _leave(self, now: float) -> None:
        if self._stage is not None:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._entered
        self._entered = now

    def _runs(self) -> bool:
        """Whether the running stage is one of the plan; what was not planned adds nothing to it."""
        return self._at >= 0 and self._stage is not None and self._find(self._stage) == self._at

    def _slowness(self, now: float) -> float | None:
        """Seconds here a planned second, of what was measured."""
        planned = took = 0.0
        for at, stage in enumerate(self._plan.stages[: self._at + 1]):
            if stage.fixed:
                continue
            if at < self._at:
                if at in self._whole:
                    planned += stage.seconds
                    took += sum(s for name, s in self._spent.items() if name == stage.stage or name.startswith(f"{stage.stage}:"))
            elif self._runs() and (whole := self._pace.whole(now, stage.begin, stage.end)) is not None:
                planned += stage.seconds
                took += whole
        here = sum(stage.seconds for stage in self._plan.stages[max(self._from, 0) :])
        enough = 0.0 if self._plan.measured else ENOUGH * here
        if planned > enough:
            return took / planned
        return 1.0 if self._plan.measured else None

    def _of_all(self, now: float) -> float:
        if not self._plan.stages:
            return self._pace.share
        slowness = self._slowness(now) or 1.0
        before = sum(_seconds(planned, slowness) for planned in self._plan.stages[: max(self._at, 0)])
        running = share = 0.0
        if self._at >= 0:
            stage = self._plan.stages[self._at]
            running = self._pace.whole(now, stage.begin, stage.end) or _seconds(stage, slowness)
            share = max(0.0, self._pace.share - stage.begin) / (stage.end - stage.begin) if self._runs() else 0.0
        later = sum(_seconds(planned, slowness) for planned in self._plan.stages[self._at + 1 :])
        return min(0.999, (before + running * share) / max(before + running + later, 1e-9))


def _seconds(planned: Planned, slowness: float) -> float:
    return planned.seconds if planned.fixed else planned.seconds * slowness


class Pace:
    """How fast the present stage goes. Counts from the first report of the stage, so a resumed run is not taken for a fast one."""

    def __init__(self, now: float) -> None:
        self._begin(now, Progress("", 0, 0))

    def _begin(self, now: float, progress: Progress) -> None:
        self._first = self._last = (now, progress.done)
        self._total = progress.total
        self._rate: float | None = None

    def add(self, now: float, progress: Progress, entered: bool) -> None:
        """Takes a report of the stage, or the first of a new one."""
        if entered or progress.total != self._total or progress.done < self._last[1]:
            self._begin(now, progress)
        passed, more = now - self._last[0], progress.done - self._last[1]
        if passed > 0 and more > 0:
            # The plain mean at first, then one that forgets.
            weight = min(1.0, max(passed / RATE_MEMORY, passed / (now - self._first[0])))
            self._rate = weight * more / passed + (1 - weight) * (self._rate or 0.0)
            self._last = (now, progress.done)

    @property
    def share(self) -> float:
        """0...1 of the stage."""
        return min(1.0, self._last[1] / self._total) if self._total > 0 else 0.0

    def whole(self, now: float, begin: float = 0.0, end: float = 1.0) -> float | None:
        """Seconds that this part of the total takes at this speed; None while it is too early to tell."""
        return None if self.eta(now) is None or not self._rate else (end - begin) * self._total / self._rate

    def eta(self, now: float, end: float = 1.0) -> float | None:
        """Seconds until that much of the total is done; None while it is too early to tell."""
        elapsed, gained = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if not self._rate or self._total <= 0 or (gained < 0.02 * self._total and elapsed < 3):
            return None
        return max(0.0, (end * self._total - self._last[1]) / self._rate - (now - self._last[0]))
