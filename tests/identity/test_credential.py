"""The shapes of secrets, their hashes, and what is never looked up."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.foundation.ids import secret_text, short_id
from roadworthy.gateway.access import hash_key
from roadworthy.identity import credential
from roadworthy.identity.credential import PREFIXES, Credential, Issued, Type
from tests.identity.organization import PEPPER

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
GOOD = "rwk_0123abcd_" + "A" * 43

HOSTILE = (
    "",
    " ",
    "rwk_",
    "rwk__",
    GOOD + "\n",
    " " + GOOD,
    GOOD[:-1],
    GOOD + "A",
    GOOD.upper(),
    GOOD.replace("rwk", "rwt"),
    GOOD.replace("A", "\u0410"),  # a Cyrillic letter that looks the same
    "rwk_0123abcd_" + "\uff21" * 43,
    "rwk_0123abc\u0663_" + "A" * 43,
    "rwk_0123abcd_" + "A" * 42 + "\x00",
    "' OR 1=1 --",
    "rwk_' OR '1'_" + "A" * 43,
    "rwk_%%%%%%%%_" + "%" * 43,
    "$(id)",
    "../../etc/passwd",
    "\x00",
    "\ud800" * 56,
    "\U0001f600" * 14,
    "A" * 8192,
    "rwk_0123abcd_" + "A" * 8192,
    "rwk_" * 2048,
    '{"$gt": ""}',
    "Bearer " + GOOD,
    hashlib.blake2b(GOOD.encode(), key=PEPPER, digest_size=32).hexdigest(),
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_string_is_not_well_formed(text: str) -> None:
    """What is not exactly a credential never reaches the database."""
    assert not credential.well_formed(text, "key")


@pytest.mark.parametrize("type_", list(PREFIXES))
def test_what_is_composed_is_well_formed_for_its_type_alone(type_: Type) -> None:
    """A token cannot be sent as a key, nor a link as a session."""
    for _ in range(200):
        text = credential.compose(type_, public_id=short_id(), secret=secret_text())
        assert [one for one in PREFIXES if credential.well_formed(text, one)] == [type_]


@given(st.text(max_size=80) | st.from_regex(r"rw[ktsl]_[0-9a-z]{8}_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_any_text_has_an_answer(text: str) -> None:
    """No text makes the check or the hash fail."""
    assert credential.well_formed(text, "key") in {True, False}
    assert len(credential.keyed_hash(text, pepper=PEPPER)) == 64


@given(st.text(max_size=100))
def test_the_gateway_hashes_alike(text: str) -> None:
    """Both planes find the same key by the same hash."""
    assert credential.keyed_hash(text, pepper=PEPPER) == hash_key(PEPPER, text)


def test_another_pepper_gives_another_hash() -> None:
    """A stolen table without the pepper recognises nothing."""
    assert credential.keyed_hash(GOOD, pepper=PEPPER) != credential.keyed_hash(GOOD, pepper=PEPPER[::-1])


def test_the_fingerprint_in_the_log_is_not_the_hash() -> None:
    """Who reads the log learns nothing to look up or to put in a row."""
    stored = credential.keyed_hash(GOOD, pepper=PEPPER)
    assert stored not in credential.fingerprint(stored)


def test_a_secret_does_not_show_in_a_repr() -> None:
    """A secret does not reach a log line or a test report by accident."""
    known = Credential("0123abcd", "key", "service-account/bot", NOW, "person/root", NOW + timedelta(days=1))
    assert GOOD not in repr(Issued(known, GOOD))


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        ("rwl_x", "rwl_x"),
        ("http://127.0.0.1:8080/sign-in/rwl_x", "rwl_x"),
        ("  https://host/sign-in/rwl_x \n", "rwl_x"),
        ("http://host/sign-in/", ""),
    ],
)
def test_a_link_may_be_pasted_whole(pasted: str, code: str) -> None:
    """The whole address or its end alone mean the same."""
    assert credential.link_code(pasted) == code


def test_a_state_is_the_first_thing_that_ended_it() -> None:
    """Revoked goes before expired; an end in the future has not come."""
    ends = NOW + timedelta(days=1)
    known = Credential("0123abcd", "key", "service-account/bot", NOW, "person/root", ends)
    gone = Credential(
        "0123abcd", "key", "service-account/bot", NOW, "person/root", ends, ended_at=NOW, ended_how="revoked"
    )

    assert (known.state(NOW), known.state(ends), gone.state(ends)) == ("valid", "expired", "revoked")
    assert gone.state(NOW - timedelta(seconds=1)) == "valid"
