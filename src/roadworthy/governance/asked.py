"""Pure: which approvals a use case needs: those of its tier, of its units and of the duties it owes.

What is asked for is only ever added to: a role that several ask for needs the largest of their quorums, and
lasts no longer than the shortest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from roadworthy.governance.requirements import ApprovalNeed, Requirements, TierNeeds
from roadworthy.rules.rule import Obligation
from roadworthy.rules.tier import TierVerdict
from roadworthy.use_cases.kinds import UnitApproval


def asked_of(
    tier: TierVerdict, *, requirements: Requirements, unit_approvals: Iterable[UnitApproval] = ()
) -> TierNeeds:
    """Return what is asked of a use case; nobody is asked about what is prohibited."""
    base = requirements.tiers[tier.tier]
    if tier.tier == "prohibited":
        return base
    named = tuple(one.model_copy(update={"because": (f"its tier is {tier.tier}",)}) for one in base.approvals)
    units = tuple(
        ApprovalNeed(
            role=one.role, quorum=one.quorum, valid_days=one.valid_days, because=("its unit asks for it",)
        )
        for one in unit_approvals
        if tier.tier in one.tiers
    )
    duties = tuple(_of_duties(tier.decision.obligations, requirements))
    return base.model_copy(update={"approvals": joined((*named, *units, *duties))})


def _of_duties(obligations: Iterable[Obligation], requirements: Requirements) -> Iterator[ApprovalNeed]:
    for one in obligations:
        if one.state != "now":
            continue
        for row in requirements.duties:
            if one.kind in row.kinds and set(row.controls) & set(one.controls):
                why = f"{one.name} ({one.id}): {row.because}"
                yield ApprovalNeed(
                    role=row.role, quorum=row.quorum, valid_days=row.valid_days, because=(why,)
                )


def joined(asked: Iterable[ApprovalNeed]) -> tuple[ApprovalNeed, ...]:
    """Put what is asked for together, one need for each role."""
    found: dict[str, ApprovalNeed] = {}
    for one in asked:
        first = found.get(one.role)
        found[one.role] = (
            one
            if first is None
            else ApprovalNeed(
                role=one.role,
                quorum=max(first.quorum, one.quorum),
                valid_days=min(first.valid_days, one.valid_days),
                because=tuple(dict.fromkeys((*first.because, *one.because))),
            )
        )
    return tuple(found.values())
