"""One request: to the machine that was looked at, gone on with where it broke, and no redirect that was not looked at."""

from __future__ import annotations

import socket
import threading
import time

import numpy as np
import pytest

from alcore.errors import AlcoreError, BadInput, Cancelled, NotFound, Unavailable
from alcore.uploads import https
from alcore.uploads.https import REDIRECTS, TRIES, Client, Lost
from alcore.uploads.reach import Reach, checked
from tests.uploads.serving import TIME, Host

CONTENT = np.random.default_rng(0).bytes(300_000)
NAMED = Reach(allowed=checked(["photos.test"]))


@pytest.fixture
def client():
    made = Client(NAMED, pause=lambda seconds: None)
    yield made
    made.close()


def all_of(got) -> bytes:
    return b"".join(iter(lambda: got.read(10_000), b""))


def test_a_file_comes_with_what_is_known_of_it_over_one_connection(host, client):
    host.files = {"/a%20b.bin": CONTENT, "/empty": b""}
    with client.get(host.at("/a b.bin")) as got:
        assert (got.start, got.size, got.time, got.kind) == (0, len(CONTENT), TIME * 1000, "application/octet-stream")
        assert all_of(got) == CONTENT
    with client.get(host.at("/empty")) as got:
        assert (got.size, all_of(got)) == (0, b"")
    assert {asked[3] for asked in host.asked} == {f"photos.test:{host.port}"}
    assert host.connections == 1


def test_it_goes_on_where_it_was_and_begins_anew_when_the_file_is_another(host, client):
    host.files = {"/a": CONTENT}
    with client.get(host.at("/a")) as got:
        tag = got.tag
    with client.get(host.at("/a"), 100_000, tag) as got:
        assert (got.start, got.size) == (100_000, len(CONTENT))
        assert all_of(got) == CONTENT[100_000:]
    host.files["/a"] = other = CONTENT[::-1]
    with client.get(host.at("/a"), 100_000, tag) as got:
        assert (got.start, got.tag == tag) == (0, False)
        assert all_of(got) == other


def test_what_has_not_changed_does_not_come_again(host, client):
    host.files = {"/a": CONTENT}
    for host.tags in (True, False):
        with client.get(host.at("/a")) as got:
            tag = got.tag
        with client.get(host.at("/a"), known=tag) as got:
            assert got.same
    assert host.paths(304) == ["/a", "/a"]


def test_a_broken_connection_is_told_to_every_reader(host, client):
    host.files, host.breaks = {"/a": CONTENT}, {"/a": 1000}
    come = bytearray()
    with client.get(host.at("/a")) as got, pytest.raises(Lost, match=r"1\.0 kB of 300 kB came"):
        while piece := got.read(10_000):
            come += piece
    assert (bytes(come), got.size) == (CONTENT[:1000], len(CONTENT))
    with client.get(host.at("/a")) as got:
        tag = got.tag
    host.breaks = {"/a": 1000}
    with client.get(host.at("/a"), 100_000, tag) as got, pytest.raises(Lost, match="101 kB of 300 kB came"):
        all_of(got)


def said(*lines: str, body: bytes = b""):
    """What answers with these lines."""
    return lambda to: to.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)


@pytest.mark.parametrize("span", ["bytes 0-8/*", "bytes x-8/9", "", "bytes 0-8/" + "9" * 5000])
def test_a_part_that_nobody_can_place_is_asked_for_whole_once(host, client, span):
    part = said("HTTP/1.1 206 Partial", f"Content-Range: {span}", "Content-Length: 9", body=b"123456789")
    host.played = {"/a": part}
    with pytest.raises(BadInput, match="206"), client.get(host.at("/a"), 5, '"tag"'):
        pass
    assert [wanted for _, wanted, _, _ in host.asked] == ["bytes=5-", ""]


def test_a_range_that_is_refused_is_not_asked_for_again_and_again(host, client):
    host.status = {"/a": [416] * 20}
    for start, asked in ((5, 2), (0, 1)):
        host.asked.clear()
        with pytest.raises(BadInput, match="416"), client.get(host.at("/a"), start, '"tag"'):
            pass
        assert len(host.asked) == asked


def test_nothing_new_is_said_only_to_who_asked_for_it(host, client):
    host.status = {"/a": [304]}
    with pytest.raises(BadInput, match="304"), client.get(host.at("/a")):
        pass


def dripping(to):
    to.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for at in range(100_000):
        to.wfile.write(f"X-{at}: 1\r\n".encode())
        time.sleep(0.005)


def test_a_head_that_does_not_end_is_not_waited_for(host, client, monkeypatch):
    monkeypatch.setattr(https, "HEAD", 0.1)
    host.played = {"/a": dripping}
    with pytest.raises(Unavailable, match="its answer has not begun"), client.get(host.at("/a")):
        pass
    assert len(host.asked) == TRIES


class Stopping:
    """A look that stops from the moment on that it is told to."""

    def __init__(self) -> None:
        self.now = threading.Event()

    def __call__(self) -> None:
        if self.now.is_set():
            raise Cancelled("stop")


def test_it_stops_while_it_waits_reads_or_rests(host, monkeypatch):
    look, over = Stopping(), threading.Event()
    client = Client(NAMED, pause=lambda seconds: look.now.set(), look=look)

    def silent(to):
        look.now.set()
        over.wait(60)

    host.files, host.status, host.played = {"/a": CONTENT}, {"/b": [503]}, {"/c": silent}
    with client.get(host.at("/a")) as got:
        assert got.read(1000)
        look.now.set()
        with pytest.raises(Cancelled):
            all_of(got)
    for path in ("/b", "/c"):
        look.now.clear()
        with pytest.raises(Cancelled), client.get(host.at(path)):
            pass
    over.set()
    client.close()


def test_a_server_that_says_not_now_is_asked_again(host, client):
    host.files, host.status = {"/a": b"x", "/b": b"x"}, {"/a": [503, 429], "/b": [503] * TRIES}
    with client.get(host.at("/a")) as got:
        assert all_of(got) == b"x"
    with pytest.raises(Unavailable, match="503"), client.get(host.at("/b")):
        pass


@pytest.mark.parametrize(
    ("status", "kind", "words"), [(404, NotFound, "nothing at"), (403, BadInput, "not for everybody"), (451, BadInput, "refused")]
)
def test_what_a_server_refuses_is_said_in_words(host, client, status, kind, words):
    host.status = {"/a": [status]}
    with pytest.raises(kind, match=words), client.get(host.at("/a")):
        pass


def test_a_host_that_does_not_prove_to_be_it_is_not_asked(host, client, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(BadInput, match="does not prove that it is that host"), client.get(host.at("/a")):
        pass
    assert host.asked == []


def test_nobody_there_is_told(names, client):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match=r"photos\.test cannot be reached"), client.get(f"https://photos.test:{port}/"):
        pass


# ---- redirects


def test_a_redirect_is_followed(host, client):
    host.files, host.moved = {"/a": b"x"}, {"/old": "/older", "/older": host.at("/a")}
    with client.get(host.at("/old")) as got:
        assert (all_of(got), got.address.text) == (b"x", host.at("/a"))


def test_a_redirect_may_be_signed_and_nothing_of_that_is_said(host, client):
    signed = "/store?X-Amz-Signature=secret-word&token=secret-word"
    host.files, host.moved = {signed: b"x"}, {"/a": signed}
    with client.get(host.at("/a")) as got:
        assert all_of(got) == b"x"
    with pytest.raises(BadInput, match="signature or a key"), client.get(host.at(signed)):
        pass
    for to in (
        *("http://photos.example/a?sig=secret-word", "ftp://u:secret-word@a.example/?sig=secret-word", "https://[x?sig=secret-word"),
        *(
            "https://a.example:99999/?sig=secret-word",
            "https://a.example/" + "x" * 2000 + "?sig=secret-word",
            "s3://Bucket/?sig=secret-word",
        ),
        host.at("/none?sig=secret-word"),
        "https://127.0.0.1/?sig=secret-word",
    ):
        host.moved = {"/a": to}
        with pytest.raises(AlcoreError) as told, client.get(host.at("/a")):
            pass
        assert "secret-word" not in str(told.value)


def test_a_bucket_is_no_host(client):
    with pytest.raises(BadInput, match="s3://photos/a lies in a bucket"), Client(Reach(all_=True)).get("s3://photos/a"):
        pass


@pytest.mark.parametrize(
    "to",
    [
        *(
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::ffff:127.0.0.1]/",
            "https://localhost./",
            "https://other.test/",
        ),
        *("http://169.254.169.254/latest/meta-data/", "http://photos.example/", "file:///etc/passwd", "s3://bucket/a", "//10.0.0.1/a"),
        *("https://photos.test@127.0.0.1/", "https://photos.test\\@127.0.0.1/"),
    ],
)
def test_every_redirect_is_looked_at_anew(host, client, to):
    host.moved = {"/a": to}
    with pytest.raises(BadInput) as told, client.get(host.at("/a")):
        pass
    assert "--remote" in str(told.value) or "sends on to where it may not" in str(told.value)
    assert host.paths() == ["/a"]


def test_redirects_in_a_circle_end(host, client):
    host.moved = {"/a": "/a"}
    with pytest.raises(BadInput, match=f"more than {REDIRECTS} times"), client.get(host.at("/a")):
        pass


def test_the_connection_goes_to_the_address_that_was_looked_at(host, monkeypatch):
    """A name that leads elsewhere at each question: public when it is looked at, inward a moment later."""
    turns = []
    real = socket.getaddrinfo

    def rebinding(name: str, port: int, *args: object, **options: object):
        if name != "rebinding.test":
            return real(name, port, *args, **options)
        turns.append(name)
        ip = "192.0.2.1" if len(turns) == 1 else "127.0.0.1"  # TEST-NET: taken for public here, and nobody is there
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr("alcore.uploads.reach.inward", lambda ip: "" if ip == "192.0.2.1" else "this machine itself")
    gone = []

    class Noted(socket.socket):
        def connect(self, where: object) -> None:
            gone.append(where)
            raise OSError("nobody")

    monkeypatch.setattr("alcore.uploads.https.socket.socket", Noted)
    client = Client(Reach(), pause=lambda seconds: None)
    with pytest.raises(BadInput, match="this machine itself"), client.get(f"https://rebinding.test:{host.port}/"):
        pass
    assert gone == [("192.0.2.1", host.port)]
    assert host.asked == []


def test_http_is_for_hosts_that_were_allowed(names):
    with Host(secure=False) as plain:
        plain.files = {"/a": b"x"}
        with pytest.raises(BadInput, match="can be read and changed on its way"), Client(Reach()).get(plain.at("/a")):
            pass
        assert plain.asked == []
        with Client(NAMED).get(plain.at("/a")) as got:
            assert all_of(got) == b"x"
