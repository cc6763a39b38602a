"""Pure: a mapping says what the columns of a list mean here; a wrong one is refused with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.inventory.answers import DateOrder, Match
from roadworthy.inventory.kinds import DeclaredRisk
from roadworthy.inventory.source_file import DETECT, SourceFile, plain
from roadworthy.registry import manifest
from roadworthy.registry.kinds import Name
from roadworthy.use_cases.kinds import Line, Stage

Alias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""What a column is called inside the mapping."""
_MORE = ("…", "...")


class InventoryMappingError(InvalidError):
    """A mapping cannot be used; each wrong field is named with its line."""

    code = "inventory-mapping"


class Part(BaseModel):
    """A part of a mapping; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class ColumnPlace(Part):
    """Where a column stands, when its header alone does not say it."""

    header: Line
    """Its header; one that ends in `…` is found by its beginning."""
    occurrence: Annotated[int, Field(ge=1)] = 1
    """Which of several columns with that header."""
    optional: bool = False
    """Whether a list without it is taken too."""


class StageRule(Part):
    """How the list says how far along something is."""

    column: Alias
    match: Match = "exact"
    values: dict[str, Stage]
    """Answer -> stage."""


class RiskRule(Part):
    """How the list says its own view of risk."""

    column: Alias
    match: Match = "exact"
    values: dict[str, DeclaredRisk | None]
    """Answer -> risk; null for an answer that says nothing of it."""


class FactRule(Part):
    """How one answer of the list becomes a fact that rules ask for."""

    fact: Alias
    column: Alias
    match: Match = "exact"
    values: dict[str, Any]
    """Answer -> value of the fact; null for an answer that leaves it unknown."""


class Condition(Part):
    """An answer that something depends on."""

    column: Alias
    match: Match = "exact"
    any_of: tuple[str, ...] = Field(min_length=1)


class CheckRule(Part):
    """How the list says that something was done which somebody has to do."""

    name: Name
    title: Line
    kind: Literal[
        "approval", "assessment", "document", "logging", "monitoring", "notice", "oversight", "registration",
        "retention", "test", "training",
    ]  # fmt: skip
    """The sort of obligation that it would meet."""
    column: Alias
    match: Match = "exact"
    present: tuple[str, ...]
    """Answers that say that it was done."""
    planned: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    """Answers that say that it was not done; an empty cell says nothing."""
    asked_if: tuple[Condition, ...] = ()
    """What has to hold for it to be asked at all."""


class EntryRules(Part):
    """Which columns make an entry."""

    name: tuple[Alias, ...] = Field(min_length=1)
    """Columns that make its name."""
    told_apart_by: tuple[Alias, ...] = ()
    """Columns that tell apart two rows which would have the same name."""
    title: Alias
    summary: tuple[Alias, ...] = ()
    unit: Alias | None = None
    team: Alias | None = None
    owners: dict[Name, Alias] = Field(default_factory=dict)
    stage: StageRule | None = None
    outcome: Alias | None = None
    """The column that says what it is to achieve."""
    benefit_in: tuple[Alias, ...] = ()
    """Columns in which a figure for that is looked for; else the outcome's."""
    expected_users: Alias | None = None
    dates: dict[Name, Alias] = Field(default_factory=dict)
    date_order: DateOrder = "mdy"
    """Whether 10/1/2024 is the first of October (`mdy`) or the tenth of January (`dmy`)."""
    risk: RiskRule | None = None
    keep: Literal["all"] | tuple[Alias, ...] = "all"
    """Which cells are kept as they stand."""


class FactRules(Part):
    """What becomes a fact."""

    always: dict[Alias, Any] = Field(default_factory=dict)
    """Facts that hold for every row."""
    answers: tuple[FactRule, ...] = ()


class InventoryMapping(Part):
    """What the columns of a list mean."""

    list_name: Name
    """What the list is called; it is compared with what was imported under that name before."""
    title: Line
    encoding: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")] = DETECT
    """Such as `cp1252`; `detect` looks at the bytes and says what was chosen."""
    delimiter: Literal["detect", ",", ";", "\t", "|"] = DETECT  # type: ignore[assignment]
    blank: tuple[str, ...] = ()
    """Answers that mean nothing was answered, beside `N/A`, `None` and their like."""
    columns: dict[Alias, Line | ColumnPlace]
    """What columns are called in this mapping -> their headers."""
    entry: EntryRules
    facts: FactRules = FactRules()
    checks: tuple[CheckRule, ...] = ()

    @field_validator("checks")
    @classmethod
    def _named_once(cls, checks: tuple[CheckRule, ...]) -> tuple[CheckRule, ...]:
        names = [one.name for one in checks]
        if len(set(names)) < len(names):
            raise ValueError("Two checks have the same name")
        return checks


def read(text: str | bytes, *, file: str = "mapping.yaml") -> InventoryMapping:
    """Read a mapping file; every wrong field is named with its line."""
    documents = manifest.parse(text, file=file)
    if len(documents) != 1 or not isinstance(documents[0].document, Mapping):
        raise InventoryMappingError(
            f"{file} is no mapping.",
            why="It is empty, holds several documents, or is not a set of fields.",
            fix="Begin with `list_name:`, `title:`, `columns:` and `entry:`.",
        )
    (found,) = documents
    try:
        mapping = InventoryMapping.model_validate_json(json.dumps(found.document), strict=True)
    except ValidationError as error:
        raise refused([_issue(one, found, file) for one in error.errors(include_url=False)], file) from error
    issues = [
        Issue(
            f"`{alias}` is not among the columns.",
            _near(alias, mapping.columns),
            path,
            file,
            found.line_of(path),
        )
        for path, alias in _aliases(mapping)
        if alias not in mapping.columns
    ]
    if issues:
        raise refused(issues, file)
    return mapping


def refused(issues: list[Issue], file: str) -> InventoryMappingError:
    """Return the error that names everything wrong with a mapping."""
    count = "1 field is" if len(issues) == 1 else f"{len(issues)} fields are"
    return InventoryMappingError(
        f"{file} cannot be used as a mapping: {count} wrong.",
        why="; ".join(f"{one.where()}: {one.message}" for one in issues[:3]),
        fix=issues[0].fix,
        issues=issues,
    )


def _issue(entry: Any, found: manifest.Manifest, file: str) -> Issue:
    path = ""
    for part in entry["loc"]:
        if part in {"str", "ColumnPlace"} or "[" in str(part) or "(" in str(part):
            continue  # names of the forms a field may take, not of fields
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    message = str(entry["msg"]).removeprefix("Value error, ").rstrip(".")
    if entry["type"] == "missing":
        message = f"`{entry['loc'][-1]}` is required"
    elif entry["type"] == "extra_forbidden":
        message = f"There is no field `{entry['loc'][-1]}` here"
    return Issue(
        f"{message}.", "docs/how-to/import-an-inventory.md lists the fields.", path, file, found.line_of(path)
    )


def _aliases(mapping: InventoryMapping) -> Iterator[tuple[str, str]]:
    entry = mapping.entry
    for field in ("name", "told_apart_by", "summary", "benefit_in"):
        yield from ((f"entry.{field}[{n}]", one) for n, one in enumerate(getattr(entry, field)))
    for field in ("title", "unit", "team", "outcome", "expected_users"):
        if (alias := getattr(entry, field)) is not None:
            yield f"entry.{field}", alias
    yield from ((f"entry.owners.{side}", alias) for side, alias in entry.owners.items())
    yield from ((f"entry.dates.{what}", alias) for what, alias in entry.dates.items())
    if entry.stage is not None:
        yield "entry.stage.column", entry.stage.column
    if entry.risk is not None:
        yield "entry.risk.column", entry.risk.column
    if entry.keep != "all":
        yield from ((f"entry.keep[{n}]", one) for n, one in enumerate(entry.keep))
    for n, rule in enumerate(mapping.facts.answers):
        yield f"facts.answers[{n}].column", rule.column
    for n, check in enumerate(mapping.checks):
        yield f"checks[{n}].column", check.column
        yield from ((f"checks[{n}].asked_if[{m}].column", one.column) for m, one in enumerate(check.asked_if))


def _near(name: str, known: Mapping[str, Any]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"Did you mean `{near[0]}`?" if near else "Add it under `columns:` with its header."


def locate(mapping: InventoryMapping, source: SourceFile, *, file: str = "") -> dict[str, int | None]:
    """Return where each column of the mapping stands in the list; None for an optional one that it lacks."""
    places: dict[str, int | None] = {}
    issues = []
    for alias, place in mapping.columns.items():
        wanted = place if isinstance(place, ColumnPlace) else ColumnPlace(header=place)
        found = _positions(plain(wanted.header), source.headers)
        if len(found) >= wanted.occurrence:
            places[alias] = found[wanted.occurrence - 1]
        elif wanted.optional:
            places[alias] = None
        else:
            near = get_close_matches(wanted.header, source.headers, n=1, cutoff=0.4)
            advice = (
                f"The nearest header is `{near[0][:100]}`."
                if near
                else "Correct it, or say `optional: true`."
            )
            said = f"The list has no column `{wanted.header[:100]}`."
            if wanted.occurrence > 1:
                said = f"The list has {len(found)} columns `{wanted.header[:100]}`, not {wanted.occurrence}."
            issues.append(Issue(said, advice, f"columns.{alias}", file))
    if issues:
        raise refused(issues, file or "The mapping")
    return places


def _positions(header: str, headers: tuple[str, ...]) -> list[int]:
    """Find a header as it stands; else without regard to case; the mark of a repeated one aside."""
    bare = [_bare(name, headers) for name in headers]
    if header.endswith(_MORE):
        begins = header.rstrip("….").rstrip().casefold()
        return [place for place, name in enumerate(bare) if name.casefold().startswith(begins)]
    exact = [place for place, name in enumerate(bare) if name == header]
    return exact or [place for place, name in enumerate(bare) if name.casefold() == header.casefold()]


def _bare(name: str, headers: tuple[str, ...]) -> str:
    stem, mark, number = name.rpartition(" (")
    return stem if mark and number.rstrip(")").isdigit() and stem in headers else name


def problems_with_facts(mapping: InventoryMapping, problem: Any, *, file: str = "") -> list[Issue]:
    """Name each fact that no rule asks for and each value that is none of its answers."""
    stated = [("facts.always", fact, value) for fact, value in mapping.facts.always.items()]
    stated += [
        (f"facts.answers[{n}].values", rule.fact, value)
        for n, rule in enumerate(mapping.facts.answers)
        for value in rule.values.values()
        if value is not None
    ]
    return [
        Issue(f"`{fact}` cannot be {json.dumps(value)}: {said}.", "", path, file)
        for path, fact, value in stated
        if (said := problem(fact, value))
    ]
