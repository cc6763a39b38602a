"""Pure: what filters found in a call's texts, and how a caller is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from roadworthy.gateway.access import Refused
from roadworthy.gateway.snapshot import Reason
from roadworthy.usage.record import FindingRecord

Side = Literal["input", "output"]
CONTENT_HASH = "content_hash"
"""The code of the reason that carries what an approval is bound to."""


class Inspection(msgspec.Struct, frozen=True):
    """What was found on one side, what is to be done, and the texts after masking."""

    action: Literal["allow", "mask", "block", "hold"]
    records: tuple[FindingRecord, ...] = ()
    texts: Sequence[str] | None = None
    restore: dict[str, str] = {}
    faults: tuple[str, ...] = ()
    by: tuple[tuple[str, str], ...] = ()
    """(filter, what it found) of whatever decided the action."""
    failed: tuple[str, ...] = ()
    """Filters that could not do their work and deny for it."""
    content_hash: str = ""

    def refused(self, side: Side, trace_id: str) -> Refused:
        """Say why the call is blocked or held, and what to do next."""
        what = "request" if side == "input" else "answer"
        if self.failed:
            names = ", ".join(f"filter/{name}" for name in self.failed)
            return Refused(
                503, "filter_failed",
                f"The {what} could not be checked: {names} failed, and nothing passes unchecked here.",
                f"filter/{self.failed[0]}", (),
                f"Try again; if it stays, tell whoever runs the gateway about call {trace_id}.",
            )  # fmt: skip
        first = self.by[0][0] if self.by else ""
        found = ", ".join(sorted({title for _, title in self.by}))
        declaration = f"filter/{first}"
        if self.action == "hold":
            return Refused(
                403, "held_for_approval",
                f"The {what} is held: filter/{first} found {found}, which a person has to approve.",
                declaration, (),
                f"Ask for approval at /holds/{trace_id} in the console; once it is approved, send the very "
                "same call again.",
                (Reason(CONTENT_HASH, self.content_hash, declaration),),
            )  # fmt: skip
        return Refused(
            403, "filter_blocked",
            f"The {what} is blocked: filter/{first} found {found}.",
            declaration, (),
            f"Take it out and call again. If nothing of that kind is in it, appeal: /appeals/{trace_id} in "
            f"the console, or `roadworthy appeal make {trace_id} --because ...`.",
        )  # fmt: skip
