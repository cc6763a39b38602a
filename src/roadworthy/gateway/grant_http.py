"""The API of grants: one signed statement for each, that can be checked without this server."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import grant_seal
from roadworthy.gateway.grant_seal import GrantSigner
from roadworthy.gateway.source import compile_among
from roadworthy.governance import queries as governance
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="gateway")
SIGNER_SOCKET = "gateway.grant-signer"
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]


@router.get("/v1/use-cases/{name}/grant", permission="governance.read")
def show_grant(tx: Tx, call: Call, name: UseCaseName) -> dict[str, Any]:
    """Return the grant of a use case as gateways are given it now: what it allows, what made it, signed."""
    standing = governance.standing(tx, use_case=name, now=call.now)
    found = compile_among(tx, use_cases=(name,), principals=(), now=call.now).grants
    if not found:
        reasons = standing.block.reasons if standing.block is not None else ()
        raise NotFoundError(
            f"use-case/{name} has no grant.",
            why=reasons[0].message if reasons else "",
            fix=f"`roadworthy explain use-case/{name}` says everything that stands in the way.",
        )
    signer: GrantSigner = call.parts.sockets[SIGNER_SOCKET]
    issued = signer.issue(found[0], now=call.now.timestamp())
    return grant_seal.document(issued, key=signer.key)
