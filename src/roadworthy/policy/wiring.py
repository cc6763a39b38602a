"""What the policy slice plugs into the application."""

from __future__ import annotations

from roadworthy.policy.admission import check
from roadworthy.policy.kinds import KINDS
from roadworthy.registry.slice import Slice

SLICE = Slice(name="policy", kinds=KINDS, admission=(check,))
