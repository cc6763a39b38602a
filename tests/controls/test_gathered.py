"""What higher slices know turns controls too: approvals, change, filters, budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from roadworthy.controls import queries
from roadworthy.controls.collecting import COLLECTORS_SOCKET, Asked, Collector
from roadworthy.controls.control import Needs
from roadworthy.controls.signal import Signal
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import operations as governance
from roadworthy.registry.actor import Actor
from tests.controls.estate import CASE, OLGA, Controlled
from tests.governance.company import HIGH, document, with_facts

DAY = timedelta(days=1)


def test_approvals_are_a_control_and_end_it(estate: Controlled) -> None:
    """Missing approvals fail C17 and C02; given, they hold; withdrawn, they fail at once."""
    assert estate.state("C17") == "fails"
    estate.approve()
    assert estate.state("C17") == "holds"
    assert estate.state("C02") == "holds"
    before = estate.clock
    estate.clock += DAY
    with estate.database.write() as tx:
        governance.withdraw_approval(
            tx, use_case=CASE, reason="No.", actor=Actor("person/ben", "cli"), now=estate.clock
        )
    assert estate.state("C17") == "fails"
    assert estate.state("C17", as_of=before) == "holds"


def test_a_material_change_voids_approval_and_older_evidence(estate: Controlled) -> None:
    """Another summary: approvals are asked for anew, and evidence from before is stale."""
    estate.approve()
    estate.file("eval-run", b'{"passed": true, "score": 0.9}')
    assert estate.states()["C16"].state == "holds"
    assert estate.state("C19") == "holds"
    estate.clock += DAY
    estate.change(title="Another title")
    assert estate.state("C16") == "holds", "a title is not material"
    estate.clock += DAY
    estate.change(summary="It now also writes the answer.")
    assert estate.state("C16") == "stale"
    assert estate.state("C19") == "fails"
    assert estate.state("C17") == "fails"
    estate.clock += DAY
    estate.file("eval-run", b'{"passed": true, "score": 0.9}')
    assert estate.state("C16") == "holds"


def test_needs_follow_tier_and_obligations(estate: Controlled) -> None:
    """Minimal asks little; a high-risk use asks what its obligations rest on, at their pace."""
    with estate.database.read() as tx:
        small = queries.needs_of(tx, CASE, now=estate.clock)
    assert small.tier in {"minimal", "limited"}
    assert {"C01", "C02", "C17", "C18"} <= (small.controls or frozenset())
    estate.change(intake=with_facts(**HIGH))
    with estate.database.read() as tx:
        large = queries.needs_of(tx, CASE, now=estate.clock)
    assert large.tier == "high"
    assert (large.controls or frozenset()) > (small.controls or frozenset())
    assert large.fresh_days


def test_taking_filters_away_turns_c24(estate: Controlled) -> None:
    """The house's filters read both sides; a weaker policy in their place, or a stopped filter, turns it."""
    assert estate.signal("sensitive_filters_bound") is True
    estate.file("canary-run", b'{"canary_detection_pct": 97.5}')
    assert estate.state("C24") == "holds"
    weak = {"title": "Weak", "uses": [{"filter": "injection", "input": "block"}]}
    estate.declare(document("FilterPolicy", "weak", weak))
    found = estate.states()["C24"]
    assert found.state == "fails"
    assert "secrets" in found.because
    assert estate.signal("output_filters_bound") is False
    estate.company.delete("FilterPolicy", "weak", now=estate.clock)
    assert estate.state("C24") == "holds"
    estate.kill("filter/secrets")
    assert estate.state("C24") == "fails"


def test_taking_the_budget_away_turns_c27(estate: Controlled) -> None:
    """A budget of the unit counts all its calls; one for a single model does not."""
    estate.file("runaway-drill", b"We let it loop; the alert came after 40 s.")
    assert estate.state("C27") == "fails"
    budget = {"title": "Claims", "owner": "fay", "amount": 500, "currency": "EUR", "period": "month"}
    estate.declare(document("Budget", "claims", {**budget, "scope": {"unit": "claims", "model": "small"}}))
    assert estate.state("C27") == "fails"
    estate.declare(document("Budget", "claims", {**budget, "scope": {"unit": "claims"}}))
    found = estate.states()["C27"]
    assert (found.state, found.evidence[0].source) == ("holds", "budget/claims")
    at = estate.clock
    estate.clock += timedelta(seconds=30)
    estate.company.delete("Budget", "claims", now=estate.clock)
    assert estate.state("C27") == "fails"
    assert estate.state("C27", as_of=at) == "holds"


def test_a_provider_review_counts_for_all_that_rest_on_it(estate: Controlled) -> None:
    """One review of the provider answers for every use case that reaches it, as fresh as it is."""
    terms = {"trains_on_data": False, "keeps_days": 0, "contract": "C-1"}
    spec = {"title": "Local", "base_url": "http://127.0.0.1:9/v1", "allow_private": True, "region": "eu"}
    estate.declare(document("Provider", "local", {**spec, "data_terms": terms}))
    assert estate.state("C12") == "unknown"
    estate.file("vendor-review", b"Reviewed.", about="provider/local", actor=OLGA)
    assert estate.state("C12", tier="high") == "holds"
    estate.clock += 365 * DAY
    assert estate.state("C12") == "stale"


def test_collectors_nobody_needs_are_not_asked(estate: Controlled) -> None:
    """A control of declarations alone does not make the gateway's collector read."""
    asked: list[str] = []

    def listened(name: str, collect: Collector) -> Collector:
        def heard(tx: Tx, about: Asked) -> Mapping[str, Iterable[Signal]]:
            asked.append(name)
            return collect(tx, about)

        return heard

    with estate.database.read() as tx:
        plugged = tx.shared[COLLECTORS_SOCKET]
        tx.shared[COLLECTORS_SOCKET] = {name: listened(name, one) for name, one in plugged.items()}
        queries.states(tx, use_cases={CASE: Needs(controls=frozenset({"C18"}))}, now=estate.clock)
        assert asked == ["controls", "models"]
        asked.clear()
        queries.states(tx, use_cases={CASE: Needs()}, now=estate.clock)
        assert set(asked) == set(plugged)
