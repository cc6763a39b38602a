"""Pure: the error tree. A door maps `status` and `exit_code`; `code` never changes once published.

RoadworthyError
├── InvalidError          422  what was sent cannot be accepted, with the fields named
│   └── MalformedError    400  it could not even be read
├── UnauthenticatedError  401  nobody known
├── ForbiddenError        403  known, and may not
│   └── BlockedError      403  a rule or a missing approval stands in the way
├── NotFoundError         404  no such thing, or none you may see
├── ConflictError         409  it clashes with what is there
│   └── StaleError        409  it was decided on something that has moved since
├── PreconditionError     412  the version named is not the current one (428 when none was named)
├── TooLargeError         413  beyond a stated limit
├── RateError             429  too many, too fast
└── UnavailableError      503  cannot answer correctly now; try again
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with what was sent: where it is, what is wrong, what to do."""

    message: str
    fix: str = ""
    field: str = ""
    file: str = ""
    line: int = 0

    def where(self) -> str:
        """Say the place as editors do: `file:line field`."""
        place = f"{self.file}:{self.line}" if self.file and self.line else self.file
        return " ".join(part for part in (place, self.field) if part)


class RoadworthyError(Exception):
    """What happened, why, and what to do next."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, why: str = "", fix: str = "", issues: Sequence[Issue] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        self.issues = tuple(issues)


class InvalidError(RoadworthyError):
    """What was sent cannot be accepted; every wrong field is named."""

    code = "invalid"
    status = 422


class MalformedError(InvalidError):
    """What was sent could not be read at all."""

    code = "malformed"
    status = 400


class UnauthenticatedError(RoadworthyError):
    """Nobody known is asking."""

    code = "unauthenticated"
    status = 401
    exit_code = 4


class ForbiddenError(RoadworthyError):
    """Known, and may not."""

    code = "forbidden"
    status = 403
    exit_code = 4


class BlockedError(ForbiddenError):
    """A rule, a gate or a missing approval stands in the way."""

    code = "blocked"
    exit_code = 3


class NotFoundError(RoadworthyError):
    """No such thing, or none you may see."""

    code = "not-found"
    status = 404


class ConflictError(RoadworthyError):
    """It clashes with what is there."""

    code = "conflict"
    status = 409
    exit_code = 6


class StaleError(ConflictError):
    """It was decided on something that has moved since."""

    code = "stale"


class PreconditionError(RoadworthyError):
    """The version named is not the current one."""

    code = "precondition-failed"
    status = 412
    exit_code = 6


class PreconditionMissingError(RoadworthyError):
    """A change must say which version it changes."""

    code = "precondition-required"
    status = 428
    exit_code = 6


class TooLargeError(RoadworthyError):
    """Beyond a stated limit."""

    code = "too-large"
    status = 413


class RateError(RoadworthyError):
    """Too many, too fast."""

    code = "rate-limited"
    status = 429


class UnavailableError(RoadworthyError):
    """Cannot answer correctly now; try again."""

    code = "unavailable"
    status = 503
