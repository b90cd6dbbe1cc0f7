"""Why an image was asked for: every number that is shown, worked out again from the round's files, for every strategy."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from alcore.errors import NotFound
from alcore.project import why as module
from alcore.project.features import Features
from alcore.project.passes import Pass
from alcore.project.why import why
from alcore.strategies import STRATEGIES
from alcore.strategies.base import uniform
from alcore.training import worked
from alcore.training.turn import Seeds

SAME = 1e-6
DENSE = [name for name, kind in STRATEGIES.items() if "segmentation" in kind.tasks]


def softmax(logits):
    e = np.exp(np.asarray(logits, np.float64) - np.max(logits, -1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def entropy(p):
    return -(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0)).sum(-1)


def l1(p, q):
    return np.abs(p - q).mean(-1)


class Files:
    """What lies in a round's folder, read by numpy alone."""

    def __init__(self, folder) -> None:
        with np.load(folder / "scores.npz") as stored:
            self.scores = {name.removeprefix("part_"): stored[name] for name in stored.files}
        self.walked = np.load(folder / "walked_ids.npy")
        self.arrays = {path.stem: np.load(path) for path in folder.glob("*.npy")}
        self.weights = load_file(folder / "model.safetensors")

    def heads(self, rows):
        names = ["logits", *sorted(name for name in self.arrays if name.startswith("logits_"))]
        return [softmax(self.arrays[name][rows]) for name in names]


def numbers(files: Files, name: str, strategy: str, at: int) -> dict[str, list[float]]:
    """The numbers that go into a formula, and the score, by hand: (parts, value)."""
    scores, n = files.scores, len(files.scores["ids"])
    p = files.heads([at])[0][0]
    best = -np.sort(-p)
    z = scores.get("labeledness_logit", np.zeros(n))[at]
    labeled = np.arange(n, len(files.walked))
    if name == "entropy":
        order = np.argsort(-p, kind="stable")
        rest = [float(entropy(p[order[5:]]))] if len(p) > 5 else []
        return {"parts": [*p[order[:5]], *rest], "value": [entropy(p)]}
    if name == "margin":
        return {"parts": list(best[:2]), "value": [best[0] - best[1]]}
    if name == "confidence":
        return {"parts": [best[0]], "value": [best[0]]}
    if name == "labeledness":
        return {"parts": [z], "value": [1 / (1 + np.exp(-z))]}
    if name == "discrepancy":
        a, b, c = files.heads([at])
        apart = [l1(b, c)[0], l1(a, b)[0], l1(a, c)[0]]
        return {"parts": apart, "value": [sum(apart)]}
    if name == "disagreement":
        each = np.concatenate(files.heads([at]))
        return {"parts": [entropy(each.mean(0)), entropy(each).mean()], "value": [entropy(each.mean(0)) - entropy(each).mean()]}
    if name == "bald":
        outer, inner = entropy(files.arrays["mask_mean"][at].astype(np.float64)), files.arrays["mask_entropy"][at, 0]
        return {"parts": [outer, inner], "value": [max(0, outer - inner)]}
    if name == "state_uncertainty":
        k, m = len(p), p.max()
        least = np.var(np.array([m, *[(1 - m) / (k - 1)] * (k - 1)]))
        return {"parts": [m, least, np.var(p)], "value": [1 - m * least / np.var(p)]}
    if name == "predicted_loss":
        return {"parts": [], "value": []}
    assert name == "total"
    embedding = files.arrays.get("embedding", np.empty((0, 1))).astype(np.float64)
    if strategy == "mal":
        rank_h = 1 + (scores["entropy"] > scores["entropy"][at]).sum()
        rank_d = 1 + (scores["labeledness_logit"] < z).sum()
        return {"parts": [rank_h, rank_d, n], "value": [1 - max(rank_h, rank_d) / n]}
    if strategy == "mcdal":

        def apart(rows):
            return sum(l1(p, q) for p, q in itertools.combinations(files.heads(rows), 2))

        return {"parts": [apart([at])[0], apart(labeled).mean()], "value": [apart([at])[0] - apart(labeled).mean()]}
    if strategy == "margin":
        return {"parts": [best[0] - best[1]], "value": [1 - best[0] + best[1]]}
    if strategy in ("vaal", "sraal"):
        return {"parts": [z], "value": [-z]}
    if strategy == "badge":
        g = np.outer(p - np.eye(len(p))[p.argmax()], embedding[at])
        lengths = [np.linalg.norm(p - np.eye(len(p))[p.argmax()]), np.linalg.norm(embedding[at])]
        return {"parts": lengths, "value": [np.linalg.norm(g)]}
    if strategy == "coreset":
        apart = np.linalg.norm(embedding[labeled] - embedding[at], axis=1).min()
        return {"parts": [apart], "value": [apart]}
    if strategy == "typiclust":
        x = embedding[:n] / np.linalg.norm(embedding[:n], axis=1, keepdims=True)
        near = np.sort(((x - x[at]) ** 2).sum(1))[1:21].mean()
        return {"parts": [near], "value": [1 / (near + 1e-5)]}
    if strategy in ("entropy", "bald", "qbc"):
        return numbers(files, {"entropy": "entropy", "bald": "bald", "qbc": "disagreement"}[strategy], strategy, at) | {"parts": None}
    if strategy == "alfa_mix":
        return {"parts": [1 / scores["total"][at] - 1], "value": []}
    assert strategy in ("random", "uherding", "learning_loss")
    return {"parts": None, "value": []}


@pytest.fixture(scope="module")
def rounds(tmp_path_factory, make_source, quick):
    """A project of four classes, and a round of each strategy on the same labels."""
    from alcore.project.facade import Project, Workspace

    folder = tmp_path_factory.mktemp("why")
    workspace = Workspace(folder / "home")
    project = Project.import_into(workspace, "toy", make_source(folder / "source"))
    project.label_from_truth(10, seed=0)
    made = {name: project.run_round(name, 4, 3, "cpu", train={**quick, "steps": 8}, report=lambda _: None).number for name in STRATEGIES}
    yield project, made
    workspace.close()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_number_shown_comes_from_the_files_of_the_round(rounds, strategy):
    project, made = rounds
    round_ = project.round(made[strategy])
    files = Files(project.folder / "rounds" / round_.folder)
    ids = files.scores["ids"].tolist()
    for item in [round_.query[0], ids[0], ids[-1]]:
        told, at = why(project, item, round_.number), ids.index(item)
        json.dumps(told)
        assert told["missing"] == ""
        shown = {score["name"]: score for score in told["scores"]}
        assert set(shown) == {name for name in files.scores if name not in ("ids", "selected", "labeledness_logit")}
        assert told["scores"][0]["name"] == "total"
        for name, score in shown.items():
            assert score["value"] == files.scores[name][at]
            assert score["note"] != worked.UNLIKE, name
            expected = numbers(files, name, strategy, at)
            if expected["parts"] is not None:
                assert [part["value"] for part in score["parts"]] == pytest.approx(expected["parts"], abs=SAME, rel=SAME), name
            for value in expected["value"]:
                assert score["worked"] == pytest.approx(value, abs=SAME, rel=SAME), name
                assert score["value"] == pytest.approx(value, abs=SAME, rel=SAME), name
            assert score["formula"] or strategy == "learning_loss", name


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_ranked_by_follows_from_stored_arrays_by_the_strategys_own_rule(rounds, strategy):
    """Also where the page shows words: UHerding's sum over the pool, ALFA-Mix's least mixing, random's generator."""
    project, made = rounds
    round_ = project.round(made[strategy])
    looked = Pass(project, round_)
    rng = np.random.default_rng(Seeds.of(round_.seed).acquisition)
    total = looked.strategy.total(looked.then(project.pool()), rng)
    np.testing.assert_allclose(total, looked.files.scores["total"], rtol=SAME, atol=SAME)
    if strategy == "random":
        drawn = uniform(looked.files.ids, np.random.default_rng(Seeds.of(round_.seed).acquisition))
        assert drawn.tolist() == looked.files.scores["total"].tolist()


def test_mcdal_shows_its_heads_and_how_far_they_are_apart(rounds):
    project, made = rounds
    round_ = project.round(made["mcdal"])
    told, files = why(project, round_.query[0], round_.number), Files(project.folder / "rounds" / round_.folder)
    at = files.scores["ids"].tolist().index(round_.query[0])
    p = np.concatenate(files.heads([at]))
    heads = told["heads"]
    assert heads["names"] == ["F", "F1", "F2"]
    assert [bar["class"] for bar in heads["bars"]] == [project.classes[k] for k in np.argsort(-p.max(0), kind="stable")]
    np.testing.assert_allclose([bar["p"] for bar in heads["bars"]], p.T[np.argsort(-p.max(0), kind="stable")], atol=SAME)
    assert heads["rest"] is None
    assert [(pair["title"], pair["a"], pair["b"]) for pair in heads["pairs"]] == [
        ("d(p, p₁)", 0, 1),
        ("d(p, p₂)", 0, 2),
        ("d(p₁, p₂)", 1, 2),
    ]
    np.testing.assert_allclose([pair["value"] for pair in heads["pairs"]], [l1(p[0], p[1]), l1(p[0], p[2]), l1(p[1], p[2])], atol=SAME)
    total = told["scores"][0]
    assert total["formula"] == "S = D(x) − mean of D over labeled images"
    assert total["parts"][1]["title"] == "mean of D over 10 labeled images"
    discrepancy = next(score for score in told["scores"] if score["name"] == "discrepancy")
    assert discrepancy["formula"] == "D = d(p₁, p₂) + d(p, p₁) + d(p, p₂)\nd(p, q) = (1/C) Σ |p − q|"
    assert told["prototypes"] is told["discriminator"] is None


def test_mal_shows_prototypes_and_d_as_its_model_file_gives_them(rounds):
    project, made = rounds
    round_ = project.round(made["mal"])
    told, files = why(project, round_.query[0], round_.number), Files(project.folder / "rounds" / round_.folder)
    at = files.scores["ids"].tolist().index(round_.query[0])
    w = {name: value.astype(np.float64) for name, value in files.weights.items()}
    x = files.arrays["embedding"][at].astype(np.float64)
    z = w["c.hidden.weight"] @ x + w["c.hidden.bias"]
    likeness = w["c.prototypes.weight"] @ (z / np.linalg.norm(z))
    cosine = likeness / np.linalg.norm(w["c.prototypes.weight"], axis=1)
    rows = told["prototypes"]["rows"]
    order = np.argsort(-likeness)
    assert [row["class"] for row in rows] == [project.classes[k] for k in order]
    np.testing.assert_allclose([row["likeness"] for row in rows], likeness[order], atol=SAME)
    np.testing.assert_allclose([row["cosine"] for row in rows], cosine[order], atol=SAME)
    np.testing.assert_allclose([row["p"] for row in rows], softmax(likeness / 0.05)[order], atol=1e-5)  # 20 times the rounding
    h = x / np.linalg.norm(x)
    for layer in (0, 2):
        h = np.maximum(w[f"d.layers.{layer}.weight"] @ h + w[f"d.layers.{layer}.bias"], 0)
    logit = (w["d.layers.4.weight"] @ h + w["d.layers.4.bias"])[0]
    assert told["discriminator"]["logit"] == pytest.approx(logit, abs=SAME)
    assert told["discriminator"]["probability"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=SAME)
    assert told["prototypes"]["temperature"] == 0.05


def test_the_nearest_labeled_images_are_those_of_the_highest_cosine(rounds):
    project, made = rounds
    round_ = project.round(made["margin"])
    item = round_.query[0]
    told, files = why(project, item, round_.number)["neighbors"], Files(project.folder / "rounds" / round_.folder)
    x = files.arrays["embedding"] / np.linalg.norm(files.arrays["embedding"], axis=1, keepdims=True)
    own = x[files.walked.tolist().index(item)]
    labels = project.items.labels()
    expected = sorted(((float(row @ own), int(i)) for row, i in zip(x, files.walked, strict=True) if int(i) in labels), reverse=True)[:6]
    assert told["by"] == "embedding"
    assert [row["id"] for row in told["rows"]] == [i for _, i in expected]
    assert [row["cosine"] for row in told["rows"]] == pytest.approx([cosine for cosine, _ in expected], abs=SAME)
    assert [row["label"] for row in told["rows"]] == [labels[i] for _, i in expected]
    assert told["rows"][0]["image"].startswith(f"/api/v1/projects/toy/items/{expected[0][1]}/image?v=")


# ---- features


@pytest.mark.parametrize("strategy", ["coreset", "badge", "mal", "typiclust", "uherding"])
def test_on_features_embeddings_are_made_of_them_and_none_is_stored(apart, quick, strategy):
    apart.label_from_truth(12, seed=0)
    round_ = apart.run_round(strategy, 4, 1, "cpu", train={"steps": 12, "batch_size": 8}, report=lambda _: None)
    assert not (apart.folder / "rounds" / round_.folder / "embedding.npy").exists()
    looked = Pass(apart, round_)
    rng = np.random.default_rng(Seeds.of(round_.seed).acquisition)
    total = looked.strategy.total(looked.then(apart.pool()), rng)
    np.testing.assert_allclose(total, looked.files.scores["total"], rtol=SAME, atol=SAME)
    told = why(apart, round_.query[0])
    assert [score["note"] for score in told["scores"] if score["note"] == worked.UNLIKE] == []
    if strategy in ("coreset", "badge", "mal", "typiclust"):
        assert told["scores"][0]["worked"] == pytest.approx(told["scores"][0]["value"], rel=SAME, abs=SAME)
    found = Features(apart)
    vectors = found.store.vectors()[found.rows].astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = found.ids.tolist()
    own = vectors[ids.index(round_.query[0])]
    expected = sorted(
        ((float(vectors[ids.index(i)] @ own), i) for i in apart.pool().labeled.tolist()), key=lambda each: (-each[0], each[1])
    )
    assert told["neighbors"]["by"] == "features"
    assert [row["cosine"] for row in told["neighbors"]["rows"]] == pytest.approx([cosine for cosine, _ in expected[:6]], abs=1e-5)


# ---- masks, and what cannot be told


def test_masks_have_scores_and_the_mean_shares_of_each_head(asked):
    round_ = asked.round()
    told, files = why(asked, round_.query[0]), Files(asked.folder / "rounds" / round_.folder)
    at = files.scores["ids"].tolist().index(round_.query[0])
    p = np.concatenate(files.heads([at]))
    assert p.shape == (3, len(asked.classes))
    apart = [l1(p[1], p[2]), l1(p[0], p[1]), l1(p[0], p[2])]
    shown = {score["name"]: score for score in told["scores"]}
    assert [part["value"] for part in shown["discrepancy"]["parts"]] == pytest.approx(apart, abs=SAME)
    assert shown["discrepancy"]["value"] == pytest.approx(sum(apart), abs=SAME)
    assert shown["total"]["worked"] == pytest.approx(shown["total"]["value"], abs=SAME)
    assert (shown["entropy"]["put"], shown["entropy"]["worked"]) == ("", None)
    assert shown["entropy"]["formula"] == "H = mean over pixels of −Σ p ln p"
    assert told["heads"]["names"] == ["F", "F1", "F2"]
    assert {row["label"] for row in told["neighbors"]["rows"]} == {"painted"}


def test_a_round_that_lacks_an_array_says_so(rounds):
    project, made = rounds
    round_ = project.round(made["bald"])
    file = project.folder / "rounds" / round_.folder / "mask_mean.npy"
    kept = file.rename(file.with_suffix(".away"))
    told = {score["name"]: score for score in why(project, round_.query[0], round_.number)["scores"]}
    kept.rename(file)
    assert told["bald"]["note"].startswith("What this takes was not stored with this round")
    assert (told["bald"]["parts"], told["bald"]["put"]) == ([], "")
    assert told["entropy"]["worked"] == pytest.approx(told["entropy"]["value"], abs=SAME)


def test_numbers_that_do_not_give_the_score_are_not_shown(rounds, monkeypatch):
    project, made = rounds
    monkeypatch.setitem(worked.SCORES, "entropy", lambda at: worked.Worked("H", "1 + 1", (worked.Part("one", 1.0),), 2.0))
    told = {score["name"]: score for score in why(project, project.round(made["margin"]).query[0], made["margin"])["scores"]}
    assert (told["entropy"]["put"], told["entropy"]["parts"], told["entropy"]["note"]) == ("", [], worked.UNLIKE)


def test_an_image_that_was_not_scored_and_a_start_without_a_model_have_words(rounds, waiting):
    project, made = rounds
    labeled = int(project.pool().labeled[0])
    told = why(project, labeled, made["mal"])
    assert told["missing"] == module.UNSEEN.format(made["mal"])
    assert (told["scores"], told["heads"], told["asked"]) == ([], None, None)
    assert len(told["neighbors"]["rows"]) == 6
    assert labeled not in [row["id"] for row in told["neighbors"]["rows"]]
    started = why(waiting, waiting.round().query[2])
    assert started["missing"].startswith(
        "Round 0 was a start without a model, so there is nothing to work out: first query, drawn at random"
    )
    assert (started["asked"], started["of"], started["neighbors"]["note"]) == (3, 6, "Nothing is labeled yet that it could be like.")
    with pytest.raises(NotFound):
        why(project, 10**6)
    with pytest.raises(NotFound):
        why(project, labeled, 99)
