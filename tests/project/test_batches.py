"""One answer for many: stored once whatever is sent twice, taken back where it is still the newest of its person."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.project import batches
from alcore.project.batches import Batch, give, take_back
from alcore.project.doubts import confirm
from alcore.types import Annotation

pytestmark = pytest.mark.both_databases


def labels(project, ids) -> list[str | None]:
    rows = project.items.rows(ids)
    return [rows[i]["label"] for i in ids]


def test_a_batch_is_stored_once_and_taken_back(toy):
    ids = toy.pool().unlabeled[:20].tolist()
    assert give(toy, ids, "label", "2", annotator="ann", client="one") == Batch(20)
    newest = toy.queries.newest_event()
    assert give(toy, ids, "label", "2", annotator="ann", client="one") == Batch(20)  # its answer had not come through
    assert toy.queries.newest_event() == newest
    assert labels(toy, ids) == ["2"] * 20
    assert take_back(toy, "one", annotator="ann", undo="back") == Batch(20)
    assert labels(toy, ids) == [None] * 20
    assert take_back(toy, "one", annotator="ann", undo="back") == Batch(20)  # again under the same name: nothing more is taken back
    assert toy.queries.newest_event() == newest + 20
    assert toy.journal.differences() == 0


def test_an_earlier_label_stands_again_after_the_undo(toy):
    ids = toy.pool().unlabeled[:6].tolist()
    toy.annotate(dict.fromkeys(ids[:3], "1"), annotator="ann")
    give(toy, ids, "label", "3", annotator="ann", client="one")
    take_back(toy, "one", annotator="ann")
    assert labels(toy, ids) == ["1"] * 3 + [None] * 3


def test_what_was_answered_anew_since_stays(toy):
    ids = toy.pool().unlabeled[:5].tolist()
    give(toy, ids, "label", "3", annotator="ann", client="one")
    toy.annotate({ids[0]: "0"}, annotator="ann")
    toy.annotate({ids[1]: "1"}, annotator="ben")
    assert take_back(toy, "one", annotator="ann") == Batch(4, 1, "answered anew since")
    assert labels(toy, ids) == ["0", "1", None, None, None]  # ben's label is not hers to take back


def test_a_batch_contradicts_what_its_author_had_not_seen(toy):
    ids = toy.pool().unlabeled[:4].tolist()
    toy.journal.take([Annotation("b", 1, ids[0], "label", "1", annotator="ben", replaces="")], toy.classes)
    done = give(toy, ids, "label", "2", annotator="ann", saw=[None] * 4)
    assert done == Batch(4, conflicts=1)
    assert toy.queries.disputed() == [ids[0]]
    assert give(toy, ids[:1], "label", "2", annotator="cy", saw=["2"]) == Batch(1)
    assert toy.queries.disputed() == []


def test_skips_and_flags(toy):
    ids = toy.pool().unlabeled[:4].tolist()
    give(toy, ids[:2], "skip", annotator="ann")
    give(toy, ids[2:], "flag", annotator="ann")
    counts = toy.counts()
    assert (counts["skipped"], counts["flagged"]) == (2, 2)


def test_an_image_that_is_not_there_is_counted(toy):
    one = int(toy.pool().unlabeled[0])
    assert give(toy, [one, 10**6], "skip", annotator="ann") == Batch(1, 1, "there is no item 1000000 in this project")


@pytest.mark.parametrize(
    ("ids", "kind", "value", "words"),
    [
        ([], "label", "1", "nothing is selected"),
        ([1, 1], "label", "1", "named twice"),
        ([1], "undo", None, "cannot get 'undo'"),
        ([1], "mask", "x", "cannot get 'mask'"),
        ([1], "label", "red", "'red' is not a class"),
        ([1], "label", None, "'None' is not a class"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_stored(toy, ids, kind, value, words):
    before = toy.queries.newest_event()
    with pytest.raises(BadInput, match=words):
        give(toy, ids, kind, value, annotator="ann")
    assert toy.queries.newest_event() == before


def test_too_many_too_few_and_masks(toy, scenes, monkeypatch):
    monkeypatch.setattr(batches, "MOST", 3)
    ids = toy.pool().unlabeled[:4].tolist()
    with pytest.raises(BadInput, match="4 images are too many at once: take up to 3"):
        give(toy, ids, "skip", annotator="ann")
    with pytest.raises(BadInput, match="give one for each"):
        give(toy, ids[:2], "skip", annotator="ann", saw=[None])
    with pytest.raises(BadInput, match="pixel by pixel"):
        give(scenes, scenes.snapshot().ids[:1].tolist(), "label", "sky", annotator="ann")


def test_what_was_no_batch_is_not_taken_back(toy):
    labeled = next(iter(toy.items.labels()))
    confirm(toy, [labeled], annotator="ann", client="sure")
    with pytest.raises(BadInput, match="nothing of yours"):
        take_back(toy, "sure", annotator="ann")
    assert toy.queries.sure() == [labeled]


def test_nobody_takes_back_what_another_gave(toy):
    give(toy, toy.pool().unlabeled[:2].tolist(), "skip", annotator="ann", client="hers")
    for who, client in (("ben", "hers"), ("ann", "nothing")):
        with pytest.raises(BadInput, match="nothing of yours"):
            take_back(toy, client, annotator=who)
