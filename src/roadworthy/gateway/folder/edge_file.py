"""Pure: `kind: EdgeGateway`, what a folder needs besides declarations: who vouches, which keys."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec

from roadworthy.registry.kinds import API_VERSION

KIND = "EdgeGateway"
VOUCHED_DAYS_MAX = 366

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
_Line = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


class EdgeFileError(ValueError):
    """The document cannot be used; the text says why."""


class Vouch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody answers for use cases of this folder, from one day to another."""

    by: _Line
    reason: _Line
    use_cases: Annotated[tuple[_Name, ...], msgspec.Meta(min_length=1, max_length=1000)]
    until: date
    since: date = msgspec.field(name="from")


class EdgeKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that callers hold, by its hash."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-z]{8}$")]
    hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    service_account: _Name
    use_case: _Name
    expires_on: date


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a control plane signed for this edge, and the key its signature is checked with."""

    file: _Line
    key: _Line


class Edge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The spec of the document."""

    vouches: tuple[Vouch, ...] = ()
    keys: tuple[EdgeKey, ...] = ()
    bundle: Bundle | None = None


def read(document: Any) -> Edge:
    """Read the document, or say what is wrong with it."""
    if not isinstance(document, dict) or document.get("apiVersion") != API_VERSION:
        raise EdgeFileError(f"It does not begin with `apiVersion: {API_VERSION}`.")
    if unknown := sorted(set(document) - {"apiVersion", "kind", "metadata", "spec"}):
        raise EdgeFileError(f"Unknown field `{unknown[0]}`.")
    try:
        edge = msgspec.convert(document.get("spec"), Edge)
    except msgspec.ValidationError as error:
        raise EdgeFileError(str(error).replace("`$", "`spec")) from error
    for vouch in edge.vouches:
        if not vouch.since <= vouch.until <= vouch.since + timedelta(days=VOUCHED_DAYS_MAX):
            raise EdgeFileError(
                f"{vouch.by} vouches from {vouch.since} until {vouch.until}: that has to be in order, and "
                f"{VOUCHED_DAYS_MAX} days at most."
            )
    for what in ("id", "hash"):
        seen = [getattr(key, what) for key in edge.keys]
        if len(set(seen)) < len(seen):
            raise EdgeFileError(f"Two keys have the same {what}.")
    return edge
