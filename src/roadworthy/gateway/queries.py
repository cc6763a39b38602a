"""Questions about what the gateway decides and knows, answered by the gateway's own decision functions."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Permission, Refused
from roadworthy.gateway.snapshot import Index, KeyEntry
from roadworthy.gateway.source import RECOMPILE_EVERY_S, compile_snapshot
from roadworthy.identity import queries as identity
from roadworthy.identity.kinds import USE_CASE_HOME
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.usage import queries as usage

_kept: WeakKeyDictionary[Database, tuple[datetime, Index]] = WeakKeyDictionary()
_KEPT_FOR = timedelta(seconds=RECOMPILE_EVERY_S)
_keeping = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLine:
    """One way in which a principal may call a model."""

    principal: str
    owner: str
    key_id: str
    use_case: str
    grant_id: str
    model: str
    via: str
    expires_at: datetime | None
    unless: tuple[str, ...] = ()
    """Policies that look at each call and may forbid it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """Why a key may not call what was asked about."""

    principal: str
    key_id: str
    use_case: str
    code: str
    message: str
    declaration: str
    who_can_change: tuple[str, ...]
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who may call a model, or what a principal may call; and for the keys that may not, why."""

    revision: int
    as_of: datetime
    allowed: tuple[AccessLine, ...]
    refused: tuple[Hindrance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayKnown:
    """What is known of a gateway process from the call records it handed in."""

    source: str
    last_batch_at: datetime
    records: int
    revision: int
    """The newest revision that a call of its last batch was decided on."""


def index(tx: Tx, *, database: Database, now: datetime) -> Index:
    """Return the snapshot as this transaction would compile it; one of the same revision is used again."""
    revision = audit.revision(tx)
    kept = _kept.get(database)
    if kept is not None:
        compiled_at, found = kept
        if found.revision == revision and timedelta(0) <= now - compiled_at < _KEPT_FOR:
            return found
    fresh = Index(compile_snapshot(tx, now=now))
    with _keeping:
        _kept[database] = (now, fresh)
    return fresh


def _line(one: Permission) -> AccessLine:
    return AccessLine(
        principal=one.principal,
        owner=one.owner,
        key_id=one.key_id,
        use_case=one.use_case,
        grant_id=one.grant_id,
        model=one.model,
        via=one.via,
        expires_at=None if one.expires_at is None else datetime.fromtimestamp(one.expires_at, UTC),
        unless=one.unless,
    )


def _hindrance(key: KeyEntry, refused: Refused) -> Hindrance:
    return Hindrance(
        principal=key.principal,
        key_id=key.id,
        use_case=key.use_case,
        code=refused.code,
        message=refused.message,
        declaration=refused.declaration,
        who_can_change=refused.who_can_change,
        next_step=refused.next_step,
    )


def _seen(use_case: str, use_cases: Collection[str] | None) -> bool:
    return use_cases is None or use_case in use_cases


def who_can(known: Index, *, model: str, now: datetime, use_cases: Collection[str] | None = None) -> Answer:
    """Say which keys a call for a model or a route would be admitted with now, and why others would not."""
    kind, _, bare = model.rpartition("/")
    name = bare if kind in {"model", "route"} else model
    if name not in known.targets and name not in known.snapshot.models and name not in known.snapshot.routes:
        raise NotFoundError(
            f"There is no model or route called `{model[:80]}`.",
            fix="`roadworthy get model` and `roadworthy get route` list them.",
        )
    at = now.timestamp()
    allowed = tuple(
        _line(one) for one in access.who_can_call(known, model, at) if _seen(one.use_case, use_cases)
    )
    refused = []
    for key_hash, key in sorted(known.keys.items(), key=lambda pair: pair[1].id):
        verdict = access.decide(known, key_hash=key_hash, model=model, now=at)
        if isinstance(verdict, Refused) and _seen(key.use_case, use_cases):
            refused.append(_hindrance(key, verdict))
    return Answer(revision=known.revision, as_of=now, allowed=allowed, refused=tuple(refused))


def what_can(
    known: Index, *, principal: str, now: datetime, use_cases: Collection[str] | None = None
) -> Answer:
    """Say what a principal's keys would be admitted for now, and why a key would be for nothing."""
    if principal not in known.snapshot.principals:
        raise NotFoundError(
            f"There is no principal called `{principal[:140]}`.",
            fix="Write `service-account/NAME` or `person/NAME`.",
        )
    at = now.timestamp()
    allowed = tuple(
        _line(one) for one in access.what_can(known, principal, at) if _seen(one.use_case, use_cases)
    )
    of_use = {line.key_id for line in allowed}
    refused = tuple(
        _hindrance(key, _why_nothing(known, key, at))
        for key in known.keys_of.get(principal, ())
        if key.id not in of_use and _seen(key.use_case, use_cases)
    )
    return Answer(revision=known.revision, as_of=now, allowed=allowed, refused=refused)


def _why_nothing(known: Index, key: KeyEntry, at: float) -> Refused:
    holder = access.identify_key(known, key, now=at)
    if isinstance(holder, Refused):
        return holder
    for name in access.names(known):
        verdict = access.decide_for(known, holder, use_case_header=None, model=name, now=at)
        assert not isinstance(verdict, Admitted), "a key with a permission has no need of a reason"
        return verdict
    return Refused(404, "model_unknown", "No model is declared.", next_step="Declare a provider and a model.")


def every_line(
    known: Index, *, now: datetime, use_cases: Collection[str] | None = None
) -> tuple[AccessLine, ...]:
    """Return every permission there is: which key may call which model or route."""
    at = now.timestamp()
    lines = [
        line
        for principal in sorted(known.keys_of)
        for line in map(_line, access.what_can(known, principal, at))
        if _seen(line.use_case, use_cases)
    ]
    return tuple(sorted(lines, key=lambda line: (line.model, line.principal, line.key_id)))


def visible_use_cases(tx: Tx, *, principal: str, permission: str, now: datetime) -> frozenset[str] | None:
    """Return the use cases whose unit a principal holds a permission in; None when that is all there is."""
    namespaces = identity.rights_of(tx, principal=principal, now=now).namespaces(permission)
    if namespaces is None:
        return None
    return frozenset(one.name for one in registry.every(tx, USE_CASE_HOME) if one.namespace in namespaces)


def gateways(tx: Tx) -> tuple[GatewayKnown, ...]:
    """Return the gateway processes that handed in call records, the newest first."""
    return tuple(
        GatewayKnown(
            source=one.source, last_batch_at=one.last_batch_at, records=one.records, revision=one.revision
        )
        for one in usage.sources(tx)
    )
