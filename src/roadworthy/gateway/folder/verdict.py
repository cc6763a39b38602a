"""Pure: may a use case of a folder call? All rules of an installation hold; a vouch stands for approvals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from roadworthy.gateway.folder.edge_file import Vouch
from roadworthy.governance import grant
from roadworthy.governance.approvals import Approval, Need, Review
from roadworthy.governance.estate import Declared, Estate
from roadworthy.governance.grant import Block, Case, Grant, Reason
from roadworthy.governance.requirements import requirements
from roadworthy.governance.standing import rules_version
from roadworthy.rules.decide import decide
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.stated import stated_facts
from roadworthy.rules.tier import Tier, rank
from roadworthy.rules.tier import verdict as tier_verdict
from roadworthy.use_cases import ownership
from roadworthy.use_cases.pilot import pilot_test

ROLE = "voucher"
HIGHEST_TIER: Tier = "limited"
"""Beyond it, two people have to approve, and a file cannot show that they did."""


def decide_case(
    estate: Estate, declared: Declared, *, vouch: Vouch | None, rulebook: Rulebook, now: datetime
) -> Grant | Block:
    """Grant what somebody vouches for and nothing else stands against."""
    spec = declared.resource.spec
    facts = stated_facts(
        spec.intake,
        autonomy=spec.autonomy,
        profile=estate.profile(declared.resource.namespace),
        vocabulary=rulebook.vocabulary,
    )
    tier = tier_verdict(decide(facts, rulebook=rulebook, as_of=now.date()))
    held = () if vouch is None else (_approval(declared.ref, vouch),)
    verdict = grant.compile_grant(
        Case(declared.resource, declared.generation, declared.declared_at, ()),
        tier=tier,
        asked=requirements().tiers[tier.tier],
        pilot=pilot_test(spec, estate.metrics),
        ownership=ownership.check(spec.owners, estate.leaves(), now=now),
        said=Review((), ()),
        needs=(Need(ROLE, 1, 0, held, (), ()),),
        supply=estate.supply,
        rules=rules_version(rulebook),
        now=now,
        # Nobody decides about drafts here, so nothing is earned: what is declared withheld is refused.
        allowed=grant.Allowed(draft=spec.draft),
    )
    reasons = list(verdict.reasons) if isinstance(verdict, Block) else []
    if rank(tier.tier) > rank(HIGHEST_TIER) and tier.tier != "prohibited":
        message = f"Its tier is {tier.tier}: a vouch in a file stands for no approval of that tier."
        step = "Have it approved in an installation, and run this edge from `roadworthy gateway bundle`."
        reasons.append(Reason("needs-bundle", message, declared.ref, (), step))
    if not reasons:
        return verdict
    return Block(declared.resource.name, tuple(_plain(one) for one in reasons))


def _approval(ref: str, vouch: Vouch) -> Approval:
    return Approval(
        id=f"edge:{ref}",
        role=ROLE,
        person=vouch.by,
        at=_midnight(vouch.since),
        expires_at=_midnight(vouch.until) + timedelta(days=1),
        comment=vouch.reason,
        state="valid",
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _plain(reason: Reason) -> Reason:
    if reason.code != f"needs-{ROLE}":
        return reason
    return replace(
        reason,
        message="Nobody vouches for it here.",
        next_step="Name it under `vouches` in the EdgeGateway document, or run this edge from a bundle.",
    )
