"""A cluster is joined, or the reason why not is told at once, with its cure."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace

import pytest

from alcore.cluster.joining import check, installed, joined
from alcore.errors import BadInput, Unavailable


def test_a_word_that_means_nothing_is_refused_and_none_is_this_process(monkeypatch):
    assert check("") is False
    assert check("ray") is True
    with pytest.raises(BadInput, match="on = 'slurm' cannot be: use ray"):
        check("slurm")
    monkeypatch.setitem(sys.modules, "ray", None)
    assert check("") is False
    for ask in (installed, lambda: check("ray")):
        with pytest.raises(BadInput, match="ray is not installed: pip install ray==2.60.0, on each machine"):
            ask()


def test_nobody_at_the_address_is_told_in_seconds_with_the_cure(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(
            Unavailable, match=rf"RAY_ADDRESS={address} does not answer .*refused.*`ray start --head`.*take RAY_ADDRESS away"
        ):
            joined().__enter__()
    monkeypatch.setenv("RAY_ADDRESS", "nonsense")
    with pytest.raises(Unavailable, match="RAY_ADDRESS=nonsense does not answer .*Invalid address"):
        joined().__enter__()


def test_a_cluster_that_was_killed_and_is_still_noted_is_told_of_in_seconds_with_the_cure(monkeypatch, tmp_path):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        (tmp_path / "ray" / "ray_current_cluster").write_text(f"127.0.0.1:{taken.getsockname()[1]}\n")
        with pytest.raises(Unavailable, match="the Ray cluster of this machine does not answer .*refused.*let `ray stop` forget it"):
            joined().__enter__()


def test_who_is_connected_already_stays_so(monkeypatch):
    ended = []
    ray = SimpleNamespace(is_initialized=lambda: True, shutdown=lambda: ended.append(1))
    monkeypatch.setitem(sys.modules, "ray", ray)
    with joined() as found:
        assert found is ray
    assert ended == []
