"""The console's pages of rules: those in force, one of them, what they ask of a use case and of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Query

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Filter, Option
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.registry.kinds import NAME_PATTERN
from roadworthy.rules import conflict_view, queries, rule_view
from roadworthy.rules.matrix import calendar, matrix

router = Router(tag="console")
RULES = "/rules"
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
RuleName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.]{0,119}$")]
Short = Annotated[str, Query(max_length=80)]


@router.page(RULES, permission="governance.read")
def rules_page(
    tx: Tx, call: Call, jurisdiction: Short = "", sector: Short = "", pack: Short = "", tier: Short = ""
) -> View:
    """Every rule in force: since when, how it was confirmed, and for how many use cases it fires."""
    book, cases = queries.rulebook(tx), queries.decided(tx, now=call.now)
    shown = [
        rule
        for rule in book.rules
        if (not jurisdiction or jurisdiction in rule.jurisdictions)
        and (not sector or sector in rule.sectors)
        and pack in {"", rule.pack}
        and tier in {"", rule.tier_effect}
    ]
    overdue = [one.name for one in book.packs if one.overdue(call.now.date())]
    lead = f"{len(shown)} of {len(book.rules)} rules in {len(book.packs)} packs."
    lead += f" Past their review: {', '.join(overdue)}." if overdue else " No pack is past its review."
    lead += " Not legal advice: each rule says how it was confirmed."
    chosen = {"jurisdiction": jurisdiction, "sector": sector, "pack": pack, "tier": tier}
    known = {
        "jurisdiction": sorted({one for rule in book.rules for one in rule.jurisdictions}),
        "sector": sorted({one for rule in book.rules for one in rule.sectors}),
        "pack": [one.name for one in book.packs],
        "tier": ["minimal", "limited", "high", "prohibited"],
    }
    return View(
        title="Rules",
        template="rules/rules.html",
        model=rule_view.RulesPage(
            lead=lead,
            tabs=rule_view.tabs(RULES),
            filters=[_filter(name, value, known[name]) for name, value in chosen.items()],
        ),
        table=rule_view.rules_table(shown, cases),
        active=RULES,
        command="roadworthy rules list",
    )


def _filter(name: str, value: str, known: Sequence[str]) -> Filter:
    options = [Option("", f"All: {name}"), *(Option(one, one) for one in known)]
    return Filter(name=name, label=name.capitalize(), value=value, options=options)


@router.page("/rules/matrix", permission="governance.read")
def matrix_page(tx: Tx, call: Call, jurisdiction: Short = "", sector: Short = "") -> View:
    """What is asked of which sort of use case: obligations owed now, and those that come."""
    cases = queries.decided(tx, now=call.now)
    rows, chosen = matrix(cases, jurisdiction=jurisdiction, sector=sector)
    owed = sum(sum(row.now.values()) for row in rows)
    coming = sum(sum(row.later.values()) for row in rows)
    places = sorted({place for one in cases for place in one.places})
    sectors = sorted({name for one in cases for name in one.sectors})
    return View(
        title="Use cases and obligations",
        template="rules/rules.html",
        model=rule_view.RulesPage(
            lead=f"{len(chosen)} use cases owe {owed} obligations now; {coming} more have a date ahead.",
            tabs=rule_view.tabs("/rules/matrix"),
            filters=[_filter("jurisdiction", jurisdiction, places), _filter("sector", sector, sectors)],
        ),
        table=rule_view.matrix_table(rows),
        breadcrumbs=(Crumb("Rules", RULES),),
        active=RULES,
        command="roadworthy rules matrix",
    )


@router.page("/rules/calendar", permission="governance.read")
def calendar_page(tx: Tx, call: Call, all_rules: Short = "") -> View:
    """What changes on which day, and for which use cases."""
    found = calendar(queries.decided(tx, now=call.now), queries.rulebook(tx), after=call.now.date())
    shown = found if all_rules else tuple(one for one in found if one.use_cases)
    following = next((one for one in shown if one.rule), None)
    lead = "Nothing that is known changes for a use case."
    if following is not None:
        lead = f"Next, on {following.on}: {following.title} ({len(following.use_cases)} use cases)."
    every = Filter(
        name="all_rules",
        label="Show",
        value=all_rules,
        options=[Option("", "What concerns a use case"), Option("yes", "Every date that is known")],
    )
    return View(
        title="What changes when",
        template="rules/calendar.html",
        model=rule_view.CalendarPage(
            lead=lead,
            tabs=rule_view.tabs("/rules/calendar"),
            filters=[every],
            events=rule_view.calendar_events(shown),
        ),
        table=rule_view.calendar_table(shown),
        breadcrumbs=(Crumb("Rules", RULES),),
        active=RULES,
        command="roadworthy rules calendar",
    )


@router.page("/rules/{rule}", permission="governance.read")
def rule_page(tx: Tx, call: Call, rule: RuleName) -> View:
    """One rule: when it applies, what it asks for, how it was confirmed, and to what it applies here."""
    book = queries.rulebook(tx)
    known = book.by_id.get(rule)
    if known is None:
        raise NotFoundError(f"There is no rule `{rule[:120]}`.", fix="Open the list of rules.")
    cases = queries.decided(tx, now=call.now)
    return View(
        title=known.title,
        template="rules/rule.html",
        model=rule_view.rule_page(known, cases),
        table=rule_view.obligations_table(known),
        breadcrumbs=(Crumb("Rules", RULES),),
        active=RULES,
        command=f"roadworthy rules show {rule}",
    )


@router.page("/use-cases/{name}/rules", permission="governance.read")
def use_case_rules_page(tx: Tx, call: Call, name: UseCaseName) -> View:
    """Why each rule fires for a use case, is coming, is silent, or needs information."""
    found = queries.case(tx, name, now=call.now)
    return View(
        title=f"Rules: {found.resource.spec.title}",
        template="rules/use_case_rules.html",
        model=rule_view.case_page(
            name, found.decision, _conflict(call, name, found, queries.kept(tx, found))
        ),
        table=rule_view.case_table(found.decision),
        breadcrumbs=(
            Crumb("Portfolio", "/portfolio"),
            Crumb(found.resource.spec.title, f"/use-cases/{name}"),
        ),
        active="/portfolio",
        command=f"roadworthy rules explain use-case/{name}",
    )


def _conflict(call: Call, name: str, one: queries.Case, kept: queries.Kept) -> conflict_view.ConflictPart:
    return conflict_view.part(
        name,
        kept.retention,
        kept.rulings,
        may_decide=call.who.may("conflict.decide", namespace=one.resource.namespace),
        now=call.now,
    )
