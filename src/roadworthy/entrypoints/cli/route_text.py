"""Pure: what a route would do, as text for people."""

from __future__ import annotations

from typing import Any

from roadworthy.entrypoints.cli.output import as_table, printable

_COLUMNS = ("asked", "model", "as", "share", "score", "cost", "quality", "latency_ms", "why")


def route_text(found: dict[str, Any]) -> str:
    """Say which model a route would ask, why, and what of the others."""
    of = f" for use-case/{found['use_case']}" if found["use_case"] else ""
    lines = [
        f"route/{found['route']}{of}, task {found['task']}: prefers {found['prefer']}",
        *(f"  {printable(one)}" for one in found["sentences"]),
        "",
        as_table(_COLUMNS, [_row(one) for one in found["candidates"]]),
        "",
        *(f"note: {printable(one)}" for one in found["notes"]),
    ]
    return "\n".join(lines)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    cost = one["expected_cost_nano"]
    return {
        "asked": one["place"],
        "model": one["model"],
        "as": one["role"],
        "share": None if one["share"] is None else f"{one['share']:.1%}",
        "score": None if one["value"] is None else f"{one['value']:.3f}",
        "cost": None if cost is None else f"{cost / 1e9:.6f} {one['currency']}",
        "quality": one["quality"],
        "latency_ms": None if one["latency_ms"] is None else round(one["latency_ms"]),
        "why": one["said"],
    }
