"""Pure: everything about a call that is the same for the next call like it, decided once per snapshot."""

from __future__ import annotations

import msgspec

from roadworthy.gateway import access, stopping
from roadworthy.gateway.access import Admitted, Caller, Refused
from roadworthy.gateway.course import course_for
from roadworthy.gateway.oversight import Oversight, oversight_of
from roadworthy.gateway.policies import Guard, GuardFor, Scopes, ScopesFor
from roadworthy.gateway.routing import Course
from roadworthy.gateway.snapshot import Index

REMEMBERED_MAX = 65_536


class Admission(msgspec.Struct, frozen=True):
    """An admitted caller with what applies to its calls of one name, until `until` (Unix seconds)."""

    admitted: Admitted
    guard: Guard | None
    scopes: Scopes | None
    course: Course
    until: float
    oversight: Oversight | None = None
    """What a person has to do about its answers."""
    fixed: dict[tuple[str, str, bool], tuple[int, bytes]] = {}
    """What records of calls to one model by one dialect have in common, encoded."""


class Admissions:
    """Remembers, for one snapshot, who was admitted to what; a new snapshot begins with nothing.

    A key is remembered as it came: a caller that is known costs one look-up, whatever has been declared.
    """

    __slots__ = ("_admitted", "_callers", "_guard_for", "_index", "_pepper", "_scopes_for")

    def __init__(self, *, pepper: bytes, guard_for: GuardFor, scopes_for: ScopesFor) -> None:
        self._pepper = pepper
        self._guard_for = guard_for
        self._scopes_for = scopes_for
        self._index: Index | None = None
        self._callers: dict[str, tuple[Caller, float]] = {}
        self._admitted: dict[tuple[str, str, str | None], Admission] = {}

    def _begin(self, index: Index) -> None:
        self._index = index
        self._callers = {}
        self._admitted = {}

    def identify(self, index: Index, token: str, *, now: float) -> Caller | Refused:
        """Say whose key this is, or why it does not hold."""
        if index is not self._index:
            self._begin(index)
        known = self._callers.get(token)
        if known is not None and now < known[1]:
            return known[0]
        if not token:
            return access.no_key()
        caller = access.identify(index, key_hash=access.hash_key(self._pepper, token), now=now)
        if isinstance(caller, Refused):
            return caller
        if len(self._callers) >= REMEMBERED_MAX:
            self._callers.clear()
        self._callers[token] = (caller, min(_ends_at(caller), stopping.first_end(index, now=now)))
        return caller

    def decide(
        self, index: Index, caller: Caller, *, use_case_header: str | None, model: str, now: float
    ) -> Admission | Refused:
        """Decide for a caller that `identify` let through."""
        place = (caller.key.id, model, use_case_header)
        known = self._admitted.get(place)
        if known is not None and now < known.until and known.admitted.caller is caller:
            return known
        verdict = access.decide_for(index, caller, use_case_header=use_case_header, model=model, now=now)
        if isinstance(verdict, Refused):
            return verdict
        ends = (verdict.grant.expires_at, verdict.grant.valid_until)
        grant_ends = min((end for end in ends if end is not None), default=float("inf"))
        until = min(_ends_at(caller), grant_ends, stopping.first_end(index, now=now))
        admission = Admission(
            verdict,
            self._guard_for(index, verdict, now),
            self._scopes_for(index, verdict),
            course_for(index, verdict, now=now),
            until,
            oversight_of(verdict.grant),
        )
        if len(self._admitted) >= REMEMBERED_MAX:
            self._admitted.clear()
        self._admitted[place] = admission
        return admission


def _ends_at(caller: Caller) -> float:
    """Return when the first of the things that a caller rests on ends by itself, in Unix seconds."""
    key, principal = caller.key, caller.principal
    ends = (key.expires_at, key.revoked_at, principal.expires_at, principal.disabled_at)
    return min((end for end in ends if end is not None), default=float("inf"))
