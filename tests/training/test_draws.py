"""Who comes when: shuffles that know what comes, streams of their own for labeled and unlabeled images, an exact state."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from alcore.params import TrainParams
from alcore.training.draws import PoolDraws, Stream

CPU = torch.device("cpu")
PARAMS = TrainParams(batch_size=5)


def test_all_positions_come_equally_often():
    taken = torch.cat([Stream(7, 3).take(70)]).tolist()
    for start in range(0, 70, 7):
        assert sorted(taken[start : start + 7]) == list(range(7))
    assert taken[:7] != taken[7:14]


@pytest.mark.parametrize("counts", [[1] * 20, [3, 4, 13], [20], [15, 5]])
def test_draws_do_not_depend_on_how_many_are_taken_at_a_time_or_looked_at_ahead(counts):
    plain, stream, found = Stream(6, 9).take(20).tolist(), Stream(6, 9), []
    for count in counts:
        ahead = stream.peek(2, count + 3).tolist()
        taken = stream.take(count).tolist()
        assert (taken + stream.peek(0, 6).tolist())[2 : 5 + count] == ahead
        found += taken
    assert found == plain


def test_a_stream_goes_on_from_its_state():
    first = Stream(6, 1)
    first.take(4)
    first.peek(3, 9)
    state = first.state()
    expected = first.take(15).tolist()
    other = Stream(6, 2)
    other.take(11)
    other.restore(state)
    assert other.take(15).tolist() == expected


def test_labeled_and_unlabeled_images_have_draws_and_noise_of_their_own(pool):
    one, other = (PoolDraws(pool, PARAMS, CPU, 4) for _ in range(2))
    other._streams["unlabeled"].take(33)
    other._drawn("unlabeled")
    assert one._streams["labeled"].take(30).tolist() == other._streams["labeled"].take(30).tolist()
    assert torch.equal(one._drawn("labeled"), other._drawn("labeled"))
    assert one._drawn("labeled").shape == (4, 5)
    apart = PoolDraws(pool, PARAMS, CPU, 5)
    assert apart._streams["labeled"].take(30).tolist() != PoolDraws(pool, PARAMS, CPU, 4)._streams["labeled"].take(30).tolist()


def test_the_state_of_all_streams_is_taken_and_given_back(pool):
    draws, other = PoolDraws(pool, PARAMS, CPU, 4), PoolDraws(pool, PARAMS, CPU, 8)

    def some(of: PoolDraws) -> list[list[float]]:
        return [each.flatten().tolist() for name in ("labeled", "unlabeled") for each in (of._streams[name].take(9), of._drawn(name))]

    some(draws)
    state = draws.state()
    expected = some(draws)
    assert some(other) != expected
    other.restore(state)
    assert some(other) == expected


def test_without_unlabeled_images_the_labeled_ones_stand_in(pool):
    empty = dataclasses.replace(pool, unlabeled=np.empty(0, np.int64))
    assert PoolDraws(pool, PARAMS, CPU, 0)._source("unlabeled") == "unlabeled"
    assert PoolDraws(empty, PARAMS, CPU, 0)._source("unlabeled") == "labeled"
    assert PoolDraws(empty, PARAMS, CPU, 0).labeled_count == 12


def test_targets_are_class_indices_on_the_device(pool):
    found = PoolDraws(pool, PARAMS, CPU, 0).target(pool.targets[:4])
    assert (found.dtype, found.tolist()) == (torch.int64, pool.targets[:4].tolist())
