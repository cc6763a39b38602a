"""Whatever is sent to the API, it answers; nobody unknown is answered with data."""

from __future__ import annotations

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import ignored_auth

from tests.api.conftest import Control

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
"""Per operation, in `make test`; set FUZZ_EXAMPLES to look longer."""
OPERATIONS_MIN = 30


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_input_makes_the_server_fail(control: Control) -> None:
    """Every described operation, with valid and invalid data: no 5xx, and no ignored credential."""
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", control.app)
    found: list[Any] = list(schema.get_all_operations())
    operations = [one.ok() for one in found]
    assert len(operations) >= OPERATIONS_MIN, "the description lost operations: this test would prove little"
    answers = [_fuzz(operation, control.token) for operation in operations]
    statuses = {status for answer in answers for status in answer}
    assert {200, 404, 422} <= statuses, f"the data never got through or never failed: {sorted(statuses)}"


def _fuzz(operation: Any, token: str) -> set[int]:
    """Send generated requests to one operation and return the statuses seen."""
    seen: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(
        case=operation.as_strategy()
        | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
    )
    def run(case: Any) -> None:
        response = case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"}, checks=[not_a_server_error, ignored_auth]
        )
        seen.add(response.status_code)

    run()
    return seen
