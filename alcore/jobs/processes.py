"""Who runs something: a process's name that survives the reuse of its number, and whether it still lives. Knows no job and no file."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

FRESH = 600.0  # seconds without a sign of life after which a process on another host counts as gone


def process_name(pid: int | None = None) -> str:
    """`host:pid:starttime` of a process of this host, this one for None: one that got a dead one's number is not taken for it."""
    pid = os.getpid() if pid is None else pid
    return f"{host_name()}:{pid}:{_start_time(pid) or 0}"


def host_name() -> str:
    """This machine's name, as it stands in a process's."""
    return socket.gethostname().replace(":", "-")[:40]


def is_alive(owner: str, seen: float | None = None) -> bool:
    """True while the process of that name runs. One on another host cannot be looked at: it counts as alive for FRESH seconds after it
    was `seen` (seconds since 1970) last."""
    host, pid, started = _parts(owner)
    if not pid:
        return False
    if host not in ("", host_name()):
        return seen is not None and time.time() - seen < FRESH
    if pid == os.getpid():
        return started in ("0", str(_start_time(pid) or 0))
    if Path("/proc/self/stat").exists() or os.name == "nt":  # on Windows os.kill(pid, 0) is Ctrl-C
        return started == str(_start_time(pid))
    try:
        os.kill(pid, 0)
    except OSError as refused:
        return isinstance(refused, PermissionError)
    return True


def process_words(owner: str) -> str:
    """A process as a person looks for it: process 4711, and where if not here."""
    host, pid, _ = _parts(owner)
    return f"process {pid}" + ("" if host in ("", host_name()) else f" on {host}")


def _parts(owner: str) -> tuple[str, int, str]:
    """Host, number and start; what was stored before hosts were named is of this one, and 0 is the number of nonsense."""
    host, _, rest = owner.partition(":") if owner.count(":") == 2 else ("", "", owner)
    number, _, started = rest.partition(":")
    return host, int(number) if number.isdigit() else 0, started


def _start_time(pid: int) -> int | None:
    """Clock ticks from boot to the process's start; None without /proc, without such a process, or when it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name in brackets may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])
