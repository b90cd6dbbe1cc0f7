"""A verb in a process of its own: what it says arrives, what goes wrong is told, and it never outlives who started it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from alcore.errors import AlcoreError, Cancelled
from alcore.progress import Progress
from alcore.project import apart
from alcore.project.apart import run_verb

PATIENCE = 60.0


@pytest.fixture
def verb(tmp_path, monkeypatch):
    """`verb(code)` makes `python -m alcore` in a process apart run this code."""

    def become(code: str) -> None:
        (tmp_path / "alcore").mkdir(exist_ok=True)
        (tmp_path / "alcore" / "__init__.py").touch()
        (tmp_path / "alcore" / "__main__.py").write_text(textwrap.dedent(code))
        monkeypatch.setattr(apart, "ROOT", tmp_path)
        monkeypatch.chdir(tmp_path)

    return become


SAY = """
import json, os, sys, time
assert os.environ["ALCORE_PROGRESS"] == "json"
def say(done, message=""):
    told = {"stage": "simulating", "done": done, "total": 4, "values": {}, "message": message}
    print(json.dumps({"progress": told}), file=sys.stderr, flush=True)
"""


def test_its_progress_arrives_and_other_lines_are_no_progress(verb):
    verb(SAY + "print('a warning', file=sys.stderr)\nsay(1, ' '.join(sys.argv[1:]))\nsay(4)")
    heard: list[Progress] = []
    run_verb(["simulate", "set"], heard.append)
    assert heard[-2:] == [Progress("simulating", 1, 4, {}, "simulate set"), Progress("simulating", 4, 4)]
    assert {told.stage for told in heard[:-2]} <= {"starting"}


def test_what_can_be_cured_is_told_in_the_verbs_words(verb):
    verb("import sys\nprint('alcore: the pool has 12 images: lower init', file=sys.stderr)\nsys.exit(2)")
    with pytest.raises(AlcoreError, match=r"^the pool has 12 images: lower init$"):
        run_verb(["simulate"], lambda told: None)


def test_a_bug_keeps_its_traceback(verb):
    verb("1 / 0")
    with pytest.raises(RuntimeError, match="simulate ended with 1:\n(.|\n)*ZeroDivisionError"):
        run_verb(["simulate"], lambda told: None)


def test_a_killed_process_is_told(verb):
    verb("import os\nos.kill(os.getpid(), 9)")
    with pytest.raises(AlcoreError, match="killed by signal 9, perhaps because memory ran out. Started again, it goes on"):
        run_verb(["simulate"], lambda told: None)


def test_a_cancel_lets_it_keep_where_it_is_and_ends_all_of_its_group(verb, tmp_path):
    verb(
        SAY
        + """
import signal, subprocess
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"])
def keep(*_):
    open("kept", "w").write(str(child.pid))
    sys.exit(143)
signal.signal(signal.SIGTERM, keep)
say(1)
time.sleep(600)
"""
    )

    def stop(told: Progress) -> None:
        if told.done:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        run_verb(["simulate"], stop)
    gone(int((tmp_path / "kept").read_text()))


def test_it_ends_when_nobody_reads_it_any_more(tmp_path):
    """Its starter is killed: the next line it says cannot be written. The simulation itself says it with JsonLines."""
    starter = (
        "import subprocess, sys, time\n"
        "code = 'import time\\nfrom alcore.progress import JsonLines, Progress\\nsay = JsonLines()\\n'\n"
        "code += 'n = 0\\nwhile True:\\n    n += 1\\n    say(Progress(\"simulating\", n, 0, message=str(n)))\\n    time.sleep(0.01)'\n"
        "child = subprocess.Popen([sys.executable, '-c', code], stderr=subprocess.PIPE, start_new_session=True)\n"
        "child.stderr.readline()\nprint(child.pid, flush=True)\ntime.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, cwd=apart.ROOT) as process:
        child = int(process.stdout.readline())
        process.kill()
    gone(child)


def gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_there(pid):
        assert time.monotonic() < deadline, "it lives on"
        threading.Event().wait(0.02)


def is_there(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
    except OSError:
        os.kill(pid, 0)
        return True
