"""Who may declare what where: no field is a way to more than one's role."""

from __future__ import annotations

import pytest

from roadworthy.foundation.errors import ForbiddenError, InvalidError
from roadworthy.registry.actor import Actor
from tests.identity.organization import NOW, Estate, person

PROVIDER = "kind: Provider\nmetadata: {name: p, namespace: %s}\nspec: {title: P}"
USE_CASE = "kind: UseCase\nmetadata: {name: %s, namespace: %s}\nspec: {title: U}"
BINDING = "kind: RoleBinding\nmetadata: {name: %s, namespace: %s}\nspec: {subject: %s, role: %s, unit: %s}"
ACCOUNT = (
    "kind: ServiceAccount\nmetadata: {name: %s, namespace: claims}\n"
    "spec: {type: agent, owner: %s, purpose: Tests., expires_on: %s}"
)


def test_a_role_covers_its_kinds_in_its_units(estate: Estate) -> None:
    """An engineer of claims declares providers there and below."""
    estate.declare(PROVIDER % "claims", actor=person("ada"))
    estate.declare(USE_CASE % ("new", "triage"), actor=person("bo"))


@pytest.mark.parametrize(
    ("who", "text", "permission", "namespace"),
    [
        ("ada", PROVIDER % "finance", "registry.declare", "finance"),
        ("ada", PROVIDER % "organization", "registry.declare", "organization"),
        ("ada", USE_CASE % ("new", "claims"), "registry.declare", "claims"),
        ("bo", PROVIDER % "triage", "registry.declare", "triage"),
        ("bo", USE_CASE % ("new", "claims"), "registry.declare", "claims"),
        ("bo", BINDING % ("x", "triage", "person/ada", "viewer", "triage"), "identity.manage", "triage"),
        (
            "bo",
            "kind: Person\nmetadata: {name: eve, namespace: triage}\nspec: {display_name: E}",
            "identity.manage",
            "triage",
        ),
        ("nobody", USE_CASE % ("new", "triage"), "registry.declare", "triage"),
        # A field decides where the change takes effect, whatever the namespace says.
        (
            "cy",
            BINDING % ("x", "claims", "person/ada", "admin", "organization"),
            "identity.manage",
            "organization",
        ),
        ("cy", BINDING % ("x", "claims", "person/ada", "admin", "finance"), "identity.manage", "finance"),
        ("cy", BINDING % ("x", "finance", "person/ada", "viewer", "claims"), "identity.manage", "finance"),
        # Taking a resource over by writing another namespace into it.
        ("bo", USE_CASE % ("fraud", "triage"), "registry.declare", "finance"),
        ("bo", USE_CASE % ("triage-letters", "finance"), "registry.declare", "finance"),
        # Bending the tree of units so that one's role reaches further.
        (
            "cy",
            "kind: Unit\nmetadata: {name: finance}\nspec: {title: F, parent: claims}",
            "registry.declare",
            "organization",
        ),
        (
            "cy",
            "kind: Unit\nmetadata: {name: triage, namespace: claims}\nspec: {title: T, parent: finance}",
            "registry.declare",
            "finance",
        ),
        (
            "cy",
            "kind: Unit\nmetadata: {name: top, namespace: claims}\nspec: {title: T}",
            "registry.declare",
            "organization",
        ),
    ],
)
def test_a_change_beyond_the_role_is_refused(
    estate: Estate, who: str, text: str, permission: str, namespace: str
) -> None:
    """The refusal names the permission, the unit, and who can grant it; nothing is changed."""
    before = len(estate.log())
    with pytest.raises(ForbiddenError) as refused:
        estate.declare(text, actor=person(who))

    assert f"person/{who} may not" in refused.value.what
    assert f"`{permission}` in `{namespace}`" in refused.value.why
    assert "person/root" in refused.value.fix
    assert len(estate.log()) == before


def test_a_planned_unit_move_gives_no_right_in_the_same_plan(estate: Estate) -> None:
    """A plan that claims a foreign unit and declares in it is refused as a whole."""
    text = "kind: Unit\nmetadata: {name: finance}\nspec: {title: F, parent: triage}\n---\n" + USE_CASE % (
        "sneaked",
        "finance",
    )
    with pytest.raises(ForbiddenError):
        estate.declare(text, actor=person("bo"))


def test_a_new_unit_may_be_filled_in_the_same_plan(estate: Estate) -> None:
    """A unit created below one's own is one's own at once."""
    text = (
        "kind: Unit\nmetadata: {name: desk, namespace: triage}\nspec: {title: D, parent: triage}\n---\n"
        + USE_CASE % ("desk-work", "desk")
    )
    estate.declare(text, actor=person("bo"))


def test_deleting_needs_the_role_too(estate: Estate) -> None:
    """What one may not declare one may not delete."""
    with pytest.raises(ForbiddenError, match="may not delete use-case/fraud"):
        estate.declare("", removals=(("UseCase", "fraud"),), actor=person("bo"))


def test_nobody_raises_their_own_privileges(estate: Estate) -> None:
    """Not by a new binding, not by changing one, not through one's service account or as it."""
    for subject, actor in (
        ("person/root", person("root")),
        ("service-account/bot", person("bo")),
        ("person/bo", Actor("service-account/bot", "api")),
        ("service-account/bot", Actor("service-account/bot", "api")),
    ):
        if actor != person("root"):
            holder = actor.principal
            estate.declare(BINDING % ("lift", "organization", holder, "admin", "organization"))
        with pytest.raises(ForbiddenError, match="may not bind a role"):
            estate.declare(BINDING % ("x", "organization", subject, "viewer", "claims"), actor=actor)
    with pytest.raises(ForbiddenError, match="may not bind a role"):
        estate.declare(
            BINDING % ("ada-engineer", "organization", "person/root", "viewer", "claims"),
            actor=person("root"),
        )


def test_a_binding_is_for_somebody_who_is_there(estate: Estate) -> None:
    """An unknown subject, and a program that would approve, are named with their field."""
    with pytest.raises(InvalidError) as refused:
        estate.declare(
            BINDING % ("x", "organization", "person/ghost", "viewer", "claims")
            + "\n---\n"
            + BINDING % ("y", "organization", "service-account/bot", "risk-approver", "claims")
        )
    assert [(one.field, one.file, one.line) for one in refused.value.issues] == [
        ("spec.subject", "t.yaml", 4),
        ("spec.role", "t.yaml", 9),
    ]


def test_a_binding_may_name_somebody_of_the_same_plan(estate: Estate) -> None:
    """People and their roles come in one file."""
    estate.declare(
        "kind: Person\nmetadata: {name: eve}\nspec: {display_name: Eve}\n---\n"
        + BINDING % ("eve", "organization", "person/eve", "viewer", "organization"),
        actor=person("root"),
    )


@pytest.mark.parametrize("day", ["2026-11-23", "2025-01-01", "2028-11-24", "9999-12-31"])
def test_a_service_account_ends_within_two_years(estate: Estate, day: str) -> None:
    """An end that is past or too far is refused with its field."""
    with pytest.raises(InvalidError) as refused:
        estate.declare(ACCOUNT % ("new", "ada", day))
    assert [one.field for one in refused.value.issues] == ["spec.expires_on"]
    estate.declare(ACCOUNT % ("new", "ada", "2028-11-23"))


def test_an_owner_is_somebody_enabled(estate: Estate) -> None:
    """A new account cannot be given to who has left; one whose owner left can still be switched off."""
    gone = (
        "kind: Person\nmetadata: {name: bo, namespace: claims}\n"
        "spec: {display_name: Bo, disabled_on: 2026-11-23}"
    )
    estate.declare(gone)
    with pytest.raises(InvalidError) as refused:
        estate.declare(ACCOUNT % ("new", "bo", "2027-03-01"))
    assert [one.field for one in refused.value.issues] == ["spec.owner"]
    estate.declare(
        "kind: ServiceAccount\nmetadata: {name: bot, namespace: claims}\nspec: {type: agent, owner: bo, "
        "purpose: Sorts letters., expires_on: 2027-03-01, use_cases: [triage-letters, fraud], disabled: true}"
    )


def test_who_holds_roles_is_not_deleted_without_them(estate: Estate) -> None:
    """Otherwise a later namesake would inherit them."""
    with pytest.raises(InvalidError, match="refused") as refused:
        estate.declare("", removals=(("Person", "ada"),), actor=person("root"))
    assert "role-binding/ada-engineer" in refused.value.issues[0].message
    estate.declare(
        "", removals=(("Person", "ada"), ("RoleBinding", "ada-engineer")), actor=person("root"), now=NOW
    )
