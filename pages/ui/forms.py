"""Forms made from parameter dataclasses: a widget a field, with help, source and bounds. Knows no strategy by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st


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
        kind: a frozen dataclass of `alcore.types.param` fields.
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
    words = field.name.replace("_", " ").capitalize().split()
    label = " ".join(word.upper() if len(word) == 1 or word == "vae" else word for word in words)  # F, C, D: the papers' nets
    help_text = f"{meta['help']}\n\nSource: {meta['source']}"
    if choices:
        options = list(choices)
        return st.selectbox(label, options, index=options.index(value), key=key, help=help_text, persist_state="session")
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
