"""The core against a reference and against the tables: any order of calls, losses and deaths, any clock."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.gateway.access import Refused
from roadworthy.gateway.quota.core import Core
from roadworthy.gateway.quota.counter import Reservation
from roadworthy.quota import operations, store
from roadworthy.quota.port import Batch, Place
from tests.gateway.quota.reference import Reference
from tests.gateway.quota.replica import budget, requests

LIMIT = 10_000
SKEWS = (-300.0, 300.0, 0.0, 120.0)


class _Record:
    def __init__(self, leases: tuple[str, ...]) -> None:
        self.id = "tr"
        self.leases = leases


class Leases(RuleBasedStateMachine):
    """Three gateways, one budget, real tables. Answers get lost, batches come twice, gateways die."""

    def __init__(self) -> None:
        super().__init__()
        self.database = Database("sqlite://")
        self.at = 1_000.0
        self.cores: dict[str, Core] = {}
        self.reserved: list[tuple[str, Reservation]] = []
        self.waiting = 0
        self.costs = 0
        self.excess = 0
        """What calls cost beyond their reservation: nobody can undo that, and it is counted."""
        self.records: list[_Record] = []
        self.recorded = 0
        self.born = 0

    def teardown(self) -> None:
        """When all is settled and all records are in, nothing is held."""
        for name, held in list(self.reserved):
            self.cores[name].void(held)
        self.ship()
        with self.database.write() as tx:
            for core in self.cores.values():
                operations.exchange(tx, Batch(core.holder, 1 << 30, (), core.release()))
                operations.end(tx, core.holder)
                for one in store.every_holder(tx):
                    store.see_holder(tx, one.id, at=0, batch=one.batch, answer=one.answer)
            operations.reap(tx, Place(), alive=lambda _: False)
            row = store.counter(tx, "budget/b", 0)
            if row is not None:
                assert (row.spent, row.leased) == (self.costs, 0)
        self.database.close()

    @initialize()
    def begin(self) -> None:
        """Two gateways start."""
        METADATA.create_all(
            self.database.engine, tables=[store.counters, store.leases, store.holders, store.outbox]
        )
        self.bear()
        self.bear()

    @rule()
    def bear(self) -> None:
        """A gateway starts."""
        if len(self.cores) >= 3:
            return
        self.born += 1
        name = f"g{self.born}"
        self.cores[name] = Core(name)
        with self.database.write() as tx:
            operations.begin(tx, name, Place("h", "s", name))

    @rule(which=st.integers(0, 2), size=st.integers(1, 2_000), output=st.integers(0, 2_000))
    def call(self, which: int, size: int, output: int) -> None:
        """A call comes in."""
        name, core = self._core(which)
        bound = core.bind((budget(LIMIT, share=25_000),), key_id="k", concurrency=1_000)
        held = core.reserve(bound, size, output, 1, self.at)
        if held is not None:
            self.reserved.append((name, held))
            return

        def then(verdict: object) -> None:
            self.waiting -= 1
            if isinstance(verdict, Reservation):
                self.reserved.append((name, verdict))
            else:
                assert isinstance(verdict, Refused)

        self.waiting += 1
        refused = core.wait(bound, core.needs(bound, size, output, 1), then, self.at)
        if refused is not None:
            self.waiting -= 1

    def _core(self, which: int) -> tuple[str, Core]:
        names = sorted(self.cores)
        name = names[which % len(names)]
        return name, self.cores[name]

    @precondition(lambda self: self.reserved)
    @rule(place=st.integers(0, 99), share=st.integers(0, 120), known=st.booleans())
    def settle(self, place: int, share: int, known: bool) -> None:  # noqa: FBT001  hypothesis gives it
        """A call ends, having cost part of what was reserved, or more, or nobody knows how much."""
        name, held = self.reserved.pop(place % len(self.reserved))
        most = sum(amount for _, amount in held.taken)
        cost = most * share // 100
        leases = self.cores[name].settle(held, cost, 0, cost if known else None, "m")
        self.costs += sum(int(one.rpartition(":")[2]) for one in leases)
        if known:
            assert sum(int(one.rpartition(":")[2]) for one in leases) == cost
        self.excess += max(0, cost - most) if known else 0
        self.records.append(_Record(leases))
        assert self.cores[name].settle(held, 1, 1, 1, "m") == (), "settled twice"

    @precondition(lambda self: self.reserved)
    @rule(place=st.integers(0, 99))
    def void(self, place: int) -> None:
        """A call comes to nothing."""
        name, held = self.reserved.pop(place % len(self.reserved))
        self.cores[name].void(held)

    @rule(which=st.integers(0, 2), lost=st.integers(0, 2), passed=st.sampled_from([0.01, 0.4, 3.0]))
    def exchange(self, which: int, lost: int, passed: float) -> None:
        """A gateway speaks to the store; the answer may be lost, and then the batch comes again."""
        self.at += passed
        _, core = self._core(which)
        for then, verdict in core.serve(self.at):
            then(verdict)
        batch = core.collect(self.at)
        if batch is None:
            return
        for _ in range(lost):
            with self.database.write() as tx:
                operations.exchange(tx, batch)
            for then, verdict in core.lost(self.at):
                then(verdict)
        with self.database.write() as tx:
            answer = operations.exchange(tx, batch)
        for then, verdict in core.apply(answer, self.at):
            then(verdict)

    @rule()
    def ship(self) -> None:
        """Records arrive."""
        with self.database.write() as tx:
            operations.count_records(tx, self.records)
        self.recorded = self.costs
        self.records = []

    @precondition(lambda self: len(self.cores) > 1)
    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        """A gateway dies; its records are taken over, then what it held is given back."""
        name, core = self._core(which)
        self.reserved = [(of, held) for of, held in self.reserved if of != name]
        self.waiting -= len(core.waiting)
        del self.cores[name]
        with self.database.write() as tx:
            row = store.holder(tx, name)
            assert row is not None
            long_ago = int(store.now(tx)) - operations.SILENT_S - 5
            store.see_holder(tx, name, at=long_ago, batch=row.batch, answer=row.answer)
            assert operations.reap(tx, Place("h", "s", "x"), alive=lambda _: True) == 0
        self.ship()
        with self.database.write() as tx:
            operations.reap(tx, Place("h", "s", "x"), alive=lambda process: process != name)
            assert not store.leases_of(tx, [name])

    @invariant()
    def nothing_is_overspent(self) -> None:
        """What is spent and held never exceeds the budget; what is held is what leases say."""
        with self.database.read() as tx:
            row = store.counter(tx, "budget/b", 0) if self.born else None
            if row is None:
                return
            assert row.leased == sum(lease.amount for lease in store.every_lease(tx))
            assert row.spent == self.recorded
            assert row.spent + row.leased <= LIMIT + self.excess
            assert row.leased >= 0
        for core in self.cores.values():
            assert self.waiting == sum(len(one.waiting) for one in self.cores.values())
            assert core.outstanding == {held for of, held in self.reserved if self.cores[of] is core}


Leases.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLeases = Leases.TestCase


class _Crowd:
    """Four gateways whose clocks are wrong by minutes, on a store's clock."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        # Just before a full hour in 2026, which is no full day.
        self.reference = Reference(now=1_795_395_600 - dice.uniform(0.5, 2.5))
        self.cores = [Core(f"g{n}") for n in range(len(SKEWS))]
        # As `Quotas` has it: the own clock until the store has spoken, then the store's.
        self.offsets = list(SKEWS)
        self.uses = (
            budget(150_000, period="day"),
            requests(400, period="hour"),
            budget(60_000, name="h", period="week"),
        )
        self.held: list[tuple[Core, Reservation]] = []
        self.asked = self.granted = self.denied = self.spent = 0

    def take(self, core: Core, verdict: Any) -> None:
        if isinstance(verdict, Reservation):
            self.granted += 1
            self.held.append((core, verdict))
        else:
            assert verdict.status == 429, verdict
            self.denied += 1

    def turn(self, place: int) -> None:
        """Let a gateway take calls and speak to the store."""
        core, dice = self.cores[place], self.dice
        at = self.reference.now + self.offsets[place]
        then = partial(self.take, core)
        bound = core.bind(self.uses, key_id="k", concurrency=10_000)
        for _ in range(dice.randint(0, 8) if self.asked < 1_000 else 0):
            self.asked += 1
            size, output = dice.randint(1, 100), dice.randint(1, 100)
            got: Any = core.reserve(bound, size, output, 1, at)
            if got is None:
                got = core.wait(bound, core.needs(bound, size, output, 1), then, at)
            if got is not None:
                then(got)
        for tell, verdict in core.serve(at):
            tell(verdict)
        batch = core.collect(at)
        if batch is not None:
            answer = self.reference.exchange(batch)
            self.offsets[place] = answer.now - self.reference.now + dice.uniform(-0.005, 0.005)
            for tell, verdict in core.apply(answer, self.reference.now + self.offsets[place]):
                tell(verdict)
        self.reference.check()

    def settle(self, most: int) -> None:
        """Let some calls end."""
        self.dice.shuffle(self.held)
        for _ in range(min(len(self.held), most)):
            core, one = self.held.pop()
            used = self.dice.randint(0, min(amount for lease, amount in one.taken if lease.use.currency))
            self.spent += used
            self.reference.count(core.settle(one, used, 0, used, "m"))


def test_a_thousand_calls_across_a_window_s_end_on_clocks_that_disagree() -> None:
    """R-06: each call counts in one window, every unit of money once, no window gives more than it has."""
    for seed in range(20):
        crowd = _Crowd(random.Random(seed))
        reference = crowd.reference
        while crowd.asked < 1_000 or crowd.held or any(core.waiting for core in crowd.cores):
            for place in range(len(SKEWS)):
                crowd.turn(place)
            reference.now += crowd.dice.uniform(0.01, 0.15)
            crowd.settle(crowd.dice.randint(0, 40))
        for core in crowd.cores:
            reference.exchange(Batch(core.holder, 0, (), core.release()))
        reference.check()
        assert crowd.granted + crowd.denied == crowd.asked >= 1_000
        assert crowd.granted > 400, "one window's requests at least"
        for name in ("budget/b", "budget/h"):
            of_windows = [value for (of, _), value in reference.spent.items() if of == name]
            assert sum(of_windows) == crowd.spent
        hours = {start for of, start in reference.limits if of == "limit/r#requests"}
        assert len(hours) == 2, "the window did not end"
        money = [amount for name, amount in reference.leases.items() if name.startswith("budget/")]
        assert not any(money), "something was left held"
