"""Questions about registered entries: what follows from each, what a list comes to, when it was taken in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.inventory.facts import InventoryImported
from roadworthy.inventory.judging import Judge
from roadworthy.inventory.kinds import INVENTORY_ENTRY
from roadworthy.inventory.report import Assessed, Report, assess, keys_of, report
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.resource import Stored
from roadworthy.rules.queries import rulebook
from roadworthy.use_cases.kinds import USE_CASE

PROMOTED_FROM = "roadworthy.inventory-entry"
"""The annotation by which a use case names the entry it was made from."""


def judge(tx: Tx, *, now: datetime) -> Judge:
    """Return who decides today, by the rules in force."""
    return Judge(rulebook(tx), as_of=now.date())


def assessed(tx: Tx, *, now: datetime, list_name: str = "") -> Sequence[Assessed]:
    """Return every registered entry, or those of one list, the one that weighs most first.

    What follows from the declarations of one size of the log by the rules of one day holds for as long.
    """
    decides = judge(tx, now=now)
    stamp = (audit.size(tx), decides.as_of, decides.rulebook.version)
    kept = tx.memo if audit.has_appended(tx) else tx.shared
    held = kept.get("inventory.assessed")
    if held is None or held[0] != stamp:
        held = kept["inventory.assessed"] = (stamp, _assessed(tx, decides))
    found: Sequence[Assessed] = held[1]
    return [one for one in found if one.entry.list_name == list_name] if list_name else found


def _assessed(tx: Tx, decides: Judge) -> tuple[Assessed, ...]:
    into = promotions(tx)
    found = [
        assess(one.name, one.spec, decides, promoted_to=into.get(one.name, ""))
        for one in registry.every(tx, INVENTORY_ENTRY)
    ]
    return tuple(sorted(found, key=rank))


def rank(one: Assessed) -> tuple[float, str]:
    """Return the place of an entry among all: what weighs most comes first."""
    return -one.score, one.name


def promotions(tx: Tx) -> dict[str, str]:
    """Return for each entry that became a use case the name of that use case."""
    return {
        entry: one.name
        for one in registry.every(tx, USE_CASE)
        if (entry := one.resource.metadata.annotations.get(PROMOTED_FROM))
    }


def entry(tx: Tx, name: str, *, now: datetime) -> tuple[Stored[Any], Assessed]:
    """Return one entry as it is registered, and what follows from it."""
    stored = registry.get(tx, INVENTORY_ENTRY, name)
    decided = assess(
        stored.name, stored.spec, judge(tx, now=now), promoted_to=promotions(tx).get(stored.name, "")
    )
    return stored, decided


def select(
    found: Iterable[Assessed], *, tier: str = "", unit: str = "", gap: str = "", text: str = ""
) -> list[Assessed]:
    """Return the entries that fit every filter given; `gap` is one that a report's step names."""
    wanted = text.casefold()
    return [
        one
        for one in found
        if (not tier or tier in {one.judged.tier, one.entry.declared_risk})
        and (not unit or one.entry.unit == unit)
        and (not gap or gap in keys_of(one))
        and (not wanted or wanted in one.entry.title.casefold() or wanted in one.name)
    ]


def page(found: Sequence[Assessed], *, after: str, limit: int) -> tuple[list[Assessed], str]:
    """Return one page of ranked entries and the cursor of the next, empty at the end."""
    start = 0
    score, colon, name = after.partition(":")
    if colon:
        try:
            place = (-float(score), name)
        except ValueError as error:
            raise NotFoundError("There is no such page.", fix="Begin again without the cursor.") from error
        start = next((number for number, one in enumerate(found) if rank(one) > place), len(found))
    shown = list(found[start : start + limit])
    more = start + limit < len(found)
    return shown, f"{shown[-1].score}:{shown[-1].name}" if more else ""


def report_of(tx: Tx, *, now: datetime, list_name: str = "") -> Report:
    """Return what the registered entries come to."""
    return report(assessed(tx, now=now, list_name=list_name), judge(tx, now=now))


def registered(tx: Tx, *, list_name: str) -> list[str]:
    """Return the names of the entries of a list."""
    return [one.name for one in registry.every(tx, INVENTORY_ENTRY) if one.spec.list_name == list_name]


def imports(tx: Tx, *, list_name: str = "") -> list[Recorded[InventoryImported]]:
    """Return when lists were taken in, the newest first."""
    subject = f"inventory/{list_name}" if list_name else None
    return evidence.of(tx, InventoryImported, subject)[::-1]


def lists(tx: Tx) -> dict[str, str]:
    """Return the lists that were taken in: name -> title."""
    return {one.fact.list_name: one.fact.title for one in reversed(imports(tx))}
