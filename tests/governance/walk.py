"""A company and the small model of `reference.py`, walking together: one thing happens, then both are asked.

The product is asked as it runs: operations, its store, the snapshot compiled whole or change by change, the
gateway's decision. Only what people wait for is left out: processes, sockets and a real clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from roadworthy.gateway import journal
from roadworthy.gateway.access import Refused, decide_for, identify
from roadworthy.gateway.delta import Delta, advance
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.source import DatabaseSource
from tests.governance.company import Company
from tests.governance.happenings import Happenings

SECRET = bytes(32)
MODELS = ("small", "big")


class Walk(Happenings):
    """One company and its model, walking together."""

    def __init__(self, company: Company, seed: int, folder: Path) -> None:
        super().__init__(company, seed)
        self.folder = folder
        self.journal: journal.Journal | None = None
        # Compiles all anew whenever nothing was changed: what the clock alone brings about is seen at once.
        self.source = DatabaseSource(
            company.database,
            recompile_every_s=0,
            now=lambda: self.now,
            monotonic=lambda: self.now.timestamp(),  # noqa: PLW0108  # it moves
            in_background=False,
        )
        loaded = self.source(-1)
        assert loaded is not None
        assert not isinstance(loaded, Delta)
        self.index = Index(loaded)

    def step(self) -> None:
        """Do one thing, then hold what the gateway decides against what the model says."""
        self.now += timedelta(seconds=self.random.randint(1, 900))
        self._stale()
        happens: Callable[[], object] = self.random.choices(self._what, self._weights)[0]
        if self.random.random() < 0.5 and not self.model.may_call(self.now, self.model.models[0]):
            happens = self.mend  # what takes a grant away says most while there is one
        happens()
        if happens in {self.wait, self.edge, self.sleep}:
            self._stale()
        self._refresh()
        for name in MODELS:
            if self.calls(name) != self.model.may_call(self.now, name):
                assert not self.calls(name), f"{happens.__name__} at {self.now}: {self.why()}"
                self._refresh()  # what the clock alone brings about comes with the next whole compile
            said, allowed = self.model.may_call(self.now, name), self.calls(name)
            assert allowed == said, f"{happens.__name__} at {self.now}, {name}: {self.why()}"
        for key in self.ended:
            caller = identify(self.index, key_hash=key, now=self.now.timestamp())
            assert isinstance(caller, Refused), "a key that was revoked is let in"
        if self.second:
            assert not self.calls("small", key=self.second), "nobody approved what began with a blueprint"
        if self.random.random() < 0.1:
            self.given.append((self.now, self.verdict(None)))

    @property
    def _what(self) -> tuple[Callable[[], object], ...]:
        return tuple(one for one, _ in self._happenings())

    @property
    def _weights(self) -> list[int]:
        return [weight for _, weight in self._happenings()]

    def _happenings(self) -> tuple[tuple[Callable[[], object], int], ...]:
        return (
            *((self.declare, 4), (self.approve, 8), (self.refuse, 1), (self.dissent, 1), (self.withdraw, 1)),
            *((self.exempt, 3), (self.revoke, 1), (self.gate, 1), (self.drill, 2), (self.undrill, 1)),
            *((self.leave, 2), (self.bind, 2), (self.delegate, 2), (self.exclude, 1), (self.stop, 2)),
            *((self.rekey, 1), (self.call, 2), (self.pattern, 1), (self.restart, 1), (self.reversion, 1)),
            *((self.mend, 8), (self.wait, 2), (self.sleep, 1), (self.edge, 4)),
        )

    def _stale(self) -> None:
        """Hold what was compiled earlier against the model: it may refuse more, never allow more."""
        for name in MODELS:
            if self.calls(name):
                allowed = self.model.may_call(self.now, name)
                assert allowed, f"a call of {name} outlived its grant at {self.now}: {self.why()}"

    def calls(self, name: str, *, key: str = "") -> bool:
        """Say whether the gateway lets a call of a model through now."""
        at = self.now.timestamp()
        caller = identify(self.index, key_hash=key or self.key, now=at)
        if isinstance(caller, Refused):
            return False
        return not isinstance(
            decide_for(self.index, caller, use_case_header=None, model=name, now=at), Refused
        )

    def why(self) -> str:
        """Say what the product thinks, for a failing run."""
        standing = self.company.standing(now=self.now)
        blocked = [one.message for one in standing.block.reasons] if standing.block else "granted"
        return f"product: {blocked}; model: {self.model}"

    def verdict(self, as_of: datetime | None) -> Any:
        """Return the gate's verdict and the grant, as of a moment or now."""
        standing = self.company.standing(now=self.now, as_of=as_of)
        items = [(one.check.id, one.said, one.until, one.evidence) for one in standing.gate.items]
        grant, block = standing.grant, standing.block
        codes = [one.code for one in block.reasons] if block else ()
        ends = (grant.id, grant.expires_at) if grant else None
        return standing.tier.tier, standing.gate.said, items, ends, codes

    def _refresh(self) -> None:
        loaded = self.source(self.index.revision)
        if loaded is None:
            return
        if isinstance(loaded, Delta):
            self.index = advance(self.index, loaded)
            if self.journal is not None:
                self.journal.add(loaded, confirmed_at=self.now.timestamp())
        else:
            self.index = Index(loaded)
            if self.journal is not None:
                self.journal.close()
                self.journal = None

    def restart(self) -> None:
        """Have the gateway begin again with what it kept on disk, and keep what changes from then on."""
        path = self.folder / "snapshot"
        if self.journal is None:
            self.journal = journal.Journal(path, secret=SECRET)
            self.journal.write(self.index.snapshot, confirmed_at=self.now.timestamp())
        kept = journal.load(path, secret=SECRET)
        assert kept is not None
        self.index = Index(kept.snapshot)
        self._stale()
