"""Pure: a grant as a statement that is signed by itself: what it allows, what made it, from when to when.

It is issued anew with the snapshot, and lasts for a day where nothing renews it: a gateway that nobody
compiles for any more stops, even where the approvals behind the grant last for a year.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from roadworthy.foundation.canonical import canonical
from roadworthy.gateway.delta import Delta
from roadworthy.gateway.snapshot import GrantEntry, Snapshot
from roadworthy.registry.checkpoint import SigningKey, SigningKeyError, VerificationKey

PREFIX = b"roadworthy-grant-v1\n"
"""Stands before the canonical JSON that is signed: the log's key signs other things as well."""
UNSIGNED = frozenset({"declared_at", "changers", "ends_with", "signature"})
"""What only refusals tell people; all else that a gateway holds of a grant is signed."""
LASTS_S = 24 * 3600.0
RENEWED_EVERY_S = 6 * 3600.0
"""One statement is signed for so long: compiling every minute does not mean to sign every minute."""
REMEMBERED_MAX = 200_000


def statement(grant: GrantEntry, *, issuer: str) -> dict[str, Any]:
    """Return what is signed of a grant; times in UTC, ISO 8601."""
    return {
        "schema_version": 1,
        "kind": "Grant",
        "issuer": issuer,
        "id": grant.id,
        "use_case": grant.use_case,
        "namespace": grant.namespace,
        "tier": grant.tier,
        "models": list(grant.models),
        "routes": list(grant.routes),
        "not_before": _time(grant.not_before),
        "expires_at": _time(grant.expires_at),
        "issued_at": _time(grant.issued_at),
        "valid_until": _time(grant.valid_until),
        "autonomy": grant.autonomy,
        "draft": grant.draft,
        "review_share": grant.review_share,
        "basis": grant.basis,
        "logging": grant.logging,
        "retention_days": grant.retention_days,
        "data_class": grant.data_class,
        "verdict": grant.verdict,
        "made_of": list(grant.made_of),
    }


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def _signed(said: Mapping[str, Any]) -> bytes:
    return PREFIX + canonical(dict(said))


def _timed(grant: GrantEntry, *, issued_at: float, until: float) -> GrantEntry:
    ends = until if grant.expires_at is None else min(until, grant.expires_at)
    return msgspec.structs.replace(grant, issued_at=issued_at, valid_until=ends, signature=b"")


class GrantSigner:
    """Issues grants with an installation's key; the same statement is signed once."""

    def __init__(self, key: SigningKey, *, lasts_s: float = LASTS_S) -> None:
        self.key = key.verification_key
        self._private = Ed25519PrivateKey.from_private_bytes(key.seed)
        self._lasts_s = lasts_s
        self._known: dict[int, GrantEntry] = {}
        self._begun = float("-inf")

    def issue(self, grant: GrantEntry, *, now: float, until: float | None = None) -> GrantEntry:
        """Return the grant signed, for a day, or `until` an instant; never beyond the end of its verdict."""
        if until is not None:
            return self._signed(_timed(grant, issued_at=now, until=until))
        begun = now - now % RENEWED_EVERY_S
        if begun != self._begun or len(self._known) >= REMEMBERED_MAX:
            self._begun, self._known = begun, {}
        issued_at = max(begun, grant.not_before or begun)
        plain = _timed(grant, issued_at=issued_at, until=issued_at + self._lasts_s)
        place = hash(plain)
        known = self._known.get(place)
        if known is None or msgspec.structs.replace(known, signature=b"") != plain:
            # The very entry that the snapshot holds is remembered, so that this takes no memory of its own.
            known = self._known[place] = self._signed(plain)
        return known

    def _signed(self, plain: GrantEntry) -> GrantEntry:
        body = _signed(statement(plain, issuer=self.key.name))
        return msgspec.structs.replace(plain, signature=self._private.sign(body))

    def snapshot(self, made: Snapshot, *, now: float, until: float | None = None) -> Snapshot:
        """Return a snapshot with every grant issued."""
        if not made.grants:
            return made
        issued = tuple(self.issue(one, now=now, until=until) for one in made.grants)
        return msgspec.structs.replace(made, grants=issued)

    def delta(self, made: Delta, *, now: float) -> Delta:
        """Return a change with every grant in it issued."""
        return msgspec.structs.replace(made, put=self.snapshot(made.put, now=now))


def genuine(grant: GrantEntry, key: VerificationKey) -> bool:
    """Say whether the holder of a key issued exactly this grant."""
    return _holds(_signed(statement(grant, issuer=key.name)), grant.signature, key)


def _holds(said: bytes, signature: bytes, key: VerificationKey) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, said)
    except InvalidSignature:
        return False
    return True


def without_forged(snapshot: Snapshot, key: VerificationKey) -> tuple[Snapshot, tuple[str, ...]]:
    """Return a snapshot with the grants that this key issued, and the use cases whose grants it did not."""
    forged = tuple(one for one in snapshot.grants if not genuine(one, key))
    if not forged:
        return snapshot, ()
    kept = tuple(one for one in snapshot.grants if one not in forged)
    return msgspec.structs.replace(snapshot, grants=kept), tuple(sorted({one.use_case for one in forged}))


def document(grant: GrantEntry, *, key: VerificationKey) -> dict[str, Any]:
    """Return a grant to be handed out: whoever has the key can check it without a server."""
    return {
        "grant": statement(grant, issuer=key.name),
        "signature": b64encode(grant.signature).decode(),
        "key": key.encode(),
    }


@dataclass(frozen=True, slots=True)
class Checked:
    """What can be said of a grant that somebody shows."""

    genuine: bool
    """The holder of the key signed exactly this."""
    in_time: bool
    """It holds at the moment that is asked about."""
    why: str
    """What is wrong with it; empty where nothing is."""


def check(shown: Any, *, key: VerificationKey, at: datetime) -> Checked:
    """Check a grant that somebody shows; `ValueError` for what is none."""
    said = shown.get("grant") if isinstance(shown, dict) else None
    if not said or not isinstance(said, dict):
        raise ValueError("It holds no `grant`.")
    try:
        signature = b64decode(str(shown.get("signature", "")), validate=True)
        ends, begins = (datetime.fromisoformat(str(said[name])) for name in ("valid_until", "issued_at"))
        if said.get("kind") != "Grant" or ends.tzinfo is None or begins.tzinfo is None:
            raise ValueError("It is no grant of a kind that is known here.")
        body = _signed(said)
    except (Base64Error, KeyError, TypeError) as error:
        raise ValueError(f"It cannot be read as a grant ({type(error).__name__}).") from error
    if said.get("issuer") != key.name or not _holds(body, signature, key):
        return Checked(genuine=False, in_time=False, why=f"It is not what {key.name} signed with this key.")
    if at < begins:
        return Checked(genuine=True, in_time=False, why=f"It holds from {begins.isoformat()} on.")
    if at >= ends:
        return Checked(genuine=True, in_time=False, why=f"It held until {ends.isoformat()}.")
    return Checked(genuine=True, in_time=True, why="")


def key_of(shown: Any) -> VerificationKey | None:
    """Return the key that a shown grant names itself, which proves nothing about whose that is."""
    text = shown.get("key") if isinstance(shown, dict) else None
    try:
        return VerificationKey.decode(str(text)) if text else None
    except SigningKeyError:
        return None
