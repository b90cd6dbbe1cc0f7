"""What a measurement was made with, and the commit of alcore's own repository only."""

from __future__ import annotations

import json
import platform

import numpy as np
import pytest
import torch

from alcore import __version__
from alcore.simulation import environment as module
from alcore.simulation.environment import environment


@pytest.fixture
def git(monkeypatch):
    """`git(answers)`: git answers so, by its first word; None is a failure."""

    def answer(**answers: str | None) -> None:
        module._code.cache_clear()
        monkeypatch.setattr(module, "_git", lambda folder, *words: answers.get(words[0].replace("-", "_")))

    yield answer
    module._code.cache_clear()


@pytest.mark.parametrize(
    ("answers", "commit", "changed"),
    [
        ({"ls_files": "errors.py", "rev_parse": "4ac1", "status": ""}, "4ac1", False),
        ({"ls_files": "errors.py", "rev_parse": "4ac1", "status": "M errors.py"}, "4ac1", True),
        ({"ls_files": "errors.py", "rev_parse": "4ac1", "status": None}, "4ac1", None),
        ({"ls_files": None, "rev_parse": "another repository's", "status": ""}, None, None),
    ],
)
def test_the_commit_is_that_of_our_own_repository_or_none(git, answers, commit, changed):
    git(**answers)
    told = environment(torch.device("cpu"))
    assert (told["alcore"], told["commit"], told["changed_since_commit"]) == (__version__, commit, changed)


def test_versions_device_and_switches_are_those_of_this_process(git):
    git()
    torch.use_deterministic_algorithms(True)
    try:
        told = environment(torch.device("cpu"))
    finally:
        torch.use_deterministic_algorithms(False)
    assert json.loads(json.dumps(told)) == told
    assert (told["python"], told["numpy"], told["threads"]) == (platform.python_version(), np.__version__, torch.get_num_threads())
    assert (told["device"], told["gpu"], told["cuda"], told["cudnn"], told["deterministic"]) == ("cpu", None, None, None, True)
    assert environment(torch.device("cpu"))["deterministic"] is False
    assert module._version("a library that nobody has") is None
