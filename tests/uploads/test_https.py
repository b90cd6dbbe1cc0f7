"""One request: to the machine that was looked at, gone on with where it broke, and no redirect that was not looked at."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from alcore.errors import BadInput, NotFound, Unavailable
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


def test_a_broken_connection_is_told(host, client):
    host.files, host.breaks = {"/a": CONTENT}, {"/a": 1000}
    come = 0
    with client.get(host.at("/a")) as got:
        try:
            while piece := got.read(10_000):
                come += len(piece)
        except Lost:
            pass
    assert (come, got.size) == (1000, len(CONTENT))


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
