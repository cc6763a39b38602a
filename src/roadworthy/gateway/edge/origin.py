"""Where a provider is: its address taken apart, its credential, and whether its address may be called."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from roadworthy.gateway.snapshot import ProviderEntry

_CREDENTIAL = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
SECRET_BYTES_MAX = 16 * 1024

# Asked for by no model, and known to hand out the machine's own credentials.
_METADATA = frozenset(
    {
        ipaddress.ip_address("169.254.169.254"),
        ipaddress.ip_address("169.254.170.2"),
        ipaddress.ip_address("100.100.100.200"),
        ipaddress.ip_address("fd00:ec2::254"),
    }
)


class OriginError(Exception):
    """The provider cannot be called as it is declared."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def may_call(address: str, *, allow_private: bool) -> bool:
    """May this address be connected to? Checked on the very address that is then used."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        ip = mapped
    if ip in _METADATA or ip.is_multicast or ip.is_unspecified:
        return False
    return allow_private or ip.is_global


def read_secret(reference: str) -> str:
    """Return the credential that `env:NAME` or `file:PATH` stands for; `OriginError` when it is not there."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        secret = os.environ.get(place, "").strip()
    elif kind == "file":
        try:
            with Path(place).open("rb") as file:
                secret = file.read(SECRET_BYTES_MAX).decode("ascii", "replace").strip()
        except OSError:
            secret = ""
    else:
        secret = ""
    # Never in the message: what was found. A line break inside would be a header of its own.
    if not _CREDENTIAL.fullmatch(secret):
        raise OriginError("provider_secret_missing", f"The credential {kind}:{place} is missing or unusable.")
    return secret


class Origin:
    """A provider's address, ready to be used many times."""

    __slots__ = ("host", "port", "provider", "request_head", "ssl_context")

    def __init__(self, provider: ProviderEntry, ssl_context: ssl.SSLContext) -> None:
        self.provider = provider
        parts = urlsplit(provider.base_url)
        name = f"provider/{provider.name}"
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise OriginError("provider_address_invalid", f"{name} has no usable http(s) address.")
        if not _HOST.fullmatch(parts.hostname) or not parts.path.isascii() or not parts.path.isprintable():
            raise OriginError("provider_address_invalid", f"{name} has no usable http(s) address.")
        secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if secure else 80)
        self.ssl_context = ssl_context if secure else None
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port != (443 if secure else 80):
            host = f"{host}:{self.port}"
        lines = [
            f"POST {parts.path.rstrip('/').replace(' ', '%20')}/chat/completions HTTP/1.1",
            f"host: {host}",
            "content-type: application/json",
            "accept: application/json, text/event-stream",
            "user-agent: roadworthy",
        ]
        if provider.api_key_ref:
            lines.append(f"authorization: Bearer {read_secret(provider.api_key_ref)}")
        self.request_head = "\r\n".join(lines).encode("ascii") + b"\r\ncontent-length: "

    def request(self, body: bytes) -> bytes:
        """Return the whole request."""
        return b"%b%d\r\n\r\n%b" % (self.request_head, len(body), body)
