"""Pure: which declarations a snapshot carries; one list, whether a database or a folder holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from roadworthy.gateway.kinds import FILTER, FILTER_POLICY
from roadworthy.models.kinds import MODEL, PROVIDER, ROUTE
from roadworthy.policy.kinds import ACCESS_POLICY
from roadworthy.quota.kinds import BUDGET, LIMIT
from roadworthy.registry.kinds import Kind
from roadworthy.use_cases.kinds import UNIT

Read = Callable[[Kind], Mapping[str, Any]]
"""From a kind to what is declared of it: name -> spec."""

KINDS: tuple[Kind, ...] = (PROVIDER, MODEL, ROUTE, LIMIT, BUDGET, UNIT, FILTER, FILTER_POLICY, ACCESS_POLICY)
"""The kinds a snapshot carries as they are declared."""


ALONE: Mapping[str, str] = {"Provider": "providers", "Model": "models", "Route": "routes"}
"""Kinds whose entry follows from the one declaration alone, and the part of the snapshot it stands in: of
these a change reads one. A change to any other kind of `KINDS` reads them all."""


def parts(read: Read) -> dict[str, Any]:
    """Return what `snapshot_of` is told of declarations, by the name of its parameter."""
    return {
        "providers": read(PROVIDER),
        "models": read(MODEL),
        "routes": read(ROUTE),
        "limits": read(LIMIT),
        "budgets": read(BUDGET),
        "units": read(UNIT),
        "filters": read(FILTER),
        "filter_policies": read(FILTER_POLICY),
        "access_policies": read(ACCESS_POLICY),
    }
