"""Rules that cannot both be kept: a named person decides, for a while, and other rules overtake it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from roadworthy.evidence import queries as evidence
from roadworthy.foundation.errors import InvalidError
from roadworthy.governance import conflict_operations
from roadworthy.governance import queries as governance
from roadworthy.governance.conflict_operations import MayNotDecideError, NoConflictError
from roadworthy.governance.needs import needs_of
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor
from roadworthy.rules import queries as rules
from roadworthy.rules.facts import FACTS
from tests.governance.company import NOW, SETUP, Company, document, use_case, with_facts
from tests.governance.doors import who

REVIEW = date(2027, 6, 1)
WHY = "Counsel, memo 12: the duty to keep is the more specific law."
REF = "use-case/policy-search"


def rule(name: str, asks: str = "Keep", **limits: str) -> dict[str, Any]:
    """Return a rule of the house about keeping records of conversations."""
    return {
        "id": f"house.{name}", "title": name, "applies": "Conversations", "asks": asks,
        "applies_from": "2026-01-01", "when": {"interaction": {"any_of": ["conversational"]}},
        "obligations": [
            {"id": "keep", "kind": "retention", "name": f"Keep {name}", "controls": ["C38"], **limits},
        ],
        "fixtures": [
            {"expect": "fires", "facts": {"interaction": ["conversational"]}},
            {"expect": "silent", "facts": {"interaction": ["none"]}},
        ],
    }  # fmt: skip


def pack(*found: dict[str, Any]) -> dict[str, Any]:
    """Return a pack of these rules."""
    spec = {"title": "House", "version": "1.0.0", "review_by": "2027-06-01", "rules": list(found)}
    return document("PolicyPack", "our-house", spec)


KEEP = rule("books", retention_min="P3Y")
PURGE = rule("privacy", retention_max="P1Y")
CHILDREN = with_facts(jurisdictions=["US"], personal_data=True, minors="directed_under_13")
"""Answers that bring a shipped ceiling in words."""


@pytest.fixture
def torn(company: Company) -> Company:
    """Give a company with a use case whose rules contradict each other."""
    company.declare(pack(KEEP, PURGE), actor=SETUP)
    company.declare(use_case(retention_days=1200))
    return company


def decide(company: Company, person: str = "dan", *, now: datetime = NOW, **given: Any) -> str:
    """Decide; return the decision's id."""
    said = {"prevails": "floor", "justification": WHY, "review_on": REVIEW, **given}
    with company.database.write() as tx:
        done = conflict_operations.decide_conflict(
            tx, use_case="policy-search", actor=Actor(f"person/{person}", "cli"), now=now, **said
        )
    return done.id


def kept(company: Company, *, now: datetime = NOW) -> rules.Kept:
    """Return how long records are kept, and what was decided."""
    with company.database.read() as tx:
        return rules.kept(tx, rules.case(tx, "policy-search", now=now))


def limits(company: Company, *, now: datetime = NOW) -> tuple[int | None, int | None]:
    """Return the least and the most days that its controls are held to."""
    with company.database.read() as tx:
        said = evidence.of_types(tx, FACTS, subjects=[REF])
    found = needs_of(company.standing(now=now).tier, said)
    return found.retention_min_days, found.retention_max_days


def test_a_decision_settles_what_controls_ask_for(torn: Company) -> None:
    """Before it both bind and nothing can be right; after it the one that prevails does."""
    assert "house.books/keep keeps for P3Y" in kept(torn).retention.conflict
    assert limits(torn) == (1095, 365)
    made = decide(torn)
    found = kept(torn)
    assert (found.retention.conflict, found.retention.floor, found.retention.ceiling) == ("", "P3Y", "")
    assert [(one.obligation, one.side) for one in found.retention.overruled] == [
        ("house.privacy/keep", "ceiling")
    ]
    ((ruling, state),) = found.rulings
    assert (ruling.id, ruling.by, ruling.justification, state) == (made, "person/dan", WHY, "in force")
    assert limits(torn) == (1095, None)
    with torn.database.read() as tx:
        (entry,) = audit.entries(tx, action="evidence.conflict-decided", limit=5)
    assert (entry["actor"], entry["object"]) == ("person/dan", REF)


def test_it_waits_for_those_who_may_decide_and_again_when_it_is_overtaken(torn: Company) -> None:
    """A control that fails until somebody decides says so to whoever can."""

    def waits(person: str) -> list[str]:
        with torn.database.read() as tx:
            found = governance.needs_you(tx, principal=f"person/{person}", now=NOW)
        return [one.why for one in found if one.kind == "settle"]

    assert waits("ada") == waits("ben") == []
    (why,) = waits("dan")
    assert why.endswith("at most. Both cannot be kept.")
    assert ".." not in why
    decide(torn)
    assert waits("dan") == waits("eve") == []
    torn.declare(pack(KEEP, rule("privacy", retention_max="P6M")), actor=SETUP)
    (why,) = waits("eve")
    assert "The decision of person/dan of" in why
    assert why.endswith("is overtaken.")


def test_the_ceiling_can_prevail_and_another_duty_is_a_conflict_of_its_own(torn: Company) -> None:
    """A decision is about the two duties that were looked at, and nothing else."""
    decide(torn, "eve", prevails="ceiling")
    assert limits(torn) == (90, 365)  # the house's own baseline is kept beside it
    torn.declare(pack(KEEP, PURGE, rule("tax", retention_min="P2Y")), actor=SETUP)
    found = kept(torn)
    assert "house.tax/keep keeps for P2Y" in found.retention.conflict
    assert [one.obligation for one in found.retention.overruled] == ["house.books/keep"]
    decide(torn)
    assert kept(torn).retention.conflict == ""


def test_words_are_put_into_days_by_who_lets_them_prevail(torn: Company) -> None:
    """Where both can then be kept, both are; where not, the floor gives way."""
    torn.declare(pack(KEEP), actor=SETUP)
    torn.declare(use_case(retention_days=1200, intake=CHILDREN))
    with pytest.raises(InvalidError, match="Say how many days"):
        decide(torn, prevails="ceiling")
    with pytest.raises(InvalidError, match="nothing to count"):
        decide(torn, prevails="floor", days=10)
    first = decide(torn, prevails="ceiling", days=2000)
    found = kept(torn).retention
    assert (found.floor, found.ceiling, found.conflict) == ("P3Y", "2000 days", "")
    assert limits(torn) == (1095, 2000)
    with torn.database.write() as tx:
        conflict_operations.reopen_conflict(
            tx, use_case="policy-search", decision=first, reason="Too long.",
            actor=Actor("person/eve", "cli"), now=NOW,
        )  # fmt: skip
    assert "somebody has to say" in kept(torn).retention.conflict
    decide(torn, prevails="ceiling", days=100)
    assert limits(torn) == (90, 100)
    assert [state for _, state in kept(torn).rulings] == ["taken back", "in force"]


def test_other_rules_overtake_it_and_its_day_of_review_ends_it(torn: Company) -> None:
    """The same rules in a new version of the pack do not; another text, another period or the day does."""
    decide(torn)
    same = pack(KEEP, PURGE)
    same["spec"]["version"] = "1.1.0"
    torn.declare(same, actor=SETUP)
    assert kept(torn).retention.conflict == ""
    torn.declare(pack(rule("books", "Keep what was said", retention_min="P3Y"), PURGE), actor=SETUP)
    found = kept(torn)
    assert found.retention.conflict
    assert [state for _, state in found.rulings] == ["overtaken"]
    torn.declare(pack(KEEP, PURGE), actor=SETUP)
    assert kept(torn).retention.conflict == ""
    then = datetime(2027, 6, 1, tzinfo=UTC)
    assert kept(torn, now=then - timedelta(seconds=1)).retention.conflict == ""
    late = kept(torn, now=then)
    assert late.retention.conflict
    assert [state for _, state in late.rulings] == ["due for review"]


@pytest.mark.parametrize("person", ["ada", "ben", "fay"])
def test_who_may_not_decide_is_told_who_may(torn: Company, person: str) -> None:
    """A contributor, a business approver and a stranger are refused; the message names who can."""
    with pytest.raises(MayNotDecideError) as refused:
        decide(torn, person)
    assert "person/dan" in refused.value.fix
    assert "person/eve" in refused.value.fix


def test_what_says_too_little_or_is_not_there_is_refused(torn: Company) -> None:
    """A justification, a day ahead, the conflict that was looked at; and once is enough."""
    with pytest.raises(InvalidError, match="justification"):
        decide(torn, justification="Because.")
    for day in (NOW.date(), NOW.date() + timedelta(days=732)):
        with pytest.raises(InvalidError, match="day of review"):
            decide(torn, review_on=day)
    with pytest.raises(NoConflictError, match="another one"):
        decide(torn, key="0" * 32)
    decide(torn, key=kept(torn).retention.key)
    with pytest.raises(NoConflictError, match="contradict"):
        decide(torn)


def test_the_api_decides_and_takes_back(torn: Company, client: TestClient) -> None:
    """The door asks for the permission; what is decided is in the answer and in the list of conflicts."""
    url = "/v1/use-cases/policy-search/conflicts"
    body = {"prevails": "floor", "justification": WHY, "review_on": "2027-06-01"}
    assert client.post(url, json=body, headers=who("ada")).status_code == 403
    assert client.post(url, json=body, headers=who("ben")).status_code == 403
    (listed,) = client.get("/v1/rules-conflicts", headers=who("ada")).json()["items"]
    assert (listed["use_case"], listed["decisions"]) == ("policy-search", [])
    made = client.post(url, json={**body, "key": listed["key"]}, headers=who("dan"))
    assert made.status_code == 201, made.text
    (decision,) = made.json()["retention"]["decisions"]
    assert (decision["state"], decision["by"]) == ("in force", "person/dan")
    (listed,) = client.get("/v1/rules-conflicts", headers=who("ada")).json()["items"]
    assert listed["conflict"] == ""
    back = client.post(f"{url}/{decision['id']}/reopen", json={"reason": "Wrong."}, headers=who("eve"))
    assert back.status_code == 201
    assert back.json()["retention"]["conflict"]
    assert (
        client.post(f"{url}/ev_none/reopen", json={"reason": "Wrong."}, headers=who("eve")).status_code == 404
    )
    csrf = {"csrf": "csrf-of-the-session"}
    form = {**csrf, **body, "key": listed["key"] or back.json()["retention"]["key"], "days": ""}
    sent = client.post("/use-cases/policy-search/conflicts", data=form, headers=who("dan"))
    assert sent.status_code in {200, 303}, sent.text
    assert kept(torn).retention.conflict == ""
