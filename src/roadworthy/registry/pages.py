"""The console's pages of declarations and of the audit log."""

from __future__ import annotations

import difflib
import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Check,
    Code,
    Column,
    Crumb,
    DiffLine,
    Empty,
    Filter,
    Link,
    ListPage,
    ResourcePage,
    Section,
    Stat,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.router import SIGNED_IN, Router
from roadworthy.foundation.web.view import View
from roadworthy.registry import audit, manifest, queries, verification
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import KEYS_SOCKET, SECTIONS_SOCKET, action_of, clean
from roadworthy.registry.kinds import Kind
from roadworthy.registry.resource import Stored

router = Router(tag="console")
NamePath = Annotated[str, Path(max_length=80)]
HOME_PAGES = {
    "inventory-entry": "/inventory/entries",
    "outcome": "/outcomes",
    "use-case": "/use-cases",
}
"""Kinds with a page of their own, richer than the generic one."""


def href_of(ref: str) -> str:
    """Return the page of a reference (`use-case/x`)."""
    slug, _, name = ref.partition("/")
    home = HOME_PAGES.get(slug)
    return f"{home}/{name}" if home else f"/declared/{slug}/{name}"


@router.page("/audit", permission="audit.read")
def audit_page(
    tx: Tx,
    call: Call,
    cursor: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    subject: Annotated[str, Query(max_length=140)] = "",
    actor: Annotated[str, Query(max_length=140)] = "",
) -> View:
    """Every change, approval and decision, newest first."""
    found = audit.entries(tx, before=cursor, limit=51, subject=clean(subject), actor=clean(actor))
    newest = audit.newest_checkpoint(tx)
    url = call.request.url.path + (f"?{call.request.url.query}" if call.request.url.query else "")
    table = _entries_table(found[:50], url=url, more=len(found) > 50)
    model = ListPage(
        lead="Append-only and tamper-evident: each entry is a leaf of a Merkle tree whose root is signed.",
        filters=(
            Filter(name="subject", label="About", value=subject),
            Filter(name="actor", label="Who", value=actor),
        ),
        action=Link("Verify the log", "/audit/verify"),
        stats=(
            Stat(label="Entries", value=f"{audit.size(tx):,}"),
            Stat(
                label="Last checkpoint",
                value=f"{newest['size']:,}" if newest else "none",
                note="entries signed for",
            ),
        ),
    )
    return View(
        title="Audit",
        template="table_page.html",
        model=model,
        table=table,
        active="/audit",
        command="roadworthy audit log",
    )


def _entries_table(shown: list[dict[str, Any]], *, url: str, more: bool) -> Table:
    return Table(
        columns=[
            Column(key="seq", title="Entry", numeric=True),
            Column(key="at", title="When"),
            Column(key="actor", title="Who"),
            Column(key="action", title="What"),
            Column(key="object", title="About"),
            Column(key="channel", title="Door"),
            Column(key="detail", title="Detail"),
        ],
        rows=[
            {
                "seq": one["seq"],
                "at": datetime.fromisoformat(one["at"]),
                "actor": one["actor"],
                "action": one["action"],
                "object": Link(one["object"], href_of(one["object"]))
                if "/" in one["object"]
                else one["object"],
                "channel": one["channel"],
                "detail": _detail(one),
                "href": f"/audit/{one['seq']}",
            }
            for one in shown
        ],
        caption="Audit entries",
        url=url,
        next_cursor=str(shown[-1]["seq"]) if more else None,
        empty=Empty(
            sentence="Nothing has been changed yet; the first change will stand here.",
            command="roadworthy apply -f roadworthy.yaml",
        ),
    )


def _detail(entry: dict[str, Any]) -> str:
    content = entry["content"]
    if content is None:
        return f"erased by entry {entry['erased_by']}"
    if "generation" in content and "document" in content:
        where = f", {content['source']}" if content.get("source") else ""
        return f"generation {content['generation']}{where}"
    said = [
        f"{key}: {value}" for key, value in content.items() if isinstance(value, str | int) and value != ""
    ]
    return "; ".join(said)[:160]


@router.page("/audit/verify", permission="audit.read")
def verify_page(tx: Tx, call: Call) -> View:
    """Re-hash the whole log now and show what, if anything, was altered."""
    verdict = verification.verify(
        tx, keys=call.parts.sockets[KEYS_SOCKET], verifiers=assembly_of(call).verifiers
    )
    table = Table(
        columns=[Column(key="where", title="Where"), Column(key="what", title="What was found")],
        rows=[{"where": Code(one.where), "what": one.what} for one in verdict.findings],
        caption="Findings",
        empty=Empty(
            sentence=f"All {verdict.size:,} entries, their tree, {verdict.checkpoints:,} signed checkpoints "
            "and every table they seal are as they were sealed.",
            command="roadworthy audit verify --checkpoint kept.txt",
        ),
    )
    return View(
        title="Verify the log",
        template="registry/verify.html",
        model={
            "ok": verdict.ok,
            "size": verdict.size,
            "checkpoints": verdict.checkpoints,
            "checkpoint": verdict.checkpoint,
            "keys": [key.encode() for key in call.parts.sockets[KEYS_SOCKET]],
        },
        table=table,
        breadcrumbs=(Crumb("Audit", "/audit"),),
        active="/audit",
        command="roadworthy audit verify",
    )


@router.page("/audit/{seq}", permission="audit.read")
def entry_page(tx: Tx, seq: Annotated[int, Path(ge=0, le=2**53)]) -> View:
    """One audit entry with its inclusion proof."""
    proof = audit.proof(tx, seq)
    entry = proof["entry"]
    content = entry["content"]
    return View(
        title=f"Entry {seq}",
        template="registry/entry.html",
        model={
            "entry": entry,
            "about": Link(entry["object"], href_of(entry["object"]))
            if "/" in entry["object"]
            else entry["object"],
            "at": datetime.fromisoformat(entry["at"]),
            "content": manifest.source_text([("", content)]) if content else "",
            "leaf": proof["leaf"],
            "proof": "\n".join(proof["proof"]) or "(the tree has one leaf: the leaf is the root)",
            "checkpoint": proof["checkpoint"],
            "size": proof["size"],
        },
        breadcrumbs=(Crumb("Audit", "/audit"),),
        active="/audit",
        command=f"roadworthy audit proof {seq}",
    )


@router.page("/declared", permission="registry.read")
def kinds_page(tx: Tx, call: Call) -> View:
    """Every kind of declaration with how many there are."""
    table = Table(
        columns=[
            Column(key="kind", title="Kind"),
            Column(key="declared", title="Declared", numeric=True),
            Column(key="summary", title="What it is"),
        ],
        rows=[
            {
                "kind": kind.title,
                "declared": len(queries.every(tx, kind)),
                "summary": kind.summary,
                "href": f"/declared/{kind.slug}",
            }
            for kind in assembly_of(call).catalogue
        ],
        caption="Kinds",
    )
    model = ListPage(lead="Everything people have said should be, in one place.")
    return View(
        title="Declarations",
        template="table_page.html",
        model=model,
        table=table,
        active="/access",
        command="roadworthy kinds",
    )


@router.page("/declared/{kind}", permission="registry.read")
def kind_page(tx: Tx, call: Call, kind: NamePath, cursor: Annotated[str, Query(max_length=80)] = "") -> View:
    """Every resource of a kind."""
    found = assembly_of(call).catalogue.get(kind)
    items, following = queries.page(tx, found, after=cursor, limit=100)
    table = Table(
        columns=[
            Column(key="name", title="Name"),
            Column(key="namespace", title="Unit"),
            Column(key="managed_by", title="Managed by"),
            Column(key="generation", title="Generation", numeric=True),
            Column(key="updated_at", title="Changed"),
            Column(key="updated_by", title="By"),
        ],
        rows=[
            {
                "name": one.name,
                "namespace": one.namespace,
                "managed_by": one.declared_at,
                "generation": one.generation,
                "updated_at": one.updated_at,
                "updated_by": one.updated_by,
                "href": href_of(one.ref),
            }
            for one in items
        ],
        caption=found.title,
        url=call.request.url.path,
        next_cursor=following or None,
        empty=Empty(
            sentence=f"No {found.title.lower()} is declared.", command=f"roadworthy explain-kind {found.slug}"
        ),
    )
    return View(
        title=f"{found.title}s",
        template="table_page.html",
        model=ListPage(lead=found.summary),
        table=table,
        breadcrumbs=(Crumb("Declarations", "/declared"),),
        active="/access",
        command=f"roadworthy get {found.slug}",
    )


def tabs_of(ref: str, current: str, *, home: str = "") -> tuple[Tab, ...]:
    """Return the tabs every declared resource has; a richer page of its own is the first."""
    base = f"/declared/{ref}"
    return tuple(
        Tab(title, href, current == key)
        for key, title, href in (
            ("overview", "Overview", home or base),
            ("yaml", "Declaration", f"{base}?tab=yaml"),
            ("history", "History", f"{base}?tab=history"),
            ("diff", "Last change", f"{base}?tab=diff"),
        )
    )


@router.page("/declared/{kind}/{name}", permission="registry.read")
def resource_page(
    tx: Tx,
    call: Call,
    kind: NamePath,
    name: NamePath,
    tab: Annotated[str, Query(pattern="^(overview|yaml|history|diff)$")] = "overview",
) -> View:
    """One declared resource: what it says, its history, its last change."""
    found = assembly_of(call).catalogue.get(kind)
    stored = queries.get(tx, found, name)
    past = queries.history(tx, found, name)
    home = href_of(stored.ref) if found.slug in HOME_PAGES else ""
    users = queries.linked_from(tx, found, name)
    model = ResourcePage(
        kind=found.slug,
        name=name,
        tab=tab,  # type: ignore[arg-type]  # the pattern above holds it to the four
        tabs=tabs_of(stored.ref, tab, home=home),
        summary=found.summary,
        facts=_facts(stored),
        spec=[(key, _said(value)) for key, value in stored.resource.manifest()["spec"].items()],
        checks=_used_by(users),
        notes=_managed_note(stored),
        yaml=manifest.source_text([("", stored.resource.manifest())]),
        diff=_last_change(tx, found, name, past) if tab == "diff" else (),
        diff_title=f"From generation {past[1]['generation']} to {past[0]['generation']}"
        if len(past) > 1
        else "",
        action=action_of(call, stored.ref, stored.namespace),
        sections=_sections(tx, call, stored) if tab == "overview" else (),
    )
    return View(
        title=name,
        template="resource.html",
        model=model,
        table=_history_table(stored.ref, past),
        breadcrumbs=(Crumb("Declarations", "/declared"), Crumb(f"{found.title}s", f"/declared/{found.slug}")),
        active="/access",
        command=f"roadworthy get {found.slug} {name} -o yaml",
    )


def _sections(tx: Tx, call: Call, stored: Stored[Any]) -> tuple[Section, ...]:
    plugged = assembly_of(call).plugged(SECTIONS_SOCKET)
    return tuple(one for sections in plugged for one in sections(tx, call, stored.ref))


def _facts(stored: Stored[Any]) -> list[tuple[str, Any]]:
    return [
        ("Unit", stored.namespace),
        ("Generation", stored.generation),
        ("Declared at", stored.declared_at),
        ("Changed", stored.updated_at),
        ("By", stored.updated_by),
    ]


def _said(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    return Code(_on_one_line(value) if value else "none")


def _on_one_line(value: Any) -> str:
    """Write a value as YAML's flow form does; the YAML tab has it as it is declared."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_on_one_line(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_on_one_line, value)) + "]"
    return json.dumps(value) if isinstance(value, bool) or value is None else str(value)


def _used_by(users: list[dict[str, str]]) -> list[Check]:
    return [
        Check(status=Status("info", "used by"), what=f"{one['kind']} {one['name']}", why=f"in {one['path']}")
        for one in users[:20]
    ]


def _managed_note(stored: Stored[Any]) -> list[tuple[Status, str]]:
    if stored.managed_by == "file":
        at = f" at {stored.source}" if stored.source else ""
        return [(Status("info", "Managed by a file"), f"It is declared{at}; change it there and apply.")]
    return []


def _last_change(tx: Tx, kind: Kind, name: str, past: list[dict[str, Any]]) -> list[DiffLine]:
    texts = []
    for one in reversed(past[:2]):
        document = queries.version(tx, kind, name, one["generation"])["document"]
        texts.append(manifest.source_text([("", document)]).splitlines() if document else [])
    before, after = texts if len(texts) > 1 else ([], texts[0])
    lines: list[DiffLine] = []
    for number, line in enumerate(difflib.ndiff(before, after), start=1):
        change = {"+ ": "added", "- ": "removed", "  ": "same"}.get(line[:2])
        if change is not None:
            lines.append(DiffLine(change, line[2:], number))  # type: ignore[arg-type]  # one of the three
    return lines


def _history_table(ref: str, past: list[dict[str, Any]]) -> Table:
    return Table(
        columns=[
            Column(key="generation", title="Generation", numeric=True),
            Column(key="action", title="What"),
            Column(key="at", title="When"),
            Column(key="actor", title="Who"),
            Column(key="changed", title="Fields"),
            Column(key="entry", title="Audit entry"),
        ],
        rows=[
            {
                "generation": one["generation"],
                "action": one["action"],
                "at": datetime.fromisoformat(one["at"]),
                "actor": one["actor"],
                "changed": ", ".join(one["changed"][:6]) + (" …" if len(one["changed"]) > 6 else ""),
                "entry": Link(str(one["audit_seq"]), f"/audit/{one['audit_seq']}"),
            }
            for one in past
        ],
        caption=f"History of {ref}",
    )


@router.page("/find", permission=SIGNED_IN)
def find_page(tx: Tx, call: Call, q: Annotated[str, Query(max_length=80)] = "") -> View:
    """Whatever is declared under a name that holds the text."""
    rows: list[dict[str, Any]] = []
    if q and "\x00" not in q and call.who.may("registry.read"):
        catalogue = assembly_of(call).catalogue
        for one in queries.search(tx, q):
            kind = catalogue.find(one["kind"])
            if kind is not None:
                href = href_of(f"{kind.slug}/{one['name']}")
                rows.append({"title": one["name"], "href": href, "hint": kind.title})
    table = Table(
        columns=[
            Column(key="title", title="Name"),
            Column(key="hint", title="Kind"),
            Column(key="href", title="Address"),
        ],
        rows=rows,
        caption="Found",
        empty=Empty(sentence="Nothing declared has that in its name."),
    )
    return View(
        title="Find",
        template="table_page.html",
        model=ListPage(filters=(Filter(name="q", label="Name", value=q),)),
        table=table,
        command="roadworthy get",
    )
