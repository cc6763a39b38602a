"""The console's pages of controls: the matrix, the catalogue, one control, one use case with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import File, Form, Path, Query, UploadFile

from roadworthy.controls import door, queries, shown, uploads
from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.control import FRAMEWORKS, STATES, ControlState
from roadworthy.controls.operations import BYTES_MAX
from roadworthy.controls.shown import CONTROLS
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Code,
    Column,
    Filter,
    Link,
    ListPage,
    Option,
    Stat,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.identity import queries as identity
from roadworthy.identity.rights import covering_units
from roadworthy.registry import queries as registry
from roadworthy.registry.door import clean
from roadworthy.registry.kinds import NAME_PATTERN
from roadworthy.use_cases.kinds import UNIT, USE_CASE

router = Router(tag="controls")
PAGE = 50
_READ_AT_ONCE = 200
_TITLES = {
    "nist": "NIST AI RMF 1.0",
    "iso": "ISO/IEC 42001:2023, Annex A",
    "eu": "EU AI Act, Regulation (EU) 2024/1689",
    "owasp": "OWASP Top 10 for LLM and agentic applications",
    "atlas": "MITRE ATLAS",
}
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
Word = Annotated[str, Query(max_length=80)]
_Row = tuple[str, str, str, Mapping[str, ControlState]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """The model of `use_case.html`: the controls of one use case, its evidence, the form that files more."""

    name: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    tabs: Sequence[Tab]
    pressing: Sequence[Check]
    evidence: Table
    kinds: Sequence[Option]
    may_file: bool
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPage:
    """The model of `control.html`: one control of the catalogue."""

    question: str
    facts: Sequence[tuple[str, Cell]]
    notes: Sequence[str]
    signals: Table
    references: Sequence[tuple[str, Cell]]


@router.page(CONTROLS, permission="governance.read")
def matrix_page(
    tx: Tx, call: Call, area: Word = "", state: Word = "", unit: Word = "", cursor: Word = ""
) -> View:
    """Show how controls stand, use case by area; of one area, use case by control."""
    book = catalogue()
    area = area if area in book.areas else ""
    rows, following = _rows(
        tx, call, area=area, state=state if state in STATES else "", unit=clean(unit), after=clean(cursor)
    )
    counted = [one for *_, states in rows for one in states.values() if _is_in(one, area)]
    units = [one.name for one in registry.every(tx, UNIT)]
    return View(
        title="Controls",
        template="table_page.html",
        model=ListPage(
            lead="Each control is a question asked of evidence, answered when you look. "
            "Unknown and stale never pass.",
            filters=(
                Filter(
                    name="area",
                    label="Area",
                    value=area,
                    options=(Option("", "All areas"), *(Option(one, one) for one in book.areas)),
                ),
                Filter(
                    name="state",
                    label="With a control that",
                    value=state,
                    options=(Option("", "Any state"), *(Option(one, _state_title(one)) for one in STATES)),
                ),
                Filter(
                    name="unit",
                    label="Unit",
                    value=unit,
                    options=(Option("", "All units"), *(Option(one, one) for one in units)),
                ),
            ),
            action=Link("The catalogue", f"{CONTROLS}/catalogue"),
            stats=[
                Stat(label=_state_title(one), value=str(sum(each.state == one for each in counted)))
                for one in STATES
            ],
        ),
        table=shown.matrix(
            rows,
            book,
            area=area,
            url=f"{CONTROLS}?area={quote(area)}&state={quote(state)}&unit={quote(unit)}",
            next_cursor=following,
        ),
        active=CONTROLS,
        command="roadworthy controls check use-case/NAME",
    )


def _state_title(state: str) -> str:
    return {"fails": "Fails", "holds": "Holds"}.get(state, f"Is {state}").replace("Is ", "").capitalize()


def _is_in(one: ControlState, area: str) -> bool:
    return not area or catalogue().controls[one.control].area == area


def _rows(tx: Tx, call: Call, *, area: str, state: str, unit: str, after: str) -> tuple[list[_Row], str]:
    """Read on until a page is full: a filter by state is asked of the answers themselves."""
    found: list[_Row] = []
    parents = identity.directory(tx).parents
    while True:
        cases, following = registry.page(tx, USE_CASE, after=after, limit=_READ_AT_ONCE)
        among = [one for one in cases if not unit or unit in covering_units(one.namespace, parents)]
        needs = queries.needs(tx, use_cases=[one.name for one in among], now=call.now)
        states = queries.states(tx, use_cases=needs, now=call.now)
        for one in among:
            own = states.get(one.name, {})
            if state and not any(each.state == state and _is_in(each, area) for each in own.values()):
                continue
            found.append((one.name, one.spec.title, needs[one.name].tier, own))
            if len(found) == PAGE:
                return found, one.name if one is not cases[-1] or following else ""
        if not following:
            return found, ""
        after = following


@router.page("/use-cases/{name}/controls", permission="governance.read")
def use_case_page(tx: Tx, call: Call, name: UseCaseName) -> View:
    """Show how the controls of one use case stand and why, with its evidence."""
    book = catalogue()
    stored = registry.get(tx, USE_CASE, name)
    needs = queries.needs_of(tx, name, now=call.now)
    states = queries.states_of(tx, use_case=name, needs=needs, now=call.now)
    parents = identity.directory(tx).parents
    units = covering_units(stored.namespace, parents)
    about = [f"use-case/{name}", *(f"unit/{one}" for one in units)]
    return View(
        title=stored.spec.title,
        template="controls/use_case.html",
        model=CasePage(
            name=name,
            status=shown.summed(states.values()) or Status("none", "no control is asked"),
            facts=(
                ("Risk tier", needs.tier or None),
                ("Controls asked", len(states)),
                ("Pass", sum(one.passes for one in states.values())),
                ("Rest on own word", sum(one.self_attested for one in states.values())),
            ),
            tabs=tabs(name),
            pressing=shown.checks(states, book.controls),
            evidence=shown.evidence_table(uploads.pieces(tx, about=about), now=call.now),
            kinds=[
                Option(key, f"{kind.title} ({key})")
                for key, kind in book.kinds.items()
                if "use-case" in kind.about
            ],
            may_file=call.who.may("evidence.add", namespace=stored.namespace),
            command=f"roadworthy evidence add --kind KIND --use-case {name} FILE",
        ),
        table=shown.states_table(states, book.controls),
        breadcrumbs=(Crumb("Controls", CONTROLS),),
        active=CONTROLS,
        command=f"roadworthy controls check use-case/{name}",
    )


def tabs(name: str) -> tuple[Tab, ...]:
    """Return the views of a use case, its controls being the one that is shown."""
    declared = f"/declared/use-case/{name}"
    return (
        Tab("Overview", f"/use-cases/{name}"),
        Tab("Gate", f"/use-cases/{name}/gate"),
        Tab("Rules", f"/use-cases/{name}/rules"),
        Tab("Controls", shown.case_href(name), current=True),
        Tab("Scorecard", f"/scorecard/{name}"),
        Tab("Traces", f"/traces?use_case={name}"),
        Tab("Declaration", f"{declared}?tab=yaml"),
        Tab("History", f"{declared}?tab=history"),
    )


@router.form("/use-cases/{name}/evidence", permission="evidence.add", body_limit=BYTES_MAX + 64 * 1024)
def file_evidence(
    tx: Tx,
    call: Call,
    name: UseCaseName,
    kind: Annotated[str, Form(max_length=60)],
    file: Annotated[UploadFile, File()],
    values: Annotated[str, Form(max_length=2000)] = "",
    observed_on: Annotated[str, Form(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
    threshold: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=1000)] = "",
) -> Any:
    """File a piece of evidence from the use case's page."""
    done = door.file(
        tx,
        call,
        about=f"use-case/{name}",
        kind=kind,
        name=file.filename or "",
        content=file.file.read(BYTES_MAX + 1),
        media_type=file.content_type or "application/octet-stream",
        values=door.stated(line for line in values.splitlines() if line.strip()),
        observed_at=_day(observed_on),
        threshold=_number(threshold),
        note=note,
    )
    own = " As you answer for it, it is marked as self-attested." if done.fact.self_attested else ""
    return Redirect(
        shown.case_href(name),
        notice=f"Filed until {done.fact.expires_at:%Y-%m-%d}; it counts from now on.{own}",
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError as error:
        raise InvalidError(f"{text} is no date.", fix="Write it as 2026-11-24.") from error


def _number(text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise InvalidError(f"{text[:20]} is no number.", fix="Write the score as 0.9.") from error


@router.page(f"{CONTROLS}/catalogue", permission="governance.read", access="none")
def catalogue_page(area: Word = "", framework: Word = "") -> View:
    """Show the catalogue, or which controls answer each reference of a framework."""
    book = catalogue()
    framework = framework if framework in FRAMEWORKS else ""
    url = f"{CONTROLS}/catalogue?area={quote(area)}&framework={framework}"
    table = (
        shown.framework_table(book, framework, url=url)
        if framework
        else shown.catalogue_table(book, area=area, url=url)
    )
    return View(
        title=_TITLES[framework] if framework else "Control catalogue",
        template="table_page.html",
        model=ListPage(
            lead=f"Version {book.version}: {len(book.controls)} controls, each a question with its evidence.",
            filters=(
                Filter(
                    name="area",
                    label="Area",
                    value=area,
                    options=(Option("", "All areas"), *(Option(one, one) for one in book.areas)),
                ),
                Filter(
                    name="framework",
                    label="By reference of",
                    value=framework,
                    options=(
                        Option("", "The controls themselves"),
                        *(Option(key, title) for key, title in _TITLES.items()),
                    ),
                ),
            ),
        ),
        table=table,
        breadcrumbs=(Crumb("Controls", CONTROLS),),
        active=CONTROLS,
        command="roadworthy controls list",
    )


@router.page(f"{CONTROLS}/catalogue/{{control}}", permission="governance.read", access="none")
def control_page(control: Annotated[str, Path(max_length=20)]) -> View:
    """Show one control: its question, what answers it, what it answers in each framework."""
    one = catalogue().get(control)
    notes = []
    if one.after_change:
        grace = f", {one.change_grace.days} days after it," if one.change_grace else ""
        notes.append(f"Evidence from before the last material change{grace} is stale.")
    if one.own_word_not_enough:
        tiers = ", ".join(sorted(one.own_word_not_enough))
        notes.append(f"Self-attested evidence does not count at these tiers: {tiers}.")
    return View(
        title=f"{one.id}: {one.title}",
        template="controls/control.html",
        model=ControlPage(
            question=one.question,
            facts=(
                ("Area", Link(one.area, f"{CONTROLS}?area={quote(one.area)}")),
                ("Answered by", shown.answered(one)),
                ("Fresh for", f"{one.fresh.days} days" if one.fresh else "computed when asked"),
                ("Side that answers", one.owner.replace("_", " and ")),
            ),
            notes=notes,
            signals=_signals(one.id),
            references=[(_TITLES[name], ", ".join(numbers)) for name, numbers in one.references.items()],
        ),
        table=_signals(one.id),
        breadcrumbs=(Crumb("Controls", CONTROLS), Crumb("Catalogue", f"{CONTROLS}/catalogue")),
        active=CONTROLS,
        command=f"roadworthy controls show {one.id}",
    )


def _signals(control: str) -> Table:
    return Table(
        caption="What answers it",
        columns=(
            Column(key="signal", title="Signal"),
            Column(key="question", title="Question"),
            Column(key="platform", title="From the platform"),
            Column(key="evidence", title="From outside"),
        ),
        rows=[
            {
                "signal": Code(one.name),
                "question": one.question,
                "platform": one.collector.replace("_", " ").replace(".", ", ") or None,
                "evidence": ", ".join(one.evidence) or None,
            }
            for one in catalogue().controls[control].definitions.values()
        ],
    )
