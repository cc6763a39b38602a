"""The console's page of back-tests: declarations tried on past calls, before they are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Form

from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Empty,
    Link,
    Milliseconds,
    Money,
    Status,
    Table,
)
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.gateway import backtest_door
from roadworthy.gateway.backtest import Tested
from roadworthy.gateway.backtest_door import CaseChange, Result, Tryout
from roadworthy.gateway.filters.backtest import Texts
from roadworthy.registry import manifest

router = Router(tag="backtests")
ACCESS = "/access"
PAGE = f"{ACCESS}/backtest"
_WHAT = {
    "refused": Status("bad", "would be refused"),
    "allowed": Status("warn", "would be allowed"),
    "moved": Status("info", "another model"),
    "masked": Status("info", "would be masked"),
    "unmasked": Status("warn", "no longer masked"),
    "unknown": Status("none", "cannot be said"),
}
_GRANT = {
    "ends": Status("bad", "ends"),
    "narrows": Status("warn", "narrows"),
    "starts": Status("good", "starts"),
    "widens": Status("info", "widens"),
    "": Status("none", "stays"),
}
CALLERS_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPage:
    """The model of `backtest.html`."""

    lead: str
    text: str
    stop: str
    days: int
    action: str
    status: Status | None
    found: Table | None
    use_cases: Table | None
    texts: Sequence[tuple[str, Cell]]
    notes: Sequence[str]


@router.page(PAGE, permission="usage.read", access="none")
def backtest_page(call: Call) -> View:
    """Ask for declarations to be tried on past calls."""
    return _view("", "", None, now=call.now)


@router.form(PAGE, permission="usage.read", access="none")
def backtest_form(
    call: Call,
    text: Annotated[str, Form(max_length=200_000)] = "",
    stop: Annotated[str, Form(max_length=1_000)] = "",
    days: Annotated[int, Form(ge=1, le=90)] = 7,
) -> Any:
    """Try declarations on past calls, and show what would have differed."""
    files = manifest.parse(text, file="proposal.yaml") if text.strip() else []
    found = backtest_door.run(call, Tryout(files=files, stop=stop.split(), days=days))
    return _view(text, stop, found, now=call.now, days=days)


def _view(text: str, stop: str, found: Result | None, *, now: datetime, days: int = 7) -> View:
    groups = None if found is None else _groups(found.tested)
    return View(
        title="Try declarations on past calls",
        template="gateway/backtest.html",
        model=BacktestPage(
            lead=f"The calls of the {days} days up to {now:%Y-%m-%d %H:%M} UTC are decided once more, with "
            "the declarations below and without. Nothing is applied.",
            text=text,
            stop=stop,
            days=days,
            action=PAGE,
            status=None if found is None else _status(found.tested),
            found=groups,
            use_cases=_cases(found.use_cases) if found is not None and found.use_cases else None,
            texts=_texts(found.tested.texts) if found is not None and found.tested.texts is not None else (),
            notes=found.tested.notes if found is not None else (),
        ),
        table=groups,
        breadcrumbs=(Crumb("Access", ACCESS),),
        active=ACCESS,
        command=f"roadworthy backtest -f FILE --days {days}",
    )


def _status(found: Tested) -> Status:
    word = f"{found.refused:,} of {found.calls:,} calls would have been refused"
    return Status("warn", word) if found.groups else Status("good", word)


def _groups(found: Tested) -> Table:
    columns = (
        Column(key="what", title="What"),
        Column(key="calls", title="Calls", numeric=True),
        Column(key="use_case", title="Of use case"),
        Column(key="callers", title="Callers"),
        Column(key="by", title="By"),
        Column(key="statement", title="Because of"),
        Column(key="cost", title="Cost then", numeric=True),
        Column(key="latency_ms", title="Mean time then", numeric=True),
        Column(key="example", title="Newest"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "what": _WHAT[one.what],
            "calls": one.calls,
            "use_case": Link(one.use_case, f"/use-cases/{one.use_case}") if one.use_case else None,
            "callers": _callers(one.callers),
            "by": Code(one.by) if one.by else None,
            "statement": one.statement or None,
            "cost": Money(one.cost_nano, one.currency) if one.currency else None,
            "latency_ms": Milliseconds(one.latency_ms),
            "example": Link(one.example, f"/traces/{one.example}"),
        }
        for one in found.groups
    ]
    return Table(
        caption="What would have differed",
        columns=columns,
        rows=rows,
        empty=Empty(sentence=f"Nothing: all {found.calls:,} calls would be decided as they are today."),
    )


def _callers(callers: Any) -> str:
    named = [f"{name.partition('/')[2] or name} ({count:,})" for name, count in callers.items()]
    more = len(named) - CALLERS_SHOWN
    return ", ".join(named[:CALLERS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _cases(changed: Sequence[CaseChange]) -> Table:
    columns = (
        Column(key="use_case", title="Use case"),
        Column(key="tier", title="Tier"),
        Column(key="grant", title="Its grant"),
        Column(key="lost", title="Could no longer call"),
        Column(key="asked", title="Newly asked"),
        Column(key="because", title="Because"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "use_case": Link(one.use_case, f"/use-cases/{one.use_case}"),
            "tier": one.tier_after
            if one.tier_before == one.tier_after
            else f"{one.tier_before or 'none'} to {one.tier_after or 'none'}",
            "grant": _GRANT[one.grant],
            "lost": ", ".join(one.lost) or None,
            "asked": ", ".join(one.asked) or None,
            "because": " ".join(one.because) or None,
        }
        for one in changed
    ]
    return Table(caption="Use cases that would stand otherwise", columns=columns, rows=rows)


def _texts(texts: Texts) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [("Read once more", f"{texts.read:,} calls")]
    if texts.us_per_kb_then is not None:
        pace = f"{texts.us_per_kb_then:,} µs for a kilobyte, {texts.us_per_kb_now or 0:,} µs today"
        facts.append(("Time it took", pace))
    if texts.by_record:
        facts.append(("Said by their records", f"{texts.by_record:,} calls"))
    facts += [("Could not be read", f"{count:,}: {why}") for why, count in texts.missing.items()]
    if texts.asks_models:
        facts.append(("Guard models", "would be asked as well; none was"))
    return facts
