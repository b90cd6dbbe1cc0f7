"""What was said of one image, and what the model of that time thought."""

from __future__ import annotations

import shutil

import pytest

from alcore.errors import NotFound
from alcore.project.history import history
from alcore.types import Annotation

pytestmark = pytest.mark.both_databases


def test_events_come_in_their_order_and_say_whether_they_stand(toy):
    item = int(toy.pool().unlabeled[0])
    told = [
        Annotation("a", 1, item, "label", "1", annotator="ann", round=None),
        Annotation("a", 2, item, "undo", annotator="ann"),
        Annotation("b", 1, item, "flag", annotator="ben"),
        Annotation("b", 2, item, "label", "2", annotator="ben"),
    ]
    toy.journal.take(told, toy.classes)
    found = history(toy, item)
    assert found["item"] == toy.item(item)
    assert [(e["kind"], e["value"], e["annotator"], e["stands"]) for e in found["events"]] == [
        ("label", "1", "ann", False),
        ("undo", None, "ann", False),
        ("flag", None, "ben", True),
        ("label", "2", "ben", True),
    ]
    assert all(e["guess"] is None for e in found["events"])


def test_the_model_of_that_time_is_quoted(played):
    round_ = played.round()
    item = round_.query[0]
    played.journal.take([Annotation("h", 1, item, "label", played.classes[0], annotator="ann", round=round_.number)], played.classes)
    played.journal.take([Annotation("h", 2, item, "flag", annotator="ann")], played.classes)  # an answer to no round: the newest counts
    files = played.files(round_)
    p = files.probabilities([files.position[item]])[0]
    for event in history(played, item)["events"]:
        assert (event["guess"], event["confidence"]) == (played.classes[int(p.argmax())], round(float(p.max()), 4))
    played.journal.take([Annotation("h", 3, item, "undo", annotator="ann"), Annotation("h", 4, item, "undo", annotator="ann")])


def test_a_round_whose_files_were_thinned_out_is_not_quoted(toy, quick):
    round_ = toy.run_round("margin", 4, 0, "cpu", train=quick, report=lambda _: None)
    newer = toy.run_round("margin", 4, 0, "cpu", train=quick, report=lambda _: None)
    item = round_.query[0]
    toy.journal.take([Annotation("h", 1, item, "label", "1", annotator="ann", round=round_.number)], toy.classes)
    assert history(toy, item)["events"][0]["guess"] is not None
    shutil.rmtree(toy.folder / "rounds" / round_.folder)
    assert newer.folder != round_.folder
    assert history(toy, item)["events"][0]["guess"] is None


def test_a_drawn_image_says_so(toy):
    item = int(toy.pool().unlabeled[0])
    toy.journal.apart.draw([item], "ann", "drawn", 0)
    assert [(e["kind"], e["stands"]) for e in history(toy, item)["events"]] == [("drawn", True)]


def test_no_such_image(toy):
    with pytest.raises(NotFound, match="no item 7777"):
        history(toy, 7777)
