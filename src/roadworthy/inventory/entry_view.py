"""Pure: the tables and checklists of the inventory's pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from roadworthy.foundation.web.parts import Cell, Check, Code, Column, Empty, Link, State, Status, Tab, Table
from roadworthy.inventory.gaps import GAP_TITLES
from roadworthy.inventory.judging import Judged
from roadworthy.inventory.kinds import Claim, InventoryEntry
from roadworthy.inventory.platform import PlatformGap
from roadworthy.inventory.report import Assessed, Report

INVENTORY = "/inventory"
_CLAIMS: dict[Claim, Status] = {
    "present": Status("info", "claimed"),
    "planned": Status("warn", "planned"),
    "waived": Status("warn", "waived"),
    "absent": Status("bad", "not done"),
    "unknown": Status("none", "not said"),
}
_TIERS: dict[str, State] = {"minimal": "good", "limited": "info", "high": "warn", "prohibited": "bad"}
NOTHING = Empty(
    sentence="No list was taken in yet. A mapping says what the columns of yours mean.",
    command="roadworthy inventory import list.csv --mapping mapping.yaml",
    link=Link("Take in a list", f"{INVENTORY}/import"),
)


def tabs(current: str) -> tuple[Tab, ...]:
    """Return the views of the inventory."""
    places = (
        ("Entries", INVENTORY),
        ("Report", f"{INVENTORY}/report"),
        ("Platform", f"{INVENTORY}/platform"),
        ("Take in a list", f"{INVENTORY}/import"),
    )
    return tuple(Tab(title, href, current=href == current) for title, href in places)


def href(name: str) -> str:
    """Return the page of an entry."""
    return f"{INVENTORY}/entries/{name}"


def tier(judged: Judged) -> Status:
    """Say a tier; while questions are open, what it could still become."""
    if judged.provisional:
        return Status("none", f"{judged.tier}, could be {judged.could_be}")
    return Status(_TIERS[judged.tier], judged.tier)


def entries_table(shown: Sequence[Assessed], *, url: str, cursor: str) -> Table:
    """Return entries as the list shows them."""
    columns = (
        Column(key="title", title="Entry"),
        Column(key="unit", title="Unit"),
        Column(key="stage", title="Stage"),
        Column(key="tier", title="Tier by the rules"),
        Column(key="declared_risk", title="The list calls it"),
        Column(key="gaps", title="Missing", numeric=True),
        Column(key="first_gap", title="First of all"),
        Column(key="score", title="Weight", numeric=True, decimals=1),
    )
    rows: list[dict[str, Cell]] = [
        {
            "href": href(one.name),
            "title": one.entry.title,
            "unit": one.entry.unit,
            "stage": one.entry.stage,
            "tier": tier(one.judged),
            "declared_risk": declared(one.entry),
            "gaps": len(one.gaps),
            "first_gap": f"Became use-case/{one.promoted_to}." if one.promoted_to else first_gap(one),
            "score": one.score,
        }
        for one in shown
    ]
    return Table(
        caption="Entries", columns=columns, rows=rows, url=url, next_cursor=cursor or None, empty=NOTHING
    )


def first_gap(one: Assessed) -> str | None:
    """Name the gap to close first: something that was to be done, else what comes first."""
    check = next((gap for gap in one.gaps if gap.kind == "check"), None)
    if check is not None:
        return one.entry.claims[check.id].title
    return GAP_TITLES[one.gaps[0].kind] if one.gaps else None


def declared(entry: InventoryEntry) -> Status | None:
    """Say the list's own view of risk."""
    risk = entry.declared_risk
    return None if risk is None else Status(_TIERS[risk], risk)


def gap_checks(one: Assessed) -> list[Check]:
    """Return what is missing, with what to do about it."""
    states: dict[str, Status] = {
        "questions": Status("none", "open"),
        "evidence": Status("none", "no evidence"),
        "check": Status("warn", "to show"),
    }
    return [
        Check(status=states.get(gap.kind, Status("warn", "missing")), what=gap.what, next_step=gap.next_step)
        for gap in one.gaps
    ]


def reason_checks(judged: Judged) -> list[Check]:
    """Return why the tier is what it is, and which rules are still open."""
    fired = [
        Check(
            status=Status(_TIERS.get(reason.tier, "info"), reason.tier),
            what=reason.title,
            why=" ".join(f"{fact}: {answer}." for fact, answer in reason.answers) or reason.because,
        )
        for reason in judged.reasons
    ]
    return fired + [
        Check(
            status=Status("none", f"could make it {each.tier}"),
            what=each.title,
            why=f"Not answered: {', '.join(each.missing)}.",
        )
        for each in judged.open
    ]


def claims_table(entry: InventoryEntry) -> Table:
    """Return what the list claims was done."""
    columns = (
        Column(key="what", title="What"),
        Column(key="state", title="Says the list"),
        Column(key="said", title="In its own words"),
    )
    rows: list[dict[str, Cell]] = [
        {"what": one.title, "state": _CLAIMS[one.state], "said": one.said} for one in entry.claims.values()
    ]
    empty = Empty(sentence="The list asks nothing of this entry.")
    return Table(caption="What the list claims", columns=columns, rows=rows, empty=empty)


def facts_table(one: Assessed) -> Table:
    """Return the facts that rules were asked with, and where each was read."""
    columns = (
        Column(key="fact", title="Fact"),
        Column(key="value", title="Answer"),
        Column(key="source", title="Read from"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "fact": Code(fact),
            "value": _said(value),
            "source": one.entry.provenance.get(fact, "The mapping says it of every row."),
        }
        for fact, value in sorted(one.entry.facts.items())
    ]
    rows += [
        {"fact": Code(each.fact), "value": Status("none", "not known"), "source": each.text}
        for each in one.judged.questions
    ]
    return Table(caption="Facts", columns=columns, rows=rows)


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def answers_table(entry: InventoryEntry, headers: Sequence[str]) -> Table:
    """Return the row as it stands in the list, in the order of its columns where that is known."""
    places = {header: place for place, header in enumerate(headers)}
    ordered = sorted(entry.answers.items(), key=lambda one: places.get(one[0], len(places)))
    columns = (Column(key="header", title="Column"), Column(key="cell", title="Cell"))
    rows: list[dict[str, Cell]] = [{"header": name, "cell": cell} for name, cell in ordered]
    return Table(caption="The row as it stands in the list", columns=columns, rows=rows)


def steps_table(report: Report, *, list_name: str) -> Table:
    """Return what to do, what lifts the most risk for each piece of work first."""
    columns = (
        Column(key="rank", title="Rank", numeric=True),
        Column(key="what", title="What to do"),
        Column(key="entries", title="Entries", numeric=True),
        Column(key="risky_and_live", title="High and live", numeric=True),
        Column(key="work", title="Pieces of work", numeric=True),
        Column(key="score_per_work", title="Risk lifted by each", numeric=True, decimals=1),
    )
    narrowed = f"&list_name={list_name}" if list_name else ""
    rows: list[dict[str, Cell]] = [
        {
            "rank": one.rank,
            "what": Link(one.what, f"{INVENTORY}?gap={one.gap}{narrowed}"),
            "entries": one.entries,
            "risky_and_live": one.risky_and_live,
            "work": one.work,
            "score_per_work": one.score_per_work,
        }
        for one in report.steps
    ]
    return Table(caption="What to do first", columns=columns, rows=rows, empty=NOTHING)


def tiers_table(report: Report) -> Table:
    """Return how many entries are of each tier, by the rules and by the list."""
    columns = (
        Column(key="tier", title="Tier"),
        Column(key="entries", title="By the rules so far", numeric=True),
        Column(key="provisional", title="Not settled", numeric=True),
        Column(key="live", title="Of these live", numeric=True),
        Column(key="declared", title="The list calls so", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "tier": Status(_TIERS[one.tier], one.tier),
            "entries": one.entries,
            "provisional": one.provisional,
            "live": one.live,
            "declared": one.declared,
        }
        for one in report.tiers
    ]
    return Table(caption="Tiers", columns=columns, rows=rows)


def checks_table(report: Report) -> Table:
    """Return how often the list claims what it asks for."""
    columns = (
        Column(key="what", title="What was to be done"),
        Column(key="asked", title="Asked of", numeric=True),
        Column(key="present", title="Claimed", numeric=True),
        Column(key="share", title="Share", numeric=True, unit="%", decimals=0),
        Column(key="planned", title="Planned", numeric=True),
        Column(key="waived", title="Waived", numeric=True),
        Column(key="absent", title="Not done", numeric=True),
        Column(key="unknown", title="Not said", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "what": Link(one.title, f"{INVENTORY}?gap=check:{one.name}"),
            "asked": one.asked,
            "present": one.present,
            "share": 100 * one.present / one.asked if one.asked else None,
            "planned": one.planned,
            "waived": one.waived,
            "absent": one.absent,
            "unknown": one.unknown,
        }
        for one in report.checks
    ]
    empty = Empty(sentence="The lists say nothing of what was done.")
    return Table(caption="What the lists claim was done", columns=columns, rows=rows, empty=empty)


def obligations_table(report: Report) -> Table:
    """Return what is owed today, and for how many entries not even a claim stands."""
    columns = (
        Column(key="name", title="Obligation"),
        Column(key="kind", title="Sort"),
        Column(key="rule", title="Rule"),
        Column(key="entries", title="Owed by", numeric=True),
        Column(key="without_evidence", title="Without evidence", numeric=True),
        Column(key="without_claim", title="Without even a claim", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "name": one.name,
            "kind": one.kind,
            "rule": Code(one.rule),
            "entries": one.entries,
            "without_evidence": one.entries,
            "without_claim": one.entries - one.claimed,
        }
        for one in report.obligations
    ]
    return Table(caption="Obligations without evidence", columns=columns, rows=rows, empty=NOTHING)


def units_table(report: Report) -> Table:
    """Return the units of the lists."""
    columns = (
        Column(key="unit", title="Unit"),
        Column(key="entries", title="Entries", numeric=True),
        Column(key="live", title="Live", numeric=True),
        Column(key="risky", title="Called high", numeric=True),
        Column(key="gaps", title="Missing, all told", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "unit": one.unit or "not said",
            "entries": one.entries,
            "live": one.live,
            "risky": one.risky,
            "gaps": one.gaps,
        }
        for one in report.units
    ]
    return Table(caption="Units", columns=columns, rows=rows, empty=NOTHING)


def platform_table(found: Iterable[PlatformGap]) -> Table:
    """Return where the platform falls short."""
    columns = (
        Column(key="area", title="Area"),
        Column(key="what", title="What was looked at"),
        Column(key="state", title="How it stands"),
        Column(key="looked_at", title="Looked at", numeric=True),
        Column(key="short", title="Fall short", numeric=True),
        Column(key="which", title="Which"),
        Column(key="next_step", title="Next"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "area": one.area,
            "what": one.what,
            "state": platform_state(one),
            "looked_at": one.looked_at,
            "short": len(one.short) if one.measured else None,
            "which": ", ".join(one.short[:6]) + (" …" if len(one.short) > 6 else "") or None,
            "next_step": one.next_step if one.short or not one.measured else None,
        }
        for one in found
    ]
    return Table(caption="Gaps of the platform", columns=columns, rows=rows)


def platform_state(one: PlatformGap) -> Status:
    """Say how it stands; what was not looked at is never good."""
    if not one.measured or not one.looked_at:
        return Status("none", "not measured" if not one.measured else "nothing to look at")
    return Status("warn", "gap") if one.short else Status("good", "holds")
