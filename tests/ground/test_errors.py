"""What a machine refuses is a sentence with its cure; everything else stays a bug."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from alcore.errors import LONGEST, DiskFull, Unavailable, of_machine


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DiskFull, "the disk is full: /home/x. Free some space and try again."),
        (errno.EDQUOT, DiskFull, "the disk is full: /home/x. Free some space and try again."),
        (
            errno.EROFS,
            Unavailable,
            "the disk is read-only: /home/x. Choose another workspace with --home or ALCORE_HOME, or make it writable.",
        ),
        (errno.EACCES, Unavailable, "permission denied: /home/x. Give this user the right to it, or choose another place."),
        (errno.EMFILE, Unavailable, "too many files are open: end other programs or raise the limit (`ulimit -n`), then try again."),
        (errno.ENFILE, Unavailable, "too many files are open: end other programs or raise the limit (`ulimit -n`), then try again."),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(number, kind, words):
    told = of_machine(OSError(number, os.strerror(number), "/home/x"))
    assert (type(told), str(told)) == (kind, words)
    assert len(str(of_machine(OSError(number, os.strerror(number), "/x" * 500)))) <= LONGEST


@pytest.mark.parametrize(
    "bug", [OSError(errno.ENOENT, "No such file", "/x"), OSError(errno.EACCES, "no file is named"), ValueError("x"), OSError("x")]
)
def test_everything_else_is_a_bug(bug):
    assert of_machine(bug) is None


def test_a_really_full_disk_is_told(monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OSError) as full, open("/dev/full", "w") as file:
        file.write("x")
    assert str(of_machine(full.value)) == "the disk is full. Free some space and try again."
