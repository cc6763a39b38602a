"""Proposals on past calls: filters on kept texts, limits, switches, packs of rules, and a plan as a whole."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from roadworthy.gateway.kinds import KINDS
from roadworthy.gateway.proposing import effects
from roadworthy.governance.wiring import SLICE as GOVERNANCE
from roadworthy.quota.wiring import SLICE as QUOTA
from roadworthy.registry import audit
from roadworthy.registry.assembly import assemble
from roadworthy.registry.slice import Slice
from roadworthy.usage import operations
from roadworthy.usage.record import CallRecord, FindingRecord, LoggedText
from tests.gateway.control import BOT, Estate
from tests.governance.company import NOW, SETUP, document, use_case

MAIL = "Please write to kim.example@example.com about the claim."
PLAIN = "Which passage answers the question?"
MASKING = document(
    "FilterPolicy",
    "house",
    {
        "title": "House",
        "uses": [
            {"filter": "contact", "input": "mask", "output": "mask"},
            {"filter": "secrets", "input": "block", "output": "mask"},
        ],
    },
)
LIMIT = document("Limit", "tight", {"title": "Tight", "per": "hour", "requests": 2})
BUDGET = document(
    "Budget",
    "small",
    {"title": "Small", "owner": "fay", "amount": 0.000004, "currency": "EUR", "period": "day"},
)
NIGHT = document(
    "AccessPolicy",
    "night",
    {"title": "Night", "cedar": "forbid(principal, action, resource) when { context.stream };\n"},
)


def record(place: int, key: str, **changes: Any) -> CallRecord:
    """Return a call, one every ten minutes back from now."""
    at = NOW - timedelta(minutes=10 * place + 1)
    given: dict[str, Any] = {
        "id": f"tr_{place:03}", "at": int(at.timestamp() * 1000), "decision": "allowed", "principal": BOT,
        "key_id": key, "use_case": "policy-search", "namespace": "claims", "requested_model": "small",
        "model": "small", "provider": "local", "status": 200, "input_tokens": 100, "output_tokens": 10,
        "cost_nano": 1000, "currency": "EUR", "latency_ms": 10.0, "dialect": "chat", "retention_days": 30,
    }  # fmt: skip
    return CallRecord(**{**given, **changes})


def with_text(prompt: str, response: str = "Yes.", *, cut: bool = False, **changes: Any) -> dict[str, Any]:
    """Return what a call says that was logged in full."""
    return {"text": LoggedText(prompt=prompt, response=response, cut=cut), **changes}


def history(key: str) -> list[CallRecord]:
    """Return calls of which some are kept in full, some are not, and some were stopped by filters."""
    mail = FindingRecord("contact", "e-mail", "input", "mask")
    seen = FindingRecord("contact", "e-mail", "input", "allow")
    secret = FindingRecord("secrets", "aws-access-key", "input", "block")
    changes: list[dict[str, Any]] = [
        with_text(MAIL),
        with_text(MAIL),
        with_text(PLAIN),
        with_text(PLAIN, response="Ask kim.example@example.com."),
        with_text("Please write to [EMAIL_1] about it.", findings=(mail,)),
        with_text("word " * 3000 + MAIL, cut=True),
        {},
        {"findings": (seen,)},
        {
            "findings": (secret,),
            "decision": "refused",
            "reason": "filter_blocked",
            "model": "",
            "status": 403,
        },
        with_text(PLAIN, retention_days=0),
    ]
    return [record(place, key, **one) for place, one in enumerate(changes)]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company whose use case may call, and a key."""
    made = Estate(tmp_path)
    made.approve()
    made.company.assembly = assemble((*made.company.assembly.slices, QUOTA))
    yield made
    made.database.close()


def filled(estate: Estate, *, calls: Any = history) -> str:
    """Let past calls be there; return the key's id."""
    key: str = estate.key().credential.id
    with estate.database.write() as tx:
        operations.ingest(tx, calls(key), source="here", now=NOW)
    return key


def tried(estate: Estate, *documents: dict[str, Any], person: str = "root", **body: Any) -> dict[str, Any]:
    """Try declarations over the API."""
    files = [{"file": "t.yaml", "text": yaml.safe_dump_all(documents)}] if documents else []
    answer = estate.client(person).post("/v1/backtests", json={"files": files, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def groups(found: dict[str, Any]) -> dict[tuple[str, str], tuple[int, str]]:
    """Return by what and by whom how many calls, and because of what."""
    return {(one["what"], one["by"]): (one["calls"], one["statement"]) for one in found["groups"]}


def test_filters_read_kept_texts_and_records_say_the_rest(estate: Estate) -> None:
    """What is newly masked is found in requests and answers; what could not be read is counted with why."""
    filled(estate)
    found = tried(estate, MASKING)
    masked = {one["statement"]: one["calls"] for one in found["groups"] if one["what"] == "masked"}
    assert sum(masked.values()) == found["masked"]
    # Two with it in the request, one in the answer, one cut, one whose record says that it was there.
    assert found["masked"] == 6, found
    assert any("answer" in one for one in masked)
    assert found["refused"] == found["allowed"] == 0
    assert found["texts"]["read"] == 5
    assert found["texts"]["missing"] == {
        "logged as metadata only": 1,
        "their retention has ended, or they were erased": 1,
    }
    assert found["texts"]["us_per_kb_then"] > 0
    assert all(one["callers"] == {BOT: one["calls"]} for one in found["groups"])


def test_what_filters_stopped_is_newly_allowed_by_what_its_record_says(estate: Estate) -> None:
    """A policy that blocks nothing lets the blocked call through; its text was never kept."""
    filled(estate)
    lax = document(
        "FilterPolicy", "house", {"title": "House", "uses": [{"filter": "contact", "input": "allow"}]}
    )
    found = tried(estate, lax)
    assert groups(found)["allowed", "filter/secrets"][0] == 1
    assert found["allowed"] == 1
    blocking = document(
        "FilterPolicy", "house",
        {
            "title": "House",
            "uses": [{"filter": "contact", "input": "block"}, {"filter": "secrets", "input": "block"}],
        },
    )  # fmt: skip
    strict = tried(estate, blocking)
    # The one that was masked then is known from its record, although its text holds a stand-in.
    assert groups(strict)["refused", "filter/contact"][0] >= 1
    assert strict["refused"] == 5


def test_reading_texts_needs_the_right_and_is_in_the_log_without_a_word(
    estate: Estate, caplog: pytest.LogCaptureFixture
) -> None:
    """Who may not read what was said learns what records say; nobody's words reach a log or an answer."""
    estate.company.declare(
        document("Person", "olga", {"display_name": "Olga"}),
        document("RoleBinding", "olga", {"subject": "person/olga", "role": "viewer", "unit": "organization"}),
        actor=SETUP,
    )
    filled(estate)
    with caplog.at_level(logging.DEBUG):
        whole = tried(estate, MASKING)
    seen = tried(estate, MASKING, person="olga")
    assert seen["texts"]["read"] == 0
    assert seen["texts"]["missing"]["you may not read what was said in them"] == 6
    assert seen["masked"] == 2  # the cut one is not read; one record says `allow`, another `mask`
    assert "kim.example" not in json.dumps(whole) + caplog.text
    with estate.database.read() as tx:
        entries = audit.entries(tx, action="usage.content-replayed", limit=10)
    assert [one["content"] for one in entries] == [{"calls": 5, "days": 7}]
    assert [one["actor"] for one in entries] == ["person/root"]


def test_limits_and_budgets_are_counted_over_past_calls(estate: Estate) -> None:
    """Two an hour let through two of the six; a budget refuses from the call on that exceeds it."""
    filled(estate, calls=lambda key: [record(place, key) for place in range(12)])
    found = tried(estate, LIMIT)
    assert groups(found) == {("refused", "limit/tight"): (found["refused"], "")}
    # From 09:29 back to 07:39: three calls in each begun hour but the whole one, which has six.
    assert found["refused"] == (3 - 2) + (6 - 2) + (3 - 2)
    assert any("at least" in one for one in found["notes"])
    assert groups(tried(estate, BUDGET)) == {("refused", "budget/small"): (8, "")}

    estate.company.declare(LIMIT, actor=SETUP)
    looser = document("Limit", "tight", {"title": "Tight", "per": "hour", "requests": 3})
    again = tried(estate, looser)
    assert groups(again) == {("allowed", "limit/tight"): (3, "")}
    assert again["refused"] == 0


def test_what_a_budget_had_used_before_the_first_call_counts(estate: Estate) -> None:
    """Only the newest days are looked at; what was spent before them in the month was spent."""
    old = [
        record(place, "k", at=int((NOW - timedelta(days=10)).timestamp() * 1000)) for place in range(900, 903)
    ]
    filled(estate, calls=lambda key: [*old, *(record(place, key) for place in range(2))])
    month = document("Budget", "small", {**BUDGET["spec"], "period": "month"})
    assert groups(tried(estate, month)) == {("refused", "budget/small"): (1, "")}
    assert tried(estate, month, days=14)["refused"] == 1


@pytest.mark.parametrize("ref", ["model/small", "use-case/policy-search", "provider/local"])
def test_a_switch_would_have_refused_every_call(estate: Estate, ref: str) -> None:
    """What a kill switch would stop, is refused; nothing is stopped."""
    filled(estate)
    found = tried(estate, stop=[ref])
    assert groups(found) == {("refused", "killed"): (10, "")}
    assert tried(estate, stop=["filter/contact"])["refused"] == 0
    answer = estate.client().post("/v1/backtests", json={"stop": ["budget/x"]})
    assert answer.status_code == 422
    assert estate.client().post("/v1/backtests", json={}).status_code == 422
    for unknown in ("model/smal", "filter/contacts"):  # a slip must not read as "nothing would differ"
        assert estate.client().post("/v1/backtests", json={"stop": [unknown]}).status_code == 404


def test_a_pack_of_rules_says_whose_grant_ends_and_which_calls_that_meets(estate: Estate) -> None:
    """A rule of the house that raises the tier asks for more, so that the grant ends until it is there."""
    filled(estate)
    rule = {
        "id": "house.search", "title": "Search", "applies": "Conversations", "asks": "More care",
        "applies_from": "2026-01-01", "tier": "high",
        "when": {"interaction": {"any_of": ["conversational"]}},
        "fixtures": [
            {"expect": "fires", "facts": {"interaction": ["conversational"]}},
            {"expect": "silent", "facts": {"interaction": ["none"]}},
        ],
    }  # fmt: skip
    pack = document(
        "PolicyPack", "our-house",
        {"title": "House", "version": "1.0.0", "review_by": "2027-06-01", "rules": [rule]},
    )  # fmt: skip
    found = tried(estate, pack)
    (case,) = found["use_cases"]
    assert (case["use_case"], case["tier_before"], case["tier_after"], case["grant"]) == (
        "policy-search", "minimal", "high", "ends",
    )  # fmt: skip
    assert any("house.search" in one for one in case["because"])
    assert groups(found) == {("refused", "no_grant"): (10, "")}
    assert tried(estate, pack, person="hal")["use_cases"] == []


def test_a_new_version_of_a_shipped_pack_is_tried(estate: Estate) -> None:
    """A version of the shipped pack without its rules names the use case that it no longer concerns."""
    filled(estate)
    empty = {"name": "house", "title": "House", "version": "1.1.0", "review_by": "2027-06-01", "rules": []}
    found = tried(estate, pack=empty)
    (case,) = found["use_cases"]
    assert case["use_case"] == "policy-search"
    assert case["dropped"]
    assert all("house" in one for one in case["dropped"])
    assert estate.client().post("/v1/backtests", json={"pack": {"name": "x"}}).status_code == 422


def test_the_end_of_a_model_an_account_or_a_use_case_is_tried(estate: Estate) -> None:
    """Whatever takes a call's ground away refuses it."""
    filled(estate)
    stopped = tried(estate, use_case(stage="stopped"))
    assert groups(stopped) == {("refused", "no_grant"): (10, "")}
    assert [one["grant"] for one in stopped["use_cases"]] == ["ends"]
    gone = tried(estate, remove=["service-account/bot"])
    assert gone["refused"] == 10


@pytest.fixture
def planning(estate: Estate) -> Estate:
    """Give the same, whose plans say what past calls say."""
    slices = [one for one in estate.company.assembly.slices if one is not GOVERNANCE]
    tested = Slice(name="tested", kinds=KINDS, effects=(effects,))
    estate.company.assembly = assemble((*slices, GOVERNANCE, tested))
    return estate


def test_a_plan_looks_at_all_its_changes_together(planning: Estate) -> None:
    """Two changes that undo each other differ in nothing, and each sentence is said once, at its change."""
    filled(planning, calls=lambda key: [record(place, key, stream=place % 2 == 0) for place in range(10)])
    with planning.database.read() as tx:
        planned = planning.company.plan(tx, NIGHT, LIMIT, actor=SETUP)
    said = {one.ref: [text for text in one.effects if text.startswith("Would")] for one in planned.changes}
    (night,) = said["access-policy/night"]
    assert night.startswith(
        "Would have refused 5 of 10 calls of the last 7 days, of use-case/policy-search, by access-policy"
    )
    assert "access-policy/night:1" in night
    # Of the five that are left no hour has more than three: alone, the limit would have refused more.
    (limited,) = said["limit/tight"]
    assert "limit/tight" in limited
    alone = planning.company.declare(LIMIT, actor=SETUP)
    count = [int(one.split()[3]) for one in alone if "limit/tight" in one]
    assert int(limited.split()[3]) < count[0]


def test_a_plan_of_filters_says_how_many_could_be_read(planning: Estate) -> None:
    """The sentence for a filter names what would be masked; one sentence says how far texts reach."""
    filled(planning)
    said = planning.company.declare(MASKING, actor=SETUP)
    assert any(one.startswith("Would have masked") and "filter/contact" in one for one in said), said
    (read,) = [one for one in said if one.startswith("Filters read")]
    assert "5 of 10 calls" in read
    assert "1 logged as metadata only" in read
    assert "kim.example" not in "".join(said)


def test_pages_try_declarations_and_switches(estate: Estate) -> None:
    """The page shows groups, what filters read, and use cases that would stand otherwise."""
    filled(estate)
    client = estate.client()
    asked = client.post("/access/backtest", data={"text": yaml.safe_dump(MASKING), "days": "7"})
    assert asked.status_code == 200, asked.text
    assert "would be masked" in asked.text
    assert "logged as metadata only" in asked.text
    stopped = client.post("/access/backtest", data={"text": "", "stop": "model/small", "days": "7"})
    assert "10 of 10 calls would have been refused" in stopped.text
    case = client.post(
        "/access/backtest", data={"text": yaml.safe_dump(use_case(stage="stopped")), "days": "7"}
    )
    assert "Use cases that would stand otherwise" in case.text
