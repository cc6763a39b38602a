"""Pure: what `GET /v1/models` says to a caller: the names it may ask for, nothing else."""

from __future__ import annotations

from datetime import datetime

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Caller, Refused
from roadworthy.gateway.dialects import catalogue
from roadworthy.gateway.snapshot import Index


def _card(index: Index, name: str) -> catalogue.ModelCard:
    try:
        created = int(datetime.fromisoformat(index.snapshot.compiled_at).timestamp())
    except ValueError:
        created = 0
    owner = "route" if name in index.snapshot.routes else index.snapshot.models[name].provider
    return catalogue.ModelCard(id=name, created=created, owned_by=owner)


def body(
    index: Index, caller: Caller, name: str | None, *, now: float, anthropic: bool = False
) -> bytes | Refused:
    """Return the list, or the one asked for, or why there is none of that name for this caller."""
    if name is None:
        cards = [_card(index, known) for known in access.callable_by(index, caller, now=now)]
        return catalogue.anthropic_models_body(cards) if anthropic else catalogue.models_body(cards)
    verdict = access.decide_for(index, caller, use_case_header=None, model=name, now=now)
    if isinstance(verdict, Admitted):
        card = _card(index, name.removeprefix("route/").removeprefix("model/"))
        return catalogue.anthropic_model_body(card) if anthropic else catalogue.model_body(card)
    return verdict
