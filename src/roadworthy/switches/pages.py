"""The console's pages of kill switches: what is stopped, what was, and the form that stops something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Form, Query

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Code, Column, Empty, Link, Option, Status, Table
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import clean
from roadworthy.switches import door, queries
from roadworthy.switches.door import SWITCHES
from roadworthy.switches.facts import Killed
from roadworthy.switches.switch import EFFECTS, KINDS, Thrown

router = Router(tag="switches")
_PERIODS = (
    Option("", "Until somebody revives it"),
    Option("1", "For one hour"),
    Option("24", "For a day"),
    Option("168", "For a week"),
)
_COLUMNS = (
    Column(key="of", title="Stopped"),
    Column(key="reason", title="Why"),
    Column(key="by", title="By"),
    Column(key="at", title="Since"),
    Column(key="until", title="Until"),
    Column(key="who_can_revive", title="Who can revive it"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchesPage:
    """The model of `switches.html`."""

    status: Status
    lead: str
    may_kill: bool
    kinds: Sequence[Option]
    periods: Sequence[Option]
    revivable: Sequence[Option]
    past: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPage:
    """The model of `stop.html`: what stopping this would do, before it is done."""

    of: str
    effect: str
    facts: Sequence[tuple[str, Cell]]
    stopped: Thrown | None
    periods: Sequence[Option]
    back: str


@router.page(SWITCHES, permission="registry.read")
def switches_page(tx: Tx, call: Call) -> View:
    """Show what is stopped by a kill switch, and what was."""
    held = [one for one in queries.every_thrown(tx).values() if one.holds(call.now)]
    may_kill = call.who.may("kill")
    word = f"{len(held)} stopped" if held else "Nothing is stopped"
    return View(
        title="Switches",
        template="switches/switches.html",
        model=SwitchesPage(
            status=Status("bad" if held else "good", word),
            lead="What is stopped here is refused by every gateway from the next call on; streams under way "
            "are cut off within two seconds.",
            may_kill=may_kill,
            kinds=tuple(Option(kind, kind.replace("-", " ").capitalize()) for kind in KINDS),
            periods=_PERIODS,
            revivable=tuple(
                Option(one.of, one.of) for one in held if call.who.may("kill", namespace=one.namespace)
            ),
            past=_past(tx),
        ),
        table=_table(tx, held, now=call.now),
        active=SWITCHES,
        command="roadworthy switches",
    )


def _table(tx: Tx, held: Sequence[Thrown], *, now: datetime) -> Table:
    rows: list[dict[str, Cell]] = [
        {
            "href": _href(one.of),
            "of": Link(one.of, _href(one.of)),
            "reason": one.reason,
            "by": one.by,
            "at": one.at,
            "until": one.until,
            "who_can_revive": ", ".join(queries.revivers(tx, one, now=now)) or None,
        }
        for one in sorted(held, key=lambda one: one.at, reverse=True)
    ]
    empty = Empty(
        sentence="Nothing is stopped.", command='roadworthy kill model/NAME --reason "What happened"'
    )
    return Table(caption="Stopped now", columns=_COLUMNS, rows=rows, empty=empty)


def _past(tx: Tx) -> Table:
    columns = (
        Column(key="at", title="When"),
        Column(key="act", title="What"),
        Column(key="of", title="Of"),
        Column(key="by", title="By"),
        Column(key="reason", title="Why"),
        Column(key="entry", title="Proof"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "at": one.at,
            "act": Status("bad", "Killed") if isinstance(one.fact, Killed) else Status("good", "Revived"),
            "of": Code(one.fact.of),
            "by": one.actor,
            "reason": one.fact.reason or None,
            "entry": Link(f"Audit entry {one.audit_seq}", f"/audit/{one.audit_seq}"),
        }
        for one in reversed(queries.events(tx)[-100:])
    ]
    empty = Empty(sentence="No switch was ever thrown.")
    return Table(caption="What happened", columns=columns, rows=rows, empty=empty)


def _href(of: str) -> str:
    slug, _, name = of.partition("/")
    if slug == "service-account":
        return f"/access/service-accounts/{name}"
    if slug == "api-key":
        return SWITCHES
    return f"/use-cases/{name}" if slug == "use-case" else f"/declared/{slug}/{name}"


@router.page(SWITCHES + "/stop", permission="kill")
def stop_page(
    tx: Tx,
    call: Call,
    of: Annotated[str, Query(max_length=140)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    name: Annotated[str, Query(max_length=100)] = "",
) -> View:
    """Say what stopping something would do, and ask for the reason."""
    ref = clean(of or f"{kind}/{name.strip()}")
    namespace = queries.namespace_of(tx, assembly_of(call).catalogue, ref)
    door.require(call, namespace=namespace)
    held = queries.find(tx, ref, now=call.now)
    return View(
        title=f"Stop {ref}",
        template="switches/stop.html",
        model=StopPage(
            of=ref,
            effect=EFFECTS[ref.partition("/")[0]],
            facts=[("Stops", Link(ref, _href(ref))), ("Unit", namespace)],
            stopped=held,
            periods=_PERIODS,
            back=SWITCHES,
        ),
        breadcrumbs=(Crumb("Switches", SWITCHES),),
        active=SWITCHES,
        command=f'roadworthy kill {ref} --reason "What happened"',
    )


@router.form(SWITCHES + "/stop", permission="kill")
def stop(
    tx: Tx,
    call: Call,
    of: Annotated[str, Form(max_length=140)],
    reason: Annotated[str, Form(max_length=400)],
    hours: Annotated[str, Form(pattern="^(|1|24|168)$")] = "",
) -> Any:
    """Stop something at once."""
    until = call.now + timedelta(hours=int(hours)) if hours else None
    done = door.kill(tx, call, of=of, reason=reason, until=until)
    return Redirect(SWITCHES, notice=f"{done.of} is stopped; the next call that rests on it is refused.")


@router.form(SWITCHES + "/revive", permission="kill")
def revive(
    tx: Tx,
    call: Call,
    of: Annotated[str, Form(max_length=140)],
    reason: Annotated[str, Form(max_length=400)] = "",
) -> Any:
    """Let something run again."""
    door.revive(tx, call, of=of, reason=reason)
    return Redirect(SWITCHES, notice=f"{of} runs again from the next call on.")
