"""The verb `account`: who may come in, from the machine itself. It also lets in whoever has lost the way."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from alcore.accounts.roles import Role, role_named
from alcore.errors import BadInput

if TYPE_CHECKING:  # they load the database
    from alcore.accounts.accounts import Account
    from alcore.project.facade import Workspace

Answer = Mapping[str, Any]
LINK_DAYS, TOKEN_DAYS = 7, 30  # that they are good for


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """The options of the verb."""
    verb.add_argument("action", choices=tuple(ACTIONS), help="list; or what is done to the one that is named")
    verb.add_argument("name", nargs="?", default="", help="whose account")
    verb.add_argument("--role", default="", help=f"of add, invite and role: {', '.join(role.word for role in Role)}")
    verb.add_argument("--email", default=None, help="of add and email: by which a provider of identities (OIDC) knows the person")
    verb.add_argument("--days", type=float, help=f"that a link (else {LINK_DAYS}) or a token (else {TOKEN_DAYS}) is good for")
    verb.add_argument("--no-password", action="store_true", help="of add: none is asked for, the person signs in by the email address")


def run(workspace: Workspace, args: argparse.Namespace) -> Answer:
    """Does what the verb's action says."""
    if args.action not in ("list", "invite", "log") and not args.name:
        raise BadInput(f"account {args.action}: say whose, as in `account {args.action} ann`")
    return ACTIONS[args.action](workspace, args)


def _list(workspace: Workspace, args: argparse.Namespace) -> Answer:
    invited = [
        {"for": one.name or "anybody", "role": one.role.word, "by": one.made_by, "until": _moment(one.expires)}
        for one in workspace.accounts.invitations()
    ]
    return {"accounts": [_told(one) for one in workspace.accounts.all()], "invitations": invited}


def _add(workspace: Workspace, args: argparse.Namespace) -> Answer:
    role = _role(args)
    password = None if args.no_password else _asked_password()
    return _told(workspace.accounts.add(args.name, role, password, args.email or ""))


def _invite(workspace: Workspace, args: argparse.Namespace) -> Answer:
    return _link(workspace.accounts.invite(_role(args), args.name, _days(args, LINK_DAYS)))


def _renew(workspace: Workspace, args: argparse.Namespace) -> Answer:
    return _link(workspace.accounts.renew(args.name, _days(args, LINK_DAYS)))


def _link(secret: str) -> Answer:
    return {"link": f"/?invite={secret}", "opened": "behind the app's own address, once"}


def _email(workspace: Workspace, args: argparse.Namespace) -> Answer:
    if args.email is None:
        raise BadInput('account email: say which with --email ADDRESS, or --email "" for none')
    return _told(workspace.accounts.set_email(args.name, args.email))


def _password(workspace: Workspace, args: argparse.Namespace) -> Answer:
    workspace.accounts.named(args.name)  # before anybody types one
    return _told(workspace.accounts.set_password(args.name, _asked_password()))


def _token(workspace: Workspace, args: argparse.Namespace) -> Answer:
    found, days = workspace.accounts.named(args.name), _days(args, TOKEN_DAYS)
    if found.ended is not None:
        raise BadInput(f"the account {found.name!r} has ended")
    if not 0 < days <= 366:
        raise BadInput(f"--days {days:g}: a token is good for up to 366")
    return {"account": found.name, "token": workspace.sign("*", found.name, days * 86_400, standing=found.standing)}


def _log(workspace: Workspace, args: argparse.Namespace) -> Answer:
    events = workspace.accounts.happened()
    return {"events": [{"when": _moment(e.time), "who": e.who, "what": e.what, "whom": e.about, "details": e.details} for e in events]}


ACTIONS: Mapping[str, Callable[[Workspace, argparse.Namespace], Answer]] = {
    "list": _list,
    "add": _add,
    "invite": _invite,
    "role": lambda workspace, args: _told(workspace.accounts.set_role(args.name, _role(args))),
    "email": _email,
    "password": _password,
    "renew": _renew,
    "sign-out": lambda workspace, args: _told(workspace.accounts.sign_out(args.name)),
    "end": lambda workspace, args: _told(workspace.accounts.end(args.name)),
    "back": lambda workspace, args: _told(workspace.accounts.back(args.name)),
    "token": _token,
    "log": _log,
}


def _days(args: argparse.Namespace, usual: float) -> float:
    return usual if args.days is None else float(args.days)


def _role(args: argparse.Namespace) -> Role:
    if not args.role:
        raise BadInput(f"account {args.action}: say the role, --role {' or '.join(role.word for role in Role)}")
    return role_named(args.role)


def _asked_password() -> str:
    """From whoever sits there, twice; else the first line of what is piped in, so that it stands in no history of commands."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    given = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != given:
        raise BadInput("the password is not the same both times")
    return given


def _told(one: Account) -> Answer:
    told: dict[str, Any] = {"name": one.name, "role": one.role.word, "email": one.email, "password": one.has_password}
    return told | {"since": _moment(one.created), "ended": _moment(one.ended) if one.ended else None}


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="minutes")
