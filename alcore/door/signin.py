"""The sign-in of the pages: the workspace's token, once, for a cookie. On a loopback address nobody is asked unless ALCORE_SIGN_IN says so.

The token comes in the login form or in a link, `/?token=…`, which is answered by the same address without it. The cookie holds a signed
date and never the token. The routes below /api take no cookie: they need a token in a header, which no other site's page can set.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope

from alcore.door.hosts import is_loopback
from alcore.door.pages import login_page, refusal_page
from alcore.door.requests import Refused, Takes, read_body
from alcore.errors import AlcoreError, BadInput

if TYPE_CHECKING:  # they load the database and torch, and the app answers before that
    from alcore.project.facade import Workspace

KEPT = 30 * 86_400  # seconds that a browser stays signed in
WAIT = 1.0  # seconds before a wrong token is answered
MOST_WAITING = 100  # wrong tokens that wait at a time; more are answered at once
FORM = Takes("application/x-www-form-urlencoded", 10_000)
PURPOSE = "sign-in"
WRONG = "That is not the token of this workspace."
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")

logger = logging.getLogger(__name__)


def wanted() -> bool | None:
    """What ALCORE_SIGN_IN says: always (1), never (0), or nothing, which means wherever others than this machine can reach the server.

    Raises:
        BadInput: it says something else.
    """
    said = os.environ.get("ALCORE_SIGN_IN", "").strip().lower()
    if said and said not in (*_YES, *_NO):
        raise BadInput(
            f"ALCORE_SIGN_IN is {said!r}: 1 asks everybody to sign in, 0 nobody; without it only those on other machines are asked"
        )
    return said in _YES if said else None


class SignIn:
    """Asks for the token where it is wanted.

    Args:
        workspace: gives the workspace of the moment; called in a worker thread.
        bound: the address the server is bound to.
    """

    def __init__(self, workspace: Callable[[], Workspace], bound: str) -> None:
        self.workspace = workspace
        self.setting = wanted()
        self.bound = bound
        self.waiting = 0

    def is_needed(self, scope: Scope) -> bool:
        """True where others could reach this server: bound elsewhere than to loopback, or reached at another address whatever was told."""
        if self.setting is not None:
            return self.setting
        reached = scope.get("server") or ("", None)
        return not (is_loopback(self.bound) and is_loopback(str(reached[0])))

    async def refusal(self, scope: Scope, path: str, receive: Receive) -> Response | None:
        """What a request gets instead of what it asks for, or None: it may go on. `path` is the address below the app's base."""
        if path == "/_stcore/health":
            return None
        asks = HTTPConnection(scope)
        is_get = scope.get("method") in ("GET", "HEAD")
        needed = self.is_needed(scope)
        if not needed:
            return _without_token(asks) if is_get and "token" in asks.query_params else None
        try:
            place = await run_in_threadpool(self.workspace)
            name = _cookie_name(place)
            if place.unseal(PURPOSE, asks.cookies.get(name, "")) is not None:
                if is_get and path == "/logout":
                    return _signed_out(name)
                return _without_token(asks) if is_get and ("token" in asks.query_params or path == "/login") else None
            if is_get and (given := asks.query_params.get("token")):
                return await self._tried(asks, place, given)
            if scope.get("method") == "POST" and _is_form(asks):
                body = await read_body(Request(scope, receive), FORM)
                given = parse_qs(body.decode(errors="replace")).get("token", [""])[0]
                return await self._tried(asks, place, given.strip())
        except Refused as refused:
            return login_page(refused.status, f"{refused}.")
        except AlcoreError as problem:
            return refusal_page(503, str(problem))
        if "text/html" in asks.headers.get("accept", ""):
            return login_page(401)
        return PlainTextResponse("sign in first: open the app's own address", 401, {"Cache-Control": "no-store"})

    async def _tried(self, asks: HTTPConnection, place: Workspace, given: str) -> Response:
        if place.is_token(given):
            answer = _without_token(asks)
            is_secure = asks.scope["scheme"] == "https" or asks.headers.get("origin", "").lower().startswith("https://")
            answer.set_cookie(
                _cookie_name(place), place.seal(PURPOSE, [], KEPT), max_age=KEPT, httponly=True, samesite="lax", secure=is_secure
            )
            return answer
        who = asks.client.host if asks.client else "somebody"
        logger.warning("a wrong token for the sign-in, from %s", who)
        # Guessing is slow, a right token never is: it was taken above, so nobody can keep others out by guessing.
        if self.waiting < MOST_WAITING:
            self.waiting += 1
            try:
                await asyncio.sleep(WAIT)
            finally:
                self.waiting -= 1
        return login_page(401, WRONG)


def _is_form(asks: HTTPConnection) -> bool:
    return asks.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM.kind


def _without_token(asks: HTTPConnection) -> Response:
    """To the same address without the token. Relative, since a proxy may serve it below a path that we do not know."""
    last = asks.scope["path"].rpartition("/")[2]
    rest = urlencode([(name, value) for name, value in parse_qsl(asks.url.query, keep_blank_values=True) if name != "token"])
    target = f"./{'' if last in ('login', 'logout') else last}{'?' + rest if rest else ''}"
    return RedirectResponse(target, 303, {"Cache-Control": "no-store"})


def _signed_out(name: str) -> Response:
    answer = login_page(401, "You are signed out.")
    answer.delete_cookie(name)
    return answer


def _cookie_name(place: Workspace) -> str:
    """One a workspace: browsers send a cookie to every port of a machine, and two servers there must not overwrite each other's."""
    return f"alcore-{hashlib.blake2b(place.token.encode(), digest_size=4, person=b'alcore name').hexdigest()}"
