"""Which folders a page may read: those that are allowed and what is in them, by whatever way they are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alcore.errors import BadInput, NotFound
from alcore.uploads import roots
from alcore.uploads.roots import VARIABLE, Folder, Roots


@pytest.fixture
def tree(tmp_path):
    for name in (
        "data/a/1.jpg",
        "data/a/deep/2.PNG",
        "data/a/x.txt",
        "data/b10/3.jpg",
        "data/b9/.hidden.jpg",
        "data/.git/4.jpg",
        "data/5.jpg",
        "other/6.jpg",
    ):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    (tmp_path / "data" / "out").symlink_to(tmp_path / "other")
    (tmp_path / "data" / "in").symlink_to(tmp_path / "data" / "a")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data" / "loop")
    return tmp_path


@pytest.fixture
def confined(tree):
    return Roots(tree / "home", [tree / "data"])


@pytest.mark.parametrize("path", ["data", "data/a", "data/a/1.jpg", "data/in/1.jpg", "data/not there", "data/../data/a", "home/uploads/x"])
def test_what_lies_in_a_root_may_be_read(confined, tree, path):
    assert confined.check(f"{tree}/{path}") == tree / path


@pytest.mark.parametrize(
    "path", ["", "other", "other/6.jpg", "data/out", "data/out/6.jpg", "data/../other", "data2", "home", "home/token", "nowhere"]
)
def test_what_lies_elsewhere_is_refused_whether_or_not_it_is_there(confined, tree, path):
    with pytest.raises(BadInput) as told:
        confined.check(f"{tree}/{path}")
    assert "lies outside the folders that this server may read" in str(told.value)
    assert str(told.value).endswith("Whoever runs it allows more with --data-root")


@pytest.mark.parametrize("path", ["~root/x", "/etc/passwd", "relative", "~"])
def test_homes_and_relative_paths_are_judged_by_where_they_lead(confined, path):
    with pytest.raises(BadInput):
        confined.check(path)


@pytest.mark.parametrize("path", ["a\0b", "~no such user/x", "/" + "x" * 5000 + "\0"])
def test_what_cannot_be_a_path_is_refused(confined, path):
    with pytest.raises(BadInput):
        confined.check(path)


def test_the_environment_says_it(tree, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert Roots.of(tree / "home").open
    assert Roots.of(tree / "home").check("/etc") == Path("/etc")
    monkeypatch.setenv(VARIABLE, "")
    assert Roots.of(tree / "home").allowed == ()
    with pytest.raises(BadInput, match="may read: upload the files. Whoever"):
        Roots.of(tree / "home").check("/etc")
    monkeypatch.setenv(VARIABLE, os.pathsep.join([str(tree / "data"), str(tree / "other")]))
    assert Roots.of(tree / "home").allowed == (tree / "data", tree / "other")


def test_a_folder_is_listed_with_its_images_in_natural_order(confined, tree):
    listing = confined.listing(str(tree / "data"))
    assert (listing.at, listing.up, listing.images, listing.cut) == (str(tree / "data"), "", 1, False)
    assert listing.folders == [
        Folder("a", str(tree / "data/a"), 2, False),
        Folder("b9", str(tree / "data/b9"), 0, False),
        Folder("b10", str(tree / "data/b10"), 1, False),
        Folder("in", str(tree / "data/in"), 2, False),
    ]
    assert confined.listing(str(tree / "data/a")).up == str(tree / "data")


def test_it_begins_at_the_roots(confined, tree):
    listing = confined.listing(None)
    assert (listing.at, listing.up) == ("", None)
    assert [(one.name, one.images) for one in listing.folders] == [(str(tree / "data"), 4)]
    (tree / "home" / "uploads").mkdir(parents=True)
    assert [one.path for one in confined.listing("").folders] == [str(tree / "data"), str(tree / "home/uploads")]
    assert Roots(tree / "home", None).listing(None).folders[0].path == str(Path.home())


def test_what_is_outside_or_no_folder_is_not_listed(confined, tree):
    for path in (tree, tree / "other", tree / "data/out"):
        with pytest.raises(BadInput):
            confined.listing(str(path))
    for path in ("data/a/1.jpg", "data/none"):
        with pytest.raises(NotFound):
            confined.listing(str(tree / path))


def test_counting_has_an_end(confined, tree, monkeypatch):
    monkeypatch.setattr(roots, "EACH", 1)
    monkeypatch.setattr(roots, "MOST", 2)
    listing = confined.listing(str(tree / "data"))
    assert listing.cut
    assert [one.more for one in listing.folders] == [True, False]
    monkeypatch.setattr(roots, "ALL", 0)
    assert [(one.images, one.more) for one in confined.listing(str(tree / "data")).folders] == [(0, True), (0, True)]
