"""Signals of tier, approvals and change; and what tier and obligations ask of each use case's controls.

They are computed from what was declared and said, never from a gate's verdict: gates ask controls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from roadworthy.controls.collecting import Asked
from roadworthy.controls.control import CHANGE, Needs
from roadworthy.controls.signal import Signal
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.approvals import Approval
from roadworthy.governance.facts import ApprovalGiven
from roadworthy.governance.material import material
from roadworthy.governance.needs import needs_of
from roadworthy.governance.standing import Standing, assess
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.rules.queries import rulebook
from roadworthy.use_cases.kinds import USE_CASE

REVIEWERS = ("risk-approver", "legal-approver", "security-approver")
"""Roles whose approval says that somebody looked for what is prohibited."""


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say of each use case how its tier and its approvals stand, and when it last materially changed."""
    changed = _changes(tx, asked)
    found = {}
    for name, (said, one) in _assessed(tx, asked).items():
        found[name] = [*_of_tier(asked, said, one), *_of_approvals(asked, one)]
        if name in changed:
            found[name].append(Signal(CHANGE, True, changed[name], "its declarations"))
    return found


def needs(tx: Tx, asked: Asked) -> Mapping[str, Needs]:
    """Say what is asked of each: what its tier asks of everybody, and what its obligations rest on."""
    return {name: needs_of(one.tier, said) for name, (said, one) in _assessed(tx, asked).items()}


_Assessed = tuple[tuple[Recorded[Any], ...], Standing]
"""What was said of a use case, and where it stands by that."""


def _assessed(tx: Tx, asked: Asked) -> dict[str, _Assessed]:
    """Assess the use cases from what was declared and said; the same ones are assessed once."""
    known = queries.estate_of(tx, asked.use_cases, as_of=asked.as_of)
    key = f"governance.assessed.{audit.size(tx)}.{asked.as_of}.{asked.now}"
    held: dict[str, _Assessed] = tx.memo.setdefault(key, {})
    for name in asked.use_cases:
        if name not in held and name in known.use_cases:
            declared = known.use_cases[name]
            standing = assess(known, declared, rulebook=rulebook(tx), now=asked.now)
            held[name] = known.said.get(declared.ref, ()), standing
    return {name: held[name] for name in asked.use_cases if name in held}


def _of_tier(asked: Asked, said: Iterable[Recorded[Any]], one: Standing) -> list[Signal]:
    source = f"the rules, {one.rules}"
    found = [asked.live("tier_settled", not one.tier.provisional, source)]
    counting = [held for need in one.needs for held in need.held]
    reviewed = [held for held in counting if held.role in REVIEWERS]
    if one.tier.tier == "prohibited":
        found.append(asked.live("prohibited_screen_passed", False, one.tier.sentence()))
    elif reviewed and not one.tier.provisional:
        found.append(_said("prohibited_screen_passed", reviewed))
    if legal := [held for held in counting if held.role == "legal-approver"]:
        found.append(_said("legal_signed", legal))
    current = all(_rules_of(said, held) == one.rules for held in counting)
    words = f"approvals under the rules in force, {one.rules}" if counting else source
    found.append(asked.live("tier_rules_current", current, words))
    return found


def _rules_of(said: Iterable[Recorded[Any]], held: Approval) -> str:
    return next(
        (one.fact.rules for one in said if one.id == held.id and isinstance(one.fact, ApprovalGiven)),
        "",
    )


def _said(name: str, held: list[Approval]) -> Signal:
    first = min(held, key=lambda one: one.at)
    return Signal(
        name,
        True,
        first.at,
        f"the approval of {first.person} as {first.role}",
        evidence=first.id,
        expires_at=min(one.expires_at for one in held),
    )


def _of_approvals(asked: Asked, one: Standing) -> list[Signal]:
    missing = sum(need.missing for need in one.needs)
    roles = ", ".join(need.role for need in one.needs if need.missing)
    words = f"still to come: {roles}" if roles else "approvals that count"
    if not one.needs:
        words = f"the tier {one.tier.tier} asks for none"
    refused = bool(one.said.refusals)
    whole = not missing and not refused
    found = [
        asked.live("approvals_missing", missing, words),
        asked.live("tier_signed", whole, "somebody refused it" if refused else words),
        asked.live("change_approved", whole, words),
    ]
    if counting := [held.at for need in one.needs for held in need.held]:
        found.append(Signal("declaration_confirmed", True, max(counting), "an approval"))
    return found


def _changes(tx: Tx, asked: Asked) -> dict[str, datetime]:
    """Return when each last became materially another thing after it was first declared."""
    size = None if asked.as_of is None else audit.size_at(tx, asked.as_of)
    last: dict[str, Any] = {}
    found: dict[str, datetime] = {}
    if size is None:
        versions = registry.versions_among(tx, USE_CASE, asked.use_cases)
    else:
        versions = registry.versions_among(tx, USE_CASE, asked.use_cases, audit_size=size)
    for one in versions:
        if one.document is None:
            last.pop(one.name, None)
            found.pop(one.name, None)
            continue
        now = material(one.document["spec"], one.document["metadata"]["namespace"])
        if one.name in last and last[one.name] != now:
            found[one.name] = one.at
        last[one.name] = now
    return {name: at for name, at in found.items() if name in asked.use_cases}
