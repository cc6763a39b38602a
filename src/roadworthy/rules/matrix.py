"""Pure: what is asked of which sort of use case, and what changes on which day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

from roadworthy.rules.decide import Decision
from roadworthy.rules.rule import ObligationKind, Rule
from roadworthy.rules.rulebook import Rulebook

KINDS: tuple[str, ...] = get_args(ObligationKind)


@dataclass(frozen=True, slots=True)
class Decided:
    """A use case as the matrix needs it."""

    name: str
    title: str
    bucket: str
    decision: Decision

    @property
    def sectors(self) -> tuple[str, ...]:
        """Return the sectors stated for it."""
        return tuple(self.decision.facts.get("sector") or ())

    @property
    def places(self) -> frozenset[str]:
        """Return where its people are, and what that lies in."""
        vocabulary = self.decision.rulebook.vocabulary
        return vocabulary.held(self.decision.facts.get("jurisdictions") or ())


@dataclass(frozen=True, slots=True)
class Row:
    """One sort of use case: how many, and how many obligations of each kind, now and later."""

    bucket: str
    use_cases: int
    now: Mapping[str, int]
    later: Mapping[str, int]
    open: int
    """How many of the use cases have rules that need information."""


def matrix(
    cases: Iterable[Decided], *, jurisdiction: str = "", sector: str = ""
) -> tuple[tuple[Row, ...], tuple[Decided, ...]]:
    """Count obligations by sort of use case and kind; a jurisdiction counts only its own rules."""
    chosen = [
        one
        for one in cases
        if (not jurisdiction or jurisdiction in one.places) and (not sector or sector in one.sectors)
    ]
    rows = []
    for bucket in sorted({one.bucket for one in chosen}):
        members = [one for one in chosen if one.bucket == bucket]
        now: Counter[str] = Counter()
        later: Counter[str] = Counter()
        for one in members:
            rules = one.decision.rulebook.by_id
            for obligation in one.decision.obligations:
                if jurisdiction and jurisdiction not in rules[obligation.rule].jurisdictions:
                    continue
                (later if obligation.state == "later" else now)[obligation.kind] += 1
        rows.append(Row(bucket, len(members), now, later, sum(bool(one.decision.open) for one in members)))
    return tuple(rows), tuple(chosen)


@dataclass(frozen=True, slots=True)
class Coming:
    """What changes on a day."""

    on: date
    rule: str
    title: str
    what: str
    use_cases: tuple[str, ...]
    """The use cases it changes something for."""


def calendar(cases: Sequence[Decided], book: Rulebook, *, after: date) -> tuple[Coming, ...]:
    """List what changes after a day, and for which use cases: rules, stages, duties, reviews of packs."""
    found: list[Coming] = []
    for rule in book.rules:
        meant = tuple(
            one.name
            for one in cases
            if rule.id in one.decision.fires_now or rule.id in one.decision.fires_later
        )
        found += [Coming(on, rule.id, rule.title, what, meant) for on, what in _dates(rule) if on > after]
    every = tuple(one.name for one in cases)
    found += [
        Coming(pack.review_by, "", pack.title, f"Pack {pack.name} is to be reviewed by this day.", every)
        for pack in book.packs
        if pack.review_by > after
    ]
    return tuple(sorted(found, key=lambda one: (one.on, not one.use_cases, one.rule)))


def _dates(rule: Rule) -> list[tuple[date, str]]:
    if not rule.can_fire:
        return []
    count = len(rule.duties)
    duties = "1 obligation begins" if count == 1 else f"{count} obligations begin"
    dates = [(rule.applies_from, f"It applies: {duties}.")]
    dates += [(one.from_, f"{one.what[:1].upper()}{one.what[1:]}.") for one in rule.staged]
    dates += [
        (duty.applies_from, f"It begins: {duty.name}.")
        for duty in rule.duties
        if duty.applies_from is not None
    ]
    return dates


def matrix_document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the matrix as the API shows it."""
    return [
        {
            "bucket": row.bucket,
            "use_cases": row.use_cases,
            "with_open_questions": row.open,
            "now": {kind: row.now[kind] for kind in KINDS if row.now.get(kind)},
            "later": {kind: row.later[kind] for kind in KINDS if row.later.get(kind)},
        }
        for row in rows
    ]
