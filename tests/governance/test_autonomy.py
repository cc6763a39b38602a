"""How much a use case does by itself: declared, allowed by its tier, earned from what people decided."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any, Literal

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from roadworthy.drafts import operations as drafts
from roadworthy.drafts.draft import Figures
from roadworthy.evidence.fact import Recorded
from roadworthy.governance import (
    autonomy,
    autonomy_measured,
    autonomy_operations,
    autonomy_queries,
    queries,
)
from roadworthy.governance.autonomy import LEVELS, Bar, Level, TierBars
from roadworthy.governance.autonomy_operations import MayNotRaiseError, NotEarnedError
from roadworthy.governance.facts import AutonomyLowered, AutonomyRaised
from roadworthy.registry.actor import Actor
from roadworthy.usage import drafted
from roadworthy.usage import operations as usage
from roadworthy.usage.record import CallRecord
from tests.governance.company import HIGH, NOW, SETUP, Company, document, use_case, with_facts
from tests.governance.doors import who

BEN, DAN, ADA = (Actor(f"person/{name}", "cli") for name in ("ben", "dan", "ada"))
TIER = TierBars(
    ceiling="automate",
    window_days=90,
    supervise=Bar(reviews=50, share=0.8),
    automate=Bar(reviews=150, share=0.9),
)
figures = st.builds(
    Figures, accepted=st.integers(0, 500), edited=st.integers(0, 60), rejected=st.integers(0, 60)
)
levels = st.sampled_from(LEVELS)


def raised(level: Literal["supervise", "automate"], *, basis: str = "b", days: int | None = None) -> Any:
    """Return the evidence of a raise."""
    until = None if days is None else NOW + timedelta(days=days)
    fact = AutonomyRaised(
        use_case="u", level=level, basis=basis, tier="minimal", bars="1", reason="Clean.", until=until,
        accepted=1, edited=0, rejected=0, low=None, high=None,
    )  # fmt: skip
    return Recorded("ev_up", fact, "use-case/u", "person/dan", NOW, 1)


def lowered(level: Literal["assist", "supervise"], *, basis: str = "b") -> Any:
    """Return the evidence of a loss."""
    fact = AutonomyLowered(
        use_case="u", level=level, basis=basis, reason="A bad week.",
        accepted=1, edited=0, rejected=0, low=None, high=None,
    )  # fmt: skip
    return Recorded("ev_down", fact, "use-case/u", "system/governance", NOW, 2)


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ([], "assist"),
        ([raised("supervise")], "supervise"),
        ([raised("supervise"), raised("automate")], "automate"),
        ([raised("supervise"), lowered("assist")], "assist"),
        ([raised("automate"), lowered("supervise")], "supervise"),
        ([lowered("assist"), raised("supervise")], "supervise"),
        ([raised("supervise", basis="another model")], "assist"),
        ([raised("automate", days=10)], "automate"),
        ([raised("automate", days=0)], "supervise"),
    ],
)
def test_the_last_word_about_this_very_thing_counts(said: list[Any], level: Level) -> None:
    """Another model or prompt is another thing; a raise to `automate` ends, and samples are taken again."""
    assert autonomy.earned(said, basis="b", now=NOW).level == level


@given(figures, levels)
def test_a_raise_needs_enough_decisions_and_the_lower_end(found: Figures, level: Level) -> None:
    """One level at a time, against an independent interval."""
    higher = autonomy.proposed(found, TIER, level)
    if higher is None:
        following = autonomy.above(level)
        bar = TIER.bar(following) if following else None
        if bar is not None and found.decided >= bar.reviews:
            low = proportion_confint(found.accepted, found.decided, method="wilson")[0]
            assert low < bar.share + 1e-9
        return
    assert LEVELS.index(higher) == LEVELS.index(level) + 1
    bar = TIER.bar(higher)
    assert bar is not None
    assert found.decided >= bar.reviews
    assert proportion_confint(found.accepted, found.decided, method="wilson")[0] >= bar.share - 1e-9


@given(figures, levels)
def test_a_level_is_lost_when_the_upper_end_is_below_its_bar(found: Figures, level: Level) -> None:
    """And never gained; what is left is not contradicted."""
    left = autonomy.supported(found, TIER, level)
    assert LEVELS.index(left) <= LEVELS.index(level)
    high = proportion_confint(found.accepted, found.decided, method="wilson")[1] if found.decided else 1.0
    for one in LEVELS[LEVELS.index(left) + 1 : LEVELS.index(level) + 1]:
        bar = TIER.bar(one)
        assert bar is not None
        assert high < bar.share + 1e-9
    kept = TIER.bar(left)
    assert kept is None or high >= kept.share - 1e-9


@given(figures, levels)
def test_what_is_lost_could_not_be_raised_again_on_the_same_figures(found: Figures, level: Level) -> None:
    """No to and fro: the same figures never speak for a level and against it."""
    left = autonomy.supported(found, TIER, level)
    if left != level:
        again = autonomy.proposed(found, TIER, left)
        assert again is None or LEVELS.index(again) < LEVELS.index(level)


def test_high_risk_is_capped_whatever_was_measured() -> None:
    """A million answers taken as they were do not lift the ceiling."""
    perfect = Figures(accepted=1_000_000)
    high = autonomy.bars().tiers["high"]
    assert high.ceiling == "supervise"
    assert autonomy.proposed(perfect, high, "supervise") is None
    assert autonomy.proposed(perfect, autonomy.bars().tiers["prohibited"], "assist") is None


@pytest.mark.parametrize("tier", ["minimal", "limited", "high"])
def test_every_shipped_bar_can_be_reached(tier: Any) -> None:
    """Nobody is asked for a share that as many decisions cannot show; stricter tiers ask for more."""
    of = autonomy.bars().tiers[tier]
    for level in LEVELS[1 : LEVELS.index(of.ceiling) + 1]:
        bar = of.bar(level)
        assert bar is not None
        assert autonomy.meets(Figures(accepted=bar.reviews), bar)


# ------------------------------------------------------------------------ in a company


@pytest.fixture
def asking(company: Company) -> Company:
    """Give a company whose use case is declared to run by itself, and has earned nothing."""
    company.declare(use_case(autonomy="automate", draft="withheld"))
    return company


_NUMBERS = itertools.count()


def decide(company: Company, *, accepted: int = 0, rejected: int = 0, basis: str = "") -> list[Any]:
    """Have answers of its calls arrive, and a person decide about each."""
    basis = basis or company.standing().autonomy.basis
    calls = []
    for _ in range(accepted + rejected):
        name = f"tr_{next(_NUMBERS):032x}"
        calls.append(
            CallRecord(
                id=name, at=int(NOW.timestamp() * 1000) - 1, decision="allowed", use_case="policy-search",
                principal="service-account/bot", namespace="claims", model="small", status=200,
                retention_days=90, draft="sample", basis=basis,
            )
        )  # fmt: skip
    said = []
    with company.database.write() as tx:
        usage.ingest(tx, calls, source="test", now=NOW, hooks=(drafts.note_drafts,))
        for place, one in enumerate(calls):
            verdict: Any = "accepted" if place < accepted else "rejected"
            said.append(
                autonomy_operations.decide_draft(
                    tx, draft_id=drafted.draft_id(one.id), verdict=verdict,
                    reason="" if verdict == "accepted" else "Wrong.", actor=BEN, now=NOW,
                )
            )  # fmt: skip
    return said


def set_level(company: Company, level: Level, *, actor: Actor = DAN) -> None:
    """Have a person set the level."""
    with company.database.write() as tx:
        autonomy_operations.set_level(
            tx, use_case="policy-search", level=level, reason="Looked at it.", actor=actor, now=NOW
        )


def test_it_assists_until_it_has_earned_more(asking: Company) -> None:
    """Whatever it is declared for."""
    held = asking.standing().autonomy
    assert (held.declared, held.ceiling, held.earned.level, held.effective) == (
        "automate", "automate", "assist", "assist",
    )  # fmt: skip
    assert "has earned assist: nobody has raised it yet" in held.why


def test_enough_accepted_reviews_and_a_person_raise_it(asking: Company) -> None:
    """The proposal is in Needs you of who may raise it, and of nobody else; figures alone raise nothing."""
    decide(asking, accepted=49)
    with pytest.raises(NotEarnedError):
        set_level(asking, "supervise")
    decide(asking, accepted=1)
    assert asking.standing().autonomy.effective == "assist"
    with asking.database.read() as tx:
        tasks = {
            name: [one.what for one in queries.needs_you(tx, principal=f"person/{name}", now=NOW)]
            for name in ("dan", "ben", "ada")
        }
    assert "Policy search has earned `supervise`" in tasks["dan"]
    assert not [one for one in tasks["ben"] + tasks["ada"] if "earned" in one]
    set_level(asking, "supervise")
    assert asking.standing().autonomy.effective == "supervise"
    with pytest.raises(NotEarnedError):
        set_level(asking, "automate")


def test_one_bad_week_lowers_it_at_once(asking: Company) -> None:
    """In the very transaction of the decision that tips it, and gateways hear of it."""
    decide(asking, accepted=60)
    set_level(asking, "supervise")
    decide(asking, rejected=9)
    assert asking.standing().autonomy.effective == "supervise"
    before = autonomy_of(asking)["measured"]["high"]
    assert before >= 0.8
    for _ in range(30):
        decide(asking, rejected=1)
        if asking.standing().autonomy.effective == "assist":
            break
    after = autonomy_of(asking)
    assert after["measured"]["high"] < 0.8
    assert after["effective"] == "assist"
    assert "supervise asks for 80%" in after["why"]


def autonomy_of(company: Company) -> dict[str, Any]:
    """Return what every door says."""
    with company.database.read() as tx:
        return autonomy_measured.document(autonomy_queries.measured(tx, use_case="policy-search", now=NOW))


def test_another_version_of_the_model_begins_anew(asking: Company) -> None:
    """What was earned with the one before is not in force, and what was measured does not count."""
    decide(asking, accepted=60)
    set_level(asking, "supervise")
    model = {
        "title": "Small", "provider": "local", "upstream_model": "s-2",
        "context_tokens": 2048, "max_output_tokens": 512,
    }  # fmt: skip
    asking.declare(document("Model", "small", model), actor=SETUP)
    held = autonomy_of(asking)
    assert (held["earned"], held["effective"], held["measured"]["decided"]) == ("assist", "assist", 0)
    assert "have changed since" in held["earned_because"]


def test_asking_for_more_is_no_new_beginning(company: Company) -> None:
    """The level that is declared changes nothing of what answers are like."""
    company.declare(use_case())
    decide(company, accepted=60)
    before = company.standing().autonomy.basis
    company.declare(use_case(autonomy="supervise", draft="withheld", review_share=0.5))
    assert company.standing().autonomy.basis == before
    assert autonomy_of(company)["measured"]["decided"] == 60


def test_decisions_about_another_basis_lower_nothing(asking: Company) -> None:
    """Answers of the model before say nothing about this one."""
    decide(asking, accepted=60)
    set_level(asking, "supervise")
    decide(asking, rejected=60, basis="f" * 16)
    assert asking.standing().autonomy.effective == "supervise"


def test_who_wrote_it_or_owns_its_product_does_not_raise_it(asking: Company) -> None:
    """Nobody decides for themselves, and no program does."""
    decide(asking, accepted=60)
    for name in ("ada", "fay"):
        with pytest.raises(MayNotRaiseError):
            set_level(asking, "supervise", actor=Actor(f"person/{name}", "cli"))
    with pytest.raises(MayNotRaiseError):
        set_level(asking, "supervise", actor=Actor("service-account/ci", "api"))


def test_a_person_may_lower_it_without_any_figures(asking: Company) -> None:
    """Caution needs no proof."""
    decide(asking, accepted=60)
    set_level(asking, "supervise")
    set_level(asking, "assist", actor=BEN)
    assert asking.standing().autonomy.effective == "assist"


def test_a_high_tier_keeps_it_to_samples(company: Company) -> None:
    """It may earn that, and not more."""
    company.declare(use_case(autonomy="automate", intake=with_facts(**HIGH)))
    held = company.standing().autonomy
    assert held.ceiling == "supervise"
    decide(company, accepted=400)
    set_level(company, "supervise")
    held = company.standing().autonomy
    assert (held.earned.level, held.effective) == ("supervise", "supervise")
    assert "its tier is kept to supervise" in held.why
    with pytest.raises(NotEarnedError):
        set_level(company, "automate")


def test_a_past_verdict_has_the_level_of_its_date(asking: Company) -> None:
    """What was earned follows from evidence, so the verdict of a moment can be computed again."""
    decide(asking, accepted=60)
    with asking.database.write() as tx:
        autonomy_operations.set_level(
            tx, use_case="policy-search", level="supervise", reason="Clean.", actor=DAN,
            now=NOW + timedelta(days=1),
        )  # fmt: skip
    later = NOW + timedelta(days=2)
    assert asking.standing(now=later).autonomy.effective == "supervise"
    assert asking.standing(now=later, as_of=NOW).autonomy.effective == "assist"


def test_the_doors_say_and_set_it(asking: Company, client: TestClient) -> None:
    """The API, the panel of the page, and the form; only who may decide it."""
    decide(asking, accepted=60)
    path = "/v1/use-cases/policy-search/autonomy"
    found = client.get(path, headers=who("ben")).json()
    assert (found["effective"], found["proposed"]) == ("assist", "supervise")
    assert found["measured"]["low"] == pytest.approx(proportion_confint(60, 60, method="wilson")[0])
    body = {"level": "supervise", "reason": "Clean."}
    assert client.post(path, json=body, headers=who("ben")).status_code == 403
    page = client.get("/use-cases/policy-search", headers=who("dan")).text
    assert "How much it does by itself" in page
    assert "Set the level" in page
    assert "Set the level" not in client.get("/use-cases/policy-search", headers=who("ben")).text
    assert client.post(path, json=body, headers=who("dan")).json()["effective"] == "supervise"
    form = {**body, "level": "assist", "csrf": "csrf-of-the-session"}
    told = client.post("/use-cases/policy-search/autonomy", data=form, headers=who("dan"))
    assert told.status_code == 303
    assert asking.standing().autonomy.effective == "assist"
