"""What is said in a turn of the loop leaves at its end: in order, whole, and never after an abort."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from roadworthy.gateway.edge.outbox import Mouth, Outbox


class Wire(asyncio.Transport):
    """Notes what reaches the network."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.sent.append("eof")

    def close(self) -> None:
        self.sent.append("close")
        self.closing = True

    def abort(self) -> None:
        self.sent.append("abort")
        self.closing = True

    def pause_reading(self) -> None:
        """There is nothing to pause."""

    def resume_reading(self) -> None:
        """There is nothing to resume."""


class Turns:
    """A loop whose turns end when a test says so."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.outbox = Outbox(self.soon.append)

    def end(self) -> None:
        """End the turn."""
        soon, self.soon[:] = tuple(self.soon), ()
        for callback in soon:
            callback()

    def mouth(self) -> tuple[Mouth, Wire]:
        """Return a connection's transport and the wire behind it."""
        wire = Wire()
        return Mouth(wire, self.outbox), wire


def test_a_turns_pieces_leave_in_one_write_in_their_order() -> None:
    """Nothing is sent within the turn, all of it after, and the loop is asked once for all connections."""
    turns = Turns()
    (one, wire), (two, other) = turns.mouth(), turns.mouth()
    one.write(b"a")
    two.write(b"x")
    one.write(b"b")
    assert (wire.sent, other.sent, len(turns.soon)) == ([], [], 1)
    turns.end()
    assert (wire.sent, other.sent) == ([b"ab"], [b"x"])
    one.write(b"c")
    turns.end()
    assert wire.sent == [b"ab", b"c"]


def test_closing_sends_first_what_was_said() -> None:
    """An answer that ends a connection reaches its caller; so does one before the end of our side."""
    turns = Turns()
    (one, wire), (two, other) = turns.mouth(), turns.mouth()
    one.write(b"bye")
    one.close()
    two.write(b"no")
    two.write_eof()
    turns.end()
    assert (wire.sent, other.sent) == ([b"bye", "close"], [b"no", "eof"])


def test_an_aborted_connection_says_nothing_more() -> None:
    """A call that was given up leaves no request behind, and one that was lost breaks nobody else's turn."""
    turns = Turns()
    (one, wire), (lost, other), (two, third) = turns.mouth(), turns.mouth(), turns.mouth()
    one.write(b"request")
    one.abort()
    lost.write(b"late")
    other.closing = True
    two.write(b"heard")
    turns.end()
    assert (wire.sent, other.sent, third.sent) == (["abort"], [], [b"heard"])
