"""A workspace: one database and one folder. Opens projects, signs tokens, holds the job runner. Knows no page and no route."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alcore.database import database_url
from alcore.errors import AlcoreError
from alcore.jobs import JobRunner
from alcore.jobtable import Jobs
from alcore.store import Store

if TYPE_CHECKING:
    from alcore.project import Project

DEFAULT_HOME = "workspace"


@dataclass(frozen=True)
class Grant:
    """What a token allows: one project, or all of them (project None), in an annotator's name."""

    project: str | None
    annotator: str


class Workspace:
    """Everything below one folder. Thread-safe; one object serves a process.

    Args:
        home: the folder; else ALCORE_HOME, else ./workspace. Made when it is not there.
    """

    def __init__(self, home: str | Path | None = None) -> None:
        self.home = resolve_home(home)
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as wrong:
            raise AlcoreError(
                f"the workspace {self.home} cannot be made: {wrong.strerror}. Choose another with --home or ALCORE_HOME."
            ) from wrong
        self.store = Store(database_url(self.home, os.environ.get("ALCORE_DATABASE")))
        self.jobs_table = Jobs(self.store)
        self._lock = threading.Lock()
        self._runner: JobRunner | None = None
        self._token: str | None = None

    def projects(self) -> list[str]:
        """Names, sorted."""
        return self.store.project_names()

    def project(self, name: str) -> Project:
        """The project, or NotFound naming those there are."""
        from alcore.project import Project

        return Project(self, self.store.project(name))

    @property
    def runner(self) -> JobRunner:
        """The one job runner of this process."""
        from alcore.plans import plan
        from alcore.work import kinds

        with self._lock:
            if self._runner is None:
                self._runner = JobRunner(self.jobs_table, kinds(self), plan=lambda job: plan(self, job))
            return self._runner

    def collect_leftovers(self) -> threading.Thread:
        """Removes what killed work left, in the background; see leftovers.collect."""
        from alcore.leftovers import collect_in_background

        return collect_in_background(self)

    def close(self) -> None:
        """Stops jobs and closes the database."""
        with self._lock:
            runner, self._runner = self._runner, None
        if runner:
            runner.stop()
        self.store.close()

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

    def sign(self, project: str, annotator: str, seconds: float = 12 * 3600) -> str:
        """A short-lived token for one project, in the annotator's name; what a page hands to its component."""
        payload = json.dumps([project, annotator, int(time.time() + seconds)]).encode()
        return f"{_b64(payload)}.{_b64(self._mac(payload))}"

    def verify(self, token: str) -> Grant | None:
        """What the token allows; None for a forged, expired or unknown one."""
        if hmac.compare_digest(token.encode(), self.token.encode()):
            return Grant(None, "api")
        payload_text, dot, mac_text = token.partition(".")
        try:
            payload, mac = _unb64(payload_text), _unb64(mac_text)
        except ValueError:
            return None
        if not dot or not hmac.compare_digest(mac, self._mac(payload)):
            return None
        project, annotator, expires = json.loads(payload)
        return Grant(project, annotator) if expires > time.time() else None

    def _mac(self, payload: bytes) -> bytes:
        return hmac.digest(self.token.encode(), b"alcore component token\0" + payload, hashlib.sha256)


def resolve_home(home: str | Path | None) -> Path:
    """The argument, else ALCORE_HOME, else ./workspace; absolute."""
    return Path(home or os.environ.get("ALCORE_HOME") or DEFAULT_HOME).expanduser().absolute()


def _kept_secret(path: Path) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        kept = path.read_text().strip()
        if len(kept) < 16:
            raise AlcoreError(f"{path} does not hold a token: delete it and start again") from None
        return kept
    with os.fdopen(handle, "w") as file:
        made = secrets.token_urlsafe(32)
        file.write(made)
    return made


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


_shared: dict[Path, Workspace] = {}
_shared_lock = threading.Lock()


def shared(home: str | Path | None = None) -> Workspace:
    """The process's one Workspace of a home: what the app, its routes and its pages have in common."""
    where = resolve_home(home)
    with _shared_lock:
        if where not in _shared:
            _shared[where] = Workspace(where)
        return _shared[where]
