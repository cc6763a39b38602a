"""Pure: what a delivery works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from roadworthy.gateway.access import Caller, Refused
from roadworthy.gateway.dialects.dialect import ProviderDialect
from roadworthy.gateway.exchange import Exchange, Upstream
from roadworthy.gateway.ledger import Ledger
from roadworthy.gateway.live import Live
from roadworthy.gateway.policies import Guard, Quotas
from roadworthy.gateway.routing import Attempt
from roadworthy.gateway.snapshot import Index
from roadworthy.usage.record import FindingRecord


class Checked(msgspec.Struct, frozen=True):
    """What the slow filters say: nothing, or why the call may not go on."""

    refused: Refused | None = None
    records: tuple[FindingRecord, ...] = ()
    faults: tuple[str, ...] = ()


class Checking(Protocol):
    """Slow filters under way."""

    def cancel(self) -> None:
        """The caller has left."""


class Checks(Protocol):
    """Runs the filters that take longer than a call's turn on the event loop."""

    def run(
        self, guard: Guard, texts: Sequence[str], exchange: Exchange, then: Callable[[Checked], None]
    ) -> Checking:
        """Start them; `then` is called on the loop, later, and never after a cancel."""


class Streaming(Protocol):
    """An answer that is under way."""

    def end_if_stopped(self, index: Index, *, now: float) -> None:
        """End it if a kill switch was thrown for anything it rests on."""


Then = Callable[[bytes | Refused], None]


class Asking(Protocol):
    """Knows what became of drafts."""

    def ask(self, draft_id: str, caller: Caller, then: Then) -> None:
        """Look for a caller's draft; `then` hears its JSON or a refusal, on the loop, now or later."""


class Casting(Protocol):
    """Sends a request to a target that nobody waits for."""

    def cast(self, ports: Ports, exchange: Exchange, attempt: Attempt) -> None:
        """Begin, or count that there was no room for it."""


class Ports:
    """What a delivery works with."""

    __slots__ = (
        "checks",
        "drafts",
        "ledger",
        "live",
        "monotonic",
        "providers",
        "quotas",
        "shadows",
        "streaming",
        "upstream",
    )

    def __init__(
        self,
        *,
        upstream: Upstream,
        ledger: Ledger,
        live: Live,
        monotonic: Callable[[], float],
        providers: Mapping[str, ProviderDialect],
        quotas: Quotas | None,
        checks: Checks | None,
        shadows: Casting | None = None,
        drafts: Asking | None = None,
    ) -> None:
        self.upstream = upstream
        self.ledger = ledger
        self.live = live
        self.monotonic = monotonic
        self.providers = providers
        self.quotas = quotas
        self.checks = checks
        self.shadows = shadows
        self.drafts = drafts
        """None where nobody can release an answer."""
        self.streaming: set[Streaming] = set()
        """Answers that are under way: a kill switch ends them too."""
