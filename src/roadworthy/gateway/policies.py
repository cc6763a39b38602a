"""Pure: what a call's way asks of filters and quotas; both are made elsewhere and handed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.snapshot import Index
from roadworthy.usage.record import FindingRecord

Side = Literal["input", "output"]
Channel = tuple[int, int]
"""(choice, call): `call` counts tool calls from 0, or is -1 for words and -2 for thought."""


class Inspection(Protocol):
    """What filters found in texts, and what is to be done."""

    @property
    def action(self) -> Literal["allow", "mask", "block", "hold"]:
        """The strictest action of all that was found."""

    @property
    def records(self) -> tuple[FindingRecord, ...]:
        """What is kept of it: never the text."""

    @property
    def texts(self) -> Sequence[str] | None:
        """All texts after masking; None when none was changed."""

    @property
    def restore(self) -> Mapping[str, str]:
        """Stand-ins for what this caller may see again in the answer."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Filters that failed and were passed over because their policy allows it."""

    def refused(self, side: Side, trace_id: str) -> Refused:
        """Say why the call is blocked or held, and what to do next (the appeal)."""


class StreamFilter(Protocol):
    """What reads one stream's texts and says which of them may go on now."""

    @property
    def blocked(self) -> Inspection | None:
        """What ends the stream."""

    @property
    def records(self) -> tuple[FindingRecord, ...]:
        """What was found so far."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Filters that failed and were passed over because their policy allows it."""

    def feed(self, channel: Channel, text: str) -> str:
        """Return what may go on now of this channel; nearly always the very text that came."""

    def finish(self, channel: Channel) -> str:
        """Return what was held back of this channel."""


class Guard(Protocol):
    """The filters of one grant, compiled; shared by all its calls."""

    @property
    def slow(self) -> Sequence[object]:
        """Filters that take longer than a turn of the event loop."""

    @property
    def reads_output(self) -> bool:
        """Does any filter read answers?"""

    def finds_nothing(self, literal: bytes) -> bool:
        """Is it certain that nothing is found in texts that stand in these bytes? Else ask `inspect`."""

    def inspect(self, texts: Sequence[str], *, side: Side) -> Inspection | None:
        """Read texts; None when nothing was found."""

    def stream(self) -> StreamFilter:
        """Return what reads one stream's texts."""

    def approval(self, texts: Sequence[str]) -> tuple[str, bool]:
        """Return what an approval of texts is bound to, and whether a person has let them pass."""


class Scopes(Protocol):
    """The limits and budgets that a caller's calls of one name count against, compiled."""

    @property
    def output_cap(self) -> int | None:
        """What stands in for `max_tokens` where a call names none."""


class Reservation(Protocol):
    """What a call holds until it is settled or void."""

    @property
    def leases(self) -> tuple[str, ...]:
        """What the opening mark of a stream names: all that is reserved, as if it were spent."""


class Quotas(Protocol):
    """Reserves before, settles after; exact across all gateways that share a store."""

    def reserve(
        self,
        scopes: Any,
        *,
        size: int,
        output_tokens: int | None,
        count: int,
        then: Callable[[Any], None],
    ) -> Any:
        """Return a `Reservation` or a `Refused` (429); None when the store is asked: `then` is told, later.

        `size` is the request's bytes: no tokenizer makes more tokens of it, so it is what money is reserved
        for (`quota.estimate.most_input_tokens` where images are given by their address).
        """

    def settle(
        self,
        reservation: Any,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_nano: int | None,
        model: str = "",
    ) -> tuple[str, ...]:
        """Exchange the reservation for what `model` used; return the leases that the record must name."""

    def void(self, reservation: Any) -> None:
        """Give a reservation back: nothing was used."""

    def header_lines(self, scopes: Any, now: float = 0.0) -> bytes:
        """Return `x-ratelimit-*` and, when something is used up, `retry-after` lines, each ended by CRLF."""


GuardFor = Callable[[Index, Admitted, float], Guard | None]
"""The third is the time, in Unix seconds."""
ScopesFor = Callable[[Index, Admitted], Scopes | None]
