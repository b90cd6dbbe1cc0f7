"""What lies at an address: a file, a folder as servers list it, a table, a list."""

from __future__ import annotations

import json

import pytest

from alcore.errors import BadInput
from alcore.uploads import origins
from alcore.uploads.origins import Web, name_of
from alcore.uploads.reach import Reach, checked

NAMED = Reach(allowed=checked(["photos.test"]))
INDEX = (
    '<html><h1>Index of /ds/</h1><a href="?C=N;O=D">Name</a> <a href="../">Parent</a> <a href="/other/">x</a> <A HREF="cat/">cat/</A>'
    '<a href="a%20b.jpg">a b.jpg</a> <a href="https://elsewhere.example/z.jpg">z</a> <a href=".hidden">h</a> <a href="readme.html">r</a></html>'
)


def listing(host, path):
    origin = Web(host.at(path), NAMED)
    try:
        return origin.listing()
    finally:
        origin.close()


def test_a_file_is_what_it_is(host):
    host.files = {"/x/photos.zip?download=1": b"PK"}
    (one,) = listing(host, "/x/photos.zip?download=1").files
    assert (one.path, one.address, one.size, one.tag[:1]) == ("photos.zip", host.at("/x/photos.zip?download=1"), 2, '"')


def test_a_folder_is_what_its_page_links_to_below_it(host):
    host.files = {
        "/ds/": INDEX.encode(),
        "/ds/cat/": b'<a href="1.jpg">1</a><a href="/ds/cat/2.jpg">2</a><a href="/ds/">up</a><a href="./">.</a>',
    }
    host.kinds = dict.fromkeys(host.files, "text/html; charset=utf-8")
    found = listing(host, "/ds/").files
    assert sorted(one.path for one in found) == ["a b.jpg", "cat/1.jpg", "cat/2.jpg"]
    assert host.paths() == ["/ds/", "/ds/cat/"]


def test_a_page_without_files_is_told(host):
    host.files, host.kinds = {"/": b"<html>hello</html>"}, {"/": "text/html"}
    with pytest.raises(BadInput, match="links to no file below it"):
        listing(host, "/")


def test_a_table_brings_the_images_beside_it_and_itself(host):
    host.files = {"/ds/labels.csv": "name;Path;label\r\nx;img/a.jpg;cat\r\ny;./img/ü.jpg;dog\r\n\r\nz;;dog\r\n".encode()}
    found = listing(host, "/ds/labels.csv")
    assert [(one.path, one.address) for one in found.files] == [
        ("img/a.jpg", host.at("/ds/img/a.jpg")),
        ("img/ü.jpg", host.at("/ds/./img/ü.jpg").replace("/./", "/")),
    ]
    assert {path: content.decode() for path, content in found.texts.items()} == {
        "labels.csv": "path,name,label\r\nimg/a.jpg,x,cat\r\nimg/ü.jpg,y,dog\r\n"
    }


def test_a_table_of_addresses_puts_them_by_host_and_path(host):
    rows = ["image_url,label,path", "https://a.example/1.jpg?x=1,cat,gone", "https://a.example/1.jpg?x=2,dog,", "s3://bucket/d/2.jpg,cat,"]
    host.files = {"/t.csv": "\n".join(rows).encode()}
    found = listing(host, "/t.csv")
    assert [one.path for one in found.files] == ["a.example/1.jpg", "a.example/1-2.jpg", "bucket/d/2.jpg"]
    assert found.texts["t.csv"].decode().splitlines() == [
        "path,label",
        "a.example/1.jpg,cat",
        "a.example/1-2.jpg,dog",
        "bucket/d/2.jpg,cat",
    ]


@pytest.mark.parametrize(
    "said",
    [
        ["https://a.example/1.jpg", "https://a.example/2.jpg", "https://a.example/1.jpg"],
        [{"url": "https://a.example/1.jpg"}, {"url": "https://a.example/2.jpg"}],
        {"count": 2, "images": [{"id": 1, "coco_url": "https://a.example/1.jpg"}, {"id": 2, "coco_url": "https://a.example/2.jpg"}]},
    ],
)
def test_a_list_of_addresses(host, said):
    host.files = {"/list.json": json.dumps(said).encode()}
    found = listing(host, "/list.json")
    assert [one.path for one in found.files] == ["a.example/1.jpg", "a.example/2.jpg"]


@pytest.mark.parametrize(
    ("path", "content"), [("/a.json", b'{"classes": ["cat"]}'), ("/a.csv", b"path\n"), ("/a.csv", b"age,height\n1,2\n")]
)
def test_a_text_that_names_no_file_is_a_file(host, path, content):
    host.files = {path: content}
    assert [one.path for one in listing(host, path).files] == [path[1:]]


def test_a_list_is_read_up_to_a_length(host, monkeypatch):
    monkeypatch.setattr(origins, "MOST_TEXT", 100)
    host.files = {"/a.csv": b"path\n" + b"a.jpg\n" * 100}
    with pytest.raises(BadInput, match="too long for a table or a list"):
        listing(host, "/a.csv")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://a.example/x/My%20Photos.ZIP?dl=1", "My Photos"),
        ("https://a.example/x/train/", "train"),
        ("https://a.example", "a.example"),
        ("s3://bucket/a/labels.csv", "labels"),
        ("s3://bucket", "bucket"),
    ],
)
def test_what_comes_is_called_after_its_address(text, name):
    assert name_of(text) == name
