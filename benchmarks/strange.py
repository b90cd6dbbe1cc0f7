"""Other people's files: a folder and each data set below it, previewed and imported with a limit of time and memory; how each one ended.

Right is what is taken, set aside with a reason, or refused with a sentence. A traceback, a hang or a message that no page could show is a
fault. What was taken for what is printed beside it, for a person to judge: a wrong guess has no mark of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alcore.errors import LONGEST, AlcoreError
from alcore.importing.preview import preview
from alcore.importing.request import ImportRequest
from alcore.project import creation
from alcore.project.facade import Project, Workspace

SECONDS, MEMORY_GB, DEPTH = 60.0, 4.0, 3
FILES = (".csv", ".tsv", ".npz")  # a data set in one file
SHOWN = 3  # reasons of a row
LINES = 400  # characters of a traceback that are printed


@dataclass
class Outcome:
    """How one folder or file ended.

    Attributes:
        taken: images; aside: reason -> how many, with what differs from file to file left out.
        refused: the sentence, "" when it was taken. traceback: the end of it, "" without one.
        hung: it was still at work when its time was over.
        bad_messages: what was said that is no sentence: see `_is_bad`.
    """

    place: str
    took_for: str = ""
    taken: int = 0
    classes: list[str] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    aside: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    refused: str = ""
    traceback: str = ""
    hung: bool = False
    bad_messages: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_mb: float = 0.0


def run(folder: Path, seconds: float = SECONDS, memory_gb: float = MEMORY_GB, depth: int = DEPTH) -> dict[str, Any]:
    """Every outcome and their sum; `seconds` and `memory_gb` (of address space) are the limits of each."""
    folder = Path(os.path.abspath(folder))
    outcomes = []
    with Trials(seconds, memory_gb) as trials:
        for place in places(folder, depth):
            name = os.path.relpath(place, folder).encode("utf-8", "backslashreplace").decode()
            outcomes.append(trials.tried(place, name))
            _print(outcomes[-1])
    total = summary(outcomes)
    print("  " + ", ".join(f"{name} {_shown(value)}" for name, value in total.items()))
    return {"folder": str(folder), "summary": total, "outcomes": [asdict(one) for one in outcomes]}


def failed(figures: dict[str, Any]) -> bool:
    """True when something happened that must never happen."""
    return any(figures["summary"][name] for name in ("tracebacks", "hangs", "bad messages"))


def places(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """The folder, each folder below it down to `depth`, each file that may be a data set of its own; links are not followed."""
    yield folder
    if depth < 0 or not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        if entry.is_dir(follow_symlinks=False):
            yield from places(Path(entry.path), depth - 1) if depth else ()
        elif entry.name.lower().endswith(FILES):
            yield Path(entry.path)


def summary(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Counts over all outcomes; what lies in a folder and in the one around it counts in both."""
    outcomes = list(outcomes)
    aside: Counter[str] = Counter()
    for one in outcomes:
        aside.update(one.aside)
    return {
        "tried": len(outcomes),
        "images taken": sum(one.taken for one in outcomes),
        "set aside": dict(aside.most_common()),
        "refused with a sentence": sum(bool(one.refused) for one in outcomes),
        "tracebacks": sum(bool(one.traceback) for one in outcomes),
        "hangs": sum(one.hung for one in outcomes),
        "bad messages": sum(len(one.bad_messages) for one in outcomes),
        "seconds": round(sum(one.seconds for one in outcomes), 1),
        "most seconds": round(max((one.seconds for one in outcomes), default=0.0), 1),
        "peak memory, MB": max((one.peak_mb for one in outcomes), default=0.0),
    }


class Trials:
    """Tries one place after the other, each in a process of its own that is born with the code loaded."""

    def __init__(self, seconds: float = SECONDS, memory_gb: float = MEMORY_GB) -> None:
        self._seconds, self._memory = seconds, int(memory_gb * 1e9)
        self._processes = multiprocessing.get_context("forkserver")  # torch has threads, and they do not survive a plain fork
        self._processes.set_forkserver_preload(["benchmarks.strange"])

    def __enter__(self) -> Trials:
        self._scratch = Path(tempfile.mkdtemp(prefix="alcore-strange-"))
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._scratch)

    def tried(self, place: Path, name: str) -> Outcome:
        """How `place` ends."""
        with tempfile.TemporaryDirectory(dir=self._scratch) as home:
            child = self._processes.Process(target=_attempt, args=(place, Path(home), self._memory))
            started = time.perf_counter()
            child.start()
            child.join(self._seconds)
            hung = child.exitcode is None
            if hung:
                child.kill()
                child.join()
            answer, errors = Path(home, "answer.json"), Path(home, "errors.txt")
            outcome = Outcome(name, **(json.loads(answer.read_text()) if answer.exists() else {}))
            outcome.hung, outcome.seconds = hung, round(time.perf_counter() - started, 2)
            if child.exitcode and not hung:
                said = errors.read_text(errors="replace") if errors.exists() else ""
                outcome.traceback = said[-10 * LINES :] or f"the process ended with {child.exitcode}"
            return outcome


def _attempt(place: Path, home: Path, memory: int) -> None:
    """The child's part: everything goes through files in `home`, so that a child that is killed has left what it knew."""
    errors = os.open(home / "errors.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(errors, sys.stderr.fileno())
    sys.stderr = os.fdopen(errors, "w", buffering=1, errors="backslashreplace")  # a test may have put something else there
    if sys.platform == "linux":
        there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()  # of the code alone
        resource.setrlimit(resource.RLIMIT_AS, (there + memory, there + memory))
    found: dict[str, Any] = {}
    messages: list[str] = []
    try:
        # the text of a message is what is judged; the import says it again when it is refused
        seen = preview(ImportRequest.of(place, {"truth": "labels"}))
        found = {"took_for": seen.took_for, "classes": list(seen.classes), "labels": seen.counts, "splits": seen.splits}
        json.dumps(seen.answer(), ensure_ascii=False).encode()  # as the command line prints it
        messages += [*seen.warnings, *(one.reason for one in seen.skipped)]
    except AlcoreError as refusal:
        found["refused"] = str(refusal)
    workspace = Workspace(home / "workspace")
    try:
        done = creation.summary(Project.import_into(workspace, "strange", place, truth="labels"))
        messages += [*done["notes"], *(one["reason"] for one in done["skipped"])]
        found |= {"taken": done["items"], "took_for": done["took_for"], "warnings": done["notes"], "refused": ""}
        found["aside"] = Counter(_alike(one["reason"]) for one in done["skipped"])
    except AlcoreError as refusal:
        found["refused"] = str(refusal)
    finally:
        workspace.close()
    said = (*messages, found.get("took_for", ""), found["refused"])
    found["bad_messages"] = sorted({one for one in said if one and _is_bad(one)})
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["peak_mb"] = round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)
    Path(home, "answer.json").write_text(json.dumps(found))


def _is_bad(message: str) -> bool:
    """True for one that is long, of several lines, or has signs in it that cannot be shown."""
    return len(message) > LONGEST or not message.isprintable()


def _alike(reason: str) -> str:
    """The reason with its quoted names and numbers left out, so that those of one kind are counted together."""
    return re.sub(r"\d[\d,.]*", "N", re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", reason))[:90]


def _print(one: Outcome) -> None:
    end = "HANGS" if one.hung else "TRACEBACK" if one.traceback else "refused" if one.refused else f"{one.taken:,} taken"
    aside = f", {sum(one.aside.values()):,} set aside" if one.aside else ""
    print(f"  {one.place}: {end}{aside}; {one.seconds:.1f} s, {one.peak_mb:,.0f} MB", flush=True)
    reasons = [f"{number:,} x {reason}" for reason, number in Counter(one.aside).most_common(SHOWN)]
    said = [*([one.refused] if one.refused else [f"as {one.took_for}"]), *reasons, *(f"! {text}" for text in one.warnings)]
    for text in [*said, *(f"BAD MESSAGE {text!r}" for text in one.bad_messages), *one.traceback[-LINES:].splitlines()]:
        print(f"      {text}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{sum(value.values()):,} ({'; '.join(f'{number:,} x {reason}' for reason, number in [*value.items()][:8])})"
    return f"{value:,}"
