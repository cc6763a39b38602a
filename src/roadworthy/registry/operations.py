"""Changes to what is declared: plan, apply exactly that plan, delete, roll back, change owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import ConflictError, InvalidError, Issue, StaleError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit, manifest, queries, store
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.kinds import Kind, references
from roadworthy.registry.manifest import Manifest
from roadworthy.registry.plan import Action, Change, Moved, Plan, compare, digest_holds
from roadworthy.registry.resource import Resource, load, ref_of, version_digest
from roadworthy.registry.slice import Proposal
from roadworthy.registry.world import Overlay

MANAGERS = ("file", "console")


@dataclass(frozen=True, slots=True)
class Applied:
    """One change as it was saved."""

    ref: str
    action: Action
    generation: int
    etag: str
    audit_seq: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """One document that is to be declared, and where it stands."""

    resource: Resource[Any]
    kind: Kind
    file: str
    line: int
    line_of: Any

    @property
    def source(self) -> str:
        """`file:line`, or nothing for a document that came through another door."""
        return f"{self.file}:{self.line}" if self.file and self.line else ""


def read_documents(assembly: Assembly, manifests: Sequence[Manifest]) -> list[Wanted]:
    """Validate documents; every issue of every document is named at once."""
    wanted: list[Wanted] = []
    issues: list[Issue] = []
    seen: dict[tuple[str, str], Wanted] = {}
    for one in manifests:
        try:
            resource = load(one.document, assembly.catalogue, file=one.file, line_of=one.line_of)
        except InvalidError as error:
            issues.extend(error.issues or [Issue(error.what, error.fix, "", one.file, one.line)])
            continue
        item = Wanted(resource, assembly.catalogue.get(resource.kind), one.file, one.line, one.line_of)
        if (other := seen.get((resource.kind, resource.name))) is not None:
            issues.append(
                Issue(
                    f"{ref_of(item.kind, resource.name)} stands twice, first at {other.source or 'above'}.",
                    "Keep one of the two, or give one another name.",
                    "metadata.name",
                    one.file,
                    one.line_of("metadata.name"),
                )
            )
        seen[resource.kind, resource.name] = item
        wanted.append(item)
    if issues:
        raise manifest.invalid(issues, "Nothing was changed: the declarations were refused.")
    return wanted


def plan(
    tx: Tx,
    assembly: Assembly,
    *,
    manifests: Sequence[Manifest] = (),
    removals: Sequence[tuple[Kind, str]] = (),
    managed_by: str,
    adopt: bool = False,
    actor: Actor,
    now: datetime,
    foretold: bool = True,
) -> Plan:
    """Say what applying these documents would change, or why they cannot be applied.

    What follows from it is worked out only where it is `foretold`: it takes longer than the checks.
    """
    wanted = read_documents(assembly, manifests)
    world = Overlay(tx, assembly.catalogue)
    world.prefetch([(one.kind.name, one.resource.name) for one in wanted])
    issues: list[Issue] = []
    changes: list[Change] = []
    for one in wanted:
        changes.append(_change(world, one, issues, managed_by=managed_by, adopt=adopt))
        world.lay(one.kind.name, one.resource.name, one.resource)
    for kind, name in removals:
        changes.append(_removal(tx, world, kind, name))
        world.lay(kind.name, name, None)
    order = {kind.name: place for place, kind in enumerate(assembly.catalogue)}
    changes.sort(
        key=lambda one: (
            one.action == "delete",
            -order[one.kind] if one.action == "delete" else order[one.kind],
        )
    )
    by_ref = {ref_of(one.kind, one.resource.name): one for one in wanted}
    issues.extend(_check_references(tx, world, wanted, changes))
    finished = []
    for change in changes:
        after = by_ref[change.ref].resource if change.ref in by_ref else None
        stored = world.stored(change.kind, change.name)
        proposal = Proposal(change, stored.resource if stored else None, after, world, actor, now)
        if change.action != "unchanged":
            found = [issue for check in assembly.admission for issue in check(tx, proposal)]
            issues.extend(_placed(issue, by_ref.get(change.ref)) for issue in found)
        if foretold and not issues and change.action != "unchanged":
            said = tuple(text for effect in assembly.effects for text in effect(tx, proposal))
            change = replace(change, effects=change.effects + said)  # noqa: PLW2901
        finished.append(change)
    if issues:
        raise manifest.invalid(issues, "Nothing was changed: the declarations were refused.")
    return Plan(audit.revision(tx), now, _said_once(finished), world.pins())


def _said_once(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Keep each effect at one change only: the one it is about, or else the first that brings it about."""
    place: dict[str, int] = {}
    for number, change in enumerate(changes):
        for text in change.effects:
            if text not in place or change.ref in text.split():
                place[text] = number
    return tuple(
        replace(change, effects=tuple(text for text in change.effects if place[text] == number))
        for number, change in enumerate(changes)
    )


def _change(world: Overlay, one: Wanted, issues: list[Issue], *, managed_by: str, adopt: bool) -> Change:
    ref, stored = ref_of(one.kind, one.resource.name), world.stored(one.kind.name, one.resource.name)
    before = stored.resource.document() if stored else {}
    after = one.resource.document()
    fields = tuple(compare(before, after))
    action: Action = "create" if stored is None else ("update" if fields else "unchanged")
    effects: tuple[str, ...] = ()
    if stored is not None and stored.managed_by != managed_by:
        if adopt:
            action = "update" if fields else "adopt"
            effects = (f"from now on it is managed by {managed_by}, no longer by {stored.managed_by}",)
        elif fields:
            issues.append(
                Issue(
                    f"{ref} is managed by {stored.managed_by}"
                    + (f" ({stored.source})" if stored.source else "")
                    + f", so {managed_by} may not change it.",
                    f"Change it there, or take it over with `roadworthy adopt {ref} --as {managed_by}`.",
                    "metadata.name",
                    one.file,
                    one.line_of("metadata.name"),
                )
            )
    return Change(
        action=action,
        ref=ref,
        kind=one.kind.name,
        name=one.resource.name,
        document=after,
        generation=stored.generation if stored else 0,
        managed_by=managed_by,
        source=one.source,
        fields=fields if stored is not None else (),
        effects=effects,
    )


def _removal(tx: Tx, world: Overlay, kind: Kind, name: str) -> Change:
    stored = queries.get(tx, kind, name)
    world.stored(kind.name, name)
    return Change(
        action="delete",
        ref=stored.ref,
        kind=kind.name,
        name=name,
        document=None,
        generation=stored.generation,
        managed_by=stored.managed_by,
        source=stored.source,
    )


def _check_references(
    tx: Tx, world: Overlay, wanted: Sequence[Wanted], changes: Sequence[Change]
) -> list[Issue]:
    found = [(one, *reference) for one in wanted for reference in references(one.resource.spec)]
    found += [
        (one, "metadata.namespace", "Unit", one.resource.namespace)
        for one in wanted
        if one.resource.namespace != "organization"
    ]
    world.prefetch([(kind, name) for _, _, kind, name in found])
    issues = [
        Issue(
            f"There is no {kind} called `{name}`.",
            f"Declare it, or correct the name (`roadworthy get {world.slug(kind)}`).",
            path,
            one.file,
            one.line_of(path),
        )
        for one, path, kind, name in found
        if world.get(kind, name) is None
    ]
    gone = {(change.kind, change.name) for change in changes if change.action == "delete"}
    rewritten = {(one.kind.name, one.resource.name) for one in wanted}
    for kind, name in sorted(gone):
        users = [
            row
            for row in store.linked_from(tx, kind, name)
            if (row.kind, row.name) not in gone and (row.kind, row.name) not in rewritten
        ]
        if users:
            named = ", ".join(f"{row.kind} {row.name} ({row.path})" for row in users[:5])
            issues.append(
                Issue(
                    f"{kind} {name} is still referred to by {named}.",
                    "Change or delete those first, or together.",
                )
            )
    for name in sorted(name for kind, name in gone if kind == "Unit"):
        owned = [row for row in store.owned_by(tx, name) if (row.kind, row.name) not in gone | rewritten]
        if owned:
            named = ", ".join(f"{row.kind} {row.name}" for row in owned[:5])
            issues.append(
                Issue(f"Unit {name} still owns {named}.", "Move those to another unit or delete them first.")
            )
    return issues


def _placed(issue: Issue, one: Wanted | None) -> Issue:
    if one is None or issue.file:
        return issue
    return replace(issue, file=one.file, line=one.line_of(issue.field))


def apply(
    tx: Tx, assembly: Assembly, *, document: dict[str, Any], actor: Actor, now: datetime
) -> tuple[Applied, ...]:
    """Apply exactly this plan; refuse one that was altered or that something has overtaken."""
    if not isinstance(document.get("changes"), list) or not digest_holds(document):
        raise InvalidError(
            "This is not a plan as it was written.",
            why="Its content does not match its digest.",
            fix="Make a new plan with `roadworthy plan -o plan.json` and apply that file unchanged.",
        )
    _refuse_stale(tx, assembly, document)
    manifests = [
        _sourced(change["document"], change["source"])
        for change in document["changes"]
        if change["document"] is not None
    ]
    removals = [
        (assembly.catalogue.get(change["kind"]), change["name"])
        for change in document["changes"]
        if change["action"] == "delete"
    ]
    managers = {change["managed_by"] for change in document["changes"] if change["action"] != "delete"}
    if len(managers - set(MANAGERS)) or len(managers) > 1:
        raise InvalidError("The plan mixes owners.", fix="Make a new plan with `roadworthy plan`.")
    fresh = plan(
        tx,
        assembly,
        manifests=manifests,
        removals=removals,
        managed_by=managers.pop() if managers else "file",
        adopt=any(
            "from now on it is managed by" in text for one in document["changes"] for text in one["effects"]
        ),
        actor=actor,
        now=now,
        foretold=False,
    )
    return save(tx, assembly, fresh, actor=actor, now=now)


def _sourced(document: dict[str, Any], source: str) -> Manifest:
    file, _, line = source.rpartition(":")
    number = int(line) if line.isdigit() else 0
    return Manifest(document, file if number else "", number, {})


def _refuse_stale(tx: Tx, assembly: Assembly, document: dict[str, Any]) -> None:
    moved: list[Moved] = []
    pins = document.get("pins")
    for ref, generation in (pins if isinstance(pins, dict) else {}).items():
        slug, _, name = str(ref).partition("/")
        kind = assembly.catalogue.get(slug)
        current = queries.find(tx, kind, name)
        at = current.generation if current else 0
        if at != generation:
            last = store.history(tx, kind.name, name, limit=1)
            by, when = (last[0].actor, last[0].at) if last else ("", None)
            planned = store.version(tx, kind.name, name, generation)
            before, after = (one.document if one else None for one in (planned, last[0] if last else None))
            fields = compare(before, after) if before and after else []
            moved.append(Moved(ref, generation, at, by, when, tuple(fields)))
    if moved:
        said = [Issue(one.sentence(), f"See `roadworthy diff {one.ref}`.", one.ref) for one in moved]
        raise StaleError(
            "The plan is stale; nothing was changed.",
            why=" ".join(issue.message for issue in said),
            fix="Make the plan again, look at it, and apply that.",
            issues=said,
        )


def save(
    tx: Tx, assembly: Assembly, planned: Plan, *, actor: Actor, now: datetime, word: str = ""
) -> tuple[Applied, ...]:
    """Save what was just planned in this same transaction, each change with its audit entry."""
    return tuple(
        _save_one(tx, assembly, change, actor=actor, now=now, word=word)
        for change in planned.changes
        if change.action != "unchanged"
    )


_WORDS = {"create": "created", "update": "updated", "delete": "deleted", "adopt": "adopted"}


def _save_one(
    tx: Tx, assembly: Assembly, change: Change, *, actor: Actor, now: datetime, word: str
) -> Applied:
    kind = assembly.catalogue.get(change.kind)
    generation = store.last_generation(tx, kind.name, change.name) + 1
    content: dict[str, Any] = {
        "generation": generation,
        "document": change.document,
        "managed_by": change.managed_by,
        "source": change.source,
    }
    receipt = audit.record(
        tx,
        actor=actor,
        action=word or _WORDS[change.action],
        subject=change.ref,
        at=now,
        content=content,
        enforcement=kind.enforcement,
    )
    version = version_digest(change.document or {})
    shared = {
        "kind": kind.name,
        "name": change.name,
        "generation": generation,
        "digest": version,
        "managed_by": change.managed_by,
        "source": change.source,
        "document": change.document,
    }
    if change.document is None:
        store.remove(tx, kind.name, change.name)
    else:
        stamps = {
            "created_at": now,
            "created_by": actor.principal,
            "updated_at": now,
            "updated_by": actor.principal,
        }
        namespace = change.document["metadata"]["namespace"]
        store.save(tx, exists=change.generation > 0, columns={**shared, **stamps, "namespace": namespace})
        resource = load(change.document, assembly.catalogue)
        store.set_links(tx, kind.name, change.name, references(resource.spec))
    action = "delete" if change.document is None else change.action
    store.add_version(tx, **shared, action=action, at=now, actor=actor.principal, audit_seq=receipt.seq)
    etag = f'"{generation}-{version[:16]}"'
    return Applied(change.ref, change.action, generation, etag, receipt.seq)


def rollback(
    tx: Tx, assembly: Assembly, *, kind: Kind, name: str, generation: int, actor: Actor, now: datetime
) -> tuple[Applied, ...]:
    """Declare again what an earlier generation said; the history keeps both."""
    old = queries.version(tx, kind, name, generation)
    current = queries.find(tx, kind, name)
    if old["document"] is None:
        raise ConflictError(
            f"{ref_of(kind, name)} cannot go back to generation {generation}.",
            why="That version is a deletion, or its content was erased.",
            fix=f"Choose another from `roadworthy history {ref_of(kind, name)}`.",
        )
    source = current.source if current else old["source"]
    planned = plan(
        tx,
        assembly,
        manifests=[_sourced(old["document"], source)],
        managed_by=current.managed_by if current else old["managed_by"],
        actor=actor,
        now=now,
    )
    return save(tx, assembly, planned, actor=actor, now=now, word="rolled-back")


def erase(tx: Tx, *, kind: Kind, name: str, reason: str, actor: Actor, now: datetime) -> int:
    """Erase what versions and log say about a deleted resource; entries and proofs stay."""
    if queries.find(tx, kind, name) is not None:
        raise ConflictError(
            f"{ref_of(kind, name)} is still declared.",
            why="Only what is deleted can be erased.",
            fix=f"Delete it first: `roadworthy delete {ref_of(kind, name)}`.",
        )
    queries.history(tx, kind, name)
    store.erase_versions(tx, kind.name, name)
    return audit.erase(tx, subject=ref_of(kind, name), actor=actor, at=now, reason=reason)
