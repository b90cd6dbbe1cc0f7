"""Likeness of images goes by their own vectors, whatever the order they were read in."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import AlcoreError
from alcore.project import similar
from alcore.project.features import Features


def test_likeness_is_the_cosine_of_the_vectors(photos):
    assert not similar.can_tell(photos)
    Features(photos).complete("cpu")
    assert similar.can_tell(photos)
    known, vectors = photos.vectors()
    wide = {i: v / np.linalg.norm(v) for i, v in zip(known.tolist(), vectors.astype(np.float64), strict=True)}
    ids = photos.snapshot().ids
    a, b = ids[2], ids[5]
    np.testing.assert_allclose(similar.likeness(photos, ids, [a]), [wide[i] @ wide[a] for i in ids.tolist()], atol=1e-3)
    middle = wide[a] + wide[b]
    middle /= np.linalg.norm(middle)
    np.testing.assert_allclose(similar.likeness(photos, ids, [a, b]), [wide[i] @ middle for i in ids.tolist()], atol=1e-3)


def test_an_image_without_features_has_no_likeness(photos):
    Features(photos).complete("cpu")
    ids = np.array([*photos.snapshot().ids.tolist(), 10**6])
    values = similar.likeness(photos, ids, [int(ids[0])])
    assert np.isnan(values[-1])
    assert np.isfinite(values[:-1]).all()
    with pytest.raises(AlcoreError, match="no features to compare"):
        similar.likeness(photos, ids, [10**6])


def test_masks_are_not_compared(scenes):
    assert not similar.can_tell(scenes)
