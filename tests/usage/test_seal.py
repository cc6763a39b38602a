"""A record's digest is the SHA-256 of canonical JSON, and covers every column."""

from __future__ import annotations

import hashlib
from typing import Any

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


def row_of(record: CallRecord, **over: object) -> dict[str, Any]:
    """Return a record's row as it is stored."""
    columns = dict(zip(seal.COLUMNS, seal.columns_of(record), strict=True))
    return {**columns, "doc": seal.document_of(record), **over}


@given(records)
def test_the_quick_encoder_writes_rfc_8785(record: CallRecord) -> None:
    """Anybody can take the digest of a record without a document again with any RFC 8785 library."""
    row = row_of(record, doc=None, body='{"faults":[]}')

    values = {name: int(row[name]) if isinstance(row[name], bool) else row[name] for name in seal.SEALED}
    values["body"] = {"faults": []}
    assert seal.sealed_bytes(row) == canonical(values)
    assert seal.digest_of(row) == hashlib.sha256(canonical(values)).hexdigest()


@given(records)
def test_the_digest_is_that_of_the_stored_document(record: CallRecord) -> None:
    """Anybody can take it with sha256sum."""
    row = row_of(record)
    assert seal.digest_of(row) == hashlib.sha256(seal.document_of(record)).hexdigest()


def test_every_column_but_the_batch_is_sealed() -> None:
    """A column that somebody adds must be derived from the document too."""
    assert {column.name for column in store.records.columns} - {"batch_id", "doc"} == set(seal.COLUMNS)


@pytest.mark.parametrize(
    ("column", "documented"),
    [
        *((column, True) for column in seal.COLUMNS),
        # Records without a document are from before there were tags.
        *((column, False) for column in seal.COLUMNS if column != "tag"),
    ],
)
def test_a_change_in_any_column_changes_the_digest(column: str, documented: bool) -> None:  # noqa: FBT001
    """No field can be altered unseen."""
    given = {} if documented else {"doc": None, "body": "{}"}
    row = row_of(CallRecord(id="call_1", at=1, decision="allowed"), **given)
    value = "[]" if column == "body" else 7 if not isinstance(row[column], str) else f"{row[column]} "

    assert seal.digest_of({**row, column: value}) != seal.digest_of(row)


def test_an_implausible_cost_is_a_fault_and_not_a_number() -> None:
    """A cost beyond exact integers is unknown, and says so."""
    record = CallRecord(id="call_1", at=1, decision="allowed", cost_nano=2**53)

    assert row_of(record)["cost_nano"] is None
    assert seal.body_of(record)["faults"] == ["cost_implausible"]


def test_a_commitment_needs_its_salt() -> None:
    """Two calls that say the same do not show it."""
    said = LoggedText("yes", "no")

    assert seal.commit_text(said, salt=b"a" * 32) != seal.commit_text(said, salt=b"b" * 32)
