"""Cells as numbers, dates and texts."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.importing.values import DATE, NUMBER, TEXT, date_of, date_text, number_of, typed


def column(*texts: str):
    notes: list[str] = []
    return typed("c", list(texts), range(2, 2 + len(texts)), notes), notes


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3.0), ("-1.5e3", -1500.0), ("007", None), ("nan", None), ("1_0", None), ("x", None), ("0.5", 0.5), ("inf", None)],
)
def test_a_number_is_one_as_it_is_written(text, value):
    assert number_of(text) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-05-31", "2026-05-31"),
        ("2026:05:31 14:30:00", "2026-05-31 14:30:00"),
        ("2026:05:31", "2026-05-31"),
        ("2026/05/31", "2026-05-31"),
        ("2026-05-31T14:30:00+02:00", "2026-05-31 12:30:00"),
        ("1955-01-02", "1955-01-02"),
        ("2026-13-01", None),
        ("31.05.2026", None),
        ("2026", None),
    ],
)
def test_a_date_is_spelled_as_iso_or_exif_has_it(text, shown):
    assert (None if date_of(text) is None else date_text(date_of(text))) == shown


def test_a_column_has_the_kind_of_its_values():
    numbers, _ = column("3", "", "NA", "4.5")
    assert (numbers.kind, numbers.codes().tolist()) == (NUMBER, [0, -1, -1, 1])
    assert [numbers.shown(value) for value in numbers.values] == ["3", "", "", "4.5"]
    texts, _ = column("b10", "b2", "", "b10", "none")
    assert (texts.kind, texts.names, texts.values.tolist()) == (TEXT, ("b2", "b10", "none"), [1, 0, -1, 1, 2])
    codes, notes = column("007", "008")
    assert (codes.kind, notes) == (TEXT, [])


def test_wrong_dates_are_left_empty_and_told():
    found, notes = column("2026-01-02", "2026-02-30", "2026-01-03", "soon", "")
    assert found.kind == DATE
    assert np.isfinite(found.values).tolist() == [True, False, True, False, False]
    (note,) = notes
    assert note.startswith("'c': 2 values of 5 are no dates and left empty, the first '2026-02-30' in line 3: write 2026-05-31")


def test_a_single_word_among_numbers_makes_them_texts_and_is_told():
    found, notes = column(*map(str, range(20)), "many")
    assert found.kind == TEXT
    assert notes == ["'c' is taken as text: 'many' in line 22 is no number"]


def test_too_many_texts_and_no_value_at_all_are_left_out():
    assert column("", "") == (None, ["'c' has no values and is left out"])
    assert column(*(f"n{i}" for i in range(20_000))) == (None, ["'c' has 20,000 different texts, more than 10,000, and is left out"])
