"""One at a time: by threads and processes, whoever is killed, and no file stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from alcore.errors import Busy
from alcore.uploads.alone import alone, drop

HOLDER = """
import sys
from pathlib import Path
from alcore.uploads.alone import alone
with alone(Path(sys.argv[1]), ""):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_told_and_the_file_goes(tmp_path):
    file = tmp_path / "lock"
    with alone(file, "it is at work"):
        with pytest.raises(Busy, match="it is at work"), alone(file, "it is at work"):
            pass
        drop(file)
        assert file.exists()
    assert not file.exists()
    with alone(file, ""):
        pass
    drop(file)
    assert list(tmp_path.iterdir()) == []


def test_another_process_holds_it_until_it_is_killed(tmp_path):
    file = tmp_path / "lock"
    other = subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    with pytest.raises(Busy), alone(file, ""):
        pass
    other.kill()
    other.communicate()
    assert file.exists()
    drop(file)
    assert not file.exists()
