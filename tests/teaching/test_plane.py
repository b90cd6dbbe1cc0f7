"""The plane: where a field's cells lie, and that points keep their length on the way."""

from __future__ import annotations

import numpy as np
import torch

from alcore.nets.models import CosineHead
from alcore.params import TrainParams
from alcore.teaching.plane import DIM, Encoder, Plane, PlaneDraws, grid
from alcore.training.pool import Pool


def test_a_field_goes_row_by_row_from_the_top_left():
    cells = grid(2, 1.0)
    assert cells.tolist() == [[-0.5, 0.5], [0.5, 0.5], [-0.5, -0.5], [0.5, -0.5]]
    wide = grid(100, 1.25).reshape(100, 100, 2)
    assert wide[0, 0].tolist() == [np.float32(-1.2375), np.float32(1.2375)]
    assert (wide[-1, :, 1] == wide[-1, 0, 1]).all()


def test_points_come_as_they_are():
    xy = np.array([[3, 4], [0, 0], [0.5, 0]], np.float32)
    every = np.arange(3)
    pool = Pool(every[:2], np.array([0, 1]), every[2:], every[:0], every[:0], every, every)
    draws = PlaneDraws(xy, pool, TrainParams(batch_size=4), torch.device("cpu"), 0)
    batch, targets = draws.labeled()
    assert sorted(map(tuple, batch.tolist())) == [(0, 0), (0, 0), (3, 4), (3, 4)]
    assert [int(x[0] == 0) for x in batch] == targets.tolist()
    assert draws.unlabeled().tolist() == [[0.5, 0]] * 4
    assert [part.tolist() for _, part in draws.walk(every)] == [xy.tolist()]


def test_features_and_prototypes_are_two_numbers_and_heads_the_papers():
    plane = Plane(3, 0, 2)
    encoder = plane.backbone(TrainParams())
    assert isinstance(encoder, Encoder)
    assert encoder(torch.zeros(5, 2)).shape == (5, DIM)
    assert isinstance(plane.head(DIM), torch.nn.Linear)
    assert isinstance(plane.head(DIM, "cosine"), CosineHead)
    assert plane.cosine == "single"
    assert plane.discriminator(DIM)(torch.zeros(5, DIM)).shape == (5,)
