"""Row "database unreachable" of the table of fail semantics, under every fault of a network."""

from __future__ import annotations

import json
import random
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from roadworthy.testing.fault_proxy import FAULTS, Fault
from roadworthy.testing.gateway_process import RunningGateway
from tests.degradation.conftest import Estate

GONE: tuple[Fault, ...] = ("refuse", "reset", "half-open", "timeout")
BODY = json.dumps({"model": "small", "messages": [{"role": "user", "content": "hello"}]}).encode()
RECOVERED_S = 5.0


def call(gateway: RunningGateway, key: str) -> int:
    """Call a model with a key; return the status."""
    request = urllib.request.Request(
        f"{gateway.url}/chat/completions",
        BODY,
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def ready(gateway: RunningGateway) -> tuple[int, dict[str, Any]]:
    """Ask whether it is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}/readyz", timeout=10) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def until(holds: Any, *, seconds: float) -> bool:
    """Wait until something holds; say whether it did in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return bool(holds())


@pytest.mark.parametrize("fault", FAULTS)
def test_known_keys_are_served_and_unknown_ones_are_never_called_wrong(estate: Estate, fault: Fault) -> None:
    """Known keys go on; a key made meanwhile is 503 and never 401; within five seconds all is right again."""
    known, revoked = estate.key(), estate.key()
    gateway = estate.gateway()
    assert call(gateway, known) == 200
    assert call(gateway, "rwk_zzzzzzzz_" + "z" * 43) == 401

    estate.proxy.set(fault)
    made = estate.key() if fault in GONE else ""
    seen = set()
    end = time.monotonic() + 3.5
    while time.monotonic() < end:
        assert call(gateway, known) == 200
        if made:
            seen.add(call(gateway, made))
    if fault in GONE:
        assert seen == {503}
        status, said = ready(gateway)
        assert status == 200
        assert said["state"] == "degraded"
        assert any("does not answer" in reason or "confirmed" in reason for reason in said["reasons"])
    estate.revoke(revoked)

    estate.proxy.set("none")
    began = time.monotonic()
    assert until(lambda: call(gateway, revoked) == 401, seconds=RECOVERED_S)
    if made:
        assert call(gateway, made) == 200
    assert call(gateway, "rwk_zzzzzzzz_" + "y" * 43) == 401
    left = RECOVERED_S - (time.monotonic() - began)
    assert until(lambda: ready(gateway)[1]["state"] == "ready", seconds=left), ready(gateway)


def test_records_wait_and_arrive_once(estate: Estate) -> None:
    """What was called while the database was away is on record afterwards, each call once."""
    key = estate.key()
    gateway = estate.gateway()
    assert call(gateway, key) == 200
    assert until(lambda: estate.recorded() == 1, seconds=5)
    estate.proxy.set("refuse")
    for _ in range(20):
        assert call(gateway, key) == 200
    assert estate.recorded() == 1
    estate.proxy.set("none")
    assert until(lambda: estate.recorded() == 21, seconds=10), estate.recorded()
    time.sleep(0.5)
    assert estate.recorded() == 21


def test_a_gateway_starts_without_its_database(estate: Estate) -> None:
    """From the last signed snapshot, saying so; it recovers by itself when the database is back."""
    key, revoked = estate.key(), estate.key()
    first = estate.gateway("kept")
    assert call(first, key) == 200
    first.stop()
    estate.proxy.set("refuse")
    estate.revoke(revoked)

    again = estate.gateway("kept")
    status, said = ready(again)
    assert (status, said["state"]) == (200, "degraded")
    assert call(again, key) == 200
    assert call(again, estate.key()) == 503

    estate.proxy.set("none")
    assert until(lambda: call(again, revoked) == 401, seconds=RECOVERED_S)
    assert until(lambda: ready(again)[1]["state"] == "ready", seconds=RECOVERED_S)


def test_a_first_start_without_a_database_allows_nothing_and_gets_over_it(estate: Estate) -> None:
    """With nothing kept there is nothing to decide on: 503 until the database is there, then all is right."""
    key = estate.key()
    estate.proxy.set("refuse")
    gateway = estate.gateway("new")
    assert ready(gateway)[0] == 503
    assert call(gateway, key) == 503
    estate.proxy.set("none")
    assert until(lambda: call(gateway, key) == 200, seconds=RECOVERED_S)
    assert ready(gateway)[0] == 200


def test_a_snapshot_that_is_too_old_decides_nothing(estate: Estate) -> None:
    """After `max_stale` without the database every call is 503, and readiness says why."""
    key = estate.key()
    gateway = estate.gateway(max_stale_s=3.0)
    assert call(gateway, key) == 200
    estate.proxy.set("reset")
    assert until(lambda: call(gateway, key) == 503, seconds=6)
    assert ready(gateway)[0] == 503
    estate.proxy.set("none")
    assert until(lambda: call(gateway, key) == 200, seconds=RECOVERED_S)


def test_outages_at_random(estate: Estate) -> None:
    """R-10: every kind of fault, 0.1 to 3 s, at random, also while gateways start: no wrong 401."""
    chosen = random.Random(10)
    keys = [estate.key()]
    gateway = estate.gateway("first")
    assert call(gateway, keys[0]) == 200
    wrong: list[tuple[str, int]] = []
    done = threading.Event()

    def calling() -> None:
        while not done.is_set():
            key = keys[-1] if chosen.random() < 0.5 else keys[0]
            status = call(gateway, key)
            if status not in {200, 503} or (status == 503 and key == keys[0]):
                wrong.append((key, status))

    thread = threading.Thread(target=calling)
    thread.start()
    try:
        for number in range(8):
            estate.proxy.set(chosen.choice(FAULTS))
            if number % 3 == 1:
                estate.gateway(f"during-{number}")
            time.sleep(chosen.uniform(0.1, 3))
            estate.proxy.set("none")
            time.sleep(chosen.uniform(0.1, 0.5))
    finally:
        done.set()
        thread.join(15)
    assert wrong == []
    for each in estate.started:
        # How soon is asked above, fault by fault; here three gateways and a database share two cores.
        assert until(lambda each=each: ready(each)[1]["state"] == "ready", seconds=4 * RECOVERED_S), ready(
            each
        )
        assert call(each, keys[0]) == 200
