"""A change reaches the snapshot without rebuilding it, and leaves exactly what rebuilding would have made."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roadworthy.foundation.errors import InvalidError, RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.gateway import journal
from roadworthy.gateway.delta import Delta, advance, chunks, joined, merge
from roadworthy.gateway.journal import Journal, LastGoodError
from roadworthy.gateway.keeping import Keeper
from roadworthy.gateway.snapshot import Index, KeyEntry, Snapshot
from roadworthy.gateway.source import DatabaseSource, compile_in_parts, compile_snapshot
from roadworthy.gateway.touched import touched
from roadworthy.governance import operations as governance
from roadworthy.governance import standing
from roadworthy.identity import operations as identity
from roadworthy.registry.actor import Actor
from tests.gateway.control import ACCOUNT, PEPPER, ROOT, Estate
from tests.governance.company import NOW, SETUP, document, use_case, with_facts

SECRET = b"secret of these tests"


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company with everything but an approval and a key."""
    made = Estate(tmp_path)
    yield made
    made.database.close()


def plain(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot so that the order of its parts does not count."""
    fields = msgspec.structs.asdict(snapshot)
    fields["grants"] = sorted(snapshot.grants, key=lambda one: one.use_case)
    return {name: value for name, value in fields.items() if name != "compiled_at"}


def rebuilt(database: Database) -> Snapshot:
    """Return what compiling all anew makes."""
    with database.read() as tx:
        return compile_snapshot(tx, now=NOW)


class Changes:
    """What people may do to a company, at random."""

    def __init__(self, estate: Estate, seed: int) -> None:
        self.estate = estate
        self.random = random.Random(seed)
        self.keys: list[str] = []
        self.number = 0

    def one(self) -> str:
        """Do something; say what."""
        kind: Callable[[], object] = self.random.choice(
            [
                *(self._issue, self._issue, self._revoke, self._approve, self._withdraw, self._account),
                *(self._use_case, self._person, self._model, self._route, self._metric, self._new_case),
                self._stop_case,
            ]
        )
        kind()
        return kind.__name__

    def _declare(self, *documents: dict[str, Any]) -> None:
        with suppress(InvalidError):  # an owner who has left may own nothing new
            self.estate.company.declare(*documents, actor=SETUP)

    def _issue(self) -> None:
        account = self.random.choice(["bot", "bot-2"])
        # The account may be disabled, or hold enough keys.
        with suppress(RoadworthyError), self.estate.database.write() as tx:
            issued = identity.issue_key(
                tx, account=account, use_case="policy-search", actor=ROOT, pepper=PEPPER, now=NOW
            )
            self.keys.append(issued.credential.id)

    def _revoke(self) -> None:
        if self.keys:
            chosen = self.keys.pop(self.random.randrange(len(self.keys)))
            with self.estate.database.write() as tx:
                identity.revoke_key(tx, key_id=chosen, actor=ROOT, now=NOW)

    def _approve(self) -> None:
        self.estate.approve(ends_in=timedelta(days=self.random.randint(1, 90)))

    def _withdraw(self) -> None:
        self.estate.approve()
        with self.estate.database.write() as tx:
            governance.withdraw_approval(
                tx, use_case="policy-search", actor=Actor("person/ben", "cli"), now=NOW
            )

    def _account(self) -> None:
        spec = {
            **ACCOUNT,
            "disabled": self.random.random() < 0.3,
            "owner": self.random.choice(["fay", "ada"]),
            "use_cases": self.random.choice([["policy-search"], ["policy-search"], []]),
        }
        self._declare(
            document("ServiceAccount", self.random.choice(["bot", "bot-2"]), spec, namespace="claims")
        )

    def _use_case(self) -> None:
        changes: dict[str, Any] = self.random.choice(
            [
                {"title": f"Title {self.number}"},
                {"intake": with_facts(practices=self.random.choice([["none"], ["social_scoring"], None]))},
                {"models": ["small"], "routes": self.random.choice([[], ["chat"]])},
            ]
        )
        self.number += 1
        self._declare(use_case(**changes))

    def _new_case(self) -> None:
        self.number += 1
        self._declare(use_case(f"case-{self.number}"))

    def _stop_case(self) -> None:
        self._declare(use_case(stage=self.random.choice(["stopped", "pilot"])))

    def _person(self) -> None:
        leaves = self.random.choice([None, "2026-11-01", "2026-12-24"])
        spec = {"display_name": "Fay"} | ({"disabled_on": leaves} if leaves else {})
        self._declare(document("Person", "fay", spec))

    def _model(self) -> None:
        spec = {"title": "Small", "provider": self.random.choice(["local", "other"]), "upstream_model": "s"}
        tokens = {"context_tokens": 2048, "max_output_tokens": self.random.randint(1, 512)}
        self._declare(document("Model", "small", {**spec, **tokens}))

    def _route(self) -> None:
        targets = self.random.choice([["small"], ["small", "big"], ["big"]])
        self._declare(document("Route", "chat", {"title": "Chat", "targets": targets}))

    def _metric(self) -> None:
        trust = self.random.random() < 0.7
        spec = {
            "title": "Overrides",
            "layer": "quality",
            "trust": trust,
            "unit": "%",
            "direction": "decrease",
        }
        self._declare(document("Metric", "overrides", spec))


@pytest.mark.parametrize("seed", range(4))
def test_changes_add_up_to_what_compiling_anew_makes(estate: Estate, tmp_path: Path, seed: int) -> None:
    """Forty random changes, each taken as a change, kept on disk, and compared with the whole."""
    model = {"title": "Big", "provider": "other", "upstream_model": "b", "context_tokens": 9}
    estate.company.declare(
        document("Provider", "other", {"title": "Other", "base_url": "https://models.example.org/v1"}),
        document("Model", "big", {**model, "max_output_tokens": 9}),
        document("Route", "chat", {"title": "Chat", "targets": ["big"]}),
        document("ServiceAccount", "bot-2", ACCOUNT, namespace="claims"),
        actor=SETUP,
    )
    source = DatabaseSource(estate.database, now=lambda: NOW, recompile_every_s=1e9)
    first = source(-1)
    assert isinstance(first, Snapshot)
    index = Index(first)
    path = tmp_path / "last-good"
    keeper = Keeper(path, secret=SECRET)
    keeper.keep(first, None, changed=True, confirmed_at=1.0)
    changes, did = Changes(estate, seed), []
    for _ in range(40):
        did.append(changes.one())
        delta = source(index.revision)
        if delta is None:
            continue
        assert isinstance(delta, Delta)
        before = plain(index.snapshot)
        after = advance(index, delta)
        assert plain(index.snapshot) == before, "what is in force is never changed in place"
        whole = rebuilt(estate.database)
        assert plain(after.snapshot) == plain(whole), did
        _same_index(after, Index(whole))
        index = after
        keeper.keep(index.snapshot, delta, changed=True, confirmed_at=2.0)
    assert index.revision - first.revision >= 20, "too few changes to prove anything"
    loaded = journal.load(path, secret=SECRET)
    assert loaded is not None
    assert plain(loaded.snapshot) == plain(index.snapshot)


def _same_index(one: Index, other: Index) -> None:
    assert one.revision == other.revision
    for name in ("keys", "keys_of", "grants", "targets"):
        assert getattr(one, name) == getattr(other, name), name


def test_compiling_in_parts_is_compiling(estate: Estate) -> None:
    """The parts make the whole, also for keys whose account is gone."""
    estate.key()
    estate.approve()
    with estate.database.write() as tx:
        identity.issue_key(tx, account="bot", use_case="policy-search", actor=ROOT, pepper=PEPPER, now=NOW)
    estate.company.delete("ServiceAccount", "bot")
    with estate.database.read() as tx:
        assert plain(compile_in_parts(tx, now=NOW)) == plain(compile_snapshot(tx, now=NOW))


def test_what_is_only_told_follows_by_the_clock(estate: Estate) -> None:
    """A role changes nothing that is allowed; who could approve is said anew with the next compile."""
    source = DatabaseSource(estate.database, now=lambda: NOW, recompile_every_s=1e9, in_background=False)
    first = source(-1)
    assert isinstance(first, Snapshot)
    binding = {"subject": "person/hal", "role": "business-approver", "unit": "claims"}
    estate.company.declare(document("RoleBinding", "hal-approves", binding), actor=SETUP)

    delta = source(first.revision)
    assert isinstance(delta, Delta)
    later = source(delta.revision)
    assert isinstance(later, Snapshot)
    assert "person/hal" in later.blocks["policy-search"].reasons[0].who_can_change
    assert plain(later) == plain(rebuilt(estate.database))


def test_a_verdict_that_cannot_be_computed_denies_that_use_case_alone(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One poisoned declaration takes nobody else along."""
    estate.approve()
    estate.company.declare(use_case("poisoned"), actor=SETUP)
    real = standing.assess

    def assess(estate: Any, declared: Any, **more: Any) -> Any:
        if declared.resource.name == "poisoned":
            raise ValueError("no sense can be made of it")
        return real(estate, declared, **more)

    monkeypatch.setattr("roadworthy.governance.queries.assess", assess)
    made = DatabaseSource(estate.database, now=lambda: NOW)(-1)
    assert isinstance(made, Snapshot)
    assert [one.use_case for one in made.grants] == ["policy-search"]
    assert made.blocks["poisoned"].reasons[0].code == "not-computable"


def test_a_database_from_a_backup_is_compiled_anew(estate: Estate) -> None:
    """A revision that is not reached any more says that the past is another."""
    source = DatabaseSource(estate.database, now=lambda: NOW)
    assert isinstance(source(10_000), Snapshot)


def test_what_is_not_known_is_looked_at_in_full() -> None:
    """A stop, a secret, a kind of a later version: all that is declared is read again."""
    for ref, action in (("use-case/x", "evidence.stopped"), ("secret/x", "set"), ("limit/x", "updated")):
        assert touched([(ref, action)]).all_declared
    for ref, action in (
        ("api-key/abcdefgh", "issued"),
        ("use-case/x", "updated"),
        ("role-binding/x", "updated"),
    ):
        assert not touched([(ref, action)]).all_declared


# ------------------------------------------------------------------------------------------------ disk


def snapshot_of(keys: int) -> Snapshot:
    """Return a snapshot with some keys."""
    entries = {
        f"{number:064x}": KeyEntry(f"{number:08d}", "service-account/a", "b") for number in range(keys)
    }
    return Snapshot(1, "2026-01-01T00:00:00+00:00", keys=entries)


def test_parts_of_a_snapshot_make_it_whole() -> None:
    """Whatever the size of the parts."""
    whole = snapshot_of(10)
    for size in (1, 3, 100):
        assert joined(chunks(whole, size=size), revision=1, compiled_at=whole.compiled_at) == whole


def test_a_torn_end_costs_what_was_in_it(tmp_path: Path) -> None:
    """Cut anywhere, the file gives the base and the whole changes before the cut, or is refused."""
    path = tmp_path / "last-good"
    own = Journal(path, secret=SECRET)
    states = [snapshot_of(5)]
    own.write(states[0], confirmed_at=1.0)
    base = path.stat().st_size
    for revision in (2, 3, 4):
        put = Snapshot(revision, "", keys={f"{revision:064x}": KeyEntry("new", "service-account/a", "b")})
        delta = Delta(put, {"keys": (f"{revision - 2:064x}",)})
        assert own.add(delta, confirmed_at=float(revision))
        states.append(merge(states[-1], delta))
    data = path.read_bytes()
    seen = set()
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        if end < base:
            with pytest.raises(LastGoodError):
                journal.load(path, secret=SECRET)
            continue
        found = journal.load(path, secret=SECRET)
        assert found is not None
        assert found.snapshot in states
        seen.add(states.index(found.snapshot))
    assert seen == {0, 1, 2, 3}


def test_a_change_cannot_be_taken_out_or_put_in(tmp_path: Path) -> None:
    """Each line's signature covers the line before."""
    path = tmp_path / "last-good"
    own = Journal(path, secret=SECRET)
    own.write(snapshot_of(2), confirmed_at=1.0)
    ends = [path.stat().st_size]
    for revision in (2, 3):
        own.add(Delta(Snapshot(revision, "", keys={"k": KeyEntry("x", "p", "u")})), confirmed_at=1.0)
        ends.append(path.stat().st_size)
    data = path.read_bytes()
    path.write_bytes(data[: ends[0]] + data[ends[1] :])
    found = journal.load(path, secret=SECRET)
    assert found is not None
    assert found.snapshot.revision == 1


def test_a_full_disk_is_said_and_got_over(tmp_path: Path) -> None:
    """The snapshot in memory serves on; the file is written anew as soon as the disk takes it."""
    directory = tmp_path / "disk"
    keeper = Keeper(directory / "last-good", secret=SECRET)
    keeper.keep(snapshot_of(3), None, changed=True, confirmed_at=1.0)
    assert "cannot be kept on disk" in keeper.error
    directory.mkdir()
    keeper.keep(snapshot_of(3), None, changed=False, confirmed_at=2.0)
    assert keeper.error == ""
    found = journal.load(directory / "last-good", secret=SECRET)
    assert found is not None
    assert found.snapshot == snapshot_of(3)


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After enough changes it is written anew."""
    monkeypatch.setattr(journal, "_REWRITE_BYTES", 2000)
    path = tmp_path / "last-good"
    keeper = Keeper(path, secret=SECRET)
    now = snapshot_of(3)
    keeper.keep(now, None, changed=True, confirmed_at=1.0)
    sizes = []
    for revision in range(2, 60):
        delta = Delta(Snapshot(revision, "", keys={"k": KeyEntry(f"{revision:08d}", "p", "u")}))
        now = merge(now, delta)
        keeper.keep(now, delta, changed=True, confirmed_at=1.0)
        sizes.append(path.stat().st_size)
    assert max(sizes) < 4000
    found = journal.load(path, secret=SECRET)
    assert found is not None
    assert found.snapshot == now
