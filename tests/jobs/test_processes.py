"""Names of processes: one that got a dead one's number is not taken for it, and one elsewhere lives while it gives signs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from alcore.jobs import processes
from alcore.jobs.processes import FRESH, host_name, is_alive, process_name, process_words


def test_this_process_lives_under_its_own_name_only():
    host, pid, started = process_name().split(":")
    assert (host, int(pid)) == (host_name(), os.getpid())
    assert is_alive(process_name())
    assert is_alive(f"{pid}:{started}")  # as it was stored before hosts were named
    assert is_alive(f"{host}:{pid}:0")  # stored where no start can be told
    assert not is_alive(f"{host}:{pid}:{int(started) + 1}")  # somebody else had this number before


def test_a_process_that_ended_is_gone_also_before_anybody_waited_for_it():
    ending = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = process_name(ending.pid)
    assert is_alive(name)
    ending.stdin.close()
    os.waitid(os.P_PID, ending.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is a zombie until it is waited for
    assert not is_alive(name)
    ending.wait()
    assert not is_alive(name)


@pytest.mark.parametrize(("ago", "lives"), [(0.0, True), (FRESH - 1, True), (FRESH, False), (None, False)])
def test_a_process_of_another_host_lives_while_its_signs_are_fresh(monkeypatch, ago, lives):
    monkeypatch.setattr(processes.time, "time", lambda: 10_000.0)
    assert is_alive("elsewhere:12:34", None if ago is None else 10_000.0 - ago) is lives


@pytest.mark.parametrize("nonsense", ["", ":", "::", "nobody", "host:x:1", "host:-3:1"])
def test_nonsense_is_nobody(nonsense):
    assert not is_alive(nonsense, 1e12)


def test_a_process_is_told_by_its_number_and_by_its_host_where_that_is_another():
    assert process_words(f"{host_name()}:4711:9") == process_words("4711:9") == "process 4711"
    assert process_words("elsewhere:4711:9") == "process 4711 on elsewhere"


def test_a_host_name_never_breaks_a_name_apart(monkeypatch):
    monkeypatch.setattr(processes.socket, "gethostname", lambda: "fe80::1" + 60 * "x")
    assert host_name() == "fe80--1" + 33 * "x"
    assert process_name().count(":") == 2
