"""What methods would ask for by one stored look: equal to what their own rounds ask for, measured by hand, and taken as the query."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from alcore.errors import AlcoreError, BadInput
from alcore.measures import scores
from alcore.progress import ignore_progress
from alcore.project import background, proposals, slices
from alcore.project.features import Features
from alcore.project.passes import Pass
from alcore.project.proposals import compare, diversity, redundancy, take
from alcore.project.why import why
from alcore.strategies import STRATEGIES
from alcore.types import Annotation
from tests.project.sliced import grouped
from tests.project.timed import wait

TRAIN = {"steps": 8}
SAME_MODEL = ("random", "entropy", "margin", "coreset", "badge", "typiclust", "uherding", "alfa_mix")  # trained alike, to the last bit


@pytest.fixture
def round_of(toy, quick):
    def run(strategy: str, of=toy, **train):
        return of.run_round(strategy, 5, 1, "cpu", train={**quick, **TRAIN, **train}, report=lambda _: None)

    return run


def ids_of(compared, name):
    return next(each["ids"] for each in compared["proposals"] if each["name"] == name)


@pytest.mark.parametrize("name", ["entropy", "margin", "coreset", "uherding"])
def test_a_method_asks_by_anothers_look_what_its_own_round_asks_for(toy, round_of, name):
    """Where chance has no part in choosing and the task model is trained alike, the round of the method itself asks for the same images."""
    other = "margin" if name != "margin" else "entropy"
    round_of(other)
    proposed = ids_of(compare(toy, 5), name)
    assert proposed == list(round_of(name).query)


@pytest.mark.parametrize("name", ["random", "badge", "typiclust", "alfa_mix"])
def test_where_chance_has_a_part_it_is_the_strategys_own_choice_for_a_seed(toy, round_of, name):
    round_ = round_of("margin")
    proposed = ids_of(compare(toy, 6), name)
    looked = Pass(toy, round_)
    seen = looked.now(toy.pool())
    strategy = STRATEGIES[name](looked.strategy.task, looked.train)
    strategy.head = looked.strategy.head
    rng = np.random.default_rng(1)  # one round is there
    total = strategy.total(seen, rng if name != "typiclust" else np.random.default_rng(5))
    assert strategy.by_total == (name != "typiclust")
    assert proposed == strategy.select(total, seen, 6, rng, ignore_progress).tolist()
    assert len(set(proposed)) == 6


@pytest.mark.parametrize("own", STRATEGIES)
def test_each_round_compares_its_own_rule_and_all_that_need_no_training_of_theirs(toy, round_of, own):
    round_ = round_of(own)
    compared = compare(toy, 5)
    able = {*SAME_MODEL, own, *(["qbc"] if own in ("mcdal", "qbc") else [])}
    if own == "mal":
        able -= {"alfa_mix"}  # its classifier has a hidden layer, so its logits are no linear function of the embedding
    assert {each["name"] for each in compared["proposals"]} == able
    assert sorted(compared["others"]) == sorted(kind.title for name, kind in STRATEGIES.items() if name not in able)
    open_ids = set(toy.pool().unlabeled.tolist())
    for each in compared["proposals"]:
        assert len(each["ids"]) == len(set(each["ids"])) == 5
        assert set(each["ids"]) <= open_ids
    if own not in ("random", "badge", "typiclust", "alfa_mix"):
        assert ids_of(compared, own) == list(round_.query)


def test_the_heads_of_mcdal_are_a_committee(toy, round_of):
    round_of("mcdal")
    looked = Pass(toy, toy.round())
    seen = looked.now(toy.pool())
    heads = [torch.from_numpy(seen.unlabeled[name]) for name in ("logits", "logits_1", "logits_2")]
    apart = scores.disagreement(heads).double().numpy()
    compared = compare(toy, 4)
    assert ids_of(compared, "qbc") == seen.ids[np.lexsort((seen.ids, -apart))[:4]].tolist()
    assert next(each["title"] for each in compared["proposals"] if each["name"] == "qbc") == "QBC, over the round's 3 heads"


def test_overlap_classes_and_diversity_by_hand(toy, round_of):
    round_ = round_of("margin")
    compared = compare(toy, 6)
    files = toy.files(round_)
    asked = [set(each["ids"]) for each in compared["proposals"]]
    assert compared["overlap"] == [[len(a & b) for b in asked] for a in asked]
    assert [row[at] for at, row in enumerate(compared["overlap"])] == [6] * len(asked)
    for each in compared["proposals"]:
        rows = [files.position[i] for i in each["ids"]]
        guesses = [toy.classes[k] for k in files.array("logits")[rows].argmax(1)]
        assert each["guesses"] == guesses
        assert dict(each["classes"]) == {name: guesses.count(name) for name in set(guesses)}
        x = files.array("embedding")[rows].astype(np.float64)
        pairs = [1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in itertools.combinations(x, 2)]
        assert each["diversity"] == pytest.approx(np.mean(pairs), abs=1e-6)
        assert each["within"] is each["beside"] is None  # there are no features that would say
    assert (compared["by"], compared["size"], compared["round"], compared["labeled"], compared["seconds"]) == ("embedding", 6, 1, 10, None)
    assert compared["seen"] == len(toy.pool().unlabeled)


def test_numbers_of_a_query_by_hand():
    x = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    assert diversity(x) == pytest.approx((1 + 1 + 0) / 3)
    assert diversity(x[:1]) is None
    assert redundancy(x, np.array([[0, 1]], np.float32), 0.94) == (1, 1)
    assert redundancy(x[:2], np.empty((0, 2), np.float32), 0.94) == (0, 0)


def test_answered_images_are_not_proposed_and_count_as_labeled(toy, round_of):
    round_ = round_of("margin")
    toy.annotate({round_.query[0]: "1", round_.query[1]: "2"})
    compared = compare(toy, 5)
    assert compared["labeled"] == 12
    assert all(not {*round_.query[:2]} & set(each["ids"]) for each in compared["proposals"])
    assert ids_of(compared, "margin")[:3] == list(round_.query[2:5])
    assert compare(toy, 1000)["size"] == compared["seen"]


def test_effort_is_the_median_of_what_labels_took(toy, round_of):
    round_ = round_of("margin")
    times = [1000, 2000, 3000, 9000, 500_000, 2500]
    ids = toy.pool().unlabeled[:6].tolist()
    events = [Annotation("c", at + 1, i, "label", "1", ms, "ann", round_.number) for at, (i, ms) in enumerate(zip(ids, times, strict=True))]
    toy.journal.record(events[:4], toy.classes)
    assert compare(toy, 3)["seconds"] is None
    toy.journal.record(events[4:], toy.classes)
    assert compare(toy, 3)["seconds"] == 2.5  # half a second of a minute's pause and more would be no work


# ---- features


def test_on_features_one_of_near_duplicates_is_asked_and_redundancy_is_counted(apart, monkeypatch, round_of):
    apart.label_from_truth(12, seed=0)
    round_of("margin", apart, batch_size=8)
    plain = compare(apart, 4)
    assert plain["by"] == "features"
    first, second = ids_of(plain, "margin")[:2]
    grouped(monkeypatch, {first: second, second: second})
    alike = compare(apart, 4)
    assert first in ids_of(alike, "margin")
    assert second not in ids_of(alike, "margin")
    found = Features(apart)
    for each in plain["proposals"]:
        x = found.store.vectors()[found.rows[np.searchsorted(found.ids, each["ids"])]].astype(np.float64)
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        labeled = found.store.vectors()[found.rows[np.searchsorted(found.ids, apart.pool().labeled)]].astype(np.float64)
        labeled /= np.linalg.norm(labeled, axis=1, keepdims=True)
        assert each["within"] == sum(any(x[a] @ x[b] >= found.cosine for b in range(a)) for a in range(len(x)))
        assert each["beside"] == int(((x @ labeled.T).max(1) >= found.cosine).sum())


# ---- taken


def test_one_is_taken_as_the_query_with_its_reason_and_the_guesses_of_the_look(toy, round_of):
    base = round_of("mcdal")
    before = {item["id"]: item for item in toy.queue(100)["items"]}
    compared = compare(toy, 5)
    answered = ids_of(compared, "coreset")[1]
    toy.annotate({answered: "1"})
    taken = take(toy, compared, "coreset")
    expected = [i for i in ids_of(compared, "coreset") if i != answered]
    assert (taken.number, taken.strategy, taken.start, list(taken.query)) == (2, "start:proposed", "proposed", expected)
    assert dict(taken.params) == {"by": "coreset", "title": "Core-set", "round": 1}
    queue = toy.queue()
    assert (queue["round"], [item["id"] for item in queue["items"]]) == (2, expected)
    item = queue["items"][0]
    assert item["reason"].startswith("Core-set asks for it, 1 of 4, by round 1's look at the pool; the heads disagree by ")
    assert item["draft"] == toy.item(expected[0])["draft"] is not None
    assert len(item["details"]) == 5
    if expected[0] in before:
        assert item["scores"] == before[expected[0]]["scores"]
    told = why(toy, expected[0])
    assert (told["round"], told["asked"], told["of"], told["title"], told["missing"]) == (2, 1, 4, "Core-set", "")
    assert told["heads"]["names"] == ["F", "F1", "F2"]
    assert taken.labeled == base.labeled + 1
    assert toy.round(1).query == base.query


def test_the_own_rule_is_called_by_its_name_and_what_cannot_be_taken_is_said(toy, round_of):
    round_of("margin")
    compared = compare(toy, 5)
    assert take(toy, compared, "margin").params["title"] == "Margin"
    with pytest.raises(BadInput, match="no proposal of 'bald'"):
        take(toy, compared, "bald")
    toy.annotate(dict.fromkeys(ids_of(compared, "entropy"), "1"))
    with pytest.raises(BadInput, match="all 5 images that Entropy would ask for are answered by now"):
        take(toy, compared, "entropy")
    again = compare(toy, 5)  # a round without a model of its own is no look at the pool: the newest look counts
    assert again["round"] == 1


def test_what_keeps_a_comparison_from_being_made_is_said(toy, waiting, round_of, asked):
    with pytest.raises(AlcoreError, match="no round with a model yet"):
        compare(waiting, 5)
    with pytest.raises(BadInput, match="use 1 to 1,000"):
        compare(toy, 0)
    round_of("margin")
    toy.annotate(dict.fromkeys(toy.pool().unlabeled.tolist(), "1"))
    with pytest.raises(AlcoreError, match="nothing that round 1 looked at is left to ask for"):
        compare(toy, 5)
    dense = compare(asked, 2)
    assert {each["name"] for each in dense["proposals"]} == {"random", "entropy", "margin", "coreset", "typiclust", "uherding", "mcdal"}


def test_as_a_job_it_can_be_stopped_and_its_answer_goes_into_json(toy, round_of):
    round_of("margin")
    seen = []
    runner = toy.workspace.runner
    job = background.submit_comparison(runner, toy, 5)
    wait(lambda: runner.snapshot(job.id).over)
    done = runner.snapshot(job.id)
    assert (done.state, done.result["proposals"][0]["name"]) == ("done", "entropy")

    class Stop(Exception):
        pass

    def stop(progress):
        seen.append((progress.stage, progress.message))
        if progress.message == "BADGE":
            raise Stop

    with pytest.raises(Stop):
        compare(toy, 5, stop)
    assert seen[:2] == [("comparing", "what the round saw"), ("comparing", "Entropy")]


def test_images_of_the_test_slice_stay_mixed_in(toy, round_of):
    round_of("margin")
    drawn = slices.draw(toy, 3).waiting
    compared = compare(toy, 5)
    assert not set(drawn) & {i for each in compared["proposals"] for i in each["ids"]}
    taken = take(toy, compared, "entropy")
    assert list(taken.query) == slices.mixed(ids_of(compared, "entropy"), drawn)
    assert proposals.check(toy, 5).number == 1
