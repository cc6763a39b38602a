"""Salted commitments: what was committed to opens, nothing else does."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.registry.commitment import SALT_BYTES, commit, open_ok

SALT = bytes(range(SALT_BYTES))
salts = st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)


@given(salts, st.text())
def test_what_was_committed_to_opens(salt: bytes, text: str) -> None:
    """Any text can be shown to be the one that was sealed."""
    assert open_ok(commit(salt, text), salt, text)


@given(salts, st.text(), st.text())
def test_another_text_does_not_open(salt: bytes, text: str, other: str) -> None:
    """Texts that differ in any way, even only in their Unicode form, are different texts."""
    assert open_ok(commit(salt, text), salt, other) == (text == other)


@given(salts, salts, st.text())
def test_another_salt_does_not_open(salt: bytes, other: bytes, text: str) -> None:
    """The salt counts as much as the text: without it the commitment cannot be tried against guesses."""
    assert open_ok(commit(salt, text), other, text) == (salt == other)


def test_it_is_plain_hmac_sha256() -> None:
    """Anyone can check a commitment with standard tools: this is RFC 2104 written out."""
    key = SALT.ljust(64, b"\x00")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + "Zoë Müller".encode()).digest()
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).hexdigest()

    assert commit(SALT, "Zoë Müller") == outer


def test_composed_and_decomposed_letters_are_different_texts() -> None:
    """No normalization: the bytes that were sealed are the bytes that open."""
    assert not open_ok(commit(SALT, "\u00e9"), SALT, "e\u0301")


@pytest.mark.parametrize("length", [0, 16, SALT_BYTES - 1, SALT_BYTES + 1, 64])
def test_a_salt_of_another_length_is_refused(length: int) -> None:
    """A short salt could be guessed; a padded one would be the same HMAC key as a shorter one."""
    with pytest.raises(ValueError, match="32 random bytes"):
        commit(bytes(length), "text")
    assert not open_ok(commit(SALT, "text"), bytes(length), "text")


@pytest.mark.parametrize("commitment", ["", "é", "\ud800", "zz", commit(SALT, "text").upper()])
def test_a_malformed_commitment_does_not_open(commitment: str) -> None:
    """What a tampered database holds is answered with no, not with a crash."""
    assert not open_ok(commitment, SALT, "text")


def test_text_that_is_not_unicode_cannot_be_sealed_or_opened() -> None:
    """Half of a surrogate pair has no bytes to commit to."""
    with pytest.raises(UnicodeEncodeError):
        commit(SALT, "\ud800")
    assert not open_ok(commit(SALT, ""), SALT, "\ud800")
