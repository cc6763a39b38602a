"""Pure: rules, and what they ask of use cases, as the parts of console pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Column,
    Empty,
    Event,
    Filter,
    Link,
    Stat,
    State,
    Status,
    Tab,
    Table,
)
from roadworthy.rules.conditions import conjuncts, describe
from roadworthy.rules.conflict_view import ConflictPart
from roadworthy.rules.decide import Decision
from roadworthy.rules.matrix import KINDS, Coming, Decided, Row
from roadworthy.rules.rule import Rule
from roadworthy.rules.tier import said

_TIERS: dict[str, State] = {
    "none": "none",
    "minimal": "info",
    "limited": "info",
    "high": "warn",
    "prohibited": "bad",
}
_WORDS = {"C": "read in a source", "M": "from memory", "h": "our own"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesPage:
    """The model of `rules.html`: a table under tabs."""

    lead: str
    tabs: Sequence[Tab]
    filters: Sequence[Filter] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPage:
    """The model of `calendar.html`."""

    lead: str
    tabs: Sequence[Tab]
    filters: Sequence[Filter]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """The model of `rule.html`."""

    status: Status
    lead: str
    facts: Sequence[tuple[str, Cell]]
    asks: str
    when: Sequence[str]
    note: str
    confidence: str
    sources: Sequence[tuple[str, str]]
    cases: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """The model of `use_case_rules.html`."""

    lead: str
    tabs: Sequence[Tab]
    stats: Sequence[Stat]
    groups: Sequence[tuple[str, str, Sequence[Check]]]
    """(title, what it means, the rules)."""
    obligations: Table
    conflict: ConflictPart
    warnings: Sequence[str]


def tabs(current: str) -> tuple[Tab, ...]:
    """Return the views of all rules."""
    views = (
        ("Rules", "/rules"),
        ("Use cases and obligations", "/rules/matrix"),
        ("What changes when", "/rules/calendar"),
        ("Too much, too little", "/portfolio/balance"),
    )
    return tuple(Tab(title, href, current=href == current) for title, href in views)


def confirmed(rule: Rule) -> Status:
    """Say in a chip how a rule was confirmed."""
    word = _WORDS.get(rule.confidence[:1], rule.confidence)
    return Status("good" if rule.verified else "warn", word)


def _words(text: str) -> str:
    return text.replace("_", " ")


def rules_table(rules: Iterable[Rule], cases: Sequence[Decided]) -> Table:
    """List rules with for how many use cases each fires, comes or is open."""
    rows: list[dict[str, Cell]] = []
    for rule in rules:
        fires = sum(1 for one in cases if rule.id in one.decision.fires_now + one.decision.fires_later)
        needs = sum(1 for one in cases if rule.id in one.decision.needs_info)
        rows.append(
            {
                "title": rule.title,
                "rule": rule.id,
                "tier": Status(_TIERS[rule.tier_effect], rule.tier_effect),
                "legal_status": _words(rule.legal_status),
                "enforcement_status": _words(rule.enforcement_status),
                "applies_from": rule.applies_from,
                "confirmed": confirmed(rule),
                "fires_for": fires,
                "open_for": needs,
                "href": f"/rules/{rule.id}",
            }
        )
    return Table(
        columns=[
            Column(key="title", title="Rule"),
            Column(key="rule", title="Id"),
            Column(key="tier", title="Raises tier to"),
            Column(key="legal_status", title="Legal status"),
            Column(key="enforcement_status", title="Enforcement"),
            Column(key="applies_from", title="Applies from"),
            Column(key="confirmed", title="Confirmed"),
            Column(key="fires_for", title="Fires for", numeric=True),
            Column(key="open_for", title="Open for", numeric=True),
        ],
        rows=rows,
        caption="Rules",
        empty=Empty(sentence="No rule is like that.", command="roadworthy rules list"),
    )


def matrix_table(rows: Sequence[Row]) -> Table:
    """Show how many obligations of each kind each sort of use case owes now, and later in brackets."""
    used = [kind for kind in KINDS if any(row.now.get(kind) or row.later.get(kind) for row in rows)]
    return Table(
        columns=[
            Column(key="bucket", title="Sort of use case"),
            Column(key="use_cases", title="Use cases", numeric=True),
            *(Column(key=kind, title=kind.capitalize(), numeric=True) for kind in used),
            Column(key="open", title="With open questions", numeric=True),
        ],
        rows=[
            {
                "bucket": row.bucket or "in no bucket",
                "use_cases": row.use_cases,
                **{kind: _count(row.now.get(kind, 0), row.later.get(kind, 0)) for kind in used},
                "open": row.open,
                "href": f"/portfolio?bucket={row.bucket}" if row.bucket else "",
            }
            for row in rows
        ],
        caption="Obligations owed now, and those to come after the plus",
        empty=Empty(sentence="No use case is like that.", command="roadworthy rules matrix"),
    )


def _count(now: int, later: int) -> Cell:
    if not now and not later:
        return 0
    return f"{now} +{later}" if later else now


def calendar_events(found: Sequence[Coming]) -> list[Event]:
    """Return the days ahead as a line of time."""
    return [
        Event(
            at=datetime.combine(one.on, time(), UTC),
            what=one.title,
            state="warn" if one.rule and one.use_cases else "info",
            why=f"{one.what} {_cases(one)}".strip(),
            href=f"/rules/{one.rule}" if one.rule else "",
        )
        for one in found
    ]


def _cases(one: Coming) -> str:
    if not one.rule or not one.use_cases:
        return ""
    return f"For {', '.join(one.use_cases[:6])}" + (
        f" and {len(one.use_cases) - 6} more." if len(one.use_cases) > 6 else "."
    )


def calendar_table(found: Sequence[Coming]) -> Table:
    """List what changes, by day."""
    return Table(
        columns=[
            Column(key="on", title="On"),
            Column(key="title", title="What"),
            Column(key="what", title="Change"),
            Column(key="rule", title="Rule"),
            Column(key="use_cases", title="Use cases"),
        ],
        rows=[
            {
                "on": one.on,
                "title": one.title,
                "what": one.what,
                "rule": one.rule or None,
                "use_cases": ", ".join(one.use_cases) or None,
            }
            for one in found
        ],
        caption="What changes when",
    )


def obligations_table(rule: Rule) -> Table:
    """List what a rule asks for."""
    return Table(
        columns=[
            Column(key="name", title="Obligation"),
            Column(key="kind", title="Kind"),
            Column(key="condition", title="Only if"),
            Column(key="due", title="Due"),
            Column(key="cadence", title="How often"),
            Column(key="retention", title="Kept"),
            Column(key="applies_from", title="From"),
            Column(key="controls", title="Controls"),
        ],
        rows=[
            {
                "name": one.name,
                "kind": one.kind,
                "condition": describe(one.condition) if one.condition is not None else None,
                "due": one.due or None,
                "cadence": one.cadence or None,
                "retention": _kept(one.retention_min, one.retention_max),
                "applies_from": one.applies_from or rule.applies_from,
                "controls": ", ".join(one.controls) or None,
            }
            for one in rule.duties
        ],
        caption="What it asks for",
        empty=Empty(sentence="It asks for nothing: it is there to be watched."),
    )


def _kept(least: str, most: str) -> str | None:
    parts = [f"at least {least}" if least else "", f"at most {most}" if most else ""]
    return ", ".join(part for part in parts if part) or None


def rule_page(rule: Rule, cases: Sequence[Decided]) -> RulePage:
    """Return everything about a rule."""
    rows: list[dict[str, Cell]] = []
    for one in cases:
        state = _state(rule.id, one.decision)
        if state is not None:
            rows.append(
                {
                    "title": one.title,
                    "state": state,
                    "why": _why(rule, one.decision),
                    "href": f"/use-cases/{one.name}/rules",
                }
            )
    return RulePage(
        status=Status(_TIERS[rule.tier_effect], rule.tier_effect),
        lead=rule.applies,
        facts=[
            ("Id", rule.id),
            ("Pack", rule.pack),
            ("Legal status", _words(rule.legal_status)),
            ("Enforcement", _words(rule.enforcement_status)),
            ("Applies from", rule.applies_from),
            ("Confirmed", confirmed(rule)),
            ("Unmet duties", "stand in the way" if rule.blocks else "warn"),
        ],
        asks=rule.asks,
        when=[describe(part) for part in conjuncts(rule.when)],
        note=rule.note,
        confidence=rule.confidence,
        sources=[
            *([(rule.citation, rule.authority)] if rule.citation else []),
            *((one.url, f"read: {one.read}") for one in rule.sources),
        ],
        cases=Table(
            columns=[
                Column(key="title", title="Use case"),
                Column(key="state", title="Here"),
                Column(key="why", title="Because"),
            ],
            rows=rows,
            caption="Use cases it fires for, or may fire for",
            empty=Empty(sentence="It is silent for every use case."),
        ),
    )


def _state(rule: str, decision: Decision) -> Status | None:
    if rule in decision.fires_now:
        return Status("warn", "fires")
    if rule in decision.fires_later:
        return Status("info", "comes")
    return Status("none", "needs information") if rule in decision.needs_info else None


def _why(rule: Rule, decision: Decision) -> str:
    if rule.id in decision.needs_info:
        return f"Open: {', '.join(_words(one) for one in decision.missing[rule.id])}."
    names = decision.answer(rule).rests_on
    return "; ".join(f"{_words(one)}: {said(decision.facts.get(one))}" for one in names) or "It always does."


def case_page(name: str, decision: Decision, conflict: ConflictPart) -> CasePage:
    """Return why each rule fires, comes, is silent or needs information for a use case."""
    fires = [_check(rule, decision, Status("warn", rule.tier_effect)) for rule in decision.now]
    comes = [_check(rule, decision, Status("info", f"from {rule.applies_from}")) for rule in decision.later]
    needs = [_check(rule, decision, Status("none", f"could be {rule.tier_effect}")) for rule in decision.open]
    silent = _silent(decision)
    owed = [one for one in decision.obligations if one.state != "later"]
    tier = f"at least {decision.tier}" if decision.provisional else decision.tier
    return CasePage(
        lead=f"Its tier is {tier}. {len(fires)} rules fire, {len(comes)} come, {len(needs)} are open.",
        tabs=(
            Tab("Overview", f"/use-cases/{name}"),
            Tab("Gate", f"/use-cases/{name}/gate"),
            Tab("Rules", f"/use-cases/{name}/rules", current=True),
            Tab("Controls", f"/use-cases/{name}/controls"),
            Tab("Scorecard", f"/scorecard/{name}"),
        ),
        stats=(
            Stat(label="Rules that fire", value=str(len(fires))),
            Stat(label="Rules that come", value=str(len(comes))),
            Stat(label="Rules that need information", value=str(len(needs))),
            Stat(label="Obligations owed now", value=str(len(owed))),
        ),
        groups=(
            ("Fires", "What is stated makes these rules apply today.", fires),
            ("Comes", "These apply from their day on; a tier they raise is raised already.", comes),
            ("Needs information", "An open question is never taken for a no.", needs),
            ("Silent", "Where one answer alone keeps a rule silent, it comes first.", silent),
        ),
        obligations=_owed(decision),
        conflict=conflict,
        warnings=decision.warnings,
    )


def _check(rule: Rule, decision: Decision, status: Status) -> Check:
    missing = decision.missing.get(rule.id)
    return Check(
        status=status,
        what=rule.title,
        why=_why(rule, decision),
        next_step=f"Answer {', '.join(_words(one) for one in missing)}." if missing else "",
        link=Link("Open", f"/rules/{rule.id}"),
    )


def _silent(decision: Decision) -> list[Check]:
    """List silent rules, those that one condition alone keeps silent first: they are the near misses."""
    by_id = decision.rulebook.by_id
    found = sorted(decision.silences.items(), key=lambda pair: (len(pair[1]), pair[0]))
    return [
        Check(
            status=Status("good", "silent"),
            what=by_id[rule].title,
            why="Does not hold: " + "; ".join(one.condition for one in because) + ".",
            link=Link("Open", f"/rules/{rule}"),
        )
        for rule, because in found
    ]


def _owed(decision: Decision) -> Table:
    states: dict[str, Status] = {
        "now": Status("warn", "owed"),
        "later": Status("info", "comes"),
        "needs-information": Status("none", "depends"),
    }
    by_id = decision.rulebook.by_id
    return Table(
        columns=[
            Column(key="name", title="Obligation"),
            Column(key="kind", title="Kind"),
            Column(key="state", title="State"),
            Column(key="applies_from", title="From"),
            Column(key="due", title="Due"),
            Column(key="cadence", title="How often"),
            Column(key="controls", title="Proved by"),
            Column(key="rule", title="Rule"),
        ],
        rows=[
            {
                "name": one.name,
                "kind": one.kind,
                "state": states[one.state],
                "applies_from": one.applies_from,
                "due": one.due or None,
                "cadence": one.cadence or None,
                "controls": ", ".join(one.controls) or None,
                "rule": Link(by_id[one.rule].title, f"/rules/{one.rule}"),
            }
            for one in decision.obligations
        ],
        caption="Obligations",
        empty=Empty(sentence="No rule asks for anything."),
    )


def case_table(decision: Decision) -> Table:
    """List every rule with how it stands and why: the page's twin."""
    by_id = decision.rulebook.by_id
    rows: list[dict[str, Cell]] = [
        {
            "rule": rule.id,
            "title": rule.title,
            "state": state,
            "tier": rule.tier_effect,
            "applies_from": rule.applies_from,
            "because": _why(rule, decision),
        }
        for state, rules in (
            ("fires", decision.now),
            ("comes", decision.later),
            ("needs information", decision.open),
        )
        for rule in rules
    ]
    rows += [
        {
            "rule": rule,
            "title": by_id[rule].title,
            "state": "silent",
            "tier": by_id[rule].tier_effect,
            "applies_from": by_id[rule].applies_from,
            "because": "; ".join(one.condition for one in because),
        }
        for rule, because in decision.silences.items()
    ]
    return Table(
        columns=[
            Column(key="rule", title="Rule"),
            Column(key="title", title="Title"),
            Column(key="state", title="State"),
            Column(key="tier", title="Tier"),
            Column(key="applies_from", title="Applies from"),
            Column(key="because", title="Because"),
        ],
        rows=rows,
    )
