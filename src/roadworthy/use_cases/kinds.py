"""Pure: what users declare about why AI is used: units, metrics, outcomes, use cases."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from roadworthy.identity.roles import ApproverRole
from roadworthy.registry.kinds import Fix, Kind, Name, Ref, Spec, Text, Title

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300)]
"""One line of up to 300 characters."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""A currency by its ISO 4217 code, such as EUR."""

FactValue: TypeAlias = bool | int | float | Line | tuple[Line, ...]
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""The name of a fact that rules may ask for."""
Layer: TypeAlias = Literal["business", "process", "quality", "reliability", "adoption"]
Direction: TypeAlias = Literal["increase", "decrease"]
Stage: TypeAlias = Literal["idea", "pilot", "live", "stopped"]


class UnitApproval(Spec):
    """An approval that a unit asks for beyond what the tier does; it adds, it never takes away."""

    role: ApproverRole
    """Who has to approve."""
    tiers: tuple[Literal["minimal", "limited", "high"], ...] = ("minimal", "limited", "high")
    """For use cases of which tiers."""
    quorum: Annotated[int, Field(ge=1, le=9)] = 1
    """How many of the role's holders."""
    valid_days: Annotated[int, Field(ge=1, le=365)] = 365
    """How long such an approval lasts at most."""


class Unit(Spec):
    """A part of the organization; it owns and administers the resources in its namespace."""

    title: Title
    """The unit's name for people."""
    parent: Annotated[Name, Ref("Unit")] | None = None
    """The unit it belongs to."""
    profile: dict[FactName, FactValue] = Field(default_factory=dict)
    """Answers that hold for every use case of the unit and of the units below it, such as its sector."""
    approvals: tuple[UnitApproval, ...] = ()
    """Approvals asked for in the unit and the units below it, beyond those of the tier."""


class Metric(Spec):
    """A definition of something measured, the same for everyone who uses it."""

    title: Title
    """The metric's name for people."""
    layer: Layer
    """Which of the five layers of the scorecard it belongs to."""
    trust: bool = False
    """Whether it says how far the system can be trusted (errors, complaints, overrides)."""
    activity: bool = False
    """Whether it counts use; use is never shown as value."""
    unit: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
    """What one of it is: `hours`, `%`, `EUR`."""
    direction: Direction
    """Which way is better."""
    source: Literal[
        "measurements",
        "gateway.latency_ms_p95",
        "gateway.error_rate",
        "gateway.refusal_rate",
        "gateway.cost_per_call",
        "gateway.calls",
        "gateway.active_principals",
    ] = "measurements"
    """Where its figures come from: imported measurements, or what the gateway sees."""
    definition: Text | None = None
    """How it is counted, so that two people would count the same."""


class Baseline(Spec):
    """Where the metric stood before, and over which days that was measured."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_alias=True, validate_by_name=True)

    value: float
    """The figure, in the metric's unit."""
    from_: date = Field(alias="from")
    """First day of the window."""
    to: date
    """Last day of the window."""

    @model_validator(mode="after")
    def _window_has_days(self) -> Baseline:
        if self.to < self.from_:
            raise ValueError(f"The baseline ends on {self.to}, before it begins on {self.from_}")
        return self


class Target(Spec):
    """The change that is wanted."""

    delta: float
    """Signed, in the metric's unit: -6 hours is six hours less."""

    @model_validator(mode="after")
    def _is_a_change(self) -> Target:
        if self.delta == 0:
            raise ValueError("A target of zero changes nothing: say by how much the metric is to move")
        return self


class Constraint(Spec):
    """A metric that must not get worse while the outcome is pursued."""

    metric: Annotated[Name, Ref("Metric")]
    """Which metric."""
    margin: Annotated[float, Field(ge=0)]
    """How much worse is still tolerated, in the metric's unit."""


class UnitValue(Spec):
    """What a change of one unit of the metric is worth."""

    amount: Annotated[float, Field(gt=0)]
    """Money for one unit of change."""
    currency: Currency
    """The currency of the amount."""


class Outcome(Spec):
    """A business result that somebody answers for: from where, to where, by when."""

    title: Title
    """The outcome's name for people."""
    owner: Annotated[Name, Ref("Person"), Fix("Name the person who answers for the result: `owner: ada`.")]
    """Who answers for the result."""
    kind: Literal["growth", "speed", "customer_experience", "risk_reduction", "workforce_leverage"]
    """What sort of result it is."""
    metric: Annotated[Name, Ref("Metric"), Fix("Name the metric that shows it: `metric: hours-to-settle`.")]
    """The metric that shows it."""
    baseline: Annotated[
        Baseline,
        Fix(
            "Measure where you stand before you change anything, and declare it: "
            "`baseline: {value: 31, from: 2026-01-05, to: 2026-06-28}`."
        ),
    ]
    """Where the metric stood before."""
    target: Annotated[
        Target, Fix("Say by how much the metric is to move, in its own unit: `target: {delta: -6}`.")
    ]
    """The change that is wanted."""
    horizon: Annotated[date, Fix("Say by which day the target is to be reached: `horizon: 2027-06-30`.")]
    """The day by which the target is to be reached."""
    constraints: tuple[Constraint, ...] = ()
    """Metrics that must not get worse."""
    unit_value: UnitValue | None = None
    """What one unit of change is worth."""

    @model_validator(mode="after")
    def _horizon_follows_baseline(self) -> Outcome:
        if self.horizon <= self.baseline.to:
            raise ValueError(
                f"The horizon {self.horizon} is not after the baseline, which ends on {self.baseline.to}"
            )
        return self


class TimelineEntry(Spec):
    """Something that happened, or is planned, in the life of a use case."""

    date: date
    """The day."""
    event: Literal["pilot", "launch", "expansion", "rollback", "change", "stop"]
    """What happens on it."""
    note: Line | None = None
    """What people should know about it."""


class MetricUse(Spec):
    """A metric a use case is measured by."""

    metric: Annotated[Name, Ref("Metric")]
    """Which metric."""
    target: float | None = None
    """The figure to reach, in the metric's unit."""


class Position(Spec):
    """A legal position somebody has signed for."""

    signed_by: Annotated[Name, Ref("Person")]
    """Who answers for it."""
    memo: Line
    """Where its reasons are written down."""
    signed_on: date
    """The day it was signed."""


class Intake(Spec):
    """What was answered to the questions that decide the risk tier and the duties."""

    facts: dict[FactName, FactValue] = Field(default_factory=dict)
    """Fact name -> answer; a question without an answer counts as unknown, never as no."""
    none: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{1,3}$")], ...] = ()
    """Questions answered with "none of this", such as `Q18`: what they ask for and `facts` does not state."""
    positions: dict[FactName, Position] = Field(default_factory=dict)
    """Fact name -> who signed for it, where an answer is a legal position."""


class Ownership(Spec):
    """Who answers for one side of a use case, and who does when they cannot."""

    owner: Annotated[Name, Ref("Person")] | None = None
    """Who answers for it."""
    deputy: Annotated[Name, Ref("Person")] | None = None
    """Who stands in."""


class Owners(Spec):
    """The five sides of a use case that each need an owner; a gap is reported, not refused."""

    business: Ownership = Ownership()
    """Answers for the result."""
    product: Ownership = Ownership()
    """Answers for what it does."""
    platform: Ownership = Ownership()
    """Answers for how it runs."""
    security_legal: Ownership = Ownership()
    """Answers for what it may do."""
    operations: Ownership = Ownership()
    """Answers for its daily work, and is called when it breaks."""


class UseCase(Spec):
    """Why AI is used somewhere: the outcome it serves, what it may touch, who answers for it."""

    title: Title
    """The use case's name for people."""
    summary: Text
    """What it does and for whom, in one paragraph."""
    outcome: Annotated[
        Name,
        Ref("Outcome"),
        Fix(
            "Declare the outcome it serves first (kind: Outcome, with owner, metric, baseline, target and "
            "horizon), then name it here: `outcome: faster-claims`."
        ),
    ]
    """The outcome it serves."""
    business_case: Text | None = None
    """Why it is worth doing."""
    bucket: Name | None = None
    """Its place in the portfolio: `employee-productivity`, `customer-operations`, `knowledge-retrieval`,
    `software-engineering`, `regulated-decision-support`, or a name of your own."""
    stage: Stage = "idea"
    """How far along it is."""
    data_sources: tuple[Line, ...] = ()
    """What data it reads."""
    integrations: tuple[Line, ...] = ()
    """What systems it is connected to."""
    expected_users: Annotated[int, Field(ge=0)] | None = None
    """How many people are to use it."""
    expected_calls_per_month: Annotated[int, Field(ge=1, le=10_000_000_000)] | None = None
    """How many calls it is to make in thirty days; what goes beyond has to be approved anew."""
    timeline: tuple[TimelineEntry, ...] = ()
    """Its releases, changes and rollbacks, by date."""
    metrics: tuple[MetricUse, ...] = ()
    """What it is measured by."""
    intake: Intake = Intake()
    """The answers that decide its risk tier."""
    owners: Owners = Owners()
    """Who answers for it."""
    models: tuple[Annotated[Name, Ref("Model")], ...] = ()
    """The models it may call."""
    routes: tuple[Annotated[Name, Ref("Route")], ...] = ()
    """The routes it may call."""
    autonomy: Literal["assist", "supervise", "automate"] = "assist"
    """Whether a person approves each output, samples them, or none; what it has earned may be less."""
    draft: Literal["marked", "withheld"] = "marked"
    """While a person approves each output: whether the caller is given the answer, marked as a draft, or gets
    it only once it is released."""
    review_share: Annotated[float, Field(gt=0, le=1)] = 0.05
    """While a person samples outputs: the share of the answers that is put before one."""
    security_path: Line | None = None
    """`standard`, or what is different from the standard security path and why."""
    logging: Literal["full", "metadata"] = "metadata"
    """Whether the texts of its calls are kept, or only that they happened."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long what was said in its calls is kept, in days; the records of the calls stay."""


UNIT = Kind("Unit", Unit, "A part of the organization that owns resources.", order=10)
METRIC = Kind("Metric", Metric, "A definition of something measured.", order=20)
OUTCOME = Kind(
    "Outcome", Outcome, "A business result: baseline, target, horizon, owner.", order=40, enforcement=False
)
USE_CASE = Kind("UseCase", UseCase, "Why AI is used somewhere, and what it may call.", order=60)
KINDS = (UNIT, METRIC, OUTCOME, USE_CASE)
