"""Questions about rules: those in force, and what they decide of each use case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadworthy.evidence import queries as evidence
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity.rights import covering_units
from roadworthy.registry import queries as registry
from roadworthy.registry.resource import Resource
from roadworthy.rules.decide import Decision, decide
from roadworthy.rules.facts import FACTS
from roadworthy.rules.kinds import POLICY_PACK
from roadworthy.rules.matrix import Decided
from roadworthy.rules.merge import Retention, retention
from roadworthy.rules.overlay import overlaid
from roadworthy.rules.packs import shipped
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.ruling import Ruling, State, in_force, rulings_of, standing_of
from roadworthy.rules.stated import stated_facts
from roadworthy.rules.trial import laid_over
from roadworthy.rules.upgrade import Difference, differences
from roadworthy.use_cases.kinds import UNIT, USE_CASE, UseCase


def rulebook(tx: Tx | None = None) -> Rulebook:
    """Return the rules in force: the shipped packs, with those of the organization over them."""
    if tx is None:
        return shipped()
    return overlaid(shipped(), {one.name: one.spec for one in registry.every(tx, POLICY_PACK)})


@dataclass(frozen=True, slots=True)
class Case:
    """A use case, the facts stated about it, and what the rules decide of them."""

    resource: Resource[UseCase]
    facts: dict[str, Any]
    decision: Decision

    @property
    def name(self) -> str:
        """Return its name."""
        return self.resource.name


def cases(tx: Tx, *, now: datetime, only: str = "") -> tuple[Case, ...]:
    """Return every use case that is not stopped, or one, with what the rules in force decide of it."""
    used = rulebook(tx)
    units = {one.name: one.spec for one in registry.every(tx, UNIT)}
    parents = {name: spec.parent for name, spec in units.items()}
    found = []
    for stored in registry.every(tx, USE_CASE):
        spec = stored.spec
        if spec.stage == "stopped" or only not in {"", stored.name}:
            continue
        profile: dict[str, Any] = {}
        for unit in reversed(tuple(covering_units(stored.namespace, parents))):
            profile |= units[unit].profile if unit in units else {}
        facts = stated_facts(spec.intake, autonomy=spec.autonomy, profile=profile, vocabulary=used.vocabulary)
        found.append(Case(stored.resource, facts, decide(facts, rulebook=used, as_of=now.date())))
    return tuple(found)


def case(tx: Tx, name: str, *, now: datetime) -> Case:
    """Return one use case with what the rules decide of it."""
    found = cases(tx, now=now, only=name)
    if not found:
        raise NotFoundError(
            f"There is no running use case called `{name[:80]}`.",
            fix="`roadworthy get use-case` lists them.",
        )
    return found[0]


@dataclass(frozen=True, slots=True)
class Kept:
    """How long records of a use case are kept by its rules, and what people decided where these conflict."""

    retention: Retention
    rulings: tuple[tuple[Ruling, State], ...]
    """Every decision, oldest first, and how it stands."""


def kept(tx: Tx, one: Case) -> Kept:
    """Return how long records are kept by the rules of a use case and by what was decided of them."""
    said = evidence.of_types(tx, FACTS, subjects=[f"use-case/{one.name}"])
    decision, on = one.decision, one.decision.as_of
    found = retention(decision.obligations, rulings=in_force(said, on=on), rules=decision.rulebook.by_id)
    states = [
        (ruling, standing_of(ruling, state, used=found.rulings, on=on)) for ruling, state in rulings_of(said)
    ]
    return Kept(found, tuple(states))


def conflicts(tx: Tx, *, now: datetime) -> tuple[tuple[Case, Kept], ...]:
    """Return the use cases with duties that cannot both be kept, decided or not."""
    found = [(one, kept(tx, one)) for one in cases(tx, now=now) if _conflicting(one)]
    return tuple(found)


def _conflicting(one: Case) -> bool:
    return bool(retention(one.decision.obligations).conflict)


def decided(tx: Tx, *, now: datetime) -> tuple[Decided, ...]:
    """Return every use case that is not stopped as the matrix and the calendar need it."""
    return tuple(
        Decided(one.name, one.resource.spec.title, one.resource.spec.bucket or "", one.decision)
        for one in cases(tx, now=now)
    )


def upgrade(tx: Tx, *, name: str, document: dict[str, Any], now: datetime) -> tuple[Difference, ...]:
    """Return what a pack would change: one of the organization's own, or a version of a shipped one."""
    before = rulebook(tx)
    after = with_pack(tx, name, document)
    facts = {one.name: one.facts for one in cases(tx, now=now)}
    return tuple(differences(facts, before=before, after=after, as_of=now.date()))


def with_pack(tx: Tx, name: str, document: dict[str, Any]) -> Rulebook:
    """Return the rules with a pack in its place: one of the organization's own, or a shipped pack's file."""
    own = {one.name: one.spec for one in registry.every(tx, POLICY_PACK)}
    return laid_over([(name, document)], under=shipped(), own=own)
