"""Explanations of scores are sentences with the numbers in them."""

from __future__ import annotations

from alcore.strategies import STRATEGIES


def test_explanations_are_sentences_with_the_numbers_in_them():
    values = {"entropy": 2.1, "margin": 0.03, "labeledness": 0.041, "discrepancy": 0.123}
    rank = {"entropy": 3, "margin": 7, "labeledness": 12, "discrepancy": 1}

    def said(name, classes=10, **other):
        return STRATEGIES[name].explain(values | other, rank, 1387, classes)

    assert said("entropy") == "entropy 2.1 of at most 2.3, rank 3 of 1,387"
    assert said("random") == "drawn at random; entropy 2.1 of at most 2.3, rank 3 of 1,387"
    assert said("margin") == "its two likeliest classes are 3 points apart, rank 7 of 1,387"
    assert said("mal") == ("entropy 2.1 of at most 2.3, rank 3 of 1,387; the discriminator gives it 4 % to be labeled, rank 12")
    assert "gives it under 1 % to be labeled" in said("mal", labeledness=0.002)
    assert said("mcdal") == "the heads disagree by 0.12, rank 1 of 1,387; entropy 2.1 of at most 2.3"
