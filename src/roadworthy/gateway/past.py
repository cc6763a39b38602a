"""Pure: what a back-test asks of a past call, and the groups it sorts calls into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from roadworthy.usage.record import FindingRecord


class PastCall(Protocol):
    """What is asked of a call record."""

    @property
    def id(self) -> str:
        """Its trace id."""

    @property
    def at(self) -> datetime:
        """When it came."""

    @property
    def principal(self) -> str:
        """Whose it was."""

    @property
    def key_id(self) -> str:
        """The key it was made with."""

    @property
    def use_case(self) -> str:
        """What it was for."""

    @property
    def namespace(self) -> str:
        """Whose use case that was then."""

    @property
    def decision(self) -> str:
        """`allowed` or `refused`, then."""

    @property
    def reason_code(self) -> str:
        """Why it was refused then."""

    @property
    def refused_by(self) -> str:
        """By which declaration."""

    @property
    def requested_model(self) -> str:
        """What it asked for."""

    @property
    def model(self) -> str:
        """Which model answered."""

    @property
    def provider(self) -> str:
        """Which provider answered."""

    @property
    def stream(self) -> bool:
        """Whether it asked for a stream."""

    @property
    def input_tokens(self) -> int | None:
        """What the provider counted."""

    @property
    def output_tokens(self) -> int | None:
        """What the provider counted."""

    @property
    def cost_nano(self) -> int | None:
        """What it cost."""

    @property
    def currency(self) -> str:
        """What its cost is in."""

    @property
    def latency_ms(self) -> float:
        """How long it took."""

    @property
    def findings(self) -> Sequence[FindingRecord]:
        """What filters found."""

    @property
    def logged(self) -> bool:
        """Whether what was said was kept at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Calls of a use case of which the same would become, for the same reason."""

    what: str
    """`refused`, `allowed` (newly), `moved` (to another model), `masked` or `unmasked` (by filters), or
    `unknown` (records do not say enough)."""
    use_case: str
    by: str
    """`access-policy/NAME:LINE`, `filter/NAME`, `limit/NAME`, or the code of the refusal; of a moved call,
    from which model to which."""
    statement: str
    """Of a policy its statement, of a filter what it found on which side."""
    calls: int
    callers: Mapping[str, int]
    """Principal -> how many of the calls are theirs."""
    cost_nano: int
    currency: str
    latency_ms: float
    """The mean, as it was."""
    example: str
    """The newest such call."""


Sort = tuple[str, str, str, str]
"""What, use case, by, statement."""


def grouped(found: Mapping[Sort, Sequence[PastCall]]) -> Iterator[Group]:
    """Add up calls of which the same would become."""
    for (what, use_case, by, statement), calls in found.items():
        newest = max(calls, key=lambda call: call.at)
        callers: dict[str, int] = {}
        for call in calls:
            callers[call.principal] = callers.get(call.principal, 0) + 1
        yield Group(
            what=what,
            use_case=use_case,
            by=by,
            statement=statement,
            calls=len(calls),
            callers=dict(sorted(callers.items(), key=lambda one: (-one[1], one[0]))),
            cost_nano=sum(call.cost_nano or 0 for call in calls),
            currency=newest.currency,
            latency_ms=sum(call.latency_ms for call in calls) / len(calls),
            example=newest.id,
        )
