"""Which Host and Origin headers are let in: names in every spelling, lists, addresses, proxies."""

from __future__ import annotations

import pytest

from alcore.door.hosts import Names, Place, is_loopback, listed_hosts
from alcore.errors import BadInput


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("localhost", Place("localhost")),
        ("LOCALHOST:8501", Place("localhost", 8501)),
        ("lab.example.", Place("lab.example")),
        ("lab.example:443", Place("lab.example")),
        ("lab.example:80", Place("lab.example")),
        ("127.0.0.1:8501", Place("127.0.0.1", 8501)),
        ("[::1]:8501", Place("::1", 8501)),
        ("[0:0:0:0:0:0:0:1]", Place("::1")),
        ("", None),
        ("[::1", None),
        ("[lab]", None),
        ("a:b:c", None),
        ("localhost:x", None),
        ("localhost:123456", None),
        ("evil.example@localhost", None),
        ("localhost/evil.example", None),
        ("localhost evil.example", None),
        ("localhost,evil.example", None),
        ("löcalhost", None),
    ],
)
def test_a_place_has_one_spelling_and_everything_else_is_none(text, place):
    assert Place.of(text) == place


def test_a_list_of_hosts_takes_names_addresses_ports_and_whole_addresses():
    found = listed_hosts(" lab.example, LAB2.example:8443 ,https://three.example/,::1,[fe80::1]:90,192.168.1.5,*, ")
    assert found == {
        ("lab.example", None),
        ("lab2.example", 8443),
        ("three.example", None),
        ("::1", None),
        ("fe80::1", 90),
        ("192.168.1.5", None),
        ("*", None),
    }
    assert listed_hosts("") == frozenset()


@pytest.mark.parametrize("entry", ["lab.example/alcore", "*.lab.example", "a b", "http://", "lab:port"])
def test_an_entry_that_is_no_host_is_named_with_what_to_write(entry):
    with pytest.raises(BadInput, match=r"^ALCORE_HOSTS: '.*' is no host: write names or addresses like lab\.example, lab\.example:8443"):
        listed_hosts(f"good.example,{entry}")


@pytest.mark.parametrize(
    ("bound", "listed", "host", "passes"),
    [
        ("127.0.0.1", "", "localhost:8501", True),
        ("127.0.0.1", "", "127.0.0.1", True),
        ("127.0.0.1", "", "[::1]:8501", True),
        ("127.0.0.1", "", "evil.example", False),
        ("127.0.0.1", "", "localhost.evil.example", False),
        ("127.0.0.1", "", "192.168.1.5:8501", False),
        ("127.0.0.1", "lab.example, other", "lab.example:8501", True),
        ("127.0.0.1", "lab.example:8443", "lab.example", True),  # a proxy's $host has no port
        ("127.0.0.1", "lab.example", "evil.example", False),
        ("127.0.0.1", "*", "evil.example", True),
        ("192.168.1.5", "", "192.168.1.5:8501", True),
        ("192.168.1.5", "", "192.168.1.6:8501", False),
        ("2001:db8::5", "", "[2001:db8:0::5]:8501", True),
        ("box.example", "", "box.example:8501", True),
        ("Box.example", "", "box.example:8501", True),
        ("0.0.0.0", "", "192.168.1.5:8501", True),
        ("::", "", "[2001:db8::5]:8501", True),
        ("", "", "10.0.0.7", True),
        ("0.0.0.0", "", "evil.example", False),
        ("127.0.0.1", "0.0.0.0", "10.0.0.7", True),
    ],
)
def test_a_host_is_ours_by_loopback_bound_address_and_list(monkeypatch, bound, listed, host, passes):
    monkeypatch.setenv("ALCORE_HOSTS", listed)
    refusal = Names(bound).refusal([host], [])
    assert (refusal is None) == passes
    assert passes or (host in refusal and f"ALCORE_HOSTS={Place.of(host).name}" in refusal)


@pytest.mark.parametrize("hosts", [[], ["localhost", "localhost"], ["localhost", "evil.example"], [""]])
def test_there_is_exactly_one_host(hosts):
    assert Names("127.0.0.1").refusal(hosts, []) == "this server does not answer for the host ''."


@pytest.mark.parametrize(
    ("listed", "host", "origin", "passes"),
    [
        ("", "localhost:8501", "http://localhost:8501", True),
        ("", "localhost:8501", "https://localhost:8501", True),
        ("", "localhost:8501", "http://localhost", False),
        ("", "localhost:8501", "http://127.0.0.1:8501", False),
        ("", "localhost:8501", "http://localhost:8502", False),  # what else runs on this machine is another site
        ("", "localhost:8501", "https://evil.example", False),
        ("", "localhost:8501", "http://localhost:8501.evil.example", False),
        ("", "localhost:8501", "null", False),
        ("", "localhost:8501", "", False),
        ("", "localhost:8501", "ftp://localhost:8501", False),
        ("", "localhost:8501", "file://", False),
        ("lab.example", "lab.example", "https://lab.example", True),
        ("lab.example", "lab.example:443", "https://lab.example", True),
        ("lab.example", "lab.example", "https://lab.example:443", True),
        # a proxy that names itself by our address: the page's own address must be listed, and nobody else's is
        ("", "127.0.0.1:8501", "https://lab.example", False),
        ("lab.example", "127.0.0.1:8501", "https://lab.example", True),
        ("lab.example", "127.0.0.1:8501", "http://lab.example:8080", True),
        ("lab.example:8443", "127.0.0.1:8501", "https://lab.example:8443", True),
        ("lab.example:8443", "127.0.0.1:8501", "https://lab.example:9443", False),
        ("lab.example:443", "127.0.0.1:8501", "https://lab.example", True),
        ("lab.example:443", "127.0.0.1:8501", "https://lab.example:8443", False),
        ("lab.example", "127.0.0.1:8501", "https://evil.example", False),
        ("lab.example", "127.0.0.1:8501", "https://lab.example.evil.example", False),
        ("localhost:9000", "127.0.0.1:8501", "http://localhost:9000", True),
        # a proxy that passes the name on without its port
        ("lab.example", "lab.example", "http://lab.example:8080", True),
        ("*", "127.0.0.1:8501", "https://any.example", True),
    ],
)
def test_an_origin_is_ours_when_it_is_the_host_or_listed(monkeypatch, listed, host, origin, passes):
    monkeypatch.setenv("ALCORE_HOSTS", listed)
    refusal = Names("127.0.0.1").refusal([host], [origin])
    assert (refusal is None) == passes


def test_a_page_of_a_wildcard_bind_is_not_ours_by_its_number(monkeypatch):
    monkeypatch.delenv("ALCORE_HOSTS", raising=False)
    assert "ALCORE_HOSTS=192.168.1.6:8501" in Names("0.0.0.0").refusal(["192.168.1.5:8501"], ["http://192.168.1.6:8501"])


def test_the_refusal_of_a_page_names_both_addresses_and_the_very_setting(monkeypatch):
    monkeypatch.delenv("ALCORE_HOSTS", raising=False)
    sentence = Names("127.0.0.1").refusal(["127.0.0.1:8501"], ["http://[fd00::7]:9000"])
    assert sentence == (
        "the request comes from a page of '[fd00::7]:9000', and this server is called '127.0.0.1:8501'. If that page is this server behind a "
        "proxy, pass the browser's Host on, or start alcore with ALCORE_HOSTS=[fd00::7]:9000"
    )
    monkeypatch.setenv("ALCORE_HOSTS", "[fd00::7]:9000")
    assert Names("127.0.0.1").refusal(["127.0.0.1:8501"], ["http://[fd00::7]:9000"]) is None


@pytest.mark.parametrize(("name", "is_so"), [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("", False), ("192.168.1.5", False), ("box.example", False)])  # fmt: skip
def test_loopback_is_told_from_the_rest(name, is_so):
    assert is_loopback(name) == is_so
