"""Clicks to masks by two ONNX files: which files they are, how a picture comes in, and what clicks, boxes and clicks after clicks give."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from PIL import Image

from alcore.errors import BadInput
from alcore.extractors.sam import Looked, Segmenter, pair_in
from tests.extractors.discs import LOW, RADIUS, SIDE, decoder, disc, encoder, write_pair
from tests.extractors.test_onnx import write as write_extractor

SIZE = (200, 120)  # width, height: 1024 / 200 = 5.12 pixels of the square a pixel


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Segmenter:
    folder = tmp_path_factory.mktemp("models")
    write_pair(folder)
    return pair_in(folder, "models")


@pytest.fixture(scope="module")
def looked(pair) -> Looked:
    return pair.look(picture())


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))


def same(found: np.ndarray, wanted: np.ndarray) -> None:
    """But for pixels whose middle lies on an edge, which a map of 256 smooths."""
    assert found.shape == wanted.shape
    assert found.dtype == bool
    assert (found != wanted).sum() <= 0.02 * wanted.sum()


def test_a_click_is_the_disc_around_it_at_the_size_of_the_picture(pair, looked):
    assert pair.names == ("encoder.onnx", "decoder.onnx")
    same(pair.find(looked, [(60.5, 50.5, True)]).mask, disc(SIZE, 60.5, 50.5))


def test_a_picture_is_normalized_and_padded_right_and_below(pair, tmp_path):
    flat = Image.new("RGB", (64, 32), (124, 116, 104))
    cells = pair.look(flat).embedding
    assert cells.shape == (1, 3, 64, 64)
    assert cells.dtype == np.float16
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    wanted = (np.array([124, 116, 104]) / 255 - mean) / std
    np.testing.assert_allclose(cells[0, :, :32], np.broadcast_to(wanted[:, None, None], (3, 32, 64)), atol=2e-3)
    assert not cells[0, :, 32:].any()


def test_an_encoder_of_plain_pictures_gets_them_as_they_are(tmp_path):
    encoder(tmp_path / "e.onnx", plain=True)
    decoder(tmp_path / "d.onnx")
    pair = pair_in(tmp_path, "models")
    flat = pair.look(Image.new("RGB", SIZE, (10, 20, 30)))
    assert np.array_equal(flat.embedding[0, :, 5, 5], np.float16([10, 20, 30]))
    same(pair.find(flat, [(100, 60, True)]).mask, disc(SIZE, 100, 60))
    assert pair.problem() == ""


def test_a_click_that_is_not_meant_takes_away_and_a_box_is_what_it_holds(pair, looked):
    both = pair.find(looked, [(60, 50, True), (75, 50, False)]).mask
    same(both, disc(SIZE, 60, 50) & ~disc(SIZE, 75, 50))
    box = np.zeros(SIZE[::-1], bool)
    box[20:80, 30:150] = True
    same(pair.find(looked, [], (30, 20, 150, 80)).mask, box)
    same(pair.find(looked, [(60, 50, False)], (30, 20, 150, 80)).mask, box & ~disc(SIZE, 60, 50))


def test_what_was_found_before_is_kept_by_the_next_click(pair, looked):
    first = pair.find(looked, [(40, 50, True)])
    assert first.logits is not None
    assert first.logits.shape == (1, 1, LOW, LOW)
    same(pair.find(looked, [(150, 50, True)], before=first.logits).mask, disc(SIZE, 40, 50) | disc(SIZE, 150, 50))


def test_of_several_answers_the_best_part_counts_after_one_click_and_the_whole_after_more(tmp_path):
    encoder(tmp_path / "e.onnx")
    decoder(tmp_path / "d.onnx", several=True)
    pair = pair_in(tmp_path, "models")
    seen = pair.look(picture())
    same(pair.find(seen, [(60, 50, True)]).mask, disc(SIZE, 60, 50))  # the third, of quality 0.9
    same(pair.find(seen, [(60, 50, True), (140, 50, True)]).mask, disc(SIZE, 60, 50) | disc(SIZE, 140, 50))


def test_a_decoder_that_only_gives_masks_is_taken_too(tmp_path):
    encoder(tmp_path / "e.onnx")
    decoder(tmp_path / "d.onnx", whole_only=True)
    found = pair_in(tmp_path, "models").find(Looked(np.zeros((1, 3, 64, 64), np.float16), *SIZE), [(60, 50, True)])
    same(found.mask, disc(SIZE, 60, 50))
    assert found.logits is None


def test_the_known_disc_tells_a_pair_that_works_from_one_that_does_not(pair, tmp_path):
    assert pair.problem() == ""
    encoder(tmp_path / "e.onnx")
    decoder(tmp_path / "d.onnx", radius=40)
    share = 40**2 / 150**2
    assert pair_in(tmp_path, "models").problem() == (
        f"e.onnx and d.onnx do not find a plain disc from a click (overlap {share:.2f}): bring both from one export of a SAM"
    )
    assert (SIDE, RADIUS) == (1024, 150)


def test_neither_a_click_nor_a_box_is_refused(pair, looked):
    with pytest.raises(BadInput, match="a click or a box is needed"):
        pair.find(looked, [])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((), "to paint by clicks, put the encoder and the decoder of a SAM, two ONNX files, into models (README, Click to mask)"),
        (("encoder",), "there is no decoder of a SAM in models"),
        (("decoder",), "there is no encoder of a SAM in models"),
        (("other",), "there is no encoder and no decoder of a SAM in models: other.onnx takes x ['batch', 3, 16, 16]: it is neither the encoder nor the decoder of a SAM"),
        (("strange", "decoder"), "encoder.onnx and decoder.onnx do not fit each other: put the encoder and the decoder of a SAM, two ONNX files, into models from one export"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(tmp_path, files, said):
    for name in files:
        if name == "other":
            write_extractor(tmp_path / "other.onnx")
        elif name == "strange":
            encoder(tmp_path / "encoder.onnx", channels=6)
        else:
            {"encoder": encoder, "decoder": decoder}[name](tmp_path / f"{name}.onnx")
    with pytest.raises(BadInput) as told:
        pair_in(tmp_path, "models")
    assert str(told.value) == said


def test_other_networks_and_damaged_files_beside_the_pair_do_no_harm(tmp_path):
    write_extractor(tmp_path / "a.onnx")
    (tmp_path / "b.onnx").write_bytes(b"no network")
    write_pair(tmp_path)
    assert pair_in(tmp_path, "models").names == ("encoder.onnx", "decoder.onnx")


def test_a_damaged_file_is_named(tmp_path):
    decoder(tmp_path / "decoder.onnx")
    encoder(tmp_path / "encoder.onnx")
    (tmp_path / "encoder.onnx").write_bytes((tmp_path / "encoder.onnx").read_bytes()[:100])
    with pytest.raises(
        BadInput, match=r"there is no encoder of a SAM in models: encoder\.onnx is damaged or no ONNX file \(.+: bring it again"
    ):
        pair_in(tmp_path, "models")


def test_without_onnxruntime_it_says_what_to_install(tmp_path, monkeypatch):
    write_pair(tmp_path)
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInput) as told:
        pair_in(tmp_path, "models")
    assert str(told.value) == "clicks need the package onnxruntime: pip install onnxruntime, then start the app again"
