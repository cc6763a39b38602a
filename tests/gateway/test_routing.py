"""What follows a failure, and which address is never called."""

from __future__ import annotations

import ssl

import pytest

from roadworthy.gateway import routing
from roadworthy.gateway.edge.origin import Origin, OriginError, may_call
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import ModelEntry, ProviderEntry, Target

PROVIDER = ProviderEntry("p", "http://127.0.0.1/v1", total_timeout_s=100)


def attempts(*names: str, retries: int = 0) -> tuple[routing.Attempt, ...]:
    """Return the attempts of a route over these models."""
    made = {name: Target(ModelEntry(name, "p", name), PROVIDER) for name in names}
    return tuple(routing.Attempt(made[name], 1, retry) for name in names for retry in range(retries + 1))


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
    planned = attempts("a", "b", retries=1)
    assert routing.next_position(planned, 0, failure) == position
    assert routing.next_position(planned, 3, failure) is None


def test_target_that_became_busy_meanwhile_is_passed_over() -> None:
    """A limit holds for the second attempt as well."""
    planned = tuple(
        routing.Attempt(one.target, 1, 0, routing.Lane(one.target.model.name)) for one in attempts(*"abc")
    )
    assert routing.next_position(planned, 0, Failure("connect_failed", ""), full={"b"}) == 2


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
    made = Origin(ProviderEntry("p", "http://a/\r\nx: y"), ssl.create_default_context())
    head = made.request("/chat/completions", b"{}", at=0)
    assert b"\r\nx: y" not in head
    assert head.count(b"\r\n") == 7


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
