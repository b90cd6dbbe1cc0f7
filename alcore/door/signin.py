"""The sign-in of the pages, for a cookie: with a name and a password where people have accounts, else with the workspace's token. On a
loopback address nobody is asked unless there are accounts or ALCORE_SIGN_IN says so.

The token comes in the login form or in a link, `/?token=…`, an invitation in a link `/?invite=…`; both are answered by the same address
without them. The cookie holds a signed date and what it was given for, and never a secret. The routes below /api take no cookie: they need
a token in a header, which no other site's page can set.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, parse_qsl, urlencode

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from alcore.accounts.accounts import KEPT, folded
from alcore.accounts.asking import OPEN, STRANGER, TICKET, VOUCHED, mark_of, wanted
from alcore.accounts.roles import Role
from alcore.door.hosts import is_loopback
from alcore.door.pages import account_login_page, join_page, login_page, password_page, refusal_page
from alcore.door.requests import Refused, Takes, read_body
from alcore.errors import AlcoreError, BadInput
from alcore.uploads import roots

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from collections.abc import AsyncIterator, Mapping

    from alcore.accounts.accounts import Account
    from alcore.project.facade import Workspace

WAIT = 1.0  # seconds before a wrong token or password is answered
MOST_WAITING = 100  # wrong tokens that wait at a time; more are answered at once
IN_LINE = 20  # of one name, passwords that wait to be looked at; more are refused
HASHES, MOST_HASHING = 2, 200  # passwords that are hashed at a time, and that wait for it at most
TICKET_KEPT = 120.0  # seconds, longer than one is good for
SOON = 1.0  # seconds that it may take until a first account counts
FORM = Takes("application/x-www-form-urlencoded", 10_000)
PURPOSE = "sign-in"
WRONG = "That is not the token of this workspace."
WRONG_PASSWORD = "There is no account with this name and this password."
IN_ADDRESS = ("token", "invite", TICKET)  # what is taken out of an address
# What somebody needs who is sent to a provider of identities and comes back: Streamlit's empty shell, and no page's content.
_SHELL = ("/static/", "/_stcore/host-config", "/_stcore/stream", "/auth/", "/oauth2callback")

T = TypeVar("T")

logger = logging.getLogger(__name__)


class SignIn:
    """Asks who somebody is where that is wanted.

    Args:
        workspace: gives the workspace of the moment; called in a worker thread.
        bound: the address the server is bound to.
        vouches: whether a provider of identities is configured that can be asked instead of a password.
    """

    def __init__(self, workspace: Callable[[], Workspace], bound: str, vouches: Callable[[], bool] = lambda: False) -> None:
        self.workspace = workspace
        self.setting = wanted()
        self.bound = bound
        self.vouches = vouches
        self.waiting = 0
        self.lines: dict[str, _Line] = {}
        self.hashing = 0
        self.limit: CapacityLimiter | None = None  # made in the event loop that it belongs to
        self.used: dict[str, float] = {}  # tickets, and when
        self._asked: tuple[float, bool] | None = None

    def is_needed(self, scope: Scope) -> bool:
        """True where others could reach this server: bound elsewhere than to loopback, or reached at another address whatever was told."""
        if self.setting is not None:
            return self.setting
        reached = scope.get("server") or ("", None)
        return not (is_loopback(self.bound) and is_loopback(str(reached[0])))

    async def role_of(self, visitor: str) -> Role | None:
        """What somebody who was let in before may do now; None for whoever may not be here any more."""
        place = await run_in_threadpool(self.workspace)
        if visitor == OPEN:
            return None if await self._are_accounts_asked(place) else Role.OWNER
        if visitor == STRANGER:
            return Role.VIEWER
        account = await run_in_threadpool(place.accounts.of, visitor)
        return account.role if account else None

    async def admit(self, scope: Scope, path: str, receive: Receive) -> Response | str:
        """What a request gets instead of what it asks for; or who makes it, and it may go on: the standing of an account, OPEN where nobody
        has one, STRANGER on the way to a provider of identities. `path` is the address below the app's base."""
        if path == "/_stcore/health":
            return OPEN
        asks, accounts = _Asks(scope, path, receive), False
        try:
            place = await run_in_threadpool(self.workspace)
            accounts = await self._are_accounts_asked(place)
            if accounts:
                return await self._by_account(asks, place)
            if not self.is_needed(scope):
                return _plain(asks) if asks.names_secret else OPEN
            return await self._by_token(asks, place)
        except Refused as refused:
            said = f"{str(refused)[0].upper()}{str(refused)[1:]}."
            return account_login_page(refused.status, said, vouched=self.vouches()) if accounts else login_page(refused.status, said)
        except AlcoreError as problem:
            return refusal_page(503, str(problem))

    async def _are_accounts_asked(self, place: Workspace) -> bool:
        known, now = self._asked, time.monotonic()
        if known is None or now - known[0] > SOON:  # every picture and script of a page comes by here
            known = self._asked = (now, await run_in_threadpool(place.accounts.are_asked))
            if known[1]:  # several people use this server: whoever is invited as an owner reads no other folder of the machine
                os.environ.setdefault(roots.VARIABLE, "")
        return known[1]

    # ---- where nobody has an account: the workspace's token

    async def _by_token(self, asks: _Asks, place: Workspace) -> Response | str:
        if place.unseal(PURPOSE, asks.cookie(place)) == []:
            if asks.is_get and asks.path == "/logout":
                return _signed_out(asks, place, login_page(401, "You are signed out."))
            return _plain(asks) if asks.is_get and (asks.names_secret or asks.path == "/login") else OPEN
        given = asks.query.get("token", "") if asks.is_get else (await asks.form()).get("token", "").strip()
        if not given:
            return asks.stranger() or login_page(401, WRONG if asks.is_form else "")
        if place.is_token(given):
            return _with_cookie(asks, place, [])
        logger.warning("a wrong token for the sign-in, from %s", asks.who)
        # Guessing is slow, a right token never is: it was taken above, so nobody can keep others out by guessing.
        if self.waiting < MOST_WAITING:
            self.waiting += 1
            try:
                await asyncio.sleep(WAIT)
            finally:
                self.waiting -= 1
        return login_page(401, WRONG)

    # ---- where people have accounts

    async def _by_account(self, asks: _Asks, place: Workspace) -> Response | str:
        if secret := asks.query.get("invite"):  # also of the form, which goes to the address it stands at
            return await self._invited(asks, place, secret)
        standing = _standing_in(place, asks.cookie(place))
        account = await run_in_threadpool(place.accounts.of, standing)
        if account is not None:
            return await self._here(asks, place, account, standing)
        form = await asks.form()
        if asks.is_get and (sealed := asks.query.get(TICKET)) and (found := await self._of_ticket(asks, place, sealed)):
            await run_in_threadpool(place.accounts.came, found, "by a provider of identities")
            return _with_cookie(asks, place, [found.session()])
        if "password" in form and "name" in form:
            return await self._tried(asks, place, form["name"], form["password"])
        if self.vouches() and _is_on_the_way(asks):
            return STRANGER
        return asks.stranger() or account_login_page(401, vouched=self.vouches())

    async def _of_ticket(self, asks: _Asks, place: Workspace, sealed: str) -> Account | None:
        """Whom a ticket lets in: once, and in the browser that came back from the provider."""
        standing, mark = (*(place.unseal(TICKET, sealed) or []), "", "")[:2]
        now = time.time()
        self.used = {ticket: at for ticket, at in self.used.items() if now - at < TICKET_KEPT}
        if sealed in self.used or mark != mark_of(asks.cookies):
            return None
        self.used[sealed] = now
        return await run_in_threadpool(place.accounts.of, standing)

    async def _here(self, asks: _Asks, place: Workspace, account: Account, standing: str) -> Response | str:
        if asks.path.startswith("/_stcore/upload_file") and account.role < Role.OWNER:  # only owners' pages take files
            return PlainTextResponse("this takes the role owner", 403, {"Cache-Control": "no-store"})
        if asks.is_get and asks.path == "/logout":
            await run_in_threadpool(place.accounts.leave, standing)
            return _signed_out(asks, place, account_login_page(401, "You are signed out.", vouched=self.vouches()))
        if asks.path == "/password" and account.has_password:
            return await self._new_password(asks, place, account)
        return _plain(asks) if asks.is_get and (asks.names_secret or asks.path == "/login") else standing

    async def _tried(self, asks: _Asks, place: Workspace, name: str, password: str) -> Response:
        account = await self._known(asks, place, name, password)
        if account is None:
            return account_login_page(401, WRONG_PASSWORD, name=name, vouched=self.vouches())
        return _with_cookie(asks, place, [account.session()])

    async def _known(self, asks: _Asks, place: Workspace, name: str, password: str) -> Account | None:
        """Whose password it is. Those for one name that come from one address are looked at one after the other, and a wrong one takes its
        second."""
        async with self._in_line(f"{folded(name)[:200]}\n{asks.who}"):
            account = await self._hashing(place.accounts.sign_in, name, password)
            if account is None:
                logger.warning("a wrong password for the sign-in, from %s", asks.who)
                await asyncio.sleep(WAIT)
            return account

    async def _hashing(self, work: Callable[..., T], *given: object) -> T:
        """Work that hashes a password takes memory and time: a little of it at once, on threads that no other request waits for."""
        if self.hashing >= MOST_HASHING:
            raise Refused(429, "too many people sign in at this moment: try again in a minute")
        self.limit = self.limit or CapacityLimiter(HASHES)
        self.hashing += 1
        try:
            return await to_thread.run_sync(work, *given, limiter=self.limit)
        finally:
            self.hashing -= 1

    @asynccontextmanager
    async def _in_line(self, name: str) -> AsyncIterator[None]:
        line = self.lines.setdefault(name, _Line())
        if line.waiting >= IN_LINE:
            raise Refused(429, "too many passwords are tried for this name: wait a minute")
        line.waiting += 1
        try:
            async with line.lock:
                yield
        finally:
            line.waiting -= 1
            if not line.waiting:
                self.lines.pop(name, None)

    async def _new_password(self, asks: _Asks, place: Workspace, account: Account) -> Response:
        if not asks.is_form:
            return password_page(200, account.name)
        form = await asks.form()
        if form.get("new") != form.get("again"):
            return password_page(400, account.name, "The new password is not the same both times.")
        if await self._known(asks, place, account.name, form.get("password", "")) is None:
            return password_page(401, account.name, "That is not your password of today.")
        try:
            changed = await self._hashing(place.accounts.set_password, account.name, form.get("new", ""), account.name)
        except BadInput as problem:
            return password_page(400, account.name, _sentence(problem))
        return _with_cookie(asks, place, [changed.session()])

    async def _invited(self, asks: _Asks, place: Workspace, secret: str) -> Response:
        told = await run_in_threadpool(place.accounts.invitation, secret)
        if told is None:
            return refusal_page(410, "this link was used before, was taken back, or is over: ask an owner for a new one")
        if not asks.is_form:
            return join_page(200, told)
        form = await asks.form()
        name = form.get("name", "")
        if form.get("new") != form.get("again"):
            return join_page(400, told, "The password is not the same both times.", name)
        try:
            async with self._in_line(f"{secret[:200]}\n"):
                account = await self._hashing(place.accounts.join, secret, name, form.get("new", ""))
        except AlcoreError as problem:
            await asyncio.sleep(WAIT)  # it may have told that a name is taken
            return join_page(400, told, _sentence(problem), name)
        return _with_cookie(asks, place, [account.session()])


class _Line:
    """Those who wait at one name."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


class _Asks:
    """A request, as far as the sign-in looks at it."""

    def __init__(self, scope: Scope, path: str, receive: Receive) -> None:
        self.scope, self.path, self._receive = scope, path, receive
        connection = HTTPConnection(scope)
        self.query, self.headers, self.cookies, self.url = connection.query_params, connection.headers, connection.cookies, connection.url
        self.who = connection.client.host if connection.client else "somebody"
        self.is_get = scope.get("method") in ("GET", "HEAD")
        self.is_form = scope.get("method") == "POST" and self.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM.kind
        self.names_secret = self.is_get and any(name in self.query for name in IN_ADDRESS)
        self._form: dict[str, str] | None = None

    async def form(self) -> Mapping[str, str]:
        """The fields of a form that was sent, of two with one name the first. Whoever asks for them takes the body from the app."""
        if self._form is None:
            body = await read_body(Request(self.scope, self._receive), FORM) if self.is_form else b""
            self._form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace"), keep_blank_values=True).items()}
        return self._form

    def cookie(self, place: Workspace) -> str:
        return self.cookies.get(_cookie_name(place), "")

    def stranger(self) -> Response | None:
        """What a program gets that is not signed in; None for a browser that can be shown a page."""
        if self.is_form or "text/html" in self.headers.get("accept", ""):
            return None
        return PlainTextResponse("sign in first: open the app's own address", 401, {"Cache-Control": "no-store"})


def _standing_in(place: Workspace, cookie: str) -> str:
    content = place.unseal(PURPOSE, cookie)
    return content[0] if content else ""


def _is_on_the_way(asks: _Asks) -> bool:
    """To a provider of identities, or back from there: with the page that sends there, or what Streamlit keeps of who came back."""
    if asks.path.startswith(_SHELL):
        return True
    return (
        asks.is_get and asks.path == "/" and ("provider" in asks.query or any(name.startswith("_streamlit_user") for name in asks.cookies))
    )


def _plain(asks: _Asks) -> Response:
    """To the same address without what was in it. Relative, since a proxy may serve it below a path that we do not know."""
    last = asks.scope["path"].rpartition("/")[2]
    kept = [(name, value) for name, value in parse_qsl(asks.url.query, keep_blank_values=True) if name not in (*IN_ADDRESS, "provider")]
    rest = urlencode(kept)
    target = f"./{'' if last in ('login', 'logout', 'password') else last}{'?' + rest if rest else ''}"
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def _with_cookie(asks: _Asks, place: Workspace, content: list[str]) -> Response:
    answer = _plain(asks)
    is_secure = asks.scope["scheme"] == "https" or asks.headers.get("origin", "").lower().startswith("https://")
    sealed = place.seal(PURPOSE, content, KEPT)
    answer.set_cookie(_cookie_name(place), sealed, max_age=KEPT, httponly=True, samesite="lax", secure=is_secure)
    return answer


def _signed_out(asks: _Asks, place: Workspace, answer: Response) -> Response:
    """Forgets what this browser has of us, and whom a provider said it was: the next person at it is somebody else."""
    below = asks.scope["path"].rpartition("/")[0]  # where Streamlit is mounted, and keeps its own
    for name in (_cookie_name(place), *(name for name in asks.cookies if name.startswith(VOUCHED))):
        for path in {"/", below or "/"}:
            answer.delete_cookie(name, path=path)
    return answer


def _sentence(problem: Exception) -> str:
    said = str(problem)
    return f"{said[0].upper()}{said[1:].rstrip('.')}."


def _cookie_name(place: Workspace) -> str:
    """One a workspace: browsers send a cookie to every port of a machine, and two servers there must not overwrite each other's."""
    return f"alcore-{hashlib.blake2b(place.token.encode(), digest_size=4, person=b'alcore name').hexdigest()}"
