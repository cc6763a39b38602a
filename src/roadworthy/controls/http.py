"""The API of controls: the catalogue, and how controls stand for one use case or all."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime

from roadworthy.controls import queries
from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.documents import control_document, states_document
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="controls")

UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
ControlId = Annotated[str, Path(max_length=20)]
AsOf = Annotated[AwareDatetime | None, Query()]
Only = Annotated[str, Query(max_length=400, pattern=r"^(all|[Cc][0-9]{2}(,[Cc][0-9]{2})*)?$")]


@router.get("/v1/controls", permission="governance.read", access="none")
def list_controls() -> dict[str, Any]:
    """List the catalogue: each control's question, what answers it, and which references it meets."""
    book = catalogue()
    return {"version": book.version, "items": [control_document(one) for one in book.controls.values()]}


@router.get("/v1/controls/{control}", permission="governance.read", access="none")
def show_control(control: ControlId) -> dict[str, Any]:
    """Show one control of the catalogue."""
    return control_document(catalogue().get(control))


@router.get("/v1/use-cases/{name}/controls", permission="governance.read")
def check_controls(
    tx: Tx, call: Call, name: UseCaseName, only: Only = "", as_of: AsOf = None
) -> dict[str, Any]:
    """Answer the controls of a use case, now or as of a moment."""
    needs = queries.needs_of(tx, name, only=only, now=call.now, as_of=as_of)
    found = queries.states_of(tx, use_case=name, needs=needs, now=call.now, as_of=as_of)
    return {
        **states_document(name, found, catalogue().controls),
        "tier": needs.tier or None,
        "as_of": (as_of or call.now).isoformat(),
    }
