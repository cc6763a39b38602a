"""Questions about sealed secrets; none of them opens one."""

from __future__ import annotations

from typing import Any

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.models import store
from roadworthy.models.address import destination
from roadworthy.models.kinds import PROVIDER, Provider
from roadworthy.models.secret import SealedSecret, Standing, Use, fault, standings
from roadworthy.registry import queries as registry


def _secret(row: Any) -> SealedSecret:
    return SealedSecret(
        name=row.name,
        namespace=row.namespace,
        destination=row.destination,
        fingerprint=row.fingerprint,
        key_id=row.key_id,
        version=row.version,
        set_at=row.set_at,
        set_by=row.set_by,
    )


def destination_of(provider: Provider) -> str:
    """Return where a provider's secret may be sent; nothing when its address is none."""
    try:
        return destination(provider.base_url)
    except ValueError:
        return ""


def uses(tx: Tx) -> list[tuple[str, Use]]:
    """Return (name of the secret, who names it)."""
    return [
        (one.spec.api_key.sealed, Use(one.name, one.namespace, destination_of(one.spec)))
        for one in registry.every(tx, PROVIDER)
        if one.spec.api_key is not None and one.spec.api_key.sealed is not None
    ]


def find(tx: Tx, name: str) -> SealedSecret | None:
    """Return a secret that was set."""
    row = store.by_name(tx, name)
    return None if row is None else _secret(row)


def every(tx: Tx) -> list[Standing]:
    """Return every secret that is set or named."""
    return standings([_secret(row) for row in store.every(tx)], uses(tx))


def get(tx: Tx, name: str) -> Standing:
    """Return one of them."""
    found = next((one for one in every(tx) if one.name == name), None)
    if found is None:
        raise NotFoundError(
            f"There is no secret/{name}.",
            why="None of that name was set, and no provider names it.",
            fix="List them with `roadworthy secret list`.",
        )
    return found


def sealed_for_snapshot(tx: Tx) -> dict[str, str]:
    """Return the envelope that each provider may open, by the provider's name; sealed, as it is stored."""
    rows = {row.name: row for row in store.every(tx)}
    return {
        use.provider: rows[name].envelope
        for name, use in uses(tx)
        # A void secret is handed out too: the gateway then says why it does not open.
        if name in rows and (not fault(_secret(rows[name]), use) or rows[name].namespace == use.namespace)
    }
