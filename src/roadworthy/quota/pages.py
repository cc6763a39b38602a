"""The console's pages of limits and budgets, and of comparing the ledger with an invoice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import File, Form, Query, UploadFile

from roadworthy.foundation.errors import InvalidError, RoadworthyError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.formats import number
from roadworthy.foundation.web.parts import (
    Cell,
    Column,
    Empty,
    Filter,
    Link,
    ListPage,
    Money,
    Option,
    Stat,
    Status,
    Table,
)
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.models.kinds import PROVIDER
from roadworthy.quota import comparison, invoice, reconciliation
from roadworthy.quota.comparison import Difference
from roadworthy.quota.door import seen
from roadworthy.quota.queries import Standing
from roadworthy.registry import queries as registry
from roadworthy.registry.door import clean

router = Router(tag="console")
BUDGETS = "/operations/budgets"
RECONCILE = "/operations/reconcile"
_WORDS = {
    "exhausted": Status("bad", "Used up"),
    "will not last": Status("warn", "Will not last"),
    "fine": Status("good", "Fine"),
}
_MEASURES = {"requests": "requests", "input-tokens": "input tokens", "output-tokens": "output tokens"}
_COLUMNS = (
    Column(key="declaration", title="Limit or budget"),
    Column(key="state", title="Stands"),
    Column(key="of", title="Counts"),
    Column(key="limit", title="Allowed", numeric=True),
    Column(key="per", title="Window"),
    Column(key="used", title="Used", numeric=True),
    Column(key="reserved", title="Reserved", numeric=True),
    Column(key="left", title="Left", numeric=True),
    Column(key="forecast", title="Forecast", numeric=True),
    Column(key="ends", title="Starts again"),
    Column(key="who", title="Who may change it"),
)


def _amount(one: Standing, figure: int | None) -> Cell:
    if figure is None:
        return None
    return Money(figure, one.currency) if one.currency else figure


def _row(one: Standing) -> dict[str, Cell]:
    measure = "" if one.currency else f" {_MEASURES[one.measure]}"
    period = "in all" if one.period == "total" else f"per {one.period}"
    return {
        "href": f"/declared/{one.declaration}",
        "declaration": one.title,
        "state": _WORDS[one.state],
        "of": one.of,
        "limit": _amount(one, one.limit),
        "per": f"{measure} {period}".strip(),
        "used": _amount(one, one.used if one.currency else one.reserved),
        "reserved": _amount(one, one.reserved) if one.currency else None,
        "left": _amount(one, one.left),
        "forecast": _amount(one, one.forecast),
        "ends": one.ends,
        "who": ", ".join(dict.fromkeys([one.owner, *one.who_may_change])).strip(", ") or None,
    }


@router.page(BUDGETS, permission="usage.read")
def budgets_page(tx: Tx, call: Call, state: Annotated[str, Query(max_length=40)] = "") -> View:
    """Show what is used, reserved and left of limits and budgets, and who may change them."""
    found = seen(tx, call)
    shown = [one for one in found if not state or one.state == state]
    counts = {word: sum(one.state == word for one in found) for word in _WORDS}
    options = (Option("", "All"), *(Option(word, status.word) for word, status in _WORDS.items()))
    return View(
        title="Limits and budgets",
        template="table_page.html",
        model=ListPage(
            lead="Money is reserved before a call and settled after it, so that gateways together never "
            "spend more than there is.",
            filters=(Filter(name="state", label="Stands", value=state, options=options),),
            action=Link("Compare with an invoice", RECONCILE),
            stats=(
                Stat(label="Used up", value=number(counts["exhausted"]), note="calls are refused with 429"),
                Stat(label="Will not last", value=number(counts["will not last"]), note="at the pace so far"),
                Stat(label="Fine", value=number(counts["fine"])),
            )
            if found
            else (),
        ),
        table=Table(
            columns=_COLUMNS,
            rows=[_row(one) for one in shown],
            caption="Each limit and budget in its present window",
            empty=Empty(
                sentence="Nothing is declared; calls are bounded only by 100 at once for each key.",
                command="roadworthy schema budget",
            ),
        ),
        active=BUDGETS,
        command="roadworthy budget",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePage:
    """The model of `reconcile.html`."""

    lead: str
    action: str
    providers: Sequence[Option]
    provider: str = ""
    tolerance: str = "1"
    problem: str = ""
    why: str = ""
    verdict: Status | None = None
    said: str = ""


_DIFFERENCES = (
    Column(key="day", title="Day"),
    Column(key="model", title="Model"),
    Column(key="within", title="Stands"),
    Column(key="ours", title="Ledger", numeric=True),
    Column(key="theirs", title="Invoice", numeric=True),
    Column(key="difference", title="Difference", numeric=True),
    Column(key="percent", title="Apart", numeric=True, unit="%", decimals=2),
    Column(key="why", title="Why"),
    Column(key="next_step", title="What to do"),
)


def _compared(one: Difference) -> dict[str, Cell]:
    def money(nano: int | None) -> Cell:
        return None if nano is None else Money(nano, one.currency)

    return {
        "day": one.day,
        "model": one.model,
        "within": Status("good", "Within") if one.within else Status("bad", "Beyond"),
        "ours": money(one.ours_nano),
        "theirs": money(one.theirs_nano),
        "difference": money(one.difference_nano),
        "percent": one.percent,
        "why": one.why,
        "next_step": one.next_step or None,
    }


def _reconcile_view(
    tx: Tx, found: Sequence[Difference] = (), *, provider: str = "", tolerance: str = "1",
    error: RoadworthyError | None = None,
) -> View:  # fmt: skip
    beyond = sum(not one.within for one in found)
    verdict = None
    if found:
        verdict = Status("bad", "Beyond the tolerance") if beyond else Status("good", "They agree")
    return View(
        title="Ledger and invoice",
        template="quota/reconcile.html",
        model=ReconcilePage(
            lead="What was counted here beside what a provider asks for, for each day and model.",
            action=RECONCILE,
            providers=tuple(Option(one.name, one.spec.title) for one in registry.every(tx, PROVIDER)),
            provider=provider,
            tolerance=tolerance,
            problem=error.what if error is not None else "",
            why=f"{error.why} {error.fix}".strip() if error is not None else "",
            verdict=verdict,
            said=f"{beyond} of {len(found)} days and models are further apart than {tolerance} %."
            if beyond
            else f"All {len(found)} days and models are within {tolerance} %.",
        ),
        table=Table(
            columns=_DIFFERENCES,
            rows=[_compared(one) for one in found],
            caption="Ledger and invoice, for each day and model",
        ),
        breadcrumbs=(Crumb("Limits and budgets", BUDGETS),),
        active=BUDGETS,
        command="roadworthy reconcile --provider NAME --file invoice.csv",
        status=error.status if error is not None else 200,
    )


@router.page(RECONCILE, permission="usage.read")
def reconcile_page(tx: Tx, call: Call) -> View:
    """Ask for a provider's invoice export."""
    del call
    return _reconcile_view(tx)


@router.form(RECONCILE, permission="usage.read", body_limit=invoice.BYTES_MAX + 64 * 1024)
def reconcile(
    tx: Tx,
    call: Call,
    provider: Annotated[str, Form(max_length=80)],
    file: Annotated[UploadFile, File()],
    tolerance: Annotated[str, Form(max_length=10)] = "1",
) -> View:
    """Compare the ledger with a provider's invoice export; nothing is kept of the file."""
    try:
        percent = _percent(tolerance)
        lines = invoice.read(_text(file.file.read(invoice.BYTES_MAX + 1)))
        ours = reconciliation.ledger(
            tx, principal=call.who.principal, now=call.now, provider=clean(provider), lines=lines
        )
    except RoadworthyError as error:
        return _reconcile_view(tx, provider=provider, tolerance=tolerance, error=error)
    found = comparison.compare(ours, lines, tolerance_percent=percent)
    return _reconcile_view(tx, found, provider=provider, tolerance=tolerance)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise InvalidError("The tolerance must be between 0 and 100 per cent.", fix="Write it as 1 or 0.5.")
    return value


def _text(content: bytes) -> str:
    if len(content) > invoice.BYTES_MAX:
        raise InvalidError("The file is larger than 8 MiB.", fix="Export fewer days at once.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError(
            "The file is not text in UTF-8.", fix="Export it as CSV, encoded in UTF-8."
        ) from error
