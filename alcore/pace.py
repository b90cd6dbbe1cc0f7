"""How fast a job goes, and how long it may still take. Knows no job and no clock."""

from __future__ import annotations

from alcore.types import Progress

RATE_MEMORY = 15.0  # seconds over which the speed behind an ETA is smoothed


class Pace:
    """How fast the present stage goes. Counts from the first report of the stage, so a resumed run is not taken for a fast one."""

    def __init__(self, now: float) -> None:
        self._begin(now, Progress("", 0, 0))

    def _begin(self, now: float, progress: Progress) -> None:
        self._first = self._last = (now, progress.done)
        self._total = progress.total
        self._rate: float | None = None

    def add(self, now: float, progress: Progress, entered: bool) -> None:
        if entered or progress.total != self._total or progress.done < self._last[1]:
            self._begin(now, progress)
        passed, more = now - self._last[0], progress.done - self._last[1]
        if passed > 0 and more > 0:
            # The plain mean at first, then one that forgets.
            weight = min(1.0, max(passed / RATE_MEMORY, passed / (now - self._first[0])))
            self._rate = weight * more / passed + (1 - weight) * (self._rate or 0.0)
            self._last = (now, progress.done)

    def eta(self, now: float) -> float | None:
        elapsed, gained = self._last[0] - self._first[0], self._last[1] - self._first[1]
        if not self._rate or self._total <= 0 or (gained < 0.02 * self._total and elapsed < 3):
            return None
        return max(0.0, (self._total - self._last[1]) / self._rate - (now - self._last[0]))
