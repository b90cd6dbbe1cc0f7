"""What notebooks hold: two objects of one project see the same."""

from __future__ import annotations

import shutil

import numpy as np

from alcore.project.facade import Workspace
from alcore.project.features import Features
from tests.project.played import paths


def test_two_objects_of_one_project_see_the_same(project, home):
    other = Workspace(home)
    twin = other.project("toy")
    item = paths(project)["train/0/00.png"]
    project.annotate({item: "0"})
    assert twin.counts()["labeled"] == 1
    assert twin.pool().labeled.tolist() == [item]
    other.close()


def test_vectors_of_images_are_there_once_they_were_made(photos, photo_source, capsys):
    ids, vectors = photos.vectors()
    assert (ids.shape, vectors.shape, vectors.dtype) == ((0,), (0, 8), np.float16)
    told = photos.features(device="cpu")
    assert (told["items"], told["made"]) == (56, 56)
    assert "features" in capsys.readouterr().err  # the bar
    assert photos.features(device="cpu", report=lambda _: None)["made"] == 0
    assert [job.kind for job in photos.workspace.job_rows.jobs("photos")] == ["features"] * 2
    ids, vectors = photos.vectors()
    assert isinstance(vectors, np.memmap)
    found = Features(photos)
    by_id = dict(zip(found.ids.tolist(), found.rows.tolist(), strict=True))
    assert sorted(ids.tolist()) == found.ids.tolist()
    assert vectors.tolist() == [found.store.vectors()[by_id[i]].tolist() for i in ids.tolist()]
    shutil.copy(photo_source / "train" / "sea" / "01.png", photo_source / "train" / "sea" / "twin.png")
    photos.refresh()
    photos.features(device="cpu", report=lambda _: None)
    ids, vectors = photos.vectors()
    at = {i: path for path, i in paths(photos).items()}
    twins = [vectors[row].tolist() for row, i in enumerate(ids.tolist()) if at[i].endswith(("sea/01.png", "sea/twin.png"))]
    assert len(ids) == 57
    assert len(twins) == 3  # of train two, of test one
    assert len({tuple(v) for v in twins}) == 2
