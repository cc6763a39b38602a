"""Records calls: an answer is complete only once the record of its call is safe."""

from __future__ import annotations

from roadworthy.gateway.exchange import new_trace_id
from roadworthy.gateway.own_keys import masked
from roadworthy.usage import record as records
from roadworthy.usage import spool as spools
from roadworthy.usage.commit import Committer, Then
from roadworthy.usage.record import CallRecord


class Ledger:
    """Hands call records to the committer; `then` hears whether the record is safe, and only then answers."""

    def __init__(self, committer: Committer, *, unauthenticated_per_s: int = 10) -> None:
        self._committer = committer
        self._put = committer.put
        self._unauthenticated_per_s = unauthenticated_per_s
        self._second = 0
        self._unauthenticated = 0
        self._suppressed = 0

    @property
    def recorded(self) -> int:
        """How many records are safe."""
        return self._committer.recorded

    @property
    def error(self) -> str:
        """What keeps records from being safe, if anything does."""
        return self._committer.error

    @property
    def full(self) -> bool:
        """Has the spool reached its limit?"""
        return self._committer.full

    def commit(self, payload: bytes, then: Then) -> None:
        """Have an encoded record made safe with all others that come now, then tell, in a later turn."""
        self._put(spools.frame(masked(payload)), then)

    def opened(self, payload: bytes) -> None:
        """Note that a stream begins: should the process die, this is what is known of the call."""
        self._committer.mark(spools.frame(masked(payload)))

    def flush(self) -> None:
        """Make safe now what waits."""
        self._committer.flush()

    def room_for_stranger(self, *, at: float) -> bool:
        """May another call without a known key be recorded in this second? If not, it is counted."""
        second = int(at)
        if second != self._second:
            self.tick(at=at)
            self._second = second
            self._unauthenticated = 0
        self._unauthenticated += 1
        if self._unauthenticated <= self._unauthenticated_per_s:
            return True
        self._suppressed += 1
        return False

    def tick(self, *, at: float) -> None:
        """Record how many calls of strangers went unrecorded."""
        if self._suppressed and int(at) != self._second:
            count, self._suppressed = self._suppressed, 0
            record = CallRecord(
                id=new_trace_id(at),
                at=int(at * 1000),
                decision="refused",
                reason="invalid_api_key",
                status=401,
                suppressed=count,
            )
            self.commit(records.encode(record), lambda _safe: None)
