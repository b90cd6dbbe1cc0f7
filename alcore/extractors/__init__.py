"""Frozen pretrained networks that turn pictures into vectors. A family is one file of this folder; the first question finds all.

Imported from elsewhere are extractor_named, families, known_pictures and what `base` holds: Extractor, Embedder, prepared.
It may import nets, pixels and the ground.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path

from alcore.errors import BadInput
from alcore.extractors.base import Embedder, Extractor, Family, known_pictures, prepared


@functools.cache
def families() -> tuple[Family, ...]:
    """All there are, those that need no optional package first."""
    modules = (importlib.import_module(f"{__name__}.{there.name}") for there in pkgutil.iter_modules(__path__))
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Family)]
    return tuple(sorted(found, key=lambda family: (bool(family.prefix), family.name)))


def extractor_named(name: str, models: Path | None = None) -> Extractor:
    """The extractor that people call `name`: one of a family's `names`, or its prefix and a name or path.

    Args:
        models: the folder of files that people bring; None is none.

    Raises:
        BadInput: unknown, or its package or its weights are missing, damaged or of another shape; each with its cure.
    """
    for family in families():
        if name in family.names or (family.prefix and name.startswith(family.prefix) and name != family.prefix):
            return family.named(name, models)
    known = [given for family in families() for given in family.names or (f"{family.prefix}{family.takes}",)]
    raise BadInput(f"unknown extractor {name!r}: use {', '.join(known)}")


__all__ = ["Embedder", "Extractor", "Family", "extractor_named", "families", "known_pictures", "prepared"]
