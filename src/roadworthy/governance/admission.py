"""What governance has to say to a plan: answers that are none, and what a change does to tiers and grants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from roadworthy.foundation.errors import Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.approvals import Approval
from roadworthy.governance.foreseen import planned_of, sides
from roadworthy.governance.grant import Grant
from roadworthy.governance.standing import Standing
from roadworthy.registry.kinds import references
from roadworthy.registry.resource import Resource
from roadworthy.registry.slice import Proposal
from roadworthy.rules.conditions import Vocabulary
from roadworthy.rules.facts_file import problems_with
from roadworthy.rules.queries import rulebook
from roadworthy.rules.stated import is_empty
from roadworthy.rules.tier import rank
from roadworthy.use_cases.kinds import Intake, Unit, UseCase


def check_facts(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse an answer to no question, one its question does not take, and a position nobody signed."""
    if proposal.after is None:
        return
    spec, vocabulary = proposal.after.spec, rulebook().vocabulary
    if isinstance(spec, Unit):
        yield from problems_with(spec.profile, vocabulary, where="spec.profile")
        yield from _empty_answers(spec.profile, vocabulary, where="spec.profile")
    if isinstance(spec, UseCase):
        yield from problems_with(spec.intake.facts, vocabulary, where="spec.intake.facts")
        yield from _empty_answers(spec.intake.facts, vocabulary, where="spec.intake.facts")
        yield from _intake_issues(spec.intake, vocabulary)


def _empty_answers(facts: Mapping[str, Any], vocabulary: Vocabulary, *, where: str) -> Iterator[Issue]:
    for name, value in facts.items():
        known = vocabulary.facts.get(name)
        if known is None or known.kind != "set" or not is_empty(value):
            continue
        none = f"write `{name}: [{', '.join(known.none)}]`" if known.none else "it cannot be none"
        yield Issue(
            f"`{name}` was not answered: its list is empty.",
            f"Leave it out while nobody knows; if it is known that nothing applies, {none}.",
            f"{where}.{name}",
        )


def _intake_issues(intake: Intake, vocabulary: Vocabulary) -> Iterator[Issue]:
    for place, question in enumerate(intake.none):
        if question not in vocabulary.questions:
            known = f"Known: {', '.join(vocabulary.questions)}."
            yield Issue(f"There is no question `{question}`.", known, f"spec.intake.none[{place}]")
    positions = [name for name, known in vocabulary.facts.items() if known.legal_position]
    for name in positions:
        if intake.facts.get(name) is True and name not in intake.positions:
            yield Issue(
                f"`{name}` is a legal position that nobody has signed for.",
                f"Say who did: `positions: {{{name}: {{signed_by: PERSON, memo: WHERE, signed_on: DAY}}}}`.",
                f"spec.intake.positions.{name}",
            )
    for name in intake.positions:
        if name not in positions:
            yield Issue(f"`{name}` is no legal position.", "Take it out.", f"spec.intake.positions.{name}")


def effects(tx: Tx, proposal: Proposal) -> Iterator[str]:
    """Say what a change does to tiers, approvals and grants of use cases."""
    if proposal.change.kind not in {kind.name for kind in queries.KINDS}:
        return
    names = _touched(tx, proposal)
    before, after = sides(tx, proposal.world, names, actor=proposal.actor, now=proposal.now)
    for name in sorted(names):
        yield from differences(before.get(name), after.get(name))


def _touched(tx: Tx, proposal: Proposal) -> set[str]:
    """Return the use cases whose standing this one change of the plan can explain."""
    kind, name, world = proposal.change.kind, proposal.change.name, proposal.world
    if kind == "UseCase":
        return {name}
    planned = planned_of(world, "UseCase")
    if kind in {"Metric", "Person", "Model", "Route"}:
        linked = queries.referring(tx, kind, name) - planned.keys()
        declared = {case: one for case, one in planned.items() if one is not None}
        return linked | {case for case, one in declared.items() if _refers(one, kind, name)}
    sides: list[Resource[Any]] = [one for one in (proposal.before, proposal.after) if one is not None]
    if kind == "RoleBinding":  # of a verdict it changes nothing but whose approvals count
        people = {one.spec.subject.removeprefix("person/") for one in sides}
        return queries.approved_by(tx, bindings=(), people=people) | planned.keys()
    if kind in {"Delegation", "Gate", "Exclusion"} and not planned_of(world, "Unit"):
        return queries.within(tx, {one.namespace for one in sides}) | planned.keys()
    return queries.names(tx) | planned.keys()


def _refers(resource: Resource[Any], kind: str, name: str) -> bool:
    return any((to, target) == (kind, name) for _, to, target in references(resource.spec))


def differences(before: Standing | None, after: Standing | None) -> Iterator[str]:
    """Say in sentences what is different for a use case."""
    if before is None:
        if after is not None:
            yield f"{after.ref} starts at tier {after.tier.tier}: {_because(after)}"
        return
    if after is None:
        if before.grant is not None:
            yield f"the grant of {before.ref} ends"
        return
    if before.tier.tier != after.tier.tier:
        way = "rises" if rank(after.tier.tier) > rank(before.tier.tier) else "falls"
        yield (
            f"the tier of {after.ref} {way} from {before.tier.tier} to {after.tier.tier}: {_because(after)}"
        )
    yield from _rules_differ(before, after)
    counted = {one.id: one for one in before.said.approvals if one.counts}
    void = [one for one in after.said.approvals if one.id in counted and not one.counts]
    if void:
        count = "1 approval" if len(void) == 1 else f"{len(void)} approvals"
        yield f"voids {count} of {after.ref}: {_named(void)}"
    back = [one for one in after.said.approvals if one.counts and one.id not in counted]
    if back:
        yield f"makes approvals of {after.ref} count again: {_named(back)}"
    if before.grant is not None and after.block is not None:
        yield f"the grant of {after.ref} ends: {after.block.reasons[0].message}"
    elif before.grant is None and after.grant is not None:
        yield f"{after.ref} gets a grant until {after.grant.expires_at.date()}"
    elif before.grant is not None and after.grant is not None:
        yield from _regranted(before.grant, after.grant)


def _rules_differ(before: Standing, after: Standing) -> Iterator[str]:
    old, new = before.tier.decision, after.tier.decision
    fired = {*old.fires_now, *old.fires_later}, {*new.fires_now, *new.fires_later}
    if starts := sorted(fired[1] - fired[0]):
        yield f"{after.ref} now falls under {', '.join(starts)}"
    if stops := sorted(fired[0] - fired[1]):
        yield f"{after.ref} no longer falls under {', '.join(stops)}"


def _regranted(before: Grant, after: Grant) -> Iterator[str]:
    lost = sorted({*before.models, *before.routes} - {*after.models, *after.routes})
    if lost:
        yield f"use-case/{after.use_case} may no longer call {', '.join(lost)}"
    if before.expires_at != after.expires_at:
        yield f"the grant of use-case/{after.use_case} now ends on {after.expires_at.date()}"


def _because(standing: Standing) -> str:
    return standing.tier.sentence()


def _named(found: list[Approval]) -> str:
    return ", ".join(f"{one.role} of {one.person}" for one in found)
