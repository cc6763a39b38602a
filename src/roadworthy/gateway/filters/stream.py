"""Reads a stream across the borders of its pieces; holds back only an end that may become a finding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from roadworthy.gateway.filter_rules import Rule
from roadworthy.gateway.filters.finding import Found
from roadworthy.gateway.filters.inspection import Inspection
from roadworthy.gateway.filters.stand_ins import StandIns
from roadworthy.usage.record import FindingRecord

LOOK_BACK = 64
"""Characters that a piece is read together with, and that may be held back at most."""
Channel = tuple[int, int]


class Finder(Protocol):
    """What reads one text: a guard."""

    def found_in(self, text: str) -> tuple[list[Found], dict[str, Rule] | None]:
        """Return what is found in an answer's text, in order, and the filters that erred."""

    def readers_of_answers(self) -> dict[str, Rule]:
        """Return the filters that read answers, by name."""


class Holding(Protocol):
    """Says which end of a text may become something that must not go out."""

    def start(self, text: str) -> int | None:
        """Return where that end begins; None when all of it may go out."""


class _Lane:
    """One channel: what has gone out lately, what is held back, and what is being swallowed."""

    __slots__ = ("counted", "gone", "held", "swallow", "until")

    def __init__(self) -> None:
        self.gone = ""
        self.held = ""
        self.swallow: re.Pattern[str] | None = None
        self.until: re.Pattern[str] | None = None
        self.counted = 0


class StreamGuard:
    """The filters of one stream: what may begin something that must not go out waits for the next piece."""

    __slots__ = ("_counts", "_guard", "_hold", "_lanes", "_stand_ins", "blocked", "faults")

    def __init__(self, guard: Finder, hold: Holding) -> None:
        self._guard = guard
        self._hold = hold
        self._lanes: dict[Channel, _Lane] = {}
        self._stand_ins = StandIns()
        self._counts: dict[tuple[str, str, str], int] = {}
        self.blocked: Inspection | None = None
        self.faults: tuple[str, ...] = ()

    @property
    def records(self) -> tuple[FindingRecord, ...]:
        """What was found so far."""
        return tuple(
            FindingRecord(name, kind, "output", action, count)
            for (name, kind, action), count in self._counts.items()
        )

    findings = records

    def feed(self, channel: Channel, text: str) -> str:
        """Return what may go on now of this channel; nearly always the very text that came."""
        lane = self._lanes.get(channel)
        if lane is None:
            lane = self._lanes[channel] = _Lane()
        if lane.swallow is not None or lane.until is not None:
            text = self._swallowed(lane, text)
            if not text:
                return ""
        return self._read(lane, text, last=False)

    def finish(self, channel: Channel) -> str:
        """Return what was held back of this channel."""
        lane = self._lanes.get(channel)
        if lane is None or not lane.held or lane.until is not None:
            return ""
        return self._read(lane, "", last=True)

    def _read(self, lane: _Lane, text: str, *, last: bool) -> str:
        base = len(lane.gone)
        window = lane.gone + lane.held + text if base or lane.held else text
        try:
            found, failed = self._guard.found_in(window)
            cut = len(window)
            if not last:
                start = self._hold.start(window[-2 * LOOK_BACK :])
                if start is not None:
                    cut = max(base, start + max(0, len(window) - 2 * LOOK_BACK))
        except Exception:  # noqa: BLE001  answered by the filters' policies
            found, failed, cut = [], self._guard.readers_of_answers(), len(window)
        if failed is not None and self._failed(failed):
            return ""
        if not found and cut == len(window):
            lane.gone = window[-LOOK_BACK:]
            lane.held = ""
            return window[base:]
        return self._emit(lane, window, base, cut, found)

    def _emit(self, lane: _Lane, window: str, base: int, cut: int, found: list[Found]) -> str:
        out: list[str] = []
        at = base
        for one in found:
            start, end = one.span.start, one.span.end
            if end <= at:
                continue
            recogniser = one.recogniser
            long = bool(recogniser.goes_on) and one.action != "allow"
            if end > cut and not long and len(window) - max(start, base) < LOOK_BACK:
                cut = min(cut, max(start, at))
                break  # it may still grow, or turn out to be something else
            self._count(one, lane, start)
            if one.action == "allow":
                continue
            if one.action in {"block", "hold"}:
                self.blocked = Inspection(
                    "block", self.records, by=((one.rule.filter, recogniser.title),), faults=self.faults
                )
                lane.held = ""
                return "".join(out)
            out.append(window[at : max(start, at)])
            out.append(self._stand_ins.stand_in(one, window[start:end]))
            at = end
            if end == len(window) and not _is_over(one, window[start:end]):
                self._swallow(lane, one)
            cut = max(cut, at)
        if len(window) - cut > LOOK_BACK:
            cut = len(window) - LOOK_BACK
        cut = max(cut, at)
        out.append(window[at:cut])
        said = "".join(out)
        # What ends something may have begun in this piece.
        lane.held = window[cut:] if lane.until is None else window[-LOOK_BACK:]
        lane.gone = (window[:base] + said)[-LOOK_BACK:]
        return said

    def _count(self, one: Found, lane: _Lane, start: int) -> None:
        key = (one.rule.filter, one.recogniser.name, one.action)
        self._counts[key] = self._counts.get(key, 0) + 1

    def _swallow(self, lane: _Lane, one: Found) -> None:
        recogniser = one.recogniser
        if recogniser.until:
            lane.until = re.compile(recogniser.until.decode("latin-1"))
        elif recogniser.goes_on:
            lane.swallow = re.compile(recogniser.goes_on.decode("latin-1") + "*")

    def _swallowed(self, lane: _Lane, text: str) -> str:
        """Return what is left of a piece once the rest of what was masked is gone from it."""
        if lane.until is not None:
            together = lane.held + text
            match = lane.until.search(together)
            if match is None:
                lane.held = together[-LOOK_BACK:]
                return ""
            lane.until, lane.held = None, ""
            return together[match.end() :]
        if lane.swallow is not None:
            match = lane.swallow.match(text)
            rest = text[match.end() :] if match is not None else text
            if rest:
                lane.swallow = None
            return rest
        return text

    def _failed(self, failed: Mapping[str, Rule]) -> bool:
        """Filters erred: end the stream, or let the piece pass and say so, as each one's policy wants."""
        allowed = [
            f"filter_error_allowed:{name}" for name, rule in failed.items() if rule.on_error == "allow"
        ]
        self.faults = tuple(sorted({*self.faults, *allowed}))
        deny = tuple(sorted(name for name, rule in failed.items() if rule.on_error == "deny"))
        if deny:
            self.blocked = Inspection("block", self.records, failed=deny, faults=self.faults)
        return bool(deny)


def _is_over(one: Found, said: str) -> bool:
    """Is something that goes on until a mark there to its very end?"""
    until = one.recogniser.until
    return bool(until) and re.search(until.decode("latin-1") + r"\Z", said) is not None
