"""STRATEGIES: name -> class, found by importing this folder, and SCORES: what their score columns mean. A new method is one new file.

Beside the library's stand a person's own: files of the folder that ALCORE_STRATEGIES names and of `strategies/` in a workspace (`look`),
and classes of a notebook (`add_strategy`). Both mappings show what counts at the moment.

Imported from elsewhere are STRATEGIES, SCORES, strategy_named, told_by, params_of, title_of, what concerns one's own, and `base`; a method
imports `base` and no other method. It may import nets, measures and the ground.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import pkgutil
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from alcore.errors import BadInput
from alcore.home import own_strategies
from alcore.params import TrainParams, make_params
from alcore.strategies.base import ScoreInfo, Strategy
from alcore.strategies.own import Found, Own

Value = TypeVar("Value")
K = TypeVar("K", bound=type[Strategy])


class _Now(Mapping[str, Value]):
    """A mapping for readers whose whole content is exchanged at once: who goes through it meanwhile sees the one it began with."""

    def __init__(self, content: Mapping[str, Value]) -> None:
        self.content = content

    def __getitem__(self, name: str) -> Value:
        return self.content[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)

    def keys(self) -> KeysView[str]:
        return self.content.keys()

    def values(self) -> ValuesView[Value]:
        return self.content.values()

    def items(self) -> ItemsView[str, Value]:
        return self.content.items()


def _find() -> dict[str, type[Strategy]]:
    found = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name in ("base", "own"):
            continue
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy:
                found[value.name] = value
    papers_first = ("mal", "mcdal", "entropy", "margin", "random")
    return dict(sorted(found.items(), key=lambda kv: (papers_first.index(kv[0]) if kv[0] in papers_first else 99, kv[0])))


_LIBRARY = _find()
_own = Own(_LIBRARY)
_found = _own.found()
_strategies = _Now(_LIBRARY)
STRATEGIES: Mapping[str, type[Strategy]] = _strategies


def _told() -> dict[str, ScoreInfo]:
    """Every column of every strategy. What `total` is differs between them: see `Strategy.score_columns`."""
    told: dict[str, ScoreInfo] = dict(Strategy.score_columns())
    for kind in STRATEGIES.values():
        for name, about in kind.score_columns().items():
            if name != "total" and told.setdefault(name, about) != about:
                raise ValueError(f"{kind.name} says something else of the score {name!r} than another strategy: give it a name of its own")
    return told


_scores = _Now(_told())
SCORES: Mapping[str, ScoreInfo] = _scores


# ---- one's own


def add_strategy(kind: K) -> K:
    """Makes a class known to this process under its `name`: rounds and simulations here take it. Gives it back, so it works as a decorator.
    Other processes, and the app, know it once it is a file.

    Raises:
        BadInput: it lacks something, or its name is one of the library's.
    """
    _own.add(kind)
    _publish()
    return kind


def look(folder: str | Path | None = None, *, named: bool = False) -> tuple[str, ...]:
    """Reads the strategies in the files of a folder, and what is new or changed in those looked at before; what is wrong, in sentences.

    Args:
        named: True when a person said that what lies there may be run; else it must be this user's own.
    """
    _own.look(None if folder is None else Path(folder), named=named)
    _publish()
    return problems()


def problems() -> tuple[str, ...]:
    """What is wrong with files that should be strategies, a sentence each."""
    return tuple(dict.fromkeys(problem.sentence for problem in _found.problems))


def file_of(name: str) -> Path | None:
    """The file outside the library that a strategy comes from."""
    return _found.files.get(name)


def code_of(name: str) -> str:
    """What names the content of that file; "" for one of the library or of a notebook."""
    return _found.codes.get(name, "")


def is_of_this_process(name: str) -> bool:
    """Whether it was added here and no file has it, so that no other process can know it."""
    return name in _found.kinds and name not in _found.files


def forget() -> None:
    """Takes all away that is not the library's; a folder that is looked at again brings its own back."""
    _own.forget()
    _publish()


def _publish() -> None:
    global _found
    with _own.lock:
        now: Found = _own.found()
        if (now.kinds, now.codes, now.problems) == (_found.kinds, _found.codes, _found.problems):
            return
        _strategies.content = {**_LIBRARY, **dict(sorted(now.kinds.items()))}
        _scores.content = _told()
        _found = now


# ---- by name


def strategy_named(name: str) -> type[Strategy]:
    """The class; BadInput naming those there are, or saying what is wrong with the file that should have it."""
    look()  # a file may have come or changed since
    if name not in STRATEGIES:
        if broken := [problem.sentence for problem in _found.problems if name in problem.names]:
            raise BadInput(broken[0])
        raise BadInput(f"unknown strategy {name!r}: use one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]


def told_by(name: str) -> type[Strategy]:
    """Who speaks for a round that was made: its strategy, or what all have in common where that is not here any more."""
    return STRATEGIES.get(name, Strategy)


def params_of(name: str, values: Mapping[str, Any], train: TrainParams, where: str = "") -> Any:
    """The strategy's parameters for a network: `values`, then what it takes there by itself, then its defaults. BadInput names all that is
    wrong.

    Args:
        where: what they belong to, for the message.
    """
    kind = strategy_named(name)
    return make_params(kind.Params, {**kind.defaults(train), **values}, where or f"strategy {name}")


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


if os.environ.get("ALCORE_STRATEGIES"):
    look(Path(os.environ["ALCORE_STRATEGIES"]).expanduser(), named=True)
if os.environ.get("ALCORE_HOME"):
    look(own_strategies(None))
