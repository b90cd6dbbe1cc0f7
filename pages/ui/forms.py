"""Forms made from parameter dataclasses: a widget a field, with help, source and bounds. Knows no strategy by name."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from alcore.params import TrainParams, title_of, words_for
from alcore.strategies import STRATEGIES


def params_form(
    kind: type,
    key: str,
    defaults: Mapping[str, Any] | None = None,
    columns: int = 3,
    *,
    choices: Mapping[str, Sequence[Any]] | None = None,
    left_out: Collection[str] = (),
) -> dict[str, Any]:
    """Widgets for every field of `kind`; the values that differ from its defaults or stand in `defaults`.

    Args:
        kind: a frozen dataclass of `alcore.params.param` fields.
        key: prefix of the widgets' keys, so that each project and strategy keeps its own; they last for the session.
        defaults: values of this project that replace the dataclass's.
        choices: what a field offers here, where that is less than what it takes.
        left_out: fields that mean nothing here.
    """
    defaults = dict(defaults or {})
    fields = [f for f in dataclasses.fields(kind) if f.name not in left_out]
    values: dict[str, Any] = {}
    for group, title in (([f for f in fields if not f.metadata["expert"]], ""), ([f for f in fields if f.metadata["expert"]], "Expert")):
        if not group:
            continue
        place = st.expander(title, type="compact") if title else st.container()
        with place:
            for start in range(0, len(group), columns):
                cells = st.columns(columns, vertical_alignment="bottom")  # a row at a time: a switch is lower than a field
                for cell, field in zip(cells, group[start : start + columns], strict=False):
                    with cell:
                        offered = (choices or {}).get(field.name, field.metadata["choices"])
                        value = defaults.get(field.name, field.default)
                        values[field.name] = _widget(field, f"{key}.{field.name}", value, offered)
    standard = {f.name: f.default for f in fields}
    return {name: value for name, value in values.items() if value != standard[name] or name in defaults}


def _widget(field: dataclasses.Field[Any], key: str, value: Any, choices: Sequence[Any] | None) -> Any:
    meta = field.metadata
    label = title_of(field)
    values = f", with the values {', '.join(f'`{each}`' for each in meta['choices'])}" if meta["words"] else ""
    called = f"Called `{field.name}` on the command line{values}. " if values or field.name != label.lower() else ""
    help_text = f"{meta['help']}\n\n{called}Source: {meta['source']}"
    if choices:
        options = list(choices)
        return st.selectbox(
            label,
            options,
            index=options.index(value),
            format_func=lambda choice: words_for(field, choice),
            key=key,
            help=help_text,
            persist_state="session",
        )
    if isinstance(field.default, bool):
        return st.toggle(label, value=value, key=key, help=help_text, persist_state="session")
    if isinstance(field.default, int):
        return int(
            st.number_input(
                label, int(meta["low"]), int(meta["high"]), int(value), step=1, key=key, help=help_text, persist_state="session"
            )
        )
    if isinstance(field.default, float):
        step = 10.0 ** -len(str(int(1 / value))) if 0 < value < 1 else 0.1
        if value + step > meta["high"]:
            step /= 10
        number = st.number_input(
            label,
            float(meta["low"]),
            float(meta["high"]),
            float(value),
            step=step,
            format="%g",
            key=key,
            help=help_text,
            persist_state="session",
        )
        return float(number)
    return st.text_input(label, value, key=key, help=help_text, persist_state="session")


def in_titles(message: str) -> str:
    """A message with each `name=value` of a parameter as forms have it: by title, in words."""

    def shown(found: re.Match[str]) -> str:
        field, value = _fields()[found["name"]], found["value"].strip("'\"")
        return f"“{title_of(field)}: {words_for(field, value)}”"

    names = "|".join(sorted(_fields(), key=len, reverse=True))
    return re.sub(rf"\b(?P<name>{names})=(?P<value>'[^']*'|\"[^\"]*\"|[\w.+-]*\w)", shown, message)


def titled(text: str, kind: type) -> str:
    """A sentence with each parameter of `kind` that it names in parentheses called by its title."""
    titles = {field.name: title_of(field) for field in dataclasses.fields(kind)}
    return re.sub(r"\((\w+)\)", lambda found: f"(“{titles[found[1]]}”)" if found[1] in titles else found[0], in_titles(text))


@functools.cache
def _fields() -> Mapping[str, dataclasses.Field[Any]]:
    """Every parameter by name; those that strategies share by name mean the same."""
    kinds = [*(strategy.Params for strategy in STRATEGIES.values()), TrainParams]
    return {field.name: field for kind in kinds for field in dataclasses.fields(kind)}
