"""Past calls as a back-test reads them: what filters found in them, what was said, what was spent before."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from roadworthy.foundation.storage.database import Tx
from roadworthy.usage import drafted, queries, rollup_store, store, text_store
from roadworthy.usage.queries import PAGE_MAX, TraceLine, read_cursor, write_cursor
from roadworthy.usage.record import FindingRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCall(TraceLine):
    """A call of production with what decided about it then."""

    namespace: str
    refused_by: str
    """The declaration that its refusal named first."""
    findings: tuple[FindingRecord, ...]
    logged: bool
    """What was said in it was kept at first, whether or not it still is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What was said in a call, after what filters masked."""

    prompt: str
    response: str
    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the calls of one hour cost, by who called what for which use."""

    at: float
    """When the hour began, in Unix seconds."""
    use_case: str
    principal: str
    model: str
    provider: str
    currency: str
    cost_nano: int


def calls(
    tx: Tx, *, since: datetime, limit: int, use_cases: Collection[str] | None = None
) -> Iterator[PastCall]:
    """Yield the newest calls of production, newest first; of these use cases, unless that is None."""
    before = ""
    while limit > 0:
        rows = store.page(
            tx,
            filters={},
            since=since,
            until=None,
            use_cases=use_cases,
            failed=False,
            further=store.Further(tag="production"),
            before=read_cursor(before),
            limit=min(limit, PAGE_MAX),
        )
        for row in rows:
            body = queries.body_of_row(row)
            reasons = body["reasons"]
            yield PastCall(
                **queries.line_of_row(row),
                namespace=row.namespace,
                refused_by=reasons[0]["declaration"] if reasons else "",
                findings=tuple(FindingRecord(**one) for one in body.get("findings", ())),
                logged=bool(body["text_commitment"]),
            )
        if len(rows) < PAGE_MAX:
            return
        limit -= len(rows)
        before = write_cursor(TraceLine(**queries.line_of_row(rows[-1])))


def any_since(tx: Tx, since: datetime) -> bool:
    """Say whether there is any call of production since then."""
    return next(calls(tx, since=since, limit=1), None) is not None


def words(tx: Tx, ids: Sequence[str], *, now: datetime) -> dict[str, Words]:
    """Return what was said in those of these calls whose texts are kept and whose retention still holds.

    Nobody may be shown it by this: whoever shows what was said records that it was read.
    """
    found = {}
    for row in text_store.read_texts(tx, ids):
        if now < row.expires_at and drafted.logged(row.document):
            document = json.loads(row.document)
            found[row.id] = Words(
                prompt=document["prompt"], response=document["response"], cut=document["cut"]
            )
    return found


def spent(tx: Tx, *, since: datetime, until: datetime) -> Iterator[Spent]:
    """Yield what the calls of production of a time cost, hour by hour."""
    for key, cell in rollup_store.cells(tx, use_case="", since=since, until=until, sketches=()):
        if cell.cost_nano:
            hour, use_case, principal, model, provider, _route, currency, _tag = key
            yield Spent(
                at=hour / 1e6, use_case=use_case, principal=principal, model=model, provider=provider,
                currency=currency, cost_nano=cell.cost_nano,
            )  # fmt: skip
