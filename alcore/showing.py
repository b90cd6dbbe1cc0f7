"""How a notebook shows a value: who stands above says it of the values that stand below, which know neither projects nor pictures."""

from __future__ import annotations

from functools import singledispatch


@singledispatch
def as_html(value: object) -> str | None:
    """HTML of a value for Jupyter; None, whereupon it takes the text, for those of which nobody has said anything."""
    return None
