"""Pure: what other filters would have done to past calls, as far as their texts and records are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from roadworthy.gateway.filters.guard import ONE_AT_A_TIME, Compiled, Guard, compiled_for
from roadworthy.gateway.filters.replaying import Reader, Words, stops
from roadworthy.gateway.past import PastCall
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.stopping import stopped_filters

STOPPED = frozenset({"filter_blocked", "held_for_approval"})
"""Codes of the refusals that filters make; what was said in such a call is not kept."""

WordsOf = Callable[[Sequence[str]], Mapping[str, "KeptWords"]]


class KeptWords(Words, Protocol):
    """What was said, and whether all of it is kept."""

    @property
    def cut(self) -> bool:
        """It was longer than what is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """How far past calls could be read once more, and how long it took."""

    read: int
    """Calls whose kept words were read."""
    by_record: int
    """Calls of which the findings in their records said it, without their words."""
    missing: Mapping[str, int] = field(default_factory=dict)
    """Why calls could not be read -> how many."""
    us_per_kb_now: float | None = None
    """Microseconds for a kilobyte with the filters in force, as measured in this replay."""
    us_per_kb_then: float | None = None
    """The same with the filters as they would be."""
    asks_models: bool = False
    """A guard model would be asked as well; none was."""


@dataclass(slots=True)
class _Pair:
    now: Reader
    then: Reader


class FilterReplay:
    """Reads the calls of those use cases whose filters would be others; knows nothing of the rest."""

    def __init__(
        self,
        before: Index,
        after: Index,
        *,
        now: float,
        words_of: WordsOf,
        readable: Collection[str] | None,
        clock_ns: Callable[[], int],
    ) -> None:
        self._before, self._after = before, after
        self._now = now
        self._words_of = words_of
        self._readable = readable
        self._clock_ns = clock_ns
        self._pairs: dict[str, _Pair | None] = {}
        self._missing: dict[str, int] = {}
        self._read = self._by_record = 0

    def concerns(self, use_case: str) -> bool:
        """Say whether other filters would read a use case's calls."""
        return self._pair(use_case) is not None

    def _pair(self, use_case: str) -> _Pair | None:
        if use_case not in self._pairs:
            self._pairs[use_case] = self._made(use_case)
        return self._pairs[use_case]

    def _made(self, use_case: str) -> _Pair | None:
        sides = []
        for index in (self._before, self._after):
            grants = index.grants.get(use_case, ())
            if not grants:
                return None
            stopped = stopped_filters(index, now=self._now)
            sides.append((index, compiled_for(index.snapshot, grants[0], stopped)))
        if sides[0][1] is sides[1][1]:
            return None
        (one, old), (other, new) = sides
        now = Reader(_guard(one, old, use_case), old, clock_ns=self._clock_ns)
        guard = _guard(other, new, use_case)
        return _Pair(now, Reader(guard, new, clock_ns=self._clock_ns, then=now.patterns))

    def differences(self, calls: Sequence[PastCall]) -> Iterator[tuple[PastCall, str, str, str]]:
        """Yield the calls that would fare otherwise: what, by which filter, because of what."""
        wanted = [one.id for one in calls if self._may_read(one.use_case)]
        kept = self._words_of(wanted) if wanted else {}
        with ONE_AT_A_TIME:
            found = [(one, self._difference(one, kept.get(one.id))) for one in calls]
        yield from ((call, *said) for call, said in found if said is not None)

    def _may_read(self, use_case: str) -> bool:
        return self._readable is None or use_case in self._readable

    def _difference(self, call: PastCall, words: KeptWords | None) -> tuple[str, str, str] | None:
        pair = self._pair(call.use_case)
        assert pair is not None
        now, then = pair.now.read(words, call.findings), pair.then.read(words, call.findings)
        found = _differs(now.outcome, then.outcome)
        whole = words is not None and not words.cut
        if whole:
            self._read += 1
        elif found or (words is None and call.reason_code in STOPPED):
            self._by_record += 1
        else:
            why = self._why_missing(call, words)
            self._missing[why] = self._missing.get(why, 0) + 1
        if not found:
            return None
        deciding = now if found in {"allowed", "unmasked"} else then
        held = ", to be approved" if then.outcome == "hold" else ""
        return found, f"filter/{deciding.filter}", f"{deciding.found}{held}"

    def _why_missing(self, call: PastCall, words: KeptWords | None) -> str:
        if words is not None:
            return "longer than the 16 KiB that are kept"
        if not call.logged:
            refused = call.decision == "refused"
            return "refused before a filter read them" if refused else "logged as metadata only"
        if not self._may_read(call.use_case):
            return "you may not read what was said in them"
        return "their retention has ended, or they were erased"

    def told(self) -> Texts | None:
        """Return how far calls could be read; None where no filter would be another."""
        pairs = [one for one in self._pairs.values() if one is not None]
        if not pairs:
            return None
        return Texts(
            read=self._read,
            by_record=self._by_record,
            missing=dict(sorted(self._missing.items(), key=lambda one: (-one[1], one[0]))),
            us_per_kb_now=_pace([one.now for one in pairs]),
            us_per_kb_then=_pace([one.then for one in pairs]),
            asks_models=any(one.then.models for one in pairs),
        )


def _guard(index: Index, compiled: Compiled | None, use_case: str) -> Guard | None:
    approved = index.snapshot.approved_content
    return None if compiled is None else Guard(compiled, approved=approved, scope=use_case)


def _pace(readers: Sequence[Reader]) -> float | None:
    size = sum(one.time.bytes for one in readers)
    return round(sum(one.time.ns for one in readers) / 1000 / (size / 1024), 1) if size else None


def _differs(now: str, then: str) -> str:
    if not now or not then:
        return "" if now == then else "unknown"
    if stops(now) or stops(then):
        return "" if stops(now) == stops(then) else "refused" if stops(then) else "allowed"
    return "" if now == then else "masked" if then == "mask" else "unmasked"
