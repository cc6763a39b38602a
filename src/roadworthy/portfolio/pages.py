"""The console's pages of outcomes and scorecards."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import File, Form, Path, UploadFile

from roadworthy.foundation.errors import InvalidError, TooLargeError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Code, Column, Crumb, Link, Table
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import View
from roadworthy.portfolio import (
    door,
    measurement_file,
    outcome_view,
    queries,
    scorecard_queries,
    scorecard_view,
)
from roadworthy.portfolio.drawing import drawer_of
from roadworthy.portfolio.outcome_view import RefusedPage
from roadworthy.registry.door import clean

router = Router(tag="console")
NamePath = Annotated[str, Path(max_length=80)]
OUTCOMES = "/outcomes"
SCORECARD = "/scorecard"


@router.page(OUTCOMES, permission="outcome.read")
def outcomes_page(tx: Tx, call: Call) -> View:
    """Did it change the business? Every outcome with what can be said about it."""
    reports = queries.effects(tx, now=call.now)
    return View(
        title="Outcomes",
        template="portfolio/outcomes.html",
        model=outcome_view.outcomes_page(reports, drawer_of(call)),
        table=outcome_view.outcomes_table(reports),
        active=OUTCOMES,
        command="roadworthy get outcome",
    )


@router.page("/outcomes/{name}", permission="outcome.read")
def outcome_page(tx: Tx, call: Call, name: NamePath) -> View:
    """One outcome: its run chart, its contract, what can be said and what would settle it."""
    report = queries.effect_of(tx, outcome=clean(name), now=call.now)
    table = outcome_view.series_table(report)
    model = outcome_view.outcome_page(
        report,
        drawer_of(call),
        table=table,
        imports=queries.imports_of(tx, subjects=(f"outcome/{name}", f"metric/{report.spec.metric}")),
        replaced=queries.replaced(tx, metric=report.spec.metric, outcome=name),
        may_import=door.may_measure(call, report.namespace) and report.metric.source == "measurements",
        now=call.now,
    )
    return View(
        title=report.spec.title,
        template="portfolio/outcome.html",
        model=model,
        table=table,
        breadcrumbs=(Crumb("Outcomes", OUTCOMES),),
        active=OUTCOMES,
        command=f"roadworthy effect {name}",
    )


@router.form(OUTCOMES, permission="measure.import", body_limit=measurement_file.BYTES_MAX + 64 * 1024)
def import_figures(
    tx: Tx,
    call: Call,
    outcome: Annotated[str, Form(max_length=80)],
    file: Annotated[UploadFile, File()],
) -> Any:
    """Import a file of weekly figures from the outcome's page."""
    content = file.file.read(measurement_file.BYTES_MAX + 1)
    source = file.filename or ""
    try:
        done = door.import_file(tx, call, content=content, outcome=outcome, source=source)
    except (InvalidError, TooLargeError) as error:
        return _refused(error, outcome)
    return Redirect(outcome_view.href_of(outcome), notice=door.import_sentence(done))


def _refused(error: InvalidError | TooLargeError, outcome: str) -> View:
    table = Table(
        columns=(
            Column(key="line", title="Line", numeric=True),
            Column(key="column", title="Column"),
            Column(key="problem", title="What is wrong"),
            Column(key="fix", title="What to do"),
        ),
        rows=[
            {
                "line": one.line or None,
                "column": Code(one.field) if one.field else None,
                "problem": one.message,
                "fix": one.fix,
            }
            for one in error.issues
        ],
        caption="What is wrong with the file",
    )
    back = Link("Back to the outcome", outcome_view.href_of(outcome))
    return View(
        title="Nothing was imported",
        template="portfolio/import_refused.html",
        model=RefusedPage(what=error.what, why=f"{error.why} {error.fix}".strip(), back=back),
        table=table,
        breadcrumbs=(Crumb("Outcomes", OUTCOMES), Crumb(outcome, outcome_view.href_of(outcome))),
        active=OUTCOMES,
        command=outcome_view.import_command(outcome),
        status=error.status,
    )


@router.page(SCORECARD, permission="outcome.read")
def scorecard_page(tx: Tx, call: Call) -> View:
    """Every use case on five layers, the weakest first."""
    scores = scorecard_queries.scorecards(tx, now=call.now)
    return View(
        title="Scorecard",
        template="portfolio/scorecard.html",
        model=scorecard_view.scorecard_page(scores),
        table=scorecard_view.scorecards_table(scores),
        active=SCORECARD,
        command="roadworthy scorecard",
    )


@router.page("/scorecard/{use_case}", permission="outcome.read")
def use_case_scorecard_page(tx: Tx, call: Call, use_case: NamePath) -> View:
    """The five layers of one use case with every measure."""
    score = scorecard_queries.scorecard_of(tx, use_case=clean(use_case), now=call.now)
    draw = drawer_of(call)
    return View(
        title=score.title,
        template="portfolio/use_case_scorecard.html",
        model=scorecard_view.use_case_page(score, draw),
        table=scorecard_view.use_case_table(score, draw),
        breadcrumbs=(Crumb("Scorecard", SCORECARD),),
        active=SCORECARD,
        command=f"roadworthy scorecard {use_case}",
    )
