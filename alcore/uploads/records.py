"""Which state of each fetched file is here: a line appended as it is begun and when it is whole, so that a kill loses the last at most."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Record:
    """What is known of a file that was begun.

    Attributes:
        size: bytes, None where its server does not say.
        time: ms since 1970 of its last change, 0 where its server does not say.
        tag: tells this state of it from others.
        whole: all of it is here.
    """

    size: int | None
    time: int
    tag: str
    whole: bool

    def goes_on(self, tag: str, size: int | None) -> bool:
        """Whether the rest of a file with this tag and size is the rest of this one. Asked by a date, a server need not say it again."""
        return (tag == self.tag or (not tag and self.tag.startswith("time "))) and self.size in (None, size)


class Records:
    """The records in a file, the last line of each path counts. Thread-safe.

    Args:
        file: need not be there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.of: dict[str, Record] = {}
        self._lock = threading.Lock()
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                told = json.loads(line)
                path = told.pop("path")
                self.of[path] = Record(**told)
            except (ValueError, TypeError, KeyError, AttributeError):  # cut off by a kill
                continue

    def add(self, path: str, record: Record) -> None:
        """Notes what a file is now."""
        with self._lock, self.file.open("a", encoding="utf-8") as file:
            file.write(_line(path, record))
            self.of[path] = record

    def only(self, wanted: Collection[str]) -> list[str]:
        """Forgets all others, and keeps a line for each; the others' paths."""
        gone = [path for path in self.of if path not in wanted]
        for path in gone:
            del self.of[path]
        made = self.file.with_suffix(".new")
        made.write_text("".join(_line(path, record) for path, record in self.of.items()), encoding="utf-8")
        os.replace(made, self.file)
        return gone


def as_recorded(record: Record | None, file: Path) -> tuple[Record, Path] | None:
    """A file that is here, whole, as it was recorded."""
    return (record, file) if record and record.whole and file.is_file() and size_of(file) == record.size else None


def size_of(file: Path) -> int:
    """Bytes of a file, 0 where there is none."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except OSError:
        return 0


def _line(path: str, record: Record) -> str:
    return json.dumps({"path": path, **asdict(record)}) + "\n"
