"""Pure: where review costs more than the risk asks for, and where less is proved than the rules ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from roadworthy.controls.control import ControlState
from roadworthy.governance.standing import Standing
from roadworthy.rules.merge import merged

RISK = {"minimal": 1, "limited": 2, "high": 4, "prohibited": 8}
"""A tier in units of risk: each counts twice the one below."""
_OVER = 1.5
"""Beyond this times the middle of all use cases, effort for a unit of risk is too much."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One use case: what review costs, what is at risk, what is not proved."""

    use_case: str
    title: str
    tier: str
    risk: int
    approvals: int
    """People who have to approve."""
    duties: int
    """Obligations owed now, those that the same controls prove counted once."""
    unproved: tuple[str, ...]
    """Controls its obligations rest on that do not hold."""
    over: bool
    fix: str

    @property
    def effort(self) -> int:
        """Return what review costs: approvals and obligations together."""
        return self.approvals + self.duties

    @property
    def per_risk(self) -> float:
        """Return the effort for a unit of risk."""
        return self.effort / self.risk

    @property
    def under(self) -> bool:
        """Say whether something owed is not proved."""
        return bool(self.unproved)


def weigh(
    standings: Iterable[Standing], states: Mapping[str, Mapping[str, ControlState]]
) -> tuple[Weighed, ...]:
    """Weigh every use case that is neither stopped nor prohibited, the least in balance first."""
    running = [one for one in standings if one.stage != "stopped" and one.tier.tier != "prohibited"]
    plain = [_plain(one, states.get(one.use_case, {})) for one in running]
    middle = median([one.per_risk for one in plain]) if plain else 0.0
    found = [
        _judged(one, standing, states.get(one.use_case, {}), limit=middle * _OVER)
        for one, standing in zip(plain, running, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (not one.over, -len(one.unproved), one.use_case)))


def _plain(standing: Standing, states: Mapping[str, ControlState]) -> Weighed:
    owed = [one for one in standing.tier.decision.obligations if one.state != "later"]
    rests_on = {control for one in owed if one.blocks for control in one.controls}
    return Weighed(
        use_case=standing.use_case,
        title=standing.title,
        tier=standing.tier.tier,
        risk=RISK[standing.tier.tier],
        approvals=sum(need.quorum for need in standing.needs),
        duties=len(merged(owed)),
        unproved=tuple(sorted(one for one in rests_on if one in states and not states[one].passes)),
        over=False,
        fix="",
    )


def _judged(one: Weighed, standing: Standing, states: Mapping[str, ControlState], *, limit: float) -> Weighed:
    over = one.per_risk > limit
    fixes = []
    if over:
        fixes.append(_less(one, standing))
    if one.unproved:
        first = states[one.unproved[0]]
        fixes.append(f"{one.unproved[0]}: {first.because}")
    return Weighed(
        one.use_case,
        one.title,
        one.tier,
        one.risk,
        one.approvals,
        one.duties,
        one.unproved,
        over,
        " ".join(fixes),
    )


def _less(one: Weighed, standing: Standing) -> str:
    """Say what would take effort away without taking control away."""
    decision = standing.tier.decision
    if standing.tier.provisional:
        asked = dict.fromkeys(each.asked_by for each in standing.tier.questions)
        return f"Answer {', '.join(list(asked)[:5])}: until then it counts as {one.tier}."
    counts = {rule.id: len(rule.duties) for rule in (*decision.now, *decision.later)}
    heaviest = max(counts, key=lambda rule: (counts[rule], rule))
    if one.approvals > one.duties:
        return f"{one.approvals} people approve it: let its unit or its duties ask for fewer at {one.tier}."
    return f"{heaviest} asks for most: prove its controls once for all use cases of the unit."


def sentence(weighed: Sequence[Weighed]) -> str:
    """Say in one sentence how many are out of balance, either way."""
    over, under = sum(one.over for one in weighed), sum(one.under for one in weighed)
    much = f"{over} cost more review than their risk asks for"
    return f"Of {len(weighed)} use cases, {much}; for {under}, something owed is not proved."
