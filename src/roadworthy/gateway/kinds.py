"""Pure: what users declare about filters: what each looks for, and which policy asks for it where."""

from __future__ import annotations

from typing import Annotated, Literal

import re2
from pydantic import Field, StringConstraints, field_validator, model_validator

from roadworthy.gateway.filter_rules import HOUSE_FILTERS
from roadworthy.gateway.filters.reading import BUILT_IN, FAMILIES
from roadworthy.registry.kinds import Kind, Name, Ref, Spec, Text, Title

PATTERN_LENGTH_MAX = 1000
_PATTERN_MEMORY = 1 << 20
FilterAction = Literal["allow", "mask_reversibly", "mask", "hold", "block"]
OnError = Literal["deny", "allow"]
Tier = Literal["minimal", "limited", "high"]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=PATTERN_LENGTH_MAX)]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=80)]
_RECOGNISERS = frozenset({*FAMILIES, *(one.name for one in BUILT_IN)})


class GuardModel(Spec):
    """A model that is asked, through the gateway itself, whether a request may pass."""

    model: Annotated[Name, Ref("Model")]
    """The approved model that is asked; its calls are recorded like any other."""
    instruction: Text
    """What it is told to look for, and how to answer."""
    flagged_when: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    """The words in its answer that mean something was found, such as `unsafe`."""
    chars_max: Annotated[int, Field(ge=100, le=100_000)] = 8_000
    """How much of the request it is shown, from the end."""


class Filter(Spec):
    """What is looked for in requests and answers."""

    title: Title
    """The filter's name for people."""
    recognisers: tuple[str, ...] = ()
    """Built-in recognisers, by family (`cards`, `secrets`) or by name (`de-steuer-id`)."""
    patterns: Annotated[dict[Name, Pattern], Field(max_length=50, default_factory=dict)]
    """Own patterns in RE2's syntax, by name; RE2 never backtracks, and refuses what would."""
    topics: Annotated[
        dict[Name, Annotated[tuple[Word, ...], Field(min_length=1, max_length=500)]],
        Field(max_length=50, default_factory=dict),
    ]
    """Banned topics: lists of words and phrases, found as whole words in any case."""
    classifier: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Flag what the built-in classifier of injections scores from this on."""
    guard_model: GuardModel | None = None
    """A model that is asked about every request."""
    on_error: OnError | None = None
    """What happens when the filter errs; where nothing is said, calls above minimal risk are denied."""

    @field_validator("recognisers")
    @classmethod
    def _are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [one for one in value if one not in _RECOGNISERS]:
            raise ValueError(
                f"There is no recogniser `{unknown[0][:60]}`; the families are {', '.join(FAMILIES)}"
            )
        return value

    @field_validator("patterns")
    @classmethod
    def _compile(cls, value: dict[str, str]) -> dict[str, str]:
        for name, pattern in value.items():
            if problem := pattern_problem(pattern):
                raise ValueError(f"The pattern `{name}` is refused: {problem}")
        return value

    @model_validator(mode="after")
    def _looks_for_something(self) -> Filter:
        if not (
            self.recognisers
            or self.patterns
            or self.topics
            or self.classifier is not None
            or self.guard_model
        ):
            raise ValueError(
                "A filter looks for something: say `recognisers`, `patterns`, `topics`, `classifier` or "
                "`guard_model`"
            )
        return self


def pattern_problem(pattern: str) -> str:
    """Say why a pattern cannot be used; nothing when it can."""
    options = re2.Options()
    options.max_mem = _PATTERN_MEMORY
    options.log_errors = False
    if "\\C" in pattern:
        return "`\\C` reads half characters"
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else "no expression"
        return str(said.decode() if isinstance(said, bytes) else said)[:200]
    if compiled.search("") is not None:
        return "it matches the empty text, and so everything"
    return ""


class Use(Spec):
    """One filter in a policy, and what is done about its findings."""

    filter: Name
    """A declared filter, or one that comes with the product."""
    input: FilterAction | None = None
    """What is done about findings in requests; none: requests are not read."""
    output: FilterAction | None = None
    """What is done about findings in answers; none: answers are not read."""
    tiers: tuple[Tier, ...] = ()
    """Only for use cases of these risk tiers; none named means all."""
    on_error: OnError | None = None
    """What happens when the filter errs, in place of what the filter says."""

    @model_validator(mode="after")
    def _reads_a_side(self) -> Use:
        if self.input is None and self.output is None:
            raise ValueError("A use of a filter says what is done: set `input`, `output` or both")
        if self.output == "mask_reversibly":
            raise ValueError("An answer cannot be masked reversibly: nobody comes back to restore it")
        return self


class FilterPolicy(Spec):
    """Which filters read which calls. Where several policies apply, the strictest action counts."""

    title: Title
    """The policy's name for people."""
    uses: Annotated[tuple[Use, ...], Field(min_length=1, max_length=100)]
    """The filters, and what is done about what they find."""
    use_cases: tuple[Annotated[Name, Ref("UseCase")], ...] = ()
    """Only calls of these use cases; none named means all."""
    units: tuple[Annotated[Name, Ref("Unit")], ...] = ()
    """Only use cases of these units and the units below them; none named means all."""
    tiers: tuple[Tier, ...] = ()
    """Only use cases of these risk tiers; none named means all."""


FILTER = Kind(
    "Filter",
    Filter,
    "What is looked for in requests and answers.",
    order=46,
    built_in=tuple(HOUSE_FILTERS),
)
FILTER_POLICY = Kind(
    "FilterPolicy", FilterPolicy, "Which filters read which calls, and what is done.", order=75
)
KINDS = (FILTER, FILTER_POLICY)
BUILT_IN_FILTERS = tuple(HOUSE_FILTERS)
