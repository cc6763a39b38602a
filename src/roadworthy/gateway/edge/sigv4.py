"""Pure: AWS Signature Version 4 of one request: what is signed, and the header that carries the signature."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import quote, unquote

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"


class AwsCredential(msgspec.Struct, frozen=True):
    """An access key of AWS, with a session token when it is a temporary one."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


def canonical_path(path: str, *, normalize: bool = True) -> str:
    """Return a path as it is signed: every segment escaped once more, dots and doubled slashes resolved."""
    if normalize:
        kept: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                if kept:
                    kept.pop()
            elif segment not in {"", "."}:
                kept.append(segment)
        path = "/" + "/".join(kept) + ("/" if kept and path.endswith(("/", "/.", "/..")) else "")
    return quote(path or "/", safe="/-_.~")


def canonical_query(query: str) -> str:
    """Return a query as it is signed: its parts escaped one way, and sorted."""
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((quote(unquote(name), safe="-_.~"), quote(unquote(value), safe="-_.~")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_headers(headers: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return the headers as they are signed, and the list of their names."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        # A value over several lines counts as several values; runs of spaces count as one.
        found.setdefault(name.lower(), []).extend(" ".join(line.split()) for line in value.split("\n"))
    names = sorted(found)
    return "".join(f"{name}:{','.join(found[name])}\n" for name in names), ";".join(names)


def canonical_request(
    method: str,
    path: str,
    query: str,
    headers: Sequence[tuple[str, str]],
    payload_hash: str,
    *,
    normalize: bool,
) -> tuple[str, str]:
    """Return the text whose hash is signed, and the names of the headers in it."""
    lines, names = canonical_headers(headers)
    signed_path = canonical_path(path, normalize=normalize)
    return f"{method}\n{signed_path}\n{canonical_query(query)}\n{lines}\n{names}\n{payload_hash}", names


def signing_key(secret_access_key: str, day: str, region: str, service: str) -> bytes:
    """Return the key of one day, region and service."""
    key = f"AWS4{secret_access_key}".encode()
    for word in (day, region, service, "aws4_request"):
        key = hmac.digest(key, word.encode(), hashlib.sha256)
    return key


def string_to_sign(at: str, scope: str, canonical: str) -> str:
    """Return what the day's key signs; `at` reads `20150830T123600Z`."""
    return f"{ALGORITHM}\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


class Signer:
    """Signs requests to one service in one region; keeps the key of the day."""

    __slots__ = ("_credential", "_day", "_key", "_region", "_service")

    def __init__(self, credential: AwsCredential, *, region: str, service: str) -> None:
        self._credential = credential
        self._region = region
        self._service = service
        self._day = ""
        self._key = b""

    def authorization(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        payload_hash: str,
        *,
        at: str,
        normalize: bool = True,
    ) -> str:
        """Return the `authorization` header's value; `headers` are all that is signed, the date included."""
        path, _, query = target.partition("?")
        canonical, names = canonical_request(method, path, query, headers, payload_hash, normalize=normalize)
        day = at[:8]
        if day != self._day:
            self._key = signing_key(self._credential.secret_access_key, day, self._region, self._service)
            self._day = day
        scope = f"{day}/{self._region}/{self._service}/aws4_request"
        text = string_to_sign(at, scope, canonical)
        signature = hmac.digest(self._key, text.encode(), hashlib.sha256).hex()
        holder = f"{self._credential.access_key_id}/{scope}"
        return f"{ALGORITHM} Credential={holder}, SignedHeaders={names}, Signature={signature}"
