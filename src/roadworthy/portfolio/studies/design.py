"""Pure: the design file: which column is what, which way is better, and what was agreed before looking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.registry import manifest

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""The name of a column of the table, as its first line writes it."""
Value: TypeAlias = str | int | float | bool
Errors = Literal["classic", "HC1", "HC2", "HC3", "CR1", "CR2"]
_GUIDE = "docs/how-to/estimate-an-effect.md lists the fields."
Level = Annotated[float, Field(ge=0.5, lt=1.0)]


class StudyDesignError(InvalidError):
    """A design file cannot be used; each wrong field is named with its line."""

    code = "study-design"


class Part(BaseModel):
    """A part of a design; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Ratio(Part):
    """An outcome that is a sum over a sum, such as minutes over cases."""

    numerator: Column
    denominator: Column


class Guard(Part):
    """A metric that must not get worse by more than a margin."""

    outcome: Column
    direction: Literal["higher", "lower"]
    """Which way is better."""
    margin: Annotated[float, Field(ge=0)]
    """How much worse it may get: in its own unit, or in percent where `scale` is `log`."""
    scale: Literal["level", "log"] = "level"


class Common(Part):
    """What every design says."""

    title: Annotated[str, StringConstraints(max_length=200)] = ""
    """What is changed, in a few words."""
    outcome: Column | Ratio
    """The column that is to change; or `numerator` and `denominator` (randomized trials)."""
    direction: Literal["higher", "lower"]
    """Which way is better."""
    scale: Literal["level", "log"] = "level"
    """`log` compares logarithms and reports percent."""
    measured_in: Annotated[str, StringConstraints(max_length=40)] = ""
    """The outcome's unit, for texts."""
    target: Annotated[float, Field(gt=0)] | None = None
    """The size of a change worth seeing: in the outcome's unit, or in percent where `scale` is `log`."""
    level: Level = 0.95
    """How often intervals are to hold the truth."""
    seed: Annotated[int, Field(ge=0)] = 1
    """Where permutations and draws begin, so that a figure can be repeated."""
    where: dict[str, Value | list[Value]] = Field(default_factory=dict)
    """Only rows with this value (or one of these) in a column."""
    guards: tuple[Guard, ...] = ()
    """Metrics that must not get worse, judged by the same design."""
    also: tuple[Column, ...] = ()
    """Further outcomes; their p-values are adjusted for being several."""
    adjust: Literal["holm", "benjamini_hochberg"] = "holm"
    """How p-values of `also` are adjusted."""


class Regression(Common):
    """What designs with a linear model say."""

    covariates: tuple[Column, ...] = ()
    """Columns of numbers that were known before the change."""
    categories: tuple[Column, ...] = ()
    """Columns of names (regions, strata), one term for each name."""
    weight: Column | None = None
    """How much each row counts; above 0."""
    cluster: Column | None = None
    """Rows with one value here belong together: teams, sites. Standard errors follow it."""
    errors: Errors | None = None
    """Standard errors: by default CR2 with clusters, else HC2."""
    treated: Value | None = None
    """The value of the column `treatment` (or `group`) that means treated; else 1, yes, true."""
    control: Value | None = None
    """The value that means not treated; else 0, no, false."""


class Randomized(Regression):
    """Units were assigned by lot. Grade A."""

    design: Literal["randomized"]
    treatment: Column
    """Which arm a row is in."""
    unit: Column | None = None
    """What was assigned, if it has several rows: its rows are then a cluster."""
    expected_share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The share of units that was meant to be treated, for the sample-ratio check."""
    baseline: Column | None = None
    """The outcome before the change, by which CUPED reduces noise."""
    interacted: bool = False
    """Whether covariates have slopes of their own in each arm (Lin)."""
    looks: Literal["once", "many"] = "once"
    """`many`: the interval holds however often one looks. Rows then stand in the order they came."""

    @model_validator(mode="after")
    def _together(self) -> Randomized:
        names = ["covariates", "categories", "interacted", "errors"]
        if self.looks == "many":
            names.append("weight")
        modelled = [name for name in names if getattr(self, name)]
        if isinstance(self.outcome, Ratio) and (modelled or self.baseline or self.looks == "many"):
            raise ValueError("A ratio takes no covariates, categories, baseline, errors or `looks: many`")
        if self.looks == "many" and modelled:
            raise ValueError(f"`looks: many` takes a `baseline`, but not `{modelled[0]}`")
        if self.interacted and not (self.covariates or self.categories):
            raise ValueError("`interacted` is about `covariates` or `categories`; there are none")
        return self


class DifferenceInDifferences(Regression):
    """Some units changed, others did not (yet). Grade C where trends before were parallel."""

    design: Literal["difference_in_differences"]
    unit: Column | None = None
    time: Column | None = None
    times: tuple[Value, ...] = ()
    """The values of `time` in their order, where they do not sort by themselves."""
    treatment: Column | None = None
    """1 in the rows (unit and time) in which the change was live."""
    start: Column | None = None
    """The time from which a unit was treated; empty, 0 or `never` for units that never were."""
    group: Column | None = None
    """1 in rows of the group that changed; with `after`, for two groups and two periods."""
    after: Column | None = None
    """1 in rows after the change."""
    estimator: Literal["auto", "two_way", "group_time"] = "auto"
    """`auto` takes `group_time` (Callaway and Sant'Anna) where units start at different times."""
    controls: Literal["not_yet_treated", "never_treated"] = "not_yet_treated"
    """Whom `group_time` compares with."""
    aggregate: Literal["simple", "group", "event", "calendar"] = "group"
    """How `group_time` averages: `group` weighs each group's own average, `simple` each group and time."""
    anticipation: Annotated[int, Field(ge=0)] = 0
    """How many periods before the start units may already have reacted."""

    @model_validator(mode="after")
    def _one_way(self) -> DifferenceInDifferences:
        pair = self.group is not None or self.after is not None
        if sum([self.treatment is not None, self.start is not None, pair]) != 1:
            raise ValueError("Say the treatment in one way: `treatment`, `start`, or `group` with `after`")
        if pair and (self.group is None or self.after is None):
            raise ValueError("`group` and `after` belong together")
        if not pair and (self.unit is None or self.time is None):
            raise ValueError("`unit` and `time` are required, unless `group` and `after` are given")
        return self


class SteppedWedge(Common):
    """Units changed one after the other, in an order drawn by lot. Grade B."""

    design: Literal["stepped_wedge"]
    unit: Column
    time: Column
    times: tuple[Value, ...] = ()
    """The values of `time` in their order, where they do not sort by themselves."""
    treatment: Column | None = None
    """1 in the rows in which the change was live."""
    start: Column | None = None
    """The time from which a unit was treated; empty, 0 or `never` for units that never were."""
    treated: Value | None = None
    control: Value | None = None
    permutations: Annotated[int, Field(ge=199, le=20_000)] = 999
    """How many orders of the rollout are tried."""

    @model_validator(mode="after")
    def _one_way(self) -> SteppedWedge:
        if (self.treatment is None) == (self.start is None):
            raise ValueError("Say the treatment in one way: `treatment` or `start`")
        return self


class InterruptedSeries(Common):
    """One series before and after a change, against its own trend. Grade D."""

    design: Literal["interrupted_series"]
    time: Column
    start: Value
    """The first time at which the change was live."""

    @model_validator(mode="after")
    def _one_level(self) -> InterruptedSeries:
        if self.level != 0.95:
            raise ValueError(
                "An interrupted series has a `level` of 0.95: its correction is known for that alone"
            )
        return self


class BeforeAfter(Common):
    """Two means. Grade E: not evidence of cause."""

    design: Literal["before_after"]
    time: Column
    start: Value
    """The first time at which the change was live."""
    unit: Column | None = None
    """Units measured before and after are compared with themselves."""


class Claimed(Part):
    """Somebody says so. Grade F."""

    design: Literal["claimed"]
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    effect: float
    """The change that is claimed."""
    direction: Literal["higher", "lower"]
    measured_in: Annotated[str, StringConstraints(max_length=40)] = ""
    because: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    """Who says so, and on what ground."""


Measured: TypeAlias = Randomized | DifferenceInDifferences | SteppedWedge | InterruptedSeries | BeforeAfter
Design: TypeAlias = Measured | Claimed
_ADAPTER: TypeAdapter[Design] = TypeAdapter(Annotated[Design, Field(discriminator="design")])
DESIGNS = (
    "randomized", "stepped_wedge", "difference_in_differences", "interrupted_series", "before_after",
    "claimed",
)  # fmt: skip


def read(text: str | bytes, *, file: str) -> Design:
    """Read a design file; every wrong field is named with its line."""
    documents = manifest.parse(text, file=file)
    if len(documents) != 1 or not isinstance(documents[0].document, Mapping):
        raise StudyDesignError(
            f"{file} is no design.",
            why="It is empty, holds several documents, or is not a set of fields.",
            fix=f"Begin with `design:` and one of {', '.join(DESIGNS)}. {_GUIDE}",
        )
    (found,) = documents
    try:
        return _ADAPTER.validate_json(json.dumps(found.document), strict=True)
    except ValidationError as error:
        issues = [_issue(one, found, file) for one in error.errors(include_url=False)]
        raise refused(issues, file) from error


def refused(issues: list[Issue], file: str) -> StudyDesignError:
    """The error that names everything wrong with a design."""
    count = "1 thing is" if len(issues) == 1 else f"{len(issues)} things are"
    return StudyDesignError(
        f"{file} cannot be used as a design: {count} wrong.",
        why="; ".join(f"{one.where()}: {one.message.rstrip('.')}" for one in issues[:3]) + ".",
        fix=issues[0].fix,
        issues=issues,
    )


_FORMS = {*DESIGNS, "str", "int", "float", "bool", "Ratio", "list", "constrained-str"}


def _issue(entry: Any, found: manifest.Manifest, file: str) -> Issue:
    path = ""
    for part in entry["loc"]:
        if part in _FORMS or "[" in str(part) or "(" in str(part):
            continue  # names of the forms a field may take, not of fields
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    message, fix = str(entry["msg"]).removeprefix("Value error, ").rstrip("."), _GUIDE
    if entry["type"] == "missing":
        message = f"`{entry['loc'][-1]}` is required"
    elif entry["type"] == "extra_forbidden":
        message = f"There is no field `{entry['loc'][-1]}` here"
        near = get_close_matches(str(entry["loc"][-1]), _fields(found.document), n=1, cutoff=0.6)
        fix = f"Did you mean `{near[0]}`? {_GUIDE}" if near else _GUIDE
    elif entry["type"].startswith("union_tag"):
        path, message = "design", f"`design` has to be one of {', '.join(DESIGNS)}"
    return Issue(f"{message}.", fix, path, file, found.line_of(path))


def _fields(document: Any) -> list[str]:
    named = document.get("design") if isinstance(document, Mapping) else None
    for one in (Randomized, DifferenceInDifferences, SteppedWedge, InterruptedSeries, BeforeAfter, Claimed):
        if named is not None and str(named) in str(one.model_fields["design"].annotation):
            return list(one.model_fields)
    return []


def columns(design: Measured) -> Iterator[tuple[str, str]]:
    """Each (field, column) that a design names; further outcomes and guards included."""
    if isinstance(design.outcome, Ratio):
        yield "outcome.numerator", design.outcome.numerator
        yield "outcome.denominator", design.outcome.denominator
    else:
        yield "outcome", design.outcome
    for field in ("treatment", "unit", "time", "group", "after", "weight", "cluster", "baseline"):
        if (name := getattr(design, field, None)) is not None:
            yield field, name
    if isinstance(design, DifferenceInDifferences | SteppedWedge) and design.start is not None:
        yield "start", design.start
    for field in ("covariates", "categories", "also"):
        yield from ((f"{field}[{n}]", one) for n, one in enumerate(getattr(design, field, ())))
    yield from ((f"where.{name}", name) for name in design.where)
    yield from ((f"guards[{n}].outcome", one.outcome) for n, one in enumerate(design.guards))
