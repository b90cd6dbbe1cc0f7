"""A painted stream from a browser is kept, or refused whole."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from alcore.errors import BadInput
from alcore.project import answers
from alcore.types import Annotation
from tests.project.painted import ids_of
from tests.scenes import H, W, truth_of


def stream(mask: np.ndarray) -> bytes:
    return zlib.compress(mask.tobytes())


def test_a_painted_stream_is_kept_and_one_of_the_wrong_length_or_values_is_not(scenes):
    item = ids_of(scenes)[0]
    digest, taken = answers.answer(scenes, Annotation("tab", 1, item, "mask"), stream(truth_of(0)))
    acked, rejected = taken.acked, taken.rejected
    assert (acked, rejected) == ([1], [])
    assert np.array_equal(scenes.masks.load(digest), truth_of(0))
    for body, match in (
        (b"not zlib", "zlib"),
        (stream(np.zeros((H, W + 1), np.uint8)), f"{W} x {H}"),
        (stream(np.zeros((H, W - 1), np.uint8)), f"{W} x {H}"),
        (zlib.compress(bytes(50_000_000)), f"{W} x {H}"),
        (stream(np.full((H, W), 9, np.uint8)), "9"),
        (stream(truth_of(0))[:-6], f"{W} x {H}"),
    ):
        with pytest.raises(BadInput, match=match):
            answers.answer(scenes, Annotation("tab", 2, item, "mask"), body)
    assert len(scenes.journal.events()) == 1
