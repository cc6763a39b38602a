"""Pure: what may be called, as `GET /v1/models` says it to OpenAI's clients and to Anthropic's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


class ModelCard(msgspec.Struct):
    """One line of `GET /v1/models`."""

    id: str
    created: int
    owned_by: str
    object: str = "model"


def models_body(cards: Sequence[ModelCard]) -> bytes:
    """Return the list of what a key may call."""
    return _ENCODER.encode({"object": "list", "data": list(cards)})


def model_body(card: ModelCard) -> bytes:
    """Return one line of that list."""
    return _ENCODER.encode(card)


def _anthropic(card: ModelCard) -> dict[str, Any]:
    since = datetime.fromtimestamp(card.created, UTC).isoformat().replace("+00:00", "Z")
    return {"type": "model", "id": card.id, "display_name": card.id, "created_at": since}


def anthropic_models_body(cards: Sequence[ModelCard]) -> bytes:
    """Return the list in Anthropic's form: all of it, on one page."""
    first, last = (cards[0].id, cards[-1].id) if cards else (None, None)
    data = [_anthropic(card) for card in cards]
    return _ENCODER.encode({"data": data, "has_more": False, "first_id": first, "last_id": last})


def anthropic_model_body(card: ModelCard) -> bytes:
    """Return one line of that list in Anthropic's form."""
    return _ENCODER.encode(_anthropic(card))
