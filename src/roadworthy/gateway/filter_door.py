"""What the API and the pages of filters share: how they stand, a text on trial, who may decide."""

from __future__ import annotations

from typing import Any, Literal

from roadworthy.appeals import queries
from roadworthy.appeals.queries import Held
from roadworthy.foundation.errors import ForbiddenError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.gateway import filter_view
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.filter_rules import HOUSE_FILTERS, Rule
from roadworthy.gateway.filters.guard import ONE_AT_A_TIME, Guard, compiled_for, compiled_of
from roadworthy.gateway.snapshot import Index
from roadworthy.registry.kinds import ROOT_NAMESPACE


def standing(tx: Tx, call: Call) -> list[dict[str, Any]]:
    """Return how every filter stands."""
    seen = seen_by(tx, call, "usage.read")
    found = queries.findings(tx, now=call.now) if seen is None else []
    return filter_view.every(index_of(tx, call).snapshot, found, queries.appeals(tx, use_cases=seen))


def one(tx: Tx, call: Call, name: str) -> dict[str, Any]:
    """Return how one filter stands."""
    found = next((one for one in standing(tx, call) if one["name"] == name), None)
    if found is None:
        raise NotFoundError(f"There is no filter/{name}.", fix="List them with `roadworthy filter list`.")
    return found


def require(call: Call, *, namespace: str) -> None:
    """Let through who may decide appeals and held calls of a unit."""
    if not call.who.may("appeal.decide", namespace=namespace or ROOT_NAMESPACE):
        raise ForbiddenError(
            f"{call.who.principal} may not decide about calls of unit/{namespace}.",
            why="It needs the permission `appeal.decide` there.",
            fix="Ask a holder of the role security-approver or risk-approver on that unit.",
        )


def shown(held: Held) -> dict[str, Any]:
    """Return a held call as the API shows it."""
    decided = held.decided
    return {
        "call": held.call,
        "at": held.at.isoformat(),
        "principal": held.principal,
        "use_case": held.use_case,
        "filters": list(held.filters),
        "verdict": decided.fact.verdict if decided else None,
        "reason": decided.fact.reason if decided else None,
        "decided_by": decided.actor if decided else None,
        "until": decided.fact.until.isoformat() if decided and decided.fact.until else None,
    }


def tried(
    index: Index, text: str, *, use_case: str | None, side: Literal["input", "output"]
) -> dict[str, Any]:
    """Read a text with the filters of a use case, or with all that are built in; nothing of it is kept."""
    with ONE_AT_A_TIME:
        guard = _guard(index, use_case)
        found = guard.inspect([text], side=side) if guard is not None else None
    if found is None:
        return {"action": "allow", "found": [], "text": text, "refused": None}
    refused = found.refused(side, "TRACE") if found.action in {"block", "hold"} else None
    return {
        "action": found.action,
        "found": [
            {"filter": one.filter, "kind": one.kind, "action": one.action, "count": one.count}
            for one in found.records
        ],
        "text": None if refused else (found.texts[0] if found.texts else text),
        "refused": refused.message if refused else None,
    }


def _guard(index: Index, use_case: str | None) -> Guard | None:
    if use_case is None:
        rules = tuple(Rule(entry.name, entry, "mask", "mask") for entry in HOUSE_FILTERS.values())
        return Guard(compiled_of(rules), approved={}, scope="")
    grants = index.grants.get(use_case)
    if not grants:
        raise NotFoundError(
            f"use-case/{use_case} has no grant, so no filters read its calls.",
            fix=f"`roadworthy explain use-case/{use_case}` says what is missing.",
        )
    compiled = compiled_for(index.snapshot, grants[0])
    return None if compiled is None else Guard(compiled, approved={}, scope=use_case)
