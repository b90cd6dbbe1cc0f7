"""What the door answers itself: the login page, a page that says why not, and the headers and policy that every answer carries."""

from __future__ import annotations

import base64
import hashlib
import html
import http
import json
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import HTMLResponse
from starlette.types import Message, Scope, Send

from alcore.accounts.asking import CONSOLE
from alcore.accounts.passwords import LONGEST, SHORTEST

if TYPE_CHECKING:  # it loads the database
    from alcore.accounts.accounts import Invitation

LOOK = Path(__file__).resolve().parent.parent.parent / "pages" / "ui"
# What a browser may do with every answer, whatever it is.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",  # "no-referrer" would make the Origin of our own forms "null"
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NO_PAGE = "default-src 'none'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
# Streamlit's front end as it is: it hands our parts' scripts over as modules at blob: addresses, writes style elements and attributes as it
# runs, and takes pictures and a font from data: addresses. It needs no eval, and inline scripts pass by their digest only (see `_page`).
APP = (
    "default-src 'self'; script-src 'self' blob:{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
# A GET of our own page names no Origin, so behind a proxy that changes Host a page comes but nothing that it then asks for: not even the
# WebSocket that draws it. One POST at the start finds that out and shows the server's own sentence.
PROBE = """
fetch("./api/v1/origin", { method: "POST" }).then(async (answer) => {
  const { error } = await answer.json();
  if (answer.status !== 403) return;
  const said = document.createElement("p");
  said.textContent = `${error[0].toUpperCase()}${error.slice(1)}.`;
  said.style.cssText = "max-width: 34rem; margin: 20vh auto; padding: 0 1.5rem; font: 16px/1.6 system-ui, sans-serif";
  said.setAttribute("role", "alert");
  document.body.replaceChildren(said);
}, () => {});
"""


def dressed(scope: Scope, send: Send, is_api: bool) -> Send:
    """A `send` that adds the headers; below /api it makes every error JSON, and into a page it puts the probe and its policy."""
    held: list[Message] = []
    is_get = scope["method"] == "GET"

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            kind = headers.get("content-type", "").partition(";")[0]
            if "content-security-policy" not in headers:
                headers["Content-Security-Policy"] = NO_PAGE if is_api else APP.format(scripts="")
            plain = "content-encoding" not in headers
            if (is_api and message["status"] >= 400 and kind != "application/json") or (
                not is_api and is_get and kind == "text/html" and plain and message["status"] == 200
            ):
                held.append(message)
                return
        elif held and message["type"] == "http.response.body":
            held.append(message)
            if message.get("more_body"):
                return
            start, *parts = held
            held.clear()
            body = b"".join(part.get("body", b"") for part in parts)
            content = _as_json(start, body) if is_api else _page(start, body)
            await send(start)
            await send({"type": "http.response.body", "body": content})
            return
        await send(message)

    return sent


def _as_json(start: Message, body: bytes) -> bytes:
    """An error of the web library in our own form."""
    headers = MutableHeaders(scope=start)
    phrase = http.HTTPStatus(start["status"]).phrase.lower()
    content = json.dumps({"error": f"the address is not taken: {phrase}"}).encode()
    headers["Content-Type"], headers["Content-Length"] = "application/json", str(len(content))
    headers["Cache-Control"] = "no-store"
    return content


def _page(start: Message, body: bytes) -> bytes:
    headers = MutableHeaders(scope=start)
    content, digests = _with_probe(body)
    headers["Content-Security-Policy"] = APP.format(scripts="".join(f" '{digest}'" for digest in digests))
    headers["Content-Length"] = str(len(content))
    for name in ("etag", "last-modified"):  # of the file, not of what is sent
        del headers[name]
    return content


@lru_cache(maxsize=4)
def _with_probe(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The page with the probe, and the digests of its inline scripts."""
    content = body.replace(b"</head>", f"<script>{PROBE}</script></head>".encode(), 1)
    return content, tuple(_digest(script) for script in re.findall(rb"<script>(.*?)</script>", content, re.S))


def _digest(text: bytes) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}"


STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ground: #f5f7fa; --ink: #1b2330; --faint: #5a6475; --line: #d5dbe4; --accent: #2c5fe6;
  --on: #ffffff; --wrong: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1a2029; --ground: #12161d; --ink: #e6eaf0; --faint: #9aa4b2; --line: #323b49; --accent: #7a9dff; --on: #10141b;
    --wrong: #ff8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem; background: var(--ground); color: var(--ink);
  font: 15px/1.55 "Source Sans 3", "Source Sans Pro", "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { width: 100%; max-width: 25rem; padding: 2rem; background: var(--paper); border: 1px solid var(--line); border-radius: 0.75rem; }
svg { display: block; height: 32px; width: auto; margin-bottom: 1.4rem; }
h1 { margin: 0 0 0.35rem; font-size: 1.35rem; font-weight: 650; }
p { margin: 0 0 1.2rem; color: var(--faint); overflow-wrap: anywhere; }
p:last-child { margin-bottom: 0; }
.wrong { color: var(--wrong); font-weight: 550; }
label { display: block; margin-bottom: 0.3rem; font-weight: 550; }
b { color: var(--ink); font-weight: 600; }
a { color: var(--accent); }
.other { margin-top: 1.1rem; text-align: center; }
input { width: 100%; padding: 0.6rem 0.75rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line);
  border-radius: 0.5rem; }
input + label { margin-top: 0.9rem; }
button { width: 100%; margin-top: 0.9rem; padding: 0.6rem; font: inherit; font-weight: 600; color: var(--on); background: var(--accent);
  border: 0; border-radius: 0.5rem; cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code { font-family: ui-monospace, monospace; font-size: 0.92em; color: var(--ink); }
"""
OWN = (
    f"default-src 'none'; style-src '{_digest(STYLE.encode())}'; img-src data:; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
FORM = """<form method="post">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus spellcheck="false"{described}>
<button>Sign in</button>
</form>"""
ACCOUNT_FORM = """<form method="post">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" required spellcheck="false" autocapitalize="none" value="{name}"{on_name}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{on_password}{described}>
<button>Sign in</button>
</form>"""
JOIN_FORM = """<form method="post">
{name}
<label for="new">Password</label>
<input id="new" name="new" type="password" autocomplete="new-password" required minlength="{least}" maxlength="{most}"{focus}{described}>
<label for="again">The same again</label>
<input id="again" name="again" type="password" autocomplete="new-password" required>
<button>{button}</button>
</form>"""
NEW_NAME = """<label for="name">Your name</label>
<input id="name" name="name" autocomplete="username" required autofocus spellcheck="false" maxlength="80" value="{name}">"""
KNOWN_NAME = """<input name="name" type="hidden" autocomplete="username" value="{name}">"""
CHANGE_FORM = """<form method="post">
<input name="username" type="hidden" autocomplete="username" value="{name}">
<label for="password">Password of today</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus{described}>
<label for="new">New password</label>
<input id="new" name="new" type="password" autocomplete="new-password" required minlength="{least}" maxlength="{most}">
<label for="again">The same again</label>
<input id="again" name="again" type="password" autocomplete="new-password" required>
<button>Change it</button>
</form>
<p class="other"><a href="./">Back</a></p>"""
ROLE_WORDS = {
    "viewer": "<b>{who}</b> invites you to look at the images of this server and at what is learned from them.",
    "annotator": "<b>{who}</b> invites you to label images.",
    "owner": "<b>{who}</b> invites you as an owner: you may change and delete everything, and let others in.",
}
DESCRIBED = ' aria-describedby="said" aria-invalid="true"'


FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="{icon}">
<title>{title} · alcore</title>
<style>{style}</style>
</head>
<body>
<main>
{content}
</main>
</body>
</html>
"""


def login_page(status: int, said: str = "") -> HTMLResponse:
    """Asks for the workspace's token and posts it to the address that was asked for."""
    text = (
        "<h1>Sign in</h1>\n<p>Paste the token of this workspace. It is in the link that <code>alcore serve</code> printed at its start, "
        f"and in the file <code>token</code> of the workspace's folder.</p>\n{_notice(said)}\n"
    )
    return _own_page("Sign in", text + FORM.format(described=DESCRIBED if said else ""), status)


def account_login_page(status: int, said: str = "", name: str = "", vouched: bool = False) -> HTMLResponse:
    """Asks for a name and a password, and posts them to the address that was asked for.

    Args:
        name: that was given before.
        vouched: a provider of identities can be asked instead.
    """
    form = ACCOUNT_FORM.format(
        name=html.escape(name),
        on_name="" if name else " autofocus",
        on_password=" autofocus" if name else "",
        described=DESCRIBED if said else "",
    )
    other = '\n<p class="other"><a href="./?provider">Sign in with your organisation</a></p>' if vouched else ""
    text = f"<h1>Sign in</h1>\n<p>Whoever has no account gets a link from an owner.</p>\n{_notice(said)}\n"
    return _own_page("Sign in", text + form + other, status)


def join_page(status: int, told: Invitation, said: str = "", name: str = "") -> HTMLResponse:
    """Asks whoever opened an invitation for what an account takes: a name, where none was given with it, and a password."""
    renews = told.account is not None
    asks = KNOWN_NAME.format(name=html.escape(told.name)) if told.name else NEW_NAME.format(name=html.escape(name))
    title = "Choose a new password" if renews else "Welcome"
    who = "An owner" if told.made_by == CONSOLE else html.escape(told.made_by)
    words = f"For the account <b>{html.escape(told.name)}</b>." if renews else ROLE_WORDS[told.role.word].format(who=who)
    if told.name and not renews:
        words += f" Your labels will stand under the name <b>{html.escape(told.name)}</b>."
    elif not renews:
        words += " Your name will stand beside the labels you give."
    form = JOIN_FORM.format(
        name=asks, least=SHORTEST, most=LONGEST, focus=" autofocus" if told.name else "", described=DESCRIBED if said else "",
        button="Set the password" if renews else "Join",
    )  # fmt: skip
    return _own_page(
        title, f"<h1>{title}</h1>\n<p>{words} A password has at least {SHORTEST} characters.</p>\n{_notice(said)}\n{form}", status
    )


def password_page(status: int, name: str, said: str = "") -> HTMLResponse:
    """Asks somebody who is signed in for the old password and a new one."""
    form = CHANGE_FORM.format(name=html.escape(name), least=SHORTEST, most=LONGEST, described=DESCRIBED if said else "")
    text = (
        f"<h1>Change the password</h1>\n<p>Of <b>{html.escape(name)}</b>. It has at least {SHORTEST} characters. "
        f"Every other browser that is signed in with this account has to sign in again.</p>\n{_notice(said)}\n"
    )
    return _own_page("Change the password", text + form, status)


def _notice(said: str) -> str:
    return f'<p class="wrong" id="said" role="alert">{html.escape(said)}</p>' if said else ""


def refusal_page(status: int, sentence: str) -> HTMLResponse:
    """Says why a page is not answered."""
    shown = html.escape(f"{sentence[0].upper()}{sentence[1:].rstrip('.')}.")
    return _own_page("Not answered", f"<h1>Not answered</h1>\n<p>{shown}</p>", status)


def _own_page(title: str, content: str, status: int) -> HTMLResponse:
    mark = (LOOK / "wordmark.svg").read_text(encoding="utf-8")
    page = FRAME.format(title=title, icon=_icon(), style=STYLE, content=f"{mark}{content}")
    return HTMLResponse(page, status, {"Cache-Control": "no-store", "Content-Security-Policy": OWN})


@cache
def _icon() -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode((LOOK / 'mark.svg').read_bytes()).decode()}"
