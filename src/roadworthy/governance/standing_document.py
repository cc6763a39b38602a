"""Pure: how a standing reads in JSON, in the same words at every door."""

from __future__ import annotations

from typing import Any

from roadworthy.governance.approvals import Dissent, Refusal
from roadworthy.governance.autonomy import AutonomyStanding
from roadworthy.governance.grant import Grant
from roadworthy.governance.standing import Standing
from roadworthy.rules.tier import TierVerdict

SCHEMA_VERSION = 1


def tier_document(tier: TierVerdict) -> dict[str, Any]:
    """Return a tier with its reasons and open questions."""
    return {
        "tier": tier.tier,
        "provisional": tier.provisional,
        "sentence": tier.sentence(),
        "fired": [
            {
                "rule": one.rule,
                "title": one.title,
                "tier": one.tier,
                "because": one.because,
                "answers": [{"fact": name, "value": value} for name, value in one.answers],
            }
            for one in tier.fired
        ],
        "open": [
            {"rule": one.rule, "title": one.title, "tier": one.tier, "missing": list(one.missing)}
            for one in tier.open
        ],
        "questions": [
            {"fact": one.fact, "question": one.text, "kind": one.kind, "values": list(one.values)}
            for one in tier.questions
        ],
    }


def standing_document(standing: Standing) -> dict[str, Any]:
    """Return everything about a use case."""
    return {
        "schema_version": SCHEMA_VERSION,
        "use_case": standing.use_case,
        "ref": standing.ref,
        "title": standing.title,
        "namespace": standing.namespace,
        "stage": standing.stage,
        "outcome": standing.outcome,
        "generation": standing.generation,
        "declared_at": standing.declared_at,
        "managed_by": standing.managed_by,
        "digest": standing.digest,
        "state": standing.state,
        "rules": standing.rules,
        "tier": tier_document(standing.tier),
        "pilot_test": {
            "passed": standing.pilot.passed,
            "points": [
                {
                    "code": one.code,
                    "holds": one.holds,
                    "what": one.what,
                    "why": one.why,
                    "next_step": "" if one.holds else one.next_step,
                    "field": one.field,
                }
                for one in standing.pilot.points
            ],
        },
        "ownership": {
            "gaps": [
                {
                    "code": one.code,
                    "side": one.side,
                    "message": one.message,
                    "next_step": one.next_step,
                    "field": one.field,
                    "blocks": one.about_owner or standing.asked.deputies == "block",
                }
                for one in standing.ownership.gaps
            ]
        },
        "approvals": _approvals(standing),
        "autonomy": _autonomy(standing.autonomy),
        "grant": _grant(standing.grant),
        "block": [
            {
                "code": one.code,
                "message": one.message,
                "declaration": one.declaration,
                "who_can_change": list(one.who_can_change),
                "next_step": one.next_step,
            }
            for one in (standing.block.reasons if standing.block else ())
        ],
    }


def _autonomy(held: AutonomyStanding) -> dict[str, Any]:
    return {
        "declared": held.declared,
        "ceiling": held.ceiling,
        "earned": held.earned.level,
        "effective": held.effective,
        "why": held.why,
    }


def _approvals(standing: Standing) -> dict[str, Any]:
    return {
        "approves_itself": standing.asked.approves_itself and not standing.needs,
        "dissents": [_objection(one) for one in standing.said.dissents],
        "needed": [
            {
                "role": one.role,
                "quorum": one.quorum,
                "missing": one.missing,
                "valid_days": one.valid_days,
                "held_by": [held.person for held in one.held],
                "can_give": list(one.can_give),
                "cannot": [{"person": person, "why": why} for person, why in one.cannot],
                "because": list(one.because),
            }
            for one in standing.needs
        ],
        "given": [
            {
                "id": one.id,
                "role": one.role,
                "person": one.person,
                "on_behalf_of": one.on_behalf_of,
                "at": one.at.isoformat(),
                "expires_at": one.expires_at.isoformat(),
                "comment": one.comment,
                "state": one.state,
                "why": one.why,
            }
            for one in standing.said.approvals
        ],
        "refused": [_objection(one) for one in standing.said.refusals],
    }


def _objection(one: Refusal | Dissent) -> dict[str, Any]:
    return {
        "id": one.id,
        "role": one.role,
        "person": one.person,
        "at": one.at.isoformat(),
        "comment": one.comment,
    }


def _grant(grant: Grant | None) -> dict[str, Any] | None:
    if grant is None:
        return None
    return {
        "id": grant.id,
        "verdict": grant.digest,
        "tier": grant.tier,
        "models": list(grant.models),
        "routes": list(grant.routes),
        "not_before": grant.not_before.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "logging": grant.logging,
        "retention_days": grant.retention_days,
        "made_of": list(grant.made_of),
        "data_class": grant.data_class,
        "warnings": list(grant.warnings),
    }
