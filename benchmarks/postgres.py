"""A PostgreSQL server of one's own: made in a folder that is gone afterwards, reached by a socket in it, stopped or killed at will.

Never the machine's own cluster. PostgreSQL refuses to run as root: where this process does, the server runs as the user `postgres`, else
`nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SETTINGS = {"listen_addresses": "", "max_connections": "100", "shared_buffers": "64MB", "max_wal_senders": "0", "wal_level": "minimal"}
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # what only tests may do
PATIENCE = 60.0


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`: on the PATH, else where Debian puts the newest; None where there is none."""
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "pg_ctl").exists():
        return Path(found).resolve().parent
    there = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.parent.parent.name.isdigit()]
    return max(there, key=lambda path: int(path.parent.name), default=None)


class Server:
    """A server that runs from `start` to `stop`.

    Args:
        folder: empty, and the server's alone; its user becomes the owner.
        durable: whether what is committed is on the disk. Without it the server is quicker, and only good for tests that kill none.
    """

    def __init__(self, folder: Path, durable: bool = True) -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError("there is no PostgreSQL on this machine: install Debian's package postgresql")
        self.programs, self.folder, self.data = found, folder, folder / "data"
        self._user: int | None = None
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres" if any(one.pw_name == "postgres" for one in pwd.getpwall()) else "nobody")
            self._user = account.pw_uid
            os.chown(folder, account.pw_uid, account.pw_gid)
        self._made = 0
        sync = [] if durable else ["--no-sync"]
        self._run("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", *sync)
        wanted = SETTINGS | {"unix_socket_directories": str(folder)} | ({} if durable else HASTY)
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in wanted.items())

    def _run(self, name: str, *arguments: object) -> str:
        command = [str(self.programs / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, user=self._user, timeout=2 * PATIENCE)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self) -> None:
        """Returns when it answers."""
        self._run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", int(PATIENCE), "start")

    def stop(self, how: str = "fast") -> None:
        """`fast` ends what is open in order; `immediate` as a power cut would: the next start recovers."""
        self._run("pg_ctl", "-D", self.data, "-w", "-t", int(PATIENCE), "-m", how, "stop")

    @property
    def postmaster(self) -> int:
        """The number of the server's first process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def children(self) -> list[int]:
        """Numbers of the processes that it began: one for each connection, and those that write."""
        return [int(n) for n in Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()]

    def kill(self) -> None:
        """SIGKILL for the first process and all it began; returns when none of them is left."""
        first = self.postmaster
        all_ = [first, *self.children()]
        for pid in all_:
            _send(pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while any(_runs(pid) for pid in all_):
            if time.monotonic() > deadline:
                raise RuntimeError(f"processes of the killed server are left: {[pid for pid in all_ if _runs(pid)]}")
            time.sleep(0.01)
        # it would remove these itself, but for the numbers of dead processes that nobody has waited for yet: they look like living ones
        for left in (self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def kill_children(self) -> None:
        """SIGKILL for the processes of connections: the server ends all others, recovers, and goes on by itself."""
        for pid in self.children():
            _send(pid, signal.SIGKILL)

    def address(self, database: str = "postgres") -> str:
        """What ALCORE_DATABASE takes."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of a statement, each of which is a transaction of its own."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user="postgres", dbname=database, autocommit=True) as conn:
            done = conn.execute(statement.encode())
            return done.fetchall() if done.description else []

    def make(self, template: str = "template0") -> str:
        """A new database, as `template` is; its name."""
        self._made += 1
        name = f"made_{self._made}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, database: str) -> None:
        """Removes a database, whoever is still connected."""
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def dump(self, database: str) -> bytes:
        """What `pg_dump` writes of a database."""
        command = [str(self.programs / "pg_dump"), "-h", str(self.folder), "-U", "postgres", "-Fc", database]
        return subprocess.run(command, capture_output=True, check=True, cwd=self.folder, user=self._user, timeout=PATIENCE).stdout

    def restore(self, dumped: bytes, database: str) -> None:
        """Puts what `dump` gave into an empty database, all of it or nothing."""
        command = [str(self.programs / "pg_restore"), "-h", str(self.folder), "-U", "postgres", "-1", "--exit-on-error", "-d", database]
        subprocess.run(command, input=dumped, capture_output=True, check=True, cwd=self.folder, user=self._user, timeout=PATIENCE)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:  # it ended by itself, as children do whose parent is gone
        return


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


@contextmanager
def server(durable: bool = True) -> Iterator[Server]:
    """One that runs, and is gone afterwards with its folder."""
    # a short path: a socket's has at most 107 characters
    folder = Path(tempfile.mkdtemp(prefix="alcore-pg-", dir=None if durable else _in_memory()))
    try:
        own = Server(folder, durable)
        own.start()
        try:
            yield own
        finally:
            if _answering(own):
                own.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    """A folder in memory with room for a small server; None where there is none."""
    there = Path("/dev/shm")
    return str(there) if os.access(there, os.W_OK) and shutil.disk_usage(there).free > 2**30 else None


def _answering(own: Server) -> bool:
    return (own.data / "postmaster.pid").exists() and _runs(own.postmaster)


def needed(words: Sequence[str] = ("required",)) -> bool:
    """Whether ALCORE_POSTGRES_TESTS says that what needs a server must not be skipped."""
    return os.environ.get("ALCORE_POSTGRES_TESTS", "") in words
