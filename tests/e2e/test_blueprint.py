"""From a blueprint to a governed first call: timed, with the real program and a real small model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openai
import pytest

from tests.e2e import ferries
from tests.e2e.installation import Installation, Terminal

FIVE_MINUTES_S = 300.0
LOW_RISK = """\
      jurisdictions: [IE]
      roles: [deployer]
      decision_domain: [none]
      decision_effect: informs
      legal_or_similar_effect: false
      personal_data: false
      data_classes: [internal]
      audience: [internal_employees]
      interaction: [output_only]
      minors: none
      profiling: false
      generates: [text]
      content_use: [internal]
      practices: [none]
    none: [Q9, Q18, Q20, Q21]
"""


@pytest.fixture
def ferry(tmp_path: Path, small_model: str) -> Iterator[tuple[Installation, Terminal, Terminal]]:
    """Give the ferry line with a proven use case of low risk, its contributor and its engineer."""
    today = datetime.now(UTC).date()
    with Installation(tmp_path) as installation:
        installation.start("control", "gateway")
        admin = installation.first_administrator()
        admin.do("apply", "--yes", "-f", admin.write("people.yaml", ferries.people()))
        ana, pete = (installation.sign_in(admin, name) for name in ("ana", "pete"))
        pete.do("apply", "--yes", "-f", pete.write("models.yaml", ferries.models(small_model)))
        case = ferries.use_case(today=today).replace(ferries.FACTS, LOW_RISK)
        ana.write("case.yaml", ferries.metrics() + ferries.outcome(today=today) + case)
        ana.do("apply", "--yes", "-f", "case.yaml")
        yield installation, ana, pete


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_from_a_blueprint_to_a_governed_call(ferry: tuple[Installation, Terminal, Terminal]) -> None:
    """Publish, start a new use case, issue a key and call: within five minutes of the command."""
    installation, ana, pete = ferry
    published = ana.do("blueprint", "publish", "use-case/rebooking").out
    assert "blueprint/rebooking" in published

    began = time.monotonic()
    told = ana.do(
        *("new", "--from", "blueprint/rebooking", "--name", "timetable-questions"),
        *("--unit", "ferries", "--owner", "ana"),
    )
    assert "granted, tier minimal" in told.out
    assert "taken over: " in told.out
    until = datetime.now(UTC).date() + timedelta(days=90)
    account = ferries.document(
        "ServiceAccount",
        "timetable-bot",
        "  type: service\n  owner: pete\n  purpose: Answers questions about timetables.\n"
        f"  expires_on: {until}\n  use_cases: [timetable-questions]",
    )
    pete.do("apply", "--yes", "-f", pete.write("account.yaml", account))
    key = pete.do("key", "issue", "timetable-bot", "--use-case", "timetable-questions").out.strip()
    client = openai.OpenAI(base_url=installation.gateway, api_key=key, max_retries=0)
    answer = client.chat.completions.create(
        model="small", max_tokens=8, messages=[{"role": "user", "content": "When?"}]
    )
    took_s = time.monotonic() - began
    assert answer.choices[0].message.content
    assert took_s < FIVE_MINUTES_S
    assert (ana.folder / "timetable-questions.yaml").exists()
    grant = ana.do("explain", "timetable-questions", "-o", "json").json()
    assert grant["approvals"]["given"] == []
    assert any(part.startswith("by itself") for part in grant["grant"]["made_of"])
