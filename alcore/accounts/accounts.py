"""Accounts: one a person, with a role; made by an owner or by an invitation that an owner gave away. The labels of a person whose account
has ended stay under their name, so no other person gets it."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alcore.accounts import passwords
from alcore.accounts.asking import CONSOLE, wanted
from alcore.accounts.roles import Role, role_named
from alcore.errors import BadInput, NotFound
from alcore.storage.accounts import AccountRows, Happened, Row
from alcore.storage.database import Database

DAYS = 7  # that an invitation is good for, unless somebody says otherwise
MOST_DAYS = 90
LONGEST = 80  # characters of a name
RESERVED = (CONSOLE, "api", "me", "notebook", "oracle")  # what stands in a journal where no person is named
KEPT = 30 * 86_400  # seconds that a browser stays signed in
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN")  # whose letters look alike
_PASS = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})(?:\.([0-9a-f]{16}))?")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


@dataclass(frozen=True)
class Account:
    """A person.

    Attributes:
        name: as it stands beside their labels.
        email: by which a provider of identities knows them; "" for none.
        generation: of what was handed out in this name; what carries a lower one is over.
        has_password: whether they can sign in with one.
        ended: when the account ended, in seconds since 1970; None while it stands.
    """

    id: int
    name: str
    role: Role
    email: str
    generation: int
    has_password: bool
    created: float
    ended: float | None

    @property
    def standing(self) -> str:
        """What a cookie or a token carries, sealed: it means this account as long as it stands and nothing ended its sessions."""
        return f"{self.id}.{self.generation}"

    def session(self) -> str:
        """The same for a browser that signs in: this session can be ended alone."""
        return f"{self.standing}.{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Invitation:
    """A link that was given away and not used yet.

    Attributes:
        name: what the person is called, "" where they say it themselves.
        account: the number of an account that is there: the link sets its password anew.
    """

    id: int
    role: Role
    name: str
    account: int | None
    made_by: str
    created: float
    expires: float


class Accounts:
    """All accounts of a database. Thread-safe; several processes share them."""

    def __init__(self, database: Database) -> None:
        self._rows = AccountRows(database)
        self._database = database

    def are_there(self) -> bool:
        """Whether somebody has one that stands."""
        return self._rows.is_any()

    def are_asked(self) -> bool:
        """Whether people are asked for one: where some are there and ALCORE_SIGN_IN does not say that nobody is."""
        return wanted() is not False and self.are_there()

    def all(self) -> list[Account]:
        """By name; those that have ended too."""
        return [_account(row) for row in self._rows.all()]

    def named(self, name: str) -> Account:
        """
        Raises:
            NotFound: nobody is called so; the message names those there are.
        """
        row = self._rows.row("folded", folded(name))
        if row is None:
            there = ", ".join(account.name for account in self.all()) or "none yet"
            raise NotFound(f"there is no account {name!r} (accounts: {there})")
        return _account(row)

    def of(self, standing: str) -> Account | None:
        """Whom a sealed standing means now; None once the account or its sessions have ended, or this one."""
        found = _PASS.fullmatch(standing)
        if found and found[3] and self._rows.has_left(found[3]):
            return None
        row = self._rows.row("id", int(found[1])) if found else None
        if found is None or row is None or row["ended"] is not None or row["generation"] != int(found[2]):
            return None
        return _account(row)

    def known_as(self, email: str) -> Account | None:
        """Whose address this is, as a provider of identities spells it."""
        row = self._rows.row("email", email.strip().lower()) if email.strip() else None
        return _account(row) if row and row["ended"] is None else None

    # ---- signing in

    def sign_in(self, name: str, password: str) -> Account | None:
        """The account, where it stands and this is its password. A wrong name takes as long as a wrong password."""
        row = self._rows.row("folded", folded(name))
        kept = row["password"] if row and row["ended"] is None else None
        if not passwords.is_right(password, kept) or row is None:
            return None
        anew = passwords.hashed(password) if passwords.is_dated(str(kept)) else None
        with self._database.write() as conn:
            now = self._rows.row("id", row["id"], conn)
            if anew and now and now["password"] == kept:  # else somebody chose another one meanwhile
                self._rows.set(conn, row["id"], password=anew)
            self._rows.note(conn, row["name"], "signed in", row["name"])
        return _account(row)

    def leave(self, standing: str) -> None:
        """Ends one session, with all that was handed out to its pages."""
        found = _PASS.fullmatch(standing)
        if found and found[3]:
            self._rows.leave(found[3], KEPT)

    def came(self, account: Account, how: str) -> None:
        """Writes down that somebody signed in otherwise than with a password."""
        with self._database.write() as conn:
            self._rows.note(conn, account.name, "signed in", account.name, how)

    # ---- what owners do

    def add(
        self, name: str, role: Role, password: str | None = None, email: str = "", by: str = CONSOLE, *, first: bool = False
    ) -> Account:
        """A new account.

        Args:
            first: only where nobody has one yet.
            password: None for one that is signed in by its email address alone, or by a link that `renew` makes.

        Raises:
            BadInput: name, password or address cannot be one or are taken; or it is the first and no owner's.
        """
        name, email = checked_name(name), _checked_email(email)
        kept = None
        if password is not None:
            passwords.check(password, name)
            kept = passwords.hashed(password)
        with self._database.write() as conn:
            if first and any(row["ended"] is None for row in self._rows.all(conn)):
                raise BadInput("somebody else made the first account meanwhile: open the page again, and sign in")
            if role < Role.OWNER and not any(_stands_as_owner(row) for row in self._rows.all(conn)):
                raise BadInput(f"the first account has to be an owner's, who can let others in: not {role.word}")
            values = {"name": name, "folded": folded(name), "role": role.word, "password": kept, "email": email or None}
            self._rows.add(conn, **values)
            self._rows.note(conn, by, "added", name, f"as {role.word}")
        return self.named(name)

    def set_role(self, name: str, role: Role, by: str = CONSOLE) -> Account:
        """Gives an account another role, which counts from the next thing its person does."""
        with self._changing(name) as (conn, row):
            if role < Role.OWNER:
                self._keep_an_owner(conn, row)
                self._rows.drop_invitations(conn, "made_by", row["name"])  # whoever may let nobody in has let nobody in
            self._rows.set(conn, row["id"], role=role.word)
            self._rows.note(conn, by, "role", row["name"], f"from {row['role']} to {role.word}")
        return self.named(name)

    def set_email(self, name: str, email: str, by: str = CONSOLE) -> Account:
        """By which address a provider of identities knows the person; "" for none."""
        email = _checked_email(email)
        with self._changing(name) as (conn, row):
            self._rows.set(conn, row["id"], email=email or None)
            self._rows.note(conn, by, "address", row["name"], email)
        return self.named(name)

    def set_password(self, name: str, password: str, by: str = CONSOLE) -> Account:
        """A new password, which ends every session of the account."""
        passwords.check(password, name)
        kept = passwords.hashed(password)
        with self._changing(name) as (conn, row):
            self._rows.set(conn, row["id"], anew=True, password=kept)
            self._rows.drop_invitations(conn, "account_id", row["id"])
            self._rows.note(conn, by, "password", row["name"])
        return self.named(name)

    def sign_out(self, name: str, by: str = CONSOLE) -> Account:
        """Ends every session of an account; its person can sign in again."""
        with self._changing(name) as (conn, row):
            self._rows.set(conn, row["id"], anew=True)
            self._rows.note(conn, by, "sessions ended", row["name"])
        return self.named(name)

    def end(self, name: str, by: str = CONSOLE) -> Account:
        """Ends an account, with its sessions and the links made for it. Labels stay, and so does the name."""
        with self._changing(name) as (conn, row):
            self._keep_an_owner(conn, row)
            self._rows.set(conn, row["id"], anew=True, ended=time.time())
            self._rows.drop_invitations(conn, "account_id", row["id"])
            self._rows.drop_invitations(conn, "made_by", row["name"])
            self._rows.note(conn, by, "ended", row["name"])
        return self.named(name)

    def back(self, name: str, by: str = CONSOLE) -> Account:
        """Lets a person in again whose account has ended, with the role and the password they had."""
        account = self.named(name)
        if account.ended is None:
            raise BadInput(f"the account {account.name!r} has not ended")
        with self._database.write() as conn:
            self._rows.set(conn, account.id, ended=None)
            self._rows.note(conn, by, "back", account.name)
        return self.named(name)

    def happened(self, most: int = 100) -> list[Happened]:
        """What was done to accounts and who signed in, the newest first."""
        return self._rows.happened(most)

    # ---- invitations

    def invite(self, role: Role, name: str = "", days: float = DAYS, by: str = CONSOLE) -> str:
        """The secret of a link that makes an account, once.

        Raises:
            BadInput: somebody is called so already, or the days are out of range; or nobody could let people in yet.
        """
        name = checked_name(name) if name.strip() else ""
        if name and self._rows.row("folded", folded(name)):
            raise BadInput(f"there is an account {name!r} already: choose another name")
        if role < Role.OWNER and not self.are_there():
            raise BadInput(f"the first account has to be an owner's, who can let others in: not {role.word}")
        return self._invite(role, name, None, days, by)

    def renew(self, name: str, days: float = DAYS, by: str = CONSOLE) -> str:
        """The secret of a link that sets a new password for an account, once."""
        account = self.named(name)
        if account.ended is not None:
            raise BadInput(f"the account {account.name!r} has ended")
        return self._invite(account.role, account.name, account.id, days, by)

    def _invite(self, role: Role, name: str, account: int | None, days: float, by: str) -> str:
        if not 0 < days <= MOST_DAYS:
            raise BadInput(f"an invitation is good for up to {MOST_DAYS} days, not {days:g}")
        secret = secrets.token_urlsafe(24)
        values = {"digest": _digest(secret), "role": role.word, "name": name, "account_id": account, "made_by": by}
        self._rows.invite(**values, expires=time.time() + days * 86_400)
        with self._database.write() as conn:
            self._rows.note(conn, by, "invited", name, f"as {role.word}" if account is None else "to a new password")
        return secret

    def invitations(self) -> list[Invitation]:
        """Those that can still be used, oldest first."""
        return [_invitation(row) for row in self._rows.invitations()]

    def invitation(self, secret: str) -> Invitation | None:
        """What a link's secret invites to; None once it was used, taken back or is over."""
        row = self._rows.invitation(_digest(secret))
        return _invitation(row) if row else None

    def take_back(self, invitation: int, by: str = CONSOLE) -> None:
        """The link is good for nothing from now on."""
        with self._database.write() as conn:
            if self._rows.drop_invitations(conn, "id", invitation):
                self._rows.note(conn, by, "invitation taken back", "")

    def join(self, secret: str, name: str, password: str) -> Account:
        """The account that an invitation makes, or whose password it sets anew. The link is used up then.

        Raises:
            NotFound: the link is used, taken back or over.
            BadInput: the name or the password cannot be one, or somebody has that name.
        """
        told = self.invitation(secret)
        if told is None:
            raise NotFound("this link was used before, was taken back, or is over: ask an owner for a new one")
        name = checked_name(told.name or name)
        if not told.name and self._rows.labeled(name):
            raise BadInput(
                f"{name!r} stands beside labels already: if that is you, ask an owner for a link with your name, else take another"
            )
        passwords.check(password, name)
        kept = passwords.hashed(password)
        with self._database.write() as conn:
            if not self._rows.drop_invitations(conn, "digest", _digest(secret)):  # somebody was faster
                raise NotFound("this link was used before: ask an owner for a new one")
            if told.account is not None:
                self._rows.set(conn, told.account, anew=True, password=kept)
                self._rows.drop_invitations(conn, "account_id", told.account)
                self._rows.note(conn, name, "password", name, "by a link")
            else:
                self._rows.add(conn, name=name, folded=folded(name), role=told.role.word, password=kept, email=None)
                self._rows.note(conn, name, "joined", name, f"as {told.role.word}, invited by {told.made_by}")
        return self.named(name)

    # ----

    @contextmanager
    def _changing(self, name: str) -> Iterator[tuple[Any, Row]]:
        """A transaction, and the row of an account that stands."""
        account = self.named(name)
        with self._database.write() as conn:
            row = self._rows.row("id", account.id, conn)
            if row is None or row["ended"] is not None:
                raise BadInput(f"the account {account.name!r} has ended")
            yield conn, row

    def _keep_an_owner(self, conn: Any, row: Row) -> None:
        others = [other for other in self._rows.all(conn) if other["id"] != row["id"]]
        if _stands_as_owner(row) and not any(_stands_as_owner(other) for other in others):
            raise BadInput(f"{row['name']!r} is the only owner: make somebody else one first")


def checked_name(name: str) -> str:
    """The name as it will stand beside labels.

    Raises:
        BadInput: it is empty, too long or has characters that no line can show, or means something else in a journal.
    """
    given = name.strip()
    name = unicodedata.normalize("NFKC", " ".join(given.split()))
    if not given.isprintable() or not name.isprintable() or not 1 <= len(name) <= LONGEST:
        raise BadInput(f"a name has 1 to {LONGEST} characters that can be seen, in one line; {name[:40]!r} cannot be one")
    scripts = {script for letter in name if letter.isalpha() for script in SCRIPTS if unicodedata.name(letter, "").startswith(script)}
    if len(scripts) > 1:
        raise BadInput(
            f"{name!r} has letters of {' and '.join(sorted(s.capitalize() for s in scripts))} that look alike: write it in one of them"
        )
    if folded(name) in RESERVED:
        raise BadInput(f"{name!r} stands for something else in a journal: choose another name")
    return name


def _checked_email(email: str) -> str:
    email = email.strip().lower()
    if email and not _EMAIL.fullmatch(email):
        raise BadInput(f"{email[:80]!r} is no email address")
    return email


def folded(name: str) -> str:
    """What names are compared by: without capitals and further spaces, each letter in one spelling."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _stands_as_owner(row: Row) -> bool:
    return row["ended"] is None and row["role"] == Role.OWNER.word


def _account(row: Row) -> Account:
    told: dict[str, Any] = {name: row[name] for name in ("id", "name", "generation", "created", "ended")}
    return Account(**told, role=role_named(row["role"]), email=row["email"] or "", has_password=row["password"] is not None)


def _invitation(row: Row) -> Invitation:
    told: dict[str, Any] = {name: row[name] for name in ("id", "name", "made_by", "created", "expires")}
    return Invitation(**told, role=role_named(row["role"]), account=row["account_id"])
