"""Questions about rules: those in force, and what they decide of each use case."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from roadworthy.foundation.errors import InvalidError, Issue, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity.rights import covering_units
from roadworthy.registry import queries as registry
from roadworthy.registry.resource import Resource
from roadworthy.rules.decide import Decision, decide
from roadworthy.rules.kinds import POLICY_PACK, PolicyPack
from roadworthy.rules.matrix import Decided
from roadworthy.rules.overlay import overlaid, pack_problems
from roadworthy.rules.pack_file import pack_of
from roadworthy.rules.packs import shipped
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.stated import stated_facts
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
    if "name" in document:  # the file of a shipped pack
        try:
            pack = pack_of(document, shipped().vocabulary)
        except ValueError as error:
            raise InvalidError("The pack cannot be read.", why=str(error)[:600], fix=_FIX) from error
        others = tuple(one for one in shipped().packs if one.name != pack.name)
        under = replace(shipped(), packs=tuple(sorted((*others, pack), key=lambda one: one.name)))
        return overlaid(under, own)
    try:
        spec = PolicyPack.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        issues = [Issue(one["msg"], "", ".".join(map(str, one["loc"]))) for one in error.errors()]
        raise InvalidError("The pack cannot be read.", issues=issues, fix=_FIX) from error
    others_own = {key: value for key, value in own.items() if key != name}
    if issues := [Issue(one) for one in pack_problems(name, spec, overlaid(shipped(), others_own))]:
        raise InvalidError("The pack cannot be installed.", issues=issues, fix=_FIX)
    return overlaid(shipped(), {**own, name or "tried": spec})


_FIX = "`roadworthy rules check FILE` says what is wrong with it."
