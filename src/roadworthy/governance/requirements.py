"""What each tier asks for before a use case may call: approvals and deputies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from roadworthy.rules.tier import Tier

_FILE = Path(__file__).parent / "requirements.yaml"
_DUTIES = Path(__file__).parent / "duty_roles.yaml"


class ApprovalNeed(BaseModel):
    """A role that has to approve, how many of its holders, and for how long at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    quorum: int = Field(ge=1)
    valid_days: int = Field(ge=1)
    because: tuple[str, ...] = ()
    """What asks for it."""


class TierNeeds(BaseModel):
    """What a tier asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deputies: Literal["warn", "block"]
    approvals: tuple[ApprovalNeed, ...]
    approves_itself: bool = False
    """Whether no person has to approve where nothing else asks for one."""
    first_call_in_days: int = 30
    """What the safe path promises, from the idea to the first governed call."""
    decide_in_days: int | None = None
    """Within how many days an approver is to decide; then they are reminded."""
    remind_every_days: int = 3
    escalate_in_days: int | None = None
    """After how many days without a decision somebody above hears of it."""
    escalate_to: str = ""
    """The role that hears of it."""


class _RequirementsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    tiers: dict[Tier, TierNeeds]

    @model_validator(mode="after")
    def _is_whole(self) -> _RequirementsFile:
        for tier, needs in self.tiers.items():
            if not needs.approvals and not needs.approves_itself and tier != "prohibited":
                raise ValueError(f"{tier} asks nobody and does not approve itself")
        return self


class DutyRole(BaseModel):
    """Which duties ask for an approval by whom; a duty matches by its kind and one of its controls."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: tuple[str, ...]
    controls: tuple[str, ...]
    role: str
    quorum: int = Field(default=1, ge=1)
    valid_days: int = Field(default=365, ge=1)
    because: str
    """Why, in half a sentence."""


class _DutyRolesFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    duties: tuple[DutyRole, ...]


@dataclass(frozen=True, slots=True)
class Requirements:
    """What every tier asks for, as one dated text."""

    version: str
    tiers: Mapping[Tier, TierNeeds]
    duties: tuple[DutyRole, ...] = ()


@cache
def requirements(file: Path = _FILE) -> Requirements:
    """Read what the tiers ask for, once."""
    read = _RequirementsFile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    duties = _DutyRolesFile.model_validate(yaml.safe_load(_DUTIES.read_text(encoding="utf-8")))
    return Requirements(read.version, read.tiers, duties.duties)
