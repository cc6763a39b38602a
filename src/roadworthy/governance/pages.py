"""The console pages of governance: what waits for you, the portfolio, a use case, its intake form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from fastapi import Form, Path, Query

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Column,
    Crumb,
    Empty,
    Filter,
    Link,
    ListPage,
    Option,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.router import SIGNED_IN, Redirect, Router
from roadworthy.foundation.web.view import View
from roadworthy.governance import (
    autonomy_figures,
    autonomy_panel,
    case_page,
    intake_form,
    intake_outlook,
    operations,
    queries,
)
from roadworthy.governance.blueprint import BLUEPRINT
from roadworthy.governance.standing import Standing
from roadworthy.governance.tasks import Task
from roadworthy.identity.kinds import PERSON
from roadworthy.registry import manifest
from roadworthy.registry import operations as registry_operations
from roadworthy.registry import queries as registry
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import action_of, actor_of
from roadworthy.registry.kinds import NAME_PATTERN, ROOT_NAMESPACE, Kind
from roadworthy.registry.manifest import Manifest
from roadworthy.rules.decide import Decision
from roadworthy.rules.decide import decide as decide_rules
from roadworthy.rules.queries import rulebook
from roadworthy.rules.stated import stated_facts
from roadworthy.use_cases.kinds import METRIC, OUTCOME, UNIT, USE_CASE, Intake

router = Router(tag="console")
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
Short = Annotated[str, Query(max_length=80)]
GATEWAY_URL = "gateway.url"
PORTFOLIO = "/portfolio"


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsYouPage:
    """The model of `needs_you.html`: what waits, in groups."""

    lead: str
    groups: Sequence[tuple[str, Sequence[Check]]]
    others: Sequence[Check]
    """Use cases that may not call yet because of somebody else."""
    empty: Empty


_GROUPS = {
    "escalated": "Has waited too long",
    "draft": "Waits for your decision",
    "renew": "Ends soon",
    "approve": "Waits for your approval",
    "except": "Asks you for an exception",
    "settle": "Waits for you to decide which rule prevails",
    "raise": "Has earned more autonomy",
    "answer": "Waits for your answer",
    "close-gap": "Is missing where you are an owner",
}
_MARKS = {
    "escalated": Status("bad", "waits too long"),
    "renew": Status("warn", "ends soon"),
    "approve": Status("info", "to decide"),
    "except": Status("info", "to decide"),
    "settle": Status("warn", "to decide"),
    "draft": Status("warn", "to decide"),
    "raise": Status("info", "to decide"),
    "answer": Status("none", "open"),
    "close-gap": Status("warn", "gap"),
}


@router.page("/", permission=SIGNED_IN)
def needs_you_page(tx: Tx, call: Call) -> View:
    """What waits for you, each with the one thing to do about it."""
    tasks = queries.needs_you(tx, principal=call.who.principal, now=call.now)
    groups = [
        (title, [_task_check(task) for task in tasks if task.kind == kind])
        for kind, title in _GROUPS.items()
        if any(task.kind == kind for task in tasks)
    ]
    mine = {task.use_case for task in tasks}
    others = _waits_for_others(tx, call, mine)
    count = (
        "Nothing waits" if not tasks else "1 thing waits" if len(tasks) == 1 else f"{len(tasks)} things wait"
    )
    model = NeedsYouPage(
        lead=f"{count} for you.",
        groups=groups,
        others=others,
        empty=Empty(
            sentence="Nothing waits for you. What others do is in the portfolio.",
            command="roadworthy needs-you",
            link=Link("Open the portfolio", PORTFOLIO),
        ),
    )
    return View(
        title="Needs you",
        template="governance/needs_you.html",
        model=model,
        table=_task_table(tasks),
        active="/",
        command="roadworthy needs-you",
    )


def _waits_for_others(tx: Tx, call: Call, mine: set[str]) -> list[Check]:
    """Name what stands between each other use case and its next call, for whoever may see that."""
    if not call.who.may("governance.read"):
        return []
    return [
        Check(
            status=Status("none", one.stage),
            what=one.title,
            why=one.block.reasons[0].message
            + (f" ({more} more)" if (more := len(one.block.reasons) - 1) else ""),
            next_step=one.block.reasons[0].next_step,
            link=Link("Open", f"/use-cases/{one.use_case}"),
        )
        for one in queries.standings(tx, now=call.now)
        if one.block is not None and one.stage != "stopped" and one.use_case not in mine
    ]


def _task_check(task: Task) -> Check:
    due = f" Ends on {task.due_at:%Y-%m-%d}." if task.due_at else ""
    return Check(
        status=_MARKS[task.kind], what=task.what, why=f"{task.why}{due}", link=Link(task.action, task.href)
    )


def _task_table(tasks: Sequence[Task]) -> Table:
    return Table(
        columns=[
            Column(key="kind", title="Kind"),
            Column(key="use_case", title="Use case"),
            Column(key="what", title="What"),
            Column(key="why", title="Why"),
            Column(key="due_at", title="Due"),
            Column(key="command", title="Command"),
        ],
        rows=[
            {
                "kind": task.kind,
                "use_case": task.use_case,
                "what": task.what,
                "why": task.why,
                "due_at": task.due_at,
                "command": task.command,
                "href": task.href,
            }
            for task in tasks
        ],
    )


@router.page(PORTFOLIO, permission="governance.read")
def portfolio_page(
    tx: Tx,
    call: Call,
    stage: Short = "",
    unit: Short = "",
    tier: Short = "",
    state: Short = "",
    bucket: Short = "",
) -> View:
    """Every use case: how far it is, what it serves, its risk tier, whether it may call."""
    everything = queries.standings(tx, now=call.now)
    buckets = {name: one.resource.spec.bucket or "" for name, one in queries.estate(tx).use_cases.items()}
    wanted = {"stage": stage, "unit": unit, "tier": tier, "state": state, "bucket": bucket}
    said = {one.use_case: _filterable(one, buckets) for one in everything}
    shown = [
        one
        for one in everything
        if all(not value or said[one.use_case][key] == value for key, value in wanted.items())
    ]
    granted = sum(1 for one in shown if one.grant is not None)
    url = PORTFOLIO + (f"?{call.request.url.query}" if call.request.url.query else "")
    model = ListPage(
        lead=f"{len(shown)} of {len(everything)} use cases; {granted} may call now.",
        filters=[
            _filter(key, value, sorted({one[key] for one in said.values() if one[key]}))
            for key, value in wanted.items()
        ],
        action=Link("Declare a use case", "/use-cases/new"),
    )
    return View(
        title="Portfolio",
        template="table_page.html",
        model=model,
        table=case_page.portfolio_table(shown, url=url, buckets=buckets),
        active=PORTFOLIO,
        command="roadworthy get use-case",
    )


def _filterable(one: Standing, buckets: dict[str, str]) -> dict[str, str]:
    return {
        "stage": one.stage,
        "unit": one.namespace,
        "tier": one.tier.tier,
        "state": one.state,
        "bucket": buckets.get(one.use_case, ""),
    }


def _filter(key: str, value: str, known: Sequence[str]) -> Filter:
    label = {"state": "Grant", "tier": "Risk tier"}.get(key, key.capitalize())
    options = [Option("", f"All: {label.lower()}"), *(Option(one, one) for one in known)]
    return Filter(name=key, label=label, value=value, options=options)


_FRESH = {
    "stage": ["idea"],
    "security_path": ["standard"],
    "autonomy": ["assist"],
    "logging": ["metadata"],
    "retention_days": ["90"],
}
_QUESTIONS = intake_form.questions(rulebook().asked)


@router.page("/use-cases/new", permission="registry.declare")
def intake_page(tx: Tx, call: Call) -> View:
    """The intake form: the same fields and the same validation as a file or the API."""
    return _intake_view(tx, call, _FRESH, issues=())


def _intake_view(tx: Tx, call: Call, sent: intake_form.Sent, *, issues: Sequence[Issue]) -> View:
    decision = _outlook_of(tx, call, sent)
    names = intake_form.field_names(_QUESTIONS)
    problems, others = intake_form.problems(issues, names)
    model = intake_form.IntakePage(
        values={name: (sent.get(name) or ("",))[0] for name in names},
        problems={name: problems.get(name, "") for name in names},
        others=others,
        units=_options(tx, UNIT, "title"),
        outcomes=_options(tx, OUTCOME, "title"),
        metrics=_options(tx, METRIC, "title"),
        people=_options(tx, PERSON, "display_name"),
        groups=intake_outlook.groups(_QUESTIONS, sent, problems, decision),
        outlook=intake_outlook.outlook(decision),
    )
    return View(
        title="Declare a use case",
        template="governance/intake.html",
        model=model,
        breadcrumbs=(Crumb("Portfolio", PORTFOLIO),),
        active=PORTFOLIO,
        command="roadworthy apply -f use-case.yaml",
        status=422 if issues else None,
    )


def _outlook_of(tx: Tx, call: Call, sent: intake_form.Sent) -> Decision:
    """Decide the answers so far, with what the chosen unit says for all its use cases."""
    estate, document = queries.around(tx), intake_form.document(sent, _QUESTIONS)
    unit = document["metadata"].get("namespace", ROOT_NAMESPACE)
    none = [
        one for one in sent.get(intake_form.NONE_FIELD, ()) if one in estate.rulebook.vocabulary.questions
    ]
    facts = stated_facts(
        Intake(facts=intake_outlook.read_facts(document, estate.rulebook), none=tuple(none)),
        autonomy=intake_outlook.autonomy(sent),
        profile=estate.profile(unit),
        vocabulary=estate.rulebook.vocabulary,
    )
    return decide_rules(facts, rulebook=estate.rulebook, as_of=call.now.date())


def _options(tx: Tx, kind: Kind, title: str) -> list[Option]:
    found = [Option(one.name, f"{getattr(one.spec, title)} ({one.name})") for one in registry.every(tx, kind)]
    return [Option("", "Choose one"), *found]


def _fields(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Give the endpoint one form field for each field of the intake, since the vocabulary names them."""
    names = intake_form.field_names(_QUESTIONS)
    texts = Annotated[list[Annotated[str, Form(max_length=5000)]], Form(max_length=40)]
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind)
        for name, kind in (("tx", Tx), ("call", Call))
    ]
    fields = [
        inspect.Parameter(f"{name}", inspect.Parameter.KEYWORD_ONLY, annotation=texts, default=[])
        for name in names
    ]
    endpoint.__signature__ = inspect.Signature([*own, *fields])  # type: ignore[attr-defined]
    endpoint.__annotations__ = {one.name: one.annotation for one in (*own, *fields)}
    return endpoint


@router.form("/use-cases/new", permission="registry.declare")
@_fields
def declare_use_case(tx: Tx, call: Call, **sent: list[str]) -> Any:
    """Declare what the form says, managed by the console."""
    if intake_form.PREVIEW in sent.get(intake_form.STEP_FIELD, ()):
        return _intake_view(tx, call, sent, issues=())
    document = intake_form.document(sent, _QUESTIONS)
    name = document["metadata"]["name"]
    if registry.find(tx, USE_CASE, name) is not None:
        taken = Issue("There is a use case of that name already.", "Choose another.", "metadata.name")
        return _intake_view(tx, call, sent, issues=[taken])
    try:
        planned = registry_operations.plan(
            tx,
            assembly_of(call),
            manifests=[Manifest(document, "", 0, {})],
            managed_by="console",
            actor=actor_of(call),
            now=call.now,
        )
    except InvalidError as error:
        return _intake_view(tx, call, sent, issues=error.issues or [Issue(error.what, error.fix)])
    registry_operations.save(tx, assembly_of(call), planned, actor=actor_of(call), now=call.now)
    return Redirect(
        f"/use-cases/{name}", notice="It is declared. Below is what is between it and its first call."
    )


@router.page("/use-cases/{name}", permission="governance.read")
def use_case_page(tx: Tx, call: Call, name: UseCaseName) -> View:
    """One use case: what is between it and its first call, and everything about it."""
    standing = queries.standing(tx, use_case=name, now=call.now)
    estate = queries.around(tx)
    stored = registry.get(tx, USE_CASE, name)
    spec, principal = stored.spec, call.who.principal
    mark, sentence = case_page.headline(standing)
    curl, python = case_page.snippets(spec, gateway_url=call.parts.sockets.get(GATEWAY_URL, ""))
    model = case_page.CasePage(
        name=name,
        status=case_page.state_status(standing),
        summary=spec.summary,
        action=action_of(call, standing.ref, stored.namespace),
        tabs=tabs_of(name),
        facts=_head_facts(standing, spec.bucket),
        headline=mark,
        headline_text=sentence,
        checks=case_page.checklist(standing),
        tier=case_page.tier_reasons(standing.tier),
        approvals=case_page.approvals_table(standing),
        forms=case_page.approval_forms(standing, principal),
        withdrawable=[one for one in standing.said.approvals if one.person == principal and one.counts],
        owners=case_page.owners_table(spec, estate),
        calls=case_page.calls(spec, standing),
        curl=curl,
        python=python,
        events=case_page.events(standing, spec, registry.history(tx, USE_CASE, name)),
        yaml=manifest.source_text([("", stored.resource.manifest())]),
        managed=_managed(stored.managed_by, stored.declared_at),
        publish=case_page.publishing(
            standing,
            may=call.who.may("registry.declare", namespace=stored.namespace),
            published=registry.find(tx, BLUEPRINT, name) is not None,
        ),
        autonomy=autonomy_panel.panel(
            autonomy_figures.of_standing(tx, standing, now=call.now),
            may=call.who.may("autonomy.decide", namespace=stored.namespace),
            principal=principal,
        ),
    )
    return View(
        title=standing.title,
        template="governance/use_case.html",
        model=model,
        table=_check_table(model.checks),
        breadcrumbs=(Crumb("Portfolio", PORTFOLIO),),
        active=PORTFOLIO,
        command=f"roadworthy explain {standing.ref}",
    )


def _head_facts(standing: Standing, bucket: str | None) -> list[tuple[str, Cell]]:
    return [
        ("Stage", standing.stage),
        ("Unit", standing.namespace),
        ("Bucket", bucket),
        ("Outcome", Link(standing.outcome, f"/outcomes/{standing.outcome}")),
        ("Risk tier", case_page.tier_status(standing.tier)),
    ]


def _managed(by: str, declared_at: str) -> str:
    if by == "file":
        where = f" ({declared_at})" if declared_at != by else ""
        return (
            f"Managed by a file{where}: change it there and apply it; the console does not write over files."
        )
    return "Managed by the console: it has no file. `roadworthy export` writes one."


def tabs_of(name: str, *, current: str = "Overview") -> tuple[Tab, ...]:
    """Return the views of a use case."""
    declared = f"/declared/use-case/{name}"
    return (
        Tab("Overview", f"/use-cases/{name}", current=current == "Overview"),
        Tab("Gate", f"/use-cases/{name}/gate", current=current == "Gate"),
        Tab("Rules", f"/use-cases/{name}/rules"),
        Tab("Controls", f"/use-cases/{name}/controls"),
        Tab("Scorecard", f"/scorecard/{name}"),
        Tab("Traces", f"/traces?use_case={name}"),
        Tab("Declaration", f"{declared}?tab=yaml"),
        Tab("History", f"{declared}?tab=history"),
    )


def _check_table(checks: Sequence[Check]) -> Table:
    return Table(
        columns=[
            Column(key="what", title="What"),
            Column(key="status", title="Status"),
            Column(key="why", title="Why"),
            Column(key="next_step", title="Next"),
        ],
        rows=[
            {"what": one.what, "status": one.status, "why": one.why, "next_step": one.next_step}
            for one in checks
        ],
    )


@router.form("/use-cases/{name}/approvals", permission="approval.give")
def decide(
    tx: Tx,
    call: Call,
    name: UseCaseName,
    decision: Annotated[str, Form(pattern="^(approve|refuse|dissent)$")],
    role: Annotated[str, Form(max_length=60)],
    digest: Annotated[str, Form(pattern="^[0-9a-f]{64}$")],
    comment: Annotated[str, Form(max_length=2000)] = "",
    expires_on: Annotated[str, Form(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
) -> Redirect:
    """Approve or refuse what the page showed."""
    actor, given = actor_of(call), {"use_case": name, "role": role, "comment": comment.strip()}
    if decision == "refuse":
        operations.refuse_approval(tx, **given, digest=digest, actor=actor, now=call.now)
        return Redirect(f"/use-cases/{name}", notice="Your refusal is recorded, with its reason.")
    if decision == "dissent":
        operations.dissent(tx, **given, digest=digest, actor=actor, now=call.now)
        return Redirect(f"/use-cases/{name}", notice="Your dissent is recorded; it blocks nothing.")
    operations.give_approval(
        tx, **given, digest=digest, expires_at=_day(expires_on), actor=actor, now=call.now
    )
    return Redirect(f"/use-cases/{name}", notice=f"Your approval as {role} is recorded.")


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) if text else None
    except ValueError as error:
        raise InvalidError(f"`{text}` is no date.", fix="Write it as 2027-01-31.") from error


@router.form("/use-cases/{name}/approvals/withdraw", permission="approval.give")
def withdraw(
    tx: Tx, call: Call, name: UseCaseName, approval: Annotated[str, Form(max_length=60)]
) -> Redirect:
    """Take an approval back."""
    operations.withdraw_approval(tx, use_case=name, approval=approval, actor=actor_of(call), now=call.now)
    return Redirect(f"/use-cases/{name}", notice="Your approval is withdrawn; it no longer counts.")
