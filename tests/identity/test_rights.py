"""Roles on a tree of units, held against a model that enumerates everything."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.identity import roles
from roadworthy.identity.rights import ANYWHERE, ORGANIZATION, Held, Rights, compute, covering_units, start_of

UNITS = ("a", "b", "c", "d", "e")
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

# A unit's parent stands before it, so the tree has no loop.
trees = st.tuples(*(st.sampled_from((None, *UNITS[:place])) for place in range(len(UNITS)))).map(
    lambda parents: dict(zip(UNITS, parents, strict=True))
)
days = st.none() | st.integers(-2, 2).map(lambda days: TODAY + timedelta(days=days))
helds = st.builds(Held, st.sampled_from(roles.ROLES), st.sampled_from((*UNITS, ORGANIZATION)), days)
subjects = st.sampled_from(("person/ada", "person/bo"))
bindings = st.lists(st.tuples(subjects, helds), max_size=6)


def model_covers(unit: str, namespace: str, tree: dict[str, str | None]) -> bool:
    """Grow the set of what a unit covers until nothing is added; the organization covers all."""
    if unit == ORGANIZATION:
        return True
    covered = {unit} & set(tree)
    while grown := {child for child, parent in tree.items() if parent in covered} - covered:
        covered |= grown
    return namespace in covered


@given(
    trees,
    bindings,
    st.sampled_from((*UNITS, ORGANIZATION, "unknown")),
    st.sampled_from(list(roles.PERMISSIONS)),
)
def test_rights_are_those_of_the_model(
    tree: dict[str, str | None], bound: list[tuple[str, Held]], namespace: str, permission: str
) -> None:
    """A permission is held where some live binding of one's own covers the place, and nowhere else."""
    rights = compute("person/ada", bindings=bound, parents=tree, enabled=True, now=NOW)
    expected = [
        held
        for subject, held in bound
        if subject == "person/ada"
        and (held.expires_on is None or held.expires_on > TODAY)
        and permission in roles.permissions_of(held.role)
    ]

    assert rights.may(permission) == bool(expected)
    assert rights.may(permission, namespace) == any(
        model_covers(held.unit, namespace, tree) for held in expected
    )


@given(trees, bindings, st.sampled_from(list(roles.PERMISSIONS)))
def test_namespaces_lists_exactly_where_a_permission_is_held(
    tree: dict[str, str | None], bound: list[tuple[str, Held]], permission: str
) -> None:
    """A list filtered by `namespaces` shows what single questions would allow."""
    rights = compute("person/ada", bindings=bound, parents=tree, enabled=True, now=NOW)
    found = rights.namespaces(permission)

    assert (set(UNITS) if found is None else found) == {one for one in UNITS if rights.may(permission, one)}


@given(trees, bindings)
def test_who_is_disabled_may_nothing(tree: dict[str, str | None], bound: list[tuple[str, Held]]) -> None:
    """Whatever was bound, a disabled principal holds no permission."""
    rights = compute("person/ada", bindings=bound, parents=tree, enabled=False, now=NOW)

    assert rights.held == ()
    assert not any(rights.may(permission) for permission in roles.PERMISSIONS)


def test_a_loop_in_the_tree_ends() -> None:
    """Damaged data gives a refusal, not an endless walk."""
    assert list(covering_units("a", {"a": "b", "b": "a"})) == ["a", "b", ORGANIZATION]


def test_a_binding_ends_with_the_start_of_its_day() -> None:
    """`expires_on` names the first day on which the binding carries nothing, in UTC."""
    bound = [("person/ada", Held("viewer", "a", TODAY))]
    ends = start_of(TODAY)
    before = compute(
        "person/ada", bindings=bound, parents={"a": None}, enabled=True, now=ends - timedelta.resolution
    )
    at = compute("person/ada", bindings=bound, parents={"a": None}, enabled=True, now=ends)

    assert before.may("registry.read", "a")
    assert not at.may("registry.read", ANYWHERE)


def test_new_units_do_not_move_known_ones() -> None:
    """A plan that says a known unit belongs to one's own unit gives no right in it."""
    rights = Rights("person/ada", (Held("contributor", "a"),), {"a": None, "b": None})
    seen = rights.with_units({"b": "a", "new": "a"})

    assert not seen.may_declare("UseCase", "b")
    assert seen.may_declare("UseCase", "new")


def test_each_role_declares_its_kinds_only() -> None:
    """Contributors do not declare models, engineers not use cases, and neither declares identities."""
    declaring = {
        kind: set(roles.roles_declaring(kind)) for kind in ("UseCase", "Model", "ServiceAccount", "Person")
    }

    assert declaring == {
        "UseCase": {"contributor", "admin"},
        "Model": {"platform-engineer", "admin"},
        "ServiceAccount": {"platform-engineer", "admin"},
        "Person": {"admin"},
    }


def test_an_administrator_does_not_approve() -> None:
    """Who hands out roles holds no approval permission by it."""
    assert set(roles.roles_carrying("approval.give")) == roles.APPROVER_ROLES
