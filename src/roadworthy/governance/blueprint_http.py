"""The API of blueprints: publish, look, draft a new use case, start it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.governance import blueprint as patterns
from roadworthy.governance import blueprint_operations as operations
from roadworthy.governance import queries
from roadworthy.governance.blueprint import BLUEPRINT, Wanted
from roadworthy.governance.standing import Standing
from roadworthy.registry import manifest
from roadworthy.registry import queries as registry
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="blueprints")
BlueprintName = Annotated[str, Path(pattern=NAME_PATTERN)]
NameText = Annotated[str, Field(pattern=NAME_PATTERN, max_length=63)]
OptionalName = Annotated[str, Field(pattern=f"^$|{NAME_PATTERN}", max_length=63)]


class PublishRequest(BaseModel):
    """Which use case to publish, and under which name."""

    model_config = ConfigDict(extra="forbid")

    use_case: NameText
    name: OptionalName = ""
    """By default the use case's own name."""


class StartRequest(BaseModel):
    """What somebody who starts from a blueprint says themselves."""

    model_config = ConfigDict(extra="forbid")

    name: NameText
    unit: NameText
    owner: NameText
    """Owns the business and the product side."""
    outcome: OptionalName = ""
    """By default the blueprint's."""
    title: Annotated[str, Field(max_length=120)] = ""
    summary: Annotated[str, Field(max_length=5000)] = ""

    def wanted(self) -> Wanted:
        """Return it, cleaned of what no declaration may hold."""
        return Wanted(**{name: clean(value) for name, value in self.model_dump().items()})


@router.post("/v1/blueprints", permission="registry.declare", status=201)
def publish(tx: Tx, call: Call, body: PublishRequest) -> dict[str, Any]:
    """Publish a use case that has a grant as a blueprint."""
    name = operations.publish(
        tx, assembly_of(call), use_case=body.use_case, name=body.name, actor=actor_of(call), now=call.now
    )
    return shown(name, registry.get(tx, BLUEPRINT, name).spec)


@router.get("/v1/blueprints", permission="registry.read")
def list_blueprints(tx: Tx) -> dict[str, Any]:
    """List the blueprints."""
    return {"items": [shown(one.name, one.spec) for one in registry.every(tx, BLUEPRINT)]}


@router.get("/v1/blueprints/{name}", permission="registry.read")
def show_blueprint(tx: Tx, name: BlueprintName) -> dict[str, Any]:
    """Show one blueprint."""
    return shown(name, registry.get(tx, BLUEPRINT, name).spec)


@router.post("/v1/blueprints/{name}/draft", permission="registry.read", access="read")
def draft(tx: Tx, name: BlueprintName, body: StartRequest) -> dict[str, Any]:
    """Return the declaration a new use case would begin with; nothing is saved."""
    document = operations.draft(tx, blueprint=name, wanted=body.wanted())
    return {"document": document, "yaml": manifest.source_text([(f"From blueprint/{name}.", document)])}


@router.get("/v1/blueprints/{name}/compare/{use_case}", permission="governance.read")
def compare(
    tx: Tx, call: Call, name: BlueprintName, use_case: Annotated[str, Path(pattern=NAME_PATTERN)]
) -> dict[str, Any]:
    """Say what a use case takes over from a blueprint, and what it still lacks or has to prove again."""
    found = registry.get(tx, BLUEPRINT, name).spec
    return compared(found, queries.standing(tx, use_case=use_case, now=call.now))


@router.post("/v1/blueprints/{name}/start", permission="registry.declare", status=201)
def start(tx: Tx, call: Call, name: BlueprintName, body: StartRequest) -> dict[str, Any]:
    """Declare a new use case from a blueprint."""
    standing = operations.start(
        tx, assembly_of(call), blueprint=name, wanted=body.wanted(), actor=actor_of(call), now=call.now
    )
    return compared(registry.get(tx, BLUEPRINT, name).spec, standing)


def shown(name: str, spec: patterns.Blueprint) -> dict[str, Any]:
    """Return a blueprint as the API shows it."""
    return {"name": name, "ref": f"blueprint/{name}", **spec.model_dump(mode="json", exclude_defaults=True)}


def compared(found: patterns.Blueprint, standing: Standing) -> dict[str, Any]:
    """Return how a use case differs from a blueprint."""
    return {
        "use_case": standing.use_case,
        "state": standing.state,
        "tier": standing.tier.tier,
        "reused": [
            {"obligation": one.obligation, "name": one.name, "because": one.because}
            for one in patterns.reused(found, standing)
        ],
        "differences": [
            {"what": one.what, "why": one.why, "next_step": one.next_step, "blocks": one.blocks}
            for one in patterns.differences(found, standing)
        ],
    }
