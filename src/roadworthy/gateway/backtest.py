"""Pure: recorded calls decided once more, as things are and as they would be, and what differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.filters.backtest import FilterReplay, Texts, WordsOf
from roadworthy.gateway.past import Group, PastCall, Sort, grouped
from roadworthy.gateway.quota.replaying import (
    REFUSALS,
    Counted,
    Entry,
    Quotas,
    Spending,
    changed,
    windows_begin,
)
from roadworthy.gateway.rerun import caller_of
from roadworthy.gateway.snapshot import Index
from roadworthy.policy.decide import Standing
from roadworthy.policy.statement import Denial
from roadworthy.policy.vocabulary import WEEKDAYS
from roadworthy.quota.entry import LimitEntry

_UNKNOWN = frozenset({"task", "cohort", "dialect", "tools", "output_tokens_max"})
"""What records in their short form do not say of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What a proposal would have done to past calls."""

    calls: int
    refused: int
    allowed: int
    moved: int
    masked: int
    unmasked: int
    unknown: int
    groups: tuple[Group, ...]
    texts: Texts | None = None
    """How far filters could read calls once more; None where the filters stay the same."""
    notes: tuple[str, ...] = ()
    """What was not tested."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a back-test may ask of the world around it."""

    now: float
    """Grants, keys and kill switches are those of today on either side."""
    words_of: WordsOf = lambda _ids: {}
    """What was said in some calls, by their ids."""
    readable: Collection[str] | None = None
    """The use cases of which that may be read; None for all."""
    spent: Callable[[float, float], Iterable[Spending]] = lambda _since, _until: ()
    """What was spent in a time, in Unix seconds: what budgets had used before the first call."""
    clock_ns: Callable[[], int] = lambda: 0
    """Measures how long filters take, in nanoseconds."""


def backtest(before: Index, after: Index, calls: Iterable[PastCall], *, means: Means) -> Tested:
    """Decide calls on both: access and policies, then filters, then limits and budgets."""
    then, would = _Deciding(before, means.now), _Deciding(after, means.now)
    filters = FilterReplay(
        before, after, now=means.now, words_of=means.words_of, readable=means.readable,
        clock_ns=means.clock_ns,
    )  # fmt: skip
    found: dict[Sort, list[PastCall]] = {}
    through: list[PastCall] = []
    count = 0
    for batch in _batches(calls):
        count += len(batch)
        reached = []
        for call in batch:
            fate = would.fate(call)
            what, by, statement = _difference(call, then.fate(call), fate)
            if what:
                found.setdefault((what, call.use_case, by, statement), []).append(call)
            if fate.model and what != "allowed":
                reached.append(call)
        read = [call for call in reached if filters.concerns(call.use_case)]
        stopped = set()
        for call, what, by, statement in filters.differences(read) if read else ():
            found.setdefault((what, call.use_case, by, statement), []).append(call)
            if what == "refused":
                stopped.add(call.id)
        through += [call for call in reached if call.id not in stopped]
    notes = _count(before, after, through, found, means)
    groups = sorted(grouped(found), key=lambda one: (-one.calls, one.use_case, one.by))
    totals = Counter[str]()
    for one in groups:
        totals[one.what] += one.calls
    kinds = ("refused", "allowed", "moved", "masked", "unmasked", "unknown")
    return Tested(
        calls=count,
        **{what: totals[what] for what in kinds},
        groups=tuple(groups),
        texts=filters.told(),
        notes=tuple(notes),
    )


BATCH = 200


def _batches(calls: Iterable[PastCall]) -> Iterator[list[PastCall]]:
    left = iter(calls)
    while batch := list(islice(left, BATCH)):
        yield batch


def _count(
    before: Index, after: Index, calls: list[PastCall], found: dict[Sort, list[PastCall]], means: Means
) -> list[str]:
    """Count calls against what limits and budgets would be; return what that leaves out."""
    held: list[dict[str, Entry]] = [
        {**{f"limit/{name}": one for name, one in index.snapshot.limits.items()},
         **{f"budget/{name}": one for name, one in index.snapshot.budgets.items()}}
        for index in (before, after)
    ]  # fmt: skip
    names = changed(*held)
    if not names or not calls:
        return []
    old, new = ([one for name, one in sorted(side.items()) if name in names] for side in held)
    first = min(call.at.timestamp() for call in calls)
    since = windows_begin([*old, *new], first)
    spent = list(means.spent(since, first)) if since < first else []
    unit_of = {name: grants[0].namespace for name, grants in after.grants.items() if grants}
    now, then = (
        Quotas(side, units=after.snapshot.units, spent=spent, unit_of=unit_of) for side in (old, new)
    )
    for call in sorted(calls, key=lambda one: (one.at, one.id)):
        counted = _counted(call)
        today, would = now.refuses(counted), then.refuses(counted)
        refused_then = call.reason_code in REFUSALS and call.refused_by in names
        if would and not today and not refused_then:
            found.setdefault(("refused", call.use_case, would, ""), []).append(call)
        elif not would and (today or refused_then):
            found.setdefault(("allowed", call.use_case, today or call.refused_by, ""), []).append(call)
    notes = []
    if new:
        notes.append(
            "Limits and budgets are counted by what calls used; what a gateway reserves for each is more, so "
            "that at least these would have been refused."
        )
    if any(isinstance(one, LimitEntry) and one.concurrency is not None for one in (*old, *new)):
        notes.append("How many calls are under way at once is not tested: records do not say it.")
    return notes


def _counted(call: PastCall) -> Counted:
    return Counted(
        at=call.at.timestamp(),
        principal=call.principal,
        key_id=call.key_id,
        use_case=call.use_case,
        unit=call.namespace,
        model=call.model or call.requested_model.removeprefix("model/"),
        provider=call.provider,
        input_tokens=call.input_tokens or 0,
        output_tokens=call.output_tokens or 0,
        cost_nano=call.cost_nano or 0,
        currency=call.currency,
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
