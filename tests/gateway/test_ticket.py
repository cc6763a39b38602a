"""A gateway runs replays for who holds the shared secret, each once; how then and now are compared."""

from __future__ import annotations

import contextlib
import http.client
import time

import msgspec
import pytest

from roadworthy.gateway import comparison, ticket
from roadworthy.gateway.comparison import Outcome
from roadworthy.gateway.rerun import body_of
from roadworthy.gateway.snapshot import Snapshot
from roadworthy.gateway.ticket import LASTS_S, Ticket
from roadworthy.testing.gateway_process import PEPPER, RunningGateway
from tests.gateway import world

NOW = 1_000.0
ONE = Ticket("tr_1", "tr_0", NOW + LASTS_S, "service-account/x", "k", "u", b"{}")


def test_a_ticket_holds_once_and_only_as_it_was_sealed(gateway: RunningGateway) -> None:
    """No other secret, not a byte changed, not too late or made for later; and not a second time."""
    sealed = ticket.seal(ONE, secret=b"s")
    assert ticket.unseal(sealed, secret=b"s", now=NOW) == ONE
    assert ticket.unseal(sealed, secret=b"t", now=NOW) is None
    assert ticket.unseal(sealed, secret=b"s", now=NOW + LASTS_S) is None
    assert ticket.unseal(sealed, secret=b"s", now=NOW - LASTS_S - 1) is None
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        assert ticket.unseal(changed, secret=b"s", now=NOW) is None
    assert ticket.unseal(b"", secret=b"s", now=NOW) is None

    key = next(iter(world.snapshot("http://127.0.0.1:1").keys.values()))
    live = msgspec.structs.replace(
        ONE, expires_at=time.time() + LASTS_S, principal=key.principal, key_id=key.id,
        use_case=key.use_case, body=body_of("Hello", model="chat"), candidate=Snapshot(0, ""),
    )  # fmt: skip
    sent = ticket.seal(live, secret=PEPPER)
    first, again = _post(gateway, sent), _post(gateway, sent)
    assert first[0] == 200, first
    told = ticket.hear(first[1])
    assert (told.record.id, told.record.replay_of, told.record.status) == ("tr_1", "tr_0", 200)
    assert told.response
    assert again[0] == 403
    assert b"no_replay_ticket" in again[1]
    assert [one.id for one in gateway.records()] == ["tr_1"]


def _post(gateway: RunningGateway, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", ticket.PATH.decode(), body)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.mark.parametrize(
    ("after", "differing"),
    [
        (Outcome(decision="allowed", model="a", latency_ms=9.0), set()),
        (Outcome(decision="allowed", model="b", latency_ms=1.0), {"model"}),
        (Outcome(decision="refused", reason="killed"), {"decision", "reason", "model"}),
    ],
)
def test_what_differs_is_named(after: Outcome, differing: set[str]) -> None:
    """A latency alone is no difference; what a dry run cannot know is not compared."""
    before = Outcome(decision="allowed", model="a", latency_ms=1.0)
    assert {one.name for one in comparison.compare(before, after, dry=False) if one.differs} == differing
    dry = {one.name for one in comparison.compare(before, after, dry=True)}
    assert {"latency_ms", "cost_nano", "response"}.isdisjoint(dry)


def test_a_long_difference_is_bounded() -> None:
    """The page shows its beginning, and how much there is beside."""
    before, after = "\n".join(f"a{n}" for n in range(2000)), "\n".join(f"b{n}" for n in range(2000))
    lines = comparison.diff(before, after).splitlines()
    assert len(lines) == comparison.DIFF_LINES_MAX + 1
    assert "more lines" in lines[-1]
    assert comparison.diff("same", "same") == ""
