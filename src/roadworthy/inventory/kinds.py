"""Pure: what stands in the registry for one row of a list made elsewhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from roadworthy.registry.kinds import Kind, Name, Spec
from roadworthy.use_cases.kinds import FactValue, Line, Stage

Answer = Annotated[str, StringConstraints(max_length=20_000)]
"""A cell as it stands in the list, up to 20,000 characters."""
Claim = Literal["present", "planned", "waived", "absent", "unknown"]
DeclaredRisk = Literal["minimal", "limited", "high", "prohibited"]


class Claimed(Spec):
    """What the list says of one thing that somebody has to do: a claim, not evidence."""

    title: Line
    """What was to be done, for people."""
    kind: Line
    """Which sort of obligation it would meet."""
    state: Claim
    """What the list claims."""
    said: Line | None = None
    """The answer in the list's own words."""


class InventoryEntry(Spec):
    """A use case as a list made elsewhere describes it: not yet governed, nothing lost."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    """What it is called in the list."""
    list_name: Name
    """The list it comes from."""
    summary: Annotated[str, StringConstraints(min_length=1, max_length=20_000)] | None = None
    """What it is for, in the list's own words."""
    unit: Line | None = None
    """Who runs it, in the list's own words."""
    team: Line | None = None
    """The part of the unit, in the list's own words."""
    owners: dict[Name, Line] = Field(default_factory=dict)
    """Side (`business`, `product`, …) -> who answers for it, as text."""
    stage: Stage | None = None
    """How far along it is, where the list says it."""
    outcome: Line | None = None
    """The benefit it is said to bring, shortened to a line."""
    benefit: Line | None = None
    """The figure with a unit that the list states for that benefit."""
    expected_users: Annotated[int, Field(ge=0)] | None = None
    """How many people use it."""
    dates: dict[Name, Line] = Field(default_factory=dict)
    """What happened -> when: a day, a month or a year."""
    declared_risk: DeclaredRisk | None = None
    """The risk that the list itself gives it; shown beside the tier, never taken for it."""
    declared_risk_said: Line | None = None
    """That risk in the list's own words."""
    facts: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")], FactValue] = Field(
        default_factory=dict
    )
    """Answers that rules ask for; what the list does not say is not here, and counts as unknown."""
    provenance: dict[str, Line] = Field(default_factory=dict)
    """Fact -> the column and the answer it was read from; what is not here, the mapping says of every row."""
    claims: dict[Name, Claimed] = Field(default_factory=dict)
    """What the list claims of what it asks of this entry."""
    answers: dict[str, Answer] = Field(default_factory=dict)
    """Header -> cell, as it stands in the list."""
    findings: tuple[Line, ...] = ()
    """What was odd about the row."""


INVENTORY_ENTRY = Kind(
    "InventoryEntry",
    InventoryEntry,
    "A use case of a list made elsewhere, not yet governed.",
    order=70,
    enforcement=False,
)
KINDS = (INVENTORY_ENTRY,)
