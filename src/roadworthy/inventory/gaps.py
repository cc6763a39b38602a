"""Pure: what an entry still lacks before it could be governed here, and how much that weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from roadworthy.inventory.judging import Judged
from roadworthy.inventory.kinds import Claim, InventoryEntry
from roadworthy.use_cases.kinds import Stage

GapKind = Literal["title", "owner", "outcome", "measurement", "stage", "check", "evidence", "questions"]
GAP_TITLES: Mapping[GapKind, str] = {
    "owner": "No owner",
    "outcome": "No outcome",
    "measurement": "No measurable benefit",
    "check": "Something was not done",
    "evidence": "Obligations without evidence",
    "questions": "Open questions",
    "stage": "No stage",
    "title": "No title",
}
WEIGHTS: Mapping[str, float] = {"minimal": 1.0, "limited": 3.0, "high": 9.0, "prohibited": 27.0}
"""What a tier weighs when steps are ranked."""
STAGES: Mapping[Stage | None, float] = {"live": 1.0, "pilot": 0.6, None: 0.6, "idea": 0.3, "stopped": 0.0}
"""What runs weighs most; what was stopped needs nothing."""
_UNMET: Mapping[Claim, str] = {
    "planned": "planned, not done",
    "waived": "waived, says the list",
    "absent": "not done, says the list",
    "unknown": "the list does not say",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing that is missing."""

    kind: GapKind
    id: str
    """Tells it apart from others of its kind: the check's name, the obligation's id."""
    what: str
    next_step: str


def gaps_of(entry: InventoryEntry, judged: Judged) -> tuple[Gap, ...]:
    """Return everything that is missing, what weighs most first."""
    return (*_declared(entry), *_checks(entry), *_evidence(entry, judged), *_questions(judged))


def _declared(entry: InventoryEntry) -> list[Gap]:
    found = []
    if not entry.owners:
        found.append(
            Gap(
                "owner", "owner", "Nobody is named who answers for it.", "Name a business owner and a deputy."
            )
        )
    if entry.outcome is None:
        found.append(
            Gap("outcome", "outcome", "The list does not say what it is to achieve.", "Declare an outcome.")
        )
    elif entry.benefit is None:
        found.append(
            Gap(
                "measurement",
                "measurement",
                "The benefit is stated without a figure, so nobody can tell whether it came.",
                "Measure where you stand, and declare an outcome with baseline and target.",
            )
        )
    if entry.stage is None:
        found.append(
            Gap("stage", "stage", "The list does not say how far along it is.", "Say whether it runs.")
        )
    if entry.title.startswith("Without a title ("):
        found.append(Gap("title", "title", "It has no title.", "Give it one."))
    return found


def _checks(entry: InventoryEntry) -> list[Gap]:
    return [
        Gap(
            "check",
            name,
            f"{one.title}: {_UNMET[one.state]}.",
            f"Do it, or show that it was done: {one.title}.",
        )
        for name, one in entry.claims.items()
        if one.state in _UNMET
    ]


def _evidence(entry: InventoryEntry, judged: Judged) -> list[Gap]:
    return [
        Gap(
            "evidence",
            one.id,
            f"{one.name} ({one.rule}): the list claims something of its kind, nothing shows it."
            if claimed(entry, one.kind)
            else f"{one.name} ({one.rule}): no evidence.",
            "Add the evidence once it is promoted to a use case.",
        )
        for one in judged.owed
    ]


def _questions(judged: Judged) -> list[Gap]:
    if not judged.questions:
        return []
    count = len(judged.questions)
    first = judged.questions[0]
    return [
        Gap(
            "questions",
            "questions",
            f"{count} question{'s' if count > 1 else ''} without an answer could raise the tier to "
            f"{judged.could_be}.",
            f"Answer `{first.fact}` first: {first.text}",
        )
    ]


def claimed(entry: InventoryEntry, kind: str) -> bool:
    """Say whether the list claims that something of this sort was done."""
    return any(one.kind == kind and one.state == "present" for one in entry.claims.values())


def weight(entry: InventoryEntry, judged: Judged) -> float:
    """Return the risk of leaving an entry as it is: what it is or could become, and whether it runs."""
    declared = WEIGHTS[entry.declared_risk] if entry.declared_risk is not None else 0.0
    known = max(WEIGHTS[judged.tier], declared)
    possible = max(WEIGHTS[judged.could_be], known) if judged.provisional else known
    return (known + possible) / 2 * STAGES[entry.stage]
