"""Pictures for browsers: never enlarged, known by their etag, of files and of arrays."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from alcore.errors import NotFound
from alcore.project.facade import Project
from tests.project.played import paths


def test_a_picture_is_never_enlarged_and_its_etag_follows_the_file(project, digits_source, write_image, decoded):
    item = paths(project)["train/0/00.png"]
    encoded, mime, etag = project.picture(item, 96)
    assert mime == "image/png"
    with Image.open(io.BytesIO(encoded)) as image, Image.open(digits_source / "train/0/00.png") as original:
        assert image.size == (8, 8)
        assert np.array_equal(np.asarray(image.convert("L")), np.asarray(original))
    assert project.picture(item, 96) == (encoded, mime, etag)
    assert decoded == ["00.png"]  # the second time from disk
    assert project.picture(item, 4)[2] != etag
    write_image(digits_source / "train/0/00.png", 3, seed=5)
    project.refresh()
    again = project.picture(item, 96)
    assert again[0] != encoded
    assert again[2] != etag


def test_a_picture_whose_file_is_gone_is_not_found(project, digits_source):
    (digits_source / "train/1/00.png").unlink()
    with pytest.raises(NotFound, match=r"the picture of 'train/1/00\.png' cannot be read any more"):
        project.picture(paths(project)["train/1/00.png"], 96)
    with pytest.raises(NotFound, match="there is no item 999"):
        project.picture(999, 96)


@pytest.mark.parametrize("side", [16, 120])  # packed as they are; packed smaller, with the originals kept
def test_pictures_of_arrays_show_every_pixel(workspace, tmp_path, make_npz, side):
    source = make_npz(tmp_path / "arrays", side)
    project = Project.import_into(workspace, "arrays", source)
    with np.load(source) as stored:
        pixels = stored["x_train"][3]
    encoded, _, _ = project.picture(paths(project)["train/00003"], 4096)
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.size == (side, side)
        if side <= 64:
            assert np.array_equal(np.asarray(image), pixels)
    assert project.pixels().shape[1] == (16 if side == 16 else 64)
