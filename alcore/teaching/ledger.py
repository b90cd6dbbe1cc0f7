"""What happens in a class, a line of JSON an event, on the disk before anybody is told that it counts. Knows no class: what events mean is
said where they are applied."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alcore.errors import AlcoreError, BadInput, Busy, of_machine
from alcore.files import hold


def events(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a ledger; the last one is left out where a power cut broke it off.

    Raises:
        BadInput: a line is no event: somebody else has written to the file.
    """
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            event = json.loads(line)
        except ValueError:  # bad JSON, bad UTF-8
            event = None
        if not isinstance(event, dict) or "event" not in event:
            raise BadInput(f"line {number} of {path} is no event of a class: bring back the file as it was, or move it away")
        found.append(event)
    return found


class Ledger:
    """A file that grows by events. Thread-safe: those who wait for the disk at one moment share its one answer.

    Args:
        path: made when it is not there; of a line that was broken off nothing is kept.

    Raises:
        Busy: another process writes it. Unavailable: the machine does not let it be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)
        except OSError as wrong:
            raise of_machine(wrong) or AlcoreError(f"{path} cannot be written: {wrong.strerror}. Put that right and try again.") from wrong
        try:
            if hold(self._file) is False:
                raise BlockingIOError
        except OSError as wrong:  # or a folder of another machine that cannot hold files
            self._file.close()
            raise Busy(f"another server has the class {path.stem}: use its address, or end that server") from wrong
        self._end = self._whole_lines()
        self._synced = self._end
        self._writing, self._syncing = threading.Lock(), threading.Lock()

    def _whole_lines(self) -> int:
        """Bytes up to the end of the last whole line; what follows is cut off, so that the next line is one of its own."""
        self._file.seek(0)
        end = self._file.read().rfind(b"\n") + 1
        self._file.truncate(end)
        return end

    @property
    def end(self) -> int:
        """Bytes written so far: what `sync` takes to wait for all of it."""
        return self._end

    def append(self, event: Mapping[str, Any]) -> int:
        """Writes an event; it lasts once `sync` came back with what this returns.

        Raises:
            Unavailable: the disk is full, or the like; nothing of the event is kept then.
        """
        line = json.dumps(event, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"
        with self._writing:
            try:
                written = self._file.write(line)
                if written != len(line):
                    raise OSError(28, "No space left on device")
            except OSError as wrong:
                self._file.truncate(self._end)
                raise of_machine(wrong) or wrong from wrong
            self._end += len(line)
            return self._end

    def sync(self, end: int) -> None:
        """Waits until everything up to `end` is on the disk."""
        with self._syncing:
            if end <= self._synced:
                return  # somebody who came later has waited for us
            reached = self._end
            os.fsync(self._file.fileno())
            self._synced = reached

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()
