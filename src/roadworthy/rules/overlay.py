"""Pure: packs of one's own laid over the shipped ones: they add and tighten, never loosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from roadworthy.rules.conditions import Vocabulary, parse
from roadworthy.rules.fixtures import Fixture, problems
from roadworthy.rules.kinds import OwnRule, PolicyPack, Tightening
from roadworthy.rules.rule import Duty, Pack, Rule, rank
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.suggest import suggest


def own_pack(name: str, spec: PolicyPack, vocabulary: Vocabulary) -> Pack:
    """Read a declared pack; a rule that cannot be meant is a ValueError that names it."""
    rules = []
    for one in spec.rules:
        try:
            rules.append(_rule(name, one, vocabulary))
        except ValueError as error:
            raise ValueError(f"rule {one.id}: {error}") from error
    return Pack(name, spec.title, spec.version, spec.review_by, tuple(rules), own=True)


def _rule(pack: str, one: OwnRule, vocabulary: Vocabulary) -> Rule:
    return Rule(
        id=one.id,
        title=one.title,
        when=parse(_plain(one.when), vocabulary),
        tier_effect=one.tier,
        legal_status=one.source,
        enforcement_status="internal",
        applies_from=one.applies_from,
        confidence="house rule",
        applies=one.applies,
        asks=one.asks,
        authority="Organization",
        citation=one.citation or "",
        duties=tuple(
            Duty(
                id=duty.id,
                kind=duty.kind,
                name=duty.name,
                controls=duty.controls,
                due=duty.due or "",
                cadence=duty.cadence or "",
                applies_from=duty.applies_from,
                retention_min=duty.retention_min or "",
                retention_max=duty.retention_max or "",
            )
            for duty in one.obligations
        ),
        pack=pack,
    )


def _plain(value: Any) -> Any:
    """Return a document with lists where a frozen spec holds tuples."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def pack_problems(name: str, spec: PolicyPack, under: Rulebook) -> Iterator[str]:
    """Say why a pack may not be installed: broken, untested or idle rules, ids taken, loosened law."""
    try:
        pack = own_pack(name, spec, under.vocabulary)
    except ValueError as error:
        yield str(error)
        return
    ids = [rule.id for rule in pack.rules]
    for rule in sorted({one for one in ids if ids.count(one) > 1}):
        yield f"rule {rule} stands in it twice"
    for rule in sorted(set(ids) & set(under.by_id)):
        yield f"rule {rule} is in pack {under.by_id[rule].pack} already: a pack adds rules and replaces none"
    fixtures = [
        Fixture(one.id, each.expect, {key: _plain(value) for key, value in each.facts.items()})
        for one in spec.rules
        for each in one.fixtures
    ]
    yield from problems(pack, fixtures, under.vocabulary)
    for own in pack.rules:
        for what in suggest(own, under.vocabulary)[1]:
            yield f"rule {own.id}: `{what}` can never matter; take it out"
    for one in spec.tighten:
        yield from _loosened(one, under)


def _loosened(one: Tightening, under: Rulebook) -> Iterator[str]:
    known = under.by_id.get(one.rule)
    if known is None:
        yield f"there is no rule {one.rule} to tighten"
        return
    if one.tier is not None and rank(one.tier) < rank(known.tier_effect):
        yield f"rule {one.rule} is {known.tier_effect}: a pack may raise that, not lower it"
    if one.applies_from is not None and one.applies_from > known.applies_from:
        yield f"rule {one.rule} applies from {known.applies_from}: a pack may not put that off"


def overlaid(under: Rulebook, own: Mapping[str, PolicyPack]) -> Rulebook:
    """Return the rulebook with an organization's packs over it; the same packs give the same rulebook."""
    if not own:
        return under
    return _overlaid(under, tuple((name, own[name].model_dump_json()) for name in sorted(own)))


@lru_cache(maxsize=16)
def _overlaid(under: Rulebook, own: tuple[tuple[str, str], ...]) -> Rulebook:
    specs = {name: PolicyPack.model_validate_json(text) for name, text in own}
    tighter = {one.rule: one for spec in specs.values() for one in spec.tighten}
    shipped = tuple(
        replace(pack, rules=tuple(_tightened(rule, specs.values()) for rule in pack.rules))
        if any(rule.id in tighter for rule in pack.rules)
        else pack
        for pack in under.packs
    )
    return Rulebook(
        under.vocabulary,
        (*shipped, *(own_pack(name, spec, under.vocabulary) for name, spec in specs.items())),
    )


def _tightened(rule: Rule, specs: Any) -> Rule:
    """Return the rule as the strictest of all packs take it."""
    for one in (each for spec in specs for each in spec.tighten if each.rule == rule.id):
        if one.tier is not None and rank(one.tier) > rank(rule.tier_effect):
            rule = replace(rule, tier_effect=one.tier)
        if one.applies_from is not None and one.applies_from < rule.applies_from:
            rule = replace(rule, applies_from=one.applies_from)
        if one.blocks:
            rule = replace(rule, insisted=True)
    return rule
