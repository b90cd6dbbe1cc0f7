"""Formulas with the numbers of an image put in: by hand, and each of MAL's rules against the rule itself."""

from __future__ import annotations

from math import log
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from alcore.measures.criteria import combine
from alcore.training.roundfiles import RoundFiles
from alcore.training.worked import DISTANCES, UNLIKE, At, Part, Worked, distances, head_symbol, number, worked

CLASSES = ("cat", "dog", "owl")


def written(folder: Path, parts: dict[str, list[float]], total: list[float], labeled: int = 1, **arrays) -> RoundFiles:
    """A round's files by hand: images 10, 11, ... were scored, and those after them labeled."""
    n = len(total)
    ids = 10 + np.arange(n + labeled)
    named = {f"part_{name}": np.array(values, float) for name, values in parts.items()}
    np.savez(folder / "scores.npz", ids=ids[:n], total=np.array(total, float), selected=ids[:1], **named)
    np.save(folder / "walked_ids.npy", ids)
    for name, values in arrays.items():
        np.save(folder / f"{name}.npy", np.array(values, np.float32))
    return RoundFiles(folder)


def at(files: RoundFiles, place: int = 0, strategy: str = "margin", dense: bool = False, classes=CLASSES, **params) -> At:
    def embeddings(places: np.ndarray) -> np.ndarray:
        return files.array("embedding")[places]

    return At(files, place, strategy, SimpleNamespace(**params), classes, dense, embeddings, {"entropy": "Entropy"})


HALF = [log(0.5), log(0.25), log(0.25)]
SURE = [log(0.8), log(0.1), log(0.1)]


def test_entropy_margin_and_confidence_by_hand(tmp_path):
    h = 0.5 * log(2) + 0.5 * log(4)
    files = written(tmp_path, {"entropy": [h], "margin": [0.25], "confidence": [0.5]}, [0.75], logits=[HALF, SURE])
    found = worked("entropy", at(files))
    assert found.formula == "H = −Σ p ln p"
    assert found.put == "−0.5 ln 0.5 − 0.25 ln 0.25 − 0.25 ln 0.25"
    assert [part.title for part in found.parts] == ["p(cat)", "p(dog)", "p(owl)"]
    assert [part.value for part in found.parts] == pytest.approx([0.5, 0.25, 0.25], abs=1e-6)
    assert found.value == pytest.approx(1.0397208, abs=1e-6)
    found = worked("margin", at(files))
    assert (found.put, found.value) == ("0.5 (cat) − 0.25 (dog)", pytest.approx(0.25, abs=1e-6))
    assert worked("confidence", at(files)).put == "p(cat)"
    total = worked("total", at(files))
    assert total == Worked("s = 1 − M", "1 − 0.25", (Part("M", 0.25),), 0.75)


def test_of_many_classes_the_unlikely_ones_are_added_up(tmp_path):
    p = np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.08, 0.07, 0.05])
    files = written(tmp_path, {"entropy": [-(p * np.log(p)).sum()]}, [0.0], logits=[np.log(p), np.log(p)])
    found = worked("entropy", at(files, classes=tuple("abcdefgh")))
    rest = -(p[5:] * np.log(p[5:])).sum()
    assert found.parts[5].title == "the other 3 classes"
    assert found.parts[5].value == pytest.approx(rest, abs=1e-6)
    assert found.put.endswith(f"− 0.1 ln 0.1 + {rest:.3g} (the other 3 classes)")


def test_a_probability_of_nothing_adds_nothing(tmp_path):
    files = written(tmp_path, {"entropy": [0.0]}, [0.0], logits=[[1e4, -1e4, 0.0], SURE])
    assert worked("entropy", at(files)).value == 0.0


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("l1", (0.6 + 0.5 + 0.1) / 3), ("l2", (0.36 + 0.25 + 0.01) / 3)],
)
def test_mcdals_discrepancy_by_hand(tmp_path, kind, expected):
    """p = (0.8, 0.1, 0.1), p₁ = p, p₂ = (0.2, 0.6, 0.2): two of the three distances are alike, the third is 0."""
    files = written(
        tmp_path,
        {"discrepancy": [2 * expected]},
        [2 * expected - 0.0],
        logits=[SURE, SURE],
        logits_1=[SURE, SURE],
        logits_2=[[log(0.2), log(0.6), log(0.2)], SURE],
    )
    assert files.heads == ("logits", "logits_1", "logits_2")
    here = at(files, strategy="mcdal", distance=kind, averaging="probabilities")
    found = worked("discrepancy", here)
    assert found.formula == f"D = d(p₁, p₂) + d(p, p₁) + d(p, p₂)\n{DISTANCES[kind]}"
    assert [part.title for part in found.parts] == ["d(p₁, p₂)", "d(p, p₁)", "d(p, p₂)"]
    assert [part.value for part in found.parts] == pytest.approx([expected, 0, expected], abs=1e-6)
    assert [(a, b) for a, b, _ in distances(here)] == [(0, 1), (0, 2), (1, 2)]
    total = worked("total", here)
    assert (total.parts[1].title, total.parts[1].value) == ("mean of D over 1 labeled images", pytest.approx(0.0, abs=1e-6))
    assert total.value == pytest.approx(2 * expected, abs=1e-6)


def test_with_more_heads_all_pairs_count_once(tmp_path):
    heads = {f"logits_{i}": [SURE, SURE] for i in range(1, 5)}
    files = written(tmp_path, {"discrepancy": [0.0]}, [0.0], logits=[SURE, SURE], **heads)
    found = worked("discrepancy", at(files, strategy="mcdal", distance="kl", averaging="probabilities"))
    assert found.formula.startswith("D = Σ d(pₐ, p_b) over all 10 pairs of the 5 heads, each once")
    assert len(found.parts) == 10


@pytest.mark.parametrize("rule", ["minmax_rank", "strict", "ranksum", "product", "filter_rank", "two_stage"])
def test_every_rule_of_mal_gives_what_the_rule_itself_gives(tmp_path, rule):
    rng = np.random.default_rng(0)
    h, z = rng.uniform(0, log(3), 40).round(1), rng.normal(0, 1, 40).round(1)  # with ties
    total = combine(rule, h, z, 3)
    d = 0.5 * (1 + np.tanh(z / 2))
    files = written(tmp_path, {"entropy": h, "labeledness": d, "labeledness_logit": z}, total, logits=np.zeros((41, 3)))
    for place in range(40):
        found = worked("total", at(files, place, "mal", select_by="both", rule=rule))
        assert found.value == pytest.approx(total[place], abs=1e-12)
        assert found.put
        assert worked("labeledness", at(files, place, "mal")).value == pytest.approx(d[place], abs=1e-12)


def test_mal_by_one_criterion_or_none(tmp_path):
    files = written(tmp_path, {"entropy": [0.5], "labeledness_logit": [-2.0]}, [0.5], logits=np.zeros((2, 3)))
    assert worked("total", at(files, 0, "mal", select_by="uncertainty")).put == "0.5"
    assert worked("total", at(files, 0, "mal", select_by="random")).formula == "a random number from 0 to 1"
    assert worked("total", at(files, 0, "mal", select_by="diversity")).note == UNLIKE  # 2.0, which was not stored
    assert worked("total", at(files, 0, "vaal")).formula == "s = −z, z what the discriminator gives"


def test_committees_and_masks_by_hand(tmp_path):
    """Two that are sure of different classes: ln 2 above their own entropies, which are 0."""
    one, other = [50.0, 0, 0], [0, 50.0, 0]
    files = written(
        tmp_path,
        {"disagreement": [log(2)], "bald": [log(2)]},
        [log(2)],
        logits=[one, one],
        logits_1=[other, one],
        mask_mean=[[0.5, 0.5, 0]],
        mask_entropy=[[0.0]],
    )
    for name, what in (("disagreement", "members"), ("bald", "masks")):
        found = worked(name, at(files, strategy="bald", passes=2))
        assert [part.value for part in found.parts] == pytest.approx([log(2), 0], abs=1e-6)
        assert found.parts[0].title == f"H of the mean over 2 {what}"
        assert found.put == "0.693 − " + number(found.parts[1].value)


def test_distances_of_core_set_and_typiclust_by_hand(tmp_path):
    points = [[1, 0], [0, 1], [0, 1], [3, 4], [1, 1]]
    apart = [0.0, 2.0, 2.0]
    typical = 1 / (2.0 + 1e-5)
    files = written(tmp_path, {"entropy": [0.0] * 3}, [1.0, 0, 0], labeled=2, logits=np.zeros((5, 3)), embedding=points)
    found = worked("total", at(files, 0, "coreset"))
    assert found.put == "the least of 2 distances, to image 14"
    assert (found.parts[0].title, found.value) == ("distance to labeled image 14", 1.0)
    files.scores["total"][0] = typical
    found = worked("total", at(files, 0, "typiclust", neighbors=20))
    assert found.value == pytest.approx(typical)
    assert found.parts[0].value == pytest.approx(np.mean(apart[1:]))
    files.scores["total"][0] = np.sqrt((1 / 3 - 1) ** 2 + 2 / 9) * 1
    found = worked("total", at(files, 0, "badge"))
    assert [part.value for part in found.parts] == pytest.approx([np.sqrt(4 / 9 + 2 / 9), 1.0])


def test_what_is_not_there_is_said(tmp_path):
    files = written(tmp_path, {"bald": [0.1], "odd": [3.0], "discrepancy": [0.1]}, [0.1], logits=[SURE, SURE])
    assert worked("odd", at(files)) == Worked()
    assert worked("total", at(files, strategy="gone")).formula == "the score “bald”"
    assert "not stored with this round" in worked("bald", at(files, passes=2)).note
    old = worked("discrepancy", at(files, strategy="mcdal", dense=True, distance="l1", averaging="probabilities"))
    assert old.note == "This round was stored before the other heads' shares of the classes were kept with it."
    pixels = worked("discrepancy", at(files, strategy="mcdal", dense=True, distance="l1", averaging="pixels"))
    assert pixels.note.startswith("Pixels were compared one by one")
    assert worked("entropy", at(written(tmp_path, {"entropy": [1.0]}, [0.0], logits=[SURE, SURE]))).note == UNLIKE  # 0.64 in truth


def test_numbers_are_short_and_have_a_true_minus():
    assert [number(value) for value in (0.123456, -2.5, 12345.6, 0.0)] == ["0.123", "−2.5", "12,346", "0"]
    assert [head_symbol(head) for head in (0, 1, 12)] == ["p", "p₁", "p₁₂"]
