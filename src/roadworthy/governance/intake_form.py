"""Pure: the intake form: its fields, and from what was sent to the declaration that a file would hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from roadworthy.foundation.errors import Issue
from roadworthy.foundation.web.parts import Check, Option, Status
from roadworthy.registry.kinds import API_VERSION
from roadworthy.rules.conditions import FactDefinition
from roadworthy.use_cases.ownership import SIDE_TITLES, SIDES

TEXT_FIELDS = ("title", "summary", "outcome", "business_case", "bucket", "security_path")
CHOICE_FIELDS = ("stage", "autonomy", "logging")
NUMBER_FIELDS = ("expected_users", "retention_days")
LINE_FIELDS = ("data_sources", "integrations", "models", "routes")
METRIC_ROWS = 5
FACT_PREFIX = "fact_"
NONE_FIELD = "none_of"
"""The questions answered with "none of this"."""
STEP_FIELD = "step"
PREVIEW = "preview"
"""Shows what the answers so far lead to, and declares nothing."""
Sent = Mapping[str, Sequence[str]]

BUCKETS = (
    "employee-productivity",
    "customer-operations",
    "knowledge-retrieval",
    "software-engineering",
    "regulated-decision-support",
)


def questions(asked: Sequence[FactDefinition]) -> tuple[FactDefinition, ...]:
    """Return the facts the form asks for: autonomy it asks as what the use case does, not twice."""
    return tuple(one for one in asked if one.name != "autonomy")


def field_names(asked: Sequence[FactDefinition]) -> tuple[str, ...]:
    """Return the name of every field of the form."""
    owners = (f"{side}_{part}" for side in SIDES for part in ("owner", "deputy"))
    metrics = (f"metric_{row}" for row in range(1, METRIC_ROWS + 1))
    targets = (f"target_{row}" for row in range(1, METRIC_ROWS + 1))
    facts = (f"{FACT_PREFIX}{one.name}" for one in asked)
    return (
        "name",
        "namespace",
        *TEXT_FIELDS,
        *CHOICE_FIELDS,
        *NUMBER_FIELDS,
        *LINE_FIELDS,
        *metrics,
        *targets,
        *owners,
        *facts,
        NONE_FIELD,
        STEP_FIELD,
    )


def document(sent: Sent, asked: Sequence[FactDefinition]) -> dict[str, Any]:
    """Return the declaration; what cannot be read is handed on as it is, for the one validation to name."""
    spec: dict[str, Any] = {}
    for name in (*TEXT_FIELDS, *CHOICE_FIELDS):
        if text := _one(sent, name):
            spec[name] = text
    for name in NUMBER_FIELDS:
        if text := _one(sent, name):
            spec[name] = _number(text)
    for name in LINE_FIELDS:
        lines = [line.strip() for line in _one(sent, name).splitlines() if line.strip()]
        if lines:
            spec[name] = lines
    if metrics := _metrics(sent):
        spec["metrics"] = metrics
    if owners := _owners(sent):
        spec["owners"] = owners
    if intake := _intake(sent, asked):
        spec["intake"] = intake
    metadata = {"name": _one(sent, "name")}
    if namespace := _one(sent, "namespace"):
        metadata["namespace"] = namespace
    return {"apiVersion": API_VERSION, "kind": "UseCase", "metadata": metadata, "spec": spec}


def _one(sent: Sent, name: str) -> str:
    # Browsers send line ends as CR LF; a file would hold LF.
    return (sent.get(name) or ("",))[0].replace("\r\n", "\n").strip()


def _number(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _metrics(sent: Sent) -> list[dict[str, Any]]:
    found = []
    for row in range(1, METRIC_ROWS + 1):
        name, target = _one(sent, f"metric_{row}"), _one(sent, f"target_{row}")
        if name:
            found.append({"metric": name, **({"target": _number(target)} if target else {})})
    return found


def _owners(sent: Sent) -> dict[str, Any]:
    found = {}
    for side in SIDES:
        parts = {part: _one(sent, f"{side}_{part}") for part in ("owner", "deputy")}
        if named := {part: name for part, name in parts.items() if name}:
            found[side] = named
    return found


def _intake(sent: Sent, asked: Sequence[FactDefinition]) -> dict[str, Any]:
    none = [one for one in sent.get(NONE_FIELD, ()) if one]
    said = {"facts": _facts(sent, asked), "none": none}
    return {name: value for name, value in said.items() if value}


def _facts(sent: Sent, asked: Sequence[FactDefinition]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for known in asked:
        values = [value.strip() for value in sent.get(f"{FACT_PREFIX}{known.name}", ()) if value.strip()]
        if values:
            found[known.name] = _answer(known, values)
    return found


def _answer(known: FactDefinition, values: list[str]) -> Any:
    if known.kind == "set":
        # A set without fixed values is one text field: several answers are separated by commas.
        return values if known.values else [one.strip() for one in values[0].split(",") if one.strip()]
    if known.kind == "bool":
        return {"yes": True, "no": False}.get(values[0], values[0])
    return _number(values[0]) if known.kind in {"int", "num"} else values[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactField:
    """One question of the form."""

    name: str
    label: str
    kind: str
    options: Sequence[Option]
    chosen: Sequence[str]
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionGroup:
    """One question of the intake with the facts that can still matter."""

    id: str
    ask: str
    touches: str
    """Which rules its answer touches, in words."""
    facts: Sequence[FactField]
    may_be_none: bool
    none: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the answers so far lead to."""

    status: Status
    sentence: str
    fires: Sequence[Check]
    obligations: Sequence[tuple[str, str]]
    unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePage:
    """The model of `intake.html`."""

    values: Mapping[str, str]
    problems: Mapping[str, str]
    others: Sequence[str]
    """Problems that belong to no field of the form."""
    units: Sequence[Option]
    outcomes: Sequence[Option]
    metrics: Sequence[Option]
    people: Sequence[Option]
    buckets: Sequence[Option] = (Option("", "None yet"), *(Option(one, one) for one in BUCKETS))
    autonomies: Sequence[Option] = (
        Option("assist", "Assist: a person approves each output"),
        Option("supervise", "Supervise: a person looks at samples"),
        Option("automate", "Automate: nobody looks before it acts"),
    )
    loggings: Sequence[Option] = (
        Option("metadata", "Only that a call happened"),
        Option("full", "The texts too"),
    )
    sides: Sequence[tuple[str, str]] = field(
        default=tuple((side, SIDE_TITLES[side].capitalize()) for side in SIDES)
    )
    metric_rows: Sequence[int] = tuple(range(1, METRIC_ROWS + 1))
    groups: Sequence[QuestionGroup] = ()
    outlook: Outlook | None = None


def fact_fields(asked: Sequence[FactDefinition], sent: Sent, problems: Mapping[str, str]) -> list[FactField]:
    """Return the questions with what was answered so far."""
    return [
        FactField(
            name=f"{FACT_PREFIX}{known.name}",
            label=known.question,
            kind=known.kind if known.values or known.kind != "set" else "text",
            options=_options(known),
            chosen=tuple(sent.get(f"{FACT_PREFIX}{known.name}", ())),
            problem=problems.get(f"{FACT_PREFIX}{known.name}", ""),
        )
        for known in asked
    ]


def _options(known: FactDefinition) -> list[Option]:
    unknown = Option("", "Not known yet")
    if known.kind == "bool":
        return [unknown, Option("yes", "Yes"), Option("no", "No")]
    said = [Option(value, value.replace("_", " ")) for value in known.values]
    return [unknown, *said] if known.kind == "ord" else said


def problems(issues: Sequence[Issue], names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Lay what the one validation found beside the fields of the form."""
    found: dict[str, str] = {}
    others: list[str] = []
    for issue in issues:
        text = f"{issue.message} {issue.fix}".strip()
        name = _field_of(issue.field)
        if name in names:
            found.setdefault(name, text)
        else:
            others.append(f"{issue.field}: {text}" if issue.field else text)
    return found, others


def _field_of(path: str) -> str:
    parts = path.replace("[", ".").replace("]", "").split(".")
    if parts[:1] == ["metadata"]:
        return parts[-1]
    if parts[:3] == ["spec", "intake", "facts"] and len(parts) > 3:
        return f"{FACT_PREFIX}{parts[3]}"
    if parts[:2] == ["spec", "owners"] and len(parts) > 3:
        return f"{parts[2]}_{parts[3]}"
    if parts[:2] == ["spec", "metrics"] and len(parts) > 2 and parts[2].isdigit():
        return f"{'target' if parts[-1] == 'target' else 'metric'}_{int(parts[2]) + 1}"
    return parts[1] if parts[:1] == ["spec"] and len(parts) > 1 else ""
