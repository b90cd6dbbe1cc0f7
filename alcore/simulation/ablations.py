"""What the papers call variants of their methods, and the texts they are asked by here. Knows nothing of alcore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

ABLATIONS: Mapping[str, str] = MappingProxyType({
    "SL-Unc": "mal:minimax=false+select_by=uncertainty",
    "SL-Div": "mal:minimax=false+select_by=diversity",
    "SL-Random": "mal:minimax=false+select_by=random",
    "SSL-Unc": "mal:select_by=uncertainty",
    "SSL-Div": "mal:select_by=diversity",
    "SSL-Random": "mal:select_by=random",
})  # fmt: skip
"""MAL's Tables 7 and 8: supervised (SL) and semi-supervised (SSL) training, by what is asked for."""


def paper_names(texts: Iterable[str]) -> dict[str, str]:
    """Text of a variant -> what its paper calls it, for those that have a name, in whatever order their settings stand."""
    known = {_settings(text): name for name, text in ABLATIONS.items()}
    return {text: known[_settings(text)] for text in texts if _settings(text) in known}


def _settings(text: str) -> tuple[str, frozenset[str]]:
    name, _, own = text.partition(":")
    return name.strip(), frozenset(piece.replace(" ", "").lower() for piece in own.split("+"))
