"""A pass over the pool in shards: the same numbers and the same ranking as in one piece, for every strategy, wherever it is cut."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from alcore.errors import BadInput, Unavailable
from alcore.extractors.vectors import VECTORS
from alcore.nets.tasks import FEATURES
from alcore.params import TrainParams
from alcore.pixels.streaming import FileRows
from alcore.progress import Progress
from alcore.strategies import STRATEGIES, params_of
from alcore.training import shards as module
from alcore.training.explain import wanted_ranks
from alcore.training.predict import MODEL
from alcore.training.shards import Look, Model, Packed, Spread, Vectors, Whole, cannot_look, shards, walked
from alcore.training.turn import Material, run
from alcore.training.walk import query, walk
from tests.cluster import in_process
from tests.training.orders import order

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Held:
    """Images that a test holds."""

    pixels: np.ndarray

    def open(self) -> np.ndarray:
        return self.pixels


def made(tmp_path: Path, name: str, material: Material, task: str = "classification", **train) -> Model:
    """The model of a round of six steps."""
    asked = dataclasses.replace(order(name, **train), task=task)
    settled = run(asked, material, tmp_path).train
    folder = next(tmp_path.glob(f"*/{MODEL}")).parent
    held = Held(material.pixels)
    return Model(folder, name, {}, settled, task, material.classes, held, material.pool, 5, dense=material.dense is not None)


NOISE = 1e-5
NEAR = ("mal", "bald", "qbc")  # whose scores of some of these images are equal, or nearly


def compared(model: Model, ids: np.ndarray, cut: int) -> bool:
    """The pass in pieces of `cut` images is the pass in one, but for the noise of float32, and ranks alike; whether all priorities are
    further apart than that, so that the rankings must be the same."""
    strategy, draws, _ = model.brought_back(CPU)
    whole, pieces = walk(strategy, draws, ids), Whole(ids)
    look = Look(model, "cpu", 0)
    for start, part in reversed([(at, ids[at : at + cut]) for at in range(0, len(ids), cut)]):
        pieces.put(start, walked(look, (start, part))[0])
    found = pieces.walked()
    assert found.ids is ids
    assert (found.parts.keys(), found.arrays.keys()) == (whole.parts.keys(), whole.arrays.keys())
    for name, values in {**whole.parts, **whole.arrays}.items():
        other = {**found.parts, **found.arrays}[name]
        assert other.dtype == values.dtype
        np.testing.assert_allclose(other, values, rtol=1e-4, atol=NOISE, err_msg=name)
    one, many = (query(strategy, draws, 5, np.random.default_rng(0), look=lambda *_, seen=seen: seen)[0] for seen in (whole, found))
    assert many.selected.tolist() == one.selected.tolist()
    assert np.diff(many.total[np.argsort(-one.total, kind="stable")]).max() < 2 * NOISE
    apart = bool(np.abs(np.diff(np.sort(one.total))).min() > NOISE)
    if apart:
        ranks = [wanted_ranks("total", scores.total, scores.ids).tolist() for scores in (one, many)]
        assert ranks[0] == ranks[1]
    return apart


@pytest.mark.parametrize("name", [name for name, kind in STRATEGIES.items() if "classification" in kind.tasks])
def test_every_strategy_sees_in_shards_what_it_sees_in_one_piece(name, tmp_path, pixels, pool):
    model = made(tmp_path, name, Material(pool, 3, pixels))
    assert compared(model, np.concatenate([pool.unlabeled, pool.labeled]), cut=7) or name in NEAR


def test_masks_and_vectors_and_shifted_images_too(tmp_path, pixels, pool, dense_pixels, dense, dense_pool):
    ids = np.concatenate([pool.unlabeled, pool.labeled])
    masks = Material(dense_pool, 3, dense_pixels, dense)
    model = made(tmp_path / "masks", "entropy", masks, "segmentation", architecture="small_drn")
    compared(model, ids, cut=5)
    assert model.brought_back(CPU)[1].walk_size == masks.draws(model.train, CPU, 0).walk_size
    vectors = np.random.default_rng(1).normal(size=(40, 12)).astype(np.float16)
    compared(made(tmp_path / "vectors", "badge", Material(pool, 3, vectors), architecture=FEATURES), ids, cut=9)
    shifted = made(tmp_path / "shifted", "mcdal", Material(pool, 3, pixels))
    shifted = dataclasses.replace(shifted, params={"official_scoring": True})
    assert shifted.brought_back(CPU)[0].augmented_scoring
    compared(shifted, ids, cut=6)


def test_shards_are_whole_batches_of_the_walk():
    ids = np.arange(3000)
    for walk_size, size in ((512, 512), (4096, 4096), (1, 512), (100, 600)):
        cut = list(shards(ids, walk_size))
        assert [start for start, _ in cut] == list(range(0, 3000, size))
        assert np.concatenate([part for _, part in cut]).tolist() == ids.tolist()
    assert list(shards(ids[:0], 512)) == []


def test_a_pass_by_a_cluster_is_that_of_this_process(tmp_path, pixels, pool, monkeypatch):
    in_process.put_in(monkeypatch, module)
    monkeypatch.setattr(module, "LEAST", 1)
    model = made(tmp_path, "margin", Material(pool, 3, pixels))
    strategy, draws, _ = model.brought_back(CPU)
    draws.walk_size = 10
    told: list[Progress] = []
    ids = np.concatenate([pool.unlabeled, pool.labeled])
    monkeypatch.setattr(module, "cannot_look", lambda common: "")  # these images lie in no folder
    found, here = Spread(model)(strategy, draws, ids, told.append), walk(strategy, draws, ids)
    assert [(p.done, p.total, p.message) for p in told[:2]] == [
        (0, 32, "joining the Ray cluster"),
        (0, 32, "on 2 machines of the Ray cluster"),
    ]
    assert [p.done for p in told if not p.message] == [10, 10, 20, 20, 30, 30, 32, 32]
    for name, values in {**here.parts, **here.arrays}.items():
        np.testing.assert_allclose({**found.parts, **found.arrays}[name], values, rtol=1e-4, atol=1e-5)


def test_a_machine_says_what_it_does_not_see(tmp_path, pool):
    model = Model(tmp_path, "entropy", {}, TrainParams(), "classification", 3, Packed(tmp_path, {"packed": "p.npy"}), pool, 0)
    look = Look(model, "cpu", 3)
    assert cannot_look(look).startswith(f"does not see {tmp_path / MODEL} as it is here: put the workspace on a disk")
    (tmp_path / MODEL).write_bytes(b"1234")
    assert "as it is here" in cannot_look(look)  # another one
    (tmp_path / MODEL).write_bytes(b"123")
    assert cannot_look(look).startswith(f"does not see {tmp_path / 'p.npy'}: put workspace and images")
    (tmp_path / "p.npy").touch()
    assert cannot_look(look) == ""
    streamed = Packed(tmp_path, {"packed": "p", "cache": "stream", "root": str(tmp_path / "gone")})
    assert cannot_look(dataclasses.replace(look, model=dataclasses.replace(model, images=streamed))).startswith(
        f"does not see {tmp_path / 'gone'}"
    )
    vectors = Vectors(tmp_path / VECTORS, 1, 2)
    assert cannot_look(dataclasses.replace(look, model=dataclasses.replace(model, images=vectors))).startswith(
        f"does not see {tmp_path / VECTORS}"
    )
    own = dataclasses.replace(model, file=str(tmp_path / "own.py"))
    assert cannot_look(dataclasses.replace(look, model=own)).startswith(
        f"does not see {tmp_path / 'own.py'}, the file of the strategy entropy"
    )


def test_what_a_machine_lacks_is_said_before_work_starts(tmp_path, pixels, pool, monkeypatch):
    in_process.put_in(monkeypatch, module, before=lambda done: pytest.fail("work has begun"))
    model = made(tmp_path, "margin", Material(pool, 3, pixels))
    strategy, draws, _ = model.brought_back(CPU)
    elsewhere = dataclasses.replace(model, images=Vectors(tmp_path / "gone", 1, 2))
    with pytest.raises(BadInput, match="machine near of the Ray cluster does not see .*/gone"):
        Spread(elsewhere)(strategy, draws, pool.unlabeled)


def test_black_images_are_counted_where_they_are_looked_at(tmp_path, pixels, pool):
    model = made(tmp_path, "margin", Material(pool, 3, pixels))
    rows = FileRows(tmp_path, [f"{at}.png" for at in range(40)], 8)  # none is there
    look = Look(dataclasses.replace(model, images=Held(rows), seed=6), "cpu", 0)
    assert walked(look, (0, pool.unlabeled[:5]))[1] == 5
    assert walked(look, (0, pool.unlabeled[:6]))[1] == 1


def test_a_file_of_a_strategy_that_is_another_one_there_is_refused(tmp_path, pixels, pool):
    model = made(tmp_path, "margin", Material(pool, 3, pixels))
    (tmp_path / "own").mkdir()
    other = dataclasses.replace(model, file=str(tmp_path / "own" / "margin.py"), code="of another content")
    with pytest.raises(Unavailable, match="is another one on a machine of the Ray cluster"):
        other.brought_back(CPU)


def test_parameters_of_the_round_come_back_with_the_model(tmp_path, pixels, pool):
    model = dataclasses.replace(made(tmp_path, "mcdal", Material(pool, 3, pixels)), params={"distance": "l2"})
    assert model.brought_back(CPU)[0].params == params_of("mcdal", {"distance": "l2"}, model.train)
