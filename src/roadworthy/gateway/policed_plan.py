"""Pure: a plan without the models that policies forbid to this very call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from roadworthy.gateway.access import Admitted, Refused, forbidden
from roadworthy.gateway.dialects.dialect import Request
from roadworthy.gateway.routing import Facts, Plan
from roadworthy.policy.statement import Denial
from roadworthy.policy.vocabulary import WEEKDAYS


class UnnamedToolError(ValueError):
    """A tool of the request has no name that could be asked about."""


class Call(msgspec.Struct, frozen=True):
    """What of a call is asked by policies, as far as it is known."""

    at: float
    dialect: str
    stream: bool
    facts: Facts
    task: str
    tools: frozenset[str] = frozenset()

    def context(self) -> dict[str, Any]:
        """Return it as policies see it."""
        moment = datetime.fromtimestamp(self.at, UTC)
        found: dict[str, Any] = {
            "task": self.facts.task or self.task,
            "cohort": self.facts.cohort,
            "dialect": self.dialect,
            "stream": self.stream,
            "tools": self.tools,
            "hour": moment.hour,
            "weekday": WEEKDAYS[moment.weekday()],
            "input_tokens": self.facts.input_tokens,
        }
        if self.facts.output_tokens is not None:
            found["output_tokens_max"] = self.facts.output_tokens
        return found


def policed(plan: Plan, admitted: Admitted, call: Call) -> Plan:
    """Take out of a plan the attempts that policies forbid to this call; without any left, it is refused."""
    looking = admitted.policed.looking
    if not looking or plan.refused is not None:
        return plan
    context = call.context()
    said: dict[str, Denial | None] = {}
    for attempt in (*plan.attempts, *((plan.shadow,) if plan.shadow is not None else ())):
        name = attempt.target.model.name
        if name not in said:
            said[name] = looking[name].decide(context) if name in looking else None
    if not any(said.values()):
        return plan
    attempts = tuple(one for one in plan.attempts if said[one.target.model.name] is None)
    shadow = plan.shadow
    if shadow is not None and said[shadow.target.model.name] is not None:
        shadow = None
    taken = ",".join(f"{name}:policy-now" for name, denial in said.items() if denial is not None)
    rest = plan.why.partition(";")[2]
    if not attempts:
        first = plan.attempts[0].target.model.name
        denial = said[first]
        assert denial is not None
        return Plan((), f"none;policy_forbids;{rest};not={taken}", refused=forbidden(admitted, denial, first))
    why = f"{attempts[0].target.model.name};{rest};not={taken}"
    return msgspec.structs.replace(plan, attempts=attempts, shadow=shadow, why=why)


def for_call(plan: Plan, admitted: Admitted, facts: Facts, at: float, request: Request) -> Plan:
    """Police the plan of a request that is here."""
    tools: frozenset[str] = frozenset()
    if "tools" in admitted.policed.needs:
        try:
            tools = tools_of(request)
        except UnnamedToolError as error:
            return Plan((), "none;malformed_request", refused=malformed(error))
    task = admitted.route.task if admitted.route is not None else "chat"
    call = Call(at, request.dialect.operation, request.stream, facts, task, tools)
    return policed(plan, admitted, call)


class _Named(msgspec.Struct):
    name: str = ""


class _Tool(msgspec.Struct):
    type: str = ""
    name: str = ""
    function: _Named | None = None


_TOOLS = msgspec.json.Decoder(list[_Tool] | None)


def tools_of(request: Request) -> frozenset[str]:
    """Return the names of the tools that a request offers; a provider's own tool goes by its type.

    What cannot be read raises `UnnamedToolError`: a policy that asks for tools is not to be got round so.
    """
    found = set()
    for field in ("tools", "functions"):
        raw = request.fields.get(field)
        if raw is None:
            continue
        try:
            given = _TOOLS.decode(raw) or []
        except msgspec.DecodeError as error:
            raise UnnamedToolError(f"`{field}` is not a list of tools.") from error
        for one in given:
            name = one.name or (one.function.name if one.function is not None else "") or one.type
            if not name:
                raise UnnamedToolError(f"A tool in `{field}` has no name.")
            found.add(name)
    return frozenset(found)


def malformed(error: UnnamedToolError) -> Refused:
    """Refuse a request whose tools cannot be read, where policies ask for them."""
    return Refused(400, "malformed_request", str(error), next_step="Correct the request.")
