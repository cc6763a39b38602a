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
    "reviewer",
    "auditor",
    "admin",
]
ApproverRole = Literal["business-approver", "risk-approver", "security-approver", "legal-approver"]
ROLES: Final[tuple[str, ...]] = get_args(RoleName)

APPROVER_ROLES: Final = frozenset(get_args(ApproverRole))
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
        "secret.manage": "Set and remove the sealed secrets of providers.",
        "secret.rotate": "Change the key that secrets are sealed with.",
        "kill": "Stop a use case, model, route, provider, identity or filter at once, and revive it.",
        "approval.give": "Approve or refuse a use case in the role held.",
        "conflict.decide": "Decide which of two rules prevails that cannot both be kept.",
        "appeal.decide": "Decide appeals against filters, and let held calls pass.",
        "draft.decide": "Read answers that wait for a person, and release, change, reject or review them.",
        "autonomy.decide": "Raise what a use case may do by itself as far as it was earned, and lower it.",
        "evidence.add": "File evidence from outside, and take it back.",
        "evidence.read": "Download the files of evidence.",
        "measure.import": "Import measurements of outcomes.",
        "usage.read": "See calls, traces and cost.",
        "content.read": "Read what was said in calls that are logged in full; each reading is recorded.",
        "trace.replay": "Run past calls again at their caller's cost; needs `content.read`, too.",
        "access.read": "See people, service accounts, keys and role bindings.",
        "outcome.read": "See outcomes, scorecards and effects.",
        "exception.request": "Ask for an exception to an item of a checklist.",
        "governance.read": "See tiers, gates, approvals and grants.",
    }
)

_SEE: Final = frozenset({"registry.read", "usage.read", "access.read", "outcome.read", "governance.read"})
_EVIDENCE: Final = frozenset({"evidence.add", "evidence.read"})
_APPROVE: Final = _SEE | _EVIDENCE | {"approval.give", "registry.declare"}

_CARRIED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "viewer": _SEE,
        "contributor": _SEE | _EVIDENCE | {"registry.declare", "measure.import", "exception.request"},
        "business-approver": _APPROVE | {"draft.decide"},
        "risk-approver": _APPROVE | {"appeal.decide", "conflict.decide", "draft.decide", "autonomy.decide"},
        "security-approver": _APPROVE | {"appeal.decide"},
        "legal-approver": _APPROVE | {"conflict.decide"},
        "platform-engineer": _SEE
        | _EVIDENCE
        | {"registry.declare", "key.issue", "key.revoke", "secret.manage", "exception.request"},
        "operator": _SEE | _EVIDENCE | {"audit.read", "key.revoke", "kill"},
        "reviewer": _SEE | {"draft.decide"},
        "auditor": _SEE | _EVIDENCE | {"audit.read", "content.read"},
        # Who hands out roles does not approve: an approval is given in a role that somebody else bound.
        "admin": frozenset(PERMISSIONS) - {"approval.give", "conflict.decide", "autonomy.decide"},
    }
)

_DECLARED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "contributor": frozenset({"Unit", "Metric", "Outcome", "UseCase", "InventoryEntry", "Blueprint"}),
        # Who approves declares who stands in for them, and nothing else.
        **dict.fromkeys(sorted(APPROVER_ROLES), frozenset({"Delegation"})),
        "platform-engineer": frozenset(
            {"Provider", "Model", "Route", "ServiceAccount", "Limit", "Budget", "Filter", "FilterPolicy"}
        ),
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
