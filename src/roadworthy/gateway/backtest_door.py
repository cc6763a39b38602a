"""What the API and the page of back-tests share: a proposal laid over what is declared, and its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.gateway.backtest import Tested
from roadworthy.gateway.door import seen_by
from roadworthy.gateway.proposing import Asked, Change, foreseen, tried
from roadworthy.governance import queries as governance
from roadworthy.governance.grant import Grant
from roadworthy.governance.standing import Standing
from roadworthy.registry import operations
from roadworthy.registry.actor import system
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import actor_of, split_ref
from roadworthy.registry.manifest import Manifest
from roadworthy.registry.world import Overlay
from roadworthy.rules.queries import with_pack
from roadworthy.rules.upgrade import difference
from roadworthy.usage import operations as usage

CALLS_MAX = 20_000
STOPPABLE = ("use-case", "route", "model", "provider", "filter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tryout:
    """What is tried on past calls: as if it were applied, taken away, or stopped."""

    files: Sequence[Manifest] = ()
    remove: Sequence[str] = ()
    stop: Sequence[str] = ()
    pack: Mapping[str, Any] | None = None
    """A new version of a shipped pack of rules, as its file."""
    days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """What would be different for a use case before any call is made."""

    use_case: str
    tier_before: str
    tier_after: str
    grant: str
    """`ends`, `starts`, `narrows`, `widens`, or nothing where it stays as it is."""
    lost: tuple[str, ...]
    """Models and routes that it could no longer call."""
    asked: tuple[str, ...]
    """Obligations asked for only afterwards, by id."""
    dropped: tuple[str, ...]
    because: tuple[str, ...]
    """Sentences: what in the rules makes the difference, and what stands in the way of the grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a proposal would have done."""

    tested: Tested
    use_cases: tuple[CaseChange, ...]


def run(call: Call, tryout: Tryout) -> Result:
    """Say what a proposal would have done to past calls; nothing is applied.

    Who has words read once more is put into the log, as for any reading; no word of them is handed out.
    """
    if not (tryout.files or tryout.remove or tryout.stop or tryout.pack):
        raise InvalidError(
            "There is nothing to try on past calls.",
            fix="Name files of declarations, what is to be removed or stopped, or a pack of rules.",
        )
    with call.parts.database.read() as tx:
        found = _run(tx, call, tryout)
    if found.tested.texts is not None and found.tested.texts.read:
        with call.parts.database.write() as tx:
            usage.note_replayed(
                tx, calls=found.tested.texts.read, days=tryout.days, actor=actor_of(call), now=call.now
            )
    return found


def _run(tx: Tx, call: Call, tryout: Tryout) -> Result:
    change = _change(tx, call, tryout)
    seen = seen_by(tx, call, "usage.read")
    asked = Asked(
        since=call.now - timedelta(days=tryout.days),
        limit=CALLS_MAX,
        use_cases=seen,
        readable=seen_by(tx, call, "content.read"),
    )
    found = tried(tx, change, asked)
    names = governance.names(tx) | {name for kind, name in change.world.planned() if kind == "UseCase"}
    before, after = foreseen(tx, change, names)
    cases = _cases(before, after)
    return Result(
        tested=found,
        use_cases=tuple(one for one in cases if seen is None or one.use_case in seen),
    )


def _change(tx: Tx, call: Call, tryout: Tryout) -> Change:
    assembly = assembly_of(call)
    removals = [split_ref(call, ref) for ref in tryout.remove]
    if tryout.files or removals:
        # As the product itself, so that who may only look can ask, too; what could not be applied is refused.
        operations.plan(
            tx, assembly, manifests=tryout.files, removals=removals, managed_by="console", adopt=True,
            actor=system("backtest"), now=call.now, foretold=False,
        )  # fmt: skip
    world = Overlay(tx, assembly.catalogue)
    for one in operations.read_documents(assembly, tryout.files):
        world.lay(one.kind.name, one.resource.name, one.resource)
    for kind, name in removals:
        world.lay(kind.name, name, None)
    for ref in tryout.stop:
        slug, _, name = ref.partition("/")
        if slug not in STOPPABLE or not name:
            raise InvalidError(f"`{ref[:140]}` cannot be stopped.", fix=f"Name {', '.join(STOPPABLE)}.")
        kind, name = split_ref(call, ref)
        if name not in kind.built_in and world.get(kind.name, name) is None:
            # "Nothing would have differed" would be true of a slip of the pen, and believed.
            raise NotFoundError(
                f"There is no {kind.title.lower()} called `{name[:80]}`.",
                fix=f"`roadworthy get {slug}` lists them.",
            )
    return Change(
        world=world,
        actor=actor_of(call),
        now=call.now,
        rulebook=None if tryout.pack is None else with_pack(tx, "", dict(tryout.pack)),
        stops=tuple(tryout.stop),
    )


def _cases(before: Mapping[str, Standing], after: Mapping[str, Standing]) -> Iterator[CaseChange]:
    for name in sorted(before.keys() | after.keys()):
        found = _case(name, before.get(name), after.get(name))
        if found is not None:
            yield found


def _case(name: str, old: Standing | None, new: Standing | None) -> CaseChange | None:
    granted = (old.grant if old else None, new.grant if new else None)
    differs = difference(name, old.tier.decision, new.tier.decision) if old and new else None
    grant, lost = _grant(*granted)
    if differs is None and not grant:
        return None
    because = list(differs.because if differs is not None else ())
    if grant == "ends" and new is not None and new.block is not None:
        because += [one.message for one in new.block.reasons]
    return CaseChange(
        use_case=name,
        tier_before=old.tier.tier if old else "",
        tier_after=new.tier.tier if new else "",
        grant=grant,
        lost=lost,
        asked=differs.asked if differs is not None else (),
        dropped=differs.dropped if differs is not None else (),
        because=tuple(because),
    )


def _grant(old: Grant | None, new: Grant | None) -> tuple[str, tuple[str, ...]]:
    names = [
        frozenset() if one is None
        else frozenset((*(f"model/{each}" for each in one.models), *(f"route/{each}" for each in one.routes)))
        for one in (old, new)
    ]  # fmt: skip
    lost = tuple(sorted(names[0] - names[1]))
    if old is not None and new is None:
        return "ends", lost
    if old is None or new is None:
        return ("starts" if new is not None else ""), ()
    if lost or new.expires_at < old.expires_at:
        return "narrows", lost
    return ("widens" if names[1] - names[0] or new.expires_at > old.expires_at else ""), ()


def told(found: Result, *, days: int) -> dict[str, Any]:
    """Return a back-test as the API shows it."""
    return {
        "days": days,
        **asdict(found.tested),
        "use_cases": [asdict(one) for one in found.use_cases],
        "cut_off_at": CALLS_MAX if found.tested.calls == CALLS_MAX else None,
    }
