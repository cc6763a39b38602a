"""Pure: how call records become rows, and the digests that seal them into the audit log.

A record's digest is the SHA-256 of its row as canonical JSON (RFC 8785). A batch's manifest lists id and
digest of each of its records; the audit log holds the manifest's digest. So an altered record is found by
name, and neither it nor its manifest can be altered together unseen. What was said is not in the row: the
row carries a salted commitment to it, so that the text can be erased and the record still proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from roadworthy.registry import commitment
from roadworthy.usage.record import CallRecord, LoggedText

WHOLE_MAX = 2**53 - 1  # beyond it JSON has no exact integers
CALLERS_TEXT_MAX = 300
MESSAGE_MAX = 2_000
RETENTION_DAYS_MAX = 36_500
AT_MS_MAX = 253_402_300_799_000  # the end of the year 9999

SEALED = (
    "id", "at", "principal", "key_id", "use_case", "namespace", "grant_id", "revision", "decision",
    "reason_code", "requested_model", "route", "model", "provider", "status", "stream", "input_tokens",
    "output_tokens", "cached_input_tokens", "cost_nano", "currency", "price_source", "price_unknown",
    "latency_us", "first_byte_us", "error", "body",
)  # fmt: skip
"""The columns a record's digest covers."""

# With integers and ASCII names only, sorted JSON is RFC 8785; a test holds the two together. The general
# encoder takes 159 µs for a record, this one 4.
_JSON = msgspec.json.Encoder(order="sorted")


def _text(value: str, limit: int = CALLERS_TEXT_MAX) -> str:
    # PostgreSQL takes no NUL, and a caller chooses some of these texts.
    return value[:limit].replace("\0", "\N{REPLACEMENT CHARACTER}")


def _whole(value: int | None) -> int | None:
    return None if value is None or not 0 <= value <= WHOLE_MAX else value


def _microseconds(milliseconds: float) -> int:
    # Not a number, and negative ones, compare false.
    return round(milliseconds * 1000) if 0 <= milliseconds <= WHOLE_MAX / 1000 else 0


def text_document(text: LoggedText) -> str:
    """Return what was said as the text that is committed to."""
    return _JSON.encode({"prompt": text.prompt, "response": text.response, "cut": text.cut}).decode()


def clean_text(text: LoggedText) -> LoggedText:
    """Return what was said as every store can keep it."""
    return LoggedText(
        text.prompt.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        text.response.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        text.cut,
    )


def row_of(record: CallRecord, *, text_commitment: str = "") -> dict[str, Any]:
    """Return the record as a row, in bounds; `at` is in microseconds, `body` is canonical JSON."""
    cost = _whole(record.cost_nano)
    faults = record.faults if cost == record.cost_nano else (*record.faults, "cost_implausible")
    body = {
        "upstream_model": _text(record.upstream_model),
        "client_request_id": _text(record.client_request_id),
        "faults": [_text(fault) for fault in faults],
        "suppressed": _whole(record.suppressed) or 0,
        "retention_days": min(max(record.retention_days, 0), RETENTION_DAYS_MAX),
        "text_commitment": text_commitment,
        "attempts": [
            {
                "model": _text(attempt.model),
                "status": _whole(attempt.status) or 0,
                "error": _text(attempt.error),
                "us": _microseconds(attempt.ms),
            }
            for attempt in record.attempts
        ],
        "reasons": [
            {
                "code": _text(reason.code),
                "message": _text(reason.message, MESSAGE_MAX),
                "declaration": _text(reason.declaration),
                "who_can_change": [_text(who) for who in reason.who_can_change],
                "next_step": _text(reason.next_step, MESSAGE_MAX),
            }
            for reason in record.reasons
        ],
    }
    return {
        "id": _text(record.id),
        "at": min(max(record.at, 0), AT_MS_MAX) * 1000,
        "principal": _text(record.principal),
        "key_id": _text(record.key_id),
        "use_case": _text(record.use_case),
        "namespace": _text(record.namespace),
        "grant_id": _text(record.grant_id),
        "revision": _whole(record.revision) or 0,
        "decision": _text(record.decision),
        "reason_code": _text(record.reason),
        "requested_model": _text(record.requested_model),
        "route": _text(record.route),
        "model": _text(record.model),
        "provider": _text(record.provider),
        "status": record.status if 0 <= record.status < 1000 else 0,
        "stream": record.stream,
        "input_tokens": _whole(record.input_tokens),
        "output_tokens": _whole(record.output_tokens),
        "cached_input_tokens": _whole(record.cached_input_tokens),
        "cost_nano": cost,
        "currency": _text(record.currency),
        "price_source": _text(record.price_source),
        "price_unknown": "price_unknown" in faults,
        "latency_us": _microseconds(record.latency_ms),
        "first_byte_us": None if record.first_byte_ms is None else _microseconds(record.first_byte_ms),
        "error": _text(record.error),
        "body": _JSON.encode(body).decode(),
    }


def sealed_bytes(row: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of a row, its truths as 1 and 0; `body` goes in as it is stored."""
    values: dict[str, Any] = {
        name: int(value) if isinstance(value := row[name], bool) else value for name in SEALED
    }
    values["body"] = msgspec.Raw(str(row["body"]).encode("utf-8", "surrogateescape"))
    return _JSON.encode(values)


def digest_of(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a row, as 64 hexadecimal characters."""
    return hashlib.sha256(sealed_bytes(row)).hexdigest()


def manifest_of(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return a batch's manifest: a line of id and digest for each record, ordered by id."""
    return "".join(f"{name} {value}\n" for name, value in sorted((row["id"], digest_of(row)) for row in rows))


def manifest_digest(manifest: str) -> str:
    """Return what the audit log holds of a batch."""
    return hashlib.sha256(manifest.encode("utf-8", "surrogateescape")).hexdigest()


def read_manifest(manifest: str) -> dict[str, str]:
    """Return the digests by record id."""
    pairs = (line.rpartition(" ") for line in manifest.splitlines())
    return {name: value for name, _, value in pairs}


def commit_text(text: LoggedText, *, salt: bytes) -> str:
    """Return the commitment that a record carries to what was said."""
    return commitment.commit(salt, text_document(text))


def altered(
    manifest: str, rows: Mapping[str, Mapping[str, Any]], *, opens: Callable[[Mapping[str, Any]], bool]
) -> list[tuple[str, str]]:
    """Compare a batch's rows with its manifest; `opens` says whether a row's text is what was committed to.

    Returns the id and what is wrong with it for every record that is not what was sealed.
    """
    expected = read_manifest(manifest)
    found = [(name, "the call record is gone") for name in expected if name not in rows]
    for name, row in rows.items():
        if name not in expected:
            found.append((name, "the call record was added after its batch was sealed"))
        elif digest_of(row) != expected[name]:
            found.append((name, "the call record was altered"))
        elif not opens(row):
            found.append((name, "the logged text is not the one the record commits to"))
    return sorted(found)
