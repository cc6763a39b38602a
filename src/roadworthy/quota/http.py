"""The API of limits and budgets, and of comparing what was counted with what a provider asks for."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.quota import comparison, invoice, queries, reconciliation
from roadworthy.quota.door import seen
from roadworthy.quota.queries import Standing
from roadworthy.registry.door import clean

router = Router(tag="budgets")


def shown(one: Standing) -> dict[str, Any]:
    """Return a standing with what follows from it."""
    return {**asdict(one), "left": one.left, "state": one.state}


@router.get("/v1/budgets", permission="usage.read")
def list_budgets(tx: Tx, call: Call, name: Annotated[str, Query(max_length=140)] = "") -> dict[str, Any]:
    """Say what is used, reserved and left of limits and budgets, and who may change them.

    Amounts of money are billionths of the currency, as call records count them.
    """
    return {"items": [shown(one) for one in seen(tx, call, clean(name))]}


@router.get("/v1/budgets/leaks", permission="access.read")
def list_leaks(tx: Tx, call: Call) -> dict[str, Any]:
    """List what gateways that are gone still hold: nothing, once their records have been taken over."""
    del call
    return {"items": [asdict(one) for one in queries.leaks(tx)]}


class Asked(BaseModel):
    """A provider's file, and what of the ledger it is compared with."""

    model_config = ConfigDict(extra="forbid")

    provider: Annotated[str, Field(min_length=1, max_length=63)]
    """The declared provider that sent it."""
    text: Annotated[str, Field(max_length=invoice.BYTES_MAX)]
    """The file."""
    format: invoice.Format = "auto"
    mapping: dict[str, Any] | None = None
    """For the format `mapping`: which column means what."""
    tolerance_percent: Annotated[float, Field(ge=0, le=100)] = 1.0
    """How far apart a day's figures for a model may be."""


@router.post("/v1/reconciliations", permission="usage.read", body_limit=invoice.BYTES_MAX * 2)
def reconcile(tx: Tx, call: Call, asked: Asked) -> dict[str, Any]:
    """Compare the ledger with a provider's invoice export, for each day and model."""
    lines = invoice.read(asked.text, format=asked.format, mapping=asked.mapping)
    ours = reconciliation.ledger(
        tx, principal=call.who.principal, now=call.now, provider=clean(asked.provider), lines=lines
    )
    found = comparison.compare(ours, lines, tolerance_percent=asked.tolerance_percent)
    return {"provider": asked.provider, **comparison.shown(found)}
