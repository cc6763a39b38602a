"""Whether a provider may be declared at its address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.foundation.errors import Issue
from roadworthy.models.kinds import Provider
from roadworthy.registry.slice import Proposal

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx

_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa", ".lan")


def private_reason(host: str) -> str:
    """Say why a host lies inside a private network, or return an empty text.

    Names are not looked up here: an answer today says nothing about the answer at the call. The gateway
    judges the address it connects to.
    """
    name = host.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(_as_address(name))
    except ValueError:
        if name == "localhost" or name.endswith(_LOCAL_SUFFIXES) or "." not in name:
            return f"`{name}` is a name of a local network"
        return ""
    address = _inner(address)
    if address.is_loopback:
        return f"{address} is this machine itself"
    if address.is_link_local:
        return f"{address} is link-local, where cloud machines keep their credentials"
    if not address.is_global or address.is_multicast:
        return f"{address} lies in a private or reserved range"
    return ""


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _inner(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Unwrap the spellings of an IPv4 address inside an IPv6 one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _as_address(name: str) -> str | int:
    """Read the old spellings that some resolvers still take: 2130706433, 0x7f000001, 127.1."""
    parts = name.split(".")
    try:
        numbers = [int(part, 0 if part.startswith("0x") else 8 if part[:1] == "0" and len(part) > 1 else 10)
                   for part in parts]  # fmt: skip
    except ValueError:
        return name
    if len(parts) > 4 or any(number < 0 for number in numbers):
        return name
    value = 0
    for number in numbers[:-1]:
        if number > 255:
            return name
        value = value * 256 + number
    rest = 4 - len(numbers) + 1
    return value * 256**rest + numbers[-1] if numbers[-1] < 256**rest else name


def check_provider(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a private address that was not declared as one."""
    if proposal.after is None or not isinstance(proposal.after.spec, Provider):
        return
    spec = proposal.after.spec
    reason = private_reason(urlsplit(spec.base_url).hostname or "")
    if reason and not spec.allow_private:
        yield Issue(
            f"The provider's address may not be used: {reason}.",
            "If the provider really runs there, say so with `allow_private: true`.",
            "spec.base_url",
        )
