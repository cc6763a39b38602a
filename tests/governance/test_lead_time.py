"""Lead time: from the idea to the first governed call, cut by whom it waited for."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.governance import lead_time, operations
from roadworthy.governance import lead_time_queries as queries
from roadworthy.governance.lead_time import CALLER, TEAM, LeadTime, Wait, by_month, by_tier, segments
from roadworthy.registry.actor import Actor
from tests.governance.company import NOW, Company, use_case, with_facts

DAY = timedelta(days=1)
CUSTOMERS = {"audience": ["consumers"]}


def test_it_says_for_whom_it_waited(company: Company) -> None:
    """Two days for an answer, three for security, one for the business, then nobody called yet."""
    open_question = with_facts(**CUSTOMERS, practices=None)
    company.declare(use_case(intake=open_question), now=NOW)
    company.declare(use_case(intake=with_facts(**CUSTOMERS)), now=NOW + 2 * DAY)
    for who, at in (("ben", 3 * DAY), ("cleo", 6 * DAY)):
        with company.database.write() as tx:
            actor = Actor(f"person/{who}", "cli")
            operations.give_approval(tx, use_case="policy-search", actor=actor, now=NOW + at)
    with company.database.read() as tx:
        (found,) = queries.lead_times(tx, now=NOW + 8 * DAY)
    assert found.idea_at == NOW
    assert [(one.whom, one.took) for one in found.waits] == [
        (TEAM, 2 * DAY),
        ("business-approver and security-approver", DAY),
        ("security-approver", 3 * DAY),
        (CALLER, 2 * DAY),
    ]
    assert found.kept(NOW + 8 * DAY) is False
    assert lead_time.document(found, now=NOW + 8 * DAY)["took_s"] == 8 * 86400


def made(days: float, *, tier: str = "limited", role: str = "legal-approver") -> LeadTime:
    """Return a use case that took so long, most of it for one role."""
    ends = NOW + days * DAY
    waits = (Wait(TEAM, NOW, NOW + days * DAY / 10), Wait(role, NOW + days * DAY / 10, ends))
    return LeadTime(f"case-{days}", "Case", tier, "claims", NOW, ends, waits, 7 * DAY)


def test_the_product_says_when_it_is_not_the_fastest() -> None:
    """A median beyond the promise is named with the role that it waits for; one within it is not."""
    (slow,) = by_tier([made(9), made(10), made(30)], promised={"limited": 7 * DAY})
    assert "not the fastest" in slow.sentence
    assert "legal-approver (9 days)" in slow.sentence
    (quick,) = by_tier([made(1), made(2)], promised={"limited": 7 * DAY})
    assert "within the 7 days promised" in quick.sentence
    assert quick.kept == 2


def test_months_are_those_of_the_first_call() -> None:
    """The trend counts a use case when it was first called."""
    assert [(month, count) for month, count, _ in by_month([made(1), made(20)])] == [
        ("2026-11", 1),
        ("2026-12", 1),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.sampled_from("abc")), min_size=1, max_size=12),
    st.integers(0, 60),
)
def test_the_waits_fill_the_time(moments: list[tuple[int, str]], end: int) -> None:
    """From the first moment to the end, without a gap or an overlap, whatever happened."""
    states: Any = [(NOW + hours * timedelta(hours=1), whom) for hours, whom in sorted(moments)]
    until = NOW + end * timedelta(hours=1)
    found = segments(states, until=until)
    whole = max(until - states[0][0], timedelta())
    assert sum((one.took for one in found), timedelta()) == whole
    for first, second in pairwise(found):
        assert first.until == second.since
        assert first.whom != second.whom
