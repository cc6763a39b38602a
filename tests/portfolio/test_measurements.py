"""Figures come in whole, are corrected without being lost, and are sealed: alike on both engines."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.portfolio import queries
from roadworthy.portfolio.effect import WeeklyPoint
from roadworthy.portfolio.measurement_file import MeasurementFileError
from roadworthy.portfolio.verification import verify_measurements
from roadworthy.registry import audit
from tests.portfolio.conftest import ADA, FIRST, NOW, Estate, as_csv, weekly

LATER = NOW + timedelta(hours=1)
WEEKS = [FIRST + timedelta(weeks=index) for index in range(3)]
THREE = as_csv([(WEEKS[0], 10.0), (WEEKS[1], 11.0), (WEEKS[2], 12.0)])


def points(estate: Estate, **given: object) -> list[tuple[date, float]]:
    """Return what counts of the outcome's metric."""
    with estate.database.read() as tx:
        found = queries.series(tx, metric="hours", outcome="faster", **given)  # type: ignore[arg-type]
    return [(one.start, one.value) for one in found]


def found_altered(estate: Estate) -> list[tuple[str, str]]:
    """Return what the verifier finds."""
    with estate.database.read() as tx:
        return [(one.where, one.what) for one in verify_measurements(tx)]


def test_an_import_is_one_audit_entry_with_digest_and_count(estate: Estate) -> None:
    """One entry seals the file; gateways need not know of it."""
    done = estate.measure(THREE, source="C:\\exports\\hours.csv")
    assert (done.status, done.rows, done.added, done.corrected, done.unchanged) == ("imported", 3, 3, 0, 0)
    with estate.database.read() as tx:
        entry = audit.entries(tx, limit=1)[0]
    assert (entry["action"], entry["object"], entry["enforcement"]) == (
        "measurements.imported",
        "outcome/faster",
        False,
    )
    assert entry["content"] == {
        "import": done.import_id, "digest": done.digest, "count": 3, "file": "hours.csv",
        "added": 3, "corrected": 0, "withdrawn": 0,
    }  # fmt: skip
    assert points(estate) == [(WEEKS[0], 10.0), (WEEKS[1], 11.0), (WEEKS[2], 12.0)]


def test_the_same_file_again_changes_nothing(estate: Estate) -> None:
    """A job may send its file as often as it likes."""
    estate.measure(THREE)
    with estate.database.read() as tx:
        size = audit.size(tx)
    again = estate.measure(THREE, now=LATER)
    assert (again.status, again.unchanged, again.import_id) == ("unchanged", 3, "")
    with estate.database.read() as tx:
        assert audit.size(tx) == size


def test_a_corrected_week_keeps_its_history(estate: Estate) -> None:
    """The newest import counts; what was known before is still readable, and computable as of then."""
    estate.measure(THREE)
    done = estate.measure(as_csv([(WEEKS[1], 11.5), (WEEKS[2], 12.0)]), now=LATER)
    assert (done.corrected, done.unchanged, done.added) == (1, 1, 0)
    assert points(estate)[1] == (WEEKS[1], 11.5)
    assert points(estate, as_of=NOW)[1] == (WEEKS[1], 11.0)
    with estate.database.read() as tx:
        old = queries.replaced(tx, metric="hours", outcome="faster")
        page = queries.measurements(tx, metric="hours", limit=200)
    assert [(one.period_start, one.value, one.current) for one in old] == [(WEEKS[1], 11.0, False)]
    assert [(one.period_start, one.value, one.current) for one in page.items] == [
        (WEEKS[2], 12.0, True),
        (WEEKS[1], 11.5, True),
        (WEEKS[1], 11.0, False),
        (WEEKS[0], 10.0, True),
    ]


def test_a_week_can_be_taken_back_and_given_again(estate: Estate) -> None:
    """A figure that should never have been there stops counting, and its history stays."""
    estate.measure(THREE)
    done = estate.measure(f"week,value\n{WEEKS[1]},withdrawn\n", now=LATER)
    assert (done.withdrawn, done.corrected) == (1, 0)
    assert [start for start, _ in points(estate)] == [WEEKS[0], WEEKS[2]]
    estate.measure(as_csv([(WEEKS[1], 13.0)]), now=LATER + timedelta(hours=1))
    assert points(estate)[1] == (WEEKS[1], 13.0)
    with pytest.raises(MeasurementFileError) as caught:
        estate.measure(f"week,value\n{WEEKS[0] - timedelta(weeks=9)},withdrawn\n")
    assert "to take back" in caught.value.issues[0].message


@pytest.mark.parametrize("bad", ["week,value\n2025-12-15,x\n", "week,value\n2025-11-26,10\n"])
def test_a_file_with_an_error_changes_nothing(estate: Estate, bad: str) -> None:
    """Not one line of it is imported, and the log does not grow: a wrong value, a week that overlaps."""
    estate.measure(THREE)
    with estate.database.read() as tx:
        size = audit.size(tx)
    with pytest.raises(MeasurementFileError) as caught:
        estate.measure(bad + "2026-01-05,9\n", now=LATER)
    assert caught.value.issues[0].line == 2
    assert len(points(estate)) == 3
    with estate.database.read() as tx:
        assert audit.size(tx) == size


def test_a_file_says_what_it_measures(estate: Estate) -> None:
    """An outcome or a metric, one of them, declared, and not measured by the gateway."""
    for given in ({"outcome": ""}, {"outcome": "faster", "metric": "hours"}):
        with pytest.raises(InvalidError, match="Say what was measured"):
            estate.measure(THREE, **given)  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        estate.measure(THREE, outcome="no-such")
    with pytest.raises(InvalidError, match="measured by the gateway"):
        estate.measure(THREE, metric="latency")


def test_a_metric_of_the_whole_organization_serves_outcomes_without_their_own(estate: Estate) -> None:
    """Figures for an outcome come first; without them, those of the whole organization are used and named."""
    estate.measure(THREE, metric="hours")
    with estate.database.read() as tx:
        report = queries.effect_of(tx, outcome="faster", now=NOW)
    assert (report.measured_for, len(report.points)) == ("the whole organization", 3)
    estate.measure(as_csv([(WEEKS[0], 1.0)]), now=LATER)
    with estate.database.read() as tx:
        report = queries.effect_of(tx, outcome="faster", now=LATER)
    assert (report.measured_for, report.points) == ("this outcome", (WeeklyPoint(WEEKS[0], 1.0),))


def test_a_figure_in_another_unit_is_imported_with_a_warning(estate: Estate) -> None:
    """Ten robust deviations off is worth a look and no reason to refuse."""
    rows = weekly("faster")
    done = estate.measure(as_csv([*rows[:30], (rows[30][0], rows[30][1] * 60)]))
    assert done.status == "imported"
    assert [(one.line, one.field) for one in done.warnings] == [(32, "value")]


def test_pages_of_figures_neither_skip_nor_repeat(estate: Estate) -> None:
    """Paging by key reads each figure once, also when the weeks have several."""
    for round_ in range(3):
        rows = [(start, float(round_ * 10 + index)) for index, start in enumerate(WEEKS)]
        estate.measure(as_csv(rows), now=NOW + timedelta(hours=round_))
        estate.measure(as_csv(rows), metric="hours", now=NOW + timedelta(hours=round_))
    seen, cursor = [], ""
    with estate.database.read() as tx:
        while True:
            page = queries.measurements(tx, metric="hours", before=cursor, limit=4)
            seen += [(one.period_start, one.segment, one.audit_seq) for one in page.items]
            if not (cursor := page.next_cursor):
                break
    assert len(seen) == len(set(seen)) == 18
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize(
    "cursor", ["x", "2026-01-05", "2026-01-05~x~", "2026-01-05~1~\0", f"2026-01-05~{10**30}~"]
)
def test_a_made_up_cursor_is_refused(estate: Estate, cursor: str) -> None:
    """A cursor that no page gave is named as such."""
    with estate.database.read() as tx, pytest.raises(InvalidError, match="cursor"):
        queries.measurements(tx, metric="hours", before=cursor)


def test_what_was_sealed_verifies(estate: Estate) -> None:
    """Nothing is found where nothing was altered: after corrections and withdrawals too."""
    estate.measure(THREE)
    estate.measure(as_csv([(WEEKS[1], 11.25)]), now=LATER)
    estate.measure(f"week,value\n{WEEKS[2]},withdrawn\n", now=LATER + timedelta(hours=1))
    assert found_altered(estate) == []


@pytest.mark.parametrize(
    ("statement", "where", "what"),
    [
        ("UPDATE measurements SET value = 10.5 WHERE value = 10", '",10.5,null]', "never sealed"),
        ("UPDATE measurements SET n = 7 WHERE value = 11", f'["hours","{WEEKS[1]}",11,7]', "never sealed"),
        ("DELETE FROM measurements WHERE value = 12", f'["hours","{WEEKS[2]}",12,null]', "no longer stored"),
        ("UPDATE measurements SET segment = '' WHERE value = 11", f"hours {WEEKS[1]}", "segment"),
        ("UPDATE measurements SET import_id = 'mi_x' WHERE value = 11", f"hours {WEEKS[1]}", "to no import"),
        ("UPDATE measurement_imports SET digest = 'x'", "column digest", "is not what audit entry"),
        ("UPDATE measurement_imports SET figures = 4", "column figures", "is not what audit entry"),
        ("UPDATE measurement_imports SET actor = 'person/eve'", "column actor", "is not what audit entry"),
        ("UPDATE measurement_imports SET manifest = 'x'", "column manifest", "was altered"),
        ("DELETE FROM measurement_imports", "audit entry", "no longer stored"),
    ],
)  # fmt: skip
def test_an_altered_row_is_found_and_named(estate: Estate, statement: str, where: str, what: str) -> None:
    """Whatever is changed behind the product's back is located."""
    estate.measure(THREE)
    with estate.database.engine.begin() as connection:
        connection.execute(text(statement))
    found = found_altered(estate)
    assert any(where in one_where and what in one_what for one_where, one_what in found), found


def test_the_erasure_of_an_entry_leaves_the_figures_verifiable(estate: Estate) -> None:
    """An erased payload no longer proves the digest; the rows still have to match their manifest."""
    estate.measure(THREE)
    with estate.database.write() as tx:
        audit.erase(tx, subject="outcome/faster", actor=ADA, at=LATER, reason="asked for")
    assert found_altered(estate) == []
    with estate.database.engine.begin() as connection:
        connection.execute(text("UPDATE measurements SET value = 1 WHERE value = 10"))
    assert found_altered(estate)
