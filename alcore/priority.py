"""Who waits for whom on a busy processor: people before jobs, jobs before what has no hurry."""

from __future__ import annotations

import os
import threading

JOB = 10  # a round, an import: somebody waits for it, but nobody at each key
NO_HURRY = 19  # features: training and the pages go on without the rest of them


def step_back(nice: int) -> None:
    """This thread, and those it starts from here on, leave the processor to everybody of a lower `nice`.

    Linux alone has that for threads; elsewhere, or where it is not allowed, work is slower for others and no more.
    """
    if not hasattr(os, "setpriority"):
        return
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    except OSError:
        return
