"""A stored model comes back as it was, or says why not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError
from alcore.params import TrainParams
from alcore.progress import Progress
from alcore.training.batches import Batches
from alcore.training.predict import MODEL, logits_of, restored
from alcore.training.train import train
from tests.training.orders import build

CPU = torch.device("cpu")
PARAMS = TrainParams(steps=6, batch_size=8)


def saved(strategy, folder):
    from safetensors.torch import save_file

    save_file({k: v.detach().contiguous() for k, v in strategy.state_dict().items()}, folder / MODEL)


@pytest.mark.parametrize("name", ["mal", "mcdal", "entropy"])
def test_a_restored_model_says_what_it_said(pixels, pool, tmp_path, name):
    strategy, batches = build(name), Batches(pixels, pool, PARAMS, CPU, 0)
    train(strategy, batches, PARAMS)
    saved(strategy, tmp_path)
    again = restored(tmp_path, name, {}, vars(strategy.train_params), "classification", classes=strategy.task.classes, side=pixels.shape[1])
    told: list[Progress] = []
    ids = pool.test[::-1].copy()
    found = logits_of(again, batches, ids, told.append)
    strategy.eval()
    with torch.no_grad():
        expected = np.concatenate([strategy.predict(x).numpy() for _, x in batches.walk(ids)])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (told[-1].stage, told[-1].done, told[-1].total) == ("predicting", len(ids), len(ids))
    assert logits_of(again, batches, ids[:0]).shape == (0, strategy.task.classes)


def test_a_model_that_is_gone_or_another_network_is_told(pixels, tmp_path):
    def ask(name: str, classes: int = 3) -> None:
        restored(tmp_path, name, {}, vars(build("entropy").train_params), "classification", classes=classes, side=pixels.shape[1])

    with pytest.raises(AlcoreError, match="the model of this round is gone: bring back"):
        ask("entropy")
    saved(build("entropy"), tmp_path)
    with pytest.raises(AlcoreError, match="does not fit this version of alcore"):
        ask("mcdal")
