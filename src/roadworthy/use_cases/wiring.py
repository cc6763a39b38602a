"""What the use_cases slice plugs into the application."""

from __future__ import annotations

from roadworthy.registry.slice import Slice
from roadworthy.use_cases.admission import check_metric, check_outcome
from roadworthy.use_cases.kinds import KINDS

SLICE = Slice(name="use_cases", kinds=KINDS, admission=(check_outcome, check_metric))
