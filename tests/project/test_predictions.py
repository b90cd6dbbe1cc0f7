"""What a stored model says of any image."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError
from alcore.nets.backbones import make_backbone
from alcore.project import predictions
from tests.project.sliced import QUICK


@pytest.mark.parametrize("architecture", ["features", "small_cnn"])
def test_a_stored_model_says_what_it_said_when_it_was_tested(apart, architecture):
    apart.label_from_truth(16, seed=0)
    train = {**QUICK, "architecture": architecture, **({"steps": 40} if architecture == "small_cnn" else {})}
    done = apart.run_round("mcdal", 5, 1, "cpu", train=train, report=lambda _: None)
    pool = apart.pool()
    ids, logits = predictions.logits(apart, done, pool.test)
    assert ids.tolist() == sorted(pool.test.tolist())
    target = dict(zip(pool.test.tolist(), pool.test_targets.tolist(), strict=True))
    assert np.mean([guess == target[i] for i, guess in zip(ids.tolist(), logits.argmax(1), strict=True)]) == done.metrics["accuracy"]
    everything, all_logits = predictions.logits(apart, done)
    assert len(everything) == 56
    np.testing.assert_allclose(all_logits[np.isin(everything, ids)], logits, atol=1e-5)
    files = apart.files(done)
    seen = np.array([i in set(files.walked_ids.tolist()) for i in everything.tolist()])
    order = np.argsort(files.walked_ids)
    np.testing.assert_allclose(all_logits[seen], files.array("logits")[order], atol=1e-4)  # MCDAL scores by its task model


def test_pixels_are_normalized_by_the_weights_that_the_round_began_with(project, quick, tmp_path):
    torch.save(make_backbone("resnet18_cifar").state_dict(), tmp_path / "weights.pth")
    project.label_from_truth(12, seed=0)
    began = {"architecture": "resnet18_cifar", "weights": str(tmp_path / "weights.pth"), "steps": 5}
    done = project.run_round("entropy", 4, 1, "cpu", train={**quick, **began}, report=lambda _: None)
    ids, logits = predictions.logits(project, done)
    files = project.files(done)
    np.testing.assert_allclose(logits[np.searchsorted(ids, files.walked_ids)], files.logits, rtol=1e-3, atol=1e-2)


def test_a_start_has_no_model_and_masks_have_no_guess(apart, asked):
    assert predictions.newest_model(apart) is None
    begun = apart.start(4, seed=0)
    with pytest.raises(AlcoreError, match="was a start without a model"):
        predictions.logits(apart, begun)
    with pytest.raises(AlcoreError, match="pixel by pixel"):
        predictions.logits(asked, asked.round())
