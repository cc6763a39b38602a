"""Questions about gates and exceptions, now or as of an earlier moment."""

from __future__ import annotations

from datetime import datetime
from typing import get_args

from roadworthy.controls.facts import ExceptionGranted, ExceptionRevoked
from roadworthy.evidence import queries as evidence
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import checklist, queries
from roadworthy.governance.checklist import Standard
from roadworthy.governance.exceptions import STATES, Exemption, exemptions_of
from roadworthy.governance.facts import ExceptionDeclined, ExceptionRequested
from roadworthy.governance.kinds import GateStage
from roadworthy.governance.standing import Standing


def gates(tx: Tx, *, as_of: datetime | None = None) -> tuple[Standard, ...]:
    """Return the gates in force."""
    return queries.around(tx, as_of=as_of).gates


def before_gate(
    tx: Tx, *, use_case: str, gate: str = "", now: datetime, as_of: datetime | None = None
) -> tuple[Standing, str]:
    """Return a use case as it stands before a stage's gates, or one gate; and which was meant."""
    own = queries.standing(tx, use_case=use_case, now=now, as_of=as_of)
    asked = gate or checklist.stage_of(own.stage)
    if asked == checklist.stage_of(own.stage):
        return own, asked
    known = queries.estate_of(tx, (use_case,), as_of=as_of)
    if asked not in get_args(GateStage) and asked not in {one.name for one in known.gates}:
        names = ", ".join((*get_args(GateStage), *(one.name for one in known.gates)))
        raise NotFoundError(f"There is no stage and no gate called `{asked[:80]}`.", fix=f"Known: {names}.")
    found = queries.assessed(tx, known, (use_case,), now=now, as_of=as_of, stage=asked)
    return found[use_case], asked


def exemptions(
    tx: Tx, *, use_case: str = "", now: datetime, state: str = "", as_of: datetime | None = None
) -> tuple[Exemption, ...]:
    """Return exceptions, what waits first, then what ends soonest."""
    types = (ExceptionRequested, ExceptionDeclined, ExceptionGranted, ExceptionRevoked)
    subjects = [f"use-case/{use_case}"] if use_case else None
    found = exemptions_of(evidence.of_types(tx, types, subjects=subjects, as_of=as_of))
    at = as_of or now
    chosen = (one for one in found if not state or one.state(at) == state)
    return tuple(sorted(chosen, key=lambda one: (STATES.index(one.state(at)), one.expires_at, one.id)))
