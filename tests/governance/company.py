"""A small company to try every rule of approval in: people, roles, metrics, a model, a use case."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roadworthy.evidence.wiring import SLICE as EVIDENCE
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.governance import queries
from roadworthy.governance.standing import Standing
from roadworthy.governance.wiring import SLICE as GOVERNANCE
from roadworthy.identity.wiring import SLICE as IDENTITY
from roadworthy.models.wiring import SLICE as MODELS
from roadworthy.policy.wiring import SLICE as POLICY
from roadworthy.registry import operations
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import Assembly, assemble
from roadworthy.registry.manifest import Manifest
from roadworthy.registry.plan import Plan
from roadworthy.rules.wiring import SLICE as RULES
from roadworthy.use_cases.wiring import SLICE as USE_CASES

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SETUP = Actor("system/setup", "system")
PEOPLE = ("ada", "ben", "cleo", "dan", "eve", "fay", "gus")
ROLES = {
    "ada": "contributor",
    "ben": "business-approver",
    "cleo": "security-approver",
    "dan": "risk-approver",
    "eve": "legal-approver",
    "gus": "business-approver",
}
SUMMARY = (
    "Helps colleagues of the claims unit to find the passage of a policy that answers a question; the "
    "colleague reads the passage and decides alone what to do with it."
)
SETTLED = {
    "art6_3_condition": False,
    "audience": ["internal_employees"],
    "biometric_use": ["none"],
    "content_use": ["internal"],
    "decision_domain": ["none"],
    "decision_effect": "informs",
    "data_classes": ["internal"],
    "emotion_inference": False,
    "eu_annex1_product": False,
    "generates": ["text"],
    "human_sends_reviewed_output": False,
    "interaction": ["conversational"],
    "internal_technical_b2b_only": True,
    "jurisdictions": ["DE"],
    "legal_or_similar_effect": False,
    "minors": "none",
    "personal_data": False,
    "platform_work": False,
    "practices": ["none"],
    "profiling": False,
    "roles": ["provider", "deployer"],
}
HIGH: dict[str, Any] = {"decision_domain": ["employment"], "decision_task": ["promotion"]}
"""Answers that make it high-risk in the EU."""
SIDES = ("business", "product", "platform", "security_legal", "operations")
USE_CASE_SPEC: dict[str, Any] = {
    "title": "Policy search",
    "summary": SUMMARY,
    "outcome": "faster-answers",
    "metrics": [{"metric": "hours"}, {"metric": "overrides"}, {"metric": "latency"}],
    "intake": {"facts": SETTLED},
    "owners": {side: {"owner": "fay", "deputy": "ada"} for side in SIDES},
    "models": ["small"],
    "security_path": "standard",
}


def document(
    kind: str, name: str, spec: Mapping[str, Any], *, namespace: str = "organization"
) -> dict[str, Any]:
    """Return a declaration."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def use_case(name: str = "policy-search", **changes: Any) -> dict[str, Any]:
    """Return the use case that lacks nothing but approvals, with fields changed."""
    spec = {**copy.deepcopy(USE_CASE_SPEC), **changes}
    return document("UseCase", name, {k: v for k, v in spec.items() if v is not None}, namespace="claims")


def with_facts(**facts: Any) -> dict[str, Any]:
    """Return the intake of the use case with answers changed; None takes one away."""
    return {"facts": {name: value for name, value in {**SETTLED, **facts}.items() if value is not None}}


def base_documents() -> list[dict[str, Any]]:
    """Return everything the use case stands on."""
    outcome = {
        "title": "Faster answers",
        "owner": "fay",
        "kind": "speed",
        "metric": "hours",
        "baseline": {"value": 31, "from": "2026-01-05", "to": "2026-06-28"},
        "target": {"delta": -6},
        "horizon": "2027-06-30",
    }
    hours = {"title": "Hours", "layer": "business", "unit": "hours", "direction": "decrease"}
    overrides = {
        "title": "Overrides",
        "layer": "quality",
        "trust": True,
        "unit": "%",
        "direction": "decrease",
    }
    latency = {"title": "Latency", "layer": "reliability", "unit": "ms", "direction": "decrease"}
    provider = {"title": "Local", "base_url": "http://127.0.0.1:9/v1", "allow_private": True}
    model = {
        "title": "Small",
        "provider": "local",
        "upstream_model": "s",
        "context_tokens": 2048,
        "max_output_tokens": 512,
    }
    return [
        document("Unit", "organization", {"title": "The company"}),
        document("Unit", "claims", {"title": "Claims", "approvals": [{"role": "business-approver"}]}),
        *(document("Person", name, {"display_name": name.title()}) for name in PEOPLE),
        *(
            document(
                "RoleBinding", f"{who}-{role}", {"subject": f"person/{who}", "role": role, "unit": "claims"}
            )
            for who, role in ROLES.items()
        ),
        document("Metric", "hours", hours),
        document("Metric", "overrides", overrides),
        document("Metric", "latency", {**latency, "source": "gateway.latency_ms_p95"}),
        document("Outcome", "faster-answers", outcome),
        document("Provider", "local", provider),
        document("Model", "small", model),
    ]


class Company:
    """The company's control plane without its doors."""

    def __init__(self, file: Path) -> None:
        slices = (IDENTITY, EVIDENCE, POLICY, USE_CASES, RULES, GOVERNANCE, MODELS)
        self.assembly: Assembly = assemble(slices)
        self.database = Database(f"sqlite:///{file}")

    @classmethod
    def founded(cls, file: Path) -> Company:
        """Return a company with everything declared but the use case."""
        company = cls(file)
        METADATA.create_all(company.database.engine)
        company.declare(*base_documents(), actor=SETUP)
        return company

    def declare(
        self, *documents: dict[str, Any], actor: Actor | str = "person/ada", now: datetime = NOW
    ) -> tuple[str, ...]:
        """Plan and save declarations; return what the plan says follows from them."""
        with self.database.write() as tx:
            planned = self.plan(tx, *documents, actor=actor, now=now)
            operations.save(tx, self.assembly, planned, actor=_actor(actor), now=now)
        return tuple(text for change in planned.changes for text in change.effects)

    def plan(
        self, tx: Tx, *documents: dict[str, Any], actor: Actor | str = "person/ada", now: datetime = NOW
    ) -> Plan:
        """Plan declarations."""
        manifests = [Manifest(one, "", 0, {}) for one in documents]
        return operations.plan(
            tx, self.assembly, manifests=manifests, managed_by="file", actor=_actor(actor), now=now
        )

    def delete(self, kind: str, name: str, *, now: datetime = NOW) -> None:
        """Delete a declaration."""
        removal = [(self.assembly.catalogue.get(kind), name)]
        with self.database.write() as tx:
            planned = operations.plan(
                tx, self.assembly, removals=removal, managed_by="file", actor=SETUP, now=now
            )
            operations.save(tx, self.assembly, planned, actor=SETUP, now=now)

    def standing(self, name: str = "policy-search", *, now: datetime = NOW, **options: Any) -> Standing:
        """Return where a use case stands."""
        with self.database.read() as tx:
            return queries.standing(tx, use_case=name, now=now, **options)


def _actor(actor: Actor | str) -> Actor:
    return actor if isinstance(actor, Actor) else Actor(actor, "cli")
