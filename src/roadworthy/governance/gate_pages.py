"""The console's pages of gates and exceptions: each check with its evidence, what is waived and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import Form, Path, Query

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Crumb,
    Empty,
    Filter,
    Option,
    Stat,
    State,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import View
from roadworthy.governance import checklist, exception_operations, exceptions, gate_queries, queries
from roadworthy.governance.exceptions import STATES, Exemption
from roadworthy.governance.gate import ItemVerdict, Word
from roadworthy.governance.gate_http import may_ask
from roadworthy.governance.pages import PORTFOLIO, tabs_of
from roadworthy.governance.standing import Standing
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="console")
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
Short = Annotated[str, Query(max_length=80)]
ExceptionId = Annotated[str, Form(max_length=60, pattern=r"^[0-9A-Za-z_-]+$")]
EXCEPTIONS = "/exceptions"
_SHAPES: dict[Word, State] = {
    "pass": "good",
    "fail": "bad",
    "error": "bad",
    "inconclusive": "warn",
    "waived": "info",
    "skipped": "none",
}
_STATE_SHAPES: dict[str, State] = {
    "requested": "warn",
    "in force": "info",
    "expired": "none",
    "revoked": "none",
    "declined": "none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request the reader may answer, or an exception they may end."""

    id: str
    title: str
    justification: str
    facts: Sequence[tuple[str, Cell]]
    obstacle: str = ""
    """Why the reader may not answer it; empty when they may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePage:
    """The model of `gate.html`."""

    name: str
    tabs: Sequence[Tab]
    facts: Sequence[tuple[str, Cell]]
    headline: Status
    headline_text: str
    stages: Sequence[Filter]
    open: Table
    passing: Table
    waiting: Sequence[Waiting]
    revocable: Sequence[Waiting]
    may_ask: bool
    items: Sequence[Option]
    people: Sequence[Option]
    days: int
    latest: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionsPage:
    """The model of `exceptions.html`."""

    lead: str
    stats: Sequence[Stat]
    filters: Sequence[Filter]
    trend: Table


@router.page("/use-cases/{name}/gate", permission="governance.read")
def gate_page(tx: Tx, call: Call, name: UseCaseName, gate: Short = "") -> View:
    """One use case before its gate: each item with its evidence, who, when, and what is waived."""
    standing, asked = gate_queries.before_gate(tx, use_case=name, gate=gate, now=call.now)
    mark, sentence = _headline(standing, asked)
    days = checklist.shipped().days(standing.tier.tier)
    may = call.who.may("exception.request", namespace=standing.namespace) and days > 0
    estate = queries.around(tx)
    model = GatePage(
        name=name,
        tabs=tabs_of(name, current="Gate"),
        facts=_facts(standing, asked),
        headline=mark,
        headline_text=sentence,
        stages=(_stage_filter(tx, asked),),
        open=_table([one for one in standing.gate.items if one.word != "pass"], "Does not pass by itself"),
        passing=_table([one for one in standing.gate.items if one.word == "pass"], "Passes"),
        waiting=_waiting(tx, call, standing),
        revocable=_revocable(tx, call, standing),
        may_ask=may,
        items=_items(tx, standing, now=call.now) if may else (),
        people=tuple(
            Option(key, one.display)
            for key, one in sorted(estate.staff.people.items(), key=lambda pair: pair[1].display)
            if estate.is_here(key, now=call.now)
        ),
        days=days,
        latest=(call.now + timedelta(days=days)).date(),
    )
    return View(
        title=f"{standing.title}: gate",
        template="governance/gate.html",
        model=model,
        table=_table(standing.gate.items, "Checklist"),
        breadcrumbs=(Crumb("Portfolio", PORTFOLIO), Crumb(standing.title, f"/use-cases/{name}")),
        active=PORTFOLIO,
        command=f"roadworthy gate check {standing.ref} --gate {asked}",
    )


def _headline(standing: Standing, asked: str) -> tuple[Status, str]:
    verdict = standing.gate
    required = [one for one in verdict.items if one.check.required]
    passing = sum(one.passes for one in required)
    count = f"{passing} of {len(required)} required items pass"
    word = f"{asked.capitalize()}: {verdict.word}"
    if verdict.passed:
        until = f", until {verdict.holds_until:%Y-%m-%d %H:%M} UTC" if verdict.holds_until else ""
        waived = f"; {len(verdict.waived)} by an exception" if verdict.waived else ""
        return Status(_SHAPES[verdict.word], word), f"{count}{waived}{until}."
    first = verdict.failing[0]
    return Status(_SHAPES[verdict.word], word), f"{count}. First: {first.next_step or first.because}"


def _facts(standing: Standing, asked: str) -> list[tuple[str, Cell]]:
    return [
        ("Stage", standing.stage),
        ("Checked for", asked),
        ("Risk tier", standing.tier.tier),
        ("Unit", standing.namespace),
        ("Rules", standing.rules),
    ]


def _stage_filter(tx: Tx, asked: str) -> Filter:
    options = [Option("pilot", "Stage: pilot"), Option("live", "Stage: live")]
    options += [Option(one.name, f"Gate: {one.gate.title}") for one in gate_queries.gates(tx)]
    return Filter(name="gate", label="Check it for", value=asked, options=options)


def _table(items: Sequence[ItemVerdict], caption: str) -> Table:
    return Table(
        caption=caption,
        columns=[
            Column(key="what", title="Check"),
            Column(key="verdict", title="Verdict"),
            Column(key="because", title="Why, and what to do"),
            Column(key="who", title="Who"),
            Column(key="at", title="When"),
            Column(key="until", title="Until"),
            Column(key="evidence", title="Evidence"),
        ],
        rows=[_row(one) for one in sorted(items, key=_urgency)],
        empty=Empty(sentence="Nothing.", command="roadworthy gate list"),
    )


def _urgency(one: ItemVerdict) -> tuple[bool, bool, bool, str]:
    return (not one.stands_in_the_way, one.word != "waived", one.passes, one.check.id)


def _row(one: ItemVerdict) -> dict[str, Cell]:
    word = one.word if one.check.required else f"{one.word}, optional"
    return {
        "what": one.check.what,
        "verdict": Status(_SHAPES[one.word] if one.check.required or one.passes else "none", word),
        "because": f"{one.because} {one.next_step}".strip(),
        "who": ", ".join(one.who) or None,
        "at": one.at,
        "until": one.until,
        "evidence": ", ".join(one.evidence) or None,
    }


def _items(tx: Tx, standing: Standing, *, now: datetime) -> tuple[Option, ...]:
    """Return what an exception can be asked for, what stands in the way first."""
    failing = {one.check.exception for one in standing.gate.failing}
    known = exception_operations.exceptable(tx, standing, now=now)
    ordered = sorted(known.items(), key=lambda pair: (pair[0] not in failing, pair[0]))
    return tuple(
        Option(name, f"{name}: {what}{' (stands in the way)' if name in failing else ''}"[:120])
        for name, what in ordered
    )


def _waiting(tx: Tx, call: Call, standing: Standing) -> list[Waiting]:
    holders = exception_operations.granters(tx, standing, now=call.now)
    found = []
    for one in standing.exemptions:
        if one.state(call.now) != "requested":
            continue
        who = call.who.principal
        obstacle = exceptions.obstacle(
            who, asked_by=one.requested_by, owner=one.owner, authors=standing.authors
        )
        if who not in holders:
            obstacle = "does not hold a role that grants exceptions"
        said = f"You may not decide about it: {who} {obstacle}." if obstacle else ""
        found.append(_shown(one, f"Exception to {one.control}", obstacle=said))
    return found


def _revocable(tx: Tx, call: Call, standing: Standing) -> list[Waiting]:
    holders = exception_operations.granters(tx, standing, now=call.now)
    return [
        _shown(one, f"Exception to {one.control}, in force")
        for one in standing.exemptions
        if one.state(call.now) == "in force"
        and call.who.principal in {one.granted_by, one.owner, one.requested_by, *holders}
    ]


def _shown(one: Exemption, title: str, *, obstacle: str = "") -> Waiting:
    return Waiting(
        id=one.id,
        title=title,
        justification=one.justification,
        facts=[
            ("Asked for by", one.requested_by or None),
            ("Answers for the risk", one.owner),
            ("Done instead", "; ".join(one.compensating_controls) or None),
            *([("Granted by", one.granted_by)] if one.granted_by else []),
            ("Ends", one.expires_at),
        ],
        obstacle=obstacle,
    )


@router.form("/use-cases/{name}/exceptions", permission="exception.request")
def request_exception(  # noqa: PLR0917  # the form's fields, passed by name
    tx: Tx,
    call: Call,
    name: UseCaseName,
    control: Annotated[str, Form(max_length=100)],
    justification: Annotated[str, Form(max_length=2000)],
    owner: Annotated[str, Form(max_length=80)],
    expires_on: Annotated[str, Form(pattern=r"^\d{4}-\d{2}-\d{2}$")],
    compensating: Annotated[str, Form(max_length=2000)] = "",
) -> Redirect:
    """Ask for an exception; it ends with the day that is named."""
    may_ask(tx, call, name)
    exception_operations.request_exception(
        tx,
        use_case=name,
        control=clean(control),
        justification=clean(justification),
        owner=clean(owner),
        compensating_controls=clean(compensating).splitlines(),
        expires_at=_end_of(expires_on),
        actor=actor_of(call),
        now=call.now,
    )
    return Redirect(f"/use-cases/{name}/gate", notice="The exception is asked for; somebody else grants it.")


@router.form("/use-cases/{name}/exceptions/answer", permission="approval.give")
def answer_exception(  # noqa: PLR0917  # as above
    tx: Tx,
    call: Call,
    name: UseCaseName,
    exception: ExceptionId,
    decision: Annotated[str, Form(pattern="^(grant|decline)$")],
    reason: Annotated[str, Form(max_length=2000)] = "",
    expires_on: Annotated[str, Form(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
) -> Redirect:
    """Grant or decline what was asked for."""
    actor = actor_of(call)
    if decision == "decline":
        exception_operations.decline_exception(
            tx, use_case=name, request=exception, reason=clean(reason), actor=actor, now=call.now
        )
        return Redirect(f"/use-cases/{name}/gate", notice="The request is declined, with your reason.")
    exception_operations.grant_exception(
        tx,
        use_case=name,
        request=exception,
        expires_at=_end_of(expires_on) if expires_on else None,
        actor=actor,
        now=call.now,
    )
    return Redirect(f"/use-cases/{name}/gate", notice="The exception is granted, and ends by itself.")


@router.form("/use-cases/{name}/exceptions/revoke", permission="governance.read")
def revoke_exception(
    tx: Tx,
    call: Call,
    name: UseCaseName,
    exception: ExceptionId,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Redirect:
    """End an exception before its date."""
    exception_operations.revoke_exception(
        tx, use_case=name, exception=exception, reason=clean(reason), actor=actor_of(call), now=call.now
    )
    return Redirect(f"/use-cases/{name}/gate", notice="The exception is revoked; it waives nothing any more.")


def _end_of(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"`{text}` is no date.", fix="Write it as 2027-01-31.") from error


@router.page(EXCEPTIONS, permission="governance.read")
def exceptions_page(tx: Tx, call: Call, state: Short = "") -> View:
    """Every exception: what waits, what is in force and until when, what ended; and how many by month."""
    every = gate_queries.exemptions(tx, now=call.now)
    chosen = [one for one in every if not state or one.state(call.now) == state]
    counts = {word: sum(one.state(call.now) == word for one in every) for word in STATES}
    soon = sum(
        one.state(call.now) == "in force" and one.expires_at - call.now <= timedelta(days=7) for one in every
    )
    options = [Option("", "All"), *(Option(word, word.capitalize()) for word in STATES)]
    return View(
        title="Exceptions",
        template="governance/exceptions.html",
        model=ExceptionsPage(
            lead="What use cases do without, until when, and who answers for it. Each ends by itself.",
            stats=[
                Stat(label="In force", value=str(counts["in force"]), note=f"{soon} end within a week"),
                Stat(label="Wait for an answer", value=str(counts["requested"])),
                Stat(label="Ended", value=str(counts["expired"] + counts["revoked"])),
            ],
            filters=[Filter(name="state", label="State", value=state, options=options)],
            trend=_trend(every, now=call.now),
        ),
        table=_exceptions_table(chosen, now=call.now),
        breadcrumbs=(Crumb("Portfolio", PORTFOLIO),),
        active=PORTFOLIO,
        command="roadworthy exception list",
    )


def _exceptions_table(found: Sequence[Exemption], *, now: datetime) -> Table:
    return Table(
        caption="Exceptions",
        columns=[
            Column(key="use_case", title="Use case"),
            Column(key="control", title="Exception to"),
            Column(key="state", title="State"),
            Column(key="expires_at", title="Until"),
            Column(key="owner", title="Answers for it"),
            Column(key="granted_by", title="Granted by"),
            Column(key="justification", title="Why"),
            Column(key="compensating_controls", title="Done instead"),
        ],
        rows=[
            {
                "use_case": one.use_case,
                "control": Code(one.control),
                "state": Status(_STATE_SHAPES[one.state(now)], one.state(now)),
                "expires_at": one.expires_at,
                "owner": one.owner,
                "granted_by": one.granted_by or None,
                "justification": one.justification,
                "compensating_controls": "; ".join(one.compensating_controls) or None,
                "href": f"/use-cases/{one.use_case}/gate",
            }
            for one in found
        ],
        empty=Empty(
            sentence="There is no exception: every gate is passed by what it asks for.",
            command="roadworthy exception request use-case/NAME CONTROL --owner PERSON --until DAY",
        ),
    )


def _trend(every: Sequence[Exemption], *, now: datetime) -> Table:
    return Table(
        caption="By month",
        columns=[
            Column(key="month", title="Month"),
            Column(key="requested", title="Asked for", numeric=True),
            Column(key="granted", title="Granted", numeric=True),
            Column(key="ended", title="Ended", numeric=True),
            Column(key="in_force", title="In force at its end", numeric=True),
        ],
        rows=[
            {
                "month": one.month,
                "requested": one.requested,
                "granted": one.granted,
                "ended": one.ended,
                "in_force": one.in_force,
            }
            for one in reversed(exceptions.trend(every, now=now))
            if one.requested or one.granted or one.ended or one.in_force
        ],
        empty=Empty(sentence="No exception was asked for in twelve months."),
    )
