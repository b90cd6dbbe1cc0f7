"""Addresses: what may be fetched, whatever it is written as, and where it really leads."""

from __future__ import annotations

import socket

import pytest

from alcore.errors import AlcoreError, BadInput, Unavailable
from alcore.uploads.reach import VARIABLE, Reach, checked, inward, is_address, parsed, shown

PAGES = Reach()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://a.example/x", True),
        ("s3://bucket", True),
        (" S3://b", True),
        ("file:///etc", True),
        ("/data/a://b", False),
        ("C:\\photos", False),
        ("photos", False),
    ],
)
def test_an_address_is_told_from_a_path(text, is_one):
    assert is_address(text) == is_one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://Photos.Example./a b/ü.zip?x=1#top", "https://photos.example/a%20b/%C3%BC.zip?x=1"),
        ("https://photos.example", "https://photos.example/"),
        ("https://photos.example:443/%41", "https://photos.example/%41"),
        ("https://photos.example:8443/", "https://photos.example:8443/"),
        ("http://[2606:4700::1111]:80/a", "http://[2606:4700::1111]/a"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("s3://photos-2026/train/a b.jpg", "s3://photos-2026/train/a b.jpg"),
        ("s3://photos-2026/train/", "s3://photos-2026/train/"),
        ("S3://photos-2026", "s3://photos-2026"),
    ],
)
def test_an_address_is_read_in_one_way(text, said):
    assert parsed(text).text == said
    assert parsed(said).text == said


@pytest.mark.parametrize(
    "text",
    [
        *("file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "data://x", "https://", "https:///x", "https://a.example:0/"),
        *(
            "https://a.example:99999/",
            "https://a.example:x/",
            "https://a\\b.example/",
            "https://a b.example/",
            "https://a.example/\r\nHost: b",
        ),
        *("https://a%00.example/", "https://[::1", "https://good.example@127.0.0.1/", "https://user:secret@photos.example/"),
        *("https://photos.example\\@127.0.0.1/", "https://a.example/?X-Amz-Signature=1", "https://a.example/x?sig=abc&y=1"),
        *(
            "s3://Bucket/x",
            "s3://",
            "s3://a",
            "s3://b_c/x",
            "s3://user:key@bucket/x",
            "s3://169.254.169.254:80/x",
            f"https://a.example/{'x' * 3000}",
        ),
    ],
)
def test_what_cannot_be_meant_or_would_keep_a_secret_is_refused_in_a_sentence(text):
    for reach in (PAGES, Reach(all_=True)):
        with pytest.raises(BadInput) as told:
            reach.check(text)
        assert "secret" not in str(told.value)
        assert "\n" not in str(told.value)


INWARD = [
    *("127.0.0.1", "127.1", "127.255.0.3", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0", "0.0.0.0"),
    *(
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
    ),
    *("198.18.0.1", "192.0.0.8", "240.0.0.1", "168.63.129.16", "localhost", "localhost.", "LOCALHOST"),
    *(
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fc00::1]",
        "[fd12::1]",
        "[ff02::1]",
    ),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:db8::1]", "[fec0::1]", "[::127.0.0.1]", "[64:ff9b:1::1]"),
]


@pytest.mark.parametrize("host", INWARD)
def test_pages_reach_neither_this_machine_nor_its_network_however_it_is_written(host):
    try:
        address = PAGES.check(f"https://{host}/x")
    except BadInput:  # some are no hosts to begin with
        return
    with pytest.raises(BadInput, match=r"where pages may fetch nothing.*--remote"):
        PAGES.machines(address)


@pytest.mark.parametrize(
    "ip", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]
)
def test_public_addresses_are_reached(ip):
    assert inward(ip) == ""


def test_one_inward_address_among_public_ones_is_enough(monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(BadInput, match="a private network"):
        PAGES.machines(PAGES.check("https://two.example/"))
    allowed = Reach(allowed=checked(["two.example"]))
    assert [where for _, where in allowed.machines(allowed.check("https://two.example/"))] == [("8.8.8.8", 443), ("10.0.0.1", 443)]


def test_a_name_that_nothing_has_is_told(monkeypatch):
    def nothing(*_: object, **__: object) -> None:
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(Unavailable, match="there is no host 'nobody.example'"):
        PAGES.machines(PAGES.check("https://nobody.example/"))


@pytest.mark.parametrize(
    ("allowed", "text", "may"),
    [
        ([], "http://photos.example/", False),
        (["photos.example"], "http://photos.example/", True),
        (["photos.example"], "http://photos.example:8080/", True),
        (["photos.example:8080"], "http://photos.example:8080/", True),
        (["photos.example:8080"], "http://photos.example/", False),
        (["Photos.Example."], "http://photos.example/", True),
        (["photos.example"], "http://photos.example.evil.example/", False),
        (["[::1]:80"], "http://[::1]/", True),
        ([], "s3://photos/train", False),
        (["s3://photos"], "s3://photos/train", True),
        (["s3://photos/train"], "s3://photos/train", True),
        (["s3://photos/train/"], "s3://photos/train/a", True),
        (["s3://photos/train"], "s3://photos/training", False),
        (["s3://photos/train"], "s3://photos", False),
    ],
)
def test_whoever_runs_the_server_allows_hosts_and_buckets(allowed, text, may):
    reach = Reach(allowed=checked(allowed))
    if may:
        assert reach.check(text).text.startswith(text[:7])
    else:
        with pytest.raises(BadInput, match="--remote"):
            reach.check(text)


@pytest.mark.parametrize("given", ["https://a.example", "a.example/x", "a b", "", "s3://x"])
def test_what_is_neither_host_nor_bucket_cannot_be_allowed(given):
    with pytest.raises(AlcoreError):
        checked([given])


def test_pages_go_by_the_environment_and_read_buckets_where_the_server_is_ones_own(home, monkeypatch):
    monkeypatch.setenv("ALCORE_DATA_ROOTS", "")
    monkeypatch.setenv(VARIABLE, "lab.example:8443, s3://photos/train")
    reach = Reach.of_pages(home)
    assert reach.allowed == ("lab.example:8443", "s3://photos/train")
    assert reach.check("http://lab.example:8443/a").port == 8443
    with pytest.raises(BadInput):
        reach.check("s3://other")
    monkeypatch.delenv("ALCORE_DATA_ROOTS")
    assert Reach.of_pages(home).check("s3://other").host == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://a.example:8443/x/@scope/1.jpg?sig=secret#secret", "https://a.example:8443/x/@scope/1.jpg"),
        ("https://me:secret@a.example/x", "https://a.example/x"),
        *((f"https://me:sec{mark}ret@a.example/x", "https://…") for mark in "/?#"),
        ("http://[::1]:80/@a?secret", "http://[::1]:80/@a"),
        ("https://a.example:x/1.jpg", "https://a.example:x/1.jpg"),
        ("a.jpg?secret", "a.jpg"),
    ],
)
def test_nothing_secret_of_an_address_is_shown(text, said):
    assert shown(text) == said


def test_where_a_server_sends_on_to_may_be_signed():
    signed = "https://a.example/x?X-Amz-Signature=1&token=2"
    assert parsed(signed, kept=False).path == "/x?X-Amz-Signature=1&token=2"
    for reach in (Reach(), Reach(all_=True)):
        assert reach.check(signed, kept=False).host == "a.example"
        with pytest.raises(BadInput, match="a signature or a key"):
            reach.check(signed)
    with pytest.raises(BadInput, match="a name or a password"):
        parsed("https://me:x@a.example/", kept=False)
