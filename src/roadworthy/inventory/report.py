"""Pure: what a whole list comes to: tiers, who answers, what lacks evidence, what to do first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from roadworthy.inventory.gaps import Gap, claimed, gaps_of, weight
from roadworthy.inventory.judging import TIERS, Judge, Judged, Tier
from roadworthy.inventory.kinds import InventoryEntry

STEPS_MAX = 25
ENTRIES_MAX = 25


@dataclass(frozen=True, slots=True)
class Assessed:
    """An entry with all that follows from it."""

    name: str
    entry: InventoryEntry
    judged: Judged
    gaps: tuple[Gap, ...]
    weight: float
    promoted_to: str = ""
    """The use case it became, which is governed by itself."""

    @property
    def score(self) -> float:
        """Return risk times what is missing: what comes first when entries are ranked."""
        return round(self.weight * len(self.gaps), 1)

    @property
    def risky(self) -> bool:
        """Say whether the rules or the list call it high or worse."""
        return "high" in {self.judged.tier, self.entry.declared_risk} or "prohibited" in {
            self.judged.tier,
            self.entry.declared_risk,
        }


@dataclass(frozen=True, slots=True)
class TierLine:
    """How many entries are of a tier."""

    tier: Tier
    entries: int
    provisional: int
    live: int
    declared: int
    """How many the list itself calls so."""


@dataclass(frozen=True, slots=True)
class CheckLine:
    """How often the list claims that something was done."""

    name: str
    title: str
    kind: str
    asked: int
    present: int
    planned: int
    waived: int
    absent: int
    unknown: int


@dataclass(frozen=True, slots=True)
class ObligationLine:
    """How many entries owe something, and for how many anything of its kind is even claimed."""

    id: str
    name: str
    kind: str
    rule: str
    entries: int
    claimed: int


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, for many entries at once."""

    rank: int
    what: str
    why: str
    gap: str
    """The filter of the list that shows them: `owner`, `check:NAME`, `question:FACT`, `evidence:ID`."""
    entries: int
    risky_and_live: int
    work: int
    """How many answers or pieces of work it takes: one for each entry, or for each unit."""
    score: float
    """The risk of all entries that wait for it, added up."""
    score_per_work: float
    """What it is ranked by: risk lifted for each piece of work."""


@dataclass(frozen=True, slots=True)
class UnitLine:
    """One unit of the list."""

    unit: str
    entries: int
    live: int
    risky: int
    gaps: int


@dataclass(frozen=True, slots=True)
class Report:
    """A whole list."""

    entries: int
    tiers: tuple[TierLine, ...]
    declared_above: int
    """Entries that the list calls riskier than the rules do so far."""
    without_owner: int
    without_outcome: int
    without_figure: int
    without_stage: int
    checks: tuple[CheckLine, ...]
    obligations: tuple[ObligationLine, ...]
    questions: tuple[tuple[str, str, int], ...]
    """Fact, question, how many entries wait for it."""
    steps: tuple[Step, ...]
    first: tuple[Assessed, ...]
    units: tuple[UnitLine, ...]
    stages: tuple[tuple[str, int], ...]
    with_findings: int
    promoted: int
    decided: int
    """How many different sets of facts there are."""


def assess(name: str, entry: InventoryEntry, judge: Judge, *, promoted_to: str = "") -> Assessed:
    """Return an entry with all that follows from it; one that became a use case weighs nothing more."""
    judged = judge.of(entry.facts)
    weighs = 0.0 if promoted_to else weight(entry, judged)
    return Assessed(name, entry, judged, gaps_of(entry, judged), weighs, promoted_to)


def report(assessed: Sequence[Assessed], judge: Judge) -> Report:
    """Sum up a list."""
    ranked = sorted(assessed, key=lambda one: (-one.score, one.name))
    return Report(
        entries=len(assessed),
        tiers=_tiers(assessed),
        declared_above=sum(_declared_above(one) for one in assessed),
        without_owner=_count(assessed, "owner"),
        without_outcome=_count(assessed, "outcome"),
        without_figure=_count(assessed, "measurement"),
        without_stage=_count(assessed, "stage"),
        checks=_checks(assessed),
        obligations=_obligations(assessed),
        questions=_questions(assessed),
        steps=_steps(assessed, judge),
        first=tuple(one for one in ranked[:ENTRIES_MAX] if one.score > 0),
        units=_units(assessed),
        stages=tuple(Counter(one.entry.stage or "unknown" for one in assessed).most_common()),
        with_findings=sum(bool(one.entry.findings) for one in assessed),
        promoted=sum(bool(one.promoted_to) for one in assessed),
        decided=judge.decided,
    )


def _declared_above(one: Assessed) -> bool:
    declared = one.entry.declared_risk
    return declared is not None and TIERS.index(declared) > TIERS.index(one.judged.tier)


def _count(assessed: Sequence[Assessed], kind: str) -> int:
    return sum(any(gap.kind == kind for gap in one.gaps) for one in assessed)


def _tiers(assessed: Sequence[Assessed]) -> tuple[TierLine, ...]:
    return tuple(
        TierLine(
            tier=tier,
            entries=sum(one.judged.tier == tier for one in assessed),
            provisional=sum(one.judged.tier == tier and one.judged.provisional for one in assessed),
            live=sum(one.judged.tier == tier and one.entry.stage == "live" for one in assessed),
            declared=sum(one.entry.declared_risk == tier for one in assessed),
        )
        for tier in reversed(TIERS)
    )


def _checks(assessed: Sequence[Assessed]) -> tuple[CheckLine, ...]:
    titles: dict[str, tuple[str, str]] = {}
    states: dict[str, Counter[str]] = {}
    for one in assessed:
        for name, claim in one.entry.claims.items():
            titles.setdefault(name, (claim.title, claim.kind))
            states.setdefault(name, Counter())[claim.state] += 1
    return tuple(
        CheckLine(
            name=name,
            title=title,
            kind=kind,
            asked=sum(states[name].values()),
            **{state: states[name][state] for state in ("present", "planned", "waived", "absent", "unknown")},
        )
        for name, (title, kind) in titles.items()
    )


def _obligations(assessed: Sequence[Assessed]) -> tuple[ObligationLine, ...]:
    found: dict[str, tuple[str, str, str]] = {}
    owed: Counter[str] = Counter()
    with_claim: Counter[str] = Counter()
    for one in assessed:
        for duty in one.judged.owed:
            found.setdefault(duty.id, (duty.name, duty.kind, duty.rule))
            owed[duty.id] += 1
            with_claim[duty.id] += claimed(one.entry, duty.kind)
    return tuple(
        ObligationLine(id_, *found[id_], owed[id_], with_claim[id_]) for id_, _ in owed.most_common()
    )


def _questions(assessed: Sequence[Assessed]) -> tuple[tuple[str, str, int], ...]:
    texts: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for one in assessed:
        for question in one.judged.questions:
            texts.setdefault(question.fact, question.text)
            counted[question.fact] += 1
    return tuple((fact, texts[fact], times) for fact, times in counted.most_common())


def keys_of(one: Assessed) -> list[str]:
    """Return what an entry lacks, each as the filter that finds all entries which lack it."""
    return [
        *(f"{gap.kind}:{gap.id}" if gap.kind in {"check", "evidence"} else gap.kind for gap in one.gaps),
        *(f"question:{question.fact}" for question in one.judged.questions),
    ]


def _steps(assessed: Sequence[Assessed], judge: Judge) -> tuple[Step, ...]:
    """Rank what to do by the risk that each piece of work lifts."""
    waiting: dict[str, list[Assessed]] = {}
    for one in assessed:
        for key in keys_of(one):
            if key != "questions" and one.weight > 0:
                waiting.setdefault(key, []).append(one)
    steps = [_step(key, found, judge) for key, found in waiting.items()]
    steps.sort(key=lambda one: (-one.score_per_work, -one.score, one.gap))
    return tuple(replace(one, rank=place) for place, one in enumerate(steps[:STEPS_MAX], start=1))


def _step(key: str, found: Sequence[Assessed], judge: Judge) -> Step:
    sort, _, id_ = key.partition(":")
    once = sort == "question" and judge.asked_once(id_)
    work = len({one.entry.unit for one in found}) if once else len(found)
    score = sum(one.weight for one in found)
    what = _STEP_OF[sort](key, found)
    return Step(
        rank=0,
        what=f"{what} (once for each of {work:,} units)" if once else what,
        why=_why(found),
        gap=key,
        entries=len(found),
        risky_and_live=sum(one.risky and one.entry.stage == "live" for one in found),
        work=work,
        score=round(score, 1),
        score_per_work=round(score / work, 2),
    )


def _why(found: Sequence[Assessed]) -> str:
    live = sum(one.entry.stage == "live" for one in found)
    risky = sum(one.risky for one in found)
    running = f"{live:,} of {len(found):,} are live" if live else "None of them is live"
    return f"{running}, {risky:,} are called high or worse by the rules or by the list itself."


def _entries(found: Sequence[Assessed]) -> str:
    return f"{len(found):,} entr{'y' if len(found) == 1 else 'ies'}"


def _check_step(key: str, found: Sequence[Assessed]) -> str:
    title = found[0].entry.claims[key.partition(":")[2]].title
    return f"Show that it was done, or do it, for {_entries(found)}: {title[:1].lower()}{title[1:]}"


def _evidence_step(key: str, found: Sequence[Assessed]) -> str:
    duty = next(one for one in found[0].judged.owed if one.id == key.partition(":")[2])
    return f"Bring evidence of “{duty.name}” for {_entries(found)} ({duty.rule})"


def _question_step(key: str, found: Sequence[Assessed]) -> str:
    fact = key.partition(":")[2]
    text = next(one.text for one in found[0].judged.questions if one.fact == fact)
    return f"Answer for {_entries(found)}: {text}"


_STEP_OF: dict[str, Callable[[str, Sequence[Assessed]], str]] = {
    "owner": lambda _key, found: f"Name who answers for {_entries(found)}",
    "outcome": lambda _key, found: f"Say what {_entries(found)} are to achieve",
    "measurement": lambda _key, found: f"Put a figure to the benefit of {_entries(found)}",
    "stage": lambda _key, found: f"Say how far along {_entries(found)} are",
    "title": lambda _key, found: f"Give a title to {_entries(found)}",
    "check": _check_step,
    "evidence": _evidence_step,
    "question": _question_step,
}


def _units(assessed: Sequence[Assessed]) -> tuple[UnitLine, ...]:
    by_unit: dict[str, list[Assessed]] = {}
    for one in assessed:
        by_unit.setdefault(one.entry.unit or "", []).append(one)
    lines = [
        UnitLine(
            unit=unit,
            entries=len(found),
            live=sum(one.entry.stage == "live" for one in found),
            risky=sum(one.risky for one in found),
            gaps=sum(len(one.gaps) for one in found),
        )
        for unit, found in by_unit.items()
    ]
    return tuple(sorted(lines, key=lambda one: (-one.entries, one.unit)))
