"""Reminders and escalation: due by what is declared and recorded, each said exactly once."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roadworthy.evidence import queries as evidence
from roadworthy.foundation.storage.database import Database
from roadworthy.governance import operations, queries
from roadworthy.governance import reminder_operations as reminding
from roadworthy.governance.facts import ApprovedItself, Escalated, ReminderSent
from roadworthy.governance.jobs import ApprovalKeeper
from roadworthy.registry.actor import Actor
from tests.governance.company import NOW, SETUP, Company, document, use_case, with_facts

CUSTOMERS = {"audience": ["consumers"]}


def day(number: float) -> datetime:
    """Return so many days after the declaration."""
    return NOW + timedelta(days=number)


@pytest.fixture
def waiting(company: Company) -> Company:
    """Give a company whose limited use case waits for two roles, with an administrator."""
    root = {"subject": "person/dan", "role": "admin", "unit": "organization"}
    company.declare(document("RoleBinding", "dan-admin", root), actor=SETUP)
    company.declare(use_case(intake=with_facts(**CUSTOMERS)))
    return company


def turn(company: Company, now: datetime) -> int:
    """Let the keeper look once."""
    keeper = ApprovalKeeper(company.database, now=lambda: now)
    keeper.once()
    assert keeper.error == ""
    return keeper.said


def said(company: Company, kind: type[Any]) -> list[Any]:
    """Return what was recorded."""
    with company.database.read() as tx:
        return [one.fact for one in evidence.of(tx, kind)]


def test_nobody_is_reminded_before_it_is_due(waiting: Company) -> None:
    """Three days are given at this tier."""
    assert turn(waiting, day(2.9)) == 0


def test_each_step_is_said_once(waiting: Company) -> None:
    """However often the keeper looks, and whoever looks, a step is recorded once for each role."""
    assert turn(waiting, day(3)) == 2
    assert turn(waiting, day(3.5)) == turn(waiting, day(4.9)) == 0
    assert turn(waiting, day(5)) == 2
    assert {(one.role, one.step) for one in said(waiting, ReminderSent)} == {
        ("business-approver", 1), ("security-approver", 1),
        ("business-approver", 2), ("security-approver", 2),
    }  # fmt: skip


def test_what_was_slept_through_is_said_as_one(waiting: Company) -> None:
    """After days without a control plane there is one reminder and one escalation, not a heap."""
    turn(waiting, day(12))
    assert [one.step for one in said(waiting, ReminderSent)] == [5, 5]
    assert [one.to for one in said(waiting, Escalated)] == [("person/dan",)] * 2
    assert turn(waiting, day(12.1)) == 0


def test_a_turn_that_dies_says_nothing_and_the_next_says_all(waiting: Company) -> None:
    """All of a turn is one transaction: what breaks off half-way leaves nothing behind."""

    class DiedError(Exception):
        """The process is gone."""

    def die_after_reminding() -> None:
        with waiting.database.write() as tx:
            assert reminding.record_due(tx, now=day(3)) == 2
            raise DiedError

    with pytest.raises(DiedError):
        die_after_reminding()
    assert said(waiting, ReminderSent) == []
    assert turn(waiting, day(3)) == 2


def test_it_stands_in_needs_you(waiting: Company) -> None:
    """The approver sees since when it waits, and the administrator what waited too long."""
    turn(waiting, day(8))
    with waiting.database.read() as tx:
        of_ben = queries.needs_you(tx, principal="person/ben", now=day(8))
        of_dan = queries.needs_you(tx, principal="person/dan", now=day(8))
    assert "reminded" in next(one for one in of_ben if one.kind == "approve").why
    assert [one.kind for one in of_dan if one.kind == "escalated"] == ["escalated", "escalated"]
    assert of_dan[0].kind == "escalated"


def test_a_decision_ends_the_wait(waiting: Company) -> None:
    """Who has decided is not reminded, and nothing of it stays in anybody's list."""
    turn(waiting, day(8))
    for who in ("ben", "cleo"):
        with waiting.database.write() as tx:
            actor = Actor(f"person/{who}", "cli")
            operations.give_approval(tx, use_case="policy-search", actor=actor, now=day(9))
    assert turn(waiting, day(20)) == 0
    with waiting.database.read() as tx:
        assert not any(
            one.kind == "escalated" for one in queries.needs_you(tx, principal="person/dan", now=day(20))
        )


def test_a_new_declaration_is_a_new_wait(waiting: Company) -> None:
    """What changes is looked at anew: the clock starts again."""
    turn(waiting, day(3))
    waiting.declare(use_case(intake=with_facts(**CUSTOMERS), retention_days=30), now=day(4))
    assert turn(waiting, day(5)) == 0
    assert turn(waiting, day(7)) == 2


def test_what_approves_itself_is_recorded_once_as_a_verdict(company: Company) -> None:
    """It names no person, and a second look adds nothing."""
    company.declare(document("Unit", "claims", {"title": "Claims"}), actor=SETUP)
    company.declare(use_case())
    assert turn(company, day(0)) == 1
    assert turn(company, day(1)) == 0
    with company.database.read() as tx:
        (noted,) = evidence.of(tx, ApprovedItself)
    assert noted.actor == "system/governance"
    assert noted.fact.tier == "minimal"


def test_two_control_planes_say_it_once(waiting: Company, tmp_path: Path) -> None:
    """Both look at the same moment; one writes first, and the other finds it said."""
    other = Database(str(waiting.database.engine.url))
    assert tmp_path.exists()
    with other.write() as tx:
        assert reminding.record_due(tx, now=day(3)) == 2
    assert turn(waiting, day(3)) == 0
    other.close()
