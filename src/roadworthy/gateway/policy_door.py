"""What the API and the pages of policies share: how policies and decisions are shown."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.policy_explaining import Asked, Decided, explain
from roadworthy.policy.entry import policy_entry
from roadworthy.policy.examples import try_all
from roadworthy.policy.kinds import ACCESS_POLICY, AccessPolicy, ExampleCall
from roadworthy.policy.language import read
from roadworthy.policy.reach import below
from roadworthy.registry import queries as registry


def standing(tx: Tx, call: Call) -> list[dict[str, Any]]:
    """Return every policy with its statements and how its examples stand."""
    parents = index_of(tx, call).snapshot.units
    return [
        shown(one.name, one.namespace, one.spec, parents=parents) for one in registry.every(tx, ACCESS_POLICY)
    ]


def shown(name: str, namespace: str, spec: AccessPolicy, *, parents: dict[str, str]) -> dict[str, Any]:
    """Return a policy as the API shows it."""
    found = read(spec.cedar)
    entry = policy_entry(name, spec, units=below(set(spec.units), parents))
    tried = try_all(entry, spec.tests)
    return {
        "name": name,
        "title": spec.title,
        "unit": namespace,
        "units": list(spec.units),
        "default": spec.default,
        "statements": [
            {"name": one.name, "effect": one.effect, "line": one.line, "reason": one.reason,
             "asks_of_each_call": list(one.needs)}
            for one in found.statements
        ],
        "problems": [{"line": one.line, "message": one.message} for one in found.problems],
        "tests": [
            {"name": one.name, "expected": one.expected, "found": one.found, "by": one.by,
             "holds": one.holds, "said": one.said}
            for one in tried
        ],
        "passing": sum(one.holds for one in tried),
        "failing": sum(not one.holds for one in tried),
    }  # fmt: skip


def explained(
    tx: Tx, call: Call, *, model: str, principal: str, use_case: str, of_call: ExampleCall, limit: int = 500
) -> list[Decided]:
    """Say who may make a call, and who says no to the others; of use cases that this caller may see."""
    index = index_of(tx, call)
    kind, _, bare = model.rpartition("/")
    name = bare if kind in {"model", "route"} else model
    if name not in index.snapshot.models and name not in index.snapshot.routes:
        raise NotFoundError(
            f"There is no model or route called `{model[:80]}`.",
            fix="`roadworthy get model` and `roadworthy get route` list them.",
        )
    if principal and principal not in index.snapshot.principals:
        raise NotFoundError(
            f"There is no principal called `{principal[:140]}`.",
            fix="Write `service-account/NAME` or `person/NAME`.",
        )
    particular = of_call.model_dump(exclude={"route", "tools"}, exclude_none=True)
    particular["tools"] = frozenset(of_call.tools)
    asked = Asked(
        model=model, principal=principal, use_case=use_case.removeprefix("use-case/"), call=particular
    )
    seen: Collection[str] | None = seen_by(tx, call, "registry.read")
    found = explain(index, asked, now=call.now.timestamp())
    return [one for one in found if seen is None or one.use_case in seen][:limit]
