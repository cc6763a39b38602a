"""Pure: is this host written plainly, and may this address be called? One judge for save and for connect."""

from __future__ import annotations

import ipaddress
import re
from typing import Final, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_LOCAL_SUFFIXES: Final = (
    *(".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp", ".home"),
    *(".localdomain", ".private", ".cluster.local", ".svc"),
)
_METADATA_NAMES: Final = frozenset(
    {
        *("metadata", "metadata.google.internal", "metadata.goog", "instance-data"),
        *("metadata.azure.internal", "instance-data.ec2.internal", "metadata.platformequinix.com"),
        *("metadata.packet.net", "metadata.tencentyun.com"),
    }
)

# Asked for by no model, and known to hand out the machine's own credentials; refused even when a
# private address is declared.
METADATA: Final = frozenset(
    ipaddress.ip_address(one)
    for one in (
        "169.254.169.254",  # AWS, Azure, Google, DigitalOcean, Hetzner, Oracle, OpenStack and others
        "169.254.169.123",  # AWS time, beside it
        "169.254.169.253",  # AWS resolver, beside it
        "169.254.170.2",  # AWS container credentials
        "169.254.170.23",  # AWS pod identity
        "169.254.0.23",  # Tencent
        "169.254.42.42",  # Scaleway
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure's wire server
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",  # AWS pod identity over IPv6
        "fd20:ce::254",  # Google over IPv6
        "fd00:42::42",  # Scaleway over IPv6
        "fe80::a9fe:a9fe",  # OpenStack over IPv6
    )
)

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_TRANSLATED: Final = ipaddress.IPv6Network("::ffff:0:0:0/96")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})
_SHARED: Final = ipaddress.IPv4Network("100.64.0.0/10")


def host_problem(host: str) -> str:
    """Say what is wrong with how a host is written, or return an empty text.

    One spelling per address: what two programs may read differently is refused rather than guessed.
    """
    if not host.isascii():
        return "it holds letters outside ASCII; write the name's `xn--` form"
    if "%" in host:
        return "it holds a percent sign: neither zones nor escapes belong into a provider's address"
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return "it is no IPv6 address"
        return ""
    labels = host.split(".")
    if not labels[-1]:
        return "it ends in a dot"
    if _NUMBER.fullmatch(labels[-1]):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return "it is a number, but not an IPv4 address written as four decimal numbers"
        return ""
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "it is no host name"
    return ""


def inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    number = int(address)
    wrapped = address in _NAT64 or address in _NAT64_LOCAL or address in _TRANSLATED
    compatible = address in _COMPATIBLE and number > 0xFFFF
    if wrapped or compatible or (number >> 32) & 0xFFFFFFFF in _ISATAP:
        return ipaddress.IPv4Address(number & 0xFFFFFFFF)
    return address


def refusal(address: Address, *, allow_private: bool) -> str:
    """Say why an address may not be called, or return an empty text."""
    held = inner(address)
    if address in METADATA or held in METADATA:
        return f"{address} is where cloud machines keep their own credentials"
    if held.is_multicast or held.is_unspecified or address.is_multicast:
        return f"{address} is no machine's address"
    if isinstance(held, ipaddress.IPv4Address) and int(held) == 0xFFFFFFFF:
        return f"{address} is no machine's address"
    if allow_private:
        return ""
    if held.is_loopback:
        return f"{address} is this machine itself"
    if held.is_link_local:
        return f"{address} is link-local, where cloud machines keep their credentials"
    site_local = isinstance(held, ipaddress.IPv6Address) and held in _SITE_LOCAL
    shared = isinstance(held, ipaddress.IPv4Address) and held in _SHARED
    if not held.is_global or held.is_reserved or site_local or shared:
        return f"{address} lies in a private or reserved range"
    return ""


def host_refusal(host: str, *, allow_private: bool) -> str:
    """Say why a host may not be declared, or return an empty text.

    Names are not looked up here: an answer today says nothing about the answer at the call. The gateway
    judges the address that it connects to.
    """
    name = host.strip("[]").rstrip(".").lower()
    if problem := host_problem(host.strip("[]")):
        return f"`{host}` cannot be used: {problem}"
    try:
        return refusal(ipaddress.ip_address(name), allow_private=allow_private)
    except ValueError:
        pass
    if name in _METADATA_NAMES:
        return f"`{name}` is where cloud machines keep their own credentials"
    local = name == "localhost" or name.endswith(_LOCAL_SUFFIXES) or "." not in name
    return f"`{name}` is a name of a local network" if local and not allow_private else ""


def destination(url: str) -> str:
    """Return `scheme://host:port` of an address, as secrets are bound to it; ValueError when it has none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or host_problem(parts.hostname):
        raise ValueError("the address has to begin with http:// or https:// and name a host")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = f"[{ipaddress.IPv6Address(parts.hostname)}]" if ":" in parts.hostname else parts.hostname.lower()
    return f"{parts.scheme}://{host}:{port}"
