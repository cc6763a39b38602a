"""What the evidence says of use cases: control states and pieces filed, for what their checklists look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from roadworthy.controls import queries as controls
from roadworthy.controls import uploads
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance.checklist import controls_of
from roadworthy.governance.estate import Estate, Proof
from roadworthy.governance.gate import Piece
from roadworthy.governance.needs import needs_of
from roadworthy.governance.standing import Settled
from roadworthy.identity.rights import covering_units
from roadworthy.usage import queries as usage
from roadworthy.usage.rollup import Usage

MONTH = timedelta(days=30)
_FEW = 20
"""The calls of as many are counted one by one, of more together."""


def with_proofs(
    tx: Tx, known: Estate, settled: Mapping[str, Settled], *, now: datetime, as_of: datetime | None = None
) -> Estate:
    """Return the estate with what evidence says of these use cases; what no checklist asks is not read."""
    asked = {
        name: replace(needs_of(one.tier, known.said.get(f"use-case/{name}", ())), controls=wanted)
        for name, one in settled.items()
        if (wanted := controls_of(one.checks))
    }
    filed = [name for name, one in settled.items() if any(check.kind == "evidence" for check in one.checks)]
    limited = [name for name in settled if _expects(known, name)]
    if not asked and not filed and not limited:
        return known
    states = controls.states(tx, use_cases=asked, now=now, as_of=as_of) if asked else {}
    pieces = _pieces(tx, known, filed, now=as_of or now, as_of=as_of) if filed else {}
    calls = _calls(tx, limited, now=as_of or now) if limited else {}
    proofs = {
        name: Proof(states.get(name, {}), pieces.get(name, ()), calls.get(name))
        for name in dict.fromkeys((*asked, *filed, *limited))
    }
    return replace(known, proofs=proofs)


def _expects(known: Estate, name: str) -> bool:
    declared = known.use_cases.get(name)
    return declared is not None and declared.resource.spec.expected_calls_per_month is not None


def _calls(tx: Tx, names: list[str], *, now: datetime) -> dict[str, int]:
    """Count the calls that were let through in the thirty days before a moment."""
    if len(names) <= _FEW:
        used: dict[str, Usage] = {}
        for name in names:
            used |= usage.totals_by(tx, "use_case", since=now - MONTH, until=now, use_case=name)
    else:
        used = usage.totals_by(tx, "use_case", since=now - MONTH, until=now)
    return {name: used[name].calls - used[name].refusals if name in used else 0 for name in names}


def _pieces(
    tx: Tx, known: Estate, names: list[str], *, now: datetime, as_of: datetime | None
) -> dict[str, tuple[Piece, ...]]:
    about: dict[str, tuple[str, ...]] = {}
    for name in names:
        declared = known.use_cases.get(name)
        units = covering_units(declared.resource.namespace, known.parents) if declared else ()
        about[name] = (f"use-case/{name}", *(f"unit/{unit}" for unit in units))
    by_subject: dict[str, list[Piece]] = {}
    for one in uploads.pieces(tx, about={ref for refs in about.values() for ref in refs}, as_of=as_of):
        if one.withdrawn is None and one.recorded.at <= now:
            fact = one.fact
            by_subject.setdefault(fact.about, []).append(
                Piece(
                    one.recorded.id,
                    fact.kind,
                    fact.observed_at,
                    fact.expires_at,
                    one.recorded.actor,
                    fact.self_attested,
                )
            )
    return {
        name: tuple(piece for ref in refs for piece in by_subject.get(ref, ()))
        for name, refs in about.items()
    }
