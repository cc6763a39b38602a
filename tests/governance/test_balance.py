"""Too much control and too little: both are found, and each with what would help."""

from __future__ import annotations

import html

from fastapi.testclient import TestClient

from roadworthy.governance.balance import weigh
from tests.governance.company import HIGH, NOW, Company, use_case, with_facts
from tests.governance.doors import who


def test_what_is_open_costs_more_than_its_risk(company: Company) -> None:
    """A harmless use case with an open question is reviewed as limited; the answer would help."""
    company.declare(
        use_case(),
        use_case("search-2", title="Second"),
        use_case("hiring", title="Hiring", intake=with_facts(**HIGH)),
    )
    standings = [company.standing(name) for name in ("policy-search", "search-2", "hiring")]
    found = {one.use_case: one for one in weigh(standings, {})}
    assert found["hiring"].risk == 4 * found["policy-search"].risk
    assert found["hiring"].per_risk < found["policy-search"].per_risk
    assert not any(one.over or one.under for one in found.values())


def test_the_page_names_what_is_not_proved(company: Company, client: TestClient) -> None:
    """Controls that obligations rest on and that do not hold stand with why; the twin lists everybody."""
    company.declare(use_case())
    answer = client.get("/portfolio/balance", headers=who("ada"))
    assert answer.status_code == 200, answer.text
    text = html.unescape(answer.text)
    assert "Of 1 use cases" in text
    rows = client.get("/portfolio/balance.json", headers=who("ada")).json()["rows"]
    assert [row["use_case"] for row in rows] == ["Policy search"]
    assert rows[0]["approvals"] >= 1
    assert rows[0]["under"] is True
    assert rows[0]["fix"]
    assert company.standing(now=NOW).tier.tier == "minimal"
