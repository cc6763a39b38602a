"""Which use cases the keeper of approvals looks at: those that changed, and those whose time has come."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from roadworthy.evidence import queries as evidence
from roadworthy.governance import operations, watch
from roadworthy.governance import reminder_operations as reminding
from roadworthy.governance.facts import ReminderSent
from roadworthy.governance.jobs import ApprovalKeeper
from roadworthy.governance.watch import Watch
from roadworthy.registry.actor import Actor
from tests.governance.company import NOW, SETUP, Company, document, use_case, with_facts

CUSTOMERS = {"audience": ["consumers"]}
MINUTE = timedelta(minutes=1)
NAMES = ["case-1", "case-2", "policy-search"]


@pytest.fixture
def three(company: Company) -> Company:
    """Give a company with three use cases that wait for approvals."""
    company.declare(*(use_case(name, intake=with_facts(**CUSTOMERS)) for name in NAMES))
    return company


def turn(company: Company, kept: Watch, now: datetime) -> list[str]:
    """Let the watch choose, look at what it chose, and return that."""
    with company.database.read() as tx:
        names = kept.wanted(tx, now=now)
        again = reminding.look(tx, names, now=now).again
    kept.looked(names, again, now=now)
    return sorted(names)


@pytest.fixture
def kept(three: Company) -> Watch:
    """Give a watch that has looked at all of them once."""
    made = Watch()
    assert turn(three, made, NOW) == NAMES
    return made


def test_what_did_not_change_is_not_looked_at(three: Company, kept: Watch) -> None:
    """Not before an hour has gone by: then what nobody announced is found, too."""
    assert turn(three, kept, NOW + MINUTE) == []
    assert turn(three, kept, NOW + 59 * MINUTE) == []
    assert turn(three, kept, NOW + 60 * MINUTE) == NAMES
    assert turn(three, kept, NOW + 61 * MINUTE) == []


def test_what_is_declared_or_said_is_looked_at(three: Company, kept: Watch) -> None:
    """A use case that changed, one that was spoken about, and no other."""
    three.declare(use_case("case-1", intake=with_facts(**CUSTOMERS), retention_days=30))
    assert turn(three, kept, NOW + MINUTE) == ["case-1"]
    with three.database.write() as tx:
        operations.give_approval(tx, use_case="case-2", actor=Actor("person/ben", "cli"), now=NOW + MINUTE)
    assert turn(three, kept, NOW + 2 * MINUTE) == ["case-2"]
    assert turn(three, kept, NOW + 3 * MINUTE) == []


def test_what_it_rests_on_is_looked_at(three: Company, kept: Watch) -> None:
    """An owner, a model and a metric lead to the use cases that name them, a unit to all."""
    three.declare(use_case("case-2", intake=with_facts(**CUSTOMERS), owners={}))
    turn(three, kept, NOW + MINUTE)
    three.declare(document("Person", "fay", {"display_name": "Fay F."}), actor=SETUP)
    assert turn(three, kept, NOW + 2 * MINUTE) == ["case-1", "policy-search"]
    three.declare(document("Person", "gus", {"display_name": "Gus G."}), actor=SETUP)
    assert turn(three, kept, NOW + 3 * MINUTE) == []
    three.declare(document("Unit", "claims", {"title": "Claims"}), actor=SETUP)
    assert turn(three, kept, NOW + 4 * MINUTE) == NAMES


def test_an_approver_who_goes_is_noticed(three: Company, kept: Watch) -> None:
    """Without the role the approval counts no more, so what was approved waits again."""
    with three.database.write() as tx:
        operations.give_approval(tx, use_case="case-2", actor=Actor("person/ben", "cli"), now=NOW)
    turn(three, kept, NOW + MINUTE)
    three.delete("RoleBinding", "ben-business-approver")
    assert turn(three, kept, NOW + 2 * MINUTE) == ["case-2"]


def test_the_moment_something_ends_is_known(three: Company, kept: Watch) -> None:
    """An approval that ends in half an hour is looked at when it has ended."""
    with three.database.write() as tx:
        operations.give_approval(
            tx, use_case="case-2", actor=Actor("person/ben", "cli"), now=NOW, expires_at=NOW + 30 * MINUTE
        )
    assert turn(three, kept, NOW + MINUTE) == ["case-2"]
    assert turn(three, kept, NOW + 29 * MINUTE) == []
    assert turn(three, kept, NOW + 30 * MINUTE) == ["case-2"]


def test_what_is_gone_is_forgotten(three: Company, kept: Watch) -> None:
    """A deleted use case is looked at once more, and then no more."""
    three.delete("UseCase", "case-1")
    assert turn(three, kept, NOW + MINUTE) == ["case-1"]
    assert turn(three, kept, NOW + 90 * MINUTE) == ["case-2", "policy-search"]


def test_a_turn_is_bounded(three: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into one turn comes in the next, and nothing is left out."""
    monkeypatch.setattr(watch, "AT_ONCE", 2)
    made = Watch()
    first, second = turn(three, made, NOW), turn(three, made, NOW + MINUTE)
    assert (len(first), len(second)) == (2, 1)
    assert sorted(first + second) == NAMES


def test_another_log_is_looked_at_whole(three: Company, kept: Watch) -> None:
    """After a restore from a backup nothing that was noted holds: the log is another one."""
    with three.database.write() as tx:
        tx.connection.exec_driver_sql(
            "UPDATE audit_nodes SET hash = x'00' "
            "WHERE level = 0 AND place = (SELECT size - 1 FROM audit_head)"
        )
    assert turn(three, kept, NOW + MINUTE) == NAMES


def test_one_keeper_says_over_days_what_new_ones_would(three: Company) -> None:
    """Nothing is due after a turn that a keeper without a memory would say, between two looks at all, too."""
    now = NOW
    keeper = ApprovalKeeper(three.database, now=lambda: now)
    for day in range(1, 9):
        for minutes in (-10, 20):  # a look at all, and a turn before the next one
            now = NOW + timedelta(days=day, minutes=minutes)
            keeper.once()
            assert keeper.error == ""
            with three.database.read() as tx:
                assert reminding.due(tx, now=now) == [], f"at {now} something is due that was not said"
    with three.database.read() as tx:
        assert {one.fact.step for one in evidence.of(tx, ReminderSent)} == {1, 2, 3}
