"""Pools thinned class by class: the frozen map of imbalanced CIFAR-100, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.simulation.presets import PRESETS
from alcore.simulation.thinning import thinned


def test_imbalanced_cifar100_keeps_14_580_images_in_five_groups_of_twenty_classes():
    targets = np.tile(np.arange(100), 500)
    kept = thinned(targets, 100, PRESETS["mal-cifar100-imbalanced"].thin)
    assert len(kept) == 20 * (5 + 16 + 50 + 158 + 500) == 14_580
    counts = np.bincount(targets[kept], minlength=100)
    assert {int(c): int((counts == c).sum()) for c in np.unique(counts)} == {5: 20, 16: 20, 50: 20, 158: 20, 500: 20}
    assert (np.diff(kept) > 0).all()
    # frozen: these are the classes that keep five images, for ever
    assert np.flatnonzero(counts == 5)[:6].tolist() == FROZEN


FROZEN = [15, 18, 27, 30, 31, 33]


def test_thinning_is_the_same_every_time_and_another_with_another_seed():
    targets = np.arange(300) % 7
    a, b, c = thinned(targets, 7, (0.1, 1.0)), thinned(targets, 7, (0.1, 1.0)), thinned(targets, 7, (0.1, 1.0), seed=1)
    assert a.tolist() == b.tolist() != c.tolist()


def test_a_class_keeps_at_least_one_image_and_an_empty_class_none():
    assert np.bincount(np.array([0, 0, 2])[thinned(np.array([0, 0, 2]), 3, (0.01,))], minlength=3).tolist() == [1, 0, 1]


@pytest.mark.parametrize("ratios", [(), (0.0, 1.0), (2.0,), (-0.1,)])
def test_ratios_that_keep_nothing_or_more_than_there_is_are_refused(ratios):
    with pytest.raises(BadInput, match="cannot thin by"):
        thinned(np.zeros(3, np.int64), 1, ratios)
