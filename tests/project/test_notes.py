"""Notes on images: the newest counts, nothing of what is in the image changes, and they are found again."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.errors import BadInput, NotFound
from alcore.project import history, notes, views
from alcore.project.catalog import catalog

pytestmark = pytest.mark.both_databases


def test_the_newest_note_counts_and_an_empty_one_takes_it_away(toy):
    a, b = toy.pool().unlabeled[:2].tolist()
    before = (toy.items.labels(), toy.queries.answered(), catalog(toy).states.tolist())
    assert notes.write(toy, a, "  is it\n a two? ", annotator="ann") == "is it a two?"
    notes.write(toy, b, "dark", annotator="ben")
    notes.write(toy, a, "it is a seven", annotator="ben")
    assert (notes.of(toy, a), notes.of(toy, b)) == ("it is a seven", "dark")
    assert toy.queries.remarks() == {a: "it is a seven", b: "dark"}
    notes.write(toy, b, " ", annotator="ann")
    assert toy.queries.remarks() == {a: "it is a seven"}
    assert (toy.items.labels(), toy.queries.answered(), catalog(toy).states.tolist()) == before
    assert toy.journal.differences() == 0
    of, _, at = views.found(toy, views.View(noted=True))
    assert of.ids[at].tolist() == [a]
    told = history.history(toy, a)
    assert told["note"] == "it is a seven"
    assert [(e["kind"], e["value"], e["annotator"]) for e in told["events"]] == [
        ("remark", "is it a two?", "ann"),
        ("remark", "it is a seven", "ben"),
    ]


def test_a_note_that_is_sent_twice_is_kept_once(toy):
    item = int(toy.pool().unlabeled[0])
    for _ in range(2):
        notes.write(toy, item, "once", annotator="ann", client="tab-1")
    assert len(toy.journal.of_item(item)) == 1


def test_what_is_no_note(toy):
    item = int(toy.pool().unlabeled[0])
    with pytest.raises(BadInput, match="a note of 401 characters is too long: use up to 400"):
        notes.write(toy, item, "x" * 401, annotator="ann")
    with pytest.raises(BadInput, match="printable"):
        notes.write(toy, item, "a\x00b", annotator="ann")
    with pytest.raises(NotFound, match="there is no item 99999"):
        notes.write(toy, 99_999, "x", annotator="ann")
    assert np.isin(list(toy.queries.remarks()), [item]).sum() == 0
