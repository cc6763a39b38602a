"""S-06: no spelling of an address inside reaches it: refused when declared, refused again when connected."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from roadworthy.foundation.errors import InvalidError
from roadworthy.gateway.edge.timers import Wheel
from roadworthy.gateway.edge.upstream import Providers
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import ModelEntry, ProviderEntry, Target
from roadworthy.models.admission import check_provider
from roadworthy.models.kinds import KINDS
from roadworthy.registry.actor import Actor
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.resource import load
from roadworthy.registry.slice import Proposal
from tests.gateway.addresses import corpus

CATALOGUE = Catalogue(KINDS)
URLS = corpus.urls()
NOTHING: Any = None
REFUSED = {"provider_address_invalid", "private_address", "name_not_found"}


def refused_at_save(url: str, *, allow_private: bool = False) -> str:
    """Return what stands against declaring a provider at this address."""
    document = {
        "apiVersion": "roadworthy/v1",
        "kind": "Provider",
        "metadata": {"name": "p"},
        "spec": {"title": "P", "base_url": url, "allow_private": allow_private},
    }
    try:
        resource = load(document, CATALOGUE)
    except InvalidError as error:
        return error.issues[0].message
    proposal: Any = Proposal(
        change=NOTHING,  # the check reads the declaration alone
        before=None,
        after=resource,
        world=NOTHING,
        actor=Actor("person/ada", "cli"),
        now=datetime(2026, 11, 23, tzinfo=UTC),
    )
    return " ".join(issue.message for issue in check_provider(NOTHING, proposal))


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    """Four hundred at least, each of its own."""
    assert len(set(URLS)) == len(URLS) >= 400


@pytest.mark.parametrize("url", URLS)
def test_an_address_inside_cannot_be_declared(url: str) -> None:
    """However it is spelled."""
    assert refused_at_save(url)


@pytest.mark.parametrize(
    "host", ["api.openai.com", "8.8.8.8", "[2606:4700::1111]", "xn--bcher-kva.example", "1e100.net"]
)
def test_a_public_address_can_be_declared(host: str) -> None:
    """The rule is not simply no."""
    assert refused_at_save(f"https://{host}/v1") == ""


@pytest.mark.parametrize("address", corpus.METADATA)
def test_no_permission_covers_the_credentials_of_the_machine(address: str) -> None:
    """Not even a declared private address."""
    assert refused_at_save(f"http://{address}/v1", allow_private=True)
    assert refused_at_save(f"http://[::ffff:{address}]/v1", allow_private=True)


@pytest.mark.parametrize(
    "url", ["http://127.1/v1", "http://2130706433/v1", "http://0x7f.1/v1", "http://１27.0.0.1/v1"]
)
def test_a_declared_private_address_is_written_plainly(url: str) -> None:
    """What two programs may read differently is refused also where the address itself is allowed."""
    assert refused_at_save("http://127.0.0.1/v1", allow_private=True) == ""
    assert refused_at_save(url, allow_private=True)


# ------------------------------------------------------------------ at connect


class Canary(threading.Thread):
    """Listens inside; whoever comes is counted."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.visits = 0

    def run(self) -> None:
        while True:
            try:
                visitor, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """Give one for all addresses."""
    made = Canary()
    made.start()
    yield made
    made.socket.close()


class Ear:
    """Hears what becomes of an attempt."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.failure: Failure | None = None

    def on_head(self, status: int, content_type: bytes, retry_after: bytes) -> None:
        self.heard.set()

    def on_body(self, data: bytes) -> None:
        self.heard.set()

    def on_end(self) -> None:
        self.heard.set()

    def on_fail(self, failure: Failure) -> None:
        self.failure = failure
        self.heard.set()


def inside(host: str) -> str:
    """Return what a name inside stands for, as the resolver of a machine there would say it."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "169.254.169.254" if host.startswith(("metadata", "instance")) else "127.0.0.1"


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose names are ours, and that notes where it connects to instead of doing it."""

    names: dict[str, list[list[str]]]
    dialled: list[str]
    asked: int

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> Any:
        """Answer from our list; each time the next answer, the last one for ever."""
        self.asked += 1
        answers = self.names.get(str(host)) or [[inside(str(host))]]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in addresses
        ]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Note the address, and go nowhere."""
        self.dialled.append(str(address[0]))
        raise ConnectionRefusedError(111, "not dialled")


class Way:
    """The way to providers, made once; it goes nowhere, and notes where it would have gone."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.loop.names, self.loop.dialled, self.loop.asked = {}, [], 0
        self._wheel = Wheel(self.loop)
        self._providers = Providers(self._wheel, self.loop)
        self._count = 0

    def attempt(
        self, url: str, names: dict[str, list[list[str]]] | None = None, *, times: int = 1
    ) -> list[str]:
        """Call a provider at an address that nobody checked when it was saved; return what came of it."""
        loop = self.loop
        loop.names, loop.asked = names or {}, 0
        loop.dialled.clear()
        self._count += 1
        provider = ProviderEntry(f"p{self._count}", url, connect_timeout_s=2)
        return [loop.run_until_complete(self._call(provider)) for _ in range(times)]

    async def _call(self, provider: ProviderEntry) -> str:
        ear = Ear()
        target = Target(ModelEntry("m", provider.name, "m"), provider)
        self._providers.send(target, "/chat/completions", b"{}", ear, first_byte_timeout_s=1)
        async with asyncio.timeout(5):
            await ear.heard.wait()
        return ear.failure.code if ear.failure is not None else "answered"

    def close(self) -> None:
        """Leave nothing behind."""
        self._providers.close()
        self._wheel.stop()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()


@pytest.fixture
def way() -> Iterator[Way]:
    """Give one; each test has its own, so that its loop ends within the test, whatever runs beside it."""
    made = Way()
    yield made
    made.close()


@pytest.mark.parametrize("url", URLS)
def test_an_address_inside_is_not_connected_to(url: str, canary: Canary, way: Way) -> None:
    """Whoever declared it and however: nothing is dialled, and nobody inside hears a byte."""
    codes = way.attempt(url.replace("/v1", f":{canary.port}/v1", 1) if url.count(":") == 1 else url)
    assert codes[0] in REFUSED
    assert way.loop.dialled == []
    assert canary.visits == 0


@pytest.mark.parametrize(
    "address", [*corpus.TARGETS, "168.63.129.16", "::1", "fe80::1", "fd00:ec2::254", "::ffff:10.0.0.1"]
)
def test_a_name_that_points_inside_is_not_connected_to(address: str, way: Way) -> None:
    """The address is judged, not the name."""
    codes = way.attempt("https://api.example.com/v1", {"api.example.com": [[address]]})
    assert (codes, way.loop.dialled) == (["private_address"], [])


def test_a_name_that_points_both_ways_is_connected_to_outside_only(way: Way) -> None:
    """Each of its addresses is judged."""
    names = {"api.example.com": [["10.0.0.1", "93.184.216.34", "::1"]]}
    codes = way.attempt("https://api.example.com/v1", names)
    assert (codes, way.loop.dialled) == (["connect_failed"], ["93.184.216.34"])


def test_a_name_that_turns_inside_is_judged_again(way: Way) -> None:
    """Rebinding: every connection asks once and goes to the very address that was judged."""
    names = {"api.example.com": [["93.184.216.34"], ["127.0.0.1"], ["169.254.169.254"]]}
    codes = way.attempt("https://api.example.com/v1", names, times=3)
    assert codes == ["connect_failed", "private_address", "private_address"]
    assert way.loop.dialled == ["93.184.216.34"]
    assert way.loop.asked == 3
