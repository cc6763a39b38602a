"""Breakers, limits and latencies over simulated time."""

from __future__ import annotations

import random

import pytest

from roadworthy.gateway.circuit import REST_FACTOR_MAX, Breaker
from roadworthy.gateway.live import LATENCY_LEAST, LATENCY_WINDOW_S, Live
from roadworthy.gateway.routing import Attempt, Lane
from roadworthy.gateway.snapshot import BreakerEntry, ModelEntry, ProviderEntry, Target

SETTINGS = BreakerEntry()
TARGET = Target(ModelEntry("a", "p", "a"), ProviderEntry("p", "http://127.0.0.1/v1"))
ATTEMPT = Attempt(TARGET, 10, 0, Lane("r/a"))


def opened(at: float = 0.0) -> Live:
    """Return what is live after a target failed so often that it rests."""
    live = Live()
    for _ in range(SETTINGS.failures_in_a_row):
        assert not live.resting
        live.began(ATTEMPT)
        live.ended(ATTEMPT, failed=True, at=at)
    assert live.resting == {"r/a"}
    return live


def test_failures_in_a_row_open_it_and_one_call_tries_it_after_the_rest() -> None:
    """While that call is under way nobody follows; its success heals, its failure doubles the rest."""
    live = opened()
    live.wake(at=SETTINGS.rest_s - 0.1)
    assert live.resting
    live.wake(at=SETTINGS.rest_s)
    assert not live.resting
    live.began(ATTEMPT)
    assert live.resting == {"r/a"}, "the others wait for what the one call finds"
    live.ended(ATTEMPT, failed=True, at=11)
    live.wake(at=11 + SETTINGS.rest_s)
    assert live.resting, "the second rest is longer"
    live.wake(at=11 + 2 * SETTINGS.rest_s)
    live.began(ATTEMPT)
    live.ended(ATTEMPT, failed=False, at=40)
    assert not live.resting
    live.began(ATTEMPT)
    live.ended(ATTEMPT, failed=True, at=41)
    assert not live.resting, "a healed target starts anew"


def test_caller_who_leaves_says_nothing_about_the_target() -> None:
    """The next call tries it instead."""
    live = opened()
    live.wake(at=SETTINGS.rest_s)
    live.began(ATTEMPT)
    live.ended(ATTEMPT, failed=None, at=12)
    assert not live.resting
    live.began(ATTEMPT)
    assert live.resting == {"r/a"}


def test_rate_opens_it_without_a_long_row() -> None:
    """Every second call fails: never five in a row, yet half of them."""
    breaker, at = Breaker(), 0.0
    for number in range(SETTINGS.least_calls + 2):
        at += 0.1
        if number % 2:
            breaker.succeeded(SETTINGS, at=at)
        else:
            breaker.failed(SETTINGS, at=at)
    assert breaker.state == "open"
    assert "calls failed" in breaker.why


def test_failures_long_ago_do_not_count() -> None:
    """One failure in each window never opens it."""
    breaker = Breaker()
    for number in range(500):
        at = number * SETTINGS.window_s
        breaker.failed(SETTINGS, at=at)
        breaker.succeeded(SETTINGS, at=at + 1)
        assert breaker.state == "closed"


def test_rest_has_an_end() -> None:
    """However often the try fails, it rests sixteen times as long at most."""
    breaker, at = Breaker(), 0.0
    for _ in range(SETTINGS.failures_in_a_row):
        breaker.failed(SETTINGS, at=at)
    for _ in range(20):
        at = breaker.until
        assert breaker.wake(at=at)
        breaker.tried()
        breaker.failed(SETTINGS, at=at)
    assert breaker.until - at == SETTINGS.rest_s * REST_FACTOR_MAX


@pytest.mark.parametrize("seed", range(200))
def test_simulated_outage(seed: int) -> None:
    """Random traffic through an outage: it opens soon, one call at a time tries it, it heals soon after."""
    chance = random.Random(seed)
    live, at = Live(), 0.0
    down_from, down_to = 20.0, 20.0 + chance.uniform(5, 120)
    under_way: list[tuple[float, bool]] = []
    tries_at_once = passed_while_down = 0
    while at < down_to + SETTINGS.rest_s * REST_FACTOR_MAX * 2:
        at += chance.expovariate(20)
        for ends, failed in [one for one in under_way if one[0] <= at]:
            under_way.remove((ends, failed))
            live.ended(ATTEMPT, failed=failed, at=ends)
        live.wake(at=at)
        if "r/a" in live.resting:
            continue
        breaker = live.breaker_of("r/a")
        trying = breaker is not None and breaker.state == "half-open"
        live.began(ATTEMPT)
        down = down_from <= at < down_to
        under_way.append((at + chance.uniform(0.01, 0.3), down))
        passed_while_down += down
        if trying:
            tries_at_once += 1
            assert "r/a" in live.resting, f"seed {seed}: a second call tries it at {at}"
    assert tries_at_once, f"seed {seed}: it was never tried"
    assert not live.resting, f"seed {seed}: it never healed"
    assert passed_while_down < 40, f"seed {seed}: {passed_while_down} calls went to a dead target"


def test_limit_counts_what_is_under_way() -> None:
    """It is full at its limit and free again when one ends; the count never goes below nothing."""
    lane = Lane("r/a", at_once=2)
    attempt = Attempt(TARGET, 10, 0, lane)
    live = Live()
    live.began(attempt)
    assert not live.full
    live.began(attempt)
    assert live.full == {"r/a"}
    live.ended(attempt, failed=False, at=1)
    assert not live.full
    live.ended(attempt, failed=None, at=1)
    live.ended(attempt, failed=None, at=1)
    assert live.under_way("r/a") == 0


def test_latency_is_known_after_enough_calls_and_forgotten_when_none_come() -> None:
    """The median of the last one to two minutes."""
    live = Live()
    for _ in range(LATENCY_LEAST - 1):
        live.ended(ATTEMPT, failed=False, at=1, first_byte_ms=100)
    live.wake(at=1)
    assert not live.latency_ms
    live.ended(ATTEMPT, failed=False, at=2, first_byte_ms=100)
    live.ended(ATTEMPT, failed=True, at=2, first_byte_ms=9)
    live.wake(at=1.5)
    assert not live.latency_ms, "reckoned once a second"
    live.wake(at=3)
    assert live.latency_ms["a"] == pytest.approx(100, rel=0.01)
    live.wake(at=3 + LATENCY_WINDOW_S)
    live.wake(at=3 + 2 * LATENCY_WINDOW_S)
    assert not live.latency_ms


def test_what_healed_long_ago_is_forgotten() -> None:
    """Breakers do not pile up."""
    live = Live()
    live.ended(ATTEMPT, failed=True, at=0)
    assert live.breaker_of("r/a") is not None
    live.wake(at=SETTINGS.window_s)
    assert live.breaker_of("r/a") is None
