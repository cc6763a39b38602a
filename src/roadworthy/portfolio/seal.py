"""Pure: how an import is sealed: a line for each figure, and the digest of all lines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from roadworthy.foundation.canonical import canonical


def line_of(metric: str, period_start: date, value: float | None, n: int | None) -> str:
    """Return the canonical line of a figure; equal figures give equal lines on every engine."""
    return canonical([metric, period_start.isoformat(), value, n]).decode()


def manifest_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the lines of an import, ordered by metric and week."""
    lines = (line_of(row["metric"], row["period_start"], row["value"], row["n"]) for row in rows)
    return "".join(f"{line}\n" for line in sorted(lines))


def digest_of(manifest: str) -> str:
    """Return what the audit log holds of an import."""
    return hashlib.sha256(manifest.encode("utf-8", "surrogateescape")).hexdigest()


def differences(manifest: str, rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (line as it is or was, what is wrong with it) for every figure that is not what was sealed."""
    sealed = set(manifest.splitlines())
    stored = {line_of(row["metric"], row["period_start"], row["value"], row["n"]) for row in rows}
    found = [(line, "was sealed and is no longer stored so") for line in sorted(sealed - stored)]
    return found + [(line, "is stored and was never sealed so") for line in sorted(stored - sealed)]
