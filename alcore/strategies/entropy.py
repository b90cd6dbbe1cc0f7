"""Entropy sampling: ask where the task model's class distribution is flattest."""

from __future__ import annotations

from alcore.strategies.base import Strategy


class Entropy(Strategy):
    """The b images of highest H(p) (Shannon 1948; as active learning: Settles 2009). log-softmax in fp32, so p = 0 gives no NaN."""

    name = "entropy"
    title = "Entropy"
    paper = "Wang & Shang 2014; MAL's baseline 'Entropy'"
    idea = (
        "The model spreads its guess over the classes; the flatter that is, the less it knows, and the more a label tells it. The images "
        "of highest entropy are asked for."
    )
    equations = (
        (
            r"H(x) = -\sum_{k=1}^{K} p_k(x) \ln p_k(x)",
            "The entropy of the model's class probabilities: 0 when it is sure of one class, ln K when all are alike.",
        ),
    )
    use = (
        "As the plain first choice where rounds are to be short and the model is already fair: on pretrained features, drawn diversely, "
        "it was 1.6 points above random on clothing and 1.2 on CIFAR-10."
    )
    avoid = (
        "Not as a bare top list where images repeat each other: the same scores without the diverse draw gained +0.1 points on clothing "
        "(-0.4 to +0.6), for the most uncertain images are near duplicates. With many classes a long tail of unlikely ones can outweigh "
        "the two that matter; margin looks at those alone."
    )
    cost = "One pass over the pool, no more than any method here needs: a step takes what a bare training loop takes."
    rank_by = "entropy"
    better_diverse = True
    heat = "entropy"
