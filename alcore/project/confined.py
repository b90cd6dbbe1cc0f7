"""What is asked for from a page or a route may name files of this machine: only those that pages may read (uploads.roots.Roots).

The one place that looks: whatever is queued for the server, or tried by it, passes here. What somebody does at the command line or in a
notebook is their own.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alcore.importing import samples
from alcore.params import TrainParams
from alcore.project.place import Place
from alcore.strategies import STRATEGIES
from alcore.uploads.roots import Roots

SOURCES = ("source", "metadata")  # options of an import that are files or folders


def check_settings(place: Place, values: Mapping[str, Any]) -> None:
    """Raises BadInput for a parameter, of training or of a strategy, that names a file which pages may not read; in the same words whether
    or not it is there.

    Args:
        values: by name; those that no parameter has are for others to refuse.
    """
    roots = Roots.of(place.home)
    for kind in (TrainParams, *(strategy.Params for strategy in STRATEGIES.values())):
        for spec in dataclasses.fields(kind):
            named = spec.metadata.get("path")  # one of somebody's own may be made otherwise
            if named is not None and spec.name in values and (file := named(str(values[spec.name]).strip())):
                roots.check_file(file)


def check_words(place: Place, words: Sequence[str]) -> None:
    """The same for words behind `simulate`: `--set NAME=VALUE`, `--set STRATEGY.NAME=VALUE`, and strategies with values of their own."""
    said: list[tuple[str, str]] = []
    for option, value in _options(words):
        if option == "--set":
            said.append(_named(value))
        elif option == "--strategies":
            said += [_named(part) for text in value.split(",") for part in text.partition(":")[2].split("+")]
    for name, value in said:
        check_settings(place, {name: value})


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(option, value), written as two words or as one with `=`, and by as much of its name as tells it from others."""
    for word, after in itertools.pairwise([*words, ""]):
        begin, is_one, value = word.partition("=")
        for option in ("--set", "--strategies"):
            if len(begin) > 2 and option.startswith(begin):
                yield option, value if is_one else after


def check_import(place: Place, options: Mapping[str, Any]) -> None:
    """Raises BadInput for an import of, or with, what pages may not read; the samples that come along may be."""
    roots = Roots.of(place.home)
    for name in SOURCES:
        if (given := str(options.get(name) or "")) and not _is_sample(given):
            roots.check(given)


def _is_sample(given: str) -> bool:
    """Whether a path is one of the samples, wherever its links and dots lead."""
    try:
        return Path(os.path.realpath(given)).parent == Path(os.path.realpath(samples.FOLDER))
    except (ValueError, OSError):  # no path: said by whoever checks it
        return False


def _named(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().rpartition(".")[2], value
