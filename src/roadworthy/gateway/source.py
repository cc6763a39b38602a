"""Where a gateway's snapshot comes from: compiled from the database once, then change by change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Any

from roadworthy.appeals import queries as appeals
from roadworthy.foundation import clock
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.gateway import declared
from roadworthy.gateway.compile import snapshot_of, stop_entry
from roadworthy.gateway.delta import MANY, Delta, merge
from roadworthy.gateway.grant_seal import GrantSigner
from roadworthy.gateway.snapshot import Snapshot, Stop
from roadworthy.gateway.touched import Touched, touched
from roadworthy.governance import queries as governance
from roadworthy.governance.grant import Block, Grant, Reason
from roadworthy.identity import queries as identity
from roadworthy.identity.kinds import PERSON, SERVICE_ACCOUNT
from roadworthy.models import evaluations
from roadworthy.models import queries as models
from roadworthy.quota import queries as quota
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Kind
from roadworthy.switches import queries as switches
from roadworthy.use_cases.kinds import USE_CASE

RECOMPILE_EVERY_S = 60.0
_SHARE = 20.0
"""Compiling all anew by the clock may take a twentieth of a core at most."""
_AT_ONCE = 500
"""Use cases whose verdicts are read and computed together: bounds the memory a compile takes."""
_ASIDE = 20
_PAUSES = 2.0
"""Beside calls it takes small steps, and rests twice as long as it works: calls need the same interpreter."""


def compile_snapshot(tx: Tx, *, now: datetime) -> Snapshot:
    """Return what gateways enforce, as this transaction sees it."""
    return snapshot_of(
        revision=audit.revision(tx),
        keys=identity.keys_for_snapshot(tx),
        principals=identity.principals(tx),
        standings=(one.verdict for one in governance.standings(tx, now=now)),
        now=now,
        **declared.parts(partial(_declared, tx)),
        **_beside(tx, now),
    )


def _declared(tx: Tx, kind: Kind) -> dict[str, Any]:
    return {one.name: one.spec for one in registry.every(tx, kind)}


def _beside(tx: Tx, now: datetime) -> dict[str, Any]:
    """Return what a snapshot carries that nobody declares, by the parameter of `snapshot_of`."""
    return {
        "sealed": models.sealed_for_snapshot(tx),
        "stops": _stops(tx, now),
        "quality": evaluations.quality(tx),
        "limit_changers": quota.limit_changers(tx, now=now),
        "approved_content": appeals.approved_content(tx, now=now),
    }


def _stops(tx: Tx, now: datetime) -> dict[str, Stop]:
    """Return every kill switch that is thrown; one that ends by itself carries its end."""
    thrown = switches.every_thrown(tx).items()
    return {of: stop_entry(one, switches.revivers(tx, one, now=now)) for of, one in thrown}


def compile_in_parts(
    tx: Tx,
    *,
    now: datetime,
    size: int = _AT_ONCE,
    pause: Callable[[], object] = lambda: None,
    signer: GrantSigner | None = None,
) -> Snapshot:
    """Return the same, reading some hundred at a time: a hundred thousand fit into a small process."""
    parts = []
    for names in _batches(registry.names(tx, USE_CASE), size):
        part = _compiled(tx, now, standings=_verdicts(tx, names, now=now).values())
        parts.append(part if signer is None else signer.snapshot(part, now=now.timestamp()))
        pause()
    for names in _batches(registry.names(tx, PERSON), size):
        named = [f"person/{name}" for name in names]
        parts.append(_compiled(tx, now, principals=identity.principals_among(tx, named)))
        pause()
    for names in _batches(registry.names(tx, SERVICE_ACCOUNT), size):
        named = [f"service-account/{name}" for name in names]
        principals = identity.principals_among(tx, named)
        keys = identity.keys_among(tx, ids=(), principals=named)
        parts.append(_compiled(tx, now, principals=principals, keys=keys))
        pause()
    orphans = identity.keys_without_holder(tx)
    read = declared.parts(partial(_declared, tx))
    parts.append(_compiled(tx, now, keys=orphans, **read, **_beside(tx, now)))
    whole = Snapshot(audit.revision(tx), now.isoformat())
    return merge(whole, *(Delta(put=part) for part in parts))


def compile_among(
    tx: Tx, *, use_cases: Collection[str], principals: Collection[str], now: datetime
) -> Snapshot:
    """Return the same for some use cases and callers: what is needed to decide their calls, and no more."""
    return _compiled(
        tx,
        now,
        keys=identity.keys_among(tx, ids=(), principals=principals),
        principals=identity.principals_among(tx, principals),
        standings=_verdicts(tx, use_cases, now=now).values() if use_cases else (),
        **declared.parts(partial(_declared, tx)),
        **_beside(tx, now),
    )


def _batches(names: list[str], size: int) -> Iterator[list[str]]:
    left = iter(names)
    while batch := list(islice(left, size)):
        yield batch


def _compiled(tx: Tx, now: datetime, **given: Any) -> Snapshot:
    nothing = {name: {} for name in declared.parts(lambda _kind: {})}  # type: dict[str, Any]
    filled = {"keys": (), "principals": (), "standings": (), **nothing, **given}
    return snapshot_of(revision=audit.revision(tx), now=now, **filled)


def _verdicts(tx: Tx, names: Collection[str], *, now: datetime) -> dict[str, Grant | Block]:
    """Return a verdict for each use case there is; one that cannot be computed denies, and only itself."""
    try:
        return {name: one.verdict for name, one in governance.standings_among(tx, names, now=now).items()}
    except (ValueError, LookupError, AssertionError, TypeError) as error:
        if len(names) == 1:
            (name,) = names
            message = f"Its verdict cannot be computed ({type(error).__name__}), so nothing is allowed."
            step = "Declare it again, or hand the gateway's message to whoever runs it."
            return {name: Block(name, (Reason("not-computable", message, f"use-case/{name}", (), step),))}
        return {key: one for name in names for key, one in _verdicts(tx, [name], now=now).items()}


def compile_delta(tx: Tx, what: Touched, *, now: datetime) -> Delta:
    """Return what a change comes to; what it does not touch is not read."""
    cases = set(what.use_cases)
    for kind, name in what.leading_here:
        cases |= governance.depending_on(tx, kind, name)
    if what.bindings or what.people:
        cases |= governance.approved_by(tx, bindings=what.bindings, people=what.people)
    if what.units:
        cases |= governance.within(tx, what.units)
    for account in what.accounts:
        cases |= set(registry.authored(tx, USE_CASE, f"service-account/{account}"))
    principals = [f"service-account/{name}" for name in what.accounts]
    keys = identity.keys_among(tx, ids=what.key_ids, principals=principals)
    named = [*principals, *(f"person/{name}" for name in what.people)]
    there = identity.principals_among(tx, named)
    verdicts = _verdicts(tx, cases, now=now) if cases else {}
    given: dict[str, Any] = {"keys": keys, "principals": there, "standings": verdicts.values()}
    drop = {
        "principals": _missing(named, (one.name for one in there)),
        "grants": tuple(cases),
        "blocks": _missing(cases, (one for one, said in verdicts.items() if isinstance(said, Block))),
    }
    whole: tuple[str, ...] = ()
    if what.all_declared:
        given |= {**declared.parts(partial(_declared, tx)), **_beside(tx, now)}
        whole = tuple(set(Snapshot.__struct_fields__) - MANY - {"revision", "compiled_at"})
    elif what.alone:
        read, gone = _alone(tx, what.alone)
        given |= {**declared.parts(lambda kind: read.get(kind.name, {})), **_beside(tx, now)}
        drop |= gone
    put = _compiled(tx, now, **given)
    return Delta(put, {name: gone for name, gone in drop.items() if gone}, whole)


def _missing(named: Collection[str], there: Iterator[str]) -> tuple[str, ...]:
    return tuple(set(named) - set(there))


def _alone(
    tx: Tx, wanted: Collection[tuple[str, str]]
) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, ...]]]:
    read: dict[str, dict[str, Any]] = {}
    gone: dict[str, tuple[str, ...]] = {}
    for kind in declared.KINDS:
        names = {name for kind_name, name in wanted if kind_name == kind.name}
        if names:
            read[kind.name] = {one.name: one.spec for one in registry.among(tx, kind, names)}
            gone[declared.ALONE[kind.name]] = tuple(names - read[kind.name].keys())
    return read, gone


class DatabaseSource:
    """What a gateway's refresher asks, twice a second and whenever a revision is announced.

    The audit log is the feed of changes: what it names is read and compiled, nothing else. Keys, grants and
    principals carry their own ends, so an ending needs no new snapshot. What the clock brings about otherwise
    (a price list's new price, a day on which somebody leaves) is caught by compiling all anew, in a thread of
    its own: after a minute, or after twenty times as long as it takes.
    """

    def __init__(
        self,
        database: Database,
        *,
        recompile_every_s: float = RECOMPILE_EVERY_S,
        now: Callable[[], datetime] = clock.now,
        monotonic: Callable[[], float] = time.monotonic,
        in_background: bool = True,
        signer: GrantSigner | None = None,
    ) -> None:
        self._database = database
        self._signer = signer
        self._recompile_every_s = recompile_every_s
        self._now = now
        self._monotonic = monotonic
        self._in_background = in_background
        self._compiled_at_s = float("-inf")
        self._compiled_on: date | None = None
        self._took_s = 0.0
        self._ready: Snapshot | None = None
        self._working: threading.Thread | None = None
        self.error = ""

    def __call__(self, known_revision: int) -> Snapshot | Delta | None:
        """Return the snapshot, or what changed since this revision, or None when nothing did."""
        with self._database.read() as tx:
            revision = audit.revision(tx)
            # A database restored from a backup may be older than what is known here.
            if known_revision < 0 or revision < known_revision:
                return self._all(tx)
            whole, self._ready = self._ready, None
            if whole is not None and whole.revision > revision:
                whole = None
            base = known_revision if whole is None else whole.revision
            if base == revision:
                self._by_the_clock(tx)
                return whole if whole is not None else self._due_now(tx)
            entries = audit.enforced_since(tx, base)
            if entries is None:
                return self._all(tx)
            what = touched(entries)
            if what.verdicts:
                return self._all(tx)
            now = self._now()
            delta = compile_delta(tx, what, now=now)
            if self._signer is not None:
                delta = self._signer.delta(delta, now=now.timestamp())
            if what.told:
                self._compiled_at_s = float("-inf")  # who may change or approve what: said anew soon
        return delta if whole is None else merge(whole, delta)

    def busy(self) -> bool:
        """Say whether all is being compiled anew just now, or is about to be."""
        return self._ready is not None or self._due() or bool(self._working and self._working.is_alive())

    def _due(self) -> bool:
        every_s = max(self._recompile_every_s, _SHARE * self._took_s)
        return self._monotonic() - self._compiled_at_s >= every_s or self._now().date() != self._compiled_on

    def _due_now(self, tx: Tx) -> Snapshot | None:
        return self._all(tx) if not self._in_background and self._due() else None

    def _all(self, tx: Tx, *, aside: bool = False) -> Snapshot:
        self._compiled_at_s, self._compiled_on = self._monotonic(), self._now().date()
        if aside:
            made = compile_in_parts(tx, now=self._now(), size=_ASIDE, pause=_Pace(), signer=self._signer)
        else:
            made = compile_in_parts(tx, now=self._now(), signer=self._signer)
        self._took_s = self._monotonic() - self._compiled_at_s
        return made

    def _by_the_clock(self, _tx: Tx) -> None:
        if not self._in_background or not self._due() or (self._working and self._working.is_alive()):
            return
        self._working = threading.Thread(target=self._work, name="snapshot-compiler", daemon=True)
        self._working.start()

    def _work(self) -> None:
        try:
            with self._database.read() as tx:
                self._ready = self._all(tx, aside=True)
            self.error = ""
        except Exception as error:  # noqa: BLE001  what is in force stays, and changes still come through
            self.error = f"the snapshot could not be compiled anew: {type(error).__name__}: {error}"


class _Pace:
    """Rests in proportion to the processor time its thread has used since the last rest."""

    def __init__(self) -> None:
        self._used_s = time.thread_time()

    def __call__(self) -> None:
        used_s = time.thread_time() - self._used_s
        if used_s >= 0.005:
            time.sleep(used_s * _PAUSES)
            self._used_s = time.thread_time()
