"""Pure: one statement of a policy as snapshots carry it: data, read from Cedar when it was published."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A `forbid` or a `permit`: it applies when every condition is true and none errs.

    `fixed` and `each` are JSON lists of expressions: those that are the same for every call of a caller to a
    model, and those that ask for something of the one call.
    """

    name: str
    """Its `@id`, or its place: `statement 2`."""
    effect: Literal["forbid", "permit"]
    line: int
    """Where it stands in the policy's text."""
    reason: str = ""
    """Its `@reason`."""
    fixed: str = "[]"
    each: str = "[]"
    needs: tuple[str, ...] = ()
    """What `each` asks of the call."""
    of: tuple[str, str] | None = None
    """The entity its scope names, by kind and name: it concerns nothing outside that."""


class PolicyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A declared policy as snapshots carry it. No units means all of them."""

    name: str
    statements: tuple[Statement, ...] = ()
    units: frozenset[str] = frozenset()
    default_deny: bool = False
    broken: str = ""
    """Why it cannot be enforced; then every call it reaches is refused."""


class Denial(msgspec.Struct, frozen=True):
    """Who says no: a statement of a policy, or (`statement` empty) the default of a central policy."""

    policy: str
    statement: str = ""
    line: int = 0
    reason: str = ""

    @property
    def declaration(self) -> str:
        """The policy with the line of its text."""
        return f"access-policy/{self.policy}" + (f":{self.line}" if self.line else "")

    @property
    def sentence(self) -> str:
        """Say who says no, as the end of a sentence."""
        if not self.statement:
            why = f": {self.reason.rstrip('.')}" if self.reason else ""
            return f"access-policy/{self.policy} permits only what it names, and nothing permits this{why}"
        because = f": {self.reason.rstrip('.')}" if self.reason else ""
        return f"access-policy/{self.policy} forbids it, by `{self.statement}` in line {self.line}{because}"


Expression = list[Any]
"""`[operation, operand, …]`; see `compiled.py` for what each operation means."""
