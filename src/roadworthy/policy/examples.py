"""Pure: the examples in a policy, tried on it: what it says, by which statement, and whether that holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from roadworthy.policy import entities
from roadworthy.policy.compiled import Thing
from roadworthy.policy.decide import Rules, Standing
from roadworthy.policy.kinds import Example
from roadworthy.policy.statement import Denial, PolicyEntry


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one example."""

    name: str
    place: int
    expected: str
    found: str
    by: str
    """The statement that forbids, and its line; nothing when the call is allowed."""
    holds: bool
    said: str


def things(example: Example) -> tuple[Thing, Thing, Thing]:
    """Return principal, use case and model of an example."""
    who, used, asked = example.principal, example.use_case, example.model
    return (
        entities.principal(
            kind=who.kind, name=who.name, unit=entities.unit_of(who.unit, {}), type_=who.type, owner=who.owner
        ),
        entities.use_case(
            name=used.name,
            unit=entities.unit_of(used.unit, {}),
            tier=used.tier,
            data_classes=used.data_classes,
            keeps_texts=used.keeps_texts,
        ),
        entities.model(route=example.call.route or "", **asked.model_dump()),
    )


def of_call(example: Example) -> dict[str, object]:
    """Return what is particular to the call of an example."""
    call = example.call
    found = call.model_dump(exclude={"route", "tools"}, exclude_none=True)
    return {**found, "tools": frozenset(call.tools)}


def standing(rules: Rules, example: Example) -> Standing:
    """Return what policies say of an example's caller and model."""
    who, used, asked = things(example)
    fixed = entities.fixed_context(used, example.call.route or "")
    return rules.standing(who, asked, unit=example.use_case.unit, fixed=fixed)


def try_all(entry: PolicyEntry, examples: Iterable[Example]) -> tuple[Tried, ...]:
    """Try examples on one policy alone."""
    return tuple(_tried(entry, one, place) for place, one in enumerate(examples))


def _tried(entry: PolicyEntry, example: Example, place: int) -> Tried:
    unit = example.use_case.unit
    reached = not entry.units or unit in entry.units
    denial = standing(Rules([entry]), example).decide(of_call(example)) if reached else None
    found = "deny" if denial is not None else "allow"
    by = "" if denial is None else denial.statement or "default"
    holds = found == example.expect and (not example.by or example.by == by)
    return Tried(example.name, place, example.expect, found, by, holds, _said(example, denial, holds=holds))


def _said(example: Example, denial: Denial | None, *, holds: bool) -> str:
    said = "No statement forbids it." if denial is None else f"It is refused: {denial.sentence}."
    if holds:
        return said
    wanted = example.expect + (f" by `{example.by}`" if example.by else "")
    return f"Expected {wanted}. {said}"
