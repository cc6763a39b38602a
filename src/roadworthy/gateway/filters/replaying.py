"""Pure: kept texts read once more, by the filters in force and by others, and what differs.

The filters are the gateway's own. What they masked or blocked at the time is not in the texts any more: of
that the record says what was found, and the action that it would meet is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from roadworthy.gateway.filter_rules import STRICTNESS
from roadworthy.gateway.filters import injection
from roadworthy.gateway.filters.guard import Compiled, Guard
from roadworthy.gateway.filters.inspection import Side
from roadworthy.usage.record import FindingRecord

_GONE = frozenset({"mask", "mask_reversibly", "hold", "block"})
"""Actions after which what was found is not in the text that is kept."""
_WORDS = {"input": "request", "output": "answer"}
Outcome = str
"""`allow`, `mask`, `hold` or `block`; nothing where it cannot be said."""


class Words(Protocol):
    """What was said in a call, as it is kept."""

    @property
    def prompt(self) -> str:
        """What was asked, after what was masked."""

    @property
    def response(self) -> str:
        """What was answered, after what was masked."""


class Time(msgspec.Struct):
    """How long filters took, in nanoseconds, over how many bytes."""

    ns: int = 0
    bytes: int = 0


class Read(msgspec.Struct, frozen=True):
    """What becomes of a call at some filters, and because of which finding."""

    outcome: Outcome
    filter: str = ""
    found: str = ""
    """What was found, and on which side: `e-mail in the request`."""


class Reader:
    """The filters of one grant, reading past calls."""

    def __init__(
        self,
        guard: Guard | None,
        compiled: Compiled | None,
        *,
        clock_ns: Callable[[], int],
        then: Mapping[str, bytes] | None = None,
    ) -> None:
        self._guard = guard
        self._actions = {} if compiled is None else _actions(compiled)
        self._clock_ns = clock_ns
        self._then = then or {}
        self.patterns = {} if compiled is None else _patterns(compiled)
        """What looks for what, by its name. What was found by another pattern of that name says nothing."""
        self.time = Time()
        self.models = compiled is not None and any(one.model is not None for one in compiled.slow)
        """A guard model would be asked."""

    def read(self, words: Words | None, findings: Iterable[FindingRecord]) -> Read:
        """Say what becomes of a call; without words, as far as what was found then says it."""
        reads = []
        if words is not None:
            reads = [self._side(words.prompt, "input"), self._side(words.response, "output")]
        for one in findings:
            if words is None or one.action in _GONE:
                reads.append(self._known(one))
        # What stops a call is said even where something else cannot be; else what is unknown stays unknown.
        worst = max(reads, key=lambda one: _rank(one.outcome), default=Read("allow"))
        unknown = next((one for one in reads if not one.outcome), None)
        return unknown if unknown is not None and not stops(worst.outcome) else worst

    def _side(self, text: str, side: Side) -> Read:
        guard = self._guard
        if guard is None or not text:
            return Read("allow")
        before = self._clock_ns()
        found = guard.inspect([text], side=side)
        flagged = self._classified(guard, text) if side == "input" else None
        self.time.ns += self._clock_ns() - before
        self.time.bytes += len(text.encode("utf-8", "surrogatepass"))
        if flagged is not None and (found is None or _rank(flagged.outcome) > _rank(found.action)):
            return flagged
        if found is None:
            return Read("allow")
        if found.failed:
            return Read("block", found.failed[0], f"that filter failed on the {_WORDS[side]}")
        name, title = found.by[0] if found.by else ("", "")
        return Read(found.action, name, f"{title} in the {_WORDS[side]}" if title else "")

    def _classified(self, guard: Guard, text: str) -> Read | None:
        checks = [one for one in guard.slow if one.threshold is not None]
        if not checks:
            return None
        score = injection.classify([text])
        hit = [one for one in checks if one.threshold is not None and score >= one.threshold]
        if not hit:
            return None
        worst = max(hit, key=lambda one: STRICTNESS[one.action])
        return Read(
            _classifier_outcome(worst.action), worst.filter, "what its classifier flags in the request"
        )

    def _known(self, one: FindingRecord) -> Read:
        """Say what would be done about something that was found then."""
        said = f"{one.kind or 'what it looks for'} in the {_WORDS.get(one.side, one.side)}"
        own = self.patterns.get(one.kind)
        if own is not None and self._then.get(one.kind, own) != own:
            return Read("", one.filter, said)
        name, action = self._actions.get((one.kind, one.side), (one.filter, ""))
        return Read(_outcome(action), name, said)


_STOPS = 2


def stops(outcome: Outcome) -> bool:
    """Say whether a call does not get through."""
    return _rank(outcome) >= _STOPS


def _rank(outcome: Outcome) -> int:
    return {"": -1, "allow": 0, "mask": 1, "hold": 2, "block": 3}[outcome]


def _outcome(action: str) -> Outcome:
    return "mask" if action == "mask_reversibly" else action or "allow"


def _classifier_outcome(action: str) -> Outcome:
    # Nobody says where in the text it stands, so what cannot be masked does not go on.
    return "block" if action in {"mask", "mask_reversibly"} else action


def _patterns(compiled: Compiled) -> dict[str, bytes]:
    return {one.name: one.pattern for part in compiled.parts for one in part.reader.recognisers}


def _actions(compiled: Compiled) -> Mapping[tuple[str, str], tuple[str, str]]:
    """Return by what is found and the side what is done about it, and by which filter."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for part in compiled.parts:
        for side, rules in (("input", part.input), ("output", part.output)):
            for one, rule in zip(part.reader.recognisers, rules, strict=False):
                if rule is None:
                    continue
                action = rule.input if side == "input" else rule.output
                held = found.get((one.name, side))
                if held is None or STRICTNESS[action] > STRICTNESS[held[1]]:
                    found[one.name, side] = (rule.filter, action)
    for check in compiled.slow:
        if check.threshold is not None:
            found["classified", "input"] = (check.filter, _classifier_outcome(check.action))
    return found
