"""What a ledger acknowledged is in it: after a kill, after a power cut in the midst of a line, with many who write at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from alcore.errors import BadInput, Busy, DiskFull
from alcore.teaching.ledger import Ledger, events
from tests.house import ROOT


def test_events_come_back_in_order_and_as_they_were(tmp_path):
    ledger = Ledger(tmp_path / "class" / "A.jsonl")
    told = [{"event": "a", "name": "Zoë\n\u2028"}, {"event": "b", "n": 2**40}, {"event": "c"}]
    for event in told:
        ledger.sync(ledger.append(event))
    assert events(ledger.path) == told
    assert ledger.end == ledger.path.stat().st_size


def test_what_a_power_cut_broke_off_is_left_out_and_the_next_line_is_whole(tmp_path):
    path = tmp_path / "A.jsonl"
    path.write_bytes(b'{"event":"x","n":1}\n{"event":"x","n":2}\n{"event":"x","n":3,"na')
    assert events(path) == [{"event": "x", "n": 1}, {"event": "x", "n": 2}]
    ledger = Ledger(path)
    ledger.append({"event": "x", "n": 4})
    assert path.read_bytes() == b'{"event":"x","n":1}\n{"event":"x","n":2}\n{"event":"x","n":4}\n'


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[]", b"7", b"{}", b"", b'{"event":'])
def test_a_line_of_somebody_else_is_named(tmp_path, line):
    path = tmp_path / "A.jsonl"
    path.write_bytes(b'{"event":"x"}\n' + line + b"\n")
    with pytest.raises(BadInput) as refused:
        events(path)
    assert str(refused.value).startswith("line 2 of ")
    assert str(refused.value).endswith("is no event of a class: bring back the file as it was, or move it away")


def test_many_who_write_at_once_lose_nothing(tmp_path):
    ledger = Ledger(tmp_path / "A.jsonl")

    def write(who: int) -> None:
        for n in range(50):
            ledger.sync(ledger.append({"event": "x", "who": who, "n": n}))

    threads = [threading.Thread(target=write, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = events(ledger.path)
    assert len(found) == 400
    assert [event["n"] for event in found if event["who"] == 3] == list(range(50))


def test_those_who_wait_at_one_moment_share_one_answer_of_the_disk(tmp_path, monkeypatch):
    ledger, synced = Ledger(tmp_path / "A.jsonl"), []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(ledger.end))
    first, second = ledger.append({"event": "x", "n": 1}), ledger.append({"event": "x", "n": 2})
    ledger.sync(first)
    ledger.sync(second)
    assert synced == [second]
    ledger.sync(ledger.append({"event": "x", "n": 3}))
    assert len(synced) == 2


def test_one_process_writes_a_ledger(tmp_path):
    ledger = Ledger(tmp_path / "ABC.jsonl")
    with pytest.raises(Busy, match=r"^another server has the class ABC: use its address, or end that server$"):
        Ledger(ledger.path)
    ledger.close()
    Ledger(ledger.path).close()


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path, monkeypatch):
    ledger = Ledger(tmp_path / "A.jsonl")
    ledger.append({"event": "x", "n": 1})
    honest = ledger._file

    class Full:
        truncate = honest.truncate

        def write(self, line: bytes) -> int:
            honest.write(line[:4])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger, "_file", Full())
    with pytest.raises(DiskFull):
        ledger.append({"event": "x", "n": 2})
    monkeypatch.setattr(ledger, "_file", honest)
    ledger.append({"event": "x", "n": 3})
    assert events(ledger.path) == [{"event": "x", "n": 1}, {"event": "x", "n": 3}]


KILLED = """
import sys
from pathlib import Path
from alcore.teaching.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    ledger.sync(ledger.append({"event": "x", "n": n}))
    print(n, flush=True)
"""


@pytest.mark.slow
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path):
    path = tmp_path / "A.jsonl"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    acked = [int(process.stdout.readline()) for _ in range(40)]
    process.send_signal(signal.SIGKILL)
    acked += [int(line) for line in process.stdout.read().split()]
    process.wait()
    assert [event["n"] for event in events(path)][: len(acked)] == acked
