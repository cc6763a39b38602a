"""Pure: which targets are tried, in which order, and when a failed attempt is followed by another.

Everything that is the same for the next call like it is compiled once (`course.course_for`); a call looks at
what is live, and draws where shares are declared. The same inputs give the same plan.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import Protocol

import msgspec

from roadworthy.gateway.access import Refused
from roadworthy.gateway.snapshot import BreakerEntry, StrategyEntry, Target

OUTPUT_TOKENS_EXPECTED = 500
"""What an answer is taken to hold, to compare costs, where a call names no limit."""
EXPLORED_SHARE = 0.05
"""How many calls go first to a target whose latency is not known yet, where latency decides."""


class Lane(msgspec.Struct, frozen=True):
    """The way to one target of one route: what its breaker and its limit are kept under."""

    key: str = ""
    at_once: int = 0
    breaker: BreakerEntry = BreakerEntry()


class Attempt(msgspec.Struct, frozen=True):
    """One try: at which target, and how long its first byte may take."""

    target: Target
    first_byte_timeout_s: float
    retry: int = 0
    lane: Lane = Lane()


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt came to nothing. `status` is the provider's, 0 when it never answered."""

    code: str
    message: str
    status: int = 0
    retry_after: str = ""
    param: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """The attempts in order; without any, `refused` says why. `why` explains it (see `why.explained`)."""

    attempts: tuple[Attempt, ...]
    why: str
    shadow: Attempt | None = None
    total_timeout_s: float = float("inf")
    """How long all attempts together may wait for a first byte."""
    refused: Refused | None = None


class Facts(msgspec.Struct, frozen=True):
    """What a plan depends on that differs from call to call."""

    trace_id: str
    """Its last 16 hexadecimal digits are random: shares are drawn with them."""
    task: str = ""
    cohort: str = ""
    """The value of x-roadworthy-cohort."""
    input_tokens: int = 0
    output_tokens: int | None = None


class Seen(Protocol):
    """What is live: see `live.Live`."""

    @property
    def resting(self) -> Collection[str]:
        """Lanes whose breaker lets no call pass."""

    @property
    def full(self) -> Collection[str]:
        """Lanes that have as many calls under way as they may."""

    @property
    def latency_ms(self) -> dict[str, float]:
        """Median time to the first byte by model."""


class Candidate(msgspec.Struct, frozen=True):
    """A target that fits, with what it is compared by."""

    name: str
    lane: Lane
    attempts: tuple[Attempt, ...]
    weight: int = 1
    input_price: int | None = None
    output_price: int | None = None
    quality: float | None = None


class Variant(msgspec.Struct, frozen=True):
    """A route for one task."""

    strategy: StrategyEntry
    candidates: tuple[Candidate, ...]
    lanes: frozenset[str]
    excluded: str
    """`;not=name:code,…`, or nothing."""
    plain: Plan | None
    """The plan itself, where nothing but resting or busy targets could change it."""


class CanaryShare(msgspec.Struct, frozen=True):
    """A canary whose callers are told apart by a header, call by call."""

    candidate: Candidate
    salt: str
    share: float


class Course(msgspec.Struct, frozen=True):
    """Everything about a caller's calls of one name that is decided once per snapshot."""

    usual: Variant
    by_task: dict[str, Variant]
    canary: Candidate | None = None
    """The canary, for a caller that is always sent to it."""
    canary_why: str = ""
    canary_drawn: CanaryShare | None = None
    shadow: Candidate | None = None
    shadow_share: float = 0.0
    total_timeout_s: float = float("inf")
    refused: Refused | None = None
    """Why there is no target at all."""


RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})

# What the provider said or did that another target may not repeat.
_PASSING = frozenset(
    {
        "connect_failed", "connect_timeout", "first_byte_timeout", "closed_early", "protocol_error",
        "error_in_answer", "empty_stream", "name_not_found", "answer_encoded", "too_large",
        "provider_refused_credentials", "provider_secret_missing", "provider_redirected", "total_timeout",
        "private_address", "tls_failed", "idle_timeout", "provider_unknown_model",
        "provider_secret_void", "provider_secret_unavailable", "provider_address_invalid",
    }
)  # fmt: skip
# Trying the very same target again is worth it only for what may pass by itself at once.
_WORTH_RETRYING = frozenset({"connect_failed", "closed_early", "error_in_answer", "empty_stream"})


def plain_plan(course: Course, task: str, live: Seen) -> Plan | None:
    """Return the plan where nothing that differs from call to call can change it: nearly always."""
    variant = (course.by_task.get(task) if task else None) or course.usual
    plain = variant.plain
    if plain is not None and variant.lanes.isdisjoint(live.resting) and variant.lanes.isdisjoint(live.full):
        return plain
    return None


def plan(course: Course, facts: Facts, live: Seen) -> Plan:
    """List the attempts; resting targets go last, never away altogether, busy ones are left out."""
    plain = plain_plan(course, facts.task, live)
    if plain is not None:
        return plain
    variant = (course.by_task.get(facts.task) if facts.task else None) or course.usual
    if course.refused is not None:
        return Plan((), f"none;{course.refused.code}{variant.excluded}", refused=course.refused)
    ordered, said = _ordered(variant, facts, live)
    canary, canary_why = _canary(course, facts)
    if canary is not None:
        ordered, said = [canary, *ordered], f"canary={canary_why}"
    ready: list[Candidate] = []
    later: list[Candidate] = []
    busy: list[Candidate] = []
    for one in ordered:
        key = one.lane.key
        (busy if key in live.full else later if key in live.resting else ready).append(one)
    chosen = ready + later
    why = said + _notes(facts, variant, course.usual, later, busy)
    if not chosen:
        refused = _refused(busy, facts.task)
        return Plan((), f"none;{refused.code};{why}", refused=refused)
    shadow = _shadow(course, facts, live)
    if shadow is not None:
        why += f";shadow={course.shadow.name if course.shadow is not None else ''}"
    attempts = tuple(attempt for one in chosen for attempt in one.attempts)
    return Plan(attempts, f"{chosen[0].name};{why}", shadow, course.total_timeout_s)


def _refused(busy: list[Candidate], task: str) -> Refused:
    if not busy:
        message = f"No model of this route is meant for the task {task[:40]!r}."
        step = "Name another task in x-roadworthy-task, or leave the header out."
        return Refused(403, "no_target_fits", message, next_step=step)
    names = ", ".join(f"model/{one.name}" for one in busy)
    message = f"Every target has as many calls under way as it may: {names}."
    return Refused(503, "targets_busy", message, next_step="Try again in a moment.")


def _notes(
    facts: Facts, variant: Variant, usual: Variant, later: list[Candidate], busy: list[Candidate]
) -> str:
    notes = f";task={facts.task}" if variant is not usual else ""
    notes += variant.excluded
    if busy:
        both = "," if notes.rpartition(";")[2].startswith("not=") else ";not="
        notes += both + ",".join(f"{one.name}:busy" for one in busy)
    if later:
        notes += ";later=" + ",".join(f"{one.name}:resting" for one in later)
    return notes


def draw(trace_id: str, place: int) -> float:
    """Return a number from 0 to 1 out of the random end of a trace id; two places are independent."""
    digits = trace_id[-8:] if place == 0 else trace_id[-16:-8]
    return int(digits, 16) / 0x1_0000_0000


def side(salt: str, key: str) -> float:
    """Return where a key stands between 0 and 1: always at the same place, for one salt."""
    return int.from_bytes(blake2b(f"{salt}\0{key}".encode(), digest_size=8).digest(), "big") / 2**64


def _canary(course: Course, facts: Facts) -> tuple[Candidate | None, str]:
    if course.canary is not None:
        return course.canary, course.canary_why
    drawn = course.canary_drawn
    if drawn is not None and facts.cohort and side(drawn.salt, facts.cohort) < drawn.share:
        return drawn.candidate, "share"
    return None, ""


def _shadow(course: Course, facts: Facts, live: Seen) -> Attempt | None:
    shadow = course.shadow
    if shadow is None or shadow.lane.key in live.resting or shadow.lane.key in live.full:
        return None
    if course.shadow_share < 1 and draw(facts.trace_id, 1) >= course.shadow_share:
        return None
    return shadow.attempts[0]


def _ordered(variant: Variant, facts: Facts, live: Seen) -> tuple[list[Candidate], str]:
    """Put the candidates into the order that the strategy prefers, and say what decided."""
    candidates, strategy = list(variant.candidates), variant.strategy
    prefer = strategy.prefer
    if len(candidates) < 2 or prefer == "order":
        return candidates, prefer if prefer == "order" else "only"
    if prefer == "share":
        at = draw(facts.trace_id, 0) * sum(one.weight for one in candidates)
        for place, one in enumerate(candidates):
            at -= one.weight
            if at < 0:
                return [one, *candidates[:place], *candidates[place + 1 :]], prefer
        return candidates, prefer
    scores = score(variant, facts, live)
    values = [value(strategy, scores[one.name]) for one in candidates]
    places = sorted(range(len(candidates)), key=lambda place: (-values[place], place))
    said = prefer + ";scores=" + ",".join(f"{candidates[at].name}:{values[at]:.3g}" for at in places)
    if (strategy.latency or prefer == "latency") and draw(facts.trace_id, 0) < EXPLORED_SHARE:
        unknown = [at for at in places if candidates[at].name not in live.latency_ms]
        if unknown and unknown[0] != places[0]:
            places.remove(unknown[0])
            places.insert(0, unknown[0])
            said += ";explored"
    return [candidates[at] for at in places], said


class Score(msgspec.Struct, frozen=True):
    """What a candidate scores in each term, 0 to 1; None where nothing is known, which is never preferred."""

    cost: float | None
    quality: float | None
    latency: float | None


def score(variant: Variant, facts: Facts, live: Seen) -> dict[str, Score]:
    """Compare the candidates with each other: the cheapest and the fastest score 1, twice as much 0.5."""
    out = facts.output_tokens if facts.output_tokens is not None else OUTPUT_TOKENS_EXPECTED
    costs = {
        one.name: facts.input_tokens * one.input_price + out * one.output_price
        for one in variant.candidates
        if one.input_price is not None and one.output_price is not None
    }
    known = live.latency_ms
    latencies = {one.name: known[one.name] for one in variant.candidates if one.name in known}
    cheapest, fastest = min(costs.values(), default=0), min(latencies.values(), default=0.0)
    return {
        one.name: Score(
            _ratio(cheapest, costs.get(one.name)), one.quality, _ratio(fastest, latencies.get(one.name))
        )
        for one in variant.candidates
    }


def _ratio(least: float, own: float | None) -> float | None:
    if own is None:
        return None
    return least / own if own > 0 else 1.0


def value(strategy: StrategyEntry, scores: Score) -> float:
    """Return what a candidate is worth; what is not known is worth nothing."""
    if strategy.prefer == "cost":
        return scores.cost or 0.0
    if strategy.prefer == "quality":
        return scores.quality or 0.0
    if strategy.prefer == "latency":
        return scores.latency or 0.0
    weights = strategy.cost + strategy.quality + strategy.latency
    worth = strategy.cost * (scores.cost or 0.0) + strategy.quality * (scores.quality or 0.0)
    return (worth + strategy.latency * (scores.latency or 0.0)) / weights


def may_go_on(failure: Failure) -> bool:
    """May anything follow this failure? Only if another target might answer where this one could not."""
    return failure.code in _PASSING or failure.status in RETRYABLE_STATUS


def blames_target(failure: Failure) -> bool | None:
    """Did the target fail? None where it was never asked: the request cannot be said in its dialect."""
    return None if failure.code == "untranslatable" else may_go_on(failure)


def next_position(
    attempts: tuple[Attempt, ...], position: int, failure: Failure, *, full: Collection[str] = ()
) -> int | None:
    """Return the place of the attempt to make after the one at `position` failed, or None to give up."""
    if not may_go_on(failure):
        return None
    same_again = failure.code in _WORTH_RETRYING or failure.status in RETRYABLE_STATUS
    failed = attempts[position].target
    for place in range(position + 1, len(attempts)):
        if full and attempts[place].lane.key in full:
            continue
        if same_again or attempts[place].target is not failed:
            return place
    return None
