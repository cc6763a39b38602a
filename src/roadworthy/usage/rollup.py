"""Pure: weeks, and what a window of calls amounts to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

WEEK_US = 7 * 24 * 3600 * 1_000_000
MONDAY_US = 4 * 24 * 3600 * 1_000_000  # 1970-01-05, the first Monday after the epoch
_FIRST_MONDAY = date(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class Cost:
    """What was spent in one currency; amounts in different currencies are never added."""

    currency: str
    nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a window of calls amounts to. `of` says of what: a week's Monday, a use case, a model, or all."""

    of: str
    calls: int = 0
    refusals: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    costs: tuple[Cost, ...] = ()
    unknown_cost_calls: int = 0
    """Calls that were served and whose cost is not known: `costs` lacks them."""
    latency_ms_p50: float | None = None
    latency_ms_p95: float | None = None
    active_principals: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def allowed(self) -> int:
        """Calls that were let through."""
        return self.calls - self.refusals

    @property
    def refusal_rate(self) -> float | None:
        """Share of all calls that were refused; None without calls."""
        return self.refusals / self.calls if self.calls else None

    @property
    def error_rate(self) -> float | None:
        """Share of the calls let through that came to nothing; None without any."""
        return self.errors / self.allowed if self.allowed else None

    @property
    def cost_per_call(self) -> Cost | None:
        """Cost per call with a known cost; None when there is none, or more than one currency."""
        known = self.allowed - self.unknown_cost_calls
        if known <= 0 or len(self.costs) != 1:
            return None
        return Cost(self.costs[0].currency, round(self.costs[0].nano / known))


def monday_of(week: int) -> date:
    """Return the Monday that a week's number stands for."""
    return _FIRST_MONDAY + timedelta(weeks=week)


def week_start(at: datetime) -> datetime:
    """Return the Monday, 00:00 UTC, of the week an instant lies in."""
    day = at.astimezone(UTC).date()
    return datetime.combine(day - timedelta(days=day.weekday()), datetime.min.time(), UTC)


def every_week(weeks: dict[str, Usage], *, since: datetime, until: datetime) -> tuple[Usage, ...]:
    """Return a week for each Monday from `since` to `until`; a week without calls is there, with none."""
    monday, last = week_start(since).date(), week_start(until).date()
    found = []
    while monday <= last:
        name = monday.isoformat()
        found.append(weeks.get(name) or Usage(of=name))
        monday += timedelta(weeks=1)
    return tuple(found)
