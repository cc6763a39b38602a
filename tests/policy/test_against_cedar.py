"""What gateways enforce is what Cedar says: compiled policies against the engine itself, on drawn calls."""

from __future__ import annotations

from random import Random

import cedarpy
import pytest

from roadworthy.policy.compiled import Thing
from roadworthy.policy.decide import Rules
from roadworthy.policy.language import read
from roadworthy.policy.statement import Denial, PolicyEntry
from roadworthy.policy.vocabulary import OF_EACH_CALL
from tests.policy import drawn

ALLOWING = "\npermit(principal, action, resource);"
CALLS = 10


def _ours(rules: Rules, who: Thing, model: Thing, context: dict[str, object], unit: str) -> Denial | None:
    fixed = {key: value for key, value in context.items() if key not in OF_EACH_CALL}
    of_call = {key: value for key, value in context.items() if key in OF_EACH_CALL}
    return rules.standing(who, model, unit=unit, fixed=fixed).decide(of_call)


@pytest.mark.parametrize("seed", range(8))
def test_a_compiled_policy_decides_as_cedar_does(seed: int) -> None:
    """On drawn policies and calls no decision differs, and a named statement is one that Cedar names."""
    random = Random(seed)
    policies, met = 0, {"allow": 0, "deny": 0}
    while policies < 60:
        text = drawn.policy(random)
        found = read(text)
        if found.problems:  # a comparison that Cedar's types rule out
            continue
        policies += 1
        default_deny = random.random() < 0.5
        rules = Rules([PolicyEntry("drawn", found.statements, default_deny=default_deny)])
        engine = cedarpy.PolicySet.from_str(text if default_deny else text + ALLOWING)
        for _ in range(CALLS):
            who, model, context, unit = drawn.call(random)
            request, things = drawn.for_cedar(who, model, context)
            cedar = cedarpy.is_authorized(request, engine, things)
            denial = _ours(rules, who, model, context, unit)
            assert (denial is None) == cedar.allowed, (text, request)
            if denial is not None and denial.statement:
                assert denial.statement in cedar.diagnostics.id_annotations_by_reason.values(), text
            met["deny" if denial is not None else "allow"] += 1
    assert min(met.values()) > 50, met


def test_a_statement_that_errs_is_skipped() -> None:
    """An overflow is an error in Cedar: the statement counts as not said, on both sides of an `||` too."""
    text = (
        '@id("errs") forbid(principal, action, resource) when '
        "{ context.input_tokens * 9223372036854775807 > 0 || true };"
    )
    random = Random(1)
    who, model, context, unit = drawn.call(random)
    context["input_tokens"] = 2
    rules = Rules([PolicyEntry("errs", read(text).statements)])
    request, things = drawn.for_cedar(who, model, context)
    cedar = cedarpy.is_authorized(request, text + ALLOWING, things)
    assert cedar.allowed
    assert cedar.diagnostics.errors
    assert _ours(rules, who, model, context, unit) is None
    context["input_tokens"] = 1
    assert _ours(rules, who, model, context, unit) is not None


@pytest.mark.parametrize("seed", range(6))
def test_a_units_policies_never_allow_what_the_organization_does_not(seed: int) -> None:
    """Whatever units declare, a call that is allowed with their policies is allowed without them."""
    random = Random(seed)
    tightened = widened = estates = 0
    while estates < 40:
        texts = [drawn.policy(random, most=3) for _ in range(3)]
        if any(read(text).problems for text in texts):
            continue
        estates += 1
        central = PolicyEntry("a", read(texts[0]).statements, default_deny=random.random() < 0.5)
        units = [
            PolicyEntry(
                f"unit-{place}", read(text).statements, units=frozenset(random.sample(drawn.UNITS[:4], 2))
            )
            for place, text in enumerate(texts[1:])
        ]
        alone, together = Rules([central]), Rules([central, *units])
        for _ in range(20):
            who, model, context, unit = drawn.call(random)
            before = _ours(alone, who, model, context, unit)
            after = _ours(together, who, model, context, unit)
            widened += before is not None and after is None
            tightened += before is None and after is not None
    assert widened == 0
    assert tightened > 5
