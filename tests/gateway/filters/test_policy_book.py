"""Policies found by what they name are those that looking through all of them finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.filter_rules import PolicyBook, rules_for
from roadworthy.gateway.snapshot import FilterEntry, FilterPolicyEntry, FilterUse, GrantEntry

NAMES = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=2)
ACTION = st.sampled_from(["", "allow", "mask", "block"])
USES = st.lists(
    st.builds(FilterUse, st.sampled_from(["w", "v", "unknown"]), input=ACTION, output=ACTION), max_size=2
)
POLICIES = st.lists(
    st.builds(
        FilterPolicyEntry,
        st.just("p"),
        USES.map(tuple),
        units=NAMES,
        use_cases=NAMES,
        tiers=st.frozensets(st.sampled_from(["minimal", "limited"]), max_size=1),
        of_organization=st.booleans(),
    ),
    max_size=8,
)
FILTERS = {"w": FilterEntry("w", patterns={"p": "plum"}), "v": FilterEntry("v", patterns={"q": "quince"})}


@given(POLICIES, st.sampled_from("abcd"), st.sampled_from("abcd"), st.sampled_from(["minimal", "limited"]))
def test_the_book_finds_what_a_search_finds(
    policies: list[FilterPolicyEntry], use_case: str, unit: str, tier: str
) -> None:
    """Whatever they name, in whatever order, with a policy of the organization or without."""
    named = {str(position): policy for position, policy in enumerate(policies)}
    grant = GrantEntry("g", use_case, namespace=unit, tier=tier)
    assert rules_for(grant, FILTERS, PolicyBook(named).about(grant)) == rules_for(grant, FILTERS, policies)


def test_others_policies_are_not_looked_at() -> None:
    """Of ten thousand policies of other use cases, none is among those to be considered."""
    many = {str(n): FilterPolicyEntry(str(n), use_cases=frozenset({f"case-{n}"})) for n in range(10_000)}
    found = PolicyBook(many).about(GrantEntry("g", "case-7", namespace="unit"))
    assert [one.name for one in found] == ["7"]
