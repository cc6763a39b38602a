"""Pure: a caller's calls of one name, compiled: which targets fit, and what is the same for each call."""

from __future__ import annotations

from collections.abc import Iterable

from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.routing import (
    Attempt,
    CanaryShare,
    Candidate,
    Course,
    Lane,
    Plan,
    Variant,
    side,
)
from roadworthy.gateway.snapshot import (
    FitEntry,
    GrantEntry,
    Index,
    RouteEntry,
    StrategyEntry,
    Target,
    TargetEntry,
)
from roadworthy.gateway.stopping import stopped_target
from roadworthy.gateway.why import EXCLUSIONS

_ANY = FitEntry()
_DETAIL = TargetEntry()


def course_for(index: Index, admitted: Admitted, *, now: float) -> Course:
    """Compile what an admitted caller's calls of the name it asked for have in common."""
    route = admitted.route
    if route is None:
        route = RouteEntry("", (admitted.targets[0].model.name,))
    excluded: list[tuple[str, str]] = []
    fitting: list[Candidate] = []
    for name in route.targets:
        code = _kept_out(index, admitted, route, name, now=now)
        if code:
            excluded.append((name, code))
        else:
            fitting.append(_candidate(index, route, name, route.task))
    canary, canary_why, drawn = _canary(index, admitted, route, excluded, now=now)
    shadow = _shadow(index, admitted, route, excluded, now=now)
    free = canary is None and drawn is None and shadow is None
    known = {route.task, *route.tasks, *(task for one in route.details.values() for task in one.tasks)}
    by_task = {task: _variant(index, route, task, fitting, excluded, free=free) for task in sorted(known)}
    usual = by_task[route.task]
    return Course(
        usual=usual,
        by_task=by_task,
        canary=canary,
        canary_why=canary_why,
        canary_drawn=drawn,
        shadow=shadow,
        shadow_share=route.shadow.share if route.shadow is not None else 0.0,
        total_timeout_s=route.total_timeout_s or float("inf"),
        refused=None if fitting or canary is not None else _nothing_fits(admitted, excluded),
    )


def _kept_out(index: Index, admitted: Admitted, route: RouteEntry, name: str, *, now: float) -> str:
    code = exclusion(index, admitted.grant, route, name, now=now)
    return code or ("policy" if name in admitted.policed.forbidden else "")


def exclusion(index: Index, grant: GrantEntry, route: RouteEntry, name: str, *, now: float) -> str:
    """Return the code of what keeps a model from being a target for this grant, or nothing."""
    target = index.targets.get(name)
    if target is None:
        return "unknown"
    if name not in grant.models:
        return "unapproved"
    if stopped_target(index, target, now=now) is not None:
        return "stopped"
    return _misfit(target, grant, route.fit)


def _misfit(target: Target, grant: GrantEntry, fit: FitEntry) -> str:
    model, provider = target.model, target.provider
    if model.tiers and grant.tier not in model.tiers:
        return "tier"
    if model.data_classes:
        seen = set(grant.data_class.split(", ")) - {""}
        if not seen:
            return "data-unknown"
        if not seen <= set(model.data_classes):
            return "data"
    if fit is _ANY or fit == _ANY:
        return ""
    if fit.regions and provider.region not in fit.regions:
        return "region" if provider.region else "region-unknown"
    if fit.no_training and provider.trains_on_data is not False:
        return "trains"
    if fit.keeps_days_max is not None and (
        provider.keeps_data_days is None or provider.keeps_data_days > fit.keeps_days_max
    ):
        return "keeps"
    return ""


def _candidate(index: Index, route: RouteEntry, name: str, task: str, *, shadow: bool = False) -> Candidate:
    target = index.targets[name]
    detail = route.details.get(name, _DETAIL)
    lane = Lane(f"{route.name}{'~' if shadow else '/'}{name}", detail.at_once, route.breaker)
    timeout_s = min(route.timeout_s or float("inf"), target.provider.total_timeout_s)
    tries = 1 if shadow else route.retries + 1
    model = target.model
    return Candidate(
        name=name,
        lane=lane,
        attempts=tuple(Attempt(target, timeout_s, retry, lane) for retry in range(tries)),
        weight=detail.weight,
        input_price=model.input_price_nano,
        output_price=model.output_price_nano,
        quality=quality_of(index, name, task),
    )


def quality_of(index: Index, model: str, task: str) -> float | None:
    """Return the score of the latest evaluation for a task, else of all tasks; None if none was made."""
    scores = index.snapshot.quality.get(model)
    return None if scores is None else scores.get(task, scores.get(""))


def _variant(
    index: Index,
    route: RouteEntry,
    task: str,
    fitting: Iterable[Candidate],
    excluded: list[tuple[str, str]],
    *,
    free: bool,
) -> Variant:
    strategy = route.tasks.get(task, route.strategy)
    kept, left_out = [], list(excluded)
    for one in fitting:
        tasks = route.details.get(one.name, _DETAIL).tasks
        if tasks and task not in tasks:
            left_out.append((one.name, "task"))
        else:
            kept.append(_candidate(index, route, one.name, task))
    kept = _one_currency(index, kept) if strategy.prefer in {"cost", "weighted"} else kept
    said = ";not=" + ",".join(f"{name}:{code}" for name, code in left_out) if left_out else ""
    lanes = frozenset(one.lane.key for one in kept)
    plain = _plain(route, task, strategy, kept, said) if free else None
    return Variant(strategy, tuple(kept), lanes, said, plain)


def _one_currency(index: Index, candidates: list[Candidate]) -> list[Candidate]:
    """Compare prices of the first target's currency alone: others count as unknown, not as equal."""
    currencies = [index.targets[one.name].model.currency for one in candidates if one.input_price is not None]
    if len(set(currencies)) < 2:
        return candidates
    return [
        one
        if index.targets[one.name].model.currency == currencies[0]
        else Candidate(one.name, one.lane, one.attempts, one.weight, None, None, one.quality)
        for one in candidates
    ]


def _plain(
    route: RouteEntry, task: str, strategy: StrategyEntry, kept: list[Candidate], said: str
) -> Plan | None:
    if not kept or (strategy.prefer != "order" and len(kept) > 1):
        return None
    noted = f";task={task}" if task != route.task else ""
    attempts = tuple(attempt for one in kept for attempt in one.attempts)
    total_s = route.total_timeout_s or float("inf")
    rule = "order" if strategy.prefer == "order" else "only"
    return Plan(attempts, f"{kept[0].name};{rule}{noted}{said}", None, total_s)


def _canary(
    index: Index, admitted: Admitted, route: RouteEntry, excluded: list[tuple[str, str]], *, now: float
) -> tuple[Candidate | None, str, CanaryShare | None]:
    canary = route.canary
    if canary is None:
        return None, "", None
    if code := _kept_out(index, admitted, route, canary.model, now=now):
        excluded.append((canary.model, code))
        return None, "", None
    candidate = _candidate(index, route, canary.model, route.task)
    key, grant = admitted.caller.key, admitted.grant
    if key.principal in canary.principals or grant.namespace in canary.units:
        return candidate, "cohort", None
    if canary.key == "header":
        return None, "", CanaryShare(candidate, route.name, canary.share)
    held = key.principal if canary.key == "principal" else f"use-case/{key.use_case}"
    if side(route.name, held) < canary.share:
        return candidate, "share", None
    return None, "", None


def _shadow(
    index: Index, admitted: Admitted, route: RouteEntry, excluded: list[tuple[str, str]], *, now: float
) -> Candidate | None:
    if route.shadow is None:
        return None
    name = route.shadow.model
    if code := _kept_out(index, admitted, route, name, now=now):
        if (name, code) not in excluded:
            excluded.append((name, code))
        return None
    return _candidate(index, route, name, route.task, shadow=True)


def _nothing_fits(admitted: Admitted, excluded: list[tuple[str, str]]) -> Refused:
    named = admitted.route.name if admitted.route is not None else ""
    what = f"route/{named}" if named else f"model/{admitted.targets[0].model.name}"
    said = "; ".join(f"model/{name} {EXCLUSIONS[code]}" for name, code in excluded)
    grant = admitted.grant
    return Refused(
        403, "no_target_fits", f"No model behind {what} fits use-case/{grant.use_case}: {said}.", what, (),
        f"Run `roadworthy explain {what} --use-case {grant.use_case}`; add a model that fits, "
        "or change what it has to keep to.",
    )  # fmt: skip
