"""Pure: everything about one use case at a moment: tier, pilot test, owners, approvals, grant or block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from roadworthy.governance import approvals, grant
from roadworthy.governance.approvals import Need, Review
from roadworthy.governance.estate import Declared, Estate
from roadworthy.governance.grant import Block, Case, Grant
from roadworthy.governance.material import authors, material_digest
from roadworthy.governance.rulebook import Rulebook, TierNeeds
from roadworthy.governance.tier import TierVerdict, decide, known_facts
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


def assess(estate: Estate, declared: Declared, *, rulebook: Rulebook, now: datetime) -> Standing:
    """Compute where a use case stands; the same estate, rules and moment give the same answer."""
    resource = declared.resource
    spec, namespace = resource.spec, resource.namespace
    facts = known_facts(spec.intake.facts, autonomy=spec.autonomy, vocabulary=rulebook.vocabulary)
    tier = decide(facts, rules=rulebook.rules, vocabulary=rulebook.vocabulary)
    asked = rulebook.needs[tier.tier]
    excluded = _excluded(estate, declared)
    digest = material_digest(resource)
    events = estate.said.get(declared.ref, ())
    said = approvals.review(events, digest=digest, tier=tier.tier, authors=excluded, now=now)
    needs = approvals.needs(
        asked.approvals,
        said=said,
        authors=excluded,
        holders=lambda role: estate.holders(role, namespace, now=now),
    )
    changers = estate.holders("contributor", namespace, now=now)
    case = Case(resource, declared.generation, declared.declared_at, changers)
    pilot = pilot_test(spec, estate.metrics)
    ownership = owners.check(spec.owners, estate.leaves(), now=now)
    verdict = grant.compile_grant(
        case,
        tier=tier,
        asked=asked,
        pilot=pilot,
        ownership=ownership,
        said=said,
        needs=needs,
        supply=estate.supply,
        rules=rulebook.version,
    )
    return Standing(
        use_case=resource.name,
        title=spec.title,
        namespace=namespace,
        stage=spec.stage,
        outcome=spec.outcome,
        generation=declared.generation,
        declared_at=declared.declared_at,
        managed_by=declared.managed_by,
        digest=digest,
        tier=tier,
        asked=asked,
        pilot=pilot,
        ownership=ownership,
        said=said,
        needs=needs,
        authors=excluded,
        changers=changers,
        verdict=verdict,
        rules=rulebook.version,
    )


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
