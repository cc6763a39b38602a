"""Pure: has a use case passed its checklist? One function answers at every door, for any moment.

An item passes, fails, is inconclusive, skipped by a rule, waived by somebody until a date, or in error.
What is unknown or stale never passes. Nothing waits for ever: what has no answer in its time is in error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from roadworthy.controls.control import ControlState, Waiver
from roadworthy.governance.approvals import Need, Refusal
from roadworthy.governance.kinds import CheckKind
from roadworthy.rules.tier import TierVerdict
from roadworthy.use_cases.ownership import SIDE_TITLES, OwnershipCheck
from roadworthy.use_cases.pilot import PilotTest

Word: TypeAlias = Literal["pass", "fail", "inconclusive", "skipped", "error", "waived"]
WORDS: tuple[Word, ...] = ("fail", "error", "inconclusive", "waived", "pass", "skipped")
"""The most pressing first: the first word that a required item has is that of the whole."""
PASSING: frozenset[Word] = frozenset({"pass", "skipped", "waived"})
WAIVABLE: frozenset[CheckKind] = frozenset({"control", "evidence", "obligation", "pilot-test", "volume"})
"""An exception cannot stand for an owner, an approval or a settled tier."""
OWN_REASONS: frozenset[CheckKind] = frozenset({"tier", "pilot-test", "owners", "deputies", "approval"})
"""What a grant already names in words of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the checklist of one use case: what is looked at, and under which terms."""

    id: str
    """`<gate>/<item>`, with what is looked at where an item names several."""
    gate: str
    what: str
    kind: CheckKind
    subject: str = ""
    required: bool = True
    controls: tuple[str, ...] = ()
    """Of an obligation: the controls that say whether it is met."""
    missing: tuple[str, ...] = ()
    """Of an obligation: the facts that say whether it is owed, where they are not known."""
    quorum: int = 1
    fresh_days: int | None = None
    ttl_days: int = 30
    skipped_by: str = ""
    """The rule that says it is not asked for here, if one does."""

    @property
    def exception(self) -> str:
        """The name under which an exception to it is granted; empty where none can be."""
        if self.kind not in WAIVABLE:
            return ""
        if self.kind in {"control", "obligation"}:
            return self.subject
        return f"{'pilot' if self.kind == 'pilot-test' else self.kind}-{self.subject}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence from outside that stands: its kind, from when, until when, from whom."""

    id: str
    kind: str
    at: datetime
    expires_at: datetime
    by: str
    self_attested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What else a checklist looks at, as it stood at the moment."""

    ref: str
    asked_at: datetime | None = None
    """Since when answers are waited for: when the use case was last declared."""
    tier: TierVerdict | None = None
    pilot: PilotTest | None = None
    ownership: OwnershipCheck | None = None
    refusals: tuple[Refusal, ...] = ()
    pieces: tuple[Piece, ...] = ()
    changers: tuple[str, ...] = ()
    expected_calls: int | None = None
    """How many calls in thirty days were approved; None where nobody said."""
    calls: int | None = None
    """How many were let through in the last thirty days; None where it was not looked up."""


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """How one item came out, why, on what evidence, from whom, and what to do about it."""

    check: Check
    word: Word
    because: str
    evidence: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    """Who made it so, or where it does not pass, who can."""
    at: datetime | None = None
    until: datetime | None = None
    """Until when it holds without anything new; of a waiver its end."""
    next_step: str = ""
    beneath: Word | None = None
    """What it would be without the exception."""
    exception: str = ""
    """The id of the exception that waives it."""

    @property
    def passes(self) -> bool:
        """Say whether it does not stand in the way by itself."""
        return self.word in PASSING

    @property
    def stands_in_the_way(self) -> bool:
        """Say whether the gate does not open because of it."""
        return self.check.required and not self.passes

    @property
    def said(self) -> str:
        """Say the word with what belongs to it: `skipped(rule)`, `waived(by, until)`."""
        if self.word == "skipped":
            return f"skipped({self.check.skipped_by})"
        if self.word == "waived" and self.until is not None:
            return f"waived({', '.join(self.who)}, {self.until:%Y-%m-%d %H:%M} UTC)"
        return self.word


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """How the whole checklist came out at a moment."""

    items: tuple[ItemVerdict, ...]
    at: datetime
    word: Word = field(init=False)

    def __post_init__(self) -> None:
        """Take the most pressing word of the required items; optional ones only show."""
        words = {one.word for one in self.items if one.check.required}
        found: Word = next((word for word in WORDS if word in words), "pass")
        object.__setattr__(self, "word", found)

    @property
    def passed(self) -> bool:
        """Say whether the gate is open."""
        return self.word in PASSING

    @property
    def failing(self) -> tuple[ItemVerdict, ...]:
        """Return every required item that does not pass: people resolve them in one go."""
        return tuple(one for one in self.items if one.stands_in_the_way)

    @property
    def waived(self) -> tuple[ItemVerdict, ...]:
        """Return what passes by an exception alone."""
        return tuple(one for one in self.items if one.word == "waived")

    @property
    def holds_until(self) -> datetime | None:
        """Return when the first required item stops passing if nothing new is said; None for never."""
        ends = [one.until for one in self.items if one.check.required and one.passes]
        return min((one for one in ends if one is not None), default=None)

    @property
    def said(self) -> str:
        """Say the word of the whole with what belongs to it."""
        if self.word not in {"waived", "skipped"}:
            return self.word
        decisive = [one for one in self.items if one.check.required and one.word == self.word]
        soonest = min(decisive, key=lambda one: (one.until is None, one.until, one.check.id))
        return soonest.said


def decide(
    checks: Sequence[Check],
    *,
    controls: Mapping[str, ControlState],
    approvals: Sequence[Need],
    exceptions: Mapping[str, Sequence[Waiver]],
    now: datetime,
    seen: Seen,
) -> GateVerdict:
    """Decide every item; the same checks, evidence and moment give the same verdict."""
    asking = _Ask(controls, {one.role: one for one in approvals}, exceptions, now, seen)
    return GateVerdict(tuple(asking.answer(one) for one in checks), now)


class _Ask:
    """One checklist, asked at one moment."""

    def __init__(
        self,
        controls: Mapping[str, ControlState],
        needs: Mapping[str, Need],
        exceptions: Mapping[str, Sequence[Waiver]],
        now: datetime,
        seen: Seen,
    ) -> None:
        self._controls = controls
        self._needs = needs
        self._exceptions = exceptions
        self._now = now
        self._seen = seen
        self._by_kind = {
            "tier": self._tier,
            "pilot-test": self._pilot,
            "owners": self._owners,
            "deputies": self._owners,
            "volume": self._volume,
            "approval": self._approval,
            "control": self._control,
            "evidence": self._evidence,
            "obligation": self._obligation,
        }

    def answer(self, check: Check) -> ItemVerdict:
        if check.skipped_by:
            return ItemVerdict(check, "skipped", f"Not asked for here: {check.skipped_by}.")
        try:
            found = self._by_kind[check.kind](check)
        except (ValueError, LookupError, TypeError, ArithmeticError) as error:
            because = f"It could not be looked at ({type(error).__name__})."
            step = "Hand this message to whoever runs the platform."
            return ItemVerdict(check, "error", because, next_step=step)
        return self._in_time(self._excepted(found))

    def _excepted(self, found: ItemVerdict) -> ItemVerdict:
        """Let an exception stand for what does not pass; it ends by itself, at its date."""
        name = found.check.exception
        if found.passes or not name:
            return found
        held = [one for one in self._exceptions.get(name, ()) if self._now < one.until]
        if not held:
            return found
        last = max(held, key=lambda one: (one.until, one.id))
        return replace(
            found,
            word="waived",
            because=f"{last.by} granted an exception: {last.justification.rstrip('.')}. Without it: "
            f"{found.because}",
            who=(last.by,),
            until=last.until,
            next_step="",
            beneath=found.word,
            exception=last.id,
        )

    def _in_time(self, found: ItemVerdict) -> ItemVerdict:
        """Turn what has had no answer for too long into an error."""
        asked = max(filter(None, (self._seen.asked_at, found.at)), default=None)
        if found.word != "inconclusive" or asked is None:
            return found
        if self._now - asked < timedelta(days=found.check.ttl_days):
            return found
        late = f"Nothing settled it in {found.check.ttl_days} days"
        return replace(found, word="error", because=f"{late}. {found.because}")

    def _tier(self, check: Check) -> ItemVerdict:
        tier = self._seen.tier
        if tier is None:
            return ItemVerdict(check, "inconclusive", "Its tier is not known.")
        who = self._seen.changers
        if tier.tier == "prohibited":
            step = "Nobody can approve it. Change what it does, or stop it."
            return ItemVerdict(check, "fail", tier.sentence(), who=who, next_step=step)
        if tier.provisional:
            asked = ", ".join(question.fact for question in tier.questions)
            step = f"Answer under `intake.facts`: {asked}."
            return ItemVerdict(check, "inconclusive", tier.sentence(), who=who, next_step=step)
        return ItemVerdict(check, "pass", tier.sentence())

    def _pilot(self, check: Check) -> ItemVerdict:
        pilot = self._seen.pilot
        point = next((one for one in pilot.points if one.code == check.subject), None) if pilot else None
        if point is None:
            raise LookupError(check.subject)
        if point.holds:
            return ItemVerdict(check, "pass", point.why)
        return ItemVerdict(check, "fail", point.why, who=self._seen.changers, next_step=point.next_step)

    def _owners(self, check: Check) -> ItemVerdict:
        ownership = self._seen.ownership
        if ownership is None:
            raise LookupError(check.subject)
        own = check.kind == "owners"
        gaps = [gap for gap in ownership.gaps if gap.side == check.subject and gap.about_owner == own]
        side = SIDE_TITLES[check.subject]
        if not gaps:
            words = f"Somebody owns the {side} side." if own else f"Somebody stands in on the {side} side."
            return ItemVerdict(check, "pass", words, until=ownership.owners_until if own else None)
        said = " ".join(gap.message for gap in gaps)
        step = " ".join(gap.next_step for gap in gaps)
        return ItemVerdict(check, "fail", said, who=self._seen.changers, next_step=step)

    def _volume(self, check: Check) -> ItemVerdict:
        expected, calls = self._seen.expected_calls, self._seen.calls
        if expected is None:
            return ItemVerdict(check, "pass", "No number of calls was declared, so none is compared.")
        if calls is None:
            return ItemVerdict(check, "inconclusive", "Its calls were not counted.", who=self._seen.changers)
        said = f"{calls:,} calls in the last thirty days; {expected:,} are approved."
        if calls <= expected:
            return ItemVerdict(check, "pass", said)
        step = "Raise `expected_calls_per_month` and have it approved, or lower its use with a limit."
        return ItemVerdict(check, "fail", said, who=self._seen.changers, next_step=step)

    def _approval(self, check: Check) -> ItemVerdict:
        refused = next((one for one in self._seen.refusals if one.role == check.subject), None)
        if refused is not None:
            said = f"{refused.person} refused it" + (f": {refused.comment}" if refused.comment else ".")
            step = "Change what they object to, or ask them to approve it after all."
            who = (refused.person,)
            return ItemVerdict(check, "fail", said, (refused.id,), who, refused.at, next_step=step)
        need = self._needs.get(check.subject)
        held = need.held[: check.quorum] if need is not None else ()
        if len(held) >= check.quorum:
            until = min(one.expires_at for one in held)
            by = tuple(one.person for one in held)
            said = f"By {', '.join(by)}."
            at = max(one.at for one in held)
            return ItemVerdict(check, "pass", said, tuple(one.id for one in held), by, at, until)
        can = need.can_give if need is not None else ()
        missing = check.quorum - len(held)
        count = "An approval" if missing == 1 else f"{missing} approvals"
        said = f"{count} as {check.subject} {'is' if missing == 1 else 'are'} missing."
        step = f"Ask {' or '.join(can[:5])}." if can else f"Bind {check.subject} to somebody who may."
        return ItemVerdict(check, "fail", said, who=can, next_step=step)

    def _control(self, check: Check) -> ItemVerdict:
        state = self._controls.get(check.subject)
        step = (
            f"`roadworthy controls show {check.subject}` says what answers it; file that, or ask for an "
            f"exception: `roadworthy exception request {self._seen.ref} {check.subject}`."
        )
        if state is None:
            return ItemVerdict(check, "inconclusive", "Nothing has answered it.", next_step=step)
        word: Word = {"holds": "pass", "fails": "fail"}.get(_beneath(state), "inconclusive")  # type: ignore[assignment]
        sources = tuple(dict.fromkeys(one.evidence or one.source for one in state.evidence))
        ages = [one.at for one in state.evidence if not one.live]
        because = state.because if state.state != "waived" else state.because.partition("Without it: ")[2]
        if _beneath(state) == "stale":
            because = f"Its evidence is too old: {because}"
        return ItemVerdict(
            check,
            word,
            because,
            sources,
            at=max(ages, default=None),
            until=state.holds_until if word == "pass" else None,
            next_step="" if word == "pass" else step,
        )

    def _evidence(self, check: Check) -> ItemVerdict:
        kept = [one for one in self._seen.pieces if one.kind == check.subject]
        counting = [(self._ends(one, check), one) for one in kept if self._now < self._ends(one, check)]
        step = f"File evidence of the kind {check.subject} for {self._seen.ref}."
        if counting:
            until, newest = max(counting, key=lambda one: (one[0], one[1].id))
            own = " (their own word)" if newest.self_attested else ""
            said = f"{check.subject} of {newest.at:%Y-%m-%d} by {newest.by}{own}."
            return ItemVerdict(check, "pass", said, (newest.id,), (newest.by,), newest.at, until)
        if kept:
            last = max(kept, key=lambda one: (one.at, one.id))
            said = f"The newest is of {last.at:%Y-%m-%d}, which is too old."
            return ItemVerdict(check, "inconclusive", said, (last.id,), (last.by,), last.at, next_step=step)
        return ItemVerdict(check, "inconclusive", "There is none.", next_step=step)

    def _ends(self, piece: Piece, check: Check) -> datetime:
        if check.fresh_days is None:
            return piece.expires_at
        return min(piece.expires_at, piece.at + timedelta(days=check.fresh_days))

    def _obligation(self, check: Check) -> ItemVerdict:
        if check.missing:
            asked = ", ".join(check.missing)
            step = f"Answer under `intake.facts`: {asked}."
            said = "Whether it is owed is not known."
            return ItemVerdict(check, "inconclusive", said, who=self._seen.changers, next_step=step)
        if not check.controls:
            step = f"Grant an exception to {check.subject} once a person has seen that it is met."
            return ItemVerdict(check, "inconclusive", "No control says whether it is met.", next_step=step)
        found = [self._by_control(check, control) for control in check.controls]
        worst = min(found, key=lambda one: WORDS.index(one.word))
        ends = [one.until for one in found if one.until is not None]
        return replace(
            worst,
            check=check,
            because=" ".join(
                f"{control}: {one.because}"
                for control, one in zip(check.controls, found, strict=True)
                if one.word == worst.word or not one.passes
            ),
            evidence=tuple(dict.fromkeys(source for one in found for source in one.evidence)),
            until=min(ends, default=None),
        )

    def _by_control(self, check: Check, control: str) -> ItemVerdict:
        return self._excepted(self._control(replace(check, kind="control", subject=control, controls=())))


def _beneath(state: ControlState) -> str:
    """Return how a control stands without exceptions: those are weighed here, by what the tier allows."""
    return state.beneath or state.state if state.state == "waived" else state.state
