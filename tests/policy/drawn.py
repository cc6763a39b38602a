"""Policies and calls drawn at random: every operation the language has, on every part of a call."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from roadworthy.policy import entities
from roadworthy.policy.compiled import Thing

PARENTS = {"claims": "", "motor": "claims", "fraud": "claims", "service": ""}
UNITS = (*PARENTS, "organization")
TIERS = ("minimal", "limited", "high")
REGIONS = ("eu-west", "eu-central", "us-east", "")
CLASSES = ("personal", "health", "public")
TOOLS = ("search", "shell", "send-mail")
PATTERNS = ("eu-*", "*", "*-east", "eu*t*", "support*", "")
LONGS = (0, 1, 7, 12, 23, 500, 4000, 9223372036854775807)


def call(random: Random) -> tuple[Thing, Thing, dict[str, Any], str]:
    """Draw a call: principal, model, context, and the unit of its use case."""
    unit = random.choice(UNITS)
    who = entities.principal(
        kind=random.choice(("person", "service-account")),
        name=random.choice(("bot", "mara")),
        unit=entities.unit_of(random.choice(UNITS), PARENTS),
        type_=random.choice(("agent", "application")),
        owner=random.choice(("mara", "")),
    )
    used = entities.use_case(
        name=random.choice(("triage", "letters")),
        unit=entities.unit_of(unit, PARENTS),
        tier=random.choice(TIERS),
        data_classes=random.sample(CLASSES, random.randint(0, 3)),
        keeps_texts=random.random() < 0.5,
    )
    route = random.choice(("", "general", "careful"))
    model = entities.model(
        name=random.choice(("large", "small")),
        provider=random.choice(("north", "south")),
        route=route,
        region=random.choice(REGIONS),
        upstream_model=random.choice(("gpt-5", "small-1")),
        tiers=random.sample(TIERS, random.randint(0, 3)),
        data_classes=random.sample(CLASSES, random.randint(0, 3)),
        currency="EUR",
        trains_on_data=random.choice((True, False, None)),
        keeps_data_days=random.choice((0, 30, None)),
        context_tokens=random.choice((4000, None)),
    )
    context = entities.fixed_context(used, route) | {
        "task": random.choice(("chat", "support-mail")),
        "cohort": random.choice(("", "eu-beta")),
        "dialect": random.choice(("chat", "messages")),
        "stream": random.random() < 0.5,
        "tools": frozenset(random.sample(TOOLS, random.randint(0, 2))),
        "hour": random.randint(0, 23),
        "weekday": random.choice(("monday", "sunday")),
        "input_tokens": random.choice(LONGS),
    }
    if random.random() < 0.5:
        context["output_tokens_max"] = random.choice(LONGS)
    return who, model, context, unit


def _quoted(text: str) -> str:
    return json.dumps(text)


def _string(random: Random, depth: int) -> str:
    choices = [
        "principal.name", "principal.type", "principal.owner", "resource.region", "resource.name",
        "resource.upstream_model", "context.task", "context.cohort", "context.weekday",
        "context.use_case.tier", "context.use_case.name", _quoted(random.choice((*TIERS, *REGIONS, "bot"))),
    ]  # fmt: skip
    if depth and random.random() < 0.1:
        return f"(if {boolean(random, depth - 1)} then {_string(random, 0)} else {_string(random, 0)})"
    return random.choice(choices)


def _long(random: Random, depth: int) -> str:
    if depth and random.random() < 0.35:
        sign = random.choice("+-*")
        return f"({_long(random, depth - 1)} {sign} {_long(random, depth - 1)})"
    if depth and random.random() < 0.1:
        return f"-({_long(random, depth - 1)})"
    return random.choice(("context.hour", "context.input_tokens", str(random.choice(LONGS))))


def _strings(random: Random) -> str:
    drawn = ", ".join(_quoted(one) for one in random.sample((*CLASSES, *TOOLS), random.randint(1, 3)))
    return random.choice(
        (
            "context.tools",
            "context.use_case.data_classes",
            "resource.data_classes",
            "resource.tiers",
            f"[{drawn}]",
        )
    )


def _unit(random: Random) -> str:
    return f"Unit::{_quoted(random.choice(UNITS))}"


def _about_entities(random: Random) -> str:
    units = ", ".join(_unit(random) for _ in range(random.randint(1, 3)))
    return random.choice(
        (
            f"principal in {_unit(random)}",
            f"context.use_case in {_unit(random)}",
            f"context.use_case in [{units}]",
            f"principal.unit == {_unit(random)}",
            f"{_unit(random)} == context.use_case.unit",
            "principal.unit != context.use_case.unit",
            "principal in context.use_case.unit",
            f"[{units}].contains(principal.unit)",
            "principal is Person",
            f"principal is ServiceAccount in {_unit(random)}",
            'resource in Provider::"north"',
            'resource in Route::"general"',
            'resource.provider == Provider::"south"',
            '(context has route && context.route == Route::"careful")',
            "(resource has trains_on_data && resource.trains_on_data)",
            "(resource has keeps_data_days && resource.keeps_data_days > 7)",
            "(context has output_tokens_max && context.output_tokens_max >= 500)",
            "!(resource has context_tokens)",
        )
    )


def boolean(random: Random, depth: int) -> str:
    """Draw a condition."""
    if depth and random.random() < 0.6:
        left, right = boolean(random, depth - 1), boolean(random, depth - 1)
        return random.choice(
            (
                f"({left} && {right})", f"({left} || {right})", f"!({left})",
                f"(if {left} then {right} else {boolean(random, depth - 1)})", f"({left} == {right})",
            )
        )  # fmt: skip
    drawn = random.random()
    if drawn < 0.35:
        return _about_entities(random)
    if drawn < 0.5:
        return f"{_long(random, 2)} {random.choice(('<', '<=', '>', '>=', '==', '!='))} {_long(random, 2)}"
    if drawn < 0.65:
        return f"{_string(random, depth)} {random.choice(('==', '!='))} {_string(random, depth)}"
    if drawn < 0.75:
        return f"{_string(random, 0)} like {_quoted(random.choice(PATTERNS))}"
    if drawn < 0.9:
        verb = random.choice(("containsAll", "containsAny"))
        return random.choice(
            (
                f"{_strings(random)}.contains({_string(random, 0)})",
                f"{_strings(random)}.{verb}({_strings(random)})",
                "context.tools.isEmpty()",
            )
        )
    return random.choice(("context.stream", "context.use_case.keeps_texts", "true", "false"))


def policy(random: Random, *, effects: tuple[str, ...] = ("permit", "forbid"), most: int = 4) -> str:
    """Draw a policy's text."""
    statements = []
    for place in range(random.randint(1, most)):
        principal = random.choice(
            ("principal", "principal", f"principal in {_unit(random)}", 'principal == Person::"mara"',
             "principal is ServiceAccount", f"principal is Person in {_unit(random)}")
        )  # fmt: skip
        action = random.choice(("action", 'action == Action::"call"', 'action in [Action::"call"]'))
        resource = random.choice(
            (
                "resource",
                'resource in Provider::"north"',
                'resource == Model::"large"',
                'resource in Route::"general"',
            )
        )
        text = f'@id("s{place}")\n{random.choice(effects)}({principal}, {action}, {resource})'
        for _ in range(random.randint(0, 2)):
            text += f"\n{random.choice(('when', 'unless'))} {{ {boolean(random, 3)} }}"
        statements.append(text + ";")
    return "\n".join(statements)


def _value(value: Any) -> Any:
    if isinstance(value, Thing):
        return {"__entity": _uid(value.uid)}
    if isinstance(value, frozenset):
        return sorted(value)
    return value


def _uid(uid: tuple[str, str]) -> dict[str, str]:
    return {"type": uid[0], "id": uid[1]}


def for_cedar(
    who: Thing, model: Thing, context: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a call as Cedar takes it: the request, and every entity there is."""
    things = [who, model, context["use_case"], *(entities.unit_of(name, PARENTS) for name in UNITS)]
    known = {
        one.uid: {
            "uid": _uid(one.uid),
            "attrs": {key: _value(value) for key, value in one.attrs.items()},
            "parents": [_uid(each) for each in sorted(one.line - {one.uid})],
        }
        for one in things
    }
    request = {
        "principal": f"{who.uid[0]}::{_quoted(who.uid[1])}",
        "action": 'Action::"call"',
        "resource": f"{model.uid[0]}::{_quoted(model.uid[1])}",
        "context": {key: _value(value) for key, value in context.items()},
    }
    return request, list(known.values())
