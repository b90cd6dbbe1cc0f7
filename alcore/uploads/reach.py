"""Addresses that files are fetched from: which of them a page may name, and which machine each leads to.

A page could else make the server ask machines that only the server reaches: its own ports, its network, the credentials of a cloud. So what
a name resolves to is looked at before anything is sent, and the connection goes to the very address that was looked at (`https.Client`).
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

from alcore.errors import BadInput, Unavailable
from alcore.naming import printable
from alcore.uploads.roots import Roots

VARIABLE = "ALCORE_REMOTE"
S3, HTTPS, HTTP = "s3", "https", "http"
LONGEST = 2_000  # characters of an address
PORTS = {HTTPS: 443, HTTP: 80}
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SIGNED = {
    *("x-amz-signature", "x-amz-credential", "x-amz-security-token", "x-goog-signature", "x-goog-credential", "signature", "sig"),
    *("token", "access_token", "auth", "apikey", "api_key", "password"),
}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# what Python does not count as reserved in every version that is used here, and a cloud's own server at an address that looks public
_KEPT = [
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4", "168.63.129.16/32"),
        *("64:ff9b:1::/48", "100::/64", "2001::/23", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
]

IP = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_address(text: str | Path) -> bool:
    """True for what names something elsewhere (s3://…, https://…) and no file of this machine."""
    return isinstance(text, str) and bool(_ADDRESS.match(text))


@dataclass(frozen=True)
class Address:
    """An address taken apart.

    Attributes:
        host: lower case, ASCII, without a dot at its end; of s3 the bucket.
        path: as it is sent, with the query; of s3 the key's beginning, as it is.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def text(self) -> str:
        """As people write it."""
        if self.scheme == S3:
            return f"s3://{self.host}/{self.path}".rstrip("/") + ("/" if self.path.endswith("/") else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{'' if self.port == PORTS[self.scheme] else f':{self.port}'}{self.path}"


def shown(text: str) -> str:
    """As much of an address as may be said and written down: without what may be secret, its query and what stands before an @."""
    bare = re.split(r"[?#]", text.strip(), maxsplit=1)[0]
    begin, mark, rest = bare.partition("//")
    where, slash, path = rest.partition("/")
    if "@" in text and re.search(r":(?!\d*$)", where.rpartition("@")[2].rpartition("]")[2]):
        return printable(f"{begin}{mark}…")[:80]  # what looks like a host is a name and the beginning of a password
    return printable(f"{begin}{mark}{where.rpartition('@')[2]}{slash}{path}")[:80]


def parsed(text: str, kept: bool = True) -> Address:
    """The parts of an address, read in one way only.

    Args:
        kept: it will be, as what somebody typed or a table lists is; False for where a server sends on to, which is asked and forgotten.

    Raises:
        BadInput: it is none, is of a kind that is not fetched, holds a name or a password, or a signature that would be kept with it.
    """
    bare = text.strip()
    told = shown(bare)
    if len(bare) > LONGEST or not bare.isprintable() or "\\" in bare:
        raise BadInput(f"{told!r} cannot be an address: it is too long, or has signs that addresses have not")
    scheme = bare.partition("://")[0].lower()
    if scheme == S3:
        return _bucket(bare[len("s3://") :], told)
    if scheme not in PORTS:
        raise BadInput(f"{told!r} cannot be fetched: give an address that begins with https:// or s3://, or fetch it yourself")
    try:
        parts = urlsplit(bare)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        raise BadInput(f"{told!r} cannot be an address: its host or its port cannot be read") from None
    if "@" in parts.netloc:
        # what is before an @ is a name and a password, however much it looks like a host; it may be secret, so it is not said again
        raise BadInput(
            f"an address with a name or a password in it is not taken ({scheme}://…@{host[:60]}): it would be kept. Fetch it yourself"
        )
    if not host or port == 0 or re.search(r"[\s%/?#@<>^|]", host):
        raise BadInput(f"{told!r} cannot be an address: its host or its port cannot be read")
    if kept and {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & _SIGNED:
        raise BadInput(
            f"{scheme}://{host[:80]}/… has a signature or a key in it, which would be kept: fetch it yourself, or name the bucket (s3://…)"
        )
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
        f"?{quote(parts.query, safe='%/?:@!$&()*+,;=~-._')}" if parts.query else ""
    )
    return Address(scheme, host.lower(), port or PORTS[scheme], path)


def _bucket(rest: str, told: str) -> Address:
    bucket, _, key = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise BadInput(f"{told!r} cannot be fetched: a bucket has 3 to 63 small letters, digits, dots, dashes, as in s3://bucket/folder")
    return Address(S3, bucket, 0, key)


class Reach:
    """What may be fetched.

    Args:
        all_: everything may, as for whoever works at the command line.
        allowed: hosts (`lab.example`, `lab.example:8443`) that may be anywhere and may speak http, and buckets (`s3://bucket/folder`).
        buckets: every bucket may be read with the credentials that the server has.
    """

    def __init__(self, all_: bool = False, allowed: Iterable[str] = (), buckets: bool = False) -> None:
        self.all = all_
        self.allowed = tuple(allowed)
        self.buckets = buckets

    @classmethod
    def of_pages(cls, home: Path) -> Reach:
        """As ALCORE_REMOTE says, with commas. Where every folder may be read, the server is one's own, and so are its buckets."""
        return cls(False, allowed(), Roots.of(home).open)

    def check(self, text: str, kept: bool = True) -> Address:
        """The address, if it may be fetched as far as can be told without asking anybody; `kept` as of `parsed`. Raises BadInput with a
        sentence."""
        address = parsed(text, kept)
        if self.all:
            return address
        if address.scheme == S3:
            if not (self.buckets or any(_within(address, one) for one in self.allowed if one.startswith("s3://"))):
                raise BadInput(
                    f"the bucket {address.host!r} is read with this server's own rights, so pages may not choose it: "
                    f"whoever runs the server allows it with --remote s3://{address.host}"
                )
        elif address.scheme == HTTP and not self.allows(address):
            raise BadInput(f"http://{address.host[:80]}/… can be read and changed on its way: use https://, or let whoever runs the server "
                           f"allow it with --remote {address.host[:80]}")  # fmt: skip
        return address

    def allows(self, address: Address) -> bool:
        """Whether its host was named by whoever runs the server."""
        host = f"[{address.host}]" if ":" in address.host else address.host
        return self.all or host in self.allowed or f"{host}:{address.port}" in self.allowed

    def machines(self, address: Address) -> Sequence[tuple[int, tuple[object, ...]]]:
        """(family, socket address) of each machine that the address leads to; connect to one of these and to nothing else.

        Raises:
            BadInput: one of them is this machine, in its network, or no machine at all.
            Unavailable: nothing has that name.
        """
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise Unavailable(f"there is no host {address.host[:80]!r}, or no network: look at the address, or try again") from None
        for _, _, _, _, where in found:
            if not self.allows(address) and (what := inward(str(where[0]))):
                raise BadInput(
                    f"{address.host[:80]} leads to {what}, where pages may fetch nothing: upload the files, or let whoever runs the server "
                    f"allow it with --remote {address.host[:80]}"
                )
        return [(family, where) for family, _, _, _, where in found]


def inward(ip: str) -> str:
    """What an address is that only this machine or its network reaches, or none does; "" for one that everybody reaches."""
    for one in _meant(ipaddress.ip_address(ip.partition("%")[0])):
        for is_one, words in (
            (one.is_unspecified, "no machine (the unspecified address)"),
            (one.is_loopback, "this machine itself (a loopback address)"),
            (one.is_link_local, "a link-local address, as clouds keep credentials at"),
            (one.is_multicast, "a multicast address"),
            (one.is_private, "a private network"),
            (one.is_reserved or not one.is_global or any(one in net for net in _KEPT), "a reserved address"),
        ):
            if is_one:
                return words
    return ""


def _meant(ip: IP) -> Iterator[IP]:
    """The address, or the older one that is meant by it."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped or ip.sixtofour or ip in _NAT64:
            yield ip.ipv4_mapped or ip.sixtofour or ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
            return
        if ip.teredo:
            yield ip.teredo[1]
    yield ip


def allowed() -> tuple[str, ...]:
    """What ALCORE_REMOTE allows. Raises BadInput for what cannot be meant."""
    return checked(part for part in os.environ.get(VARIABLE, "").split(",") if part.strip())


def checked(given: Iterable[str]) -> tuple[str, ...]:
    """What --remote allows, one each, in small letters. Raises BadInput for what is neither a host nor a bucket."""
    made = []
    for one in (part.strip() for part in given):
        if one.lower().startswith("s3://"):
            made.append(parsed(one).text.rstrip("/"))
            continue
        if "://" in one or "/" in one:
            raise BadInput(f"--remote {one[:80]}: name a host (lab.example or lab.example:8443) or a bucket (s3://bucket)")
        address = parsed(f"https://{one}")
        host = f"[{address.host}]" if ":" in address.host else address.host
        made.append(host if urlsplit(f"https://{one}").port is None else f"{host}:{address.port}")
    return tuple(made)


def _within(address: Address, allowed: str) -> bool:
    own = parsed(allowed)
    return address.host == own.host and (not own.path or address.path == own.path or address.path.startswith(f"{own.path.rstrip('/')}/"))
