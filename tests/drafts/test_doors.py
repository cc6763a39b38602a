"""What people do with drafts through the API and the console, and what they may not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.drafts import operations, queries
from roadworthy.drafts.operations import (
    DraftDecidedError,
    DraftLapsedError,
    DraftNeedsPersonError,
    OwnDraftError,
)
from roadworthy.foundation.errors import InvalidError, NotFoundError, RoadworthyError
from roadworthy.governance import queries as governance
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor
from roadworthy.usage import drafted
from roadworthy.usage import operations as usage
from roadworthy.usage import queries as usage_queries
from roadworthy.usage.record import CallRecord, LoggedText
from tests.gateway.control import BOT, Estate
from tests.governance.company import NOW, SETUP, document

AT = int(NOW.timestamp() * 1000)
SECRET = "The claim is to be paid, plum-4711."
RITA, BEN = Actor("person/rita", "api"), Actor("person/ben", "api")


def answer(text: str = SECRET) -> str:
    """Return an answer with words and a call of a tool."""
    call = {"id": "c1", "type": "function", "function": {"name": "pay", "arguments": '{"amount":12}'}}
    message = {"role": "assistant", "content": text, "tool_calls": [call]}
    return json.dumps({"id": "a", "object": "chat.completion", "choices": [{"index": 0, "message": message}]})


def record(name: str, draft: str, **more: Any) -> CallRecord:
    """Return the record of a call whose answer a person has to do with."""
    held = answer() if draft == "withheld" else ""
    given: dict[str, Any] = {
        "id": name, "at": AT - 5_000, "decision": "allowed", "principal": BOT, "key_id": "k1",
        "use_case": "policy-search", "namespace": "claims", "status": 403 if draft == "withheld" else 200,
        "model": "small", "dialect": "openai-chat", "retention_days": 90, "draft": draft, "basis": "b" * 16,
        "text": LoggedText(prompt="May it be paid?", draft=held) if draft != "marked" else None,
    }  # fmt: skip
    return CallRecord(**{**given, **more})


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company with three drafts, and a reviewer of the unit they are of."""
    made = Estate(tmp_path)
    made.company.declare(
        document("Person", "rita", {"display_name": "Rita"}),
        document("RoleBinding", "rita", {"subject": "person/rita", "role": "reviewer", "unit": "claims"}),
        actor=SETUP,
    )
    arrive(made, record("tr_1", "withheld"), record("tr_2", "marked"), record("tr_3", "sample"))
    yield made
    made.database.close()


def arrive(estate: Estate, *records: CallRecord) -> None:
    """Have records arrive."""
    with estate.database.write() as tx:
        usage.ingest(tx, records, source="test", now=NOW, hooks=(operations.note_drafts,))


def decide(estate: Estate, draft: str, verdict: Any, *, actor: Actor = RITA, **more: Any) -> None:
    """Have somebody decide."""
    with estate.database.write() as tx:
        operations.decide(tx, draft_id=draft, verdict=verdict, actor=actor, now=more.pop("now", NOW), **more)


def released(estate: Estate, draft: str) -> str | None:
    """Return what a caller would get."""
    with estate.database.read() as tx:
        return queries.released_text(tx, queries.get(tx, draft))


def test_what_waits_is_listed_without_its_text(estate: Estate) -> None:
    """Withheld answers and samples wait here; marked ones wait with their callers, and are known by id."""
    client = estate.client("rita")
    told = client.get("/v1/drafts")
    assert [(one["id"], one["form"]) for one in told.json()["items"]] == [
        ("dr_1", "withheld"),
        ("dr_3", "sample"),
    ]
    assert "plum-4711" not in told.text
    assert client.get("/v1/drafts/dr_2").json()["state"] == "waiting"
    assert client.get("/v1/drafts/dr_9").status_code == 404
    assert client.get("/v1/drafts", params={"use_case": "other"}).json()["items"] == []


def test_a_reviewer_reads_releases_and_it_is_in_the_log(estate: Estate) -> None:
    """Reading is recorded; the decision is evidence with who, when, what and why."""
    client = estate.client("rita")
    said = client.get("/v1/drafts/dr_1/content").json()
    assert said["prompt"] == "May it be paid?"
    assert said["texts"] == [SECRET, '{"amount":12}']
    assert '"name": "pay"' in said["whole"], "which tool is called is part of what is decided"
    assert released(estate, "dr_1") is None
    done = client.post("/v1/drafts/dr_1/decide", json={"verdict": "accepted"}).json()
    assert (done["state"], done["verdict"], done["decided_by"]) == ("released", "accepted", "person/rita")
    assert released(estate, "dr_1") == answer()
    with estate.database.read() as tx:
        actions = [one["action"] for one in audit.entries(tx, limit=5)]
    assert "evidence.draft-decided" in actions
    assert "usage.content-read" in actions
    again = client.post("/v1/drafts/dr_1/decide", json={"verdict": "accepted"})
    assert (again.status_code, again.json()["code"]) == (409, "draft-decided")


def test_it_is_released_with_changes(estate: Estate) -> None:
    """Every text can be changed, the arguments of a tool included; what was not sent along stays."""
    client = estate.client("rita")
    body = {"verdict": "edited", "reason": "Too much.", "texts": ["Not yet.", '{"amount":0}']}
    assert client.post("/v1/drafts/dr_1/decide", json={**body, "reason": ""}).status_code == 422
    assert client.post("/v1/drafts/dr_1/decide", json={**body, "texts": ["One"]}).status_code == 422
    assert client.post("/v1/drafts/dr_1/decide", json={**body, "texts": None}).status_code == 422
    assert client.post("/v1/drafts/dr_1/decide", json=body).json()["verdict"] == "edited"
    found = json.loads(released(estate, "dr_1") or "")
    message = found["choices"][0]["message"]
    assert message["content"] == "Not yet."
    assert message["tool_calls"][0]["function"] == {"name": "pay", "arguments": '{"amount":0}'}


def test_the_console_decides_and_goes_on_to_the_next(estate: Estate) -> None:
    """One button releases: as it was, or with what was changed in the form."""
    arrive(estate, record("tr_4", "withheld"))
    client = estate.client("rita")
    page = client.get("/drafts/dr_1").text
    assert SECRET in page
    assert "Release" in page
    form = {"decision": "release", "reason": "", "texts": [SECRET, '{"amount":12}']}
    told = client.post("/drafts/dr_1/decide", data=form, follow_redirects=False)
    assert (told.status_code, told.headers["location"].partition("?")[0]) == (303, "/drafts/dr_3")
    form = {"decision": "release", "reason": "Wrong.", "texts": ["Two\r\nlines.", '{"amount":12}']}
    client.post("/drafts/dr_4/decide", data=form, follow_redirects=False)
    with estate.database.read() as tx:
        assert [queries.get(tx, one).verdict for one in ("dr_1", "dr_4")] == ["accepted", "edited"]
    assert "Two\\nlines." in (released(estate, "dr_4") or "")
    assert "dr_3" in client.get("/drafts").text


def test_who_may_not_decide_is_told_so(estate: Estate) -> None:
    """Nobody without the permission in the unit, and nobody reads a text without it."""
    hal = estate.client("hal")
    assert hal.get("/v1/drafts/dr_1/content").status_code == 403
    assert hal.post("/v1/drafts/dr_1/decide", json={"verdict": "accepted"}).status_code == 403
    estate.company.declare(
        document("RoleBinding", "hal-too", {"subject": "person/hal", "role": "reviewer", "unit": "finance"}),
        actor=SETUP,
    )
    assert hal.post("/v1/drafts/dr_1/decide", json={"verdict": "accepted"}).status_code == 403


def test_who_called_neither_reads_nor_releases(estate: Estate) -> None:
    """Also not by way of the content of the call, nor as a program with the permission."""
    arrive(estate, record("tr_5", "withheld", principal="person/rita"))
    client = estate.client("rita")
    assert client.get("/v1/drafts/dr_5/content").json()["code"] == "own-draft"
    assert client.post("/v1/drafts/dr_5/decide", json={"verdict": "accepted"}).json()["code"] == "own-draft"
    page = client.get("/drafts/dr_5").text
    assert "plum-4711" not in page
    assert "somebody else decides" in page
    with pytest.raises(OwnDraftError):
        decide(estate, "dr_1", "accepted", actor=Actor(BOT, "api"))
    with pytest.raises(DraftNeedsPersonError):
        decide(estate, "dr_1", "accepted", actor=Actor("service-account/other", "api"))
    with estate.database.write() as tx, pytest.raises(RoadworthyError, match="may not read"):
        usage.read_said(tx, "tr_5", actor=Actor("person/rita", "api"), now=NOW)


def test_a_draft_lapses_with_its_text_and_after_thirty_days(estate: Estate) -> None:
    """Nothing is released that nobody could have read."""
    with pytest.raises(DraftLapsedError):
        decide(estate, "dr_1", "accepted", now=NOW + timedelta(days=30))
    arrive(estate, record("tr_6", "withheld", retention_days=1))
    with estate.database.write() as tx:
        assert usage.purge_texts(tx, now=NOW + timedelta(days=1)) == 1
    with pytest.raises(DraftLapsedError):
        decide(estate, "dr_6", "accepted", now=NOW + timedelta(hours=23, minutes=59))
    assert released(estate, "dr_6") is None


def test_erasing_a_calls_text_takes_what_a_person_made_of_it(estate: Estate) -> None:
    """The decision stays in the log; the words go."""
    decide(estate, "dr_1", "edited", reason="Wrong.", changed=answer("Better."))
    assert "Better." in (released(estate, "dr_1") or "")
    with estate.database.write() as tx:
        usage.erase_texts(tx, call_ids=["tr_1"], actor=RITA, now=NOW, reason="asked")
    assert released(estate, "dr_1") is None
    with estate.database.read() as tx:
        assert queries.get(tx, "dr_1").verdict == "edited"


def test_a_changed_answer_that_was_altered_is_not_given_out(estate: Estate) -> None:
    """The decision commits to the very text."""
    decide(estate, "dr_1", "edited", reason="Wrong.", changed=answer("Better."))
    with estate.database.write() as tx:
        tx.connection.exec_driver_sql(
            "UPDATE call_texts SET document = replace(document, 'Better.', 'Worse..') WHERE id = 'dr_1'"
        )
    assert released(estate, "dr_1") is None


def test_what_is_only_withheld_is_no_logged_text(estate: Estate) -> None:
    """A use case that logs metadata shows no text of a call because its answer waits."""
    arrive(estate, record("tr_7", "withheld", text=LoggedText(draft=answer())))
    with estate.database.read() as tx:
        found = usage_queries.trace(tx, "tr_7")
        assert (found.text_kept, found.draft) == (False, "withheld")
        with pytest.raises(NotFoundError):
            usage_queries.said(tx, "tr_7")
        assert drafted.withheld(tx, "tr_7") == answer()


def test_needs_you_of_reviewers_names_what_waits(estate: Estate) -> None:
    """One line for a use case, not one for each answer."""
    with estate.database.read() as tx:
        tasks = {
            name: [one for one in governance.needs_you(tx, principal=name, now=NOW) if one.kind == "draft"]
            for name in ("person/rita", "person/hal", "person/eve")
        }
    assert [one.what for one in tasks["person/rita"]] == [
        "Policy search: 1 answer waits to be released and 1 sample waits to be reviewed"
    ]
    assert tasks["person/hal"] == tasks["person/eve"] == []


def test_a_changed_text_goes_only_with_a_change(estate: Estate) -> None:
    """A text beside another word is a mistake."""
    with pytest.raises(InvalidError):
        decide(estate, "dr_1", "accepted", changed=answer())
    decide(estate, "dr_2", "edited", reason="Changed in the letter.")
    with pytest.raises(DraftDecidedError):
        decide(estate, "dr_2", "accepted")


_NUMBERS = itertools.count(1000)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accepted", "edited", "rejected"]),
        st.sampled_from([BOT, "person/rita", "person/ben", "service-account/other"]),
        st.integers(0, 40),
        st.booleans(),
    ),
    max_size=6,
)


@given(steps=STEPS, caller=st.sampled_from([BOT, "person/rita"]))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_way_leads_to_a_text_without_another_persons_release(
    estate: Estate, steps: list[tuple[str, str, int, bool]], caller: str
) -> None:
    """Whatever is tried, in which order: a caller has a text only if a person other than it released it."""
    name = f"tr_{next(_NUMBERS):032x}"
    arrive(estate, record(name, "withheld", principal=caller))
    draft, expected = drafted.draft_id(name), None
    decided = False
    for verdict, who, days, reasoned in steps:
        changed = answer(f"By {who}") if verdict == "edited" else None
        fits = who.startswith("person/") and who != caller and not decided and days < 30
        fits = fits and (verdict == "accepted" or reasoned)
        try:
            decide(
                estate, draft, verdict, actor=Actor(who, "api"), reason="Why." if reasoned else "",
                changed=changed, now=NOW + timedelta(days=days),
            )  # fmt: skip
        except RoadworthyError:
            assert not fits
        else:
            assert fits
            decided = True
            expected = {"accepted": answer(), "edited": changed, "rejected": None}[verdict]
        assert released(estate, draft) == expected
