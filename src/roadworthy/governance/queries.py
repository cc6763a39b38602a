"""Questions about what use cases may do, now or as of an earlier moment; safe for any slice above."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance.estate import Declared, Estate, Someone
from roadworthy.governance.facts import FACTS
from roadworthy.governance.grant import Supply
from roadworthy.governance.kinds import MODEL, PROVIDER, ROUTE
from roadworthy.governance.packs import rulebook
from roadworthy.governance.standing import Standing, assess
from roadworthy.identity.kinds import PERSON, ROLE_BINDING, SERVICE_ACCOUNT
from roadworthy.identity.rights import Held, start_of
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import METRIC, UNIT, USE_CASE

SOON = timedelta(days=30)
KINDS = (UNIT, METRIC, USE_CASE, PERSON, SERVICE_ACCOUNT, ROLE_BINDING, PROVIDER, MODEL, ROUTE)
"""The kinds verdicts are computed from."""

_CATALOGUE = Catalogue(KINDS)


def estate(tx: Tx, *, as_of: datetime | None = None) -> Estate:
    """Read all that verdicts are computed from, once for each state of the log in a transaction."""
    size = audit.size(tx) if as_of is None else audit.size_at(tx, as_of)
    key = f"governance.estate.{size}.{as_of}"
    if key not in tx.memo:
        tx.memo[key] = _read(tx, size=size, as_of=as_of)
    found = tx.memo[key]
    assert isinstance(found, Estate)
    return found


def _read(tx: Tx, *, size: int, as_of: datetime | None) -> Estate:
    by_kind: dict[str, list[Resource[Any]]] = {kind.name: [] for kind in KINDS}
    where: dict[str, tuple[int, str, str]] = {}
    if as_of is None:
        for kind in KINDS:
            for one in registry.every(tx, kind):
                by_kind[kind.name].append(one.resource)
                where[one.ref] = (one.generation, one.declared_at, one.managed_by)
    else:
        for resource in registry.as_of(tx, _CATALOGUE, size):
            by_kind[resource.kind].append(resource)
    versions: dict[str, list[registry.Version]] = {}
    for version in registry.versions(tx, USE_CASE, audit_size=size):
        versions.setdefault(version.name, []).append(version)
    said: dict[str, list[Recorded[Any]]] = {}
    for event in evidence.of_types(tx, FACTS, as_of=as_of):
        said.setdefault(event.subject, []).append(event)
    declared = {}
    for resource in by_kind["UseCase"]:
        own = versions.get(resource.name, [])
        last = own[-1].generation if own else 0
        generation, source, manager = where.get(f"use-case/{resource.name}", (last, "", ""))
        declared[resource.name] = Declared(
            resource, generation, source, manager, tuple((one.actor, one.document) for one in own)
        )
    return arrange(by_kind, declared=declared, said={ref: tuple(events) for ref, events in said.items()})


def arrange(
    by_kind: Mapping[str, Iterable[Resource[Any]]],
    *,
    declared: Mapping[str, Declared],
    said: Mapping[str, tuple[Recorded[Any], ...]],
) -> Estate:
    """Arrange declarations, wherever they were read, as verdicts need them."""
    supply = Supply(
        models={one.name: one.spec.provider for one in by_kind["Model"]},
        routes={one.name: one.spec.targets for one in by_kind["Route"]},
        providers=frozenset(one.name for one in by_kind["Provider"]),
    )
    people = {
        f"person/{one.name}": Someone(
            f"person/{one.name}",
            one.spec.display_name,
            None if one.spec.disabled_on is None else start_of(one.spec.disabled_on),
        )
        for one in by_kind["Person"]
    }
    return Estate(
        use_cases=declared,
        metrics={one.name: one.spec for one in by_kind["Metric"]},
        supply=supply,
        people=people,
        bindings=tuple(
            (one.spec.subject, Held(one.spec.role, one.spec.unit, one.spec.expires_on))
            for one in by_kind["RoleBinding"]
        ),
        parents={one.name: one.spec.parent for one in by_kind["Unit"]},
        account_owners={
            f"service-account/{one.name}": f"person/{one.spec.owner}" for one in by_kind["ServiceAccount"]
        },
        said=said,
    )


def standing(tx: Tx, *, use_case: str, now: datetime, as_of: datetime | None = None) -> Standing:
    """Return everything about one use case; with `as_of`, the verdict as it was at that moment."""
    known = estate(tx, as_of=as_of)
    declared = known.use_cases.get(use_case)
    if declared is None:
        raise NotFoundError(
            f"There is no use case called `{use_case[:80]}`.",
            fix="`roadworthy get use-case` lists them.",
        )
    return assess(known, declared, rulebook=rulebook(), now=as_of or now)


def standings(tx: Tx, *, now: datetime, as_of: datetime | None = None) -> tuple[Standing, ...]:
    """Return where every use case stands, by name, with a handful of queries in all."""
    known = estate(tx, as_of=as_of)
    key = f"governance.standings.{id(known)}.{as_of or now}"
    if key not in tx.memo:
        tx.memo[key] = tuple(
            assess(known, known.use_cases[name], rulebook=rulebook(), now=as_of or now)
            for name in sorted(known.use_cases)
        )
    found = tx.memo[key]
    assert isinstance(found, tuple)
    return found


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for a person, with the one thing to do about it."""

    kind: Literal["approve", "close-gap", "answer", "renew"]
    use_case: str
    title: str
    what: str
    why: str
    action: str
    href: str
    command: str
    due_at: datetime | None = None


def needs_you(tx: Tx, *, principal: str, now: datetime) -> tuple[Task, ...]:
    """Return what waits for a person: approvals they can give, gaps in what they own, what soon ends."""
    tasks: list[Task] = []
    known = estate(tx)
    for one in standings(tx, now=now):
        if one.stage == "stopped" or one.tier.tier == "prohibited":
            continue
        tasks += _approvals_waiting(one, principal)
        tasks += _renewals(one, principal, now)
        owned = principal in _owners_of(known.use_cases[one.use_case])
        if owned:
            tasks += _gaps_of(one)
    return tuple(sorted(tasks, key=lambda task: (_ORDER[task.kind], task.use_case, task.what)))


_ORDER = {"renew": 0, "approve": 1, "answer": 2, "close-gap": 3}


def _owners_of(declared: Declared) -> set[str]:
    owners = declared.resource.spec.owners
    sides = (owners.business, owners.product, owners.platform, owners.security_legal, owners.operations)
    named = (name for side in sides for name in (side.owner, side.deputy))
    return {f"person/{name}" for name in named if name is not None}


def _href(one: Standing, anchor: str) -> str:
    return f"/use-cases/{one.use_case}#{anchor}"


def _approvals_waiting(one: Standing, principal: str) -> list[Task]:
    if one.tier.provisional:
        return []  # an approval of an unsettled tier would be void as soon as it settles
    return [
        Task(
            kind="approve",
            use_case=one.use_case,
            title=one.title,
            what=f"Approve {one.title} as {need.role}",
            why=one.tier.sentence(),
            action="Review",
            href=_href(one, "approvals"),
            command=f"roadworthy approve {one.ref} --as {need.role}",
        )
        for need in one.needs
        if need.missing and principal in need.can_give
    ]


def _renewals(one: Standing, principal: str, now: datetime) -> list[Task]:
    return [
        Task(
            kind="renew",
            use_case=one.use_case,
            title=one.title,
            what=f"Your approval of {one.title} as {held.role} ends soon",
            why="When it ends, the use case can no longer call.",
            action="Review",
            href=_href(one, "approvals"),
            command=f"roadworthy approve {one.ref} --as {held.role}",
            due_at=held.expires_at,
        )
        for need in one.needs
        for held in need.held
        if held.person == principal and held.expires_at - now <= SOON
    ]


def _gaps_of(one: Standing) -> list[Task]:
    edit, command = _href(one, "checklist"), f"roadworthy explain {one.ref}"
    tasks = [
        Task("answer", one.use_case, one.title, question.text, "", "Answer", edit, command)
        for question in one.tier.questions
    ]
    tasks += [
        Task(
            "close-gap",
            one.use_case,
            one.title,
            f"{one.title}: {gap.message}",
            gap.next_step,
            "Open",
            edit,
            command,
        )
        for gap in one.ownership.gaps
    ]
    return tasks + [
        Task(
            "close-gap",
            one.use_case,
            one.title,
            f"{one.title}: {point.what[:1].lower()}{point.what[1:]} is missing",
            f"{point.why} {point.next_step}",
            "Open",
            edit,
            command,
        )
        for point in one.pilot.missing
    ]
