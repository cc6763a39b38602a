"""What is asked for is only ever added to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.governance.asked import joined
from roadworthy.governance.requirements import ApprovalNeed

NEEDS = st.lists(
    st.builds(
        ApprovalNeed,
        role=st.sampled_from(["business-approver", "risk-approver", "legal-approver"]),
        quorum=st.integers(1, 5),
        valid_days=st.integers(1, 365),
        because=st.just(("why",)),
    ),
    max_size=6,
)


@given(NEEDS, NEEDS)
def test_asking_more_never_asks_less(first: list[ApprovalNeed], more: list[ApprovalNeed]) -> None:
    """Whatever a unit or a duty adds, no role is dropped, needs fewer people or lasts longer."""
    before = {one.role: one for one in joined(first)}
    after = {one.role: one for one in joined([*first, *more])}
    for role, one in before.items():
        assert after[role].quorum >= one.quorum
        assert after[role].valid_days <= one.valid_days
