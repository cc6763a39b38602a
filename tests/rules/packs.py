"""Packs of one's own to try the rules of overlaying on."""

from __future__ import annotations

import copy
from typing import Any

RULE: dict[str, Any] = {
    "id": "contract.acme.no_npi",
    "title": "No customers' financial data to Acme's models",
    "source": "contract",
    "citation": "Acme master agreement, section 7",
    "applies": "Financial data of customers reach a model.",
    "asks": "Have Acme's written consent first.",
    "applies_from": "2026-01-01",
    "tier": "limited",
    "when": {"data_classes": {"any_of": ["npi"]}},
    "obligations": [
        {"id": "consent", "kind": "document", "name": "Acme's written consent", "controls": ["C12"]}
    ],
    "fixtures": [
        {"expect": "fires", "facts": {"data_classes": ["npi"]}},
        {"expect": "silent", "facts": {"data_classes": ["internal"]}},
    ],
}


def pack(*rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """Return the spec of a pack with these rules."""
    return {
        "title": "Contracts",
        "version": "1.0.0",
        "review_by": "2027-06-30",
        "rules": [copy.deepcopy(one) for one in rules],
        **spec,
    }


def changed(**rule: Any) -> dict[str, Any]:
    """Return the rule with fields changed."""
    return {**copy.deepcopy(RULE), **rule}
