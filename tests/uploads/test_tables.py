"""Tables that came with a form: there until they are read, and nothing else goes with them."""

from __future__ import annotations

import pytest

from alcore.errors import NotFound
from alcore.uploads.tables import TABLES, drop, keep, own


def test_a_table_is_kept_once_under_its_name_and_dropped(home):
    first = keep(home, "../con.csv", b"path,a\n")
    assert (first.parent.parent, first.read_bytes()) == (home / "uploads" / TABLES, b"path,a\n")
    assert first.name.startswith("_.._con") or first.name.startswith(".._con")
    assert keep(home, "../con.csv", memoryview(b"path,a\n")) == first
    other = keep(home, "b.csv", b"path,a\n")
    assert (other.parent, keep(home, "b.csv", b"path,b\n").parent != other.parent) == (first.parent, True)
    drop(home, first)
    assert (first.exists(), other.exists()) == (False, True)
    drop(home, str(other))
    assert not other.parent.exists()


def test_what_lies_elsewhere_stays(home, tmp_path):
    mine = tmp_path / "mine.csv"
    mine.write_text("path\n")
    drop(home, mine)
    drop(home, "")
    assert mine.exists()


def test_each_import_has_a_file_of_its_own(home, tmp_path):
    first = own(home, keep(home, "a.csv", b"path\n"))
    second = own(home, str(keep(home, "a.csv", b"path\n")))
    assert (first != second, first.name, second.read_bytes()) == (True, "a.csv", b"path\n")
    drop(home, first)
    assert second.read_bytes() == b"path\n"
    keep(home, "a.csv", b"path\n")  # the form is drawn again
    drop(home, second)
    drop(home, second)
    assert list((home / "uploads" / TABLES).iterdir()) == []
    kept = keep(home, "a.csv", b"path\n")
    own(home, kept)
    with pytest.raises(NotFound, match="choose it again"):
        own(home, kept)
    assert len(list((home / "uploads" / TABLES).iterdir())) == 1
    mine = tmp_path / "mine.csv"
    mine.write_text("path\n")
    assert (own(home, mine), mine.exists()) == (mine, True)
