"""What users declare about identities: people, service accounts, and who holds which role where."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, StringConstraints

from roadworthy.identity.roles import RoleName
from roadworthy.registry.kinds import Kind, Name, Ref, Spec, Text, Title

Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
Subject = Annotated[
    str, StringConstraints(pattern=r"^(person|service-account)/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
]
"""`person/ada` or `service-account/claims-bot`."""


class Person(Spec):
    """Somebody who works with AI systems here."""

    display_name: Title
    """The name shown to others."""
    email: Email | None = None
    """Where they can be reached."""
    disabled_on: date | None = None
    """From the start of this day (UTC) their sessions, tokens and roles hold no more."""


class ServiceAccount(Spec):
    """A caller that is not a person: an agent, a service, a workflow, an orchestrator of prompts."""

    type: Literal["service", "agent", "workflow", "orchestrator"]
    """What sort of program it is."""
    owner: Annotated[Name, Ref("Person")]
    """The person who answers for it."""
    purpose: Text
    """Why it exists, in a sentence that its owner would say to an auditor."""
    expires_on: date
    """From the start of this day (UTC) its keys and tokens hold no more; at most two years ahead."""
    use_cases: tuple[Annotated[Name, Ref("UseCase")], ...] = ()
    """What it may hold gateway keys for; a key is for exactly one of them."""
    disabled: bool = False
    """Whether its keys and tokens are refused for now."""


class RoleBinding(Spec):
    """Who holds which role, where, until when."""

    subject: Subject
    """Who holds the role: `person/ada` or `service-account/ci`."""
    role: RoleName
    """The role held."""
    unit: Annotated[Name, Ref("Unit")]
    """Where: this unit and all below it; `organization` for everywhere."""
    expires_on: date | None = None
    """From the start of this day (UTC) the binding carries nothing."""


PERSON = Kind("Person", Person, "Somebody who works with AI systems here.", order=10, personal=True)
SERVICE_ACCOUNT = Kind(
    "ServiceAccount", ServiceAccount, "A caller that is not a person, with an owner and an expiry.", order=60
)
ROLE_BINDING = Kind("RoleBinding", RoleBinding, "Who holds which role, where, until when.", order=70)


class UnitTree(Spec):
    """What this slice needs to know of a unit, which a slice above declares: what it is part of."""

    model_config = ConfigDict(extra="ignore")

    parent: Name | None = None


class UseCaseHome(Spec):
    """What this slice needs to know of a use case: its namespace, which the envelope carries."""

    model_config = ConfigDict(extra="ignore")


# For reading only; the slices that own these nouns plug in the kinds that people declare.
UNIT_TREE = Kind("Unit", UnitTree, "A part of the organization.")
USE_CASE_HOME = Kind("UseCase", UseCaseHome, "Why a system exists.")
