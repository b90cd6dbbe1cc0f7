"""What a stored model says of any image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from alcore.errors import AlcoreError
from alcore.nets.backbones import make_backbone
from alcore.project import predictions
from alcore.project.features import Features
from alcore.training import roundfiles
from tests.project.photos import photo
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


def test_what_the_round_kept_is_told_again_of_pictures_that_are_as_they_were_and_others_are_predicted(apart, photo_source):
    """A look at all of a million images by the model takes a minute; what it said when the round was made lies there."""
    apart.label_from_truth(16, seed=0)
    done = apart.run_round("mcdal", 5, 1, "cpu", train={**QUICK, "architecture": "features"}, report=lambda _: None)
    files = apart.files(done)
    path = files.folder / "logits.npy"
    kept = np.load(path)
    kept[:, 0] += 1000.0
    np.save(path, kept)  # to be known again
    changed, other = (int(i) for i in files.walked_ids[[3, 4]])
    source = photo_source / apart.items.row(changed)["path"]
    Image.fromarray(photo("sand", 77)).save(source)
    apart.refresh()
    Features(apart).complete("cpu")
    ids, logits = predictions.logits(apart, done)
    assert ids.tolist() == apart.pool().ids.tolist()
    told = {i: float(row[0]) > 500 for i, row in zip(ids.tolist(), logits, strict=True)}
    walked = set(files.walked_ids.tolist())
    assert {i for i, is_kept in told.items() if is_kept} == walked - {changed}
    assert (told[changed], told[other]) == (False, True)
    some = [changed, *apart.pool().test[:3].tolist()]
    predicted_ids, predicted = predictions.logits(apart, done, some)
    np.testing.assert_allclose(logits[np.searchsorted(ids, predicted_ids)], predicted, atol=1e-5)
    (files.folder / "pictures.npy").unlink()  # a round of before 0.15
    predictions._of_all._answers.clear()
    roundfiles.round_files.cache_clear()
    assert predictions.logits(apart, done)[1].max() < 500


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
