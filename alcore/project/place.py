"""Place: the one folder and the one database of a workspace, and who may enter. Knows no kind of job and no page,
and nothing that can be done with a project."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from alcore.accounts.accounts import Accounts
from alcore.accounts.asking import OPEN
from alcore.accounts.roles import Role
from alcore.errors import AlcoreError, DiskFull, of_machine
from alcore.files import written_whole
from alcore.home import resolve_home
from alcore.storage.database import Database, database_url
from alcore.storage.jobtable import Jobs
from alcore.storage.projects import Projects

TOGETHER = ".database"  # in the folder: the name that its database has for this workspace
_SECRET = re.compile(rb"[!-~]{16,4096}")  # what a header can carry, and too long to guess


@dataclass(frozen=True)
class Grant:
    """What a token allows: one project, or all of them (project None), in an annotator's name, as far as their role goes."""

    project: str | None
    annotator: str
    role: Role


class Place:
    """Everything below one folder. Thread-safe.

    Args:
        home: the folder; else ALCORE_HOME, else ./workspace. Made when it is not there.
    """

    def __init__(self, home: str | Path | None = None) -> None:
        self.home = resolve_home(home)
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as wrong:
            how = "the disk is full" if isinstance(of_machine(wrong), DiskFull) else wrong.strerror
            raise AlcoreError(f"the workspace {self.home} cannot be made: {how}. Choose another with --home or ALCORE_HOME.") from wrong
        self.database = Database(database_url(self.home, os.environ.get("ALCORE_DATABASE")))
        try:
            _check_together(self.home, self.database)
        except BaseException:
            self.database.close()
            raise
        self.project_rows = Projects(self.database)
        self.job_rows = Jobs(self.database)
        self.accounts = Accounts(self.database)
        self._lock = threading.Lock()
        self._token: str | None = None

    def projects(self) -> list[str]:
        """Names, sorted."""
        return self.project_rows.names()

    def close(self) -> None:
        """Closes the database."""
        self.database.close()

    # ---- tokens

    @property
    def token(self) -> str:
        """The workspace's own token, which opens every project: ALCORE_TOKEN, else the file `token`, readable by its owner only."""
        if configured := os.environ.get("ALCORE_TOKEN"):
            return configured
        with self._lock:
            if self._token is None:
                self._token = _kept_secret(self.home / "token")
            return self._token

    def is_token(self, text: str) -> bool:
        """Whether the text is the workspace's own token, told in a time that gives nothing away."""
        return hmac.compare_digest(text.encode(errors="replace"), self.token.encode())

    def sign(self, project: str, annotator: str, seconds: float = 12 * 3600, *, standing: str = "") -> str:
        """A token, in the annotator's name; what a page hands to its component.

        Args:
            project: the one it opens; "" for what belongs to no project, "*" for all of them.
            standing: the account it is for (`Account.standing`), which it ends with; OPEN for a page that nobody signed in to; "" for
                this machine's own, such as a notebook's.
        """
        return self.seal("component token", [project, annotator, standing], seconds)

    def verify(self, token: str) -> Grant | None:
        """What the token allows; None for a forged, expired or unknown one."""
        if self.is_token(token):
            return Grant(None, "api", Role.OWNER)
        content = self.unseal("component token", token)
        if content is None or len(content) != 3:
            return None
        project, annotator, standing = content
        of = None if project == "*" else project
        if not standing or standing == OPEN:
            return None if standing and self.accounts.are_asked() else Grant(of, annotator, Role.OWNER)
        account = self.accounts.of(standing)
        return Grant(of, account.name, account.role) if account else None

    def seal(self, purpose: str, content: list[str], seconds: float) -> str:
        """The texts signed for one purpose, for so many seconds: a value that may be given away. It ends with the workspace's token."""
        payload = json.dumps([*content, int(time.time() + seconds)]).encode()
        return f"{_b64(payload)}.{_b64(self._mac(purpose, payload))}"

    def unseal(self, purpose: str, sealed: str) -> list[str] | None:
        """What `seal` signed for this purpose; None for everything else and when its time is over."""
        payload_text, dot, mac_text = sealed.partition(".")
        try:
            payload, mac = _unb64(payload_text), _unb64(mac_text)
        except ValueError:
            return None
        if not dot or not hmac.compare_digest(mac, self._mac(purpose, payload)):
            return None
        *content, expires = json.loads(payload)
        return content if expires > time.time() else None

    def _mac(self, purpose: str, payload: bytes) -> bytes:
        return hmac.digest(self.token.encode(), f"alcore {purpose}\0".encode() + payload, hashlib.sha256)


def _check_together(home: Path, database: Database) -> None:
    """Files without a row are removed as litter: an address of another database must not make litter of a workspace."""
    file, name = home / TOGETHER, database.identity()
    try:
        known = file.read_text(encoding="utf-8").strip() if file.is_file() else ""
        if known == name:
            return
        projects = home / "projects"
        if known and projects.is_dir() and any(projects.iterdir()):
            raise AlcoreError(
                f"the files in {home} belong to another database than {database.shown}: set ALCORE_DATABASE to theirs. "
                f"If these are their rows after all, delete {file}."
            )
        with written_whole(file) as whole:
            whole.write(f"{name}\n".encode())
    except OSError as wrong:
        raise of_machine(wrong) or AlcoreError(f"{file} cannot be read or written: {wrong.strerror}") from wrong


def _kept_secret(path: Path) -> str:
    """The secret in the file, which only its owner may read. A file that holds none (empty, cut short, not text) gets a new one."""
    try:
        kept = _read_secret(path)
        if kept is None:
            made = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
            with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
            _put_in_place(made, path)
            kept = _read_secret(path)
    except OSError as wrong:
        raise of_machine(wrong) or AlcoreError(
            f"the token cannot be kept in {path}: {wrong.strerror}. Put that right or set ALCORE_TOKEN."
        ) from wrong
    if kept is None:
        raise AlcoreError(f"{path} does not keep a token: another program writes it. End that program, or set ALCORE_TOKEN.")
    return kept


def _put_in_place(made: Path, path: Path) -> None:
    """Whole or not at all, and never over a token: of two processes that start at once, both go on with the first one's."""
    try:
        os.link(made, path)
    except OSError:  # something is there, or the file system has no links
        if _read_secret(path) is None:
            made.replace(path)
    made.unlink(missing_ok=True)


def _read_secret(path: Path) -> str | None:
    try:
        state = path.stat()
        kept = path.read_bytes().strip()
    except FileNotFoundError:
        return None
    if stat.S_IMODE(state.st_mode) & 0o077 and state.st_uid == os.geteuid():
        path.chmod(0o600)
    return kept.decode() if _SECRET.fullmatch(kept) else None


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
