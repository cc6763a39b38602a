"""A fake provider and a real gateway in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest

from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.process import GatewaySettings
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.gateway import world


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeProvider]:
    """One for all tests."""
    with FakeProvider() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, provider: FakeProvider) -> Iterator[RunningGateway]:
    """A new one for each test, with short times."""
    limits = Limits(header_s=1.0, keep_alive_s=5.0, stalled_reader_s=1.0)
    settings = GatewaySettings(port=0, drain_s=5, limits=limits)
    source = SnapshotSource(world.snapshot(provider.url))
    with RunningGateway(tmp_path, source, settings=settings) as running:
        yield running


@pytest.fixture
def client(gateway: RunningGateway) -> Iterator[Callable[..., openai.OpenAI]]:
    """Make stock clients, without their own retries so that each failure is seen."""
    made: list[openai.OpenAI] = []

    def make(key: str = world.KEY, **more: object) -> openai.OpenAI:
        one = openai.OpenAI(base_url=gateway.url, api_key=key, max_retries=0, timeout=10, **more)  # type: ignore[arg-type]
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
