"""Pure: the evidence governance defines: approvals given, refused, withdrawn."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from roadworthy.evidence.fact import Fact
from roadworthy.governance.tier import Tier


class ApprovalGiven(Fact):
    """Somebody approved what a use case materially is, in a role, until a date."""

    type: ClassVar[str] = "approval-given"
    use_case: str
    role: str
    digest: str
    """Of the material content that was approved."""
    generation: int
    """The generation of the declaration that the person looked at."""
    tier: Tier
    """The tier it had; a stricter one asks for a new approval."""
    rules: str
    """The rules the tier came from."""
    expires_at: datetime
    comment: str = ""


class ApprovalRefused(Fact):
    """Somebody said no to what a use case materially is, in a role."""

    type: ClassVar[str] = "approval-refused"
    use_case: str
    role: str
    digest: str
    generation: int
    tier: Tier
    rules: str
    comment: str


class ApprovalWithdrawn(Fact):
    """An approval or a refusal was taken back."""

    type: ClassVar[str] = "approval-withdrawn"
    use_case: str
    approval: str
    """The id of the approval or refusal that no longer stands."""
    reason: str = ""


FACTS = (ApprovalGiven, ApprovalRefused, ApprovalWithdrawn)
