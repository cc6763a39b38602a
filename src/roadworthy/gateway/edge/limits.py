"""Pure: what a request may look like; anything else is refused before it is understood."""

from __future__ import annotations

import re

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes, times in seconds."""

    request_line_bytes: int = 8 * 1024
    header_bytes: int = 32 * 1024
    header_fields: int = 100
    body_bytes: int = 10 * 1024 * 1024
    header_s: float = 10.0
    body_bytes_per_s: int = 1024
    body_grace_s: float = 10.0
    keep_alive_s: float = 75.0
    stalled_reader_s: float = 60.0
    pipelined: int = 8
    """Requests that wait behind the one being answered, and the bytes of their bodies."""
    pipelined_bytes: int = 1024 * 1024
    connections: int = 10_000
    bodies_bytes: int = 512 * 1024 * 1024
    """All bodies that are still arriving, together: nobody has shown a key yet."""
    strangers_per_s: float = 20.0
    """Answers "unknown key" for one address; then they are 429 and the connection ends."""


class BadRequestError(Exception):
    """The request cannot be accepted; the connection is closed after the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def valid_host(host: bytes) -> bool:
    """Is it a name or address, with or without a port, and nothing else?"""
    return _HOST.fullmatch(host) is not None


# Given twice, these could mean one thing to us and another to whoever stands before or behind us.
_ONCE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"expect",
        b"host",
        b"transfer-encoding",
        b"x-api-key",
        b"x-roadworthy-cohort",
        b"x-roadworthy-task",
        b"x-roadworthy-use-case",
    }
)


class Head:
    """A request's head as it arrives, field by field."""

    __slots__ = ("_bytes", "_fields", "_limits", "headers", "url")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._bytes = 0
        self._fields = 0
        self.url = b""
        self.headers: dict[bytes, bytes] = {}

    def add_url(self, part: bytes) -> None:
        """Take a part of the request's target."""
        self.url += part
        if len(self.url) + 14 > self._limits.request_line_bytes:  # + "POST " and " HTTP/1.1"
            raise BadRequestError(414, "request_line_too_long", "The request line is longer than 8 KiB.")

    def add(self, name: bytes, value: bytes) -> None:
        """Take a field."""
        self._fields += 1
        self._bytes += len(name) + len(value) + 4  # ": " and CRLF
        if self._fields > self._limits.header_fields or self._bytes > self._limits.header_bytes:
            raise BadRequestError(431, "headers_too_large", "The headers exceed 100 fields or 32 KiB.")
        name = name.lower()
        if name in self.headers and name in _ONCE:
            raise BadRequestError(
                400, "duplicate_header", f"The header {name.decode('latin-1')} is given twice."
            )
        self.headers[name] = value

    def check(self, version: str) -> int:
        """Check the whole head; return the announced length of the body, -1 when it comes in chunks."""
        headers = self.headers
        if version not in {"1.1", "1.0"}:
            raise BadRequestError(505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        host = headers.get(b"host")
        if host is None and version == "1.1":
            raise BadRequestError(400, "host_missing", "The Host header is missing.")
        if host is not None and not valid_host(host):
            raise BadRequestError(400, "host_invalid", "The Host header is not a host and port.")
        if not self.url.startswith(b"/"):
            raise BadRequestError(400, "target_invalid", "The request's target must be a path.")
        if b"upgrade" in headers:
            raise BadRequestError(
                400, "upgrade_refused", "Only HTTP/1.1 is spoken here; have the client not offer an upgrade."
            )
        encoding = headers.get(b"content-encoding")
        if encoding is not None and encoding.strip().lower() != b"identity":
            raise BadRequestError(415, "encoding_refused", "Compressed request bodies are not accepted.")
        expect = headers.get(b"expect")
        if expect is not None and expect.lower() != b"100-continue":
            raise BadRequestError(417, "expectation_refused", "Only the expectation 100-continue is known.")
        transfer = headers.get(b"transfer-encoding")
        if transfer is not None:
            if version == "1.0" or transfer.lower() != b"chunked" or b"content-length" in headers:
                raise BadRequestError(400, "framing_invalid", "How long the body is cannot be told for sure.")
            return -1
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            raise BadRequestError(400, "framing_invalid", "The Content-Length is not a number.")
        if len(length) > 18 or int(length) > self._limits.body_bytes:
            raise BadRequestError(413, "body_too_large", "The body is larger than 10 MiB.")
        return int(length)
