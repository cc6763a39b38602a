"""The console's pages of the inventory: entries, report, one entry, the platform's gaps, taking in a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import File, Form, Path, Query, UploadFile

from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Code,
    Column,
    Crumb,
    Filter,
    Link,
    Option,
    Stat,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import View
from roadworthy.inventory import door, entry_view, platform_queries, queries, source_file
from roadworthy.inventory.entry_view import INVENTORY
from roadworthy.inventory.facts import InventoryImported
from roadworthy.inventory.gaps import GAP_TITLES
from roadworthy.inventory.judging import TIERS
from roadworthy.inventory.promotion import promote
from roadworthy.inventory.report import Assessed, Report
from roadworthy.registry.door import clean
from roadworthy.registry.kinds import NAME_PATTERN, ROOT_NAMESPACE

router = Router(tag="console")
EntryName = Annotated[str, Path(pattern=NAME_PATTERN)]
Short = Annotated[str, Query(max_length=80)]
Long = Annotated[str, Query(max_length=300)]
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesPage:
    """The model of `entries.html`."""

    lead: str
    tabs: Sequence[Tab]
    filters: Sequence[Filter]
    stats: Sequence[Stat] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """The model of `report.html`."""

    lead: str
    tabs: Sequence[Tab]
    stats: Sequence[Stat]
    filters: Sequence[Filter]
    tiers: Table
    checks: Table
    obligations: Table
    units: Table
    imports: Table
    columns: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPage:
    """The model of `entry.html`."""

    status: Status
    lead: str
    facts: Sequence[tuple[str, Cell]]
    gaps: Sequence[Check]
    reasons: Sequence[Check]
    claims: Table
    known: Table
    findings: Sequence[str]
    beginning: str
    missing: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPage:
    """The model of `platform.html` and `import.html`."""

    lead: str
    tabs: Sequence[Tab]
    may_import: bool = False


@router.page(INVENTORY, permission="registry.read")
def entries_page(
    tx: Tx,
    call: Call,
    list_name: Short = "",
    tier: Short = "",
    unit: Long = "",
    gap: Long = "",
    text: Long = "",
    cursor: Long = "",
) -> View:
    """Every entry of the lists that were taken in, the one that weighs most first."""
    everything = queries.assessed(tx, now=call.now, list_name=list_name)
    found = queries.select(everything, tier=tier, unit=unit, gap=gap, text=text)
    shown, following = queries.page(found, after=cursor, limit=PAGE)
    units = sorted({one.entry.unit for one in everything if one.entry.unit})
    gaps = [Option("", "All: missing"), *(Option(key, title) for key, title in GAP_TITLES.items())]
    if gap and gap not in GAP_TITLES:
        gaps.append(Option(gap, gap))
    filters = [
        *_list_filter(tx, list_name),
        Filter(name="tier", label="Tier", value=tier, options=_options("tier", TIERS)),
        Filter(name="unit", label="Unit", value=unit, options=_options("unit", units)),
        Filter(name="gap", label="Missing", value=gap, options=gaps),
        Filter(name="text", label="Title", value=text),
    ]
    url = INVENTORY + (f"?{call.request.url.query}" if call.request.url.query else "")
    return View(
        title="Inventory",
        template="inventory/entries.html",
        model=EntriesPage(
            lead=f"{len(found):,} of {len(everything):,} entries of lists made elsewhere. What weighs most "
            "comes first: risk, times what is missing.",
            tabs=entry_view.tabs(INVENTORY),
            filters=filters if everything else (),
        ),
        table=entry_view.entries_table(shown, url=url, cursor=following),
        active=INVENTORY,
        command="roadworthy inventory list",
    )


def _options(label: str, known: Sequence[str]) -> list[Option]:
    return [Option("", f"All: {label}"), *(Option(one, one) for one in known)]


def _list_filter(tx: Tx, list_name: str) -> list[Filter]:
    lists = queries.lists(tx)
    if len(lists) < 2 and not list_name:
        return []
    options = [Option("", "All: list"), *(Option(name, title) for name, title in lists.items())]
    return [Filter(name="list_name", label="List", value=list_name, options=options)]


@router.page(f"{INVENTORY}/report", permission="registry.read")
def report_page(tx: Tx, call: Call, list_name: Short = "") -> View:
    """What the lists come to: tiers, owners, obligations without evidence, what to do first."""
    report = queries.report_of(tx, now=call.now, list_name=clean(list_name))
    imports = queries.imports(tx, list_name=list_name)
    return View(
        title="What the inventory comes to",
        template="inventory/report.html",
        model=ReportPage(
            lead=_headline(report),
            tabs=entry_view.tabs(f"{INVENTORY}/report"),
            stats=_stats(report, list_name),
            filters=_list_filter(tx, list_name),
            tiers=entry_view.tiers_table(report),
            checks=entry_view.checks_table(report),
            obligations=entry_view.obligations_table(report),
            units=entry_view.units_table(report),
            imports=_imports_table(imports),
            columns=_columns_table(imports),
        ),
        table=entry_view.steps_table(report, list_name=list_name),
        breadcrumbs=(Crumb("Inventory", INVENTORY),),
        active=INVENTORY,
        command="roadworthy inventory report" + (f" --list {list_name}" if list_name else ""),
    )


def _headline(report: Report) -> str:
    if not report.entries:
        return "No list was taken in yet."
    open_ = sum(one.provisional for one in report.tiers)
    said = f"{report.without_owner:,} of {report.entries:,} entries name nobody who answers for them. "
    if open_:
        said += f"The tier of {open_:,} is not settled: questions are open that could raise it. "
    if report.declared_above:
        said += f"{report.declared_above:,} are called riskier by the list itself than by the rules so far."
    return said.strip()


def _stats(report: Report, list_name: str) -> list[Stat]:
    narrowed = f"&list_name={list_name}" if list_name else ""

    def stat(label: str, count: int, gap: str, note: str) -> Stat:
        state = Status("warn", "gap") if count else Status("good", "none")
        found = f"{INVENTORY}?gap={gap}{narrowed}"
        return Stat(label=label, value=f"{count:,}", status=state, note=note, href=found)

    if not report.entries:
        return []
    of = f"of {report.entries:,}"
    return [
        Stat(label="Entries", value=f"{report.entries:,}", note=f"{report.promoted:,} became use cases"),
        stat("Without an owner", report.without_owner, "owner", of),
        stat("Without an outcome", report.without_outcome, "outcome", of),
        stat("Benefit without a figure", report.without_figure, "measurement", of),
    ]


def _imports_table(imports: Sequence[Recorded[InventoryImported]]) -> Table:
    columns = (
        Column(key="at", title="When"),
        Column(key="list", title="List"),
        Column(key="file", title="File"),
        Column(key="by", title="By"),
        Column(key="rows", title="Rows", numeric=True),
        Column(key="warnings", title="With warnings", numeric=True),
        Column(key="attention", title="To look at", numeric=True),
        Column(key="blank", title="Blank", numeric=True),
        Column(key="changed", title="New and changed", numeric=True),
        Column(key="gone", title="No longer listed", numeric=True),
        Column(key="encoding", title="Read as"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "at": one.at,
            "list": one.fact.title,
            "file": one.fact.file,
            "by": one.actor,
            "rows": one.fact.rows,
            "warnings": one.fact.warnings,
            "attention": one.fact.attention,
            "blank": one.fact.blank,
            "changed": one.fact.created + one.fact.updated,
            "gone": len(one.fact.gone),
            "encoding": f"{one.fact.encoding}: {one.fact.encoding_because}",
        }
        for one in imports[:20]
    ]
    return Table(caption="When lists were taken in", columns=columns, rows=rows, empty=entry_view.NOTHING)


def _columns_table(imports: Sequence[Recorded[InventoryImported]]) -> Table:
    """Show the columns of the newest list that have something to say."""
    columns = (
        Column(key="header", title="Column"),
        Column(key="used_as", title="Used as"),
        Column(key="answered", title="Answered", numeric=True),
        Column(key="empty", title="Empty", numeric=True),
        Column(key="declined", title="N/A and the like", numeric=True),
        Column(key="findings", title="What was found"),
    )
    newest = imports[0].fact.columns if imports else ()
    rows: list[dict[str, Cell]] = [
        {
            "header": one.header,
            "used_as": Code(", ".join(one.used_as)) if one.used_as else None,
            "answered": one.answered,
            "empty": one.empty,
            "declined": one.declined,
            "findings": " ".join(one.findings) or None,
        }
        for one in newest
    ]
    title = f"Columns of {imports[0].fact.title}" if imports else "Columns"
    return Table(caption=title, columns=columns, rows=rows, empty=entry_view.NOTHING)


@router.page(f"{INVENTORY}/entries/{{name}}", permission="registry.read")
def entry_page(tx: Tx, call: Call, name: EntryName) -> View:
    """One entry: why its tier is what it is, what is missing, its row as it stands."""
    stored, one = queries.entry(tx, name, now=call.now)
    made = promote(one, namespace=stored.namespace, annotation=queries.PROMOTED_FROM)
    newest = next(iter(queries.imports(tx, list_name=one.entry.list_name)), None)
    headers = [column.header for column in newest.fact.columns] if newest else []
    return View(
        title=one.entry.title[:120],
        template="inventory/entry.html",
        model=EntryPage(
            status=entry_view.tier(one.judged),
            lead=(one.entry.summary or "")[:600],
            facts=_facts(one, stored.source, lists=queries.lists(tx)),
            gaps=entry_view.gap_checks(one),
            reasons=entry_view.reason_checks(one.judged),
            claims=entry_view.claims_table(one.entry),
            known=entry_view.facts_table(one),
            findings=one.entry.findings,
            beginning=made.text,
            missing=made.missing,
        ),
        table=entry_view.answers_table(one.entry, headers),
        breadcrumbs=(Crumb("Inventory", INVENTORY),),
        active=INVENTORY,
        command=f"roadworthy inventory show {one.name}",
    )


def _facts(one: Assessed, source: str, *, lists: dict[str, str]) -> list[tuple[str, Cell]]:
    entry = one.entry
    found: list[tuple[str, Cell]] = [
        ("Name", Code(one.name)),
        ("List", lists.get(entry.list_name, entry.list_name)),
        ("Stands at", source or None),
        ("Unit", entry.unit),
        ("Stage", entry.stage),
        ("The list calls it", entry_view.declared(entry)),
        ("Owners", "; ".join(f"{side}: {who}" for side, who in entry.owners.items()) or None),
        ("Dates", "; ".join(f"{what} {when}" for what, when in entry.dates.items()) or None),
    ]
    if one.promoted_to:
        found.append(("Became", Link(f"use-case/{one.promoted_to}", f"/use-cases/{one.promoted_to}")))
    return found


@router.page(f"{INVENTORY}/platform", permission="governance.read")
def platform_page(tx: Tx, call: Call) -> View:
    """Where the platform itself falls short, measured from what runs."""
    found = platform_queries.gaps(tx, now=call.now)
    short = sum(bool(one.short) for one in found)
    unknown = sum(not one.measured or not one.looked_at for one in found)
    return View(
        title="Gaps of the platform",
        template="inventory/platform.html",
        model=PlainPage(
            lead=f"Measured from what runs: {short} of {len(found)} fall short, {unknown} are not known.",
            tabs=entry_view.tabs(f"{INVENTORY}/platform"),
        ),
        table=entry_view.platform_table(found),
        breadcrumbs=(Crumb("Inventory", INVENTORY),),
        active=INVENTORY,
        command="roadworthy inventory platform",
    )


@router.page(f"{INVENTORY}/import", permission="registry.read")
def import_page(tx: Tx, call: Call) -> View:
    """Take in a list: the file, and what its columns mean."""
    return View(
        title="Take in a list",
        template="inventory/import.html",
        model=PlainPage(
            lead="Every row is accounted for, however dirty the list is. A list taken in again changes only "
            "what is different in it, and deletes nothing.",
            tabs=entry_view.tabs(f"{INVENTORY}/import"),
            may_import=call.who.may("registry.declare"),
        ),
        table=_imports_table(queries.imports(tx)),
        breadcrumbs=(Crumb("Inventory", INVENTORY),),
        active=INVENTORY,
        command="roadworthy inventory import list.csv --mapping mapping.yaml",
    )


@router.form(
    f"{INVENTORY}/import", permission="registry.declare", body_limit=source_file.BYTES_MAX + 2_000_000
)
def import_list(
    tx: Tx,
    call: Call,
    file: Annotated[UploadFile, File()],
    mapping: Annotated[UploadFile, File()],
    namespace: Annotated[str, Form(max_length=63)] = ROOT_NAMESPACE,
) -> Any:
    """Take in the list that was chosen."""
    try:
        text = mapping.file.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidError(
            "The mapping is not UTF-8 text.", fix="Save it as UTF-8 and send it again."
        ) from error
    done = door.take_in(
        tx,
        call,
        content=file.file.read(),
        mapping=text,
        mapping_file=clean(mapping.filename or "mapping.yaml")[:200],
        file=clean(file.filename or "list.csv")[:200],
        namespace=clean(namespace) or ROOT_NAMESPACE,
        dry_run=False,
    )
    counts, changed = done["counts"], done["registered"]
    return Redirect(
        f"{INVENTORY}/report?list_name={done['list_name']}",
        notice=f"{counts['rows']:,} rows taken in: {changed['created']:,} new, {changed['updated']:,} "
        f"changed, {counts['attention']:,} to look at, {len(changed['gone']):,} no longer listed.",
    )
