"""What a caller is told of a provider's failure reads as sentences."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from roadworthy.gateway.dialects.neutral import ProviderError
from roadworthy.gateway.failures import failure_of_status


@pytest.mark.parametrize("said", ["Expected a string", "Expected a string."])
def test_what_a_provider_said_ends_before_the_next_step(said: str) -> None:
    """A provider's own full stop is kept, a missing one is added."""
    target: Any = SimpleNamespace(provider=SimpleNamespace(name="p"), model=SimpleNamespace(name="m"))
    failure = failure_of_status(400, ProviderError(message=said), "", target)
    assert failure.message == "The provider refused the request: Expected a string."
