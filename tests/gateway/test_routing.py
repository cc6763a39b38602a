"""Which target is next, which rests, and which address is never called."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway import routing
from roadworthy.gateway.access import Admitted, Caller
from roadworthy.gateway.circuit import FAILURES_TO_TRIP, REST_S, Circuits
from roadworthy.gateway.edge.origin import Origin, OriginError, may_call
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import (
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    RouteEntry,
    Target,
)

PROVIDER = ProviderEntry("p", "http://127.0.0.1/v1", total_timeout_s=100)


def admitted(*names: str, retries: int = 0, timeout_s: float | None = None) -> Admitted:
    """Return a call that may go to these models by a route."""
    return Admitted(
        Caller(KeyEntry("k", "service-account/a", "case"), PrincipalEntry("a")),
        GrantEntry("g", "case"),
        "r",
        RouteEntry("r", names, retries=retries, timeout_s=timeout_s),
        tuple(Target(ModelEntry(name, "p", name), PROVIDER) for name in names),
    )


def names(attempts: tuple[routing.Attempt, ...]) -> list[str]:
    """Return the models in the order they would be tried."""
    return [attempt.target.model.name for attempt in attempts]


def test_targets_are_tried_in_order_each_with_its_retries() -> None:
    """Retries first, then the next target."""
    assert names(routing.plan(admitted("a", "b", retries=1), tripped=())) == ["a", "a", "b", "b"]


@given(st.sets(st.sampled_from("abcd")))
def test_resting_targets_go_last_and_never_away(tripped: set[str]) -> None:
    """Even if all rest, there is someone to ask."""
    planned = names(routing.plan(admitted(*"abcd"), tripped=tripped))
    assert sorted(planned) == list("abcd")
    assert planned == sorted(planned, key=lambda name: (name in tripped, name))


def test_timeout_is_the_shorter_of_route_and_provider() -> None:
    """A route can only make the wait shorter."""
    assert routing.plan(admitted("a", timeout_s=5), tripped=())[0].first_byte_timeout_s == 5
    assert routing.plan(admitted("a", timeout_s=500), tripped=())[0].first_byte_timeout_s == 100


@pytest.mark.parametrize(
    ("failure", "position"),
    [
        (Failure("provider_error", "", 503), 1),
        (Failure("connect_failed", ""), 1),
        (Failure("first_byte_timeout", ""), 2),  # the same target would only be slow again
        (Failure("private_address", ""), 2),
        (Failure("provider_refused_request", "", 400), None),
    ],
)
def test_what_follows_depends_on_what_failed(failure: Failure, position: int | None) -> None:
    """Retry what may pass, go on from what will not, stop at what the caller must mend."""
    attempts = routing.plan(admitted("a", "b", retries=1), tripped=())
    assert routing.next_position(attempts, 0, failure) == position
    assert routing.next_position(attempts, 3, failure) is None


def test_model_that_keeps_failing_rests_and_gets_one_try_afterwards() -> None:
    """Five in a row trip it; after the rest a single failure trips it again, a success heals it."""
    circuits = Circuits()
    for _ in range(FAILURES_TO_TRIP):
        assert not circuits.tripped
        circuits.failed("a", at=0)
    assert circuits.tripped == {"a"}
    circuits.wake(at=REST_S)
    assert not circuits.tripped
    circuits.failed("a", at=REST_S)
    assert circuits.tripped == {"a"}
    circuits.wake(at=REST_S * 2)
    circuits.succeeded("a")
    circuits.failed("a", at=REST_S * 2)
    assert not circuits.tripped


PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.0.1", "100.64.0.1", "224.0.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%lo", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_permission(address: str) -> None:
    """However they are written."""
    assert not may_call(address, allow_private=False)


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "::"])
def test_metadata_addresses_are_never_called(address: str) -> None:
    """No permission covers what hands out the machine's own credentials."""
    assert not may_call(address, allow_private=True)


def test_public_and_permitted_addresses_are_called() -> None:
    """The rule is not simply no."""
    assert may_call("93.184.216.34", allow_private=False)
    assert may_call("2606:2800:220:1::1", allow_private=False)
    assert may_call("127.0.0.1", allow_private=True)


@pytest.mark.parametrize("url", ["ftp://a/", "http://", "http://u:p@a/", "file:///etc/passwd", "http://a b/"])
def test_unusable_provider_addresses_are_refused(url: str) -> None:
    """What cannot be told apart safely is not called."""
    with pytest.raises(OriginError):
        Origin(ProviderEntry("p", url), ssl.create_default_context())


def test_line_break_in_an_address_is_no_header() -> None:
    """The request's head has the lines we gave it."""
    head = Origin(ProviderEntry("p", "http://a/\r\nx: y"), ssl.create_default_context()).request_head
    assert b"\r\nx: y" not in head
    assert head.count(b"\r\n") == 5


@pytest.mark.parametrize("secret", ["", "two words", "line\r\nx: y", "é"])
def test_unusable_credentials_are_refused_without_being_shown(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential is a word; a line break in it would be a header."""
    monkeypatch.setenv("RW_TEST_SECRET", secret)
    provider = ProviderEntry("p", "https://a/v1", api_key_ref="env:RW_TEST_SECRET")
    with pytest.raises(OriginError) as caught:
        Origin(provider, ssl.create_default_context())
    assert not secret or secret not in caught.value.message
