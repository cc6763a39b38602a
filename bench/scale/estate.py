"""Writes a company of a hundred thousand keys, accounts and use cases straight into the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import insert

from roadworthy.evidence.store import evidence
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.governance.material import material_digest
from roadworthy.identity.store import credentials
from roadworthy.registry import audit_store, store
from roadworthy.registry.kinds import Metadata, references
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import UseCase

AT = datetime(2026, 11, 2, tzinfo=UTC)
SUMMARY = (
    "Helps colleagues of the claims unit to find the passage of a policy that answers a question; the "
    "colleague reads the passage and decides alone what to do with it."
)
FACTS = {
    "audience": ["internal_employees"], "decision_domain": ["none"], "decision_effect": "informs",
    "data_classes": ["internal"], "emotion_inference": False, "interaction": ["conversational"],
    "legal_or_similar_effect": False, "minors": "none", "personal_data": False, "practices": ["none"],
    "jurisdictions": ["DE"], "roles": ["deployer"], "generates": ["text"], "content_use": ["internal"],
}  # fmt: skip
SIDES = ("business", "product", "platform", "security_legal", "operations")
CASE = {
    "title": "Policy search",
    "summary": SUMMARY,
    "outcome": "faster-answers",
    "metrics": [{"metric": "hours"}, {"metric": "overrides"}, {"metric": "latency"}],
    "intake": {"facts": FACTS, "none": ["Q9", "Q18", "Q20", "Q21"]},
    "owners": {side: {"owner": "fay", "deputy": "ada"} for side in SIDES},
    "models": ["small"],
    "routes": ["chat"],
    "security_path": "standard",
}
METRIC = {"layer": "business", "unit": "hours", "direction": "decrease"}
FEW: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Unit", "organization", {"title": "The company"}),
    ("Unit", "claims", {"title": "Claims", "approvals": [{"role": "business-approver"}]}),
    *(("Person", name, {"display_name": name}) for name in ("ada", "ben", "fay")),
    ("RoleBinding", "ada", {"subject": "person/ada", "role": "platform-engineer", "unit": "organization"}),
    ("RoleBinding", "ben", {"subject": "person/ben", "role": "business-approver", "unit": "claims"}),
    ("Metric", "hours", {"title": "Hours", **METRIC}),
    ("Metric", "overrides", {"title": "Overrides", **METRIC, "trust": True}),
    ("Metric", "latency", {"title": "Latency", **METRIC, "layer": "reliability"}),
)


def models(model_port: int, upstream_model: str) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    """Return the provider, the model and the route."""
    address = f"http://127.0.0.1:{model_port}/v1"
    price = {"input_per_million": 0.15, "output_per_million": 0.6, "currency": "USD", "as_of": "2026-11-01"}
    model = {"title": "Small", "provider": "local", "upstream_model": upstream_model, "price": price}
    return (
        ("Provider", "local", {"title": "Local", "base_url": address, "allow_private": True}),
        ("Model", "small", {**model, "context_tokens": 100_000, "max_output_tokens": 4096}),
        ("Route", "chat", {"title": "Chat", "targets": ["small"]}),
    )


def account(number: int, cases: int) -> dict[str, Any]:
    """Return the account that holds key `number`."""
    purpose = "Answers questions about policies."
    return {
        "type": "service", "owner": "fay", "purpose": purpose, "expires_on": "2028-06-01",
        "use_cases": [f"case-{number % cases}"],
    }  # fmt: skip


def fill(
    database: Database,
    *,
    keys: int,
    cases: int,
    model_port: int,
    key_hash: Any,
    key: Any,
    upstream_model: str = "bench-model",
    more: tuple[tuple[str, str, dict[str, Any]], ...] = (),
) -> None:
    """Make the tables and write everything; what each row says is what the doors would have written."""
    METADATA.create_all(database.engine)
    spec = UseCase.model_validate(CASE, strict=False)
    metadata = Metadata(name="case-0", namespace="claims")
    digest = material_digest(Resource("UseCase", metadata, spec))
    documents: Iterator[tuple[str, str, dict[str, Any]]] = iter(
        [
            *FEW,
            *models(model_port, upstream_model),
            *more,
            *(("UseCase", f"case-{number}", CASE) for number in range(cases)),
            *(("ServiceAccount", f"bot-{number}", account(number, cases)) for number in range(keys)),
        ]
    )
    refers = [(path, kind, name) for path, kind, name in references(spec)]
    seq = -(10**9)  # before what the audit log will hold: its tree begins empty
    with database.write() as tx:
        while batch := list(islice(documents, 2000)):
            resources, versions, links = [], [], []
            for kind, name, said in batch:
                shared = _row(kind, name, said)
                resources.append({**shared, **_WRITTEN})
                versions.append(
                    {**shared, "action": "create", "at": AT, "actor": "person/ada", "audit_seq": seq}
                )
                seq += 1
                if kind == "UseCase":
                    links += [_link(kind, name, *one) for one in refers]
            tx.connection.execute(insert(store.resources), resources)
            tx.connection.execute(insert(store.versions), versions)
            if links:
                tx.connection.execute(insert(store.links), links)
        for start in range(0, cases, 2000):
            numbers = range(start, min(start + 2000, cases))
            rows = [_approval(number, digest, seq + number) for number in numbers]
            tx.connection.execute(insert(evidence), rows)
        for start in range(0, keys, 2000):
            numbers = range(start, min(start + 2000, keys))
            held = [_credential(number, cases, key_hash(key(number))) for number in numbers]
            tx.connection.execute(insert(credentials), held)
        audit_store.write_head(tx, size=0, revision=0)


_WRITTEN = {"created_at": AT, "created_by": "person/ada", "updated_at": AT, "updated_by": "person/ada"}


def _row(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    namespace = "claims" if kind in {"UseCase", "ServiceAccount"} else "organization"
    document = {
        "apiVersion": "roadworthy/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }  # fmt: skip
    return {
        "kind": kind, "name": name, "namespace": namespace, "generation": 1, "digest": "0" * 64,
        "managed_by": "file", "source": "bench.yaml:1", "document": json.loads(json.dumps(document)),
    }  # fmt: skip


def _link(kind: str, name: str, path: str, to_kind: str, to_name: str) -> dict[str, str]:
    return {"kind": kind, "name": name, "path": path, "to_kind": to_kind, "to_name": to_name}


def _approval(number: int, digest: str, seq: int) -> dict[str, Any]:
    body = {
        "use_case": f"case-{number}", "role": "business-approver", "digest": digest, "generation": 1,
        "tier": "minimal", "rules": "bench", "expires_at": (AT + timedelta(days=300)).isoformat(),
        "comment": "",
    }  # fmt: skip
    return {
        "id": f"ev_{number:024d}", "type": "approval-given", "subject": f"use-case/case-{number}",
        "body": body, "actor": "person/ben", "at": AT, "audit_seq": seq,
    }  # fmt: skip


def _credential(number: int, cases: int, hashed: str) -> dict[str, Any]:
    return {
        "id": f"{number:08d}", "type": "key", "hash": hashed, "principal": f"service-account/bot-{number}",
        "use_case": f"case-{number % cases}", "name": "", "issued_at": AT, "issued_by": "person/ada",
        "vouched_by": "", "expires_at": AT + timedelta(days=600), "last_seen_at": None, "ended_at": None,
        "ended_by": None, "ended_how": None,
    }  # fmt: skip
