"""A record's digest is the SHA-256 of canonical JSON, and covers every column."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.foundation.canonical import canonical
from roadworthy.usage import seal, store
from roadworthy.usage.record import AttemptRecord, CallRecord, LoggedText

texts = st.text(st.characters(codec="utf-8"), max_size=60)
records = st.builds(
    CallRecord,
    id=texts,
    at=st.integers(0, 2**41),
    decision=texts,
    requested_model=texts,
    error=texts,
    cost_nano=st.none() | st.integers(0, 2**53),
    latency_ms=st.floats(0, 1e9),
    attempts=st.lists(st.builds(AttemptRecord, model=texts, ms=st.floats(0, 1e6)), max_size=2).map(tuple),
)


@given(records)
def test_the_quick_encoder_writes_rfc_8785(record: CallRecord) -> None:
    """Anybody can take the digest again with any RFC 8785 library."""
    row = seal.row_of(record)

    values = {name: int(row[name]) if isinstance(row[name], bool) else row[name] for name in seal.SEALED}
    values["body"] = json.loads(row["body"])
    assert seal.sealed_bytes(row) == canonical(values)
    assert seal.digest_of(row) == hashlib.sha256(canonical(values)).hexdigest()


def test_every_column_but_the_batch_is_sealed() -> None:
    """A column that somebody adds must be sealed too."""
    assert {column.name for column in store.records.columns} - {"batch_id"} == set(seal.SEALED)


@pytest.mark.parametrize("column", seal.SEALED)
def test_a_change_in_any_column_changes_the_digest(column: str) -> None:
    """No field can be altered unseen."""
    row = seal.row_of(CallRecord(id="call_1", at=1, decision="allowed"))
    other = {**row, column: 7 if not isinstance(row[column], str) else row[column] + " "}

    assert seal.digest_of(other) != seal.digest_of(row)


def test_an_implausible_cost_is_a_fault_and_not_a_number() -> None:
    """A cost beyond exact integers is unknown, and says so."""
    row = seal.row_of(CallRecord(id="call_1", at=1, decision="allowed", cost_nano=2**53))

    assert row["cost_nano"] is None
    assert json.loads(row["body"])["faults"] == ["cost_implausible"]


def test_a_commitment_needs_its_salt() -> None:
    """Two calls that say the same do not show it."""
    said = LoggedText("yes", "no")

    assert seal.commit_text(said, salt=b"a" * 32) != seal.commit_text(said, salt=b"b" * 32)
