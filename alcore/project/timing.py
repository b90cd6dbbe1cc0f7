"""Forecasts for pages that cannot wait: steps are timed in a process of their own, one round at a time. Knows projects and threads."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from alcore.errors import AlcoreError
from alcore.project.confined import check_settings
from alcore.project.forecast import Forecast, by_costs, by_rule, costly, forecast, is_busy, known
from alcore.project.place import Place
from alcore.project.probe import Costs, timed
from alcore.project.stored import Stored, stored
from alcore.training.turn import Order

PATIENCE = 60.0  # seconds that a process which times steps may take
LOOK = 0.1  # seconds between two looks whether a job wants its device
FEW = 2  # forms of a page whose rounds wait to be timed at most; older ones nobody looks at any more

logger = logging.getLogger(__name__)


class Forecasts:
    """The forecasts of a process, for pages that cannot wait: what needs timed steps is there some seconds later. Thread-safe.

    What a step costs is kept, so another number of steps or images is a matter of arithmetic.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._changed = threading.Condition()  # guards all below
        self._costs: dict[str, Costs | AlcoreError | None] = {}
        self._wanted: dict[str, tuple[str, Order]] = {}
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def look(self, project: Stored, order: Order) -> Forecast | AlcoreError | None:
        """The forecast; what would keep the round from running; or None while its steps are being timed, which begins here."""
        try:
            check_settings(self._place, {**order.params, **order.train})
        except AlcoreError as refused:
            return refused
        key = _key(project, order)
        with self._changed:
            has, costs = key in self._costs, self._costs.get(key)
        if isinstance(costs, AlcoreError):
            return costs
        found = known(project, order, costs)
        if found is None and (has or os.environ.get("ALCORE_FORECAST") == "0"):
            return by_rule(project, order)  # timing came to nothing, or is not wanted
        if found is None:
            self._ask(key, project.name, order)
        return found

    def stages(self, project: Stored, order: Order) -> Mapping[str, float]:
        """Seconds by stage of a job with this order, where its steps were timed; else empty."""
        with self._changed:
            costs = self._costs.get(_key(project, order))
        return by_costs(project, order, costs).stages if isinstance(costs, Costs) else {}

    def forecast(self, project: Stored, order: Order) -> Forecast:
        """`forecast`, here and now; what was timed is kept."""

        def measured(project: Stored, order: Order) -> Costs:
            costs = timed(project, order)
            with self._changed:
                self._costs[_key(project, order)] = costs
            return costs

        return forecast(project, order, measured)

    def stop(self) -> None:
        """Ends what is being timed, for a job is about to start; what waits is timed when somebody looks again."""
        with self._changed:
            self._wanted.clear()
            process = self._process
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """`stop`, for good."""
        with self._changed:
            self._closed, thread = True, self._thread
        self.stop()
        if thread is not None:
            thread.join()

    # ---- inside

    def _ask(self, key: str, project: str, order: Order) -> None:
        with self._changed:
            if self._closed or key in self._wanted or key in self._costs:
                return  # the last: it came since somebody looked
            self._wanted[key] = (project, order)
            while len(self._wanted) > FEW:
                del self._wanted[next(iter(self._wanted))]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="alcore-forecast", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._wanted or self._closed:
                    self._thread = None
                    return
                key = next(reversed(self._wanted))  # the newest is what somebody looks at
                project, order = self._wanted[key]
            found: Costs | AlcoreError | None = None
            done = True
            try:
                found, done = measure_apart(stored(self._place, project), order, self._began)
            except AlcoreError as problem:
                found = problem
            except Exception:  # a page without a forecast is still a page
                logger.exception("no forecast of a round of %r", project)
            with self._changed:
                self._wanted.pop(key, None)
                if done:
                    self._costs[key] = found

    def _began(self, process: subprocess.Popen[str] | None) -> None:
        with self._changed:
            self._process = process
            stopped = self._closed
        if stopped and process is not None:
            process.kill()


def _key(project: Stored, order: Order) -> str:
    """Rounds of one key have steps of one cost."""
    params, train = order.check()
    told = (project.id, project.settings, order.strategy, order.device, vars(params), costly(train))
    return json.dumps(told, sort_keys=True, default=str)


def measure_apart(project: Stored, order: Order, began: Callable[[subprocess.Popen[str] | None], None]) -> tuple[Costs | None, bool]:
    """`probe.timed` in a process of its own, and whether it may be relied on: it is ended when a job starts on the device.

    Args:
        began: gets the process, so that it can be ended, and None at its end.
    """
    place = project.place
    command = [sys.executable, "-m", "alcore.project.probe", str(place.home), project.name]
    path = os.pathsep.join(filter(None, (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        began(process)
        try:
            given: str | None = json.dumps(order.arguments())
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    out, err = process.communicate(given, timeout=LOOK)
                    break
                except subprocess.TimeoutExpired:
                    given = None
                if is_busy(place, order.device):
                    return None, False
                if time.monotonic() > deadline:
                    return None, True
        finally:
            process.kill()
            began(None)
    if process.returncode < 0:
        return None, False  # `stop`
    if process.returncode:
        raise RuntimeError(f"the process that times steps ended with {process.returncode}: {err.strip()[-2000:]}")
    told = json.loads(out)
    if "error" in told:
        raise AlcoreError(told["error"])
    return Costs.read(told), True
