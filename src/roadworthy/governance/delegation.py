"""Pure: who speaks in a role, in their own name or for somebody who is away.

A delegation begins and ends with its days and with the delegator's own role. It does not chain: only who was
bound to a role can hand it on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from roadworthy.identity.rights import start_of
from roadworthy.identity.roles import ApproverRole
from roadworthy.registry.kinds import Kind, Name, Ref, Spec, Text

LONGEST = timedelta(days=92)
"""A stand-in for longer than a quarter is a role of its own."""
NEVER = datetime.max.replace(tzinfo=UTC)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Delegation(Spec):
    """Who stands in for an approver while they are away, for which role and which days."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True, validate_by_name=True)

    delegator: Annotated[Name, Ref("Person")]
    """Who is away; only they can declare it."""
    delegate: Annotated[Name, Ref("Person")]
    """Who stands in; they approve in the delegator's name, and it is recorded so."""
    role: ApproverRole
    """Which role of the delegator's."""
    from_: date = Field(alias="from")
    """The first day (UTC)."""
    until: date
    """The last day (UTC)."""
    reason: Text
    """Why, such as `parental leave`."""

    @model_validator(mode="after")
    def _is_a_stretch(self) -> Delegation:
        if self.until < self.from_:
            raise ValueError(f"It ends on {self.until}, before it begins on {self.from_}")
        if self.until - self.from_ > LONGEST:
            raise ValueError(f"It lasts more than {LONGEST.days} days: bind the role to the other person")
        if self.delegator == self.delegate:
            raise ValueError("Nobody stands in for themselves")
        return self


DELEGATION = Kind(
    "Delegation", Delegation, "Who stands in for an approver, in which role, on which days.", order=80
)


@dataclass(frozen=True, slots=True)
class StandIn:
    """A delegation as verdicts need it."""

    name: str
    delegator: str
    """`person/ada`"""
    delegate: str
    role: str
    unit: str
    starts_at: datetime
    ends_at: datetime

    def holds(self, role: str, *, covering: Iterable[str], now: datetime) -> bool:
        """Say whether it is for this role, covers these units and is within its days."""
        return self.role == role and self.unit in covering and self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who can speak in a role: for themselves, or in the name of who holds it."""

    person: str
    on_behalf_of: str = ""


def stand_in(name: str, unit: str, spec: Delegation) -> StandIn:
    """Return a declared delegation as verdicts need it."""
    return StandIn(
        name=name,
        delegator=f"person/{spec.delegator}",
        delegate=f"person/{spec.delegate}",
        role=spec.role,
        unit=unit,
        starts_at=start_of(spec.from_),
        ends_at=start_of(spec.until) + timedelta(days=1),
    )


def voices(
    holders: Sequence[str],
    stand_ins: Iterable[StandIn],
    *,
    role: str,
    covering: Iterable[str],
    now: datetime,
) -> tuple[Voice, ...]:
    """Return who can speak in a role: its holders, then those who stand in for one of them."""
    units = frozenset(covering)
    found = [Voice(person) for person in holders]
    for one in stand_ins:
        own = one.delegate in holders
        if one.delegator in holders and not own and one.holds(role, covering=units, now=now):
            found.append(Voice(one.delegate, one.delegator))
    return tuple(found)
