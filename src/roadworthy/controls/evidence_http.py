"""The API of evidence from outside: filed, listed, downloaded, taken back."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Body, Path, Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from roadworthy.controls import door, queries, uploads
from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.operations import BYTES_MAX
from roadworthy.controls.piece import Piece
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.registry.door import clean

router = Router(tag="controls")

EvidenceId = Annotated[str, Path(max_length=60)]
KindName = Annotated[str, Query(max_length=60)]
About = Annotated[str, Query(min_length=3, max_length=140)]
Moment = Annotated[AwareDatetime | None, Query()]


def _octets(body: object) -> object:
    # As text of one letter a byte: what a request sent is fingerprinted as JSON where it may be sent again.
    return body.decode("latin-1") if isinstance(body, bytes) else body


FileBody = Annotated[str, BeforeValidator(_octets), Body(media_type="application/octet-stream")]


class FileEvidence(BaseModel):
    """What is said of a file beside it."""

    model_config = ConfigDict(extra="forbid")

    kind: Annotated[str, Field(max_length=60)]
    about: Annotated[str, Field(min_length=3, max_length=140)]
    """What it is about: `use-case/x`, or a unit, provider or person."""
    name: Annotated[str, Field(max_length=200)] = ""
    """The file's name."""
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")] = (
        "application/octet-stream"
    )
    observed_at: AwareDatetime | None = None
    """When what it says was so; a file that says it itself is believed."""
    expires_at: AwareDatetime | None = None
    """When it stops counting; not later than its kind allows."""
    self_attested: bool = False
    """Whether it is the word of who answers for what it is about; for them it always is."""
    value: Annotated[list[str], Field(max_length=20)] = Field(default_factory=list)
    """`signal=value`, where the file does not say it."""
    threshold: Annotated[float | None, Field(allow_inf_nan=False)] = None
    """The score from which an evaluation passes."""
    note: Annotated[str, Field(max_length=1000)] = ""


class WithdrawEvidence(BaseModel):
    """Why a piece no longer counts."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=400)]


@router.get("/v1/evidence/kinds", permission="governance.read", access="none")
def evidence_kinds() -> dict[str, Any]:
    """List the kinds of evidence: what each says, which files it reads, what it is filed under."""
    return {
        "items": [
            {"name": name, **one.model_dump(mode="json"), "signals": list(one.signals)}
            for name, one in catalogue().kinds.items()
        ]
    }


@router.get("/v1/evidence", permission="governance.read")
def list_evidence(
    tx: Tx,
    call: Call,
    about: Annotated[str, Query(max_length=140)] = "",
    kind: KindName = "",
    as_of: Moment = None,
) -> dict[str, Any]:
    """List evidence from outside, newest first: what it says, who filed it, whether it counts."""
    found = uploads.pieces(tx, about=[clean(about)] if about else None, as_of=as_of)
    shown = [one for one in reversed(found) if not kind or one.fact.kind == kind]
    now = as_of or call.now
    return {"items": [door.document(one, now=now) for one in shown], "as_of": now.isoformat()}


@router.post("/v1/evidence", permission="evidence.add", status=201, body_limit=BYTES_MAX + 1024)
def add_evidence(
    tx: Tx, call: Call, body: FileBody, filed: Annotated[FileEvidence, Query()]
) -> dict[str, Any]:
    """File a piece of evidence: the body is the file, as it is, of up to 10 MiB."""
    given = filed.model_dump(exclude={"value"})
    done = door.file(tx, call, content=body.encode("latin-1"), values=door.stated(filed.value), **given)
    return door.document(Piece(done), now=call.now)


@router.get("/v1/evidence/{evidence_id}", permission="governance.read")
def show_evidence(tx: Tx, call: Call, evidence_id: EvidenceId) -> dict[str, Any]:
    """Show a piece of evidence without its file."""
    return door.document(queries.piece(tx, clean(evidence_id)), now=call.now)


@router.get("/v1/evidence/{evidence_id}/file", permission="evidence.read")
def download_evidence(tx: Tx, call: Call, evidence_id: EvidenceId) -> Any:
    """Return the file of a piece of evidence as it came: to be kept, never shown as a page of ours."""
    piece, content = door.content(tx, call, evidence_id=evidence_id)
    name = quote(piece.fact.name or piece.recorded.id, safe="")
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{name}",
        "x-content-type-options": "nosniff",
    }
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.post("/v1/evidence/{evidence_id}/withdraw", permission="evidence.add")
def withdraw_evidence(tx: Tx, call: Call, evidence_id: EvidenceId, body: WithdrawEvidence) -> dict[str, Any]:
    """Take a piece of evidence back: it no longer counts and stays on record."""
    door.withdraw(tx, call, evidence_id=evidence_id, reason=body.reason)
    return door.document(queries.piece(tx, evidence_id), now=call.now)
