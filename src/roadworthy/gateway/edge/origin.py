"""Where a provider is: its address taken apart, the head of its requests, and whether it may be called."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from roadworthy.gateway.edge.credentials import Credentials, OriginError
from roadworthy.gateway.edge.sigv4 import AwsCredential, Signer
from roadworthy.gateway.snapshot import ProviderEntry
from roadworthy.models.address import host_problem, refusal

__all__ = ["Origin", "OriginError", "may_call"]

_HEADER = re.compile(r"[a-z0-9][a-z0-9-]*")
_AWS_KEY = re.compile(r"([A-Z0-9]{16,128}):([\x21-\x39\x3b-\x7e]{16,256})(?::([\x21-\x7e]{16,8192}))?")
_ANTHROPIC_VERSION = "2023-06-01"
_PATHS_KEPT = 256


def may_call(address: str, *, allow_private: bool) -> bool:
    """May this address be connected to? Checked on the very address that is then used."""
    return not refusal(ipaddress.ip_address(address.partition("%")[0]), allow_private=allow_private)


class _AwsJson(msgspec.Struct):
    AccessKeyId: str
    SecretAccessKey: str
    SessionToken: str = ""


def aws_credential(secret: str) -> AwsCredential | None:
    """Read an AWS access key (`ID:SECRET`, `ID:SECRET:TOKEN` or its JSON); None for a Bedrock API key."""
    if secret.startswith("{"):
        try:
            found = msgspec.json.decode(secret, type=_AwsJson)
        except (msgspec.DecodeError, ValueError):
            raise OriginError("provider_secret_missing", "The credential is no AWS access key.") from None
        return AwsCredential(found.AccessKeyId, found.SecretAccessKey, found.SessionToken)
    if match := _AWS_KEY.fullmatch(secret):
        return AwsCredential(match[1], match[2], match[3] or "")
    return None


def _auth_lines(provider: ProviderEntry, secret: str) -> list[str]:
    lines = []
    if provider.dialect == "anthropic":
        lines.append(f"anthropic-version: {provider.api_version or _ANTHROPIC_VERSION}")
    if secret:
        name = {
            "anthropic": "x-api-key: ",
            "azure-openai": "api-key: ",
            "azure-openai-chat": "api-key: ",
            "gemini": "x-goog-api-key: ",
        }
        lines.append(name.get(provider.dialect, "authorization: Bearer ") + secret)
    return lines


class Origin:
    """A provider's address, ready to be used many times."""

    __slots__ = (
        *("good_until_s", "host", "port", "provider", "request_head", "ssl_context"),
        *("_authority", "_base", "_lines", "_query", "_secrets", "_signed", "_signer"),
    )

    def __init__(
        self,
        provider: ProviderEntry,
        ssl_context: ssl.SSLContext,
        credentials: Credentials | None = None,
    ) -> None:
        self.provider = provider
        name = f"provider/{provider.name}"
        try:
            parts = urlsplit(provider.base_url)
            port = parts.port
        except ValueError:
            raise OriginError("provider_address_invalid", f"{name} has no usable http(s) address.") from None
        usable = (
            parts.scheme in {"http", "https"}
            and parts.hostname
            and "@" not in parts.netloc
            and not host_problem(parts.hostname)
            and parts.path.isascii()
            and parts.path.isprintable()
            and not parts.query
        )
        if not usable or not parts.hostname:
            raise OriginError("provider_address_invalid", f"{name} has no usable http(s) address.")
        secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = port or (443 if secure else 80)
        self.ssl_context = ssl_context if secure else None
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port != (443 if secure else 80):
            host = f"{host}:{self.port}"
        self._authority = host
        self._base = parts.path.rstrip("/").replace(" ", "%20")
        self._query = f"api-version={provider.api_version}" if provider.dialect.startswith("azure") else ""
        self._lines: dict[str, bytes] = {}
        held = (credentials or Credentials()).read(provider)
        self.good_until_s = held.good_until_s
        self._arm(provider, held.value)

    def _arm(self, provider: ProviderEntry, secret: str) -> None:
        """Put together what every request says, and what signs it."""
        self._signer: Signer | None = None
        self._signed: tuple[tuple[str, str], ...] = ()
        lines = [
            f"host: {self._authority}",
            "content-type: application/json",
            # What is not said plainly could be compressed, or in another framing than we read.
            "accept: application/json, text/event-stream, application/vnd.amazon.eventstream"
            if provider.dialect == "bedrock"
            else "accept: application/json, text/event-stream",
            "user-agent: roadworthy",
        ]
        for header, value in provider.headers.items():
            if _HEADER.fullmatch(header) and value.isascii() and value.isprintable():
                lines.append(f"{header}: {value}")
        self._secrets: tuple[bytes, ...] = (secret.encode("ascii"),) if secret else ()
        aws = aws_credential(secret) if provider.dialect == "bedrock" and secret else None
        if aws is None:
            lines.extend(_auth_lines(provider, secret))
        else:
            self._signer = Signer(aws, region=provider.region, service="bedrock")
            self._signed = (("content-type", "application/json"), ("host", self._authority))
            self._secrets = tuple(
                one.encode("ascii") for one in (aws.secret_access_key, aws.session_token) if one
            )
            if aws.session_token:
                self._signed = (*self._signed, ("x-amz-security-token", aws.session_token))
                lines.append(f"x-amz-security-token: {aws.session_token}")
        self.request_head = "\r\n".join(lines).encode("ascii") + b"\r\n"

    def request(self, path: str, body: bytes, *, at: float) -> bytes:
        """Return the whole request for what lies at `path` (query included) below the provider's address.

        `at` is in Unix seconds, for signatures.
        """
        line = self._lines.get(path)
        if line is None:
            line = self._request_line(path)
        if self._signer is None:
            return b"%b%bcontent-length: %d\r\n\r\n%b" % (line, self.request_head, len(body), body)
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
        target = line[5:-11].decode("ascii")  # between "POST " and " HTTP/1.1\r\n"
        digest = hashlib.sha256(body).hexdigest()
        signed = (*self._signed, ("x-amz-content-sha256", digest), ("x-amz-date", stamp))
        said = self._signer.authorization("POST", target, signed, digest, at=stamp)
        dated = f"x-amz-date: {stamp}\r\nx-amz-content-sha256: {digest}\r\nauthorization: {said}\r\n"
        return b"%b%b%bcontent-length: %d\r\n\r\n%b" % (
            line,
            self.request_head,
            dated.encode("ascii"),
            len(body),
            body,
        )

    def scrub(self, said: bytes) -> bytes:
        """Take the credential out of a provider's error: some repeat it, and errors reach callers."""
        for secret in self._secrets:
            said = said.replace(secret, b"[credential]")
        return said

    def _request_line(self, path: str) -> bytes:
        """Check a path once and keep its line: paths come from declarations, so there are few."""
        if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
            raise OriginError("provider_address_invalid", "The path of the request cannot be used.")
        target = self._base + path
        if self._query:
            target = f"{target}{'&' if '?' in target else '?'}{self._query}"
        line = f"POST {target} HTTP/1.1\r\n".encode("ascii")
        if len(self._lines) >= _PATHS_KEPT:
            self._lines.clear()
        self._lines[path] = line
        return line
