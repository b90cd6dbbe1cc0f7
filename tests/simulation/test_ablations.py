"""Names of the papers' variants."""

from __future__ import annotations

import dataclasses

from alcore.simulation.ablations import ABLATIONS, paper_names
from alcore.simulation.experiment import variant_of


def test_a_variant_has_the_papers_name_in_whatever_order_its_settings_stand():
    texts = ["random", "mal", "mal:select_by=random + minimax=False", "mal:select_by=random", "mal:select_by=random+rule=product"]
    assert paper_names(texts) == {"mal:select_by=random + minimax=False": "SL-Random", "mal:select_by=random": "SSL-Random"}


def test_the_names_say_what_differs_from_mal():
    told = {}
    usual = variant_of("mal", {}, {}).values
    for name, text in ABLATIONS.items():
        own = variant_of(text, {}, {})
        told[name] = {key: value for key, value in dataclasses.asdict(own.params).items() if value != usual[key]}
    by = {"Unc": "uncertainty", "Div": "diversity", "Random": "random"}
    assert told == {
        f"{kind}-{ask}": {"select_by": value} | ({"minimax": False} if kind == "SL" else {})
        for ask, value in by.items()
        for kind in ("SL", "SSL")
    }
