"""Policies at the API and in plans: what is listed, who is explained, and what past calls say of a change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from roadworthy.gateway import access
from roadworthy.gateway.access import Refused
from roadworthy.gateway.proposing import effects
from roadworthy.registry.assembly import assemble
from roadworthy.registry.slice import Slice
from roadworthy.usage import operations
from roadworthy.usage.record import CallRecord
from tests.gateway.control import BOT, Estate
from tests.governance.company import NOW, SETUP, document

NIGHT = '@id("night")\nforbid(principal, action, resource) when { context.hour < 6 };\n'
STREAMS = (
    '\n@id("no-streams")\nforbid(principal is ServiceAccount, action, resource) when { context.stream };\n'
)
NEVER = 'forbid(principal in Unit::"claims", action, resource == Model::"small");\n'
TOOLS = 'forbid(principal, action, resource) when { context.tools.contains("shell") };\n'


def policy(cedar: str, name: str = "house", **spec: Any) -> dict[str, Any]:
    """Return a declaration."""
    return document("AccessPolicy", name, {"title": "House", "cedar": cedar, **spec})


def text(cedar: str) -> str:
    """Return a file that holds a policy."""
    indented = "".join(f"    {line}\n" for line in cedar.splitlines())
    head = "apiVersion: roadworthy/v1\nkind: AccessPolicy\nmetadata: {name: house}\nspec:\n  title: House\n"
    return f"{head}  cedar: |\n{indented}"


def calls(key: str) -> list[CallRecord]:
    """Return forty calls of the last days: every fourth at three in the morning, every fifth a stream."""
    found = []
    for place in range(40):
        at = NOW - timedelta(hours=place)
        at = at.replace(hour=3 if place % 4 == 0 else 12)
        found.append(
            CallRecord(
                id=f"tr_{place}", at=int(at.timestamp() * 1000), decision="allowed", principal=BOT,
                key_id=key, use_case="policy-search", namespace="claims", requested_model="small",
                model="small",
                provider="local", status=200, stream=place % 5 == 0, input_tokens=100, output_tokens=10,
                cost_nano=1000, currency="EUR", latency_ms=10.0, dialect="chat",
            )
        )  # fmt: skip
    return found


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company whose use case may call, with forty calls of the last days."""
    made = Estate(tmp_path)
    made.approve()
    issued = made.key()
    with made.database.write() as tx:
        operations.ingest(tx, calls(issued.credential.id), source="here", now=NOW)
    made.company.assembly = assemble(
        (*made.company.assembly.slices, Slice(name="tested", effects=(effects,)))
    )
    yield made
    made.database.close()


def test_a_plan_says_what_a_policy_would_have_done(estate: Estate) -> None:
    """Counts, use case, policy, statement and line; calls that it does not meet are not in them."""
    said = estate.company.declare(policy(NIGHT + STREAMS), actor=SETUP)
    night = [one for one in said if "house:2" in one]
    streams = [one for one in said if "house:5" in one]
    said_of = "of 40 calls of the last 7 days, of use-case/policy-search, by access-policy"
    assert night == [f"Would have refused 10 {said_of}/house:2 (`night`)."]
    assert streams == [f"Would have refused 6 {said_of}/house:5 (`no-streams`)."]
    back = estate.company.declare(policy(STREAMS.lstrip()), actor=SETUP)
    assert any("Would have allowed 8 of 40 calls" in one and "house:2" in one for one in back), back


def test_a_plan_says_when_a_policy_meets_nobody_or_records_say_too_little(estate: Estate) -> None:
    """Neither is passed over in silence: no difference, and what records do not keep."""
    nothing = estate.company.declare(
        policy("forbid(principal, action, resource) when { context.hour == 5 };"), actor=SETUP
    )
    assert "Would have decided all 40 calls of the last 7 days as they are decided now." in nothing
    unsaid = estate.company.declare(policy(TOOLS, "tools"), actor=SETUP)
    assert any("Cannot say of 40 of 40 calls" in one for one in unsaid)


def test_a_backtest_over_the_api_applies_nothing(estate: Estate) -> None:
    """It groups what differs with cost and delay, refuses what could not be applied, and changes nothing."""
    client = estate.client()
    body = {"files": [{"file": "p.yaml", "text": text(NIGHT)}], "days": 7}
    found = client.post("/v1/backtests", json=body).json()
    assert (found["calls"], found["refused"], found["allowed"], found["moved"]) == (40, 10, 0, 0)
    (group,) = found["groups"]
    assert (group["by"], group["statement"], group["use_case"]) == (
        "access-policy/house:2", "night", "policy-search",
    )  # fmt: skip
    assert (group["cost_nano"], group["latency_ms"]) == (10_000, 10.0)
    assert client.get("/v1/policies").json() == {"items": []}
    wrong = {"files": [{"file": "p.yaml", "text": text("forbid(principal action);\n")}]}
    answer = client.post("/v1/backtests", json=wrong)
    assert answer.status_code == 422
    assert "not valid Cedar" in answer.text
    outsider = estate.client("hal").post("/v1/backtests", json=body)
    assert outsider.status_code == 403 or outsider.json()["calls"] == 0


def test_explain_agrees_with_the_gateway_and_names_the_line(estate: Estate) -> None:
    """Who may call at noon and not at night; what a policy forbids always, is forbidden in who-can too."""
    estate.company.declare(policy(NIGHT), actor=SETUP)
    client = estate.client()

    def explained(**call: Any) -> list[dict[str, Any]]:
        found = client.post("/v1/policies/explain", json={"model": "small", "call": call}).json()["items"]
        assert [one["principal"] for one in found] == [BOT]
        return list(found)

    (noon,), (night,) = explained(hour=12), explained(hour=3)
    assert (noon["decision"], noon["policy"]) == ("allow", "")
    assert (night["decision"], night["policy"], night["statement"], night["line"]) == (
        "deny", "house", "night", 2,
    )  # fmt: skip
    (line,) = client.get("/v1/access/who-can", params={"model": "small"}).json()["allowed"]
    assert line["unless"] == ["access-policy/house:2"]

    estate.company.declare(policy(NEVER), actor=SETUP)
    (always,) = explained(hour=12)
    assert (always["decision"], always["line"]) == ("deny", 1)
    who = client.get("/v1/access/who-can", params={"model": "small"}).json()
    assert who["allowed"] == []
    assert [one["code"] for one in who["refused"]] == ["policy_forbids"]
    assert who["refused"][0]["declaration"] == "access-policy/house:1"


def test_a_list_says_how_examples_stand(estate: Estate) -> None:
    """Statements with their lines, and the examples that were tried."""
    example = {
        "name": "At night", "principal": {"name": "bot"}, "use_case": {"name": "policy-search"},
        "model": {"name": "small"}, "call": {"hour": 3}, "expect": "deny", "by": "night",
    }  # fmt: skip
    estate.company.declare(policy(NIGHT, tests=[example]), actor=SETUP)
    (found,) = estate.client().get("/v1/policies").json()["items"]
    assert [(one["name"], one["line"]) for one in found["statements"]] == [("night", 2)]
    assert (found["passing"], found["failing"]) == (1, 0)


def test_a_policy_reaches_gateways_as_a_change(estate: Estate) -> None:
    """A gateway that follows changes refuses from the next call on, as one that starts anew."""
    from roadworthy.gateway.delta import Delta, advance
    from roadworthy.gateway.source import DatabaseSource

    source = DatabaseSource(estate.database, now=lambda: NOW, in_background=False)
    index = estate.index()
    estate.company.declare(policy(NEVER), actor=SETUP)
    change = source(index.revision)
    assert isinstance(change, Delta)
    followed = advance(index, change)
    key = next(iter(followed.keys))
    for known in (followed, estate.index()):
        verdict = access.decide(known, key_hash=key, model="small", now=NOW.timestamp())
        assert isinstance(verdict, Refused)
        assert verdict.code == "policy_forbids"
    with_key = advance(followed, Delta(put=type(followed.snapshot)(followed.revision + 1, "")))
    assert with_key.rules is followed.rules


def test_pages_show_policies_who_may_call_and_past_calls(estate: Estate) -> None:
    """The table, the text with its lines, the answer with the line that decides, the back-test's groups."""
    example = {
        "name": "At night", "principal": {"name": "bot"}, "use_case": {"name": "policy-search"},
        "model": {"name": "small"}, "call": {"hour": 3}, "expect": "deny", "by": "night",
    }  # fmt: skip
    client = estate.client()
    assert "calls are decided by their grants alone" in client.get("/access/policies").text
    estate.company.declare(policy(NIGHT, tests=[example]), actor=SETUP)

    asked = client.get("/access/policies", params={"model": "small", "hour": "3"})
    assert asked.status_code == 200, asked.text
    assert "0 of 1 may" in asked.text
    assert "house, line 2" in asked.text
    assert "1 hold" in asked.text
    assert "1 of 1 may" in client.get("/access/policies", params={"model": "small", "hour": "12"}).text
    assert client.get("/access/policies", params={"hour": "24"}).status_code == 422
    assert client.get("/access/policies.json").json()["rows"][0]["forbids"] == 1

    one = client.get("/access/policies/house")
    assert "2  forbid(principal, action, resource)" in one.text
    assert client.get("/access/policies/none").status_code == 404

    assert client.get("/access/backtest").status_code == 200
    tried = client.post("/access/backtest", data={"text": text(STREAMS.lstrip()), "days": "7"})
    assert tried.status_code == 200, tried.text
    assert "of 40 calls would have been refused" in tried.text
    assert "no-streams" in tried.text
