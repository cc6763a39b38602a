"""Reads secrets from HashiCorp Vault or OpenBao over their HTTP API, in whatever thread asks."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from roadworthy.gateway.edge.credentials import VaultError
from roadworthy.models.address import host_problem

ANSWER_BYTES_MAX = 1 << 20
TOKEN_BYTES_MAX = 16 * 1024


class VaultServer:
    """One vault: its address, and the file in which an agent keeps a token for it."""

    def __init__(
        self, url: str, *, token_file: Path | None, namespace: str = "", timeout_s: float = 4.0
    ) -> None:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not host or host_problem(host) or "@" in parts.netloc:
            raise ValueError("the vault's address has to begin with http:// or https:// and name a host")
        self._host = host
        self._port = parts.port
        self._base = parts.path.rstrip("/")
        self._token_file = token_file
        self._namespace = namespace
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None

    def read(self, path: str, field: str) -> str:
        """Return a field of the secret at a path; `VaultError` says what went wrong, and nothing of it."""
        headers = {"accept": "application/json", "x-vault-request": "true", "x-vault-token": self._token()}
        if self._namespace:
            headers["x-vault-namespace"] = self._namespace
        connection = self._connection()
        try:
            connection.request("GET", f"{self._base}/v1/{quote(path, safe='/')}", headers=headers)
            answer = connection.getresponse()  # a redirect is an answer like any other: not followed
            status, body = answer.status, answer.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise VaultError(f"the vault cannot be reached ({type(error).__name__})") from None
        finally:
            connection.close()
        if status != 200:
            said = {403: "its token may not read that path", 404: "nothing is at that path"}
            raise VaultError(
                f"the vault answered {status}: {said.get(status, 'it could not serve the request')}"
            )
        return _field(body, field)

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)

    def _token(self) -> str:
        """Read the token anew each time: an agent renews it."""
        if self._token_file is None:
            return ""
        try:
            with self._token_file.open("rb") as file:
                token = file.read(TOKEN_BYTES_MAX).decode("ascii", "replace").strip()
        except OSError:
            raise VaultError("the token for the vault cannot be read from its file") from None
        if not token.isascii() or not token.isprintable() or " " in token:
            raise VaultError("the file of the vault's token does not hold a token")
        return token


def _field(body: bytes, field: str) -> str:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = None
    data = found.get("data") if isinstance(found, dict) else None
    # Version 2 of the key-value store puts the secret one level deeper, beside its version.
    inner = data.get("data") if isinstance(data, dict) else None
    if isinstance(inner, dict) and isinstance(data, dict) and isinstance(data.get("metadata"), dict):
        data = inner
    value = data.get(field) if isinstance(data, dict) else None
    if not isinstance(value, str) or not value:
        raise VaultError(f"the secret at that path has no field {field!r}")
    return value
