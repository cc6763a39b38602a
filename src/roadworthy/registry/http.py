"""The API of declarations and of the audit log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.errors import InvalidError, PreconditionError, PreconditionMissingError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import SIGNED_IN, Reply, Router
from roadworthy.registry import audit, checkpoint, manifest, operations, queries, verification
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import KEYS_SOCKET, actor_of, clean, split_ref
from roadworthy.registry.manifest import Manifest
from roadworthy.registry.plan import compare, summary, to_json
from roadworthy.registry.resource import Stored

router = Router(tag="declarations")
NamePath = Annotated[str, Path(max_length=80)]


def shown(stored: Stored[Any]) -> dict[str, Any]:
    """Return a resource as the API shows it: the document, and its status beside it."""
    return {
        **stored.resource.document(),
        "status": {
            "generation": stored.generation,
            "digest": stored.digest,
            "managed_by": stored.managed_by,
            "source": stored.source,
            "created_at": stored.created_at.isoformat(),
            "created_by": stored.created_by,
            "updated_at": stored.updated_at.isoformat(),
            "updated_by": stored.updated_by,
        },
    }


class Page(BaseModel):
    """A page of a list."""

    items: list[dict[str, Any]]
    next_cursor: str


class ManifestFile(BaseModel):
    """One file of declarations."""

    model_config = ConfigDict(extra="forbid")
    file: str = Field(default="request.yaml", max_length=300)
    text: str


class PlanRequest(BaseModel):
    """What is to be declared."""

    model_config = ConfigDict(extra="forbid")
    manifests: list[ManifestFile] = Field(default_factory=list, max_length=1000)
    remove: list[str] = Field(default_factory=list, max_length=1000)
    """References (`use-case/x`) to delete."""
    managed_by: str = Field(default="file", pattern="^(file|console)$")
    adopt: bool = False


class ApplyRequest(BaseModel):
    """A plan, unchanged."""

    model_config = ConfigDict(extra="forbid")
    plan: dict[str, Any]


class Document(BaseModel):
    """A declaration; `status` is read-only and ignored, so that what was read can be sent back."""

    model_config = ConfigDict(extra="allow")


class RollbackRequest(BaseModel):
    """Which generation to return to."""

    model_config = ConfigDict(extra="forbid")
    generation: int = Field(ge=1, le=2**31 - 1)


class EraseRequest(BaseModel):
    """What to erase, and why."""

    model_config = ConfigDict(extra="forbid")
    subject: str = Field(max_length=140)
    reason: str = Field(min_length=1, max_length=1000)


class VerifyRequest(BaseModel):
    """A checkpoint that somebody kept outside, to compare with."""

    model_config = ConfigDict(extra="forbid")
    checkpoint: str = Field(default="", max_length=10_000)


def parse_files(files: list[ManifestFile]) -> list[Manifest]:
    """Read every file."""
    return [one for each in files for one in manifest.parse(each.text, file=each.file)]


@router.get("/v1/kinds", permission=SIGNED_IN, access="none")
def list_kinds(call: Call) -> dict[str, Any]:
    """List the declared kinds."""
    kinds = [
        {"kind": kind.name, "slug": kind.slug, "summary": kind.summary}
        for kind in assembly_of(call).catalogue
    ]
    return {"items": kinds}


@router.get("/v1/kinds/{kind}/schema", permission=SIGNED_IN, access="none")
def kind_schema(call: Call, kind: NamePath) -> dict[str, Any]:
    """Return the JSON Schema of a kind's manifest."""
    catalogue = assembly_of(call).catalogue
    return catalogue.schema(catalogue.get(kind))


@router.get("/v1/resources/{kind}", permission="registry.read")
def list_resources(
    tx: Tx,
    call: Call,
    kind: NamePath,
    after: Annotated[str, Query(max_length=80)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Reply:
    """List the resources of a kind by name."""
    found = assembly_of(call).catalogue.get(kind)
    items, cursor = queries.page(tx, found, after=clean(after), limit=limit)
    link = f'</v1/resources/{found.slug}?after={cursor}&limit={limit}>; rel="next"' if cursor else None
    return Reply({"items": [shown(one) for one in items], "next_cursor": cursor}, link=link)


@router.get("/v1/resources/{kind}/{name}", permission="registry.read")
def get_resource(tx: Tx, call: Call, kind: NamePath, name: NamePath) -> Reply:
    """Return a resource with its version."""
    stored = queries.get(tx, assembly_of(call).catalogue.get(kind), clean(name))
    return Reply(shown(stored), etag=stored.etag)


@router.put("/v1/resources/{kind}/{name}", permission="registry.declare")
def put_resource(
    tx: Tx,
    call: Call,
    kind: NamePath,
    name: NamePath,
    body: Document,
    managed_by: Annotated[str, Query(pattern="^(file|console)$")] = "console",
) -> Reply:
    """Declare a resource: If-Match names the version it replaces, If-None-Match: * says that it is new."""
    assembly = assembly_of(call)
    found = assembly.catalogue.get(kind)
    document = {key: value for key, value in body.model_dump().items() if key != "status"}
    metadata = document.get("metadata")
    if document.get("kind") != found.name or not isinstance(metadata, dict) or metadata.get("name") != name:
        raise InvalidError(
            "The address and the document name different resources.",
            fix=f"Send kind {found.name} and metadata.name {name}, or correct the address.",
        )
    current = queries.find(tx, found, clean(name))
    _check_version(call, current)
    planned = operations.plan(
        tx,
        assembly,
        manifests=[Manifest(document, "", 0, {})],
        managed_by=managed_by,
        actor=actor_of(call),
        now=call.now,
    )
    operations.save(tx, assembly, planned, actor=actor_of(call), now=call.now)
    stored = queries.get(tx, found, name)
    return Reply(shown(stored), status=200 if current else 201, etag=stored.etag)


@router.delete("/v1/resources/{kind}/{name}", permission="registry.declare")
def delete_resource(tx: Tx, call: Call, kind: NamePath, name: NamePath) -> dict[str, Any]:
    """Delete a resource; its history stays."""
    assembly = assembly_of(call)
    found = assembly.catalogue.get(kind)
    _check_version(call, queries.get(tx, found, clean(name)))
    planned = operations.plan(
        tx, assembly, removals=[(found, name)], managed_by="console", actor=actor_of(call), now=call.now
    )
    applied = operations.save(tx, assembly, planned, actor=actor_of(call), now=call.now)
    return {"applied": applied, "effects": [text for one in planned.changes for text in one.effects]}


def _check_version(call: Call, current: Stored[Any] | None) -> None:
    match, none_match = call.request.headers.get("if-match"), call.request.headers.get("if-none-match")
    if match is None and none_match is None:
        raise PreconditionMissingError(
            "Say which version you are changing.",
            why="Without it, a change somebody else has just made could be lost.",
            fix="Send If-Match with the ETag you read, or If-None-Match: * for a new resource.",
        )
    held = current.etag if current else None
    stale = (match is not None and (held is None or match not in {held, "*"})) or (
        none_match is not None and held is not None
    )
    if stale:
        raise PreconditionError(
            "The resource is not at the version you named.",
            why=f"It is at {held}, changed by {current.updated_by}." if current else "It does not exist.",
            fix="Read it again and decide on what it says now.",
        )


@router.get("/v1/resources/{kind}/{name}/history", permission="registry.read")
def resource_history(
    tx: Tx,
    call: Call,
    kind: NamePath,
    name: NamePath,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """List the versions of a resource, newest first."""
    found = assembly_of(call).catalogue.get(kind)
    return {"items": queries.history(tx, found, clean(name), before=before, limit=limit)}


@router.get("/v1/resources/{kind}/{name}/versions/{generation}", permission="registry.read")
def resource_version(
    tx: Tx, call: Call, kind: NamePath, name: NamePath, generation: Annotated[int, Path(ge=1, le=2**31 - 1)]
) -> dict[str, Any]:
    """Return one version of a resource."""
    return queries.version(tx, assembly_of(call).catalogue.get(kind), clean(name), generation)


@router.get("/v1/resources/{kind}/{name}/diff", permission="registry.read")
def resource_diff(
    tx: Tx,
    call: Call,
    kind: NamePath,
    name: NamePath,
    old: Annotated[int | None, Query(alias="from", ge=1, le=2**31 - 1)] = None,
    new: Annotated[int | None, Query(alias="to", ge=1, le=2**31 - 1)] = None,
) -> dict[str, Any]:
    """Compare two versions; by default the last two."""
    found = assembly_of(call).catalogue.get(kind)
    past = queries.history(tx, found, clean(name), limit=2)
    to = new or past[0]["generation"]
    since = old or max(to - 1, 1)
    before, after = queries.version(tx, found, name, since), queries.version(tx, found, name, to)
    changed = compare(before["document"] or {}, after["document"] or {})
    return {
        "from": since,
        "to": to,
        "fields": [{"path": one.path, "before": one.before, "after": one.after} for one in changed],
    }


@router.post("/v1/resources/{kind}/{name}/rollback", permission="registry.declare")
def rollback_resource(
    tx: Tx, call: Call, kind: NamePath, name: NamePath, body: RollbackRequest
) -> dict[str, Any]:
    """Declare again what an earlier generation said."""
    assembly = assembly_of(call)
    applied = operations.rollback(
        tx,
        assembly,
        kind=assembly.catalogue.get(kind),
        name=clean(name),
        generation=body.generation,
        actor=actor_of(call),
        now=call.now,
    )
    return {"applied": applied, "revision": audit.revision(tx)}


@router.post("/v1/validate", permission=SIGNED_IN, access="read")
def validate(call: Call, body: PlanRequest) -> dict[str, Any]:
    """Check files against the schemas alone, without looking at what is declared."""
    wanted = operations.read_documents(assembly_of(call), parse_files(body.manifests))
    return {"valid": len(wanted), "items": [f"{one.kind.slug}/{one.resource.name}" for one in wanted]}


@router.post("/v1/plan", permission="registry.declare", access="read")
def make_plan(tx: Tx, call: Call, body: PlanRequest) -> dict[str, Any]:
    """Say what applying these files would change, and what follows from it."""
    planned = operations.plan(
        tx,
        assembly_of(call),
        manifests=parse_files(body.manifests),
        removals=[split_ref(call, ref) for ref in body.remove],
        managed_by=body.managed_by,
        adopt=body.adopt,
        actor=actor_of(call),
        now=call.now,
    )
    return {"plan": to_json(planned), "summary": summary(planned.changes), "is_empty": planned.is_empty}


@router.post("/v1/apply", permission="registry.declare")
def apply_plan(tx: Tx, call: Call, body: ApplyRequest) -> dict[str, Any]:
    """Apply exactly this plan; a plan that something has overtaken is refused."""
    applied = operations.apply(tx, assembly_of(call), document=body.plan, actor=actor_of(call), now=call.now)
    return {"applied": applied, "revision": audit.revision(tx)}


@router.get("/v1/export", permission="registry.read")
def export(
    tx: Tx,
    call: Call,
    kind: Annotated[str, Query(max_length=80)] = "",
    managed_by: Annotated[str, Query(pattern="^(|file|console)$")] = "",
) -> Reply:
    """Write every declaration as YAML that can be applied again without changing anything."""
    catalogue = assembly_of(call).catalogue
    only = catalogue.get(kind) if kind else None
    found = queries.every(tx, only) if only else queries.everything(tx, catalogue)
    documents = [
        ("", one.resource.manifest()) for one in found if not managed_by or one.managed_by == managed_by
    ]
    return Reply(manifest.source_text(documents), media_type="application/yaml")


@router.get("/v1/audit/entries", permission="audit.read")
def audit_entries(
    tx: Tx,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    subject: Annotated[str, Query(max_length=140)] = "",
    actor: Annotated[str, Query(max_length=140)] = "",
) -> Reply:
    """List audit entries, newest first."""
    items = audit.entries(tx, before=before, limit=limit, subject=clean(subject), actor=clean(actor))
    more = items[-1]["seq"] if len(items) == limit and items[-1]["seq"] > 0 else None
    link = f'</v1/audit/entries?before={more}&limit={limit}>; rel="next"' if more else None
    return Reply({"items": items, "next_cursor": more}, link=link)


@router.get("/v1/audit/checkpoint", permission=SIGNED_IN)
def audit_checkpoint(tx: Tx, call: Call) -> dict[str, Any]:
    """Return the newest signed checkpoint and the keys to verify it with: keep it somewhere else."""
    keys: tuple[checkpoint.VerificationKey, ...] = call.parts.sockets[KEYS_SOCKET]
    newest = audit.newest_checkpoint(tx) or {"size": 0, "at": None, "note": ""}
    return {**newest, "keys": [key.encode() for key in keys]}


@router.get("/v1/audit/entries/{seq}/proof", permission="audit.read")
def audit_proof(tx: Tx, seq: Annotated[int, Path(ge=0, le=2**53)]) -> dict[str, Any]:
    """Prove that an entry is in the log."""
    return audit.proof(tx, seq)


@router.get("/v1/audit/consistency", permission="audit.read")
def audit_consistency(
    tx: Tx,
    first: Annotated[int, Query(ge=0, le=2**53)],
    second: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> dict[str, Any]:
    """Prove that the log only grew between two sizes."""
    return audit.consistency(tx, first, second)


@router.post("/v1/audit/verify", permission="audit.read", access="read")
def audit_verify(tx: Tx, call: Call, body: VerifyRequest) -> dict[str, Any]:
    """Re-hash the whole log, compare every table it seals, and name what was altered."""
    verdict = verification.verify(
        tx,
        keys=call.parts.sockets[KEYS_SOCKET],
        verifiers=assembly_of(call).verifiers,
        held=body.checkpoint,
    )
    return {
        "size": verdict.size,
        "checkpoints": verdict.checkpoints,
        "ok": verdict.ok,
        "findings": verdict.findings,
        "checkpoint": verdict.checkpoint,
    }


@router.post("/v1/audit/erasures", permission="audit.erase")
def audit_erase(tx: Tx, call: Call, body: EraseRequest) -> dict[str, Any]:
    """Erase what the log and the history say about a deleted resource; every proof still holds."""
    kind, name = split_ref(call, body.subject)
    erased = operations.erase(
        tx, kind=kind, name=name, reason=body.reason, actor=actor_of(call), now=call.now
    )
    copies = sum(eraser(tx, f"{kind.slug}/{name}") for eraser in assembly_of(call).erasers)
    return {"subject": body.subject, "erased_payloads": erased, "erased_copies": copies}
