"""What lies at an address, as a list of files: a file, a folder as web servers list it, a table or a list of addresses, a bucket's folder.

Knows how to list and to ask for files; where they go is for `fetching`.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from alcore.errors import BadInput, NotFound, Unavailable
from alcore.formats.base import count
from alcore.formats.listing import PATHS
from alcore.formats.tables import SUFFIXES
from alcore.naming import printable
from alcore.uploads.archives import MOST_FILES
from alcore.uploads.https import TRIES, Client, Look, Lost, go_on
from alcore.uploads.names import DEEPEST, amount, is_leftover
from alcore.uploads.reach import S3, Reach, is_address, parsed, shown

MOST_TEXT = 64_000_000  # bytes of a page, table or list that names files
MOST_PAGES = 20_000  # folders of one listing
PIECE = 262_144
NAMED = 3  # files or rows that are named in a note
ADDRESSES = (
    "url",
    "address",
    "image_url",
    "img_url",
    "image_address",
    "coco_url",
    "flickr_url",
    "download_url",
    "link",
    "href",
    "uri",
    "src",
)
HTML, JSON = "text/html", ".json"

Read = TypeVar("Read")


@dataclass(frozen=True)
class Listed:
    """A file that lies elsewhere.

    Attributes:
        path: below what is fetched, with `/`; not made safe yet.
        address: to ask for it.
        size: bytes, None where the listing does not say.
        time: ms since 1970 of its last change; 0 where it does not say.
        tag: tells this state of it from others, "" where it does not say.
    """

    path: str
    address: str
    size: int | None = None
    time: int = 0
    tag: str = ""


@dataclass(frozen=True)
class Listing:
    """All files; `texts` are files made of what was read already, by path: a table with the paths that its images have here."""

    files: Sequence[Listed]
    texts: Mapping[str, bytes]
    notes: tuple[str, ...] = ()


class Arriving(Protocol):
    """A file's bytes as they come; see https.Got."""

    start: int
    size: int | None
    time: int
    tag: str
    same: bool

    def read(self, most: int) -> bytes:
        """The next bytes, none at the end. Raises https.Lost when the connection breaks, or ends before all came."""


class Origin(Protocol):
    """Where files come from. Of one thread; `apart` gives one for another.

    Attributes:
        look: raises Cancelled when it is to stop; see https.Look.
    """

    look: Look

    def listing(self) -> Listing:
        """All that is there. Raises AlcoreError."""

    def get(self, one: Listed, start: int, tag: str, known: str) -> Any:
        """A context in which a file arrives; see https.Client.get."""

    def apart(self, look: Look) -> Origin:
        """The same for another thread, with a look of its own."""

    def close(self) -> None:
        """Lets go of connections."""


def name_of(text: str) -> str:
    """What an upload from an address is called: its last part, without the ending of an archive or a list."""
    address = parsed(text)
    last = unquote(address.path.partition("?")[0]).rstrip("/").rpartition("/")[2]
    return re.sub(r"\.(zip|csv|tsv|json|html?)$", "", last, flags=re.IGNORECASE) or address.host


class Web:
    """Files of web servers."""

    def __init__(self, text: str, reach: Reach, look: Look = go_on) -> None:
        self.text, self.reach, self.look = text, reach, look
        self.client = Client(reach, look=lambda: self.look())

    def apart(self, look: Look) -> Web:
        """See Origin."""
        return Web(self.text, self.reach, look)

    def close(self) -> None:
        """See Origin."""
        self.client.close()

    @contextmanager
    def get(self, one: Listed, start: int, tag: str, known: str) -> Iterator[Arriving]:
        """See Origin."""
        with self.client.get(one.address, start, tag, known) as got:
            yield got

    def listing(self) -> Listing:
        """One file; or what a page, a table or a list there names."""
        return _insisted(self._listing, self.text)

    def _listing(self) -> Listing:
        with self.client.get(self.text) as got:
            ended, kind = got.address.text.partition("?")[0], got.kind  # it may have been sent on to something signed
            suffix = posixpath.splitext(urlsplit(ended).path)[1].lower()
            wanted = posixpath.splitext(urlsplit(self.text).path)[1].lower()
            if kind == HTML:
                return self._folder(ended, _text(got, ended))
            if {suffix, wanted} & {*SUFFIXES, JSON} or kind in ("text/csv", "application/json"):
                content = _bytes(got, ended)
                listed = _table(content, ended) if JSON not in (suffix, wanted) and kind != "application/json" else _json(content, ended)
                if listed:
                    return listed
            name = unquote(urlsplit(self.text).path).rpartition("/")[2] or "file"
            return Listing([Listed(name, self.text, got.size, got.time, got.tag)], {})

    def _folder(self, at: str, page: str) -> Listing:
        """What a page links to that lies below it, folder by folder; one that is refused is left out, with a note."""
        base = urljoin(at, ".")
        found: dict[str, Listed] = {}
        left: list[str] = []
        seen, waiting, links = {base}, [base], {base: _links(page)}
        while waiting:
            folder = waiting.pop(0)
            names = links.pop(folder, None)
            if names is None:
                try:
                    names = _insisted(partial(self._page, folder), folder)
                except (BadInput, NotFound) as wrong:
                    left.append(str(wrong))
                    continue
            for link in names:
                try:
                    to = urljoin(folder, link).partition("#")[0]
                except ValueError:  # no address: it leads nowhere
                    continue
                if "?" in to or not to.startswith(folder) or to == folder:  # sorting, what is above, other places
                    continue
                path = unquote(to[len(base) :])
                if is_leftover(path.rstrip("/")):
                    continue
                if to.endswith("/"):
                    if to not in seen and path.count("/") < DEEPEST:
                        seen.add(to)
                        waiting.append(to)
                elif not path.lower().endswith((".html", ".htm")):
                    found.setdefault(path, Listed(path, to))
            if len(seen) > MOST_PAGES or len(found) > MOST_FILES:
                raise BadInput(f"{base[:80]} lists more than {MOST_PAGES:,} folders or {MOST_FILES:,} files: name a folder in it")
        if not found:
            raise BadInput(f"{at[:120]} is a page that links to no file below it: give the folder of the images, a zip, a table or a list")
        return Listing(list(found.values()), {}, noted(left, "folder", "was left out", "were left out"))

    def _page(self, folder: str) -> list[str]:
        with self.client.get(folder) as got:
            return _links(_text(got, folder)) if got.kind == HTML else []


def _insisted(ask: Callable[[], Read], at: str) -> Read:
    """What is read whole, asked for again when it breaks off."""
    why = ""
    for _ in range(TRIES):
        try:
            return ask()
        except Lost as wrong:
            why = str(wrong)
    raise Unavailable(f"{shown(at)} breaks off while it is read ({printable(why)[:80]}): try again")


def _links(page: str) -> list[str]:
    links: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "a":
                links.extend(value.strip() for name, value in attrs if name == "href" and value)

    with suppress(AssertionError):  # so it says that a mark cannot be read; what stands before it counts
        Reader().feed(page)
    return links


# ---- tables and lists of addresses


def _table(content: bytes, at: str) -> Listing | None:
    """The images that a table names, and the table with their paths here; None where none of its columns names any."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeError:
        text = content.decode("cp1252", "replace")
    heading = text.partition("\n")[0]
    comma = max(",;\t|", key=heading.count)
    left: list[str] = []
    rows = list(_rows(csv.reader(io.StringIO(text, newline=""), delimiter=comma), left))
    if len(rows) < 2:
        return None
    names = [name.strip().lower() for name in rows[0]]
    column = _column(names, rows[1:])
    if column is None:
        return None
    taken = [row + [""] * (len(names) - len(row)) for row in rows[1:]]
    return _listed([row[column] for row in taken], at, [rows[0], *taken], column, left)


def _rows(reader: Any, left: list[str]) -> Iterator[list[str]]:
    """The rows that hold something; of those that cannot be read a word goes to `left`."""
    while True:
        try:
            row = next(reader, None)
        except csv.Error as wrong:
            left.append(f"line {reader.line_num} cannot be read ({wrong})")
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield row


def _json(content: bytes, at: str) -> Listing | None:
    """The same of a list of addresses, or of objects with one each."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError) as wrong:
        raise BadInput(f"{at[:120]} is not JSON ({wrong}): it may be cut short") from wrong
    said = next((part for part in said.values() if isinstance(part, list)), None) if isinstance(said, dict) else said
    if not isinstance(said, list) or not said:
        return None
    if all(isinstance(one, str) for one in said):
        return _listed(said, at) if any(is_address(one) for one in said) else None
    if not all(isinstance(one, dict) for one in said):
        return None
    names = list(dict.fromkeys(name for one in said for name in one))
    rows = [[_cell(one.get(name)) for name in names] for one in said]
    column = _column([name.lower() for name in names], rows)
    return None if column is None or not is_address(rows[0][column]) else _listed([row[column] for row in rows], at, [names, *rows], column)


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _column(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """The column of addresses: one that is called so and holds some, else any that holds some, else one of paths beside the table."""
    first = [next((row[at].strip() for row in rows if at < len(row) and row[at].strip()), "") for at in range(len(names))]
    full = [at for at, cell in enumerate(first) if is_address(cell)]
    called = [at for at in full if names[at] in (*ADDRESSES, *PATHS)]
    paths = [names.index(name) for name in PATHS if name in names and posixpath.splitext(first[names.index(name)])[1]]
    return next(iter([*called, *full, *paths]), None)


def _listed(cells: Iterable[str], at: str, table: Sequence[Sequence[str]] = (), column: int = 0, unread: Sequence[str] = ()) -> Listing:
    """The files that cells name; a row whose cell names none that could be fetched is left out, with a note."""
    files: dict[str, Listed] = {}
    turns: dict[str, int] = {}
    paths, left = [], list(unread)
    for cell in cells:
        paths.append("")
        if not (cell := cell.strip()):
            continue
        try:
            address = urljoin(at, cell)
            if address not in files:
                files[address] = Listed(_path(address, cell, turns), address)
            paths[-1] = files[address].path
        except ValueError:
            left.append(f"{shown(cell)!r} cannot be an address")
        except BadInput as wrong:
            left.append(str(wrong))
    if len(files) > MOST_FILES:
        raise BadInput(f"{at[:120]} names {len(files):,} files, more than {MOST_FILES:,}: split it")
    if left and not files:
        raise BadInput(f"{at[:120]} names no file that could be fetched; the first, {left[0]}")
    texts = {}
    if len(table) > 1 and len(table[0]) > 1:
        made = io.StringIO()
        writer = csv.writer(made)
        rest = [i for i, name in enumerate(table[0]) if i != column and name.strip().lower() != "path"]
        writer.writerow(["path", *(table[0][i] for i in rest)])
        writer.writerows([path, *(row[i] for i in rest)] for path, row in zip(paths, table[1:], strict=True) if path)
        texts[f"{name_of(at)}.csv"] = made.getvalue().encode(errors="replace")
    return Listing(list(files.values()), texts, noted(left, "row", "was left out", "were left out"))


def noted(left: Sequence[str], what: str, one: str, many: str) -> tuple[str, ...]:
    """A sentence about what was left out, if anything was: how many, and why of the first."""
    if not left:
        return ()
    return (f"{count(len(left), what)} {one if len(left) == 1 else many}: {'; '.join(left[:NAMED])}{' …' if len(left) > NAMED else ''}.",)


def _path(address: str, cell: str, turns: dict[str, int]) -> str:
    """Where a file goes: as the table says, beside which it lies, else by host and path. Two addresses that differ by what is no part of
    a path get two. Raises BadInput for what is not fetched."""
    parts = parsed(address)
    if parts.scheme == S3:
        raise BadInput(f"{shown(address)} lies in a bucket: give the bucket's own address")
    if is_address(cell):
        path = f"{parts.host}/{unquote(parts.path.partition('?')[0]).lstrip('/')}"
    else:
        path = re.sub(r"^(\.?/)+", "", cell.partition("?")[0].replace("\\", "/"))
    stem, suffix = posixpath.splitext(path)
    while (turn := turns.get(path, 0) + 1) > 1:
        turns[path] = turn
        path = f"{stem}-{turn}{suffix}"
    turns[path] = 1
    return path


def _bytes(got: Any, at: str) -> bytes:
    made = bytearray()
    while piece := got.read(PIECE):
        made += piece
        if len(made) > MOST_TEXT:
            raise BadInput(f"{at[:120]} is longer than {amount(MOST_TEXT)}, too long for a table or a list: split it")
    return bytes(made)


def _text(got: Any, at: str) -> str:
    return _bytes(got, at).decode("utf-8", "replace")
