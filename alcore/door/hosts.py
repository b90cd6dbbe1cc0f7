"""By which names this server may be called, and which pages may talk to it: the rules for the headers Host and Origin. No HTTP library."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from alcore.errors import BadInput

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WILDCARDS = frozenset({"", "0.0.0.0", "::", "*"})  # bound to every address of the machine
_PLACE = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class Place:
    """A name or address, in one spelling, and the port that stands behind it. The ports 80 and 443 are as good as none."""

    name: str
    port: int | None = None

    @classmethod
    def of(cls, text: str) -> Place | None:
        """The place of a Host header or of an Origin without its scheme; None for anything else."""
        found = _PLACE.fullmatch(text.lower())
        if found is None:
            return None
        port = int(found["port"]) if found["port"] else None
        address = _address(found["six"] or found["name"])
        if found["six"] and (address is None or address.version != 6):
            return None
        return cls(str(address or found["name"].removesuffix(".")), None if port in (80, 443) else port)

    @property
    def is_address(self) -> bool:
        return _address(self.name) is not None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(name: str) -> bool:
    """True for an address that only this machine reaches, and for `localhost`."""
    address = _address(name)
    return name.lower() == "localhost" or bool(address and address.is_loopback)


@lru_cache(maxsize=8)
def listed_hosts(text: str) -> frozenset[tuple[str, int | None]]:
    """The (name, port) of a list like that of ALCORE_HOSTS, comma separated; without a port every port is meant, "*" is every name.

    Raises:
        BadInput: an entry is neither a name nor an address.
    """
    found = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        bare = re.sub(r"^https?://", "", entry.lower()).removesuffix("/")
        address = _address(bare)
        place = Place(str(address)) if address else Place("*") if bare == "*" else Place.of(bare)
        if place is None:
            raise BadInput(
                f"ALCORE_HOSTS: {entry!r} is no host: write names or addresses like lab.example, lab.example:8443 or 192.168.1.5"
            )
        spelled = re.search(r"[^:]:([0-9]{1,5})$", bare) if not address else None
        found.add((place.name, int(spelled[1]) if spelled else None))
    return frozenset(found)


class Names:
    """By which names this server may be called, and which pages may talk to it.

    Args:
        bound: the address it is bound to; the loopback names and those of ALCORE_HOSTS are always ours.
    """

    def __init__(self, bound: str) -> None:
        self.bound = bound
        self._own = LOOPBACK | ({place.name} if (place := Place.of(bound)) else {str(_address(bound) or bound)})

    def refusal(self, hosts: Sequence[str], origins: Sequence[str]) -> str | None:
        """Why a request with these Host and Origin headers may not pass, with the cure; None when it may."""
        named = hosts[0] if len(hosts) == 1 else ""
        host = Place.of(named)
        if host is None or not self._answers_for(host):
            cure = f" If it is this server's name, name it in ALCORE_HOSTS: ALCORE_HOSTS={host.name}" if host else ""
            return f"this server does not answer for the host {named[:100]!r}.{cure}"
        if not origins:  # not a browser, or a GET of our own page
            return None
        origin = _page(origins[0]) if len(origins) == 1 else None
        if origin is not None and (origin == host or self._lists(origin)):
            return None
        if origin is None:
            return f"the request comes from a page of another site ({origins[0][:100]!r}); open this server's own address instead"
        shown = f"[{origin.name}]" if ":" in origin.name else origin.name
        page = shown if origin.port is None else f"{shown}:{origin.port}"
        return (
            f"the request comes from a page of {page!r}, and this server is called {named[:100]!r}. If that page is this server behind a "
            f"proxy, pass the browser's Host on, or start alcore with ALCORE_HOSTS={page}"
        )

    def _answers_for(self, host: Place) -> bool:
        listed = {name for name, _ in _listed()}
        every_address = self.bound in WILDCARDS or bool(listed & WILDCARDS)
        return host.name in self._own or host.name in listed or "*" in listed or (every_address and host.is_address)

    def _lists(self, origin: Place) -> bool:
        """Named by the owner. A proxy may have changed Host, which then says nothing of the page; the Origin is the browser's own word."""
        return any(
            name == "*" or (name == origin.name and (port is None or Place(name, None if port in (80, 443) else port) == origin))
            for name, port in _listed()
        )


def _listed() -> frozenset[tuple[str, int | None]]:
    return listed_hosts(os.environ.get("ALCORE_HOSTS", ""))


def _page(origin: str) -> Place | None:
    scheme, _, place = origin.partition("://")
    return Place.of(place) if scheme.lower() in ("http", "https") else None
