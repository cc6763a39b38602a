"""Pure: a control is a question asked of signals; the answer holds, fails, is stale, unknown or waived.

Unknown and stale never pass. A control is asked twice: first of the signals that count (fresh, not expired,
not merely self-attested where that is not enough), then of all. What only holds with old evidence is stale;
what only holds by one's own word is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from roadworthy.controls.signal import Signal, SignalDefinition, grouped, spoken
from roadworthy.rules.conditions import Answer, Condition, Vocabulary
from roadworthy.rules.conditions import evaluate as ask

State: TypeAlias = Literal["holds", "fails", "stale", "unknown", "waived"]
STATES: tuple[State, ...] = ("fails", "stale", "unknown", "waived", "holds")
"""The most pressing first."""
FRAMEWORKS = ("nist", "iso", "eu", "owasp", "atlas")
CHANGE = "material_change"
"""The signal whose moment is the last material change."""


@dataclass(frozen=True, slots=True)
class Control:
    """One question of the catalogue."""

    id: str
    area: str
    title: str
    question: str
    condition: Condition
    vocabulary: Vocabulary
    definitions: Mapping[str, SignalDefinition]
    """The signals it asks for."""
    owner: str
    """The side of the use case that answers for it."""
    fresh: timedelta | None = None
    """How old evidence may be; None where all of it is computed now."""
    after_change: bool = False
    """Whether evidence from before the last material change is stale."""
    change_grace: timedelta = timedelta()
    """How long after a material change older evidence still counts."""
    own_word_not_enough: frozenset[str] = frozenset()
    """The tiers in which self-attested evidence does not count."""
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Framework -> its numbers."""

    @property
    def answered_by(self) -> Literal["platform", "evidence", "both"]:
        """Say whether the platform can answer it by itself."""
        by_platform = [bool(one.collector) for one in self.definitions.values()]
        return "platform" if all(by_platform) else "both" if any(by_platform) else "evidence"

    @property
    def evidence_kinds(self) -> tuple[str, ...]:
        """Return the kinds of outside evidence that answer part of it."""
        return tuple(sorted({kind for one in self.definitions.values() for kind in one.evidence}))


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception in force: who granted it, until when."""

    id: str
    by: str
    until: datetime
    justification: str = ""


@dataclass(frozen=True, slots=True)
class Needs:
    """What is asked of one use case: which controls, at which tier, and how its obligations tighten them."""

    tier: str = ""
    controls: frozenset[str] | None = None
    """None for all of the catalogue."""
    fresh_days: Mapping[str, int] = field(default_factory=dict)
    """Control -> how old its evidence may be, where an obligation is stricter than the catalogue."""
    retention_min_days: int | None = None
    retention_max_days: int | None = None


@dataclass(frozen=True, slots=True)
class ControlState:
    """How a control stands for one use case at a moment, and why."""

    control: str
    state: State
    because: str
    evidence: tuple[Signal, ...]
    """The signals the answer rests on."""
    checked_at: datetime
    missing: tuple[str, ...] = ()
    """The signals nobody has said."""
    holds_until: datetime | None = None
    """When it stops holding if nothing new is said; None where no evidence ages, or it does not hold."""
    waived_by: str = ""
    waived_until: datetime | None = None
    beneath: State | None = None
    """What it would be without the exception."""

    @property
    def passes(self) -> bool:
        """Say whether it holds or is waived; unknown and stale never pass."""
        return self.state in {"holds", "waived"}

    @property
    def self_attested(self) -> bool:
        """Say whether the answer rests on somebody's own word."""
        return any(one.self_attested for one in self.evidence)


def evaluate(
    control: Control,
    signals: Iterable[Signal],
    *,
    now: datetime,
    tier: str = "",
    fresh_days: int | None = None,
    waivers: Sequence[Waiver] = (),
) -> ControlState:
    """Answer a control from signals; the same signals at the same moment give the same answer."""
    return evaluate_grouped(
        control, grouped(signals), now=now, tier=tier, fresh_days=fresh_days, waivers=waivers
    )


def evaluate_grouped(
    control: Control,
    signals: Mapping[str, tuple[Signal, ...]],
    *,
    now: datetime,
    tier: str = "",
    fresh_days: int | None = None,
    waivers: Sequence[Waiver] = (),
) -> ControlState:
    """As `evaluate`, of signals that `grouped` arranged; many controls share one arrangement."""
    found = _Ask(control, signals, now, tier, fresh_days).answer()
    if found.state == "holds":
        return found
    held = [one for one in waivers if now < one.until]
    if not held:
        return found
    last = max(held, key=lambda one: (one.until, one.id))
    return ControlState(
        control=control.id,
        state="waived",
        because=f"{last.by} granted an exception until {last.until:%Y-%m-%d %H:%M} UTC. Without it: "
        f"{found.because}",
        evidence=found.evidence,
        checked_at=now,
        missing=found.missing,
        holds_until=last.until,
        waived_by=last.by,
        waived_until=last.until,
        beneath=found.state,
    )


class _Ask:
    """One control, asked of one use case's signals."""

    def __init__(
        self,
        control: Control,
        signals: Mapping[str, tuple[Signal, ...]],
        now: datetime,
        tier: str,
        fresh_days: int | None,
    ) -> None:
        self._control = control
        self._said = {name: signals[name] for name in control.definitions if name in signals}
        self._now = now
        self._tier = tier
        limits = [one for one in (control.fresh, _days(fresh_days)) if one is not None]
        self._fresh = min(limits) if limits else None
        self._changed_at: datetime | None = None
        if control.after_change and (changes := signals.get(CHANGE)):
            self._changed_at = changes[0].at

    def answer(self) -> ControlState:
        counting = {name: one for name, held in self._said.items() if (one := self._counting(held))}
        first, answer = self._asked(counting)
        if first != "needs-information":
            return self._decided("holds" if first == "fires" else "fails", answer, counting)
        by_others = {name: one for name, held in self._said.items() if (one := self._by_others(held))}
        second, answer = self._asked(by_others)
        if second != "needs-information":
            return self._decided("stale" if second == "fires" else "fails", answer, by_others)
        every = {name: held[0] for name, held in self._said.items()}
        return self._unknown(answer, counting, every)

    def _asked(self, chosen: Mapping[str, Signal]) -> tuple[str, Answer]:
        values = {name: one.value for name, one in chosen.items()}
        answer = ask(self._control.condition, values, self._control.vocabulary)
        return answer.truth, answer

    def _counting(self, held: tuple[Signal, ...]) -> Signal | None:
        return next((one for one in held if self._why_not(one) == "" and self._enough(one)), None)

    def _by_others(self, held: tuple[Signal, ...]) -> Signal | None:
        return next((one for one in held if self._enough(one)), None)

    def _enough(self, one: Signal) -> bool:
        return not (one.self_attested and self._tier in self._control.own_word_not_enough)

    def _ends(self, one: Signal) -> tuple[datetime, str] | None:
        """Return when a signal stops counting, and why; None for what is computed now."""
        if one.live:
            return None
        ends: list[tuple[datetime, str]] = []
        if one.expires_at is not None:
            ends.append((one.expires_at, "it was only valid until then"))
        if self._fresh is not None:
            ends.append((one.at + self._fresh, f"the limit is {self._fresh.days} days"))
        if self._changed_at is not None and one.at < self._changed_at:
            until = self._changed_at + self._control.change_grace
            ends.append((until, f"something material changed at {_moment(self._changed_at)}"))
        return min(ends, default=None)

    def _why_not(self, one: Signal) -> str:
        """Say why a signal is too old to count; empty when it counts."""
        ends = self._ends(one)
        return "" if ends is None or self._now < ends[0] else ends[1]

    def _decided(self, state: State, answer: Answer, chosen: Mapping[str, Signal]) -> ControlState:
        rests_on = tuple(chosen[name] for name in answer.rests_on if name in chosen)
        if state == "stale":
            because = "; ".join(
                f"{self._words(one)}, from {_moment(one.at)}: {why}"
                for one in rests_on
                if (why := self._why_not(one))
            )
        else:
            because = "; ".join(self._words(one) for one in rests_on)
        until = None
        if state == "holds":
            ends = [found[0] for one in rests_on if (found := self._ends(one)) is not None]
            until = min(ends, default=None)
        return ControlState(self._control.id, state, f"{because}.", rests_on, self._now, (), until)

    def _unknown(
        self, answer: Answer, counting: Mapping[str, Signal], every: Mapping[str, Signal]
    ) -> ControlState:
        parts = []
        own = [name for name in answer.missing if name in every]
        if own:
            named = ", ".join(own)
            parts.append(f"{named} rests on the word of who answers for it, which is not enough at this tier")
        nobody = [name for name in answer.missing if name not in every]
        if nobody:
            parts.append(f"nobody has said {', '.join(nobody)}")
        said = tuple(counting[name] for name in self._control.definitions if name in counting)
        because = f"{'; '.join(parts)}."
        return ControlState(
            self._control.id, "unknown", because[:1].upper() + because[1:], said, self._now, answer.missing
        )

    def _words(self, one: Signal) -> str:
        unit = self._control.definitions[one.name].unit
        value = spoken(one.value)
        shown = f"{value} {unit}" if unit and unit != "%" else f"{value}{unit and ' %'}"
        own = ", self-attested" if one.self_attested else ""
        return f"{one.name} is {shown} ({one.source}{own})"


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def document(state: ControlState) -> dict[str, Any]:
    """Return a state as the API says it."""
    return {
        "control": state.control,
        "state": state.state,
        "passes": state.passes,
        "because": state.because,
        "self_attested": state.self_attested,
        "missing": list(state.missing),
        "checked_at": state.checked_at.isoformat(),
        "holds_until": _iso(state.holds_until),
        "waived_by": state.waived_by or None,
        "waived_until": _iso(state.waived_until),
        "beneath": state.beneath,
        "evidence": [signal_document(one) for one in state.evidence],
    }


def signal_document(one: Signal) -> dict[str, Any]:
    """Return a signal as the API says it."""
    value = sorted(one.value) if isinstance(one.value, tuple | set | frozenset) else one.value
    return {
        "name": one.name,
        "value": value,
        "at": one.at.isoformat(),
        "source": one.source,
        "self_attested": one.self_attested,
        "evidence": one.evidence or None,
        "expires_at": _iso(one.expires_at),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
