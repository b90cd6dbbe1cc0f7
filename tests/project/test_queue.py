"""What a person and the pages see of a round: the queue with its numbers, the frame of scores, the map's columns.

Longer than 400 lines: one project that was played through serves them all.
"""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from alcore.errors import NotFound
from alcore.types import Annotation

pytestmark = pytest.mark.both_databases


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# ---- the shape of the queue


def test_before_the_first_query_the_queue_is_empty(project):
    assert project.queue() == {
        "project": "toy", "round": None, "remaining": 0, "total": 0, "labeled": 0, "classes": ["0", "1", "2", "3"], "looks": {}, "items": [],
    }  # fmt: skip


def test_in_a_cold_start_items_have_a_reason_and_no_draft(waiting):
    queue = waiting.queue(2)
    rows = waiting.items.rows(waiting.round().query)
    first = waiting.round().query[0]
    assert {key: queue[key] for key in ("project", "round", "remaining", "total", "labeled", "classes")} == {
        "project": "toy", "round": 0, "remaining": 6, "total": 6, "labeled": 0, "classes": ["0", "1", "2", "3"],
    }  # fmt: skip
    assert [item["id"] for item in queue["items"]] == list(waiting.round().query[:2])
    assert queue["items"][0] == {
        "id": first, "path": "train/" + rows[first]["path"].split("/")[-1], "name": "train/" + rows[first]["path"].split("/")[-1], "image": f"/api/v1/projects/toy/items/{first}/image?v={rows[first]['fingerprint']}",
        "width": 8, "height": 8, "rank": None, "of": None, "draft": None, "top": [], "reason": "first query, drawn at random: there is no model yet",
        "scores": {}, "details": [], "state": {"label": None, "skipped": False, "flagged": False}, "test": False,
    }  # fmt: skip


def test_a_queue_has_exactly_the_fields_of_the_contract_and_goes_into_json(played):
    queue = json.loads(json.dumps(played.queue()))
    assert {"project", "round", "remaining", "total", "labeled", "classes", "items"} <= queue.keys()
    assert (queue["project"], queue["round"], queue["remaining"], queue["total"], queue["labeled"]) == ("to y", 2, 8, 8, 18)
    for item in queue["items"]:
        assert set(item) == {
            "id",
            "path",
            "name",
            "image",
            "width",
            "height",
            "rank",
            "of",
            "draft",
            "top",
            "reason",
            "scores",
            "details",
            "state",
            "test",
        }
        assert item["image"].startswith(f"/api/v1/projects/to%20y/items/{item['id']}/image?v=")
        assert item["draft"] == item["top"][0][0]
        assert item["of"] == 22
        for detail in item["details"]:
            assert {"name", "value", "rank", "of", "percentile", "unit", "low", "high"} <= detail.keys()
            assert math.isfinite(detail["value"])
    assert [item["rank"] for item in queue["items"]] == list(range(1, 9))
    assert [item["id"] for item in queue["items"]] == list(played.round().query)


def test_what_was_dealt_with_leaves_the_queue_and_an_undo_brings_it_back(waiting):
    a, b, c, d, *_ = waiting.round().query
    waiting.journal.record(
        [Annotation("t", 1, a, "label", "0"), Annotation("t", 2, b, "skip"), Annotation("t", 3, c, "flag")], waiting.classes
    )
    queue = waiting.queue(1)
    assert [item["id"] for item in queue["items"]] == [d]
    assert (queue["remaining"], queue["total"], queue["labeled"]) == (3, 6, 1)
    waiting.journal.record([Annotation("t", 4, b, "undo"), Annotation("t", 5, a, "undo")], waiting.classes)
    assert [item["id"] for item in waiting.queue()["items"]][:3] == [a, b, d]
    assert waiting.item(c)["state"] == {"label": None, "skipped": False, "flagged": True}


# ---- the numbers in it


@pytest.mark.parametrize("number", [1, 2])
def test_every_number_follows_from_the_stored_logits(played, number):
    files = played.files(played.round(number))
    n = len(files.ids)
    p = softmax(np.asarray(files.array("logits"))[:n])
    expected = {
        "entropy": -(p * np.log(np.maximum(p, 1e-300))).sum(1),
        "confidence": p.max(1),
        "margin": np.sort(p, 1)[:, -1] - np.sort(p, 1)[:, -2],
    }
    if number == 1:
        d, h = files.scores["labeledness_logit"], files.scores["entropy"]
        expected["labeledness"] = 1 / (1 + np.exp(-d))
        expected["total"] = [1 - max(1 + sum(x < d[i] for x in d), 1 + sum(x > h[i] for x in h)) / n for i in range(n)]
    else:
        heads = [softmax(np.asarray(files.array(name))) for name in ("logits", "logits_1", "logits_2")]
        discrepancy = sum(np.abs(a - b).sum(1) / 4 for a, b in itertools.combinations(heads, 2))
        assert len(discrepancy) == n + 18
        expected["discrepancy"] = discrepancy[:n]
        expected["total"] = discrepancy[:n] - discrepancy[n:].mean()
    assert expected.keys() == files.scores.keys() - {"labeledness_logit"}
    for name, values in expected.items():
        np.testing.assert_allclose(files.scores[name], values, atol=1e-6, err_msg=name)


def test_every_item_shows_its_scores_ranks_percentiles_and_likeliest_classes(played):
    files = played.files(played.round(2))
    n, ids = len(files.ids), files.ids.tolist()
    p = softmax(np.asarray(files.array("logits"))[:n])
    for at, item in enumerate(map(played.item, ids)):
        assert item["draft"] == played.classes[int(p[at].argmax())]
        assert item["top"] == [(played.classes[k], round(float(p[at, k]), 4)) for k in sorted(range(4), key=lambda k: -p[at, k])]
        by_name = {detail["name"]: detail for detail in item["details"]}
        assert by_name.keys() == item["scores"].keys() == files.scores.keys()
        for name, detail in by_name.items():
            values = files.scores[name]
            key = values if name in ("margin", "confidence") else -values
            rank = 1 + sum((x, i) < (key[at], ids[at]) for x, i in zip(key, ids, strict=True))
            assert detail["value"] == item["scores"][name] == values[at]
            assert (detail["rank"], detail["of"]) == (rank, n)
            assert detail["percentile"] == round(100 * (n - rank + 1) / n, 1)
        assert (by_name["entropy"]["unit"], by_name["entropy"]["low"]) == ("nats", 0)
        assert by_name["entropy"]["high"] == pytest.approx(math.log(4))
        assert item["rank"] == by_name["total"]["rank"]
        assert f"rank {by_name['discrepancy']['rank']} of 22" in item["reason"]


def test_mal_says_entropy_and_the_discriminators_chance(project, quick):
    project.label_from_truth(12)
    project.run_round("mal", 3, 0, "cpu", train={**quick, "steps": 4}, report=lambda _: None)
    item = project.queue(1)["items"][0]
    ranks = {detail["name"]: detail["rank"] for detail in item["details"]}
    assert "labeledness_logit" not in ranks
    chance = 100 * item["scores"]["labeledness"]
    assert item["reason"] == (
        f"entropy {item['scores']['entropy']:.2g} of at most 1.4, rank {ranks['entropy']} of 28; "
        f"the discriminator gives it {f'{chance:.0f} %' if chance >= 1 else 'under 1 %'} to be labeled, rank {ranks['labeledness']}"
    )


def test_an_item_outside_the_round_is_shown_without_thoughts_and_an_unknown_one_is_not_found(played):
    labeled = sorted(played.items.labels())[0]
    item = played.item(labeled)
    assert (item["rank"], item["draft"], item["top"], item["details"], item["reason"]) == (None, None, [], [], "")
    assert item["state"]["label"] in played.classes
    with pytest.raises(NotFound, match="there is no item 9999"):
        played.item(9999)


def test_a_class_added_after_the_round_is_offered_but_has_no_probability(waiting, quick):
    waiting.label_query_from_truth()
    waiting.run_round("entropy", 3, 0, "cpu", train={**quick, "steps": 2}, report=lambda _: None)
    waiting.add_class("new")
    queue = waiting.queue(1)
    assert queue["classes"] == ["0", "1", "2", "3", "new"]
    assert {name for name, _ in queue["items"][0]["top"]} == set("0123")
    assert queue["items"][0]["details"][0]["high"] == pytest.approx(math.log(4))
    assert set(waiting.scores()["prediction"]) <= set("0123")
