"""Pure: who may make a call and who says no, by the gateway's own decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from roadworthy.gateway import access, policing
from roadworthy.gateway.access import Admitted, Caller, Refused
from roadworthy.gateway.policing import Policed
from roadworthy.gateway.snapshot import Index, KeyEntry
from roadworthy.policy.decide import Standing
from roadworthy.policy.statement import Denial


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call that nobody has made; an empty principal or use case means everybody's and every one's."""

    model: str
    principal: str = ""
    use_case: str = ""
    call: dict[str, Any] = field(default_factory=dict)
    """What is particular to it, as policies see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What becomes of the call of one key, at one model."""

    principal: str
    key_id: str
    use_case: str
    model: str
    """The model that would be reached; where it is refused before policies are asked, what was named."""
    decision: str
    by: str
    """`policy`, or the gateway's code of another refusal; nothing where it is allowed."""
    policy: str
    statement: str
    line: int
    said: str


def explain(index: Index, asked: Asked, *, now: float) -> tuple[Decided, ...]:
    """Say it for every key that is meant, model by model."""
    keys = [
        key
        for name in sorted(index.keys_of)
        if asked.principal in {"", name}
        for key in index.keys_of[name]
        if asked.use_case in {"", key.use_case}
    ]
    return tuple(one for key in keys for one in _of_key(index, key, asked, now))


def _of_key(index: Index, key: KeyEntry, asked: Asked, now: float) -> Iterator[Decided]:
    holder = access.identify_key(index, key, now=now)
    if isinstance(holder, Refused):
        yield _refused(key, asked.model, holder)
        return
    verdict = access.decide_for(index, holder, use_case_header=None, model=asked.model, now=now)
    if isinstance(verdict, Admitted):
        for target in verdict.targets:
            name = target.model.name
            yield _said(key, name, _denial(verdict.policed, name, asked.call))
    elif verdict.code == "policy_forbids":
        yield from _forbidden(index, holder, asked.model, now)
    else:
        yield _refused(key, asked.model, verdict)


def _denial(policed: Policed, model: str, call: dict[str, Any]) -> Denial | None:
    looking: Standing | None = policed.looking.get(model)
    return policed.forbidden.get(model) or (looking.decide(call) if looking is not None else None)


def _forbidden(index: Index, holder: Caller, asked: str, now: float) -> Iterator[Decided]:
    kind, _, bare = asked.rpartition("/")
    name = bare if kind in {"route", "model"} else asked
    route = index.snapshot.routes.get(name) if kind != "model" else None
    names = route.targets if route is not None else (name,)
    for grant in index.grants.get(holder.key.use_case, ()):
        if grant.expires_at is not None and grant.expires_at <= now:
            continue
        targets = [index.targets[one] for one in names if one in index.targets and one in grant.models]
        policed = policing.police(index, holder.key, holder.principal, grant, route=route, targets=targets)
        for target in targets:
            denial = policed.forbidden.get(target.model.name)
            if denial is not None:
                yield _said(holder.key, target.model.name, denial)
        return


def _said(key: KeyEntry, model: str, denial: Denial | None) -> Decided:
    return Decided(
        principal=key.principal,
        key_id=key.id,
        use_case=key.use_case,
        model=model,
        decision="allow" if denial is None else "deny",
        by="" if denial is None else "policy",
        policy="" if denial is None else denial.policy,
        statement="" if denial is None else denial.statement or "default",
        line=0 if denial is None else denial.line,
        said="A grant allows it, and no policy forbids it."
        if denial is None
        else f"Refused: {denial.sentence}.",
    )


def _refused(key: KeyEntry, model: str, refused: Refused) -> Decided:
    return Decided(
        principal=key.principal, key_id=key.id, use_case=key.use_case, model=model, decision="deny",
        by=refused.code, policy="", statement="", line=0, said=refused.message,
    )  # fmt: skip
