"""The story of the walks from intake to first call: the ferry line, its checklist, its people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openai
import pytest

from tests.e2e import ferries
from tests.e2e.installation import Installation, Terminal

QUESTION: Any = [{"role": "user", "content": "When does the next ferry leave for Dublin?"}]
TITLE = "Answer passengers at the desk"
SUMMARY = (
    "Answers what passengers ask about crossings and fares in a window on the website; what it does not know "
    "it hands to an agent at the desk."
)
CONTROL = "C27"
"""Use and money are limited: no limit and no budget counts the calls, so it fails."""
JUSTIFICATION = "The desk's cost centre opens with the new timetable; its budget is declared on that day."
INSTEAD = "The window is open at one desk alone, for two hours a day"
SHORT_S = 6.0
"""How long an exception lasts that a test waits for."""

ANSWERS: dict[str, tuple[str, ...] | str] = {
    "jurisdictions": ("IE",),
    "roles": ("provider", "deployer"),
    "personal_data": "no",
    "data_classes": ("internal",),
    "audience": ("consumers",),
    "interaction": ("conversational",),
    "human_sends_reviewed_output": "no",
    "minors": "none",
    "profiling": "no",
    "decision_domain": ("none",),
    "decision_effect": "informs",
    "legal_or_similar_effect": "no",
    "generates": ("text",),
    "content_use": ("internal",),
    "practices": ("none",),
    "sector": ("other",),
}
"""What the intake is answered with: a tuple for boxes that are ticked, a text for one choice."""
NONE = ("Q9", "Q18", "Q20", "Q21")

GATE = ferries.document(
    "Gate",
    "money-limited",
    "  title: A pilot costs no more than was agreed\n  stages: [pilot]\n  items:\n"
    "    - {id: money-limited, check: control, of: [C27]}",
)


def intake() -> str:
    """Return the answers as they stand in a file."""
    words = {"yes": "true", "no": "false"}
    said = {
        name: f"[{', '.join(value)}]" if isinstance(value, tuple) else words.get(value, value)
        for name, value in ANSWERS.items()
    }
    lines = "".join(f"      {name}: {value}\n" for name, value in said.items())
    return f"{lines}    none: [{', '.join(NONE)}]\n"


def use_case(name: str, *, today: date) -> str:
    """Return the use case as a file declares it."""
    text = ferries.use_case(name, today=today, title=TITLE).replace(ferries.FACTS, intake())
    return text.replace(ferries.SUMMARY, SUMMARY)


def account(name: str, *, today: date) -> str:
    """Return the program that calls for a use case."""
    return ferries.document(
        "ServiceAccount",
        f"{name}-bot",
        f"  type: service\n  owner: pete\n  purpose: Calls for {name}.\n"
        f"  expires_on: {today + timedelta(days=200)}\n  use_cases: [{name}]",
    )


@dataclass
class Company:
    """The ferry line, installed, with everybody signed in and a checklist that asks for a budget."""

    installation: Installation
    admin: Terminal
    people: dict[str, Terminal] = field(default_factory=dict)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())

    def __getitem__(self, person: str) -> Terminal:
        return self.people[person]

    def probe(self, use_case: str) -> str:
        """Return a key that calls are tried with while the use case may not call yet."""
        return self["pete"].do("key", "issue", f"{use_case}-bot", "--use-case", use_case).out.strip()

    def call(self, key: str) -> str:
        """Call the model; return the id of the trace."""
        with openai.OpenAI(base_url=self.installation.gateway, api_key=key, max_retries=0) as client:
            raw = client.chat.completions.with_raw_response.create(
                model="small", messages=QUESTION, max_tokens=8
            )
            assert raw.parse().choices[0].message.content
            return raw.headers["x-roadworthy-trace-id"]

    def refused(self, key: str, *wanted: str) -> dict[str, Any]:
        """Insist that a call is refused with a next step, and that its reasons name these things."""
        with pytest.raises(openai.PermissionDeniedError) as caught:
            self.call(key)
        assert isinstance(caught.value.body, dict)
        said: dict[str, Any] = caught.value.body["roadworthy"]
        assert said["next_step"]
        told = " ".join([said["message"], said["next_step"], *(str(one) for one in said["reasons"])])
        for words in wanted:
            assert words in told, f"`{words}` is not in: {told}"
        return said

    def verdict(self, use_case: str) -> dict[str, Any]:
        """Return how the use case stands before its gate."""
        found: dict[str, Any] = self["vic"].ask("GET", f"/v1/use-cases/{use_case}/gates")[1]
        return found

    def granted_briefly(self, use_case: str, request: str, key: str) -> None:
        """Grant an exception for seconds, see a call pass on it, and wait until it is over."""
        seconds = SHORT_S
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        path = f"/v1/use-cases/{use_case}/exceptions/{request}/grant"
        status, given = self["rita"].ask("POST", path, {"expires_at": ends.isoformat()})
        assert (status, given["state"]) == (201, "in force")
        assert self.call(key)
        time.sleep(max(0.0, (ends - datetime.now(UTC)).total_seconds()) + 0.01)


def company(installation: Installation, model: str) -> Company:
    """Start the ferry line and sign everybody in."""
    installation.start("control", "gateway")
    admin = installation.first_administrator()
    found = Company(installation, admin)
    declared = [
        ferries.people(),
        ferries.models(model),
        ferries.metrics(),
        ferries.outcome(today=found.today),
    ]
    admin.do("apply", "--yes", "-f", admin.write("company.yaml", "".join([*declared, GATE])))
    for person in ferries.ROLES:
        found.people[person] = installation.sign_in(admin, person)
    return found


def soon(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds, but not for long."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, f"not within twenty seconds: {what}"
        time.sleep(0.2)
