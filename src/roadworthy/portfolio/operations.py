"""Changes to what was measured: a file of figures is imported whole, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.foundation.ids import new_id
from roadworthy.foundation.storage.database import Tx
from roadworthy.portfolio import measurement_file, queries, seal, store
from roadworthy.portfolio.amount import amount
from roadworthy.portfolio.facts import WHOLE, Measurement, segment_of_outcome
from roadworthy.portfolio.measurement_file import FileRow
from roadworthy.portfolio.plausibility import far_off
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.actor import Actor
from roadworthy.use_cases.kinds import METRIC, OUTCOME, Metric

IMPORTED = "measurements.imported"
WARNINGS_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did; `unchanged` rows said what was known already and are not recorded again."""

    status: str
    """`imported`, or `unchanged` when the file says nothing new."""
    subject: str
    import_id: str = ""
    digest: str = ""
    audit_seq: int | None = None
    rows: int
    added: int = 0
    corrected: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    warnings: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class _Target:
    """What a file is imported for."""

    subject: str
    segment: str
    metric: str
    known: Mapping[str, str]
    units: Mapping[str, str]


def import_csv(
    tx: Tx,
    *,
    text: str,
    outcome: str = "",
    metric: str = "",
    source: str = "",
    actor: Actor,
    now: datetime,
) -> Imported:
    """Import weekly figures of an outcome (its metric, or those a metric column names) or of a metric.

    A week that is known with another value is corrected: the newest import counts, older ones stay readable.
    """
    target = _target(tx, outcome=outcome, metric=metric)
    name = _file_name(source)
    today = now.astimezone(UTC).date()
    rows = measurement_file.read(text, today=today, metric=target.metric, known=target.known, source=name)
    known = _known(tx, target, {row.metric for row in rows})
    _check_against(rows, known, name)
    news = [row for row in rows if _differs(row, known.get((row.metric, row.start)))]
    answer = Imported(
        status="imported" if news else "unchanged",
        subject=target.subject,
        rows=len(rows),
        added=sum(1 for row in news if (row.metric, row.start) not in known),
        corrected=sum(1 for row in news if (row.metric, row.start) in known and row.value is not None),
        withdrawn=sum(1 for row in news if row.value is None),
        unchanged=len(rows) - len(news),
        warnings=_warnings(news, known, target.units, name),
    )
    return _save(tx, target, news, answer, source=name, actor=actor, now=now) if news else answer


def _target(tx: Tx, *, outcome: str, metric: str) -> _Target:
    if bool(outcome) == bool(metric):
        raise InvalidError(
            "Say what was measured: an outcome or a metric.",
            why="Figures belong to one outcome, or to a metric of the whole organization.",
            fix="Name one of them: `roadworthy measure import FILE --outcome NAME` or `--metric NAME`.",
        )
    if metric:
        found = registry.get(tx, METRIC, metric)
        problem = _not_imported(metric, found.resource.spec)
        if problem:
            raise InvalidError(problem, fix="Nothing has to be imported for it.")
        return _Target(f"metric/{metric}", WHOLE, metric, {metric: ""}, {metric: found.resource.spec.unit})
    declared = registry.get(tx, OUTCOME, outcome)
    metrics = {one.name: one.resource.spec for one in registry.every(tx, METRIC)}
    return _Target(
        f"outcome/{outcome}",
        segment_of_outcome(outcome),
        declared.resource.spec.metric,
        {name: _not_imported(name, spec) for name, spec in metrics.items()},
        {name: spec.unit for name, spec in metrics.items()},
    )


def _not_imported(name: str, metric: Metric) -> str:
    if metric.source == "measurements":
        return ""
    return f"The metric {name} is measured by the gateway ({metric.source}), so it cannot be imported."


def _file_name(source: str) -> str:
    """Return the file's name without its folders; it is kept for people to recognize."""
    name = source.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in name if sign.isprintable())[:200]


def _known(tx: Tx, target: _Target, metrics: set[str]) -> dict[tuple[str, date], Measurement]:
    return {
        (one.metric, one.period_start): one
        for one in queries.figures(tx, metrics=metrics)
        if one.segment == target.segment
    }


def _differs(row: FileRow, known: Measurement | None) -> bool:
    if known is None:
        return row.value is not None
    return (row.value, row.n) != (known.value, known.n)


def _check_against(
    rows: Sequence[FileRow], known: Mapping[tuple[str, date], Measurement], source: str
) -> None:
    """Refuse weeks that share days with another week of the series: both would be counted."""
    issues: list[Issue] = []
    for metric in sorted({row.metric for row in rows}):
        of_metric = [row for row in rows if row.metric == metric]
        taken_back = {row.start for row in of_metric if row.value is None}
        starts = {start: 0 for name, start in known if name == metric and start not in taken_back}
        starts.update({row.start: row.line for row in of_metric if row.value is not None})
        issues += [
            Issue(
                f"The week of {week} shares days with the week of {other}.",
                f"Figures are weekly. Give each week's first day, or take a wrong week back with the value "
                f"`{measurement_file.WITHDRAWN}`.",
                "week",
                source,
                line,
            )
            for line, week, other in measurement_file.overlapping(starts)
        ]
        issues += [
            Issue(
                f"There is no figure of {metric} for the week of {row.start} to take back.",
                "Leave the line out.",
                "value",
                source,
                row.line,
            )
            for row in of_metric
            if row.value is None and (metric, row.start) not in known
        ]
    if issues:
        raise measurement_file.refused(sorted(issues, key=lambda issue: issue.line))


def _warnings(
    news: Sequence[FileRow],
    known: Mapping[tuple[str, date], Measurement],
    units: Mapping[str, str],
    source: str,
) -> tuple[Issue, ...]:
    found: list[Issue] = []
    for metric in sorted({row.metric for row in news}):
        given = {row.line: row.value for row in news if row.metric == metric and row.value is not None}
        replaced = {row.start for row in news if row.metric == metric}
        kept = [
            one.value
            for (name, start), one in known.items()
            if name == metric and start not in replaced and one.value is not None
        ]
        found += [
            Issue(
                f"{amount(value, units[metric])} is {times:.0f} times as far from the others as is usual.",
                f"Check that it is in {units[metric]}. It was imported; a corrected file replaces it.",
                "value",
                source,
                line,
            )
            for line, value, times in far_off(kept, given)
        ]
    return tuple(found[:WARNINGS_MAX])


def _save(
    tx: Tx,
    target: _Target,
    news: Sequence[FileRow],
    answer: Imported,
    *,
    source: str,
    actor: Actor,
    now: datetime,
) -> Imported:
    identity = new_id("mi", at=now)
    rows = [{"metric": row.metric, "period_start": row.start, "value": row.value, "n": row.n} for row in news]
    manifest = seal.manifest_of(rows)
    digest = seal.digest_of(manifest)
    receipt = audit.record(
        tx,
        actor=actor,
        action=IMPORTED,
        subject=target.subject,
        at=now,
        content={
            "import": identity,
            "digest": digest,
            "count": len(rows),
            "file": source,
            "added": answer.added,
            "corrected": answer.corrected,
            "withdrawn": answer.withdrawn,
        },
        enforcement=False,
    )
    store.add_import(
        tx,
        id=identity,
        subject=target.subject,
        source=source,
        actor=actor.principal,
        at=now,
        figures=len(rows),
        digest=digest,
        manifest=manifest,
        audit_seq=receipt.seq,
    )
    sealed = {
        "import_id": identity,
        "segment": target.segment,
        "recorded_at": now,
        "audit_seq": receipt.seq,
    }
    store.add_measurements(tx, [row | sealed for row in rows])
    return replace(answer, import_id=identity, digest=digest, audit_seq=receipt.seq)
