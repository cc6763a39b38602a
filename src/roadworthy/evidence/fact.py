"""Pure: what a piece of evidence is: a frozen fact of a named type, and where it was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Something that happened. A slice defines its facts in `facts.py`, each with its own `type`."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    type: ClassVar[str]
    """The name it is stored under, such as `approval-given`; never changed once published."""


F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[F]):
    """A fact, who recorded it, when, about what, and its place in the audit log."""

    id: str
    fact: F
    subject: str
    actor: str
    at: datetime
    audit_seq: int
