"""Questions about what use cases may do, now or as of an earlier moment; safe for any slice above."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from roadworthy.controls.facts import ExceptionGranted, ExceptionRevoked
from roadworthy.drafts import queries as drafts
from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import autonomy_figures, autonomy_tasks, conflict_tasks, reminders
from roadworthy.governance.autonomy_tasks import Reader
from roadworthy.governance.delegation import DELEGATION
from roadworthy.governance.estate import Declared, Estate, Roles, arrange
from roadworthy.governance.exclusion import EXCLUSION
from roadworthy.governance.facts import FACTS, ApprovalGiven, Escalated, ReminderSent
from roadworthy.governance.kinds import GATE, MODEL, PROVIDER, ROUTE
from roadworthy.governance.proofs import with_proofs
from roadworthy.governance.reminders import Waiting
from roadworthy.governance.standing import Standing, assess, settle
from roadworthy.governance.tasks import Task, in_order, tasks_for
from roadworthy.identity.kinds import PERSON, ROLE_BINDING, SERVICE_ACCOUNT
from roadworthy.identity.rights import covering_units
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.resource import Resource
from roadworthy.rules import queries as rules
from roadworthy.rules.facts import FACTS as CONFLICT_FACTS
from roadworthy.rules.kinds import POLICY_PACK
from roadworthy.use_cases.kinds import METRIC, UNIT, USE_CASE

KINDS = (
    *(UNIT, POLICY_PACK, METRIC, USE_CASE, PERSON, SERVICE_ACCOUNT, ROLE_BINDING, DELEGATION),
    *(PROVIDER, MODEL, ROUTE, GATE, EXCLUSION),
)
"""The kinds verdicts are computed from."""
AROUND = Catalogue(tuple(kind for kind in KINDS if kind not in {USE_CASE, SERVICE_ACCOUNT}))
"""Those that verdicts rest on beside the use cases and the programs that declare them."""

SAID = (*FACTS, ExceptionGranted, ExceptionRevoked, *CONFLICT_FACTS)
"""What people say of use cases that verdicts rest on."""

_CATALOGUE = Catalogue(KINDS)
_CASES = Catalogue((USE_CASE,))
_ACCOUNTS = Catalogue((SERVICE_ACCOUNT,))


def around(tx: Tx, *, as_of: datetime | None = None) -> Estate:
    """Return what verdicts rest on beside the use cases: people, roles, units, models, rules and gates.

    It is arranged anew only when some of it changes, however many use cases there are.
    """
    if as_of is not None:
        key = f"governance.around.{audit.size_at(tx, as_of)}"
        if key not in tx.memo:
            tx.memo[key] = _arranged(registry.as_of(tx, AROUND, audit.size_at(tx, as_of)))
        past = tx.memo[key]
        assert isinstance(past, Estate)
        return past
    read = tuple(registry.held(tx, kind) for kind in AROUND)
    for place in (tx.memo, tx.shared):
        kept: tuple[tuple[object, ...], Estate] | None = place.get("governance.around")
        if kept is not None and all(one is other for one, other in zip(kept[0], read, strict=True)):
            return kept[1]
    made = _arranged((one.resource for all_ in read for one in all_), roles=_kept_roles(tx, read))
    # What a transaction has changed itself, it may still take back.
    (tx.memo if audit.has_appended(tx) else tx.shared)["governance.around"] = (read, made)
    return made


def _kept_roles(tx: Tx, read: tuple[object, ...]) -> Roles | None:
    """Return the roles as they were arranged before, where none of them has changed."""
    kept: tuple[tuple[object, ...], Estate] | None = tx.shared.get("governance.around")
    place = [kind.name for kind in AROUND].index(ROLE_BINDING.name)
    return kept[1].staff.roles if kept is not None and kept[0][place] is read[place] else None


def _arranged(resources: Iterable[Resource[Any]], *, roles: Roles | None = None) -> Estate:
    by_kind: dict[str, list[Resource[Any]]] = {kind.name: [] for kind in KINDS}
    for one in resources:
        by_kind[one.kind].append(one)
    return arrange(by_kind, declared={}, said={}, roles=roles)


def estate(tx: Tx, *, as_of: datetime | None = None) -> Estate:
    """Read all that verdicts are computed from, once for each state of the log in a transaction."""
    return _estate(tx, None, as_of=as_of)


def estate_of(tx: Tx, names: Collection[str], *, as_of: datetime | None = None) -> Estate:
    """Read what the verdicts of some use cases are computed from; it knows no other use cases."""
    return _estate(tx, frozenset(names), as_of=as_of)


def _estate(tx: Tx, names: frozenset[str] | None, *, as_of: datetime | None) -> Estate:
    size = audit.size(tx) if as_of is None else audit.size_at(tx, as_of)
    held: dict[Any, Estate] = tx.memo.setdefault("governance.estate", {})
    for whose in (None, names):
        if (found := held.get((size, as_of, whose))) is not None:
            return found
    found = held[size, as_of, names] = _read(tx, names, size=size, as_of=as_of)
    return found


def _read(tx: Tx, names: frozenset[str] | None, *, size: int, as_of: datetime | None) -> Estate:
    where: dict[str, tuple[int, str, str]] = {}
    if as_of is None:
        cases = registry.every(tx, USE_CASE) if names is None else registry.among(tx, USE_CASE, names)
        where = {one.name: (one.generation, one.declared_at, one.managed_by) for one in cases}
        resources = [one.resource for one in cases]
    else:
        resources = registry.as_of(tx, _CASES, size, names=names)
    versions: dict[str, list[registry.Version]] = {}
    if names is None:
        written = registry.versions(tx, USE_CASE, audit_size=size)
    else:
        past = None if as_of is None else size
        written = registry.versions_among(tx, USE_CASE, names, audit_size=past)
    for version in written:
        versions.setdefault(version.name, []).append(version)
    declared = {}
    for resource in resources:
        own = versions.get(resource.name, [])
        last = own[-1].generation if own else 0
        generation, source, manager = where.get(resource.name, (last, "", ""))
        declared[resource.name] = Declared(
            resource,
            generation,
            source,
            manager,
            tuple((one.actor, one.document) for one in own),
            own[-1].at if own else None,
        )
    return replace(
        around(tx, as_of=as_of),
        use_cases=declared,
        said=_said(tx, None if names is None else declared, as_of=as_of),
        account_owners=account_owners(tx, {one.actor for one in written}, size=size, as_of=as_of),
    )


def _said(
    tx: Tx, names: Collection[str] | None, *, as_of: datetime | None
) -> dict[str, tuple[Recorded[Any], ...]]:
    """Return what was said, by the use case it is about: of some use cases, or of all."""
    found: dict[str, list[Recorded[Any]]] = {}
    refs = None if names is None else [f"use-case/{name}" for name in names]
    for event in evidence.of_types(tx, SAID, subjects=refs, as_of=as_of):
        found.setdefault(event.subject, []).append(event)
    return {ref: tuple(events) for ref, events in found.items()}


def account_owners(
    tx: Tx, authors: Collection[str], *, size: int = 0, as_of: datetime | None = None
) -> dict[str, str]:
    """Return who owns the programs among some authors: `service-account/ci` -> `person/ada`."""
    named = [name.partition("/")[2] for name in authors if name.startswith("service-account/")]
    if as_of is None:
        accounts = [one.resource for one in registry.among(tx, SERVICE_ACCOUNT, named)]
    else:
        accounts = registry.as_of(tx, _ACCOUNTS, size, names=named)
    return {f"service-account/{one.name}": f"person/{one.spec.owner}" for one in accounts}


def standing(tx: Tx, *, use_case: str, now: datetime, as_of: datetime | None = None) -> Standing:
    """Return everything about one use case; with `as_of`, the verdict as it was at that moment."""
    known = estate_of(tx, (use_case,), as_of=as_of)
    if use_case not in known.use_cases:
        raise NotFoundError(
            f"There is no use case called `{use_case[:80]}`.",
            fix="`roadworthy get use-case` lists them.",
        )
    return assessed(tx, known, (use_case,), now=now, as_of=as_of)[use_case]


def assessed(
    tx: Tx,
    known: Estate,
    names: Collection[str],
    *,
    now: datetime,
    as_of: datetime | None = None,
    stage: str = "",
) -> dict[str, Standing]:
    """Assess some use cases of an estate with what evidence says; `stage` is that of `settle`."""
    book, at = known.rulebook, as_of or now
    settled = {
        name: settle(known, known.use_cases[name], rulebook=book, now=at, stage=stage) for name in names
    }
    proved = with_proofs(tx, known, settled, now=now, as_of=as_of)
    return {
        name: assess(proved, known.use_cases[name], rulebook=book, now=at, settled=one)
        for name, one in settled.items()
    }


def standings(tx: Tx, *, now: datetime, as_of: datetime | None = None) -> tuple[Standing, ...]:
    """Return where every use case stands, by name, with a handful of queries in all."""
    known = estate(tx, as_of=as_of)
    key = f"governance.standings.{id(known)}.{as_of or now}"
    if key not in tx.memo:
        tx.memo[key] = tuple(assessed(tx, known, sorted(known.use_cases), now=now, as_of=as_of).values())
    found = tx.memo[key]
    assert isinstance(found, tuple)
    return found


def standings_among(tx: Tx, names: Collection[str], *, now: datetime) -> dict[str, Standing]:
    """Return where some use cases stand; what there are many of is read for these alone."""
    known = estate_of(tx, names)
    return assessed(tx, known, sorted(known.use_cases), now=now)


def names(tx: Tx) -> set[str]:
    """Return the name of every use case."""
    return set(registry.names(tx, USE_CASE))


def referring(tx: Tx, kind: str, name: str) -> set[str]:
    """Return the use cases that name something in their declaration."""
    links = registry.linked_from(tx, _CATALOGUE.get(kind), name)
    return {link["name"] for link in links if link["kind"] == USE_CASE.name}


def depending_on(tx: Tx, kind: str, name: str) -> set[str]:
    """Return the use cases whose verdict a declaration can change: those that lead to it, by any way."""
    found: set[str] = set()
    waiting, seen = [(kind, name)], set[tuple[str, str]]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for link in registry.linked_from(tx, _CATALOGUE.get(one[0]), one[1]):
            if link["kind"] == USE_CASE.name:
                found.add(link["name"])
            elif link["kind"] in {MODEL.name, ROUTE.name}:
                waiting.append((link["kind"], link["name"]))
    return found


def approved_by(tx: Tx, *, bindings: Collection[str], people: Collection[str]) -> set[str]:
    """Return the use cases with an approval by these people, or in the role of these bindings."""
    holders = {f"person/{name}" for name in people}
    for name in bindings:
        versions = registry.versions(tx, ROLE_BINDING, name=name)
        holders |= {one.document["spec"]["subject"] for one in versions if one.document is not None}
    if not holders:
        return set()
    return {
        one.fact.use_case
        for one in evidence.of(tx, ApprovalGiven)
        if one.actor in holders or one.fact.on_behalf_of in holders
    }


def within(tx: Tx, units: Collection[str]) -> set[str]:
    """Return the use cases that belong to these units or to units below them."""
    parents = {one.name: one.spec.parent for one in registry.every(tx, UNIT)}
    wanted = set(units)
    return {
        one.name
        for one in registry.every(tx, USE_CASE)
        if wanted.intersection(covering_units(one.namespace, parents))
    }


def waiting(tx: Tx, *, now: datetime) -> dict[str, tuple[Waiting, ...]]:
    """Return the approvals each use case waits for, with the reminders that were sent."""
    return waits_of(tx, estate(tx), standings(tx, now=now), refs=None, now=now)


def waits_of(
    tx: Tx, known: Estate, stand: Iterable[Standing], *, refs: Collection[str] | None, now: datetime
) -> dict[str, tuple[Waiting, ...]]:
    """Return the approvals that use cases of an estate wait for; `refs` names them where they are few."""
    said: dict[str, list[Recorded[Any]]] = {}
    for event in evidence.of_types(tx, (ReminderSent, Escalated), subjects=refs):
        said.setdefault(event.fact.use_case, []).append(event)
    return {
        one.use_case: reminders.waiting(
            one,
            declared_at=known.use_cases[one.use_case].asked_at,
            said=said.get(one.use_case, ()),
            now=now,
        )
        for one in stand
    }


def needs_you(tx: Tx, *, principal: str, now: datetime) -> tuple[Task, ...]:
    """Return what waits for a person: what they can decide, gaps in what they own, what soon ends."""
    known, waits = estate(tx), waiting(tx, now=now)
    found = standings(tx, now=now)
    tasks = [
        task
        for one in found
        for task in tasks_for(principal, one, estate=known, waits=waits[one.use_case], now=now)
    ]
    rights = Reader(principal, known, now)
    earned = (
        autonomy_figures.proposals(tx, found, now=now) if rights.holds_anywhere("autonomy.decide") else {}
    )
    tasks += autonomy_tasks.tasks(rights, found, queues=drafts.queues(tx, now=now), earned=earned)
    if rights.holds_anywhere(conflict_tasks.PERMISSION):
        torn = conflict_tasks.torn(found)
        kept = {
            one.use_case: rules.kept(
                tx, rules.Case(known.use_cases[one.use_case].resource, {}, one.tier.decision)
            )
            for one in torn
        }
        tasks += conflict_tasks.tasks(rights, torn, kept=kept)
    return in_order(tasks)
