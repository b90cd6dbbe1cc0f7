"""Names are one line, each of them once, and nothing in them hides or turns what stands beside."""

from __future__ import annotations

import pytest

from alcore.teaching.names import ANIMALS, LONGEST, free_name


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("  Ann  ", "Ann"),
        ("Ann\nB.\tC", "Ann B. C"),
        ("<b>Ben</b>", "<b>Ben</b>"),  # text stays text: pages write it as such
        ("Zoë \u202egnp", "Zoë gnp"),  # what turns the direction of writing is gone
        ("a\u0300\u0301\u0302\u0303\u0304\u0305b", "à\u0301\u0302b"),  # a tower of marks is cut
        ("\x00\x1b[31mred", "[31mred"),
        ("x" * 300, "x" * LONGEST),
        ("李雷", "李雷"),
        ("🦊", "🦊"),
    ],
)
def test_a_name_is_one_readable_line(wanted, found):
    assert free_name(wanted, []) == found


@pytest.mark.parametrize("wanted", ["", "   ", "\u200b\u2060", "\u202e", "\x00", "..."])
def test_who_gives_nothing_readable_gets_an_animal(wanted):
    assert free_name(wanted, []) == ANIMALS[0]
    assert free_name(wanted, [ANIMALS[0], ANIMALS[1].upper()]) == ANIMALS[2]


def test_a_name_that_somebody_has_gets_a_number_however_it_is_written():
    assert free_name("ann", ["Ann"]) == "ann 2"
    assert free_name("Ann", ["Ann", "ANN 2"]) == "Ann 3"
    assert free_name("ａｎｎ", ["Ann"]) == "ａｎｎ 2"  # wide letters look like others
    assert free_name("y" * 40, ["y" * LONGEST]) == "y" * (LONGEST - 2) + " 2"


def test_sixty_nameless_students_have_sixty_names():
    taken: list[str] = []
    for _ in range(60):
        taken.append(free_name("", taken))
    assert len(set(taken)) == 60
