"""The console's pages of replays: the form, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form, Path

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Column, Crumb, Link, Milliseconds, Money, Status, Table
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.gateway import replay_door, replay_queries
from roadworthy.gateway.comparison import Field
from roadworthy.gateway.door import seen_by
from roadworthy.gateway.pages import TRACES
from roadworthy.gateway.replay_door import Asked, Replay
from roadworthy.registry import manifest
from roadworthy.registry.door import clean
from roadworthy.usage import queries as usage

router = Router(tag="console")
CallId = Annotated[str, Path(max_length=140)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayPage:
    """The model of `replay.html`: the form, and the result once there is one."""

    call_id: str
    action: str
    back: str
    status: Status
    lead: str
    facts: Sequence[tuple[str, Cell]]
    model: str
    candidate: str
    result: Replay | None
    trace: Link | None


@router.page(TRACES + "/{call_id}/replay", permission="trace.replay")
def replay_page(tx: Tx, call: Call, call_id: CallId) -> View:
    """Offer to run a call again; refuse at once when it cannot be."""
    found = usage.trace(tx, clean(call_id), use_cases=seen_by(tx, call, "trace.replay"))
    replay_queries.require_kept(found)
    facts: list[tuple[str, Cell]] = [
        ("When", found.at),
        ("Who", found.principal),
        ("For", Link(found.use_case, f"/use-cases/{found.use_case}")),
        ("Asked for", found.requested_model),
    ]
    return _view(found.id, model=found.requested_model, facts=facts)


@router.form(TRACES + "/{call_id}/replay", permission="trace.replay", access="none")
def replay_form(
    call: Call,
    call_id: CallId,
    model: Annotated[str, Form(max_length=140)] = "",
    candidate: Annotated[str, Form(max_length=200_000)] = "",
    dry: Annotated[str, Form(max_length=10)] = "",
) -> Any:
    """Run a call again, and show what differs."""
    text = candidate.strip()
    files = manifest.parse(text, file="candidate.yaml") if text else []
    asked = Asked(call_id=clean(call_id), model=clean(model).strip(), dry=bool(dry), candidate=files)
    done = replay_door.run(call, asked)
    return _view(asked.call_id, model=model, candidate=candidate, result=done)


def _view(
    call_id: str,
    *,
    model: str,
    candidate: str = "",
    facts: Sequence[tuple[str, Cell]] = (),
    result: Replay | None = None,
) -> View:
    place = f"{TRACES}/{call_id}"
    page = ReplayPage(
        call_id=call_id,
        action=f"{place}/replay",
        back=place,
        status=_status(result),
        lead=_lead(result),
        facts=facts,
        model=model,
        candidate=candidate,
        result=result,
        trace=Link("The replay's own trace", f"{TRACES}/{result.replay}")
        if result and result.replay
        else None,
    )
    return View(
        title=f"Replay of {call_id}",
        template="gateway/replay.html",
        model=page,
        table=_table(result.fields if result is not None else ()),
        breadcrumbs=(Crumb("Traces", TRACES), Crumb(call_id, place)),
        active=TRACES,
        command=f"roadworthy replay {call_id}",
    )


def _status(result: Replay | None) -> Status:
    if result is None:
        return Status("none", "Not run yet")
    if result.refused:
        return Status("bad", "Would be refused" if result.dry else "Refused")
    return Status("warn", "Differs") if result.differs else Status("good", "The same")


def _lead(result: Replay | None) -> str:
    if result is None:
        return (
            "The gateway runs the call again for its caller, under their limits and budgets. It is recorded "
            "as a replay and counted in no scorecard."
        )
    under = f" with {', '.join(result.candidate)} in place" if result.candidate else ""
    if result.refused:
        word = "would be refused" if result.dry else "was refused"
        return (
            f"Under revision {result.revision}{under} it {word}: {result.refused} {result.next_step}".strip()
        )
    word = "What would become of the call" if result.dry else "What became of the call"
    return f"{word} under revision {result.revision}{under}."


def _table(fields: Sequence[Field]) -> Table:
    columns = (
        Column(key="what", title="What"),
        Column(key="then", title="Then"),
        Column(key="now", title="Now"),
        Column(key="differs", title="Differs"),
    )
    money = next(((one.before, one.after) for one in fields if one.name == "currency"), ("", ""))
    rows: list[dict[str, Cell]] = [
        {
            "what": one.title,
            "then": _cell(one.name, one.before, money[0]),
            "now": _cell(one.name, one.after, money[1]),
            "differs": _differs(one),
        }
        for one in fields
        if one.name not in {"response", "currency"}
    ]
    return Table(caption="Then and now", columns=columns, rows=rows)


def _differs(one: Field) -> Cell:
    if one.name == "latency_ms":  # never the same twice
        return None
    return Status("warn", "Differs") if one.differs else Status("none", "Same")


def _cell(name: str, value: Any, currency: str) -> Cell:
    if value in (None, "", ()):
        return None
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    if name == "latency_ms":
        return Milliseconds(value)
    if name == "cost_nano":
        return Money(value, currency)
    found: Cell = value
    return found
