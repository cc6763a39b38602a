"""S-09: no request whose end, target or sender is in doubt is answered, and nothing after it is read."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.process import GatewaySettings
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.gateway import world
from tests.gateway.smuggling.corpus import CASES, NEXT, START
from tests.gateway.test_edge import BODY, exchange, post, statuses


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Iterator[RunningGateway]:
    """One gateway for all that must not leave a trace on it."""
    settings = GatewaySettings(port=0, drain_s=5, limits=Limits(header_s=1.0, body_grace_s=1.0))
    source = SnapshotSource(world.snapshot(provider.url))
    with RunningGateway(tmp_path_factory.mktemp("steady"), source, settings=settings) as running:
        yield running


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    """Several hundred, no two alike."""
    assert len(CASES) >= 300
    assert len(set(CASES.values())) == len(CASES)


@pytest.mark.parametrize("name", CASES)
def test_s09_doubt_is_one_refusal_and_the_end(
    steady: RunningGateway, provider: FakeProvider, name: str
) -> None:
    """One answer, a refusal; the connection ends; what follows is no request; nobody is asked."""
    seen = len(provider.seen)
    received = exchange(steady, CASES[name] + NEXT)
    found = statuses(received)
    assert len(found) == 1, received
    assert found[0] in {400, 408, 413, 414, 417, 431, 501, 505}, received
    assert not received.endswith(b"<open>")
    assert b"smuggled" not in received
    assert len(provider.seen) == seen


def test_s09_underscores_are_no_hyphens(steady: RunningGateway, provider: FakeProvider) -> None:
    """What a proxy may take for the same name is another name here: it frames nothing and names nobody."""
    seen = len(provider.seen)
    head = b"content_length: 4\r\nTransfer_Encoding: chunked\r\nx_roadworthy_use_case: letters\r\n"
    assert statuses(exchange(steady, post(head=head))) == [200]
    assert len(provider.seen) == seen + 1
    only = START + b"x_api_key: " + world.KEY.encode() + b"\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
    assert statuses(
        exchange(steady, only.replace(b"content-length", b"connection: close\r\ncontent-length"))
    ) == [401]


def test_s09_a_chunk_s_extension_means_nothing(steady: RunningGateway) -> None:
    """It is read over, whatever it says; one that does not end is cut off."""
    start = START + f"authorization: Bearer {world.KEY}\r\n".encode()
    start += b"connection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    body = b"%x;a=b;content-length=0\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
    assert statuses(exchange(steady, start + body)) == [200]
    received = exchange(steady, start + b"1;" + b"a" * 20_000_000, wait_s=10)
    assert statuses(received) in ([400], [408], [413], [431], [])
    assert not received.endswith(b"<open>")


def test_s09_changed_at_random_it_is_never_two_requests(
    steady: RunningGateway, provider: FakeProvider
) -> None:
    """A good request with bytes changed, dropped or doubled: at most one answer before the hidden one's."""
    drawn = random.Random(9)
    good = post(last=False)
    for _ in range(150):
        data = bytearray(good)
        head = good.index(b"\r\n\r\n")
        for _ in range(drawn.randint(1, 3)):
            at = drawn.randrange(head)
            match drawn.randrange(3):
                case 0:
                    data[at] = drawn.choice(b"\x00\t\r\n :,;0159aAzZ-_/\x7f\xff")
                case 1:
                    del data[at]
                case _:
                    data[at:at] = bytes([drawn.choice(b"\r\n \t,;:0")])
        hidden = bytes(data) + b"GET /hidden HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        seen = len(provider.seen)
        received = exchange(steady, hidden, wait_s=2.5)
        assert len(statuses(received)) <= 2, (hidden, received)
        assert len(provider.seen) <= seen + 1
        assert b"Internal Server Error" not in received
        assert 500 not in statuses(received), (hidden, received)
