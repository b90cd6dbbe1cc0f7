"""STRATEGIES: name -> class, found by importing this folder, and SCORES: what their score columns mean. A new method is one new file.

Imported from elsewhere are STRATEGIES, SCORES, strategy_named, title_of and `base`; a method imports `base` and no other method.
It may import nets, measures and the ground.
"""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

from alcore.errors import BadInput
from alcore.params import TrainParams
from alcore.strategies.base import ScoreInfo, Strategy


def _find() -> dict[str, type[Strategy]]:
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name == "base":
            continue
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy:
                found[value.name] = value
    papers_first = ("mal", "mcdal", "entropy", "margin", "random")
    return dict(sorted(found.items(), key=lambda kv: (papers_first.index(kv[0]) if kv[0] in papers_first else 99, kv[0])))


STRATEGIES: Mapping[str, type[Strategy]] = MappingProxyType(_find())


def _told() -> dict[str, ScoreInfo]:
    """Every column of every strategy. What `total` is differs between them: see `Strategy.score_columns`."""
    told: dict[str, ScoreInfo] = dict(Strategy.score_columns())
    for kind in STRATEGIES.values():
        for name, about in kind.score_columns().items():
            if name != "total" and told.setdefault(name, about) != about:
                raise ValueError(f"{kind.name} says something else of the score {name!r} than another strategy: give it a name of its own")
    return told


SCORES: Mapping[str, ScoreInfo] = MappingProxyType(_told())


def strategy_named(name: str) -> type[Strategy]:
    """The class, or BadInput naming those there are."""
    if name not in STRATEGIES:
        raise BadInput(f"unknown strategy {name!r}: use one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]


def title_of(name: str, params: Mapping[str, Any], train: Mapping[str, Any]) -> str:
    """What a round's way of asking is called: the strategy's title, and whether its query is drawn diversely; the bare name of one that
    is not here.

    Args:
        params, train: as a round or an order has them; what they leave out is as usual.
    """
    if name not in STRATEGIES:
        return name
    kind = STRATEGIES[name]
    usual = {field.name: field.default for field in dataclasses.fields(kind.Params)}
    known = {key: value for key, value in train.items() if key in TrainParams.__dataclass_fields__}
    diverse = kind.is_diverse(SimpleNamespace(**{**usual, **params}), dataclasses.replace(TrainParams(), **known))
    return f"{kind.title}, drawn diversely" if diverse else kind.title
