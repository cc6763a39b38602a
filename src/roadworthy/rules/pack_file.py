"""Pure: what a file of rules may say; what cannot be meant is refused with the rule's name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from roadworthy.rules.conditions import FactDefinition, Question, Vocabulary, parse
from roadworthy.rules.fixtures import Fixture
from roadworthy.rules.rule import Duty, LegalStatus, ObligationKind, Pack, Rule, Source, Stage, TierEffect

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=120)]
DutyId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
ControlId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_-]{0,59}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]
_DURATION = re.compile(r"P(?:\d+[YMWD]|T\d+[HM])$")


def _a_day(value: date | str) -> str:
    return value.isoformat() if isinstance(value, date) else value


When = Annotated[date | Annotated[str, StringConstraints(max_length=200)], AfterValidator(_a_day)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceEntry(_Strict):
    """Where a rule was read."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://", max_length=400)]
    read: Annotated[str, StringConstraints(max_length=80)]


class StageEntry(_Strict):
    """A later date on which more of a rule applies."""

    from_: date = Field(alias="from")
    what: Sentence


class DutyEntry(_Strict):
    """One thing a rule asks for."""

    id: DutyId
    kind: ObligationKind
    name: Sentence
    controls: tuple[ControlId, ...] = ()
    evidence: tuple[Annotated[str, StringConstraints(max_length=60)], ...] = ()
    due: When = ""
    cadence: Annotated[str, StringConstraints(max_length=120)] = ""
    applies_from: date | None = None
    retention_min: Annotated[str, StringConstraints(max_length=40)] = ""
    retention_max: Annotated[str, StringConstraints(max_length=120)] = ""
    if_: dict[str, Any] | None = Field(default=None, alias="if")


class FixtureEntry(_Strict):
    """Facts, and what the rule says of them."""

    expect: Literal["fires", "silent"]
    facts: dict[str, Any]
    obligations: tuple[DutyId, ...] | None = None


class RuleEntry(_Strict):
    """One rule."""

    id: RuleId
    title: Sentence
    legal_status: LegalStatus
    enforcement_status: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
    applies_from: date
    tier_effect: TierEffect
    when: dict[str, Any]
    confidence: Annotated[str, StringConstraints(pattern=r"^(C|M|house)\b", max_length=200)]
    obligations: tuple[DutyEntry, ...] = ()
    applies: Sentence
    asks: Sentence
    authority: Annotated[str, StringConstraints(max_length=200)] = ""
    citation: Annotated[str, StringConstraints(max_length=300)] = ""
    jurisdictions: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    staged: tuple[StageEntry, ...] = ()
    sources: tuple[SourceEntry, ...] = ()
    note: Annotated[str, StringConstraints(max_length=600)] = ""
    fixtures: tuple[FixtureEntry, ...] = ()


class PackEntry(_Strict):
    """A pack of rules."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=60)]
    title: Sentence
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    review_by: date
    gathered: date | None = None
    rules: tuple[RuleEntry, ...]


class FactEntry(_Strict):
    """One fact of the vocabulary."""

    kind: Literal["set", "bool", "int", "num", "ord"]
    question: str
    asked_by: str
    values: tuple[str, ...] = ()
    open: bool = False
    pattern: str = ""
    neg: Any = None
    none: Any = None
    legal_position: bool = False


class QuestionEntry(_Strict):
    """One question of the intake."""

    id: str
    scope: Literal["organization", "use_case"]
    type: Literal[
        "text", "number", "single", "multi", "multi_plus_number", "yes_no_unsure", "yes_no_with_memo"
    ]
    facts: tuple[str, ...]
    ask: str


class VocabularyEntry(_Strict):
    """The vocabulary."""

    version: str
    hierarchy: dict[str, tuple[str, ...]]
    questions: tuple[QuestionEntry, ...]
    facts: dict[str, FactEntry]


def vocabulary_of(document: Any) -> Vocabulary:
    """Read a vocabulary; a default that is no answer to its own question is an error."""
    entry = VocabularyEntry.model_validate(document)
    facts = {
        name: FactDefinition(
            name,
            one.kind,
            one.question,
            one.values,
            one.open,
            one.pattern,
            one.asked_by,
            one.neg,
            one.none,
            one.legal_position,
        )
        for name, one in entry.facts.items()
    }
    questions = {one.id: Question(one.id, one.ask, one.facts, one.scope) for one in entry.questions}
    found = Vocabulary(facts, entry.hierarchy, questions, entry.version)
    for name, one in facts.items():
        if one.asked_by not in questions or name not in questions[one.asked_by].facts:
            raise ValueError(f"no question gets `{name}`")
        for value in (one.neg, one.none):
            if value is not None and (problem := found.problem_with(name, value)):
                raise ValueError(f"`{name}`: {problem}")
    return found


def pack_of(document: Any, vocabulary: Vocabulary, *, own: bool = False) -> Pack:
    """Read a pack; a rule that cannot be meant is a ValueError that names it."""
    try:
        entry = PackEntry.model_validate(document)
    except ValidationError as error:
        raise ValueError("; ".join(_located(document, error))) from error
    rules: list[Rule] = []
    for one in entry.rules:
        try:
            rules.append(_rule(one, vocabulary, pack=entry.name))
        except ValueError as error:
            raise ValueError(f"pack {entry.name}, rule {one.id}: {error}") from error
    if len({rule.id for rule in rules}) < len(rules):
        raise ValueError(f"pack {entry.name}: two rules have the same id")
    return Pack(entry.name, entry.title, entry.version, entry.review_by, tuple(rules), entry.gathered, own)


def fixture(rule: str, one: FixtureEntry) -> Fixture:
    """Return a fixture of a rule."""
    return Fixture(rule, one.expect, one.facts, one.obligations)


def _located(document: Any, error: ValidationError) -> Iterator[str]:
    """Say what is wrong with the rule's own id in place of its number."""
    for one in error.errors():
        where = list(one["loc"])
        if where[:1] == ["rules"] and len(where) > 1 and isinstance(where[1], int):
            entry = document["rules"][where[1]]
            where[1] = entry.get("id", where[1]) if isinstance(entry, dict) else where[1]
        yield f"{'.'.join(str(part) for part in where)}: {one['msg']}"


def _rule(entry: RuleEntry, vocabulary: Vocabulary, *, pack: str) -> Rule:
    if len({one.id for one in entry.obligations}) < len(entry.obligations):
        raise ValueError("two obligations have the same id")
    return Rule(
        id=entry.id,
        title=entry.title,
        when=parse(entry.when, vocabulary),
        tier_effect=entry.tier_effect,
        legal_status=entry.legal_status,
        enforcement_status=entry.enforcement_status,
        applies_from=entry.applies_from,
        confidence=entry.confidence,
        applies=entry.applies,
        asks=entry.asks,
        authority=entry.authority,
        citation=entry.citation,
        note=entry.note,
        jurisdictions=entry.jurisdictions,
        sectors=entry.sectors,
        staged=tuple(Stage(one.from_, one.what) for one in entry.staged),
        duties=tuple(_duty(one, vocabulary) for one in entry.obligations),
        sources=tuple(Source(one.url, one.read) for one in entry.sources),
        pack=pack,
    )


def _duty(entry: DutyEntry, vocabulary: Vocabulary) -> Duty:
    if entry.retention_min and not _DURATION.match(entry.retention_min):
        raise ValueError(f"obligation {entry.id}: `{entry.retention_min}` is no duration such as P6M or P90D")
    return Duty(
        id=entry.id,
        kind=entry.kind,
        name=entry.name,
        controls=entry.controls,
        evidence=entry.evidence,
        due=str(entry.due),
        cadence=entry.cadence,
        applies_from=entry.applies_from,
        retention_min=entry.retention_min,
        retention_max=entry.retention_max,
        condition=None if entry.if_ is None else parse(entry.if_, vocabulary),
    )
