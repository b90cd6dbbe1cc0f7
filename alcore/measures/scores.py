"""Pure tensor maths of the scores. Classes on axis 1, space behind: (B, C, *S) in, (B, *S) out. Knows torch only."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import torch
from torch import Tensor


def per_image(values: Tensor) -> Tensor:
    """Mean over everything behind the batch axis: (B, *S) -> (B,)."""
    return values.flatten(1).mean(1) if values.dim() > 1 else values


def entropy(logits: Tensor) -> Tensor:
    """H(p) = -sum_k p_k ln p_k in nats, 0...ln C (MAL Eq. 2); from log-softmax in fp32, so that p = 0 gives 0 and not NaN."""
    log_p = logits.float().log_softmax(1)
    return -(log_p.exp() * log_p).sum(1)


def margin(logits: Tensor) -> Tensor:
    """Most likely minus second most likely probability, 0...1; small = unsure."""
    top = logits.float().softmax(1).topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


def confidence(logits: Tensor) -> Tensor:
    """Probability of the most likely class, 1/C...1."""
    return logits.float().softmax(1).amax(1)


def of_pixels(logits: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Entropy, margin and confidence (B, *S) of maps (B, C, *S), and each image's mean probabilities (B, C), from one exponential.

    The same numbers as the functions above but for rounding, in a fourth of their time: topk along an inner axis alone costs half of it.
    """
    logits = logits.float()
    first = torch.maximum(logits[:, 0], logits[:, 1])
    second = torch.minimum(logits[:, 0], logits[:, 1])
    for each in logits.unbind(1)[2:]:
        second = torch.maximum(second, torch.minimum(first, each))
        first = torch.maximum(first, each)
    below = logits - first[:, None]
    p = below.exp()
    one_over = 1.0 / p.sum(1)
    mean = below.mul_(p).sum(1).mul_(one_over)  # of the logits below the first, under p
    p *= one_over[:, None]
    return -one_over.log() - mean, (1.0 - (second - first).exp()) * one_over, one_over, p.flatten(2).mean(2)


def disagreement(logits: Iterable[Tensor]) -> Tensor:
    """H(mean_t p_t) - mean_t H(p_t) in nats, 0...ln C, of several predictions (B, C, *S) of the same images, one at a time.

    Over dropout masks it is BALD's mutual information (Houlsby et al. 2011; Gal, Islam & Ghahramani 2017), over the members of a
    committee their Jensen-Shannon divergence (Kuo et al. 2018). 0 when all agree; rounding below 0 is cut off.
    """
    return beyond(*together(logits))


def together(logits: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """mean_t p_t (B, C, *S) and mean_t H(p_t) (B, *S) of several predictions of the same images, one at a time: what `beyond` needs."""
    mean_p, mean_h, count = torch.zeros(()), torch.zeros(()), 0
    for each in logits:
        log_p = each.float().log_softmax(1)
        p = log_p.exp()
        mean_p, mean_h, count = mean_p.to(p) + p, mean_h.to(p) - (p * log_p).sum(1), count + 1
    return mean_p / count, mean_h / count


def beyond(mean_p: Tensor, mean_h: Tensor) -> Tensor:
    """The entropy of the mean prediction (B, C, *S) beyond the mean entropy (B, *S), at least 0."""
    result: Tensor = (-torch.special.xlogy(mean_p, mean_p).sum(1) - mean_h).clamp_min(0.0)
    return result


def distance(p: Tensor, q: Tensor, kind: str = "l1") -> Tensor:
    """Discrepancy of two class distributions (B, C, *S) -> (B, *S).

    "l1" is MCDAL's Eq. 4, (1/C) sum_c |p_c - q_c|, 0...2/C. The paper's Fig. 8 names L2 and KL without their forms: "l2" is
    (1/C) sum_c (p_c - q_c)^2 and "kl" the mean of both directions over C, with probabilities clipped at 1e-6, since KL is unbounded.
    """
    if kind == "l1":
        return (p - q).abs().mean(1)
    if kind == "l2":
        return (p - q).square().mean(1)
    if kind == "kl":
        log_p, log_q = p.clamp_min(1e-6).log(), q.clamp_min(1e-6).log()
        return 0.5 * ((p - q) * (log_p - log_q)).mean(1)
    raise ValueError(f"unknown distance {kind!r}")


def discrepancy(probabilities: list[Tensor], kind: str = "l1") -> Tensor:
    """Sum of the distances of all pairs of heads: with the main and two auxiliary heads exactly Eq. 3's three terms, 0...6/C."""
    first, *rest = (distance(p, q, kind) for p, q in combinations(probabilities, 2))
    return sum(rest, first)


AVERAGINGS = ("probabilities", "pixels", "logits")


def image_discrepancy(logits: list[Tensor], kind: str = "l1", averaging: str = "probabilities", p: list[Tensor] | None = None) -> Tensor:
    """Discrepancy (B,) of images from each head's logits (B, C, *S); without space behind the classes all three are one (methods 2.5).

    Args:
        averaging: what is averaged over space first: "probabilities", then compared (MCDAL IV-B's words; what pixels disagree on in
            opposite ways cancels out); "pixels" compares at every pixel and averages that, which is never less; "logits", then softmax.
        p: the softmax of each, where it is there already.
    """
    if averaging == "logits":
        return discrepancy([over_space(each).softmax(1) for each in logits], kind)
    p = p or [each.softmax(1) for each in logits]
    if averaging == "pixels":
        return per_image(discrepancy(p, kind))
    if averaging != "probabilities":
        raise ValueError(f"unknown averaging {averaging!r}")
    return discrepancy([over_space(each) for each in p], kind)


def over_space(values: Tensor) -> Tensor:
    """Mean over space of (B, C, *S): (B, C)."""
    return values.flatten(2).mean(2) if values.dim() > 2 else values
