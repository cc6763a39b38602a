"""What the platform knows by itself turns controls, at once, when the thing behind them is turned off."""

from __future__ import annotations

from datetime import timedelta

from roadworthy.controls.facts import LogVerified, RetentionKept
from roadworthy.evidence import operations as evidence
from roadworthy.registry.actor import system
from tests.controls.estate import Controlled
from tests.gateway.control import ACCOUNT
from tests.governance.company import SIDES, document

DAY = timedelta(days=1)


def test_an_owner_who_leaves_turns_c01(estate: Controlled) -> None:
    """Held while the owner is there; fails from the day they leave, and says which side."""
    assert estate.state("C01") == "holds"
    before = estate.clock
    estate.clock += DAY
    estate.person("fay", disabled_on=estate.clock.date().isoformat())
    found = estate.states()["C01"]
    assert found.state == "fails"
    assert "security and legal" in found.because
    assert estate.state("C01", as_of=before) == "holds"


def test_a_declaration_nobody_confirms_goes_stale(estate: Controlled) -> None:
    """After 180 days somebody has to look at it again."""
    estate.clock += 181 * DAY
    assert estate.state("C01") == "stale"
    estate.change(title="Policy finder")
    assert estate.state("C01") == "holds"


def test_deputies_are_a_signal_of_their_own(estate: Controlled) -> None:
    """A side without a deputy is named."""
    assert estate.signal("sides_without_deputy") == ()
    estate.change(owners={side: {"owner": "fay"} for side in SIDES})
    assert set(estate.signal("sides_without_deputy")) == set(SIDES)


def test_turning_logging_off_turns_c37(estate: Controlled) -> None:
    """Texts kept and records whole: holds; metadata only: fails."""
    estate.change(logging="full")
    assert estate.state("C37") == "holds"
    estate.change(logging="metadata")
    found = estate.states()["C37"]
    assert found.state == "fails"
    assert "logging_level is metadata" in found.because


def test_retention_has_to_run_and_to_fit_the_rules(estate: Controlled) -> None:
    """Unknown before the keeper ever ran, holds after, stale when it stops, fails beyond a limit."""
    assert estate.state("C38") == "unknown"
    with estate.database.write() as tx:
        evidence.record(
            tx, RetentionKept(ok=True), subject="usage/retention", actor=system("retention"), at=estate.clock
        )
    assert estate.state("C38") == "holds"
    assert estate.state("C38", retention_min_days=180) == "fails"
    assert estate.state("C38", retention_max_days=30) == "fails"
    assert estate.state("C38", retention_min_days=30, retention_max_days=90) == "holds"
    estate.clock += 2 * DAY
    assert estate.state("C38") == "stale"


def test_log_integrity_needs_a_verification_of_the_last_day(estate: Controlled) -> None:
    """A clean verification holds for a day; one with a finding fails."""
    assert estate.state("C39") == "unknown"
    _verified(estate, ok=True)
    assert estate.state("C39") == "holds"
    estate.clock += DAY
    assert estate.state("C39") == "stale"
    _verified(estate, ok=False)
    assert estate.state("C39") == "fails"


def _verified(estate: Controlled, *, ok: bool) -> None:
    fact = LogVerified(ok=ok, size=3, findings=() if ok else ("audit_entries seq 1",))
    with estate.database.write() as tx:
        evidence.record(tx, fact, subject="audit/log", actor=system("log-keeper"), at=estate.clock)


def test_a_drill_of_stopping_counts_for_180_days(estate: Controlled) -> None:
    """By a person, of the use case or what it calls; too old is stale."""
    assert estate.state("C20") == "unknown"
    estate.drill("model/large")
    assert estate.state("C20") == "unknown", "it does not call this model"
    estate.drill("use-case/policy-search", actor=system("watchdog"))
    assert estate.state("C20") == "unknown", "a program is no drill"
    estate.drill("provider/local")
    found = estate.states()["C20"]
    assert found.state == "holds"
    assert found.evidence[0].source == "the kill switch of provider/local"
    assert found.holds_until == estate.clock + 180 * DAY
    drilled = estate.clock
    estate.clock += 180 * DAY
    assert estate.state("C20") == "stale"
    assert estate.state("C20", as_of=drilled) == "holds"
    estate.drill("use-case/policy-search")
    assert estate.state("C20") == "holds"


def test_keys_are_rotated_and_their_accounts_have_owners(estate: Controlled) -> None:
    """A key of 90 days is overdue; an account whose owner left counts as nobody's."""
    estate.key()
    assert (estate.signal("keys_overdue"), estate.signal("identities_without_owner")) == (0, 0)
    estate.clock += 89 * DAY
    assert estate.signal("keys_overdue") == 0
    estate.person("fay", disabled_on=estate.clock.date().isoformat())
    assert estate.signal("identities_without_owner") == 1
    assert estate.state("C21") == "fails"
    estate.declare(document("ServiceAccount", "bot", {**ACCOUNT, "owner": "ada"}, namespace="claims"))
    assert estate.signal("identities_without_owner") == 0


def test_only_what_is_declared_can_be_called(estate: Controlled) -> None:
    """With everything declared and no stray call it holds."""
    assert estate.state("C18") == "holds"
    assert estate.signal("unregistered_targets") == 0


def test_contract_terms_come_from_the_provider(estate: Controlled) -> None:
    """Silent terms fail, whole ones count, and training on data fails again."""
    assert estate.signal("provider_terms_complete") is False
    terms = {"trains_on_data": False, "keeps_days": 30, "contract": "C-2026-17"}
    provider = {"title": "Local", "base_url": "http://127.0.0.1:9/v1", "allow_private": True, "region": "eu"}
    estate.declare(document("Provider", "local", {**provider, "data_terms": terms}))
    assert estate.signal("provider_terms_complete") is True
    assert estate.signal("providers_training_on_data") == 0
    assert estate.state("C12") == "unknown", "nobody has reviewed it"
    estate.declare(
        document("Provider", "local", {**provider, "data_terms": {**terms, "trains_on_data": True}})
    )
    assert estate.state("C12") == "fails"
