"""What the models slice plugs into the application."""

from __future__ import annotations

from roadworthy.models.admission import check_provider
from roadworthy.models.kinds import KINDS
from roadworthy.registry.slice import Slice

SLICE = Slice(name="models", kinds=KINDS, admission=(check_provider,))
