"""Files fetched from elsewhere into the workspace's folder `uploads`, as an upload is: gone on with after whatever broke it off, put in
place when all are there, and then as any folder.

Beside what `shelf` describes there are `.NAME.upload/fetched.jsonl`, which state of each file is being brought, so that one that changed
meanwhile is not glued together of two, and `.NAME.upload/placed.jsonl`, the same of the folder `NAME`: what has not changed is not fetched
again when the address is asked for anew. It is linked from the folder there is then, and the new one takes its place at once. Whoever
fetches holds `.NAME.fetching`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from alcore.errors import AlcoreError, BadInput, Cancelled, DiskFull, NotFound, Unavailable, disk_full_told
from alcore.formats.base import count
from alcore.progress import Progress, Report, ignore_progress
from alcore.uploads.alone import alone
from alcore.uploads.archives import RESERVE
from alcore.uploads.buckets import Bucket
from alcore.uploads.https import TRIES, Lost
from alcore.uploads.names import amount, is_leftover, safe_path
from alcore.uploads.origins import PIECE, Arriving, Listed, Origin, Web, name_of, noted
from alcore.uploads.reach import S3, Reach, is_address, parsed
from alcore.uploads.records import Record, Records, as_recorded, size_of
from alcore.uploads.shelf import DONE, UNPACKING, Shelf, Standing, source_of

LANES = 8  # files at a time
MOST = 1_000_000_000_000  # bytes of all files
FETCHED, PLACED = "fetched.jsonl", "placed.jsonl"
LOOK = 0.25  # seconds between two looks at whether somebody wants it to stop

Opens = Callable[[str, Reach], Origin]


def origin_of(text: str, reach: Reach) -> Origin:
    """What fetches from an address. Raises BadInput when it may not be fetched, or what that needs is not installed."""
    address = reach.check(text)
    return Bucket(address) if address.scheme == S3 else Web(text.strip(), reach)


def begin(shelf: Shelf, text: str) -> Standing:
    """The upload of an address, new or the one there is. Raises BadInput when the address cannot be one."""
    address = parsed(text).text
    mark = hashlib.blake2b(address.encode(), digest_size=16).hexdigest()
    return shelf.begin(name_of(address), f"from {mark}", 0, 0, address)


def fetch(shelf: Shelf, name: str, reach: Reach, report: Report = ignore_progress, opens: Opens | None = None) -> Standing:
    """Fetches what is missing, or has changed since, of an upload that `begin` began.

    Args:
        reach: what may be fetched.
        report: is told how many files are there, or bytes of a file alone; raises Cancelled to stop.

    Raises:
        BadInput: it may not be fetched, or what comes cannot be taken.
        Busy: it is being fetched already, by whomever.
        Cancelled: `report` says so, or the upload was taken away.
        Unavailable: it is not to be had now; what is here stays.
    """
    known = shelf.standing(name)
    if not known.address:
        raise BadInput(f"{name!r} was uploaded and has no address: drop the files again")
    desk = shelf.desk(name)
    with alone(desk.with_suffix(".fetching"), f"{name!r} is being fetched already: wait until that ends, or stop it"):
        try:
            return _fetched(shelf, shelf.standing(name), reach, _Watched(report), opens or origin_of)
        except (FileNotFoundError, NotFound) as wrong:
            if shelf.known(name) is not None:
                raise
            shutil.rmtree(desk, ignore_errors=True)  # what was being written when it was taken away
            raise Cancelled(f"the upload {name} was taken away") from wrong


def _fetched(shelf: Shelf, known: Standing, reach: Reach, report: _Watched, opens: Opens) -> Standing:
    name, target = known.name, shelf.folder / known.name
    before = known if known.state == DONE else None
    if before is None and target.exists():  # fetched anew and killed then
        before = replace(known, state=DONE, source=str(source_of(target)))
    origin = opens(known.address, reach) if known.state != UNPACKING else None
    try:
        if origin is None:
            return _settled(shelf, shelf.unpack(name, report))
        origin.look = report.look
        report(Progress("looking what is there", 0, 0))
        listing = origin.listing()
        work = _Work(shelf, known, report)
        texts = {safe_path(path): content for path, content in listing.texts.items()}
        with disk_full_told(shelf.folder, known.address[:80]):
            if known.state == DONE and work.is_same(listing.files, texts, origin):
                return known
            notes = work.bring(listing.files, origin, texts)
            shelf.standing(name)  # it may have been taken away
            return _settled(shelf, shelf.fetched(replace(known, notes=(*listing.notes, *notes)), report))
    except AlcoreError:
        if before and shelf.known(name):
            shelf.keep(before)  # what was there stays in use
        raise
    finally:
        if origin is not None:
            origin.close()


def _settled(shelf: Shelf, done: Standing) -> Standing:
    """What was brought is in place: from now on its records are those of the folder."""
    desk = shelf.desk(done.name)
    os.replace(desk / FETCHED, desk / PLACED)
    return done


class _Watched:
    """A report that can be asked again whether it is to stop, while there is nothing new to tell."""

    def __init__(self, report: Report) -> None:
        self._report, self._last = report, Progress("fetching", 0, 0)

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        self._report(progress)

    def look(self) -> None:
        self._report(self._last)


class _Work:
    """One fetch of all files."""

    def __init__(self, shelf: Shelf, known: Standing, report: Report) -> None:
        self.shelf, self.known, self.report = shelf, known, report
        self.desk = shelf.desk(known.name)
        self.tree, self.parts = self.desk / "tree", self.desk / "parts"
        self.now = shelf.folder / known.name  # of an earlier time
        self.records = Records(self.desk / FETCHED)
        self.placed = Records(self.desk / PLACED).of if self.now.exists() else {}
        self.lock = threading.Lock()
        self.stop = threading.Event()
        self.bytes = 0  # that came, or were there
        self.total = 0  # of those whose size is known

    def is_same(self, files: Sequence[Listed], texts: Mapping[str, bytes], origin: Origin) -> bool:
        """Whether nothing has changed since it was fetched. Servers that list no state of a file are asked for each."""
        there = {path: one for one, path in _sorted_out(files, texts)[0]}
        whole = {path for path, record in self.placed.items() if record.whole}
        if {*there, *texts} != whole or any(_digest(content) != self.placed[path].tag for path, content in texts.items()):
            return False
        for at, (path, one) in enumerate(there.items()):
            self.report(Progress("looking for changes", at, len(there)))
            tag = self.placed[path].tag
            if one.tag or not tag:
                if one.tag != tag or not tag:
                    return False
                continue
            try:
                with origin.get(one, 0, "", tag) as got:
                    if not (got.same or (got.tag == tag and got.size == self.placed[path].size)):
                        return False
            except (Lost, NotFound):
                return False
        return True

    def bring(self, files: Sequence[Listed], origin: Origin, texts: Mapping[str, bytes]) -> list[str]:
        """Fetches all; sentences about what was left out."""
        todo, left, hidden = _sorted_out(files, texts)
        self.total = sum(one.size or 0 for one, _ in todo)
        self._check_room(self.total - self._there(path for _, path in todo))
        self.tree.mkdir(parents=True, exist_ok=True)
        self.parts.mkdir(exist_ok=True)
        self._forget({path for _, path in todo})
        for path, content in texts.items():
            self._place_of(path).write_bytes(content)
            self.records.add(path, Record(len(content), 0, _digest(content), True))
        if not todo:
            raise BadInput(f"there is no file at {self.known.address[:80]} that could be fetched{f'; {left[0]}' if left else ''}")
        lost = [f"{path[-80:]}: {why}" for path, why in self._all(todo, origin)]
        if len(lost) == len(todo):
            raise BadInput(f"nothing of {self.known.address[:80]} could be fetched; the first, {lost[0]}")
        if lost:
            origin.listing()  # a network that is gone is not a file that is gone
        left += lost
        notes = [f"{count(hidden, 'hidden file')} left out."] if hidden else []
        return [*notes, *noted(left, "file", "could not be fetched", "could not be fetched")]

    def _all(self, todo: list[tuple[Listed, str]], origin: Origin) -> Iterator[tuple[str, str]]:
        """(path, why not) of each that could not be had; what ends it all is raised."""
        done, waiting, ready = 0, iter(todo), [origin.apart(self._look) for _ in range(min(LANES, len(todo)))]
        opened = list(ready)
        running: dict[Future[None], tuple[str, str, Origin]] = {}
        with ThreadPoolExecutor(max(1, len(ready)), "alcore-fetch") as pool:
            try:
                while True:
                    while ready and (next_ := next(waiting, None)):
                        lane = ready.pop()
                        running[pool.submit(self._one, next_[0], next_[1], lane)] = next_[1], next_[0].address, lane
                    if not running:
                        return
                    ended, _ = wait(running, LOOK, FIRST_COMPLETED)
                    for future in ended:
                        path, where, lane = running.pop(future)
                        ready.append(lane)
                        try:
                            future.result()
                        except (BadInput, NotFound) as wrong:
                            yield path, str(wrong)
                        except Unavailable as wrong:
                            if isinstance(wrong, DiskFull) or self._is_home(where):
                                raise
                            yield path, str(wrong)
                        done += 1
                    self._tell(done, len(todo))
            finally:
                self.stop.set()
                wait(running)
                for lane in opened:
                    lane.close()

    def _is_home(self, address: str) -> bool:
        """Whether a file lies where all of it does: without that machine nothing can go on."""
        if not is_address(address):
            return True  # of a bucket
        return parsed(address).host == parsed(self.known.address).host

    def _tell(self, done: int, of: int) -> None:
        come = amount(self.bytes) + (f" of {amount(self.total)}" if self.total else "")
        if of == 1 and self.total:
            self.report(Progress("fetching", min(self.bytes, self.total), self.total, message=come))
        else:
            self.report(Progress("fetching", done, of, message=come))

    def _look(self) -> None:
        if self.stop.is_set():
            raise Cancelled("the fetch was asked to stop")

    def _one(self, one: Listed, path: str, origin: Origin) -> None:
        """Brings one file, however often its connection breaks, as long as it gets on."""
        still, before = 0, -1
        while True:
            try:
                self._try(one, path, origin)
                return
            except Lost as wrong:
                have = size_of(self._part(path))
                still = still + 1 if have <= before else 0
                before = max(before, have)
                if still >= TRIES:
                    raise Unavailable(f"{path[-80:]} does not arrive ({wrong}): try again, it goes on where it was") from wrong

    def _try(self, one: Listed, path: str, origin: Origin) -> None:
        part, whole = self._part(path), self.tree / path
        begun = self.records.of.get(path)
        here = as_recorded(begun, whole) or as_recorded(self.placed.get(path), self.now / path)  # of this turn, or of an earlier one
        had = size_of(part) if begun and not begun.whole else 0
        with origin.get(one, had, begun.tag if begun else "", here[0].tag if here else "") as got:
            if here and (got.same or (got.tag and got.tag == here[0].tag and got.size == here[0].size)):
                self._place(here[1], path)
                self.records.add(path, here[0])
                self._count(size_of(whole))
                return
            self._check_size(got.size, path)
            start, time, tag = got.start, got.time, got.tag
            if start > had:
                raise Lost("it goes on behind a gap")
            if start and begun:  # a server may go on with what it has by now
                if not begun.goes_on(tag, got.size):
                    part.unlink(missing_ok=True)
                    raise Lost("it was changed while it was fetched")
                time, tag = time or begun.time, tag or begun.tag
            elif had:
                part.unlink(missing_ok=True)  # before what comes is recorded: a kill between the two must not give it that name
            self.records.add(path, Record(got.size, time, tag, False))
            with part.open("r+b" if start else "wb") as file:
                file.truncate(start)
                file.seek(start)
                come = start + self._pour(got, file, start)
        if time:
            os.utime(part, ns=(time * 1_000_000, time * 1_000_000))
        os.replace(part, self._place_of(path))
        self.records.add(path, Record(come, time, tag, True))

    def _pour(self, got: Arriving, file: BinaryIO, start: int) -> int:
        """Bytes that came. Raises Lost when the connection breaks, or ends too early."""
        come = checked = 0
        self._count(start)
        try:
            while piece := got.read(PIECE):
                self._look()
                file.write(piece)
                come += len(piece)
                self._count(len(piece))
                if come - checked > 16 * PIECE or not checked:
                    checked = come
                    self._check_room(0)
            if got.size is not None and start + come != got.size:
                raise Lost(f"{amount(start + come)} of {amount(got.size)} came")
        except Lost:
            self._count(-start - come)  # they are counted again
            raise
        return come

    def _count(self, size: int) -> None:
        with self.lock:
            self.bytes += size
        if self.bytes > MOST:
            raise AlcoreError(f"{self.known.address[:80]} holds more than {amount(MOST)}: name a folder in it")

    def _check_room(self, more: int) -> None:
        if self.total > MOST:
            raise AlcoreError(f"{self.known.address[:80]} holds {amount(self.total)}, more than {amount(MOST)}: name a folder in it")
        if self.shelf.free() - max(0, more) < RESERVE:
            come = f"{amount(more)} are to come and " if more > 0 else ""
            raise DiskFull(
                f"{come}the disk of the workspace has {amount(self.shelf.free())} free, of which {amount(RESERVE)} are kept: free some "
                "space and fetch it again, it goes on then"
            )

    def _check_size(self, size: int | None, path: str) -> None:
        if size is not None and size > MOST:
            raise BadInput(f"{path[-80:]} says that it has {amount(size)}, more than {amount(MOST)}")

    def _place_of(self, path: str) -> Path:
        """Where a file goes in the new tree; nothing is there. Raises BadInput when it is a folder, or one of its folders a file."""
        place = self.tree / path
        if not self.tree.is_dir():
            raise FileNotFoundError(self.tree)  # taken away
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)  # of a killed turn; it may be one with the file that is in use
        except (FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError):
            if place.is_dir() or any(part.is_file() for part in place.parents):
                raise BadInput(f"{path[-80:]!r} is a file and a folder at once") from None
            raise
        return place

    def _place(self, ours: Path, path: str) -> None:
        """What has not changed, in the new tree: a link where the disk has such, else a copy."""
        if ours == self.tree / path:
            return
        whole = self._place_of(path)
        try:
            os.link(ours, whole)
        except OSError:
            shutil.copy2(ours, whole)

    def _part(self, path: str) -> Path:
        return self.parts / hashlib.blake2b(path.encode(), digest_size=16).hexdigest()

    def _there(self, paths: Iterator[str]) -> int:
        return sum(max(size_of(self._part(path)), size_of(self.tree / path), size_of(self.now / path)) for path in paths)

    def _forget(self, wanted: set[str]) -> None:
        """Takes away what an earlier turn brought that is not there any more, and what it had unpacked when it was broken off."""
        for path in self.records.only(wanted):
            self._part(path).unlink(missing_ok=True)
        for folder, _, names in os.walk(self.tree, topdown=False):
            for name in names:
                if Path(folder, name).relative_to(self.tree).as_posix() not in wanted:
                    Path(folder, name).unlink()
            if Path(folder) != self.tree and not os.listdir(folder):
                os.rmdir(folder)


def _sorted_out(files: Sequence[Listed], taken: Iterable[str]) -> tuple[list[tuple[Listed, str]], list[str], int]:
    """The files with where each goes; sentences about those that can go nowhere; how many are hidden."""
    todo, left, hidden, seen = [], [], 0, set(taken)
    for one in files:
        path, why = _placed(one.path)
        if path and path not in seen:
            todo.append((one, path))
            seen.add(path)
        elif path or why:
            left.append(why or f"{one.path[-80:]!r} goes where another file does")
        else:
            hidden += 1
    return todo, left, hidden


def _placed(path: str) -> tuple[str, str]:
    """Where a file goes, or ("", why not); ("", "") for a hidden one, which is not meant."""
    try:
        made = safe_path(path)
    except BadInput as wrong:
        return "", str(wrong)
    return ("", "") if is_leftover(made) else (made, "")


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
