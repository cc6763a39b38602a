"""Pure: what of a use case its approvers approve, its digest, and who its authors are.

Material is what decides the risk: the outcome served, what it reads and is connected to, the metrics it is
held to, the intake answers, models, routes, autonomy with its drafts and samples, security path, logging,
retention, the calls it is expected to make, the unit that owns it, and which version of a model stands behind
each name it asks. Its summary is material by its words:
case, punctuation and spacing may be corrected. Title, business case, bucket, stage, timeline, expected users,
owners, metric targets and labels are not: they may change without voiding an approval (owners and deputies
are checked by themselves).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from roadworthy.foundation.canonical import digest
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import UseCase

FIELDS = (
    "summary",
    "outcome",
    "data_sources",
    "integrations",
    "metrics",
    "intake",
    "models",
    "routes",
    "autonomy",
    "draft",
    "review_share",
    "security_path",
    "logging",
    "retention_days",
    "expected_calls_per_month",
)


def material(spec: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """Return the material part of a spec as its document says it; empty fields are left out."""
    said = {name: _plain(name, spec.get(name)) for name in FIELDS}
    return {"namespace": namespace, **{name: value for name, value in said.items() if value}}


def _plain(name: str, value: Any) -> Any:
    if name == "summary":
        return " ".join(re.findall(r"\w+", str(value or "").casefold()))
    if name == "metrics":
        return sorted(one["metric"] for one in value or ())
    if name == "intake":
        return _plain_intake(value or {})
    return sorted(value) if isinstance(value, list) else value


def _plain_intake(intake: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers by name; only what later versions added stands beside them under its own name."""
    facts = intake.get("facts", {})
    answers = {key: sorted(one, key=str) if isinstance(one, list) else one for key, one in facts.items()}
    added = {"none": sorted(intake.get("none", ())), "positions": intake.get("positions", {})}
    return answers | {f":{name}": value for name, value in added.items() if value}


def material_digest(resource: Resource[UseCase]) -> str:
    """Return the digest of what a use case materially is by its own declaration.

    Fields at their default do not count, so that a later version of the product can add fields without
    voiding what was approved.
    """
    spec = resource.spec.model_dump(mode="json", exclude_defaults=True)
    return digest(material(spec, resource.namespace))


def approved_digest(resource: Resource[UseCase], versions: Mapping[str, str]) -> str:
    """Return the digest an approval is bound to: what it is, and which version of which model it asks.

    `versions` says of each model behind it the provider and the name there: people approved the use of that
    model, not of whatever its name here may lead to later.
    """
    spec = resource.spec.model_dump(mode="json", exclude_defaults=True)
    return digest({**material(spec, resource.namespace), "versions": dict(versions)})


def authors(versions: Iterable[tuple[str, Mapping[str, Any] | None]]) -> dict[str, tuple[str, ...]]:
    """Return who wrote the material fields as they stand, with the fields; versions are (actor, document).

    Who last gave each field its present value is its author: a small change by another person does not make
    the declaration theirs.
    """
    by_field: dict[str, str] = {}
    last: dict[str, Any] = {}
    for actor, document in versions:
        if document is None:
            by_field, last = {}, {}  # deleted, or erased: what comes after is a new declaration
            continue
        now = material(document["spec"], document["metadata"]["namespace"])
        for field, value in now.items():
            if field not in last or last[field] != value:
                by_field[field] = actor
        for field in last.keys() - now.keys():
            by_field[field] = actor  # taking something away is a decision too
        last = now
    found: dict[str, list[str]] = {}
    for field, actor in by_field.items():
        found.setdefault(actor, []).append(field)
    return {actor: tuple(sorted(fields)) for actor, fields in found.items()}
