"""Finds which recognisers have something in a text: Hyperscan where it is, RE2 elsewhere; one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import re2

from roadworthy.gateway.filters.recogniser import Recogniser

hyperscan: Any
try:
    import hyperscan
except ImportError:  # no wheel for this machine: RE2 does the same, a little slower
    hyperscan = None

Hits = dict[int, list[int]]
"""Recogniser's number -> where matches end; an empty list when the engine does not say where."""


class Engine(Protocol):
    """One pass over a text."""

    def hits(self, data: bytes) -> Hits | None:
        """Return which recognisers match; None for none."""


class HyperscanEngine:
    """All patterns in one automaton; not shared between threads (it owns its scratch)."""

    __slots__ = ("_database", "_found", "_scan")

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags = [hyperscan.HS_FLAG_CASELESS if one.ignore_case else 0 for one in recognisers]
        self._database.compile(
            expressions=[one.gate or one.pattern for one in recognisers],
            ids=list(range(len(recognisers))),
            elements=len(recognisers),
            flags=flags,
        )
        self._database.scratch = hyperscan.Scratch(self._database)
        self._scan = self._database.scan
        self._found: Hits = {}

    def _match(self, number: int, _start: int, end: int, _flags: int, _context: Any) -> None:
        ends = self._found.get(number)
        if ends is None:
            self._found[number] = [end]
        else:
            ends.append(end)

    def hits(self, data: bytes) -> Hits | None:
        """Return which recognisers match, and where they end."""
        self._scan(data, self._match)
        if not self._found:
            return None
        found, self._found = self._found, {}
        return found


class Re2Engine:
    """RE2's sets: which patterns match, in one pass."""

    __slots__ = ("_sets",)

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        self._sets: list[tuple[Callable[[bytes], list[int]], list[int], Any]] = []
        for ignore_case in (False, True):
            numbers = [number for number, one in enumerate(recognisers) if one.ignore_case == ignore_case]
            if not numbers:
                continue
            found = re2.Set.SearchSet(options(ignore_case=ignore_case))
            for number in numbers:
                found.Add(recognisers[number].gate or recognisers[number].pattern)
            found.Compile()
            self._sets.append((found.Match, numbers, found))

    def hits(self, data: bytes) -> Hits | None:
        """Return which recognisers match."""
        out: Hits = {}
        for match, numbers, _kept in self._sets:
            for number in match(data) or ():
                out[numbers[number]] = []
        return out or None


def options(*, ignore_case: bool = False) -> Any:
    """Return RE2's options for texts of one byte per character."""
    made = re2.Options()
    made.encoding = re2.Options.Encoding.LATIN1
    made.case_sensitive = not ignore_case
    made.log_errors = False
    return made


def quick(pattern: bytes) -> Engine | None:
    """Return what says faster than RE2 whether a pattern matches; None where nothing does."""
    if hyperscan is None:
        return None
    return HyperscanEngine([Recogniser("", "", "", pattern, "")])


def best(recognisers: Sequence[Recogniser]) -> Engine:
    """Return the fastest engine of this machine."""
    if hyperscan is None:
        return Re2Engine(recognisers)
    return HyperscanEngine(recognisers)
