"""Two criteria joined to one order: entropy and a discriminator's word. Knows numbers of arrays alone."""

from __future__ import annotations

import numpy as np


def combine(rule: str, entropy: np.ndarray, d_logit: np.ndarray, classes: int) -> np.ndarray:
    """One number to rank by, higher = label first, from entropy (n,) and D's logit (n,) (methods 1.5).

    minmax_rank: 1 - max(rank by D ascending, rank by H descending) / n, so the b best are what the two lists' first k share for the
        smallest k that gives b; unchanged by any monotone map of either score.
    filter_rank: those with D < 0.5 by entropy, then the rest by smallest D.
    two_stage: for the most unlabeled third, entropy; then the rest by smallest D.
    product: H / ln K * (1 - D). ranksum: minus the sum of both ranks.
    strict: Algorithm 2's bottom-b and top-b lists depend on b; as an order of the whole pool that is minmax_rank, so it differs only in
        how ties of the larger rank are broken: by the smaller rank.
    """
    n = len(entropy)
    # equal values share the better rank: a score that is the same for all leaves the choice to the other one
    rank_d = 1.0 + np.searchsorted(np.sort(d_logit), d_logit)
    rank_h = 1.0 + np.searchsorted(np.sort(-entropy), -entropy)
    if rule == "minmax_rank":
        return np.asarray(1.0 - np.maximum(rank_d, rank_h) / n)
    if rule == "strict":
        return np.asarray(1.0 - (np.maximum(rank_d, rank_h) + np.minimum(rank_d, rank_h) / (n + 1)) / (n + 1))
    if rule == "ranksum":
        return 1.0 - (rank_d + rank_h) / (2 * n)
    probability = 0.5 * (1 + np.tanh(d_logit / 2))
    if rule == "product":
        return np.asarray(entropy / np.log(classes) * (1 - probability))
    first = d_logit < 0 if rule == "filter_rank" else rank_d <= max(1, n // 3)
    return np.where(first, 2.0 - rank_h / n, 1.0 - rank_d / n)
