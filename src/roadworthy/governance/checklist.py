"""Which gates hold for a use case, shipped or declared by units, and the checklist that follows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from roadworthy.controls.catalogue import catalogue
from roadworthy.governance.gate import Check
from roadworthy.governance.kinds import Gate, GateItem, GateStage
from roadworthy.governance.requirements import ApprovalNeed, TierNeeds
from roadworthy.identity.rights import covering_units
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.registry.resource import Resource
from roadworthy.rules.conditions import describe, evaluate, parse
from roadworthy.rules.rule import Obligation, Tier
from roadworthy.rules.tier import TierVerdict
from roadworthy.use_cases.ownership import SIDE_TITLES, SIDES
from roadworthy.use_cases.pilot import PilotTest

_FILE = Path(__file__).parent / "gates.yaml"
APPROVALS = "approvals"
"""The gate of what tier and rules ask: it is computed, not declared."""


class _GatesFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    exception_days: dict[Tier, int]
    gates: dict[str, Gate]


@dataclass(frozen=True, slots=True)
class Shipped:
    """The gates that hold where nobody declares others, and how long exceptions may last by tier."""

    version: str
    gates: Mapping[str, Gate]
    exception_days: Mapping[Tier, int]

    def days(self, tier: Tier) -> int:
        """Return how long an exception may last at a tier; none at one that is prohibited."""
        return self.exception_days.get(tier, 0)


@cache
def shipped(file: Path = _FILE) -> Shipped:
    """Read the shipped gates, once."""
    # By JSON's rules, the file's lists become the kind's tuples.
    read = _GatesFile.model_validate_json(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8"))))
    return Shipped(read.version, read.gates, read.exception_days)


@dataclass(frozen=True, slots=True)
class Standard:
    """A gate in force, and who declared it; none for a shipped one."""

    name: str
    gate: Gate
    namespace: str = ""


def in_force(declared: Iterable[Resource[Gate]]) -> tuple[Standard, ...]:
    """Return the shipped gates, without those that the organization replaced, and all declared ones."""
    declared = tuple(declared)
    replaced = {one.spec.replaces for one in declared if one.namespace == ROOT_NAMESPACE}
    return (
        *(Standard(name, gate) for name, gate in shipped().gates.items() if name not in replaced),
        *(Standard(one.name, one.spec, one.namespace) for one in declared),
    )


def stage_of(stage: str) -> GateStage:
    """Return the stage whose gates a use case has to pass: what is not live yet is a pilot."""
    return "live" if stage == "live" else "pilot"


def applying(
    gates: Iterable[Standard], *, namespace: str, parents: Mapping[str, str | None], tier: Tier, gate: str
) -> tuple[Standard, ...]:
    """Return the gates of a unit's use cases at a tier; `gate` is a stage, or the name of one gate."""
    covering = set(covering_units(namespace, parents))
    return tuple(
        one
        for one in gates
        if (not one.namespace or one.namespace in covering)
        and (not one.gate.tiers or tier in one.gate.tiers)
        and (gate in one.gate.stages or gate == one.name)
    )


def checks(
    gates: Iterable[Standard], *, tier: TierVerdict, pilot: PilotTest, asked: TierNeeds
) -> tuple[Check, ...]:
    """Return the checklist: each item once for each thing it looks at, then the approvals asked for."""
    gates = tuple(gates)
    found = [check for one in gates for item in one.gate.items for check in _of_item(one, item, tier, pilot)]
    named = {one.subject for one in found if one.kind == "approval" and one.required and not one.skipped_by}
    found += [
        Check(
            id=f"{APPROVALS}/{need.role}",
            gate=APPROVALS,
            what=f"Approval as {need.role}",
            kind="approval",
            subject=need.role,
            quorum=need.quorum,
        )
        for need in asked.approvals
        if need.role not in named
    ]
    return tuple(found)


def with_approvals(asked: TierNeeds, gates: Iterable[Standard], *, tier: TierVerdict) -> TierNeeds:
    """Add the approvals that gates ask for to those of the tier: the larger quorum of each role holds."""
    by_role = {one.role: one for one in asked.approvals}
    last = max((one.valid_days for one in asked.approvals), default=0)
    for one in gates:
        for item in one.gate.items:
            if item.check != "approval" or not item.required or _skipped(one, item, tier):
                continue
            for role in item.of:
                known = by_role.get(role)
                days = known.valid_days if known else last or 365
                quorum = max(item.quorum, known.quorum if known else 1)
                why = (*(known.because if known else ()), f"the gate {one.name} asks for it")
                by_role[role] = ApprovalNeed(role=role, quorum=quorum, valid_days=days, because=why)
    return asked.model_copy(update={"approvals": tuple(by_role.values())})


def controls_of(asked: Iterable[Check]) -> frozenset[str]:
    """Return the controls that have to be answered for a checklist."""
    found: set[str] = set()
    for one in asked:
        if one.kind == "control" and not one.skipped_by:
            found.add(one.subject)
        found |= set(one.controls)
    return frozenset(found)


def _of_item(one: Standard, item: GateItem, tier: TierVerdict, pilot: PilotTest) -> Iterator[Check]:
    skipped = _skipped(one, item, tier)
    subjects = _subjects(item, tier, pilot)
    for subject, what, extra in subjects:
        base = f"{one.name}/{item.id}"
        yield Check(
            id=base if len(subjects) == 1 else f"{base}/{subject}",
            gate=one.name,
            what=item.title if item.title and len(subjects) == 1 else what,
            kind=item.check,
            subject=subject,
            required=extra.pop("required", True) and item.required,
            quorum=item.quorum,
            fresh_days=item.fresh_days,
            ttl_days=item.ttl_days,
            skipped_by=skipped,
            **extra,
        )


def _skipped(one: Standard, item: GateItem, tier: TierVerdict) -> str:
    """Name the rule that takes an item off the list; what is not known never does."""
    if item.skip_when is None:
        return ""
    vocabulary = tier.decision.rulebook.vocabulary
    try:
        condition = parse(item.skip_when, vocabulary)
    except ValueError:
        return ""  # a pack has dropped the fact: then the item is asked for
    if evaluate(condition, tier.decision.facts, vocabulary).truth != "fires":
        return ""
    return f"{one.name}/{item.id}: {describe(condition)}"


def _subjects(item: GateItem, tier: TierVerdict, pilot: PilotTest) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what an item looks at: (subject, what it asks for, the check's own fields)."""
    if item.check == "tier":
        return [("tier", "Risk tier is settled", {})]
    if item.check == "volume":
        return [("calls-per-month", "Calls stay within what was approved", {})]
    if item.check == "pilot-test":
        return [(one.code, one.what, {}) for one in pilot.points if not item.of or one.code in item.of]
    if item.check in {"owners", "deputies"}:
        role = "Owner" if item.check == "owners" else "Deputy"
        return [(side, f"{role} of the {SIDE_TITLES[side]} side", {}) for side in item.of or SIDES]
    if item.check == "control":
        book = catalogue().controls
        return [(one, book[one].title if one in book else one, {}) for one in item.of]
    if item.check == "obligation":
        owed = [one for one in tier.decision.obligations if one.state != "later" and one.kind in item.of]
        return [(one.id, one.name, _terms(one)) for one in owed]
    words = "Approval as" if item.check == "approval" else "Evidence:"
    return [(one, f"{words} {one}", {}) for one in item.of]


def _terms(owed: Obligation) -> dict[str, Any]:
    """Return the terms of a duty; one of a rule that nobody verified never stands in the way."""
    return {"controls": owed.controls, "missing": owed.missing, "required": owed.blocks}
