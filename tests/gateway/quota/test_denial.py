"""What a caller is told of a limit or budget reads as sentences, with and without somebody to ask."""

from __future__ import annotations

import pytest

from roadworthy.gateway.quota.counter import Use
from roadworthy.gateway.quota.denial import exhausted, too_large

RESET = "1970-01-01T00:01:00Z"


def _use(kind: int, owner: str = "", currency: str = "") -> Use:
    return Use(
        id="u", kind=kind, period="minute", limit=3, lease_millionths=1, declaration="limit/calm",
        of="key/a", owner=owner, currency=currency,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("use", "step"),
    [
        (_use(0), f"Wait until {RESET}."),
        (_use(0, owner="person/ops"), f"Wait until {RESET} or ask person/ops to have it raised."),
        (_use(2), f"Wait until {RESET} or make a smaller call."),
        (
            _use(0, owner="person/ops", currency="EUR"),
            f"Wait until {RESET}, make a smaller call or ask person/ops to have it raised.",
        ),
    ],
)
def test_the_next_step_names_each_way_that_helps(use: Use, step: str) -> None:
    """A smaller call is no fewer requests, and nobody is asked where nobody is named."""
    assert exhausted(use, 60.0, 1.0).next_step == step


def test_a_call_that_never_fits_is_told_to_shrink() -> None:
    """The two ways are joined as words are, without a comma at the end."""
    assert too_large(_use(2), 9).next_step == "Lower `max_tokens` or shorten the request."
