"""The API of rules: which there are, what they decide of use cases, what other rules would change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.registry.kinds import NAME_PATTERN
from roadworthy.rules import queries
from roadworthy.rules.document import decision_document, retention_document, rule_document
from roadworthy.rules.matrix import calendar, matrix, matrix_document

router = Router(tag="rules")
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
RuleName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.]{0,119}$")]
Short = Annotated[str, Query(max_length=80)]


class UpgradeRequest(BaseModel):
    """A pack to try: one of your own by name, or a new version of a shipped one."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Path(pattern=NAME_PATTERN)] = ""
    """The name of the PolicyPack; a shipped pack carries its own."""
    pack: dict[str, Any]
    """Its spec, or the whole file of a shipped pack."""


@router.get("/v1/rules", permission="registry.read")
def list_rules(tx: Tx, jurisdiction: Short = "", sector: Short = "", pack: Short = "") -> dict[str, Any]:
    """List the rules in force, those of the organization included."""
    book = queries.rulebook(tx)
    found = [
        rule_document(rule)
        for rule in book.rules
        if (not jurisdiction or jurisdiction in rule.jurisdictions)
        and (not sector or sector in rule.sectors)
        and (not pack or pack == rule.pack)
    ]
    return {"items": found, "rules": book.version}


@router.get("/v1/rules/matrix", permission="governance.read")
def show_matrix(tx: Tx, call: Call, jurisdiction: Short = "", sector: Short = "") -> dict[str, Any]:
    """Count what is asked for, by sort of use case and kind of obligation."""
    cases = queries.decided(tx, now=call.now)
    rows, _ = matrix(cases, jurisdiction=jurisdiction, sector=sector)
    return {"items": matrix_document(rows)}


@router.get("/v1/rules/calendar", permission="governance.read")
def show_calendar(tx: Tx, call: Call) -> dict[str, Any]:
    """List what changes on which day, and for which use cases."""
    found = calendar(queries.decided(tx, now=call.now), queries.rulebook(tx), after=call.now.date())
    return {
        "items": [
            {
                "on": one.on.isoformat(),
                "rule": one.rule,
                "title": one.title,
                "what": one.what,
                "use_cases": list(one.use_cases),
            }
            for one in found
        ]
    }


@router.get("/v1/rules/{rule}", permission="registry.read")
def show_rule(tx: Tx, rule: RuleName) -> dict[str, Any]:
    """Show a rule: when it applies, since when, what it asks for, how that was confirmed."""
    known = queries.rulebook(tx).by_id.get(rule)
    if known is None:
        raise NotFoundError(f"There is no rule `{rule[:120]}`.", fix="`roadworthy rules list` lists them.")
    return rule_document(known)


@router.get("/v1/use-cases/{name}/rules", permission="governance.read")
def explain_rules(tx: Tx, call: Call, name: UseCaseName) -> dict[str, Any]:
    """Say of every rule whether it applies to a use case, and why."""
    found = queries.case(tx, name, now=call.now)
    kept = queries.kept(tx, found)
    overruled = {one.obligation: one.ruling.id for one in kept.retention.overruled}
    document = decision_document(found.decision)
    for one in document["obligations"]:
        one["overruled_by"] = overruled.get(one["id"], "")
    return {
        "use_case": name,
        "facts": found.facts,
        **document,
        "retention": retention_document(kept.retention, kept.rulings),
    }


@router.post("/v1/rules/upgrade", permission="governance.read", access="read")
def try_upgrade(tx: Tx, call: Call, body: UpgradeRequest) -> dict[str, Any]:
    """Say exactly which use cases a pack would change, and why; nothing is saved."""
    found = queries.upgrade(tx, name=body.name, document=body.pack, now=call.now)
    return {
        "items": [
            {
                "use_case": one.use_case,
                "tier_before": one.before,
                "tier_after": one.after,
                "starts": list(one.starts),
                "stops": list(one.stops),
                "moves": list(one.moves),
                "opens": list(one.opens),
                "asked": list(one.asked),
                "dropped": list(one.dropped),
                "because": list(one.because),
            }
            for one in found
        ]
    }
