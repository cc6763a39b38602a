"""Pure: what each role may do, and which kinds it may declare."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

RoleName = Literal[
    "viewer",
    "contributor",
    "business-approver",
    "risk-approver",
    "security-approver",
    "legal-approver",
    "platform-engineer",
    "operator",
    "auditor",
    "admin",
]
ROLES: Final[tuple[str, ...]] = get_args(RoleName)

APPROVER_ROLES: Final = frozenset(
    {"business-approver", "risk-approver", "security-approver", "legal-approver"}
)
"""Roles whose word counts as an approval: they are people's, never a program's."""

PERMISSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "registry.read": "See what is declared, its history and differences.",
        "registry.declare": "Declare resources of the kinds the role covers.",
        "audit.read": "Read the audit log and its proofs.",
        "audit.erase": "Erase personal text from the audit log; the entries stay.",
        "identity.manage": "Declare people and role bindings, make sign-in links and service tokens.",
        "key.issue": "Issue and rotate gateway keys.",
        "key.revoke": "Revoke gateway keys.",
        "approval.give": "Approve or refuse a use case in the role held.",
        "measure.import": "Import measurements of outcomes.",
        "usage.read": "See calls, traces and cost.",
        "access.read": "See people, service accounts, keys and role bindings.",
        "outcome.read": "See outcomes, scorecards and effects.",
        "governance.read": "See tiers, gates, approvals and grants.",
    }
)

_SEE: Final = frozenset({"registry.read", "usage.read", "access.read", "outcome.read", "governance.read"})
_APPROVE: Final = _SEE | {"approval.give"}

_CARRIED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "viewer": _SEE,
        "contributor": _SEE | {"registry.declare", "measure.import"},
        "business-approver": _APPROVE,
        "risk-approver": _APPROVE,
        "security-approver": _APPROVE,
        "legal-approver": _APPROVE,
        "platform-engineer": _SEE | {"registry.declare", "key.issue", "key.revoke"},
        "operator": _SEE | {"audit.read", "key.revoke"},
        "auditor": _SEE | {"audit.read"},
        # Who hands out roles does not approve: an approval is given in a role that somebody else bound.
        "admin": frozenset(PERMISSIONS) - {"approval.give"},
    }
)

_DECLARED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "contributor": frozenset({"Unit", "Metric", "Outcome", "UseCase"}),
        "platform-engineer": frozenset({"Provider", "Model", "Route", "ServiceAccount"}),
    }
)

IDENTITY_KINDS: Final = frozenset({"Person", "RoleBinding"})
"""Kinds that decide who may do what: declaring them is `identity.manage`."""


def carries(role: str, permission: str) -> bool:
    """Say whether a role carries a permission."""
    return permission in _CARRIED.get(role, frozenset())


def permissions_of(role: str) -> frozenset[str]:
    """Return every permission a role carries."""
    return _CARRIED.get(role, frozenset())


def declares(role: str, kind: str) -> bool:
    """Say whether a role may declare a kind; `admin` may declare every kind, also those of later slices."""
    return role == "admin" or kind in _DECLARED.get(role, frozenset())


def permission_to_declare(kind: str) -> str:
    """Return the permission that declaring a kind needs."""
    return "identity.manage" if kind in IDENTITY_KINDS else "registry.declare"


def roles_declaring(kind: str) -> tuple[str, ...]:
    """Return the roles that may declare a kind."""
    return tuple(role for role in ROLES if declares(role, kind))


def roles_carrying(permission: str) -> tuple[str, ...]:
    """Return the roles that carry a permission."""
    return tuple(role for role in ROLES if carries(role, permission))
