"""Questions about kill switches: which are thrown, what happened to one, who may let it run again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import queries as identity
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import ROOT_NAMESPACE, Catalogue
from roadworthy.switches.facts import Killed, Revived
from roadworthy.switches.switch import KINDS, Thrown, thrown


def events(tx: Tx, of: str | None = None, *, as_of: datetime | None = None) -> list[Recorded[Any]]:
    """Return what happened to switches, oldest first: to one, or to all."""
    return evidence.of_types(tx, (Killed, Revived), subjects=None if of is None else [of], as_of=as_of)


def every_thrown(tx: Tx, *, as_of: datetime | None = None) -> dict[str, Thrown]:
    """Return the switches that are thrown, with those whose time has ended."""
    return thrown(events(tx, as_of=as_of))


def find(tx: Tx, of: str, *, now: datetime) -> Thrown | None:
    """Return the switch of `kind/name` if it is thrown and holds."""
    found = thrown(events(tx, of)).get(of)
    return found if found is not None and found.holds(now) else None


def revivers(tx: Tx, one: Thrown, *, now: datetime) -> tuple[str, ...]:
    """Return the people who may release a switch."""
    able = identity.people_with_permission(tx, permission="kill", namespace=one.namespace, now=now)
    return tuple(person.name for person in able)


def namespace_of(tx: Tx, catalogue: Catalogue, of: str) -> str:
    """Return the unit that something belongs to; it has to exist to be stopped."""
    slug, _, name = of.partition("/")
    if slug not in KINDS or not name:
        raise InvalidError(
            f"`{of[:80]}` cannot be stopped.",
            fix=f"Name one of: {', '.join(f'{kind}/…' for kind in KINDS)}.",
        )
    if slug == "api-key":
        holder = identity.find_by_id(tx, id_=name, type_="key").principal
        found = next((one for one in identity.principals(tx) if one.name == holder), None)
        return found.namespace if found is not None else ROOT_NAMESPACE
    kind = catalogue.find(slug)
    if kind is None:
        raise NotFoundError(f"This installation declares no {slug}.", fix="Correct the name.")
    if name in kind.built_in and registry.find(tx, kind, name) is None:
        return ROOT_NAMESPACE
    return registry.get(tx, kind, name).namespace
