"""What a kind of job is, and what the runner of jobs asks of the table that keeps them. Knows no thread and no SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from alcore.progress import Progress, Report
from alcore.types import Job

RESUMABLE = ("interrupted", "cancelled", "failed")
GONE = "interrupted: the process that ran it has ended. Resume it to go on from its checkpoint."


def log_line(words: str) -> str:
    """A line of a job's log: when, and what."""
    return f"{time.strftime('%H:%M:%S')} {words}"


@dataclass(frozen=True)
class Claim:
    """What became of the wish to use a device; nothing is set when nothing waits for it.

    Attributes:
        job: the one that may run now.
        waits: else the one whose turn it would be,
        before: the one that runs or waits before it,
        owner: and the process of that one.
    """

    job: Job | None = None
    waits: Job | None = None
    before: Job | None = None
    owner: str = ""


class JobKind(Protocol):
    """What a kind of job does. Returns its result, which must go into JSON."""

    def __call__(self, job: Job, report: Report, /) -> Mapping[str, Any]: ...


class JobTable(Protocol):
    """Where jobs are kept. Every method is one transaction and may be called from any thread; an unknown id raises NotFound."""

    def add_job(
        self,
        kind: str,
        project: str,
        title: str,
        arguments: Mapping[str, Any],
        device: str,
        owner: str | None = None,
        *,
        waiter: str | None = None,
        attended: bool = False,
        alone: bool = False,
    ) -> Job:
        """A new job: queued for the process `waiter` to run, or already running (and started now) in `owner`.

        Args:
            attended: somebody waits for it where it was asked for: it ends with that process, no other takes it from the queue.
            alone: Busy is raised while another of the kind and the project is queued or running: of two who ask at once, one gets it.
        """

    def job(self, id: int) -> Job: ...

    def jobs(self, project: str | None = None, limit: int = 50) -> list[Job]:
        """Newest first."""

    def claim(self, device: str, owner: str, id: int | None = None) -> Claim:
        """The oldest queued job of the device becomes running in `owner`, for one caller only, if no job of a living process runs on it
        or waits longer; sets `started`. What ran there in a process that is gone becomes interrupted in the same transaction, as in
        `recover`: no two jobs of a device are ever running.

        Args:
            id: of the job that is wanted; None wants those of `owner` that are not attended, and those whose process is gone.
        """

    def requeue(self, id: int, waiter: str | None = None, *, attended: bool = False) -> bool:
        """A job in one of RESUMABLE becomes queued again, for the process `waiter`.

        Clears `cancel`, `error`, `result`, `started` and `finished`, and adds its seconds to `spent`; False when it was in another state.
        """

    def save_progress(self, id: int, progress: Progress) -> None: ...

    def finish_job(
        self,
        id: int,
        state: str,
        *,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
        owner: str | None = None,
        stages: Mapping[str, float] | None = None,
    ) -> bool:
        """Sets `finished` too, and how long its `stages` took.

        With `owner` only a job that is running or queued in that process; False when it is not.
        """

    def request_cancel(self, id: int) -> None:
        """A queued job becomes cancelled at once, a running one gets `cancel`, any other stays as it is; decided inside the transaction."""

    def must_stop(self, id: int, owner: str) -> bool:
        """Whether somebody asked the job to stop, or it is not running in `owner` any more."""

    def recover(self) -> list[Job]:
        """Jobs that ran or were attended in a process that is gone become interrupted, with GONE in their log, and are returned."""

    def queued_devices(self) -> set[str]:
        """Devices for which something is queued that is not attended."""

    def append_log(self, id: int, line: str) -> None: ...

    def log(self, id: int) -> list[str]: ...
