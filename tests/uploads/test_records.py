"""Records of fetched files: the last line counts, and a line that a kill cut off says nothing."""

from __future__ import annotations

import pytest

from alcore.uploads.records import Record, Records

BEGUN, WHOLE = Record(10, 5, '"x"', False), Record(10, 5, '"x"', True)


def test_they_are_read_as_they_were_added(tmp_path):
    file = tmp_path / "fetched.jsonl"
    made = Records(file)
    assert made.of == {}
    for path, record in (("a", BEGUN), ("ü\n", WHOLE), ("a", WHOLE), ("b", Record(None, 0, "", False))):
        made.add(path, record)
    assert Records(file).of == made.of == {"a": WHOLE, "ü\n": WHOLE, "b": Record(None, 0, "", False)}


def test_a_line_that_was_cut_off_is_passed_over(tmp_path):
    file = tmp_path / "fetched.jsonl"
    Records(file).add("a", WHOLE)
    Records(file).add("b", WHOLE)
    file.write_bytes(file.read_bytes()[:-20] + b"\n[1]\n{}\n")
    assert Records(file).of == {"a": WHOLE}


def test_what_is_not_wanted_goes(tmp_path):
    made = Records(tmp_path / "fetched.jsonl")
    for path in "abc":
        made.add(path, BEGUN)
        made.add(path, WHOLE)
    assert made.only({"b", "d"}) == ["a", "c"]
    assert Records(made.file).of == {"b": WHOLE}
    assert len(made.file.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("tag", "size", "goes_on"), [('"a"', 9, True), ('"b"', 9, False), ('"a"', 8, False), ("", 9, False), ('"a"', None, False)]
)
def test_a_part_goes_on_with_the_same_state_only(tag, size, goes_on):
    assert Record(9, 0, '"a"', False).goes_on(tag, size) == goes_on


def test_a_part_goes_on_by_date_or_without_a_size():
    assert Record(9, 5, "time 5", False).goes_on("", 9)
    assert not Record(9, 5, "time 5", False).goes_on("time 6", 9)
    assert Record(None, 0, '"a"', False).goes_on('"a"', 9)
