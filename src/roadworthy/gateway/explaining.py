"""Pure: what a route would do with a call now, target by target, by the gateway's own decision functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from roadworthy.gateway import policing, routing
from roadworthy.gateway.access import Admitted, Caller, Refused
from roadworthy.gateway.course import course_for, exclusion
from roadworthy.gateway.policing import Policed
from roadworthy.gateway.routing import Course, Facts, Variant
from roadworthy.gateway.snapshot import (
    GrantEntry,
    Index,
    KeyEntry,
    PrincipalEntry,
    RouteEntry,
    StrategyEntry,
)
from roadworthy.gateway.why import EXCLUSIONS, explained

_UNDRAWN = "tr_" + "f" * 32
"""A call that draws the end of every share: no shadow, no exploring."""

Role = Literal["target", "canary", "shadow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One model of a route, and what is known of it."""

    model: str
    provider: str
    region: str
    role: Role
    place: int | None
    """Its place in the order now; None when it is not asked."""
    said: str
    """Why it stands there, or why it is not asked."""
    share: float | None
    """The part of the calls it is drawn for, where shares decide or it is a canary or a shadow."""
    value: float | None
    """What the strategy makes of its scores, 0 to 1."""
    cost: float | None
    quality: float | None
    latency: float | None
    expected_cost_nano: int | None
    currency: str
    latency_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Which model would be asked first, why, and what of all the others."""

    route: str
    use_case: str
    task: str
    prefer: str
    chosen: str
    """The model that would be asked first; nothing when none would."""
    sentences: tuple[str, ...]
    candidates: tuple[Weighed, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an explanation is asked for."""

    route: str
    use_case: str = ""
    principal: str = ""
    task: str = ""
    input_tokens: int = 1000
    output_tokens: int | None = None


class _Known(msgspec.Struct):
    """What is known of the gateways' experience: latencies from call records, nothing of their breakers."""

    latency_ms: dict[str, float]
    resting: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


def explain(
    index: Index, asked: Asked, *, now: float, latency_ms: Mapping[str, float]
) -> Explanation | Refused:
    """Explain a declared route; a use case without a grant for it is told why it has none."""
    if asked.use_case:
        grant = _grant(index, asked.use_case, asked.route, now)
        if isinstance(grant, Refused):
            return grant
    else:
        index, grant = _for_anybody(index)
    entry = index.snapshot.routes[asked.route]
    known = _Known(dict(latency_ms))
    facts = Facts(_UNDRAWN, asked.task, "", asked.input_tokens, asked.output_tokens)
    holder = index.snapshot.principals.get(asked.principal) or PrincipalEntry(asked.principal)
    caller = Caller(KeyEntry("", asked.principal, asked.use_case), holder)
    targets = tuple(index.targets[name] for name in entry.targets if name in index.targets)
    admitted = Admitted(caller, grant, asked.route, entry, targets)
    if asked.use_case and index.rules.any:
        said = policing.police(index, caller.key, holder, grant, route=entry, targets=targets)
        admitted = msgspec.structs.replace(admitted, policed=said)
    policed = admitted.policed
    course = course_for(index, admitted, now=now)
    planned = routing.plan(course, facts, known)
    variant = course.by_task.get(asked.task) or course.usual
    firsts = tuple(dict.fromkeys(attempt.target.model.name for attempt in planned.attempts))
    weights = {one.name: one.weight for one in variant.candidates}
    drawn = variant.strategy.prefer == "share" and len(variant.candidates) > 1 and course.canary is None
    if drawn:
        firsts = tuple(sorted(firsts, key=lambda name: -weights.get(name, 0)))
    sentences = _drawn(variant) if drawn else explained(planned.why, ahead=True)
    if planned.refused is not None:
        sentences = (planned.refused.message, planned.refused.next_step)
    weighed = _Weighing(index, grant, entry, course, variant, facts, known, firsts, policed, now)
    return Explanation(
        route=asked.route,
        use_case=asked.use_case,
        task=asked.task if asked.task in course.by_task else entry.task,
        prefer=variant.strategy.prefer,
        chosen="" if drawn or not firsts else firsts[0],
        sentences=sentences,
        candidates=weighed.all(),
        notes=(*_notes(asked, entry, course), *_policy_notes(index, asked, policed)),
    )


def _grant(index: Index, use_case: str, route: str, now: float) -> GrantEntry | Refused:
    for grant in index.grants.get(use_case, ()):
        begun = grant.not_before is None or grant.not_before <= now
        if begun and (grant.expires_at is None or now < grant.expires_at) and route in grant.routes:
            return grant
    what = f"use-case/{use_case}"
    return Refused(
        403, "no_grant", f"{what} has no grant for route/{route}, so none of its calls gets there.", what, (),
        f"Run `roadworthy explain {what}`.",
    )  # fmt: skip


def _for_anybody(index: Index) -> tuple[Index, GrantEntry]:
    """Leave aside what depends on the use case: its grant, its tier and its data."""
    models = {
        name: msgspec.structs.replace(model, tiers=(), data_classes=())
        for name, model in index.snapshot.models.items()
    }
    free = Index(msgspec.structs.replace(index.snapshot, models=models, keys={}, grants=()))
    return free, GrantEntry("", "", models=tuple(models))


def _drawn(variant: Variant) -> tuple[str, ...]:
    total = sum(one.weight for one in variant.candidates)
    parts = ", ".join(f"model/{one.name} for {one.weight / total:.0%}" for one in variant.candidates)
    return (f"Each call draws by the declared weights: {parts} of the calls.",)


def _notes(asked: Asked, entry: RouteEntry, course: Course) -> list[str]:
    notes = ["Breakers and limits are each gateway's own and not part of this: a trace says what they did."]
    if not asked.use_case:
        notes.append("No use case is named: its grant, risk tier and data are left aside.")
    canary = entry.canary
    if canary is not None and course.canary is None and not asked.principal and canary.key != "header":
        notes.append(f"No caller is named: {canary.share:.0%} of them try out model/{canary.model} first.")
    if canary is not None and canary.key == "header":
        notes.append(
            f"{canary.share:.0%} of the values of x-roadworthy-cohort try out model/{canary.model} first."
        )
    if asked.task and asked.task not in course.by_task:
        notes.append(f"The route says nothing about the task {asked.task}: it is taken for {entry.task}.")
    return notes


def _policy_notes(index: Index, asked: Asked, policed: Policed) -> list[str]:
    notes = [
        f"model/{name}: it depends on the call, by {', '.join(policed.unless([name]))}."
        for name in policed.looking
    ]
    if index.rules.any and not (asked.use_case and asked.principal):
        notes.append("Name a use case and a caller to have policies about them applied.")
    return notes


@dataclass(frozen=True, slots=True)
class _Weighing:
    index: Index
    grant: GrantEntry
    entry: RouteEntry
    course: Course
    variant: Variant
    facts: Facts
    known: _Known
    firsts: tuple[str, ...]
    policed: Policed
    now: float

    def all(self) -> tuple[Weighed, ...]:
        entry = self.entry
        found = [self._one(name, "target") for name in entry.targets]
        if entry.canary is not None:
            found.append(self._one(entry.canary.model, "canary"))
        if entry.shadow is not None:
            found.append(self._one(entry.shadow.model, "shadow"))
        return tuple(sorted(found, key=lambda one: (one.place is None, one.place or 0)))

    def _one(self, name: str, role: Role) -> Weighed:
        target = self.index.targets.get(name)
        kept = next((one for one in self.variant.candidates if one.name == name), None)
        scores = routing.score(self.variant, self.facts, self.known).get(name)
        code = exclusion(self.index, self.grant, self.entry, name, now=self.now)
        if not code and name in self.policed.forbidden:
            code = "policy"
        if not code and role == "target" and kept is None:
            code = "task"
        place = self.firsts.index(name) + 1 if name in self.firsts and role != "shadow" else None
        share = None if code else self._share(role, name)
        strategy = self.variant.strategy
        decides = strategy.prefer not in {"order", "share"} and scores is not None and kept is not None
        return Weighed(
            model=name,
            provider=target.provider.name if target is not None else "",
            region=target.provider.region if target is not None else "",
            role=role,
            place=place,
            said=self._said(role, code, place, share),
            share=share,
            value=routing.value(strategy, scores) if decides and scores is not None else None,
            cost=scores.cost if scores is not None else None,
            quality=scores.quality if scores is not None else None,
            latency=scores.latency if scores is not None else None,
            expected_cost_nano=self._expected(name),
            currency=target.model.currency if target is not None else "",
            latency_ms=self.known.latency_ms.get(name),
        )

    def _said(self, role: Role, code: str, place: int | None, share: float | None) -> str:
        if code:
            return f"It {EXCLUSIONS[code]}."
        if role == "shadow":
            return "Asked beside the answer; its own goes to nobody."
        if role == "canary":
            return "Asked first: this caller tries it out." if place else "This caller is not on it."
        if share is not None and share < 1:
            return f"Asked first for {share:.0%} of the calls, else when the others fail."
        if place == 1:
            return "Asked first."
        return "Asked when those before it fail."

    def _share(self, role: Role, name: str) -> float | None:
        if role == "canary":
            return self.entry.canary.share if self.entry.canary is not None else None
        if role == "shadow":
            return self.entry.shadow.share if self.entry.shadow is not None else None
        if self.variant.strategy.prefer != "share":
            return None
        total = sum(one.weight for one in self.variant.candidates)
        return next((one.weight / total for one in self.variant.candidates if one.name == name), None)

    def _expected(self, name: str) -> int | None:
        target = self.index.targets.get(name)
        if target is None or target.model.input_price_nano is None or target.model.output_price_nano is None:
            return None
        out = self.facts.output_tokens
        out = routing.OUTPUT_TOKENS_EXPECTED if out is None else out
        model = target.model
        return self.facts.input_tokens * target.model.input_price_nano + out * (model.output_price_nano or 0)


def strategy_in_words(strategy: StrategyEntry) -> str:
    """Say what decides between targets."""
    words = {
        "order": "the declared order",
        "share": "the declared weights",
        "cost": "the expected cost",
        "quality": "the latest evaluation",
        "latency": "the latency of late",
    }
    if strategy.prefer != "weighted":
        return words[strategy.prefer]
    terms = (("cost", strategy.cost), ("quality", strategy.quality), ("latency", strategy.latency))
    return "weighted: " + ", ".join(f"{name} {weight:g}" for name, weight in terms if weight)
