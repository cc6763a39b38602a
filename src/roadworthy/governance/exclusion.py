"""Pure: what an organization does not let run by itself, whatever else speaks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from roadworthy.governance.grant import Block, Grant, Reason
from roadworthy.identity.rights import covering_units
from roadworthy.registry.kinds import ROOT_NAMESPACE, Kind, Spec, Text, Title
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import FactName, FactValue, Line, UseCase

LEVELS = ("assist", "supervise", "automate")
"""From a person for each output, over a person for samples, to nobody."""


class Exclusion(Spec):
    """Decisions that people keep: uses that match may not run beyond a level of autonomy."""

    title: Title
    """What is kept from machines, for people."""
    buckets: tuple[Line, ...] = ()
    """Sorts of use cases it is about; all if empty."""
    facts: Annotated[dict[FactName, FactValue], Field(max_length=20)] = Field(default_factory=dict)
    """Intake answers that a use has to give for it to be meant: `decision_domain: [employment]`."""
    at_most: Literal["assist", "supervise"] = "assist"
    """The most autonomy that is left."""
    reason: Text
    """Why; whoever is refused reads it."""


EXCLUSION = Kind("Exclusion", Exclusion, "What may not be automated: by sort, decision and unit.", order=85)


@dataclass(frozen=True, slots=True)
class Excluded:
    """An exclusion that a use case runs into."""

    name: str
    title: str
    at_most: str
    reason: str


def excluded(
    declared: Iterable[Resource[Exclusion]],
    use_case: Resource[UseCase],
    *,
    facts: Mapping[str, Any],
    parents: Mapping[str, str | None],
) -> Iterator[Excluded]:
    """Yield what forbids the autonomy a use case declares; those of its unit and of the units above hold."""
    covering = {ROOT_NAMESPACE, *covering_units(use_case.namespace, parents)}
    for one in declared:
        spec = one.spec
        if one.namespace not in covering:
            continue
        if spec.buckets and use_case.spec.bucket not in spec.buckets:
            continue
        if not all(_answers(facts.get(name), wanted) for name, wanted in spec.facts.items()):
            continue
        if LEVELS.index(use_case.spec.autonomy) > LEVELS.index(spec.at_most):
            yield Excluded(one.name, spec.title, spec.at_most, spec.reason)


def _answers(answer: Any, wanted: FactValue) -> bool:
    """Say whether an answer is one that is meant; what is not answered could be, so it counts."""
    if answer is None:
        return True
    if isinstance(wanted, tuple):
        given = answer if isinstance(answer, list | tuple) else (answer,)
        return bool(set(given) & set(wanted))
    return bool(answer == wanted)


def with_exclusions(
    verdict: Grant | Block, found: Iterable[Excluded], *, ref: str, changers: tuple[str, ...]
) -> Grant | Block:
    """Return the verdict, or a block that names each exclusion beside what else stands in the way."""
    reasons = tuple(
        Reason(
            "excluded",
            f"{one.title}: beyond `{one.at_most}` it is kept for people (exclusion/{one.name}). {one.reason}",
            f"{ref} spec.autonomy",
            changers,
            f"Set `autonomy: {one.at_most}`.",
        )
        for one in found
    )
    if not reasons:
        return verdict
    others = verdict.reasons if isinstance(verdict, Block) else ()
    return Block(verdict.use_case, (*others, *reasons))
