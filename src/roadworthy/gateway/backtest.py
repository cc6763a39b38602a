"""Pure: recorded calls decided once more, as things are and as they would be, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.rerun import caller_of
from roadworthy.gateway.snapshot import Index
from roadworthy.policy.decide import Standing
from roadworthy.policy.statement import Denial
from roadworthy.policy.vocabulary import WEEKDAYS

_UNKNOWN = frozenset({"task", "cohort", "dialect", "tools", "output_tokens_max"})
"""What records in their short form do not say of a call."""


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
    def requested_model(self) -> str:
        """What it asked for."""

    @property
    def model(self) -> str:
        """Which model answered."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Calls of a use case of which the same would become, for the same reason."""

    what: str
    """`refused`, `allowed` (newly), `moved` (to another model), `unknown` (records do not say enough)."""
    use_case: str
    by: str
    """`access-policy/NAME:LINE`, or the code of the refusal; of a moved call, from which model to which."""
    statement: str
    calls: int
    cost_nano: int
    currency: str
    latency_ms: float
    """The mean, as it was."""
    example: str
    """The newest such call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What a proposal would have done to past calls."""

    calls: int
    refused: int
    allowed: int
    moved: int
    unknown: int
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class _Fate:
    model: str
    by: str = ""
    statement: str = ""
    unknown: bool = False


class _Deciding:
    """Decides past calls on one index; what is the same for calls alike is decided once."""

    def __init__(self, index: Index, now: float) -> None:
        self._index = index
        self._now = now
        self._known: dict[tuple[str, str, str, str], Admitted | Refused] = {}

    def fate(self, call: PastCall) -> _Fate:
        place = (call.principal, call.key_id, call.use_case, call.requested_model)
        verdict = self._known.get(place)
        if verdict is None:
            verdict = self._known[place] = self._verdict(call)
        if isinstance(verdict, Refused):
            policy = verdict.code == "policy_forbids"
            statement = verdict.reasons[0].code if policy else ""
            return _Fate("", verdict.declaration if policy else verdict.code, statement)
        return self._reached(verdict, call)

    def _verdict(self, call: PastCall) -> Admitted | Refused:
        caller = caller_of(self._index, call, now=self._now)
        if isinstance(caller, Refused):
            return caller
        return access.decide_for(
            self._index, caller, use_case_header=None, model=call.requested_model, now=self._now
        )

    def _reached(self, verdict: Admitted, call: PastCall) -> _Fate:
        policed = verdict.policed
        names = [target.model.name for target in verdict.targets]
        # The model that answered comes first: it moves only if it is not to be reached any more.
        names.sort(key=lambda name: name != call.model)
        last: Denial | None = None
        unknown = False
        for name in names:
            said = policed.forbidden.get(name)
            if said is None and name in policed.looking:
                said, unsure = _looked(policed.looking[name], call)
                unknown = unknown or unsure
                if unsure:
                    continue
            if said is None:
                return _Fate(name)
            last = last or said
        if unknown:
            return _Fate("", unknown=True)
        assert last is not None
        return _Fate("", last.declaration, last.statement or "default")


def _looked(standing: Standing, call: PastCall) -> tuple[Denial | None, bool]:
    """Return who forbids a call, and whether that cannot be said."""
    of_call = {
        "stream": call.stream,
        "hour": call.at.hour,
        "weekday": WEEKDAYS[call.at.weekday()],
        "input_tokens": call.input_tokens or 0,
    }
    sure = standing.known(of_call, unknown=_UNKNOWN)
    return (None, True) if sure is None else (sure.denial, False)


def backtest(before: Index, after: Index, calls: Iterable[PastCall], *, now: float) -> Tested:
    """Decide calls on both; grants, keys and kill switches are those of today on either side."""
    then, would = _Deciding(before, now), _Deciding(after, now)
    found: dict[tuple[str, str, str, str], list[PastCall]] = {}
    count = 0
    for call in calls:
        count += 1
        what, by, statement = _difference(call, then.fate(call), would.fate(call))
        if what:
            found.setdefault((what, call.use_case, by, statement), []).append(call)
    groups = sorted(_groups(found), key=lambda one: (-one.calls, one.use_case, one.by))
    totals = Counter[str]()
    for one in groups:
        totals[one.what] += one.calls
    return Tested(
        calls=count,
        refused=totals["refused"],
        allowed=totals["allowed"],
        moved=totals["moved"],
        unknown=totals["unknown"],
        groups=tuple(groups),
    )


def _difference(call: PastCall, then: _Fate, would: _Fate) -> tuple[str, str, str]:
    if would.unknown and not then.unknown:
        return "unknown", "", ""
    if then.unknown or would.unknown:
        return "", "", ""
    if then.model and not would.model:
        return "refused", would.by, would.statement
    if would.model and not then.model:
        return "allowed", then.by, then.statement
    if then.model and would.model != then.model and call.model == then.model:
        return "moved", f"model/{then.model} to model/{would.model}", ""
    return "", "", ""


def _groups(found: dict[tuple[str, str, str, str], list[PastCall]]) -> Iterator[Group]:
    for (what, use_case, by, statement), calls in found.items():
        newest = max(calls, key=lambda call: call.at)
        yield Group(
            what=what,
            use_case=use_case,
            by=by,
            statement=statement,
            calls=len(calls),
            cost_nano=sum(call.cost_nano or 0 for call in calls),
            currency=newest.currency,
            latency_ms=sum(call.latency_ms for call in calls) / len(calls),
            example=newest.id,
        )


def sentences(tested: Tested, *, days: int, shown: int = 5) -> Iterator[str]:
    """Say what would have become of the calls, for a plan; nothing where nothing differs."""
    of = f"of {tested.calls:,} call{'s' if tested.calls != 1 else ''} of the last {days} days"
    for one in tested.groups[:shown]:
        whose = f"of use-case/{one.use_case}"
        if one.what == "refused":
            by = f", by {one.by}" + (f" (`{one.statement}`)" if one.statement else "")
            yield f"Would have refused {one.calls:,} {of}, {whose}{by}."
        elif one.what == "allowed":
            yield f"Would have allowed {one.calls:,} {of} that are refused today ({one.by}), {whose}."
        elif one.what == "moved":
            yield f"Would have moved {one.calls:,} {of} from {one.by}, {whose}."
        else:
            yield f"Cannot say of {one.calls:,} {of}, {whose}: their records do not hold what it asks."
    if len(tested.groups) > shown:
        yield f"And {len(tested.groups) - shown} more groups: `roadworthy policy backtest -f` shows all."
