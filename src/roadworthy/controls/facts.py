"""Pure: the evidence of controls: pieces from outside, exceptions, and what the platform did by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import Field

from roadworthy.evidence.fact import Fact


class EvidenceUploaded(Fact):
    """Somebody filed a piece of evidence from outside: its kind, its file's hash, and what it says."""

    type: ClassVar[str] = "evidence-uploaded"
    kind: str
    about: str
    """`use-case/x`, or a unit, provider or person that several use cases rest on."""
    name: str
    """The file's name, for people."""
    sha256: str
    size: Annotated[int, Field(ge=0)]
    media_type: str
    observed_at: datetime
    """When what it says was so."""
    expires_at: datetime
    """When it stops counting."""
    self_attested: bool
    """Whether somebody who answers for what it is about filed it, or says that it is their own word."""
    values: dict[str, Any]
    """Signal -> value: what it says."""
    read_as: str = ""
    """The format its values were read from; none where they were stated."""
    note: str = ""


class EvidenceWithdrawn(Fact):
    """A piece of evidence was taken back; its file and its entry stay."""

    type: ClassVar[str] = "evidence-withdrawn"
    evidence: str
    reason: str


class ExceptionGranted(Fact):
    """Somebody let a use case do without a control until a date."""

    type: ClassVar[str] = "exception-granted"
    use_case: str
    control: str
    justification: str
    owner: str
    """`person/ada`: who answers for the risk meanwhile."""
    compensating_controls: tuple[str, ...] = ()
    expires_at: datetime
    request: str = ""
    """The id of the request it answers."""


class ExceptionRevoked(Fact):
    """An exception was ended before its date."""

    type: ClassVar[str] = "exception-revoked"
    use_case: str
    control: str
    exception: str
    """The id of the exception."""
    reason: str = ""


class LogVerified(Fact):
    """The whole audit log was compared with what was sealed."""

    type: ClassVar[str] = "log-verified"
    ok: bool
    size: int
    findings: tuple[str, ...] = ()


class RetentionKept(Fact):
    """The keeper of retention passed, or failed to; recorded once a day and whenever that turns."""

    type: ClassVar[str] = "retention-kept"
    ok: bool
    error: str = ""
