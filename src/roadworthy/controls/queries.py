"""Questions about controls: how they stand for one use case or many, now or as of a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from roadworthy.controls import collectors, store, uploads
from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.collecting import COLLECTORS_SOCKET, NEEDS_SOCKET, Asked, Collector, declared_among
from roadworthy.controls.control import CHANGE, ControlState, Needs, evaluate_grouped
from roadworthy.controls.facts import ExceptionGranted, ExceptionRevoked
from roadworthy.controls.kinds import PROVIDER_HOME
from roadworthy.controls.piece import Piece
from roadworthy.controls.signal import Signal, grouped
from roadworthy.controls.waivers import waivers_of
from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.identity import queries as identity
from roadworthy.identity.kinds import PERSON
from roadworthy.registry import queries as registry
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import UNIT, USE_CASE, UseCase
from roadworthy.use_cases.ownership import SIDES

EVERYTHING = Needs()
OWN = "controls"
_ABOUT = {"use-case": USE_CASE, "unit": UNIT, "person": PERSON, "provider": PROVIDER_HOME}


def plug(database: Database, assembly: Assembly) -> None:
    """Let every transaction of a database find what the slices above plugged in."""
    collecting = {
        one.name: one.sockets[COLLECTORS_SOCKET]
        for one in assembly.slices
        if COLLECTORS_SOCKET in one.sockets
    }
    database.share(COLLECTORS_SOCKET, collecting)
    for needs_of_slice in assembly.plugged(NEEDS_SOCKET):
        database.share(NEEDS_SOCKET, needs_of_slice)


def states(
    tx: Tx, *, use_cases: Mapping[str, Needs], now: datetime, as_of: datetime | None = None
) -> dict[str, dict[str, ControlState]]:
    """Return how the controls that each use case needs stand, with a handful of queries in all."""
    asked = replace(
        ask(tx, use_cases, now=now, as_of=as_of), needs=use_cases, collectors=_collectors(use_cases.values())
    )
    said = collected(tx, asked)
    granted = exceptions(tx, use_cases=asked.use_cases, as_of=as_of)
    book = catalogue()
    found: dict[str, dict[str, ControlState]] = {}
    for name in asked.use_cases:
        needs = use_cases[name]
        signals = grouped([*said[name], *_from_needs(asked, name, needs)])
        waivers = waivers_of(granted.get(name, ()), now=asked.now)
        wanted = book.controls if needs.controls is None else sorted(needs.controls & book.controls.keys())
        found[name] = {
            control: evaluate_grouped(
                book.controls[control],
                signals,
                now=asked.now,
                tier=needs.tier,
                fresh_days=needs.fresh_days.get(control),
                waivers=waivers.get(control, ()),
            )
            for control in wanted
        }
    return found


def states_of(
    tx: Tx, *, use_case: str, needs: Needs = EVERYTHING, now: datetime, as_of: datetime | None = None
) -> dict[str, ControlState]:
    """Return how the controls of one use case stand, or say that there is none of that name."""
    found = states(tx, use_cases={use_case: needs}, now=now, as_of=as_of)
    if use_case not in found:
        raise NotFoundError(
            f"There is no use case called `{use_case[:80]}`.", fix="`roadworthy get use-case` lists them."
        )
    return found[use_case]


def needs(
    tx: Tx, *, use_cases: Iterable[str], now: datetime, as_of: datetime | None = None
) -> dict[str, Needs]:
    """Return what tier and obligations ask of use cases; all controls where nobody is there to say."""
    asked = ask(tx, use_cases, now=now, as_of=as_of)
    asks: Callable[[Tx, Asked], Mapping[str, Needs]] | None = tx.shared.get(NEEDS_SOCKET)
    found = asks(tx, asked) if asks is not None else {}
    return {name: found.get(name, EVERYTHING) for name in asked.use_cases}


def needs_of(tx: Tx, use_case: str, *, only: str = "", now: datetime, as_of: datetime | None = None) -> Needs:
    """Return what is asked of one use case; of these controls alone where some are named."""
    found = needs(tx, use_cases=(use_case,), now=now, as_of=as_of).get(use_case, EVERYTHING)
    if not only:
        return found
    if only == "all":
        return replace(found, controls=None)
    return replace(found, controls=frozenset(catalogue().get(one).id for one in only.split(",")))


def signals_of(
    tx: Tx, *, use_cases: Collection[str], now: datetime, as_of: datetime | None = None
) -> dict[str, list[Signal]]:
    """Return every signal about some use cases."""
    asked = ask(tx, use_cases, now=now, as_of=as_of)
    return collected(tx, replace(asked, needs=needs(tx, use_cases=use_cases, now=now, as_of=as_of)))


def ask(tx: Tx, use_cases: Iterable[str], *, now: datetime, as_of: datetime | None) -> Asked:
    """Return what collectors are asked: those of these use cases that were declared at the moment."""
    moment = Asked({}, as_of or now, as_of)
    wanted = set(use_cases)
    known: dict[str, Resource[UseCase]] = {
        one.name: one for one in declared_among(tx, USE_CASE, wanted, moment)
    }
    return Asked(known, as_of or now, as_of)


def collected(tx: Tx, asked: Asked) -> dict[str, list[Signal]]:
    """Return what every collector and every piece of evidence from outside says."""
    plugged: Mapping[str, Collector] = tx.shared.get(COLLECTORS_SOCKET, {OWN: collectors.collect})
    found: dict[str, list[Signal]] = {name: [] for name in asked.use_cases}
    needed = [one for name, one in plugged.items() if name == OWN or asked.wants(name)]
    for collect in (*needed, uploads.collect):
        for name, signals in collect(tx, asked).items():
            found[name] += signals
    return found


def _collectors(needs: Iterable[Needs]) -> frozenset[str] | None:
    """Return which collectors say something that these controls ask; None for all."""
    book, found = catalogue(), set[str]()
    for one in needs:
        if one.controls is None:
            return None
        controls = [book.controls[name] for name in one.controls if name in book.controls]
        found |= {signal.collector for control in controls for signal in control.definitions.values()}
        if any(control.after_change for control in controls):
            found.add(book.signals[CHANGE].collector)
    return frozenset(found)


def piece(tx: Tx, evidence_id: str) -> Piece:
    """Return a piece of evidence, or say that there is none."""
    for one in uploads.pieces(tx):
        if one.recorded.id == evidence_id:
            return one
    raise NotFoundError(
        f"There is no evidence `{evidence_id[:60]}`.", fix="`roadworthy evidence list` lists it."
    )


def content_of(tx: Tx, evidence_id: str) -> bytes:
    """Return the file of a piece of evidence as it came."""
    row = store.read(tx, evidence_id)
    if row is None or row.content is None:
        raise NotFoundError(
            f"The file of evidence `{evidence_id[:60]}` is not kept.",
            why="It was erased, or there never was one.",
        )
    return bytes(row.content)


def namespace_of(tx: Tx, about: str) -> str:
    """Return the unit that something evidence is about belongs to; it has to exist."""
    slug, _, name = about.partition("/")
    if slug == "unit" and name == ROOT_NAMESPACE:
        return ROOT_NAMESPACE
    if slug not in _ABOUT or not name:
        raise InvalidError(
            f"Evidence cannot be about `{about[:80]}`.",
            fix=f"Name one of {', '.join(f'{one}/NAME' for one in _ABOUT)}.",
        )
    found = registry.get(tx, _ABOUT[slug], name)
    return found.name if slug == "unit" else found.namespace


def answering(tx: Tx, about: str) -> set[str]:
    """Return who answers for something: its owners and deputies, who declared it, and their programs."""
    slug, _, name = about.partition("/")
    if slug == "person":
        people = {about}
    elif slug == "use-case":
        stored = registry.get(tx, USE_CASE, name)
        sides = (getattr(stored.spec.owners, side) for side in SIDES)
        named = (who for one in sides for who in (one.owner, one.deputy))
        people = {f"person/{who}" for who in named if who is not None}
        people |= {one.actor for one in registry.versions(tx, USE_CASE, name=name)}
    else:
        people = {registry.get(tx, _ABOUT[slug], name).updated_by}
    accounts = {one.name: one.owner for one in identity.principals(tx) if one.owner}
    people |= {accounts[one] for one in people if one in accounts}
    return people | {account for account, owner in accounts.items() if owner in people}


def exceptions(
    tx: Tx, *, use_cases: Iterable[str] | None = None, as_of: datetime | None = None
) -> dict[str, list[Recorded[Any]]]:
    """Return what was said of exceptions, by use case, oldest first: to some use cases, or to all."""
    refs = None if use_cases is None else [f"use-case/{name}" for name in use_cases]
    found: dict[str, list[Recorded[Any]]] = {}
    for one in evidence.of_types(tx, (ExceptionGranted, ExceptionRevoked), subjects=refs, as_of=as_of):
        found.setdefault(one.fact.use_case, []).append(one)
    return found


def _from_needs(asked: Asked, name: str, needs: Needs) -> list[Signal]:
    """Compare the declared retention with what the rules that fire ask."""
    days = asked.use_cases[name].spec.retention_days
    floor, ceiling = needs.retention_min_days, needs.retention_max_days
    within = (floor is None or floor <= days) and (ceiling is None or days <= ceiling)
    limits = f"{floor or 1} to {'any number of' if ceiling is None else ceiling} days"
    asks_nothing = floor is None and ceiling is None
    words = "no rule sets a limit" if asks_nothing else f"the rules ask for {limits}, declared are {days}"
    return [asked.live("retention_within_rules", within, words)]
