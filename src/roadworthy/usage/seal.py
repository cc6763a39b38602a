"""Pure: how call records become rows, and the digests that seal them into the audit log.

A record's digest is the SHA-256 of its document, the MessagePack that is stored with it; the columns beside
it are derived from the document and compared with it. (Records from before the documents were digested as
canonical JSON, RFC 8785, of their columns; they still are.) A batch's manifest lists id and digest of each of
its records; the audit log holds the manifest's digest. So an altered record is found by
name, and neither it nor its manifest can be altered together unseen. What was said is not in the row: the
row carries a salted commitment to it, so that the text can be erased and the record still proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from roadworthy.registry import commitment
from roadworthy.usage import record as records
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
"""The columns that the digest of a record without a document covers."""
COLUMNS = (*SEALED, "tag")
"""The columns that a record's document determines, in this order."""

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
    said: dict[str, Any] = {"prompt": text.prompt, "response": text.response, "cut": text.cut}
    if text.draft:
        said["draft"] = text.draft
    return _JSON.encode(said).decode()


def clean_text(text: LoggedText) -> LoggedText:
    """Return what was said as every store can keep it."""
    return LoggedText(
        text.prompt.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        text.response.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        text.cut,
        text.draft.replace("\0", "\N{REPLACEMENT CHARACTER}"),
    )


def body_of(record: CallRecord) -> dict[str, Any]:
    """Return what is shown of a record beside its columns, in bounds."""
    faults = record.faults
    if _whole(record.cost_nano) != record.cost_nano:
        faults = (*faults, "cost_implausible")
    return {
        "upstream_model": _text(record.upstream_model),
        "client_request_id": _text(record.client_request_id),
        "faults": [_text(fault) for fault in faults],
        "suppressed": _whole(record.suppressed) or 0,
        "retention_days": min(max(record.retention_days, 0), RETENTION_DAYS_MAX),
        "text_commitment": record.text_commitment,
        "dialect": _text(record.dialect),
        "why": _text(record.why, MESSAGE_MAX),
        "estimated": record.estimated,
        "replay_of": _text(record.replay_of),
        "draft": _text(record.draft),
        "basis": _text(record.basis),
        "findings": [
            {
                "filter": _text(finding.filter),
                "kind": _text(finding.kind),
                "side": _text(finding.side),
                "action": _text(finding.action),
                "count": _whole(finding.count) or 0,
            }
            for finding in record.findings
        ],
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


def document_of(record: CallRecord, *, text_commitment: str = "") -> bytes:
    """Return the record as it is stored: without what was said, with the commitment to it."""
    if record.text is not None:
        record = msgspec.structs.replace(record, text=None, text_commitment=text_commitment)
    elif record.text_commitment:  # only an arrival may commit
        record = msgspec.structs.replace(record, text_commitment="")
    return records.encode(record)


def columns_of(record: CallRecord) -> tuple[Any, ...]:
    """Return the record's columns, in bounds and in the order of `COLUMNS`; `at` is in microseconds."""
    texts: tuple[str, ...] = (
        record.id, record.principal, record.key_id, record.use_case, record.namespace, record.grant_id,
        record.decision, record.reason, record.requested_model, record.route, record.model, record.provider,
        record.currency, record.price_source, record.error,
    )  # fmt: skip
    together = "".join(texts)
    # Nearly always all of them together are shorter than any may be, and none needs a look of its own.
    if len(together) > CALLERS_TEXT_MAX or "\0" in together:
        texts = tuple(map(_text, texts))
    (name, principal, key_id, use_case, namespace, grant_id, decision, reason, requested_model, route, model,
     provider, currency, price_source, error) = texts  # fmt: skip
    status, first_byte_ms = record.status, record.first_byte_ms
    return (
        name, min(max(record.at, 0), AT_MS_MAX) * 1000, principal, key_id, use_case, namespace, grant_id,
        _whole(record.revision) or 0, decision, reason, requested_model, route, model, provider,
        status if 0 <= status < 1000 else 0, record.stream, _whole(record.input_tokens),
        _whole(record.output_tokens), _whole(record.cached_input_tokens), _whole(record.cost_nano), currency,
        price_source, "price_unknown" in record.faults, _microseconds(record.latency_ms),
        None if first_byte_ms is None else _microseconds(first_byte_ms), error, "", records.tag_of(record),
    )  # fmt: skip


def sealed_bytes(row: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON of a row, its truths as 1 and 0; `body` goes in as it is stored."""
    values: dict[str, Any] = {
        name: int(value) if isinstance(value := row[name], bool) else value for name in SEALED
    }
    values["body"] = msgspec.Raw(str(row["body"]).encode("utf-8", "surrogateescape"))
    return _JSON.encode(values)


def digest_of(row: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a stored row, in hexadecimal; nothing if its columns are not its document's."""
    document = row["doc"]
    if document is None:
        return hashlib.sha256(sealed_bytes(row)).hexdigest()
    try:
        derived = columns_of(records.decode(document))
    except (msgspec.DecodeError, ValueError):
        return ""
    if any(row[name] != value for name, value in zip(COLUMNS, derived, strict=True)):
        return ""
    return digest_of_document(document)


def digest_of_document(document: bytes) -> str:
    """Return the SHA-256 of a record's document, as 64 hexadecimal characters."""
    return hashlib.sha256(document).hexdigest()


def manifest_of(digests: Iterable[tuple[str, str]]) -> str:
    """Return a batch's manifest: a line of id and digest for each record, ordered by id."""
    return "".join(f"{name} {value}\n" for name, value in sorted(digests))


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
