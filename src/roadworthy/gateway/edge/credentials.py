"""The providers' credentials: read where they are kept, used no longer than allowed."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from roadworthy.gateway.snapshot import ProviderEntry
from roadworthy.models import envelope
from roadworthy.models.address import destination

SECRET_BYTES_MAX = 16 * 1024
RETRY_S = 5.0

_CREDENTIAL = re.compile(r"[\x21-\x7e]+")
_AWS_JSON = re.compile(r"\{[\x20-\x7e\r\n\t]+\}")


class OriginError(Exception):
    """The provider cannot be called as it is declared."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotReadYetError(Exception):
    """The credential has to be fetched first, off the loop."""


class VaultError(Exception):
    """The vault did not give the secret; the message holds nothing of it."""


class Vault(Protocol):
    """Where secrets are asked for by path and field."""

    def read(self, path: str, field: str) -> str:
        """Return the secret, or raise `VaultError`; may take seconds."""


class _NoVault:
    def read(self, path: str, field: str) -> str:
        raise VaultError("this gateway was told of no vault (ROADWORTHY_VAULT_URL)")


class Held(msgspec.Struct, frozen=True):
    """A credential, and until when (monotonic) it may be used."""

    value: str
    good_until_s: float = math.inf


def usable(secret: str, place: str) -> str:
    """Return a credential that fits into a header; `OriginError` names its place, never what was found."""
    secret = secret.strip()
    # A line break inside would be a header of its own.
    if not _CREDENTIAL.fullmatch(secret) and not _AWS_JSON.fullmatch(secret):
        raise OriginError("provider_secret_missing", f"The credential {place} is missing or unusable.")
    return secret


class Credentials:
    """Every provider's credential. What lies in a vault is fetched by a thread and kept for its time."""

    def __init__(
        self,
        *,
        keys: Callable[[], Mapping[str, bytes]] = dict,
        vault: Vault | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._vault = vault or _NoVault()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._held: dict[str, Held] = {}
        self._tried_at: dict[str, float] = {}
        self._fetching: set[str] = set()

    def read(self, provider: ProviderEntry) -> Held:
        """Return the credential; `NotReadYetError` when `fetch` has to be called (in a thread) before."""
        reference = provider.api_key_ref
        if not reference:
            return Held("")
        kind, _, place = reference.partition(":")
        if kind == "env":
            return Held(usable(os.environ.get(place, ""), reference))
        if kind == "file":
            return Held(usable(_from_file(place), reference))
        if kind == "sealed":
            return Held(usable(self._opened(provider, place), reference))
        if kind == "vault":
            return self._from_cache(provider, reference)
        raise OriginError("provider_secret_missing", f"The credential {reference} is missing or unusable.")

    def _opened(self, provider: ProviderEntry, name: str) -> str:
        where = f"The secret {name!r} of provider/{provider.name}"
        if not provider.sealed:
            raise OriginError("provider_secret_missing", f"{where} was never set, or was taken away.")
        try:
            bound_to = destination(provider.base_url)
            return envelope.open_sealed(provider.sealed, name=name, destination=bound_to, keys=self._keys())
        except envelope.OtherDestinationError:
            raise OriginError(
                "provider_secret_void",
                f"{where} was set for another address than the provider has now. Set it anew.",
            ) from None
        except (envelope.EnvelopeError, ValueError):
            raise OriginError(
                "provider_secret_missing", f"{where} cannot be opened with the keys of this gateway."
            ) from None

    def _from_cache(self, provider: ProviderEntry, reference: str) -> Held:
        now = self._monotonic()
        held = self._held.get(reference)
        if held is None or now >= held.good_until_s:
            failed_at = self._tried_at.get(reference)
            if failed_at is not None and now - failed_at < RETRY_S:
                raise OriginError(
                    "provider_secret_unavailable",
                    f"The vault does not give the credential of provider/{provider.name}, and the value read"
                    " before may no longer be used.",
                )
            raise NotReadYetError(reference)
        if now >= held.good_until_s - provider.secret_cache_s / 2:
            self._refresh(provider, reference, now)
        return held

    def _refresh(self, provider: ProviderEntry, reference: str, now: float) -> None:
        """Fetch anew in the background, well before the end; the value held serves meanwhile."""
        if reference in self._fetching or now - self._tried_at.get(reference, -math.inf) < RETRY_S:
            return
        self._fetching.add(reference)
        threading.Thread(target=self._fetch_quietly, args=(provider,), daemon=True, name="vault").start()

    def _fetch_quietly(self, provider: ProviderEntry) -> None:
        try:
            self.fetch(provider)
        except OriginError:
            pass  # the value held serves to its end; then the call says why it cannot go on
        finally:
            self._fetching.discard(provider.api_key_ref or "")

    def fetch(self, provider: ProviderEntry) -> None:
        """Ask the vault; afterwards `read` answers. Blocks: call it in a thread."""
        reference = provider.api_key_ref or ""
        path, _, field = reference.removeprefix("vault:").partition("#")
        asked_at = self._monotonic()
        with self._lock:  # callers that wait for the same secret ask once
            held = self._held.get(reference)
            if held is not None and held.good_until_s - provider.secret_cache_s >= asked_at:
                return
            try:
                secret = usable(self._vault.read(path, field), reference)
            except VaultError as error:
                self._tried_at[reference] = self._monotonic()
                raise OriginError(
                    "provider_secret_unavailable",
                    f"The vault does not give the credential of provider/{provider.name}: {error}.",
                ) from None
            except OriginError:
                self._tried_at[reference] = self._monotonic()
                raise
            # Counted from the asking: an answer that took long is not trusted for longer.
            self._held[reference] = Held(secret, asked_at + provider.secret_cache_s)
            self._tried_at.pop(reference, None)


def _from_file(place: str) -> str:
    try:
        with Path(place).open("rb") as file:
            return file.read(SECRET_BYTES_MAX).decode("ascii", "replace")
    except OSError:
        return ""
