"""Changes to sealed secrets: set, taken away, wrapped anew."""

from __future__ import annotations

import hashlib
import secrets as randomness
from datetime import datetime

from roadworthy.foundation.errors import ConflictError, InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.models import envelope, queries, store
from roadworthy.models.keyfile import Keyring
from roadworthy.models.kinds import PROVIDER
from roadworthy.models.secret import SealedSecret, fingerprint, problem_with
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.actor import Actor


def digest_of(sealed: str) -> str:
    """Return what the audit log keeps of an envelope."""
    return hashlib.blake2b(sealed.encode(), digest_size=16).hexdigest()


def set_secret(
    tx: Tx,
    *,
    name: str,
    value: str,
    provider: str,
    keyring: Keyring,
    pepper: bytes,
    actor: Actor,
    now: datetime,
) -> SealedSecret:
    """Seal a secret for a provider: only requests to that provider's very address will carry it."""
    value = value.strip()
    if problem := problem_with(value):
        raise InvalidError(
            "The secret cannot be used.", why=problem, fix="Send the key alone, as the provider showed it."
        )
    declared = registry.get(tx, PROVIDER, provider)
    destination = queries.destination_of(declared.spec)
    known = queries.find(tx, name)
    if known is not None and known.namespace != declared.namespace:
        raise ConflictError(
            f"secret/{name} belongs to unit/{known.namespace}, provider/{provider} to "
            f"unit/{declared.namespace}.",
            why="A secret is used by the unit that it belongs to, and by no other.",
            fix="Choose another name, and name that in the provider's `api_key: {sealed: NAME}`.",
        )
    sealed = envelope.seal(
        value,
        name=name,
        destination=destination,
        key=keyring.current(),
        randomness=randomness.token_bytes(envelope.RANDOM_BYTES),
    )
    made = SealedSecret(
        name=name,
        namespace=declared.namespace,
        destination=destination,
        fingerprint=fingerprint(value, pepper=pepper),
        key_id=envelope.read(sealed).key_id,
        version=known.version + 1 if known is not None else 1,
        set_at=now,
        set_by=actor.principal,
    )
    _keep(tx, made, sealed)
    _record(tx, "secret-set", name, _logged(made, sealed), actor=actor, now=now)
    return made


def _keep(tx: Tx, made: SealedSecret, sealed: str) -> None:
    store.put(
        tx,
        made.name,
        namespace=made.namespace,
        destination=made.destination,
        envelope=sealed,
        key_id=made.key_id,
        fingerprint=made.fingerprint,
        version=made.version,
        set_at=made.set_at,
        set_by=made.set_by,
    )


def _logged(made: SealedSecret, sealed: str) -> dict[str, object]:
    """Return what the audit log says of a secret that was set: all about it, and not it."""
    return {
        "namespace": made.namespace,
        "destination": made.destination,
        "fingerprint": made.fingerprint,
        "version": made.version,
        "key_id": made.key_id,
        "sealed": digest_of(sealed),
    }


def remove_secret(tx: Tx, *, name: str, actor: Actor, now: datetime) -> SealedSecret:
    """Take a secret away; its providers are refused from the next call on."""
    known = queries.find(tx, name)
    if known is None:
        raise NotFoundError(f"secret/{name} was never set.", fix="List them with `roadworthy secret list`.")
    store.remove(tx, name)
    content = {"fingerprint": known.fingerprint, "version": known.version}
    _record(tx, "secret-removed", name, content, actor=actor, now=now)
    return known


def rotate_keys(tx: Tx, *, keyring: Keyring, actor: Actor, now: datetime) -> tuple[str, int]:
    """Make a new key-encryption key and wrap every secret's own key with it; no secret is opened.

    Keys before it stay until `forget_keys`: a gateway may still hold what they wrapped.
    """
    keyring.current()
    key = keyring.add()
    keys = keyring.keys()
    rows = store.every(tx)
    for row in rows:
        nonce = randomness.token_bytes(envelope.NONCE_BYTES)
        try:
            again = envelope.rewrap(row.envelope, name=row.name, keys=keys, key=key, nonce=nonce)
        except envelope.EnvelopeError as error:
            raise ConflictError(
                f"secret/{row.name} cannot be wrapped anew.",
                why=f"{error}.",
                fix=f"Set it again (`roadworthy secret set {row.name}`) or remove it; then repeat.",
            ) from error
        made = envelope.read(again)
        store.rewrap(tx, row.name, envelope=again, key_id=made.key_id)
        content = {"key_id": made.key_id, "sealed": digest_of(again), "version": row.version}
        _record(tx, "secret-rewrapped", row.name, content, actor=actor, now=now)
    return envelope.key_id(key), len(rows)


def forget_keys(tx: Tx, *, keyring: Keyring) -> tuple[str, ...]:
    """Forget the keys that wrap nothing any more."""
    return keyring.forget(row.key_id for row in store.every(tx))


def _record(
    tx: Tx, action: str, name: str, content: dict[str, object], *, actor: Actor, now: datetime
) -> None:
    audit.record(
        tx,
        actor=actor,
        action=action,
        subject=f"secret/{name}",
        at=now,
        content=content,
        enforcement=True,
    )
