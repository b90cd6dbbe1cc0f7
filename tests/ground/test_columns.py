"""Columns against plain lists of the same things: nothing is lost, nothing moves."""

from __future__ import annotations

import numpy as np
import pytest

from alcore.columns import PRINT, Entries, Known, Snapshot, Texts, in_blocks, places
from alcore.training.pool import Pool
from alcore.types import Entry

WORDS = ["a/1.png", "", "日本 🐈.png", "x" * 300, "new\nline", b"\xff\xe9.png".decode("utf-8", "surrogateescape")]


def marked(parts: list[list[tuple]]) -> Snapshot:
    """From blocks of rows with what was said at their end, as the two tables give them."""
    lying = Snapshot.of([[row[:4] for row in part] for part in parts])
    return lying.marked([[(row[0], *row[4:]) for row in part] for part in parts])


def test_texts_come_back_as_they_were_also_from_their_columns():
    texts = Texts.of(WORDS)
    assert Texts.of(texts) is texts
    blob, ends = texts.columns()
    for kept in (texts, Texts(blob.tobytes(), ends)):
        assert list(kept) == WORDS
        assert [kept[-1], kept[0], kept[1:3]] == [WORDS[-1], WORDS[0], WORDS[1:3]]
        with pytest.raises(IndexError):
            kept[len(WORDS)]
    texts.append("more")  # the columns are copies
    assert (len(texts), len(ends)) == (7, 6)


ENTRIES = [Entry("a", "pool", "dog"), Entry("b", "test", None), Entry("c", "val", "cat"), Entry("d", "pool", "dog"), Entry("e", "pool", "")]


def test_entries_equal_the_list_they_were_made_of():
    entries = Entries.of(ENTRIES)
    assert entries == ENTRIES
    assert list(entries) == ENTRIES
    assert [entries[-1], entries[1:3]] == [ENTRIES[-1], ENTRIES[1:3]]
    assert Entries.of(entries) is entries
    assert entries != ENTRIES[:-1]
    assert entries != [*ENTRIES[:-1], Entry("e", "pool", "x")]
    assert entries.names == ["dog", "cat", ""]  # a class is any text, the empty one too
    assert entries.splits.tolist() == [0, 2, 1, 0, 0]
    assert entries.labels.tolist() == [0, -1, 1, 0, 2]


def test_known_items_are_found_by_path_over_many_blocks():
    rows = [(f"{n}.png", ("pool", "val", "test")[n % 3], 10 * n, n, n + 1, f"f{n}", n % 2) for n in range(7)]
    known = Known([rows[:3], rows[3:6], rows[6:]])
    assert len(known) == 7
    assert known.at(["6.png", "no.png", "0.png"]).tolist() == [6, -1, 0]
    assert ("3.png" in known, "7.png" in known) == (True, False)
    assert known.splits.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert known.rows.tolist() == [0, 10, 20, 30, 40, 50, 60]
    assert known.sizes[5].tolist() == [5, 6]
    assert known.prints.tolist() == [f"f{n}".encode() for n in range(7)]
    assert known.present.tolist() == [False, True] * 3 + [False]
    assert Known().at(["x"]).tolist() == [-1]
    assert Known().prints.dtype == PRINT


ITEMS = [
    (3, "pool", "cat", 7, "dog", None, None, None),
    (5, "pool", None, 2, None, True, False, False),
    (6, "test", "dog", 0, None, None, None, None),
    (9, "pool", "dog", 1, None, False, True, None),
    (11, "pool", "cow", 3, None, None, None, None),
    (12, "val", "cat", 5, None, None, None, None),
    (13, "pool", "cat", 4, "gone", False, True, None),
    (14, "test", "cow", 6, None, None, None, None),
]


def test_a_snapshot_gives_the_rows_it_was_made_of():
    snapshot = marked([ITEMS[:5], ITEMS[5:]])
    assert list(snapshot) == [(*row[:5], bool(row[5]), bool(row[6])) for row in ITEMS]
    assert len(snapshot) == 8
    assert list(marked([])) == []


def test_a_pool_is_the_rows_sorted_by_what_was_said_of_them():
    """What Project.pool did row by row: a skipped or flagged item is neither, an unknown class counts as none, val stands in for test."""
    pool = Pool.of(marked([ITEMS]), ["cat", "dog"])
    assert (pool.labeled.tolist(), pool.targets.tolist()) == ([3], [1])
    assert pool.unlabeled.tolist() == [11]
    assert (pool.test.tolist(), pool.test_targets.tolist()) == ([6], [1])
    assert pool.rows_of(np.array([14, 3, 12])).tolist() == [6, 7, 5]
    without = Pool.of(marked([[row for row in ITEMS if row[1] != "test"]]), ["cat", "dog"])
    assert (without.test.tolist(), without.test_targets.tolist()) == ([12], [0])
    nobody = Pool.of(marked([]), ["cat", "dog"])
    assert len(nobody.ids) == len(nobody.test) == 0


def test_marks_are_laid_over_items_that_stay_as_they_were():
    lying = Snapshot.of([[row[:4] for row in ITEMS]])
    said = lying.marked([[(4, "cat", None, None, None), (6, "dog", True, None, False)], [(99, "cow", None, True, None)]])
    assert [row[0] for row in said if row[4] or row[5] or row[6]] == [6]
    assert next(row for row in said if row[0] == 6) == (6, "test", "dog", 0, "dog", True, False)
    assert list(lying.marked([])) == list(lying)
    assert all(row[4] is None for row in lying)
    with pytest.raises(ValueError, match="read-only"):
        lying.rows[0] = 3


def test_places_are_those_of_a_plain_search():
    rng = np.random.default_rng(0)
    for n in (0, 1, 7):
        ids = np.sort(rng.permutation(12)[:n])
        wanted = list(range(-1, 14))
        assert places(ids, wanted).tolist() == [ids.tolist().index(i) if i in ids.tolist() else -1 for i in wanted]
        assert places(ids, np.zeros(0, np.int64)).tolist() == []


def test_blocks_are_every_place_once_in_order(monkeypatch):
    monkeypatch.setattr("alcore.columns.BLOCK", 4)
    for n in (0, 1, 4, 9):
        assert [at for part in in_blocks(n) for at in range(n)[part]] == list(range(n))
        assert all(part.stop - part.start <= 4 for part in in_blocks(n))
