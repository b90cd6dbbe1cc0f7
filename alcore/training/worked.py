"""Scores worked out: the formula of each, with the numbers of one image put in. Every number comes from a round's stored arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alcore.errors import AlcoreError
from alcore.measures import scores
from alcore.training.roundfiles import RoundFiles

SHOWN = 5  # classes whose own numbers are put in; the others are added up
OFF = 1e-5  # a stored score and what is worked out may be apart by so much, of 1 or of the score: both were rounded to 24 bits on the way
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
DISTANCES = {
    "l1": "d(p, q) = (1/C) Σ |p − q|",
    "l2": "d(p, q) = (1/C) Σ (p − q)²",
    "kl": "d(p, q) = (1/2C) Σ (p − q)(ln p − ln q), no p below 10⁻⁶",
}
PARTED = 2000  # images from which TypiClust looks for neighbors in parts of about half as many
UNLIKE = "What is stored of this round does not give this score; the numbers are left out."

Embeddings = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Part:
    """A number that a formula takes, and what it is called."""

    title: str
    value: float


@dataclass(frozen=True)
class Worked:
    """A score worked out.

    Attributes:
        formula: in symbols, a line each; "" where there is none.
        put: the same with the image's numbers; "" where they are not there.
        parts: these numbers, unrounded.
        value: what they give; None where it was not worked out again.
        note: what else there is to say, a sentence.
    """

    formula: str = ""
    put: str = ""
    parts: tuple[Part, ...] = ()
    value: float | None = None
    note: str = ""


@dataclass(frozen=True)
class At:
    """One image in a round's arrays.

    Attributes:
        place: of the image in `files.ids`.
        strategy, params: the round's, with defaults.
        classes: names, as many as the logits have columns.
        dense: pixels have labels: logits are then the logarithm of mean probabilities.
        embeddings: (n, d) of places in `files.walked_ids`; raises AlcoreError where they are gone.
        titles: score -> what it is called.
    """

    files: RoundFiles
    place: int
    strategy: str
    params: Any
    classes: tuple[str, ...]
    dense: bool
    embeddings: Embeddings
    titles: Mapping[str, str] = field(default_factory=dict)

    def score(self, name: str) -> float:
        """A stored score of it."""
        return float(self.files.scores[name][self.place])

    def logits(self, places: Sequence[int] | None = None) -> list[Tensor]:
        """(n, C) float64 of each head, the task model's first; of the image alone for None."""
        at = [self.place] if places is None else list(places)
        return [torch.from_numpy(np.asarray(self.files.array(name)[at], np.float64)) for name in self.files.heads]

    def heads(self, places: Sequence[int] | None = None) -> list[Tensor]:
        """Their probabilities."""
        return [each.softmax(1) for each in self.logits(places)]

    @property
    def labeled(self) -> np.ndarray:
        """Places of the labeled images in `files.walked_ids`."""
        return np.arange(len(self.files.ids), len(self.files.walked_ids))


def worked(name: str, at: At) -> Worked:
    """The formula of a score with the numbers of an image. What is not stored is said, and nothing is made up for it."""
    make = TOTALS.get(at.strategy, _as_ranked) if name == "total" else SCORES.get(name)
    if make is None:
        return Worked()
    try:
        found = make(at)
    except FileNotFoundError:
        return Worked(note="What this takes was not stored with this round: it was made by an earlier version, or its files are gone.")
    except AlcoreError as problem:
        return Worked(note=f"{str(problem)[:1].upper()}{str(problem)[1:].rstrip('.')}.")
    stored = at.score(name)
    if found.value is not None and abs(found.value - stored) > OFF * max(1.0, abs(stored)):
        return Worked(found.formula, note=UNLIKE)
    return found


def number(value: float) -> str:
    """Three digits, with a true minus."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "−")


def distances(at: At) -> list[tuple[int, int, float]]:
    """(head, head, distance) of all pairs, as MCDAL has them."""
    p = at.heads()
    return [(a, b, float(scores.distance(p[a], p[b], at.params.distance)[0])) for a, b in combinations(range(len(p)), 2)]


# ---- of every strategy


def _entropy(at: At) -> Worked:
    if at.dense:
        return Worked("H = mean over pixels of −Σ p ln p", note="Each pixel has its own p; the picture of them is in the mask editor.")
    p = at.heads()[0][0].numpy()
    each = -np.where(p > 0, p * np.log(np.maximum(p, np.finfo(float).tiny)), 0.0)
    order = np.argsort(-p, kind="stable")
    top, rest = order[:SHOWN], order[SHOWN:]
    parts = [Part(f"p({at.classes[k]})", float(p[k])) for k in top]
    put = " ".join(f"− {number(p[k])} ln {number(p[k])}" for k in top).replace("− ", "−", 1)
    if len(rest):
        others = float(each[rest].sum())
        parts.append(Part(_others(len(rest)), others))
        put += f" + {number(others)} ({_others(len(rest))})"
    return Worked("H = −Σ p ln p", put, tuple(parts), float(each.sum()))


def _others(n: int) -> str:
    return "the other class" if n == 1 else f"the other {n:,} classes"


def _two_best(at: At) -> tuple[np.ndarray, np.ndarray]:
    p = at.heads()[0][0].numpy()
    order = np.argsort(-p, kind="stable")[:2]
    return order, p[order]


def _margin(at: At) -> Worked:
    if at.dense:
        return Worked("M = mean over pixels of p₍₁₎ − p₍₂₎, the two largest p")
    k, p = _two_best(at)
    first, second = (at.classes[i] for i in k)
    parts = (Part(f"p({first})", float(p[0])), Part(f"p({second})", float(p[1])))
    return Worked("M = p₍₁₎ − p₍₂₎, the two largest p", f"{number(p[0])} ({first}) − {number(p[1])} ({second})", parts, float(p[0] - p[1]))


def _confidence(at: At) -> Worked:
    if at.dense:
        return Worked("mean over pixels of the largest p")
    k, p = _two_best(at)
    return Worked("the largest p", f"p({at.classes[k[0]]})", (Part(f"p({at.classes[k[0]]})", float(p[0])),), float(p[0]))


def _labeledness(at: At) -> Worked:
    z = at.score("labeledness_logit")
    return Worked("D = 1 / (1 + e^(−z)), z what the discriminator gives", f"1 / (1 + e^(−({number(z)})))", (Part("z", z),), _sigmoid(z))


def _sigmoid(z: float) -> float:
    return float(0.5 * (1 + np.tanh(z / 2)))


# ---- of single strategies


def _discrepancy(at: At) -> Worked:
    formula = f"{_sum_of_pairs(len(at.files.heads))}\n{DISTANCES[at.params.distance]}"
    if at.dense and at.params.averaging != "probabilities":
        return Worked(
            formula, note="Pixels were compared one by one, or averaged before the softmax: single heads are not stored for that."
        )
    if len(at.files.heads) == 1:
        return Worked(formula, note="This round was stored before the other heads' shares of the classes were kept with it.")
    found = distances(at)
    parts = tuple(Part(f"d({head_symbol(a)}, {head_symbol(b)})", value) for a, b, value in _as_in_the_paper(found))
    put = " + ".join(number(part.value) for part in parts)
    return Worked(formula, put, parts, sum(part.value for part in parts))


def head_symbol(head: int) -> str:
    """How the paper calls a head's probabilities: p of F, p₁ of F1."""
    return f"p{head or ''}".translate(SUBSCRIPTS)


def _as_in_the_paper(found: list[tuple[int, int, float]]) -> list[tuple[int, int, float]]:
    """The auxiliary heads' own pair first, as in Eq. 5."""
    return sorted(found, key=lambda pair: (pair[0] == 0, pair[0], pair[1]))


def _sum_of_pairs(heads: int) -> str:
    if heads <= 3:
        return "D = d(p₁, p₂) + d(p, p₁) + d(p, p₂)"
    return f"D = Σ d(pₐ, p_b) over all {heads * (heads - 1) // 2} pairs of the {heads} heads, each once"


def _mcdal(at: At) -> Worked:
    formula = "S = D(x) − mean of D over labeled images"
    own = at.score("discrepancy")
    if at.dense and (at.params.averaging != "probabilities" or len(at.files.heads) == 1):
        return Worked(formula, note=f"D is {number(own)}; the mean is one number a round and moves no rank.")
    p = at.heads(at.labeled.tolist())
    mean = float(scores.discrepancy(p, at.params.distance).mean())
    parts = (Part("D", own), Part(f"mean of D over {len(at.labeled):,} labeled images", mean))
    note = "The mean is one number a round and moves no rank."
    return Worked(formula, f"{number(own)} − {number(mean)}", parts, own - mean, note)


def _disagreement(at: At) -> Worked:
    p = torch.cat(at.heads())
    return _beyond("J", "member", p.mean(0), float(_entropies(p).mean()), len(p))


def _bald(at: At) -> Worked:
    mean = torch.from_numpy(np.asarray(at.files.array("mask_mean")[at.place], np.float64))
    inner = float(at.files.array("mask_entropy")[at.place, 0])
    return _beyond("I", "mask", mean, inner, int(at.params.passes))


def _beyond(symbol: str, what: str, mean: Tensor, inner: float, n: int) -> Worked:
    outer = float(_entropies(mean[None])[0])
    parts = (Part(f"H of the mean over {n} {what}s", outer), Part(f"mean H of the {n} {what}s", inner))
    put = f"{number(outer)} − {number(inner)}"
    return Worked(f"{symbol} = H(mean p) − mean H(p), over {n} {what}s", put, parts, max(0.0, outer - inner))


def _entropies(p: Tensor) -> Tensor:
    result: Tensor = -torch.special.xlogy(p, p).sum(1)
    return result


def _state(at: At) -> Worked:
    formula = "u = 1 − max p · minVar / Var(p)"
    if at.dense:
        return Worked(f"{formula}, the mean over pixels")
    p = at.heads()[0][0]
    k, m = len(p), float(p.max())
    least = ((1 / k - m) ** 2 + (k - 1) * (1 / k - (1 - m) / (k - 1)) ** 2) / k
    variance = float(p.var(correction=0))
    parts = (Part("max p", m), Part("minVar", least), Part("Var(p)", variance))
    value = min(1.0, max(0.0, 1 - m * least / variance)) if variance > 1e-12 else 1.0
    return Worked(formula, f"1 − {number(m)} · {number(least)} / {number(variance)}", parts, value)


# ---- what a strategy ranks by


def _as_ranked(at: At) -> Worked:
    """Of the strategies whose total is one of their scores."""
    total = at.files.scores["total"]
    same = [name for name, values in at.files.scores.items() if name != "total" and np.array_equal(values, total)]
    if not same:
        return Worked()
    title, value = at.titles.get(same[0], same[0]), at.score(same[0])
    return Worked(f"the score “{title}”", number(value), (Part(title, value),), value)


def _random(at: At) -> Worked:
    return Worked("a random number from 0 to 1", note="It comes from the round's seed and says nothing of the image.")


def _one_minus_margin(at: At) -> Worked:
    m = at.score("margin")
    return Worked("s = 1 − M", f"1 − {number(m)}", (Part("M", m),), 1 - m)


def _minus_logit(at: At) -> Worked:
    z = at.score("labeledness_logit")
    return Worked("s = −z, z what the discriminator gives", f"−({number(z)})", (Part("z", z),), -z)


def _mal(at: At) -> Worked:
    h, z = at.score("entropy"), at.score("labeledness_logit")
    by = at.params.select_by
    if by == "random":
        return _random(at)
    if by == "uncertainty":
        return Worked("s = H", number(h), (Part("H", h),), h)
    if by == "diversity":
        return _minus_logit(at)
    n = len(at.files.ids)
    # equal values share the better rank, as in criteria.combine
    rank_h = 1 + int((at.files.scores["entropy"] > h).sum())
    rank_d = 1 + int((at.files.scores["labeledness_logit"] < z).sum())
    ranks = (Part("rank by H, highest first", rank_h), Part("rank by D, lowest first", rank_d), Part("images scored, n", n))
    a, b, of = number(rank_h), number(rank_d), f"{n:,}"
    worse, better = max(rank_h, rank_d), min(rank_h, rank_d)
    rule = at.params.rule
    if rule == "minmax_rank":
        return Worked("s = 1 − max(rank_H, rank_D) / n", f"1 − max({a}, {b}) / {of}", ranks, 1 - worse / n)
    if rule == "strict":
        value = 1 - (worse + better / (n + 1)) / (n + 1)
        formula = "s = 1 − (max(rank_H, rank_D) + min(rank_H, rank_D) / (n + 1)) / (n + 1)"
        return Worked(formula, f"1 − ({number(worse)} + {number(better)} / {n + 1:,}) / {n + 1:,}", ranks, value)
    if rule == "ranksum":
        return Worked("s = 1 − (rank_H + rank_D) / 2n", f"1 − ({a} + {b}) / {2 * n:,}", ranks, 1 - (rank_h + rank_d) / (2 * n))
    if rule == "product":
        d, most = _sigmoid(z), float(np.log(len(at.classes)))
        parts = (Part("H", h), Part("ln K", most), Part("D", d))
        return Worked("s = H / ln K · (1 − D)", f"{number(h)} / {number(most)} · (1 − {number(d)})", parts, h / most * (1 - d))
    first = z < 0 if rule == "filter_rank" else rank_d <= max(1, n // 3)
    who = "D calls unlabeled" if rule == "filter_rank" else "the third that D calls most unlabeled"
    if first:
        return Worked(f"s = 2 − rank_H / n, for {who}", f"2 − {a} / {of}", ranks, 2 - rank_h / n)
    return Worked(f"s = 1 − rank_D / n, outside of what {who}", f"1 − {b} / {of}", ranks, 1 - rank_d / n)


def _badge(at: At) -> Worked:
    p = at.heads()[0][0].numpy().copy()
    p[int(at.logits()[0][0].argmax())] -= 1.0
    h = at.embeddings(np.array([at.place])).astype(np.float64)[0]
    error, length = float(np.linalg.norm(p)), float(np.linalg.norm(h))
    parts = (Part("‖p − e‖, e the guess", error), Part("‖h‖, the features", length))
    return Worked("‖g‖ = ‖p − e‖ · ‖h‖", f"{number(error)} · {number(length)}", parts, error * length)


def _coreset(at: At) -> Worked:
    own = at.embeddings(np.array([at.place])).astype(np.float64)
    apart = np.sqrt(((at.embeddings(at.labeled).astype(np.float64) - own) ** 2).sum(1))
    nearest = int(apart.argmin())
    item = int(at.files.walked_ids[at.labeled[nearest]])
    part = Part(f"distance to labeled image {item}", float(apart[nearest]))
    put = f"the least of {len(apart):,} distances, to image {item}"
    return Worked("s = min ‖f(x) − f(c)‖ over labeled c", put, (part,), part.value)


def _typical(at: At) -> Worked:
    n, most = len(at.files.ids), int(at.params.neighbors)
    formula = f"T = 1 / (mean of ‖f(x) − f(x′)‖² over {min(most, max(1, n - 1))} neighbors + 10⁻⁵)"
    if n >= PARTED:
        apart = 1 / at.score("total") - 1e-5
        note = f"They were looked for among about {PARTED // 2:,} images; which ones is not stored, so the mean is that of the score."
        return Worked(formula, f"1 / ({number(apart)} + 10⁻⁵)", (Part("mean squared distance", apart),), None, note)
    points = at.embeddings(np.arange(n)).astype(np.float64)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    squares = np.delete(((points - points[at.place]) ** 2).sum(1), at.place)
    mean = float(np.sort(squares)[:most].mean()) if len(squares) else np.inf
    return Worked(formula, f"1 / ({number(mean)} + 10⁻⁵)", (Part("mean squared distance", mean),), 1 / (mean + 1e-5))


def _mixing(at: At) -> Worked:
    epsilon = 1 / at.score("total") - 1
    note = "ε is the least mixing of another class's features that changes the guess, read off the score."
    return Worked("s = 1 / (1 + ε)", f"1 / (1 + {number(epsilon)})", (Part("ε", epsilon),), None, note)


def _coverage(at: At) -> Worked:
    note = "A sum over the whole pool: how much of its uncertainty u this image would cover beyond what labeled images c cover, kernel k."
    return Worked("s = Σ u(x′) · max(0, k(x′, x) − max k(x′, c)) over the pool", note=note)


SCORES: dict[str, Callable[[At], Worked]] = {
    "entropy": _entropy,
    "margin": _margin,
    "confidence": _confidence,
    "labeledness": _labeledness,
    "discrepancy": _discrepancy,
    "disagreement": _disagreement,
    "bald": _bald,
    "state_uncertainty": _state,
}
TOTALS: dict[str, Callable[[At], Worked]] = {
    "random": _random,
    "margin": _one_minus_margin,
    "mal": _mal,
    "mcdal": _mcdal,
    "vaal": _minus_logit,
    "sraal": _minus_logit,
    "badge": _badge,
    "coreset": _coreset,
    "typiclust": _typical,
    "alfa_mix": _mixing,
    "uherding": _coverage,
}
