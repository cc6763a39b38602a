"""Pure: may this caller use this model now? The one function that calls, who-can and what-can share."""

from __future__ import annotations

import hashlib

import msgspec

from roadworthy.gateway import filter_rules, policing
from roadworthy.gateway.policing import NOTHING, Policed
from roadworthy.gateway.snapshot import (
    GrantEntry,
    Index,
    KeyEntry,
    PrincipalEntry,
    Reason,
    RouteEntry,
    Stop,
    Target,
)
from roadworthy.gateway.stopping import next_step_of, stop_of, stopped_filters, stopped_target, times_of
from roadworthy.policy.statement import Denial


class Caller(msgspec.Struct, frozen=True):
    """A key that holds, and the principal it stands for."""

    key: KeyEntry
    principal: PrincipalEntry


class Admitted(msgspec.Struct, frozen=True):
    """The call may go to these targets, in this order, under this grant."""

    caller: Caller
    grant: GrantEntry
    requested: str
    route: RouteEntry | None
    targets: tuple[Target, ...]
    policed: Policed = NOTHING


class Refused(msgspec.Struct, frozen=True):
    """The call may not go on: why, from which declaration, who can change it, what to do next."""

    status: int
    code: str
    message: str
    declaration: str = ""
    who_can_change: tuple[str, ...] = ()
    next_step: str = ""
    reasons: tuple[Reason, ...] = ()


class Permission(msgspec.Struct, frozen=True):
    """One line of who-can or what-can."""

    principal: str
    owner: str
    key_id: str
    use_case: str
    grant_id: str
    model: str
    via: str
    expires_at: float | None
    unless: tuple[str, ...] = ()
    """Policies that look at each call and may forbid it."""


def hash_key(pepper: bytes, token: str) -> str:
    """Return the keyed BLAKE2b of a key: what the snapshot is looked up by."""
    return hashlib.blake2b(
        token.encode("utf-8", "surrogatepass"), key=pepper[:64], digest_size=32
    ).hexdigest()


def no_key() -> Refused:
    """Say that there was nothing to look up: an unset variable is no typing error."""
    return Refused(
        401,
        "invalid_api_key",
        "No API key came with this call.",
        next_step="Send it as `authorization: Bearer KEY` or `x-api-key: KEY`; "
        "is the variable that holds it set?",
    )


def identify(index: Index, *, key_hash: str, now: float) -> Caller | Refused:
    """Say whose key this is, or why it does not hold."""
    key = index.keys.get(key_hash)
    if key is None:
        return Refused(
            401,
            "invalid_api_key",
            "This API key is not known here.",
            next_step="Check the key for typing errors, or create one with `roadworthy key issue`.",
        )
    return identify_key(index, key, now=now)


def identify_key(index: Index, key: KeyEntry, *, now: float) -> Caller | Refused:
    """Say whether a known key and its principal still hold at `now`."""
    principal = index.snapshot.principals.get(key.principal)
    owner = (principal.owner,) if principal is not None and principal.owner else ()
    declaration = f"{key.principal} ({principal.source})" if principal and principal.source else key.principal
    if key.revoked_at is not None and key.revoked_at <= now:
        return Refused(
            401, "key_revoked", f"The key {key.id} was revoked.", declaration, owner,
            f"Use the newer key of {key.principal}, or ask its owner for one.",
        )  # fmt: skip
    if key.expires_at is not None and key.expires_at <= now:
        return Refused(
            401, "key_expired", f"The key {key.id} has expired.", declaration, owner,
            f"Ask the owner of {key.principal} for a new key.",
        )  # fmt: skip
    if principal is None:
        return Refused(
            403, "principal_disabled", f"{key.principal}, whose key this is, is no longer declared.",
            declaration, owner, "Declare it again, or use another principal's key.",
        )  # fmt: skip
    if principal.disabled_at is not None and principal.disabled_at <= now:
        return Refused(
            403, "principal_disabled", f"{key.principal} is disabled.", declaration, owner,
            "Ask its owner to enable it.",
        )  # fmt: skip
    if principal.expires_at is not None and principal.expires_at <= now:
        return Refused(
            403, "principal_expired", f"{key.principal} has expired.", declaration, owner,
            "Ask its owner to renew it.",
        )  # fmt: skip
    if index.snapshot.stops:
        found = stop_of(index, key.principal, now=now) or stop_of(index, f"api-key/{key.id}", now=now)
        if found is not None:
            return killed(found)
    return Caller(key, principal)


def killed(stop: Stop) -> Refused:
    """Say that a kill switch stands in the way: who threw it, why, since when, who can undo it."""
    since, until = times_of(stop)
    return Refused(
        403, "killed", f"{stop.of} was stopped by {stop.by} at {since}: {stop.reason.rstrip('.')}.{until}",
        stop.of, stop.who_can_revive, next_step_of(stop),
    )  # fmt: skip


def _no_grant(index: Index, use_case: str) -> Refused:
    block = index.snapshot.blocks.get(use_case)
    reasons = block.reasons if block is not None else ()
    if not reasons:
        return Refused(
            403, "no_grant", f"use-case/{use_case} has no grant: nothing allows it to call a model.",
            f"use-case/{use_case}", (), f"Run `roadworthy explain use-case/{use_case}`.",
        )  # fmt: skip
    first = reasons[0]
    said = "; ".join(reason.message.rstrip(".") for reason in reasons)
    return Refused(
        403, "no_grant", f"use-case/{use_case} has no grant: {said}.",
        first.declaration or f"use-case/{use_case}", first.who_can_change,
        first.next_step or f"Run `roadworthy explain use-case/{use_case}`.", reasons,
    )  # fmt: skip


def _untimely(grant: GrantEntry, now: float) -> Refused:
    use_case = grant.use_case
    renew = grant.ends_with or f"`roadworthy explain use-case/{use_case}` says what is missing."
    if grant.expires_at is not None and grant.expires_at <= now:
        message = f"The grant of use-case/{use_case} has expired."
        return Refused(403, "grant_expired", message, grant.declared_at, grant.changers, renew)
    if grant.valid_until is not None and grant.valid_until <= now:
        return Refused(
            403, "grant_not_renewed",
            f"The grant of use-case/{use_case} was issued for a while, and nothing has renewed it since.",
            grant.declared_at, (),
            "See that this gateway reaches its database, or export the bundle it runs from anew.",
        )  # fmt: skip
    return Refused(
        403, "grant_not_yet_valid", f"The grant of use-case/{use_case} is not valid yet.",
        grant.declared_at, grant.changers, "Wait until it starts, or have its start moved.",
    )  # fmt: skip


def _not_granted(grant: GrantEntry, requested: str) -> Refused:
    granted = ", ".join((*grant.routes, *grant.models)) or "nothing"
    return Refused(
        403, "model_not_granted",
        f"use-case/{grant.use_case} is not granted {requested}; it is granted: {granted}.",
        grant.declared_at, grant.changers,
        f"Call one that is granted, or have {requested} added to use-case/{grant.use_case} and approved.",
    )  # fmt: skip


def _all_stopped(index: Index, targets: tuple[Target, ...], now: float) -> Stop | None:
    """Return the first target's kill switch if every target is stopped; a route outlives one of them."""
    if not index.snapshot.stops:
        return None
    stops = [stopped_target(index, target, now=now) for target in targets]
    return stops[0] if all(stop is not None for stop in stops) else None


def _filter_stopped(index: Index, grant: GrantEntry, now: float) -> Stop | None:
    """Return the kill switch of a filter that the grant's calls may not do without."""
    stopped = stopped_filters(index, now=now)
    if not stopped:
        return None
    snapshot = index.snapshot
    name = filter_rules.missed(grant, snapshot.filters, snapshot.filter_policies.values(), stopped)
    return stop_of(index, f"filter/{name}", now=now) if name else None


def _resolve(
    index: Index, caller: Caller, grant: GrantEntry, requested: str, *, now: float
) -> Admitted | Refused:
    """A route goes before a model of the same name; `route/x` and `model/x` say which one is meant."""
    kind, _, bare = requested.rpartition("/")
    name = bare if kind in {"route", "model"} else requested
    route = index.snapshot.routes.get(name) if kind != "model" else None
    if route is not None:
        if name not in grant.routes:
            return _not_granted(grant, requested)
        # A route changed after the approval must not carry a call to a model nobody approved.
        targets = tuple(
            index.targets[target]
            for target in route.targets
            if target in grant.models and target in index.targets
        )
        if not targets:
            return _not_granted(grant, requested)
        stop = stop_of(index, f"route/{name}", now=now) or _all_stopped(index, targets, now)
        if stop is not None:
            return killed(stop)
        return _policed(index, Admitted(caller, grant, requested, route, targets))
    target = index.targets.get(name) if kind != "route" else None
    if target is not None:
        if name not in grant.models:
            return _not_granted(grant, requested)
        if (stop := stopped_target(index, target, now=now)) is not None:
            return killed(stop)
        return _policed(index, Admitted(caller, grant, requested, None, (target,)))
    return Refused(
        404, "model_unknown", f"There is no model or route named {requested!r}.", grant.declared_at, (),
        "Ask GET /v1/models for the names this key may call.",
    )  # fmt: skip


def _policed(index: Index, admitted: Admitted) -> Admitted | Refused:
    """Ask the policies about every model the call could reach; one of them is enough to go on."""
    if not index.rules.any:
        return admitted
    key, holder = admitted.caller.key, admitted.caller.principal
    policed = policing.police(
        index, key, holder, admitted.grant, route=admitted.route, targets=admitted.targets
    )
    denials = [policed.forbidden.get(target.model.name) for target in admitted.targets]
    if denials[0] is not None and all(denials):
        return forbidden(admitted, denials[0], admitted.targets[0].model.name)
    return msgspec.structs.replace(admitted, policed=policed)


def forbidden(admitted: Admitted, denial: Denial, model: str) -> Refused:
    """Say that a policy forbids a call: which, by which statement, in which line."""
    grant, caller = admitted.grant, admitted.caller
    return Refused(
        403, "policy_forbids",
        f"{caller.key.principal} may not call model/{model} for use-case/{grant.use_case}: "
        f"{denial.sentence}.",
        denial.declaration, (),
        f"Run `roadworthy policy explain --principal {caller.key.principal} --use-case {grant.use_case} "
        f"--model {model}`; make a call that it allows, or have access-policy/{denial.policy} changed.",
        (Reason(denial.statement or "default", f"{denial.sentence}.", denial.declaration),),
    )  # fmt: skip


def decide_for(
    index: Index, caller: Caller, *, use_case_header: str | None, model: str, now: float
) -> Admitted | Refused:
    """Decide for a caller that `identify` let through."""
    use_case = caller.key.use_case
    if use_case_header is not None and use_case_header.removeprefix("use-case/") != use_case:
        return Refused(
            403, "key_not_for_use_case",
            f"This key is for use-case/{use_case}; the call names {use_case_header[:200]!r}.",
            caller.principal.source or caller.key.principal,
            (caller.principal.owner,) if caller.principal.owner else (),
            "Use the key of that use case, or leave the header x-roadworthy-use-case out.",
        )  # fmt: skip
    if (stop := stop_of(index, f"use-case/{use_case}", now=now)) is not None:
        return killed(stop)
    refused: Refused | None = None
    for grant in index.grants.get(use_case, ()):
        if (
            (grant.not_before is None or grant.not_before <= now)
            and (grant.expires_at is None or now < grant.expires_at)
            and (grant.valid_until is None or now < grant.valid_until)
        ):
            verdict = _resolve(index, caller, grant, model, now=now)
            if isinstance(verdict, Admitted):
                missing = _filter_stopped(index, grant, now)
                return verdict if missing is None else killed(missing)
            refused = verdict
        elif refused is None:
            refused = _untimely(grant, now)
    return refused or _no_grant(index, use_case)


def decide(
    index: Index,
    *,
    model: str,
    now: float,
    key_hash: str | None = None,
    principal: str | None = None,
    use_case_header: str | None = None,
) -> Admitted | Refused:
    """Decide one call, by the key's hash, or for a principal by any of its keys that would do."""
    if key_hash is not None:
        caller = identify(index, key_hash=key_hash, now=now)
        if isinstance(caller, Refused):
            return caller
        return decide_for(index, caller, use_case_header=use_case_header, model=model, now=now)
    refused = Refused(
        403, "no_key", f"{principal} holds no API key.", principal or "", (),
        "Create one with `roadworthy key issue`.",
    )  # fmt: skip
    for key in index.keys_of.get(principal or "", ()):
        holder = identify_key(index, key, now=now)
        if isinstance(holder, Refused):
            refused = holder
            continue
        verdict = decide_for(index, holder, use_case_header=use_case_header, model=model, now=now)
        if isinstance(verdict, Admitted):
            return verdict
        refused = verdict
    return refused


def _line(admitted: Admitted, model: str) -> Permission:
    key, grant, principal = admitted.caller.key, admitted.grant, admitted.caller.principal
    ends = [at for at in (key.expires_at, grant.expires_at, principal.expires_at) if at is not None]
    return Permission(
        principal=key.principal,
        owner=principal.owner,
        key_id=key.id,
        use_case=key.use_case,
        grant_id=grant.id,
        model=model,
        via=f"route/{admitted.route.name}"
        if admitted.route is not None
        else f"model/{model.removeprefix('model/')}",
        expires_at=min(ends) if ends else None,
        unless=admitted.policed.unless([target.model.name for target in admitted.targets]),
    )


def names(index: Index) -> tuple[str, ...]:
    """Every name a call can ask for: routes first, then the models no route hides."""
    routes = sorted(index.snapshot.routes)
    return (*routes, *sorted(set(index.snapshot.models) - set(routes)))


def callable_by(index: Index, caller: Caller, *, now: float) -> tuple[str, ...]:
    """The names this caller may ask for now."""
    return tuple(
        name
        for name in names(index)
        if isinstance(decide_for(index, caller, use_case_header=None, model=name, now=now), Admitted)
    )


def who_can_call(index: Index, model: str, now: float) -> tuple[Permission, ...]:
    """Every key that a call for `model` (or a route) would be admitted with now, and under which grant."""
    found = []
    for key_hash in sorted(index.keys, key=lambda digest: index.keys[digest].id):
        verdict = decide(index, key_hash=key_hash, model=model, now=now)
        if isinstance(verdict, Admitted):
            found.append(_line(verdict, model))
    return tuple(found)


def what_can(index: Index, principal: str, now: float) -> tuple[Permission, ...]:
    """Everything that a principal's keys would be admitted for now."""
    found = []
    for key in index.keys_of.get(principal, ()):
        caller = identify_key(index, key, now=now)
        if isinstance(caller, Refused):
            continue
        for name in names(index):
            verdict = decide_for(index, caller, use_case_header=None, model=name, now=now)
            if isinstance(verdict, Admitted):
                found.append(_line(verdict, name))
    return tuple(found)
