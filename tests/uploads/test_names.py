"""Names from elsewhere: what stays, what is changed so that two never become one, and what is refused."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.uploads.names import amount, folder_name, is_leftover, safe_name, safe_path


@pytest.mark.parametrize("path", ["a.jpg", "cat/ü ö.jpg", "нос/写真.png", "a/b/c d (1).jpg", "2024-01-01 12:30:00.jpg", "x.rgb.jpg"])
def test_what_is_safe_stays_as_it_is(path):
    assert safe_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "../a.jpg",
        "a/../../b.jpg",
        "/etc/passwd",
        "\\\\host\\x.jpg",
        "C:\\x.jpg",
        "c:/x.jpg",
        "a\\..\\b.jpg",
        "..",
        ".",
        "",
        "a/..",
        "x/" * 41 + "a.jpg",
    ],
)
def test_what_leads_out_or_names_nothing_is_refused(path):
    with pytest.raises(BadInput):
        safe_path(path)


@pytest.mark.parametrize(
    ("name", "begins", "ends"),
    [
        ("CON", "_CON-", ""),
        ("con.jpg", "_con-", ".jpg"),
        ("Lpt1.tar.gz", "_Lpt1.tar-", ".gz"),
        ("a\x00b\x1f.jpg", "a_b_-", ".jpg"),
        ("end.", "end_-", ""),
        ("end ", "end_-", ""),
        ("back\\slash.png", "back_slash-", ".png"),
        ("x" * 300 + ".jpg", "x" * 100, ".jpg"),
        ("\ud800.jpg", "_-", ".jpg"),
    ],
)
def test_what_is_not_safe_is_changed_and_marked(name, begins, ends):
    made = safe_name(name)
    assert made.startswith(begins)
    assert made.endswith(ends)
    assert len(made.encode()) <= 255
    assert made == safe_name(name) == safe_name(made)


def test_two_names_never_become_one():
    given = ["con", "_con", "a\x01", "a\x02", "a_", "b.", "b ", "b_", "y" * 400, "y" * 401, "CON"]
    assert len({safe_name(name) for name in given}) == len(given)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [("__MACOSX/a.jpg", True), ("a/.DS_Store", True), (".git/x", True), ("a\\Thumbs.db", True), ("a/b.jpg", False), ("../b.jpg", False)],
)
def test_leftovers_of_systems_are_known(path, is_one):
    assert is_leftover(path) is is_one


@pytest.mark.parametrize(
    ("given", "made"),
    [("photos", "photos"), ("  my  photos. ", "my photos"), ("../x", "x"), ("\n", "upload"), ("", "upload"), ("ü 写", "ü 写")],
)
def test_an_upload_gets_a_name_for_its_folder(given, made):
    assert folder_name(given) == made
    assert not folder_name("con").startswith("con")


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 bytes"), (999, "999 bytes"), (20_000, "20.0 kB"), (999_600, "1.0 MB"), (2e10, "20.0 GB"), (1.5e11, "150 GB")]
)
def test_bytes_are_told_as_people_read_them(size, words):
    assert amount(size) == words
