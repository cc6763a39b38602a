"""A plan says what nobody looks for any more once an own policy takes the shipped one's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from roadworthy.main import SLICES
from roadworthy.registry.assembly import assemble
from tests.governance.company import SETUP, Company, document


def _company(folder: Path) -> Company:
    made = Company.founded(folder / "company.db")
    made.assembly = assemble(SLICES)
    return made


def _policy(*filters: str, **reach: Any) -> dict[str, Any]:
    uses = [{"filter": name, "input": "mask"} for name in filters]
    return {"title": "Ours", "uses": uses, **reach}


def test_the_first_policy_for_all_says_what_it_leaves_out(tmp_path: Path) -> None:
    """One of a unit's takes nothing away; the first that reaches every call does, and the second no more."""
    company = _company(tmp_path)
    of_claims = document("FilterPolicy", "theirs", _policy("contact", units=["claims"]))
    assert not any("ships" in one for one in company.declare(of_claims, actor=SETUP))

    said = company.declare(document("FilterPolicy", "ours", _policy("payment", "contact")), actor=SETUP)
    (about,) = [one for one in said if "ships" in one]
    assert "for secrets, national-ids, birth-dates, injection any more" in about

    again = company.declare(document("FilterPolicy", "more", _policy("network")), actor=SETUP)
    assert not any("ships" in one for one in again)


def test_a_policy_that_asks_for_all_of_it_is_not_warned_about(tmp_path: Path) -> None:
    """Who names what the shipped one does loses nothing."""
    every = ("secrets", "payment", "national-ids", "contact", "birth-dates", "injection")
    said = _company(tmp_path).declare(document("FilterPolicy", "ours", _policy(*every)), actor=SETUP)
    assert not any("ships" in one for one in said)
