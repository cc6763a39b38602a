"""Pure: may a use case call, for which models, until when and why? Or what stands in the way?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from roadworthy.foundation.canonical import digest
from roadworthy.governance.approvals import Approval, Need, Review
from roadworthy.governance.gate import OWN_REASONS, GateVerdict, ItemVerdict
from roadworthy.governance.requirements import TierNeeds
from roadworthy.identity.rights import start_of
from roadworthy.registry.resource import Resource
from roadworthy.rules.tier import TierVerdict
from roadworthy.use_cases.kinds import UseCase
from roadworthy.use_cases.ownership import OwnershipCheck
from roadworthy.use_cases.pilot import PilotTest

BY_ITSELF = timedelta(days=30)
"""How far ahead a grant reaches that no person gave; it is computed anew every day."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands in the way: what, from which declaration, who can change it, what to do."""

    code: str
    message: str
    declaration: str
    who_can_change: tuple[str, ...]
    next_step: str


@dataclass(frozen=True, slots=True)
class Block:
    """Everything that keeps a use case from having a grant."""

    use_case: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """How much a use case may do by itself, and what people do about its answers meanwhile."""

    level: Literal["assist", "supervise", "automate"] = "assist"
    draft: Literal["marked", "withheld"] = "marked"
    review_share: float = 0.0
    basis: str = ""
    """The digest of what its answers come from."""
    part: str = ""
    """What a grant names of it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The verdict that lets a use case call."""

    id: str
    use_case: str
    namespace: str
    tier: str
    models: tuple[str, ...]
    routes: tuple[str, ...]
    not_before: datetime
    expires_at: datetime
    logging: str
    retention_days: int
    made_of: tuple[str, ...]
    declared_at: str
    changers: tuple[str, ...]
    data_class: str
    warnings: tuple[str, ...] = ()
    digest: str = ""
    """Of the verdict it follows from: tier, rules, every item of the checklist with its evidence."""
    ends_with: str = ""
    """With what it ends at `expires_at`, and what to do about that."""
    allowed: Allowed = Allowed()


@dataclass(frozen=True, slots=True)
class Supply:
    """The models and routes that are declared, and the providers behind them."""

    models: Mapping[str, str]
    """Model -> its provider."""
    routes: Mapping[str, tuple[str, ...]]
    """Route -> its models."""
    providers: frozenset[str]
    versions: Mapping[str, str] = field(default_factory=dict)
    """Model -> the provider and its name there."""

    def behind(self, spec: UseCase) -> dict[str, str]:
        """Return every model that a use case may ask, also by a route: the provider and its name there."""
        names = {*spec.models, *(one for route in spec.routes for one in self.routes.get(route, ()))}
        return {name: self.versions.get(name, "") for name in sorted(names)}

    def serves_model(self, name: str) -> bool:
        """Say whether a model is declared and has a provider."""
        return self.models.get(name) in self.providers

    def serves_route(self, name: str) -> bool:
        """Say whether a route leads to at least one model that has a provider."""
        return any(self.serves_model(target) for target in self.routes.get(name, ()))


@dataclass(frozen=True, slots=True)
class Case:
    """One use case as declared, and who may change the declaration."""

    resource: Resource[UseCase]
    generation: int
    declared_at: str
    changers: tuple[str, ...]
    declared_on: datetime | None = None

    @property
    def ref(self) -> str:
        """`use-case/claims-triage`."""
        return f"use-case/{self.resource.name}"


def compile_grant(
    case: Case,
    *,
    tier: TierVerdict,
    asked: TierNeeds,
    pilot: PilotTest,
    ownership: OwnershipCheck,
    said: Review,
    needs: Sequence[Need],
    supply: Supply,
    rules: str,
    now: datetime,
    gate: GateVerdict | None = None,
    allowed: Allowed = Allowed(),
) -> Grant | Block:
    """Grant only when every reason against it is gone; name all of them, not the first."""
    spec = case.resource.spec
    models = tuple(name for name in spec.models if supply.serves_model(name))
    routes = tuple(name for name in spec.routes if supply.serves_route(name))
    reasons = [
        *_stage_reasons(case),
        *_tier_reasons(case, tier),
        *_pilot_reasons(case, pilot, gate),
        *_owner_reasons(case, ownership, asked),
        *_approval_reasons(case, said, needs, tier),
        *_gate_reasons(case, gate, asked),
    ]
    if not models and not routes:
        reasons.append(_nothing_to_call(case))
    if reasons:
        return Block(case.resource.name, tuple(reasons))
    held = [one for need in needs for one in need.held]
    assert held or asked.approves_itself, "a person approves what does not approve itself"
    expires_at, ends_with = min(_ends(case, held, ownership, gate, now=now))
    decided = (f"{case.ref}@{case.generation}", f"tier {tier.tier} by {rules}")
    approved = _approved_by(held, said, tier)
    made_of = (*decided, *approved, *_gate_parts(gate), *_called(allowed, models, routes))
    not_before = max((one.at for one in held), default=case.declared_on or start_of(now.date()))
    return Grant(
        id=f"grant_{digest([*made_of, expires_at.isoformat()])[:20]}",
        use_case=case.resource.name,
        namespace=case.resource.namespace,
        tier=tier.tier,
        models=models,
        routes=routes,
        not_before=not_before,
        expires_at=expires_at,
        logging=spec.logging,
        retention_days=spec.retention_days,
        made_of=made_of,
        declared_at=case.declared_at,
        changers=case.changers,
        data_class=_data_class(spec),
        warnings=tuple(gap.message for gap in ownership.gaps),
        digest=_digest(tier, rules, held, gate),
        ends_with=ends_with,
        allowed=allowed,
    )


def _called(allowed: Allowed, models: Sequence[str], routes: Sequence[str]) -> tuple[str, ...]:
    """Name how much it may do by itself, and what it may call."""
    by_itself = (allowed.part,) if allowed.part else ()
    return (*by_itself, *(f"model/{name}" for name in models), *(f"route/{name}" for name in routes))


def _ends(
    case: Case,
    held: Sequence[Approval],
    ownership: OwnershipCheck,
    gate: GateVerdict | None,
    *,
    now: datetime,
) -> Iterator[tuple[datetime, str]]:
    """Name every moment at which something it rests on ends, with what to do then."""
    explain = f"`roadworthy explain {case.ref}` says what is missing."
    for one in held:
        yield one.expires_at, f"Have it approved again as {one.role}: {one.by} ({one.id})."
    if not held:
        yield start_of(now.date()) + BY_ITSELF, explain
    if ownership.owners_until is not None:
        yield ownership.owners_until, f"Name another owner in the place of who has left; {explain}"
    for item in gate.items if gate is not None else ():
        if item.until is None or not (item.check.required and item.passes):
            continue
        if item.word == "waived":
            name, by = item.check.exception, ", ".join(item.who)
            again = f"`roadworthy exception request {case.ref} {name}`"
            yield item.until, f"The exception to {name} by {by} is over: meet it, or ask anew with {again}."
        else:
            what = f"{item.check.what} ({item.check.subject})"
            yield item.until, f"What answers {what} is too old: file it anew; {explain}"


def _digest(tier: TierVerdict, rules: str, held: Sequence[Approval], gate: GateVerdict | None) -> str:
    items = () if gate is None else gate.items
    checked = [[one.check.id, one.said, *one.evidence] for one in items]
    return digest([tier.tier, rules, [one.id for one in held], checked])


def _approved_by(held: Sequence[Approval], said: Review, tier: TierVerdict) -> tuple[str, ...]:
    """Name what approved it, and who is on record against it."""
    approved = tuple(f"{one.role}: {one.by} ({one.id})" for one in held)
    against = tuple(f"dissent as {one.role}: {one.person} ({one.id})" for one in said.dissents)
    return (approved or (f"by itself: tier {tier.tier}, nothing missing",)) + against


def _data_class(spec: UseCase) -> str:
    value = spec.intake.facts.get("data_classes", ())
    return ", ".join(value) if isinstance(value, tuple) else ""


def _stage_reasons(case: Case) -> list[Reason]:
    if case.resource.spec.stage != "stopped":
        return []
    message = f"{case.ref} was stopped."
    step = "Set `stage` to `pilot` or `live` if it is to run again."
    return [Reason("stopped", message, _at(case, "spec.stage"), case.changers, step)]


def _tier_reasons(case: Case, tier: TierVerdict) -> list[Reason]:
    at = _at(case, "spec.intake.facts")
    if tier.tier == "prohibited":
        named = "; ".join(f"{one.title} ({one.rule})" for one in tier.reasons)
        step = "Nobody can approve it. Change what it does, or stop it."
        return [Reason("prohibited", f"This use is prohibited: {named}.", at, case.changers, step)]
    if not tier.provisional:
        return []
    asked = ", ".join(question.fact for question in tier.questions)
    highest = tier.open[0]
    message = f"Its risk tier is not settled: {asked} could raise it to {highest.tier} ({highest.rule})."
    step = f"Answer under `intake.facts`: {asked}."
    return [Reason("needs-information", message, at, case.changers, step)]


def _gate_parts(gate: GateVerdict | None) -> list[str]:
    """Name what the gate rests on: control states with their evidence, pieces filed, exceptions."""
    if gate is None:
        return []
    parts = [f"gate {gate.said}"]
    for one in gate.items:
        if one.word == "waived" and one.until is not None:
            until = f"{one.until:%Y-%m-%d %H:%M} UTC"
            by = ", ".join(one.who)
            parts.append(f"exception {one.check.exception} by {by} until {until} ({one.exception})")
        elif one.word == "pass" and one.check.required and one.check.kind not in OWN_REASONS:
            rests_on = f" ({', '.join(one.evidence)})" if one.evidence else ""
            parts.append(f"{one.check.subject} holds{rests_on}")
    return list(dict.fromkeys(parts))  # one exception can stand for several items


def _gate_reasons(case: Case, gate: GateVerdict | None, asked: TierNeeds) -> list[Reason]:
    """Name what the gate asks for beyond tier, pilot test, owners and approvals, which say so themselves."""
    if gate is None:
        return []
    return [
        _gate_reason(case, one)
        for one in gate.failing
        if one.check.kind not in OWN_REASONS or (one.check.kind == "deputies" and asked.deputies != "block")
    ]


def _gate_reason(case: Case, one: ItemVerdict) -> Reason:
    evidence = f" Evidence: {', '.join(one.evidence)}." if one.evidence else ""
    return Reason(
        "gate-failed",
        f"The gate {one.check.gate} asks for {one.check.subject} ({one.check.what}): {one.said}. "
        f"{one.because}{evidence}",
        case.ref,
        one.who or case.changers,
        one.next_step,
    )


def _pilot_reasons(case: Case, pilot: PilotTest, gate: GateVerdict | None) -> list[Reason]:
    asked = None if gate is None else {one.check.subject for one in gate.failing}
    return [
        Reason(
            f"pilot-{point.code}",
            f"The pilot test asks for: {point.what.lower()}. {point.why}",
            _at(case, point.field),
            case.changers,
            point.next_step,
        )
        for point in pilot.missing
        if asked is None or point.code in asked
    ]


def _owner_reasons(case: Case, ownership: OwnershipCheck, asked: TierNeeds) -> list[Reason]:
    return [
        Reason(gap.code, gap.message, _at(case, gap.field), case.changers, gap.next_step)
        for gap in ownership.gaps
        if gap.about_owner or asked.deputies == "block"
    ]


def _approval_reasons(case: Case, said: Review, needs: Sequence[Need], tier: TierVerdict) -> list[Reason]:
    if tier.tier == "prohibited":
        return []
    found = [
        Reason(
            "refused",
            f"{one.person} refused it as {one.role}" + (f": {one.comment}" if one.comment else "."),
            case.ref,
            (one.person,),
            f"Change what {one.person} objects to, or ask them to approve it after all.",
        )
        for one in said.refusals
    ]
    for need in needs:
        if not need.missing:
            continue
        void = [one for one in said.approvals if one.role == need.role and not one.counts]
        since = f" The one of {void[-1].person} no longer counts: {void[-1].why}." if void else ""
        some = "An approval" if need.missing == 1 else f"{need.missing} approvals"
        duties = [one for one in need.because if not one.startswith("its tier")]
        asks = f" {duties[0][:1].upper()}{duties[0][1:]}." if duties else ""
        lacking = f"{some} as {need.role} {'is' if need.missing == 1 else 'are'} missing.{since}{asks}"
        if need.can_give:
            step = f"Ask {' or '.join(need.can_give[:5])}."
        else:
            step = (
                f"Nobody can give it: bind the role {need.role} for {case.resource.namespace} "
                "to somebody who did not write the declaration."
            )
        found.append(Reason(f"needs-{need.role}", lacking, case.ref, need.can_give, step))
    return found


def _nothing_to_call(case: Case) -> Reason:
    spec = case.resource.spec
    named = [*(f"model/{name}" for name in spec.models), *(f"route/{name}" for name in spec.routes)]
    message = "It names no model and no route."
    if named:
        message = f"None of what it names has a provider: {', '.join(named)}."
    step = "Add one under `models` or `routes` (`roadworthy get model` lists them)."
    return Reason("nothing-to-call", message, _at(case, "spec.models"), case.changers, step)


def _at(case: Case, field: str) -> str:
    return f"{case.ref} {field}" + (f" ({case.declared_at})" if ":" in case.declared_at else "")
