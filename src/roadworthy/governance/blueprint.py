"""Pure: a proven use case as a pattern: what a new one takes over, and what it proves again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from roadworthy.governance.standing import Standing
from roadworthy.registry.kinds import API_VERSION, Kind, Name, Ref, Spec, Text, Title
from roadworthy.use_cases.kinds import Intake, Line, MetricUse, Ownership, UseCase

TAKEN_OVER = (
    "bucket",
    "data_sources",
    "integrations",
    "metrics",
    "intake",
    "models",
    "routes",
    "autonomy",
    "draft",
    "review_share",
    "security_path",
    "logging",
    "retention_days",
)
"""Fields of a use case that a new one from its blueprint begins with."""
STANDING_SIDES = ("platform", "security_legal", "operations")
"""Sides whose owners answer for the pattern, and so what is made from it; the others are the new owner's."""
REUSED: Mapping[str, str] = {
    "training": "people were trained for the pattern, not for one use",
    "logging": "the route and the platform log as they did",
    "retention": "the same retention is declared",
    "monitoring": "the same route and models are watched",
}
"""Sorts of duty whose evidence holds for a new use, and why. All others are about the new use itself."""


class BlueprintPattern(Spec):
    """What a use case made from the blueprint begins with."""

    bucket: Name | None = None
    """Its place in the portfolio."""
    data_sources: tuple[Line, ...] = ()
    """What data it reads."""
    integrations: tuple[Line, ...] = ()
    """What systems it is connected to."""
    metrics: tuple[MetricUse, ...] = ()
    """What it is measured by."""
    intake: Intake = Intake()
    """The answers; legal positions are not taken over: somebody signs them anew."""
    models: tuple[Annotated[Name, Ref("Model")], ...] = ()
    """The models it may call."""
    routes: tuple[Annotated[Name, Ref("Route")], ...] = ()
    """The routes it may call."""
    autonomy: Literal["assist", "supervise", "automate"] = "assist"
    """Whether a person approves each output, samples them, or none; a new use earns it anew."""
    draft: Literal["marked", "withheld"] = "marked"
    """Whether callers are given drafts, or get them only once they are released."""
    review_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """The share of the answers that is put before a person while they are sampled."""
    security_path: Line | None = None
    """`standard`, or what is different from the standard security path and why."""
    logging: Literal["full", "metadata"] = "metadata"
    """Whether the texts of its calls are kept."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long what was said in its calls is kept, in days."""
    platform: Ownership = Ownership()
    """Answers for how it runs."""
    security_legal: Ownership = Ownership()
    """Answers for what it may do."""
    operations: Ownership = Ownership()
    """Answers for its daily work."""


class BlueprintDuty(Spec):
    """A duty the proven use case met, and whether its evidence holds for the next."""

    obligation: Line
    """The rule and the duty: `eu.aia.art4/train`."""
    name: Line
    """What it asks for."""
    controls: tuple[Line, ...] = ()
    """The controls that answer for it."""
    reuse: bool = False
    """Whether the evidence there is holds for a new use."""
    because: Line
    """Why, in half a sentence."""


class Blueprint(Spec):
    """A proven use case as a pattern that others start from."""

    title: Title
    """The pattern's name for people."""
    summary: Text
    """What it does and for whom."""
    use_case: Name
    """The use case it was made from."""
    generation: Annotated[int, Field(ge=1)]
    """The generation of that declaration."""
    outcome: Annotated[Name, Ref("Outcome")]
    """The outcome it served; a new use may serve another."""
    tier: Literal["minimal", "limited", "high"]
    """The risk tier it had."""
    gates: tuple[Line, ...] = ()
    """The checklists it passed."""
    duties: tuple[BlueprintDuty, ...] = ()
    """What it owed, and what of that is proven already for a new use."""
    calls: Annotated[int, Field(ge=0)] = 0
    """How many calls had been answered when it was published."""
    pattern: BlueprintPattern
    """What a new use begins with."""


BLUEPRINT = Kind(
    "Blueprint", Blueprint, "A proven use case that others start from.", order=90, enforcement=False
)


def captured(spec: UseCase, standing: Standing, *, calls: int) -> dict[str, Any]:
    """Return a granted use case as the spec of a blueprint."""
    said = spec.model_dump(mode="json", exclude_defaults=True)
    pattern = {name: said[name] for name in TAKEN_OVER if name in said}
    if "intake" in pattern:
        pattern["intake"] = {k: v for k, v in pattern["intake"].items() if k != "positions"}
    owners = said.get("owners", {})
    pattern |= {side: owners[side] for side in STANDING_SIDES if side in owners}
    duties = [
        {
            "obligation": one.id,
            "name": one.name,
            "controls": list(one.controls),
            "reuse": one.kind in REUSED,
            "because": REUSED.get(one.kind, "it is about the use itself"),
        }
        for one in standing.tier.decision.obligations
        if one.state == "now"
    ]
    gates = dict.fromkeys(one.check.gate for one in standing.gate.items)
    return {
        "title": spec.title,
        "summary": spec.summary,
        "use_case": standing.use_case,
        "generation": standing.generation,
        "outcome": spec.outcome,
        "tier": standing.tier.tier,
        "gates": list(gates),
        "duties": duties,
        "calls": calls,
        "pattern": pattern,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody who starts from a blueprint says themselves."""

    name: str
    unit: str
    owner: str
    outcome: str = ""
    title: str = ""
    summary: str = ""


def made_from(blueprint: Blueprint, name: str, wanted: Wanted) -> dict[str, Any]:
    """Return the declaration of a new use case: a pilot that begins with the pattern."""
    pattern = blueprint.pattern.model_dump(mode="json", exclude_defaults=True)
    sides = {side: pattern.pop(side) for side in STANDING_SIDES if side in pattern}
    own = {"owner": wanted.owner}
    metadata = {"name": wanted.name, "namespace": wanted.unit, "labels": {"blueprint": name}}
    return {
        "apiVersion": API_VERSION,
        "kind": "UseCase",
        "metadata": metadata,
        "spec": {
            "title": wanted.title or wanted.name.replace("-", " ").capitalize(),
            "summary": wanted.summary or blueprint.summary,
            "outcome": wanted.outcome or blueprint.outcome,
            "stage": "pilot",
            **pattern,
            "owners": {"business": own, "product": own, **sides},
        },
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """Something about a new use that the blueprint does not settle."""

    what: str
    why: str
    next_step: str
    blocks: bool


def differences(blueprint: Blueprint, standing: Standing) -> tuple[Difference, ...]:
    """Say what still differs from the pattern and what is missing, what stands in the way first."""
    found = [
        Difference(one.message, one.declaration, one.next_step, blocks=True)
        for one in (standing.block.reasons if standing.block else ())
    ]
    if standing.tier.tier != blueprint.tier:
        what = f"Its tier is {standing.tier.tier}, that of the blueprint was {blueprint.tier}."
        step = "Look at the rules that fire: what was proven may not be enough."
        found.append(Difference(what, standing.tier.sentence(), step, blocks=False))
    known = {one.obligation: one for one in blueprint.duties}
    for duty in standing.tier.decision.obligations:
        held = known.get(duty.id)
        if duty.state == "now" and (held is None or not held.reuse):
            because = held.because if held else "the blueprint did not owe it"
            step = f"Show it for this use: `roadworthy explain {standing.ref}`."
            found.append(Difference(f"To be proven again: {duty.name}", because, step, blocks=False))
    return tuple(found)


def reused(blueprint: Blueprint, standing: Standing) -> tuple[BlueprintDuty, ...]:
    """Return the duties whose evidence the new use takes over."""
    owed = {one.id for one in standing.tier.decision.obligations}
    return tuple(one for one in blueprint.duties if one.reuse and one.obligation in owed)


def unproven(standing: Standing) -> Sequence[str]:
    """Say why a use case is no pattern yet; empty when it is one."""
    return [one.message for one in standing.block.reasons] if standing.block else []
