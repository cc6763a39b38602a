"""Pure: what would become of a call, without asking a model: access, filters, route."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from roadworthy.gateway import access, routing
from roadworthy.gateway.access import Refused
from roadworthy.gateway.comparison import Outcome, findings_in_words
from roadworthy.gateway.course import course_for
from roadworthy.gateway.filters.guard import ONE_AT_A_TIME, guard_for
from roadworthy.gateway.policed_plan import Call, policed
from roadworthy.gateway.rerun import caller_of
from roadworthy.gateway.routing import Facts
from roadworthy.gateway.snapshot import Index
from roadworthy.usage.estimate import tokens_of


class _Known(msgspec.Struct):
    latency_ms: dict[str, float]
    resting: tuple[str, ...] = ()
    full: tuple[str, ...] = ()


class Past(msgspec.Struct, frozen=True):
    """A call to be run again: whose it was, and what it asked which model."""

    principal: str
    key_id: str
    use_case: str
    model: str
    prompt: str


def rehearse(
    index: Index, past: Past, *, id_: str, now: float, latency_ms: Mapping[str, float]
) -> tuple[Outcome, tuple[str, ...]]:
    """Say what would become of it, and what was left out of that."""
    caller = caller_of(index, past, now=now)
    if isinstance(caller, Refused):
        return _refused(caller), ()
    verdict = access.decide_for(index, caller, use_case_header=None, model=past.model, now=now)
    if isinstance(verdict, Refused):
        return _refused(verdict), ()
    route = verdict.route.name if verdict.route is not None else ""
    notes = ["No model was asked: limits, budgets and breakers were left aside."]
    guard = guard_for(index, verdict, now)
    filters: tuple[str, ...] = ()
    if guard is not None:
        with ONE_AT_A_TIME:
            inspection = guard.inspect([past.prompt], side="input")
        if inspection is not None:
            filters = findings_in_words(inspection.records)
            if inspection.action in {"block", "hold"}:
                return _refused(inspection.refused("input", id_), route=route, filters=filters), ()
        if guard.slow:
            notes.append("Classifiers and guard models were not asked.")
        if guard.reads_output:
            notes.append("Filters of answers had no new answer to read.")
    course = course_for(index, verdict, now=now)
    facts = Facts(id_, "", "", tokens_of(len(past.prompt.encode())), None)
    plan = routing.plan(course, facts, _Known(dict(latency_ms)))
    if verdict.policed.looking:
        task = verdict.route.task if verdict.route is not None else "chat"
        plan = policed(plan, verdict, Call(now, "chat", stream=False, facts=facts, task=task))
        notes.append("Policies took it for a chat without tools, made now.")
    if plan.refused is not None:
        return _refused(plan.refused, route=route, filters=filters, why=plan.why), tuple(notes)
    return _planned(plan, route, filters), tuple(notes)


def _planned(plan: routing.Plan, route: str, filters: tuple[str, ...]) -> Outcome:
    first = plan.attempts[0].target
    return Outcome(
        decision="allowed", filters=filters, route=route, model=first.model.name,
        provider=first.provider.name, why=plan.why,
    )  # fmt: skip


def _refused(refused: Refused, *, route: str = "", filters: tuple[str, ...] = (), why: str = "") -> Outcome:
    return Outcome(
        decision="refused", reason=refused.code, refusal=refused.message, next_step=refused.next_step,
        filters=filters, route=route, why=why,
    )  # fmt: skip
