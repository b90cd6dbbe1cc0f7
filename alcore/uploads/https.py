"""One request over https (or http, where it is allowed): to the machine that was looked at, with every redirect looked at anew.

No library does this as it must be: most resolve the name a second time when they connect, and by then it may lead elsewhere.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

from alcore.errors import BadInput, NotFound, Unavailable
from alcore.naming import printable
from alcore.uploads.names import amount
from alcore.uploads.reach import HTTP, HTTPS, Address, Reach, shown

PATIENCE = 30.0  # seconds without a byte
HEAD = 120.0  # seconds until the head of an answer is there, however its bytes come
LOOK = 0.5  # seconds between two looks at whether somebody wants it to stop
REDIRECTS = 5
TRIES = 4
PAUSE = 0.5  # seconds before the second try; twice as long before each further one
LONGEST_PAUSE = 20.0
AGENT = "alcore"
AGAIN = (408, 425, 429, 500, 502, 503, 504)
_MOVED = (301, 302, 303, 307, 308)
LOST = (OSError, http.client.HTTPException)  # a connection that is not there, or breaks

Look = Callable[[], object]  # raises Cancelled to stop; called before each request and read, and while there is something to wait for


def go_on() -> None:
    """The look of callers that never stop it."""


class Lost(Exception):
    """The connection broke; asked again, it goes on."""


class Got:
    """An answer: what its head says, and its bytes as they come.

    Attributes:
        address: that answered in the end, after redirects.
        start: where in the file the bytes begin; the server may not go on where it was asked to.
        size: of the whole file, None where the server does not say.
        time: ms since 1970 of its last change, 0 where the server does not say.
        tag: tells this state of the file from others; "" where the server does not say.
        kind: its media type, in small letters.
        same: it has not changed since `tag`, and no byte comes.
    """

    def __init__(self, address: Address, answer: http.client.HTTPResponse) -> None:
        self.address, self._answer = address, answer
        self.same = answer.status == 304
        self.start, self.size = _extent(answer)
        self.time = _time(answer.getheader("Last-Modified"))
        self.tag = (answer.getheader("ETag") or "").strip() or (f"time {self.time}" if self.time else "")
        self.kind = (answer.getheader("Content-Type") or "").partition(";")[0].strip().lower()
        self.whole = False
        self._come = self.start

    def read(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end. Raises Lost, also when it ends before all came."""
        try:
            piece = self._answer.read1(most)
        except LOST as wrong:
            raise Lost(str(wrong)) from wrong
        self._come += len(piece)
        if not piece:
            if self.size is not None and self._come < self.size and not self.same:  # the library takes that for the end
                raise Lost(f"{amount(self._come)} of {amount(self.size)} came")
            self.end()
        return piece

    def end(self) -> None:
        """Nothing more comes: the connection may be asked again."""
        self.whole = True
        self._answer.close()


class Client:
    """Asks for files; keeps connections open, and is of one thread.

    Args:
        reach: what may be fetched.
        look: raises Cancelled when it is to stop.
    """

    def __init__(self, reach: Reach, pause: Callable[[float], object] = time.sleep, look: Look = go_on) -> None:
        self.reach, self._pause, self._look = reach, pause, look
        self._open: dict[tuple[str, str, int], _Pinned] = {}
        self._context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Closes what is open."""
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    @contextmanager
    def get(self, text: str, start: int = 0, tag: str = "", known: str = "") -> Iterator[Got]:
        """The file at an address.

        Args:
            start, tag: bytes that are there already, of the file with this tag; the server goes on from there if it still has that one.
            known: the tag of a file that is whole here: if the server still has that, nothing comes.

        Raises:
            BadInput: it may not be fetched, or the server refuses it.
            NotFound: it is not there.
            Cancelled: `look` says so.
            Unavailable: the server is not there, or does not answer, however often it is asked.
            Lost: the connection broke while bytes came.
        """
        address = self.reach.check(text)
        if address.scheme not in (HTTP, HTTPS):
            raise BadInput(f"{shown(text)} lies in a bucket, and no web server has it: fetch the bucket by its own address")
        asked = {"Accept-Encoding": "identity", "User-Agent": AGENT, **_conditions(start, tag, known)}
        for _ in range(REDIRECTS + 1):
            answer = self._answered(address, asked)
            if answer.status not in _MOVED:
                break
            to = answer.getheader("Location") or ""
            self._drop(address)
            try:  # it may be signed, as the stores behind releases and data sets are: nothing of its query is said or kept
                address = self.reach.check(urljoin(address.text, to), kept=False)
            except ValueError:
                raise BadInput(f"{shown(text)} sends on to what is no address: give the address where it ends") from None
            except BadInput as wrong:
                raise BadInput(f"{shown(text)} sends on to where it may not: {wrong}") from None
            if address.scheme not in (HTTP, HTTPS):
                raise BadInput(f"{shown(text)} sends on to {address.scheme}://…: give that address itself")
        else:
            raise BadInput(f"{shown(text)} sends on more than {REDIRECTS} times: give the address where it ends")
        in_part = answer.status == 416 or (answer.status == 206 and _span(answer) is None)
        if in_part and "Range" in asked:  # what is here is more than there is there, or nobody can tell what comes
            self._drop(address)
            with self.get(text, known=known) as got:
                yield got
            return
        if in_part or answer.status not in (200, 206, 304) or (answer.status == 304 and not known):
            self._drop(address)
            raise _refused(text, answer)
        got = Got(address, answer)
        try:
            yield got
        finally:
            if got.same:
                got.end()
            if not got.whole or answer.will_close:
                self._drop(address)

    def _answered(self, address: Address, asked: Mapping[str, str]) -> http.client.HTTPResponse:
        """The head of an answer, asked for as often as has a point."""
        pause, why = PAUSE, ""
        for turn in range(TRIES):
            if turn:
                self._rest(min(pause, LONGEST_PAUSE))
                pause *= 2
            self._look()
            try:
                connection = self._connection(address)
                connection.until = time.monotonic() + HEAD
                connection.request("GET", address.path, headers=dict(asked))
                answer = connection.getresponse()
                connection.until = None
            except ssl.SSLCertVerificationError as wrong:
                self._drop(address)
                raise BadInput(
                    f"{address.host[:80]} does not prove that it is that host ({wrong.verify_message}): look at the address, or add its "
                    "authority to SSL_CERT_FILE"
                ) from wrong
            except LOST as wrong:
                self._drop(address)
                why = str(wrong) or type(wrong).__name__
                continue
            if answer.status in AGAIN and turn + 1 < TRIES:
                why, wait = f"it answers {answer.status}", answer.getheader("Retry-After") or ""
                pause = max(pause, float(wait)) if wait.isdecimal() else pause
                self._drop(address)
                continue
            return answer
        raise Unavailable(f"{address.host[:80]} cannot be reached ({printable(why)[:80]}): try again, it goes on where it was")

    def _rest(self, seconds: float) -> None:
        while seconds > 0:
            self._look()
            self._pause(min(seconds, LOOK))
            seconds -= LOOK

    def _connection(self, address: Address) -> _Pinned:
        key = (address.scheme, address.host, address.port)
        if key not in self._open:
            secure = address.scheme == HTTPS
            if secure and self._context is None:
                self._context = ssl.create_default_context()
            self._open[key] = _Pinned(address, self.reach, self._context if secure else None, self._look)
        return self._open[key]

    def _drop(self, address: Address) -> None:
        connection = self._open.pop((address.scheme, address.host, address.port), None)
        if connection:
            connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one of the machines that were looked at, whatever the name leads to a moment later."""

    def __init__(self, address: Address, reach: Reach, context: ssl.SSLContext | None, look: Look) -> None:
        super().__init__(address.host, address.port, timeout=PATIENCE)
        self.default_port = 443 if context else 80  # the Host header leaves it out
        self._address, self._reach, self._context, self._look = address, reach, context, look
        self.until: float | None = None  # what comes must have come by then, in seconds of time.monotonic

    def check(self) -> None:
        """Raises Cancelled, or TimeoutError when the head of an answer takes too long."""
        self._look()
        if self.until is not None and time.monotonic() > self.until:
            raise TimeoutError(f"its answer has not begun after {HEAD:.0f} s")

    def connect(self) -> None:
        """Looks where the name leads, and goes there."""
        problem: OSError | None = None
        for family, where in self._reach.machines(self._address):
            self.check()
            made = socket.socket(family, socket.SOCK_STREAM)
            try:
                made.settimeout(PATIENCE)
                made.connect(where)
                if self._context:
                    made = self._context.wrap_socket(made, server_hostname=self._address.host)
                made.settimeout(LOOK)
                self.sock = _Line(made, self)
            except OSError as wrong:
                made.close()
                problem = wrong
                if isinstance(wrong, ssl.SSLCertVerificationError):
                    raise
                continue
            return
        raise problem or OSError("nothing answers")


class _Line:
    """What a connection needs of a socket, with a look at whether it is to stop while nothing comes."""

    def __init__(self, made: socket.socket, connection: _Pinned) -> None:
        self._made, self._connection = made, connection
        self.close = made.close

    def sendall(self, content: bytes) -> None:
        """Sends all."""
        self._made.settimeout(PATIENCE)
        self._made.sendall(content)
        self._made.settimeout(LOOK)

    def makefile(self, mode: str) -> io.BufferedReader:
        """What an answer is read from."""
        return io.BufferedReader(_Bytes(self._made, self._connection))


class _Bytes(io.RawIOBase):
    """The bytes of a socket as they come."""

    def __init__(self, made: socket.socket, connection: _Pinned) -> None:
        self._made, self._connection = made, connection
        self._held = made.makefile("rb", buffering=0)  # the socket stays open until its answer is read, closed or not

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """The next bytes, 0 at the end. Raises Cancelled; TimeoutError after PATIENCE without any, or when a head takes too long."""
        waited = 0.0
        while True:
            self._connection.check()
            try:
                return self._made.recv_into(into)
            except TimeoutError:
                waited += LOOK
                if waited >= PATIENCE:
                    raise

    def close(self) -> None:
        """Lets go of the socket."""
        self._held.close()
        super().close()


def _conditions(start: int, tag: str, known: str) -> dict[str, str]:
    """Headers that ask for the rest of a file, or for one that has changed."""
    if start and tag and not tag.startswith("W/"):
        return {"Range": f"bytes={start}-", "If-Range": _date(tag) or tag}
    if known:
        return {"If-Modified-Since": date} if (date := _date(known)) else {"If-None-Match": known}
    return {}


def _date(tag: str) -> str:
    """The date that stands in place of a tag, as headers have it; "" for a real tag."""
    from email.utils import formatdate

    return formatdate(int(tag[5:]) / 1000, usegmt=True) if tag.startswith("time ") else ""


def _extent(answer: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Where the bytes begin, and the size of the whole."""
    if answer.status == 206 and (span := _span(answer)):
        return span
    return 0, _number(answer.getheader("Content-Length") or "") if answer.status == 200 and not answer.chunked else None


def _span(answer: http.client.HTTPResponse) -> tuple[int, int] | None:
    """Where a part of a file begins, and the size of the whole; None where the server does not say it as it must be said."""
    span, _, whole = (answer.getheader("Content-Range") or "").removeprefix("bytes ").partition("/")
    begin, size = _number(span.partition("-")[0]), _number(whole)
    return None if begin is None or size is None else (begin, size)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _time(date: str | None) -> int:
    try:
        return max(0, int(parsedate_to_datetime(date).timestamp() * 1000)) if date else 0
    except (ValueError, TypeError, OverflowError):
        return 0


def _refused(text: str, answer: http.client.HTTPResponse) -> BadInput | NotFound | Unavailable:
    status, where = answer.status, shown(text)
    if status in (404, 410):
        return NotFound(f"there is nothing at {where} ({status}): look at the address")
    if status in (401, 403, 407):
        return BadInput(f"{where} is not for everybody ({status}): fetch it yourself and upload it, or name the bucket (s3://…)")
    if status in AGAIN:
        return Unavailable(f"{where} cannot be had now ({status}): try again, it goes on where it was")
    return BadInput(f"{where} is refused by its server ({status} {printable(answer.reason)[:40]}): look at the address")
