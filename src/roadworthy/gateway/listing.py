"""Pure: what `GET /v1/models` says to a caller: the names it may ask for, nothing else."""

from __future__ import annotations

from datetime import datetime

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Caller, Refused
from roadworthy.gateway.dialects import openai
from roadworthy.gateway.snapshot import Index


def _card(index: Index, name: str) -> openai.ModelCard:
    try:
        created = int(datetime.fromisoformat(index.snapshot.compiled_at).timestamp())
    except ValueError:
        created = 0
    owner = "route" if name in index.snapshot.routes else index.snapshot.models[name].provider
    return openai.ModelCard(id=name, created=created, owned_by=owner)


def body(index: Index, caller: Caller, name: str | None, *, now: float) -> bytes | Refused:
    """Return the list, or the one asked for, or why there is none of that name for this caller."""
    if name is None:
        return openai.models_body(
            [_card(index, known) for known in access.callable_by(index, caller, now=now)]
        )
    verdict = access.decide_for(index, caller, use_case_header=None, model=name, now=now)
    if isinstance(verdict, Admitted):
        return openai.model_body(_card(index, name.removeprefix("route/").removeprefix("model/")))
    return verdict
