"""Pure: everything about one use case at a moment: tier, pilot test, owners, approvals, grant or block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from roadworthy.governance import approvals, autonomy, checklist, exceptions, exclusion, gate, grant
from roadworthy.governance.approvals import Grounds, Need, Review
from roadworthy.governance.asked import asked_of
from roadworthy.governance.autonomy import AutonomyStanding
from roadworthy.governance.estate import Declared, Estate, Proof
from roadworthy.governance.exceptions import Exemption
from roadworthy.governance.gate import Check, GateVerdict, Seen
from roadworthy.governance.grant import Block, Case, Grant
from roadworthy.governance.material import approved_digest, authors, material_digest
from roadworthy.governance.requirements import TierNeeds, requirements
from roadworthy.rules.decide import decide
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.stated import stated_facts
from roadworthy.rules.tier import TierVerdict, verdict
from roadworthy.use_cases import ownership as owners
from roadworthy.use_cases.ownership import OwnershipCheck
from roadworthy.use_cases.pilot import PilotTest, pilot_test


@dataclass(frozen=True, slots=True)
class Standing:
    """What is between a use case and its first call, or what it may call."""

    use_case: str
    title: str
    namespace: str
    stage: str
    outcome: str
    generation: int
    declared_at: str
    managed_by: str
    digest: str
    """Of the material content; an approval names the one it approves."""
    tier: TierVerdict
    asked: TierNeeds
    pilot: PilotTest
    ownership: OwnershipCheck
    said: Review
    needs: tuple[Need, ...]
    authors: Mapping[str, str]
    """Who may not approve, and why, as the end of a sentence."""
    changers: tuple[str, ...]
    """Who may change the declaration."""
    verdict: Grant | Block
    rules: str
    gate: GateVerdict
    """How its checklist came out."""
    exemptions: tuple[Exemption, ...]
    """Exceptions asked for, granted and ended."""
    autonomy: AutonomyStanding
    """How much it may do by itself."""

    @property
    def ref(self) -> str:
        """`use-case/claims-triage`."""
        return f"use-case/{self.use_case}"

    @property
    def grant(self) -> Grant | None:
        """Return the grant, if there is one."""
        return self.verdict if isinstance(self.verdict, Grant) else None

    @property
    def block(self) -> Block | None:
        """Return what stands in the way, if anything does."""
        return self.verdict if isinstance(self.verdict, Block) else None

    @property
    def state(self) -> str:
        """Return `granted`, `prohibited`, `stopped`, `waiting for approval` or `not ready`."""
        if isinstance(self.verdict, Grant):
            return "granted"
        codes = {reason.code for reason in self.verdict.reasons}
        for code in ("prohibited", "stopped"):
            if code in codes:
                return code
        return "waiting for approval" if all(code.startswith("needs-") for code in codes) else "not ready"


@dataclass(frozen=True, slots=True)
class Settled:
    """What follows from the declaration and the rules alone: the tier, and the checklist that it brings."""

    tier: TierVerdict
    asked: TierNeeds
    pilot: PilotTest
    checks: tuple[Check, ...]
    digest: str
    """Of the material content and the versions of models: what approvals are bound to."""
    content: str
    """Of the material content alone, which approvals from before versions counted are bound to."""


def settle(
    estate: Estate, declared: Declared, *, rulebook: Rulebook, now: datetime, stage: str = ""
) -> Settled:
    """Settle tier and checklist; `stage` is another stage than its own, or the name of one gate."""
    resource = declared.resource
    spec, namespace = resource.spec, resource.namespace
    facts = stated_facts(
        spec.intake,
        autonomy=spec.autonomy,
        profile=estate.profile(namespace),
        vocabulary=rulebook.vocabulary,
    )
    tier = verdict(decide(facts, rulebook=rulebook, as_of=now.date()))
    gates = checklist.applying(
        estate.gates,
        namespace=namespace,
        parents=estate.parents,
        tier=tier.tier,
        gate=stage or checklist.stage_of(spec.stage),
    )
    of_tier = asked_of(tier, requirements=requirements(), unit_approvals=estate.unit_approvals(namespace))
    asked = checklist.with_approvals(of_tier, gates, tier=tier)
    pilot = pilot_test(spec, estate.metrics)
    asks = checklist.checks(gates, tier=tier, pilot=pilot, asked=asked)
    digest = approved_digest(resource, estate.supply.behind(spec))
    return Settled(tier, asked, pilot, asks, digest, material_digest(resource))


def assess(
    estate: Estate,
    declared: Declared,
    *,
    rulebook: Rulebook,
    now: datetime,
    settled: Settled | None = None,
) -> Standing:
    """Compute where a use case stands; the same estate, rules and moment give the same answer."""
    resource = declared.resource
    spec, namespace = resource.spec, resource.namespace
    settled = settled or settle(estate, declared, rulebook=rulebook, now=now)
    tier, asked, pilot = settled.tier, settled.asked, settled.pilot
    changers = estate.holders("contributor", namespace, now=now)
    excluded = _excluded(estate, declared)
    said, needs = _heard(estate, declared, settled, excluded, now=now)
    ownership = owners.check(spec.owners, estate.leaves(), now=now)
    exemptions = exceptions.exemptions_of(estate.said.get(declared.ref, ()))
    seen = Seen(ref=declared.ref, ownership=ownership, refusals=said.refusals, changers=changers)
    gated = _gated(estate, declared, settled, exemptions, seen=seen, needs=needs, now=now)
    level = _level(estate, declared, settled, now=now)
    compiled = grant.compile_grant(
        Case(resource, declared.generation, declared.declared_at, changers, declared.asked_at),
        tier=tier,
        asked=asked,
        pilot=pilot,
        ownership=ownership,
        said=said,
        needs=needs,
        supply=estate.supply,
        rules=rules_version(rulebook),
        now=now,
        gate=gated,
        allowed=level.allowed(spec),
    )
    kept = exclusion.excluded(estate.exclusions, resource, facts=tier.decision.facts, parents=estate.parents)
    return Standing(
        use_case=resource.name,
        title=spec.title,
        namespace=namespace,
        stage=spec.stage,
        outcome=spec.outcome,
        generation=declared.generation,
        declared_at=declared.declared_at,
        managed_by=declared.managed_by,
        digest=settled.digest,
        tier=tier,
        asked=asked,
        pilot=pilot,
        ownership=ownership,
        said=said,
        needs=needs,
        authors=excluded,
        changers=changers,
        verdict=exclusion.with_exclusions(compiled, kept, ref=declared.ref, changers=changers),
        rules=rules_version(rulebook),
        gate=gated,
        exemptions=exemptions,
        autonomy=level,
    )


def _level(estate: Estate, declared: Declared, settled: Settled, *, now: datetime) -> AutonomyStanding:
    """Put together how much it may do by itself."""
    return autonomy.stand(
        declared.resource,
        tier=settled.tier.tier,
        supply=estate.supply,
        said=estate.said.get(declared.ref, ()),
        now=now,
    )


def _heard(
    estate: Estate, declared: Declared, settled: Settled, excluded: Mapping[str, str], *, now: datetime
) -> tuple[Review, tuple[Need, ...]]:
    """Review what approvers said about what it materially is, and what is still needed of whom."""
    namespace = declared.resource.namespace
    events = estate.said.get(declared.ref, ())
    grounds = Grounds(
        digests=frozenset({settled.digest, settled.content}),
        tier=settled.tier.tier,
        authors=excluded,
        now=now,
        role_until=lambda person, role: estate.role_until(person, role, namespace),
        here_until=estate.here_until,
    )
    said = approvals.review(events, grounds=grounds)
    needs = approvals.needs(
        settled.asked.approvals,
        said=said,
        authors=excluded,
        voices=lambda role: estate.voices(role, namespace, now=now),
    )
    return said, needs


def _gated(
    estate: Estate,
    declared: Declared,
    settled: Settled,
    exemptions: tuple[Exemption, ...],
    *,
    seen: Seen,
    needs: tuple[Need, ...],
    now: datetime,
) -> GateVerdict:
    """Decide the checklist on what the evidence says and which exceptions the tier still allows."""
    proof = estate.proofs.get(declared.resource.name, Proof())
    days = checklist.shipped().days(settled.tier.tier)
    known = replace(
        seen,
        asked_at=declared.asked_at,
        tier=settled.tier,
        pilot=settled.pilot,
        pieces=proof.pieces,
        expected_calls=declared.resource.spec.expected_calls_per_month,
        calls=proof.calls,
    )
    return gate.decide(
        settled.checks,
        controls=proof.controls,
        approvals=needs,
        exceptions=exceptions.in_force(exemptions, now=now, days=days),
        now=now,
        seen=known,
    )


def rules_version(rulebook: Rulebook) -> str:
    """Name all that a verdict was decided by: `house 1.0.0, requirements 1.0.0`."""
    return f"{rulebook.version}, requirements {requirements().version}"


def _excluded(estate: Estate, declared: Declared) -> dict[str, str]:
    """Say who may not approve: who wrote what is approved, in person or by a program, and who asks for it."""
    excluded: dict[str, str] = {}
    product = declared.resource.spec.owners.product.owner
    if product is not None:
        excluded[f"person/{product}"] = "owns its product side, which asks for the approval"
    for actor in authors(declared.versions):
        owner = estate.account_owners.get(actor)
        if owner is not None:
            excluded[owner] = f"owns {actor}, which wrote the declaration"
        excluded[actor] = "wrote the declaration"
    return excluded
