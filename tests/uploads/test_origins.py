"""What lies at an address: a file, a folder as servers list it, a table, a list."""

from __future__ import annotations

import csv
import json

import pytest

from alcore.errors import BadInput, Cancelled, Unavailable
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


def test_a_folder_that_is_refused_is_left_out_with_a_note(host, monkeypatch):
    monkeypatch.setattr("alcore.uploads.https.PAUSE", 0)
    host.files = {"/ds/": INDEX.encode() + b'<a href="gone/">gone</a>', "/ds/cat/": b'<a href="1.jpg">1</a>'}
    host.kinds, host.status = dict.fromkeys(host.files, "text/html"), {"/ds/cat/": [403]}
    found = listing(host, "/ds/")
    assert [one.path for one in found.files] == ["a b.jpg"]
    (note,) = found.notes
    assert note.startswith(f"2 folders were left out: {host.at('/ds/cat/')} is not for everybody (403)")
    assert f"there is nothing at {host.at('/ds/gone/')} (404)" in note
    host.status = {"/ds/cat/": [503] * 4}
    with pytest.raises(Unavailable):
        listing(host, "/ds/")


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
    rows = [
        "image_url,label,path",
        "https://a.example/1.jpg?x=1,cat,gone",
        "https://a.example/1.jpg?x=2,dog,",
        "https://b.example/1-2.jpg,cat,",
    ]
    host.files = {"/t.csv": "\n".join([*rows, "https://a.example/1.jpg?x=3,dog,", rows[1]]).encode()}
    found = listing(host, "/t.csv")
    assert [one.path for one in found.files] == ["a.example/1.jpg", "a.example/1-2.jpg", "b.example/1-2.jpg", "a.example/1-3.jpg"]
    assert found.texts["t.csv"].decode().splitlines() == [
        "path,label",
        *("a.example/1.jpg,cat", "a.example/1-2.jpg,dog", "b.example/1-2.jpg,cat", "a.example/1-3.jpg,dog", "a.example/1.jpg,cat"),
    ]


BAD = {
    "https://[x/1.jpg": "'https://[x/1.jpg' cannot be an address",
    "https://a.example:x/1.jpg": "'https://a.example:x/1.jpg' cannot be an address: its host or its port cannot be read",
    "ftp://u:secret-word@a.example/1.jpg": "'ftp://a.example/1.jpg' cannot be fetched",
    "https://u:secret-word@a.example/1.jpg": "an address with a name or a password in it is not taken",
    "https://a.example/1.jpg?token=secret-word": "has a signature or a key in it",
    "s3://bucket/1.jpg": "s3://bucket/1.jpg lies in a bucket",
    "a\ud800.jpg": "cannot be an address",
}


@pytest.mark.parametrize("cell", BAD)
def test_a_row_that_cannot_be_fetched_is_left_out_with_a_note(host, cell):
    host.files = {"/list.json": json.dumps([{"url": "https://a.example/0.jpg", "x": 1}, {"url": cell, "x": "\ud800"}]).encode()}
    found = listing(host, "/list.json")
    assert [one.path for one in found.files] == ["a.example/0.jpg"]
    assert found.texts["list.csv"] == b"path,x\r\na.example/0.jpg,1\r\n"
    (note,) = found.notes
    assert note.startswith("1 row was left out: ")
    assert BAD[cell] in note
    assert "secret-word" not in note


def test_a_note_names_three_and_counts_all(host):
    rows = ["url", "https://a.example/0.jpg", *(f"ftp://a.example/{i}.jpg" for i in range(5))]
    host.files = {"/t.csv": "\n".join(rows).encode()}
    (note,) = listing(host, "/t.csv").notes
    assert note.startswith("5 rows were left out: 'ftp://a.example/0.jpg' cannot")
    assert (note.count("ftp://"), note[-3:]) == (3, " ….")
    host.files = {"/t.csv": "\n".join([rows[0], *rows[2:]]).encode()}
    with pytest.raises(BadInput, match="names no file that could be fetched; the first, 'ftp://a.example/0.jpg'"):
        listing(host, "/t.csv")


def test_a_row_that_cannot_be_read_is_left_out(host):
    long = "x" * (csv.field_size_limit() + 1)
    host.files = {"/ds/t.csv": f"path,say\na.jpg,{long}\nb.jpg,1\n".encode(), "/ds/mac.csv": b"path,say\ra.jpg,1\rb.jpg,2\r"}
    found = listing(host, "/ds/t.csv")
    assert [one.path for one in found.files] == ["b.jpg"]
    assert found.notes == ("1 row was left out: line 2 cannot be read (field larger than field limit (131072)).",)
    assert [one.path for one in listing(host, "/ds/mac.csv").files] == ["a.jpg", "b.jpg"]


def test_links_that_lead_nowhere_are_passed_over(host):
    host.files = {"/ds/": b'<a href="https://[x">x</a><a href="1.jpg">1</a><![x]><a href="2.jpg">2</a>'}
    host.kinds = {"/ds/": "text/html"}
    assert "1.jpg" in [one.path for one in listing(host, "/ds/").files]


@pytest.mark.parametrize("path", ["/ds/", "/ds/cat/", "/ds/t.csv", "/ds/t.json"])
def test_a_list_that_is_cut_short_is_read_again_and_never_taken_as_whole(host, path):
    rows = [f"{i}.jpg" for i in range(100)]
    page = "".join(f'<a href="{row}">{row}</a>' for row in rows).encode()
    table, said = "\n".join(["path,x", *(f"{row},1" for row in rows)]).encode(), json.dumps([host.at(f"/{row}") for row in rows]).encode()
    host.files = {"/ds/": b'<a href="cat/">cat</a>' + page, "/ds/cat/": page, "/ds/t.csv": table, "/ds/t.json": said}
    host.kinds = {"/ds/": "text/html", "/ds/cat/": "text/html"}
    at = path.replace("cat/", "")
    whole = listing(host, at).files
    host.breaks = {path: 500}
    assert listing(host, at).files == whole
    host.sized, host.played = True, {path: lambda to: to.wfile.write(BROKEN % (b"text/html" if path[-1] == "/" else b"text/plain"))}
    with pytest.raises(Unavailable, match=f"https://photos.test:{host.port}{path} breaks off while it is read"):
        listing(host, at)


BROKEN = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\npath,\r\n9\r\nx"


def test_what_is_sent_on_to_is_not_kept(host):
    signed = "/store/t.csv?sig=secret-word"
    host.moved, host.files = {"/t.csv": signed}, {signed: b"path,x\na.jpg,1\n"}
    found = listing(host, "/t.csv")
    assert [one.address for one in found.files] == [host.at("/store/a.jpg")]
    host.files = {signed: b"path,x\n" + b"?sig=secret-word#/a.jpg,1\n"}
    with pytest.raises(BadInput) as told:
        listing(host, "/t.csv")
    assert "secret-word" not in str(told.value)


def test_it_stops_between_pages_and_while_one_comes(host):
    host.files = {"/ds/": INDEX.encode(), "/ds/cat/": b'<a href="1.jpg">1</a>'}
    host.kinds = dict.fromkeys(host.files, "text/html")
    origin = Web(host.at("/ds/"), NAMED)

    def look():
        if "/ds/" in host.paths():
            raise Cancelled("stop")

    origin.look = look
    with pytest.raises(Cancelled):
        origin.listing()
    assert host.paths() == ["/ds/"]
    origin.close()


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
