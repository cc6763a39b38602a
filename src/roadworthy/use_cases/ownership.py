"""Pure: who answers for a use case, and where nobody does: gaps, leavers, owners without a deputy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from roadworthy.use_cases.kinds import Owners, Ownership

SIDES = ("business", "product", "platform", "security_legal", "operations")
SIDE_TITLES = {
    "business": "business",
    "product": "product",
    "platform": "platform",
    "security_legal": "security and legal",
    "operations": "operations",
}
GapCode = Literal["no-owner", "owner-left", "no-deputy", "deputy-left", "deputy-is-owner"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where nobody answers, or nobody stands in."""

    code: GapCode
    side: str
    message: str
    next_step: str
    person: str = ""

    @property
    def about_owner(self) -> bool:
        """Say whether the owner is missing, not only the deputy."""
        return self.code in {"no-owner", "owner-left"}

    @property
    def field(self) -> str:
        """Return the field that closes it."""
        return f"spec.owners.{self.side}.{'owner' if self.about_owner else 'deputy'}"


@dataclass(frozen=True, slots=True)
class OwnershipCheck:
    """Every gap, and until when the owners that are there hold."""

    gaps: tuple[Gap, ...]
    owners_until: datetime | None
    """When the first owner who is still here leaves; None when no leave is known."""


def check(owners: Owners, leaves: Mapping[str, datetime | None], *, now: datetime) -> OwnershipCheck:
    """Look at each side; `leaves` says of every known person when they leave, None for not at all."""
    gaps: list[Gap] = []
    ends: list[datetime] = []
    for side in SIDES:
        named: Ownership = getattr(owners, side)
        gaps += _side(side, named, leaves, now)
        leave = leaves.get(named.owner) if named.owner else None
        if leave is not None and leave > now:
            ends.append(leave)
    return OwnershipCheck(tuple(gaps), min(ends, default=None))


def _side(side: str, named: Ownership, leaves: Mapping[str, datetime | None], now: datetime) -> list[Gap]:
    title, found = SIDE_TITLES[side], list[Gap]()
    if named.owner is None:
        step = f"Name one under `owners.{side}.owner`."
        found.append(Gap("no-owner", side, f"Nobody owns the {title} side.", step))
    elif _gone(named.owner, leaves, now):
        step = f"Name a successor under `owners.{side}.owner`."
        message = f"{named.owner}, who owned the {title} side, has left."
        found.append(Gap("owner-left", side, message, step, named.owner))
    step = f"Name one under `owners.{side}.deputy`."
    if named.deputy is None:
        found.append(Gap("no-deputy", side, f"Nobody stands in for the {title} owner.", step))
    elif named.deputy == named.owner:
        message = f"{named.deputy} cannot stand in for themselves on the {title} side."
        found.append(Gap("deputy-is-owner", side, message, step, named.deputy))
    elif _gone(named.deputy, leaves, now):
        message = f"{named.deputy}, who stood in for the {title} owner, has left."
        found.append(Gap("deputy-left", side, message, step, named.deputy))
    return found


def _gone(person: str, leaves: Mapping[str, datetime | None], now: datetime) -> bool:
    if person not in leaves:
        return True
    leave = leaves[person]
    return leave is not None and leave <= now
