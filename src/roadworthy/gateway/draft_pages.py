"""The console's pages of drafts: what waits for a person, and the one form that decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Form, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.drafts import queries
from roadworthy.drafts.draft import Draft, State, Verdict
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Crumb,
    Empty,
    Filter,
    Link,
    ListPage,
    Option,
    Status,
    Table,
)
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import View
from roadworthy.gateway import draft_door
from roadworthy.gateway.door import seen_by
from roadworthy.governance import autonomy_operations
from roadworthy.registry.door import actor_of, clean

router = Router(tag="console")
DRAFTS = "/drafts"
DraftId = Annotated[str, Path(max_length=140)]
_STATES: dict[State, Status] = {
    "waiting": Status("warn", "waits"),
    "released": Status("good", "released"),
    "rejected": Status("bad", "rejected"),
    "reviewed": Status("good", "reviewed"),
    "lapsed": Status("none", "lapsed"),
}
_FORMS = {
    "withheld": "Withheld: its caller gets the answer once it is released.",
    "marked": "Marked: its caller has the answer, and acts on it once it is released.",
    "sample": "Sample: the answer went out; say what you would have done with it.",
}
_WORDS = {"accepted": "as it was", "edited": "with changes", "rejected": "rejected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPage:
    """The model of `draft.html`: an answer, what was asked, and the form that decides."""

    id: str
    status: Status
    lead: str
    facts: Sequence[tuple[str, Cell]]
    prompt: str
    texts: Sequence[str]
    response: str
    whole: str
    note: str
    may_decide: bool
    may_change: bool
    sample: bool


@router.page(DRAFTS, permission="usage.read")
def drafts_page(
    tx: Tx,
    call: Call,
    use_case: Annotated[str, Query(max_length=140)] = "",
    state: Annotated[Literal["waiting", "all"], Query()] = "waiting",
) -> View:
    """Show the answers that wait for a person, or all that did."""
    seen, name = seen_by(tx, call, "usage.read"), clean(use_case).removeprefix("use-case/")
    if state == "waiting":
        found = queries.waiting(tx, now=call.now, use_case=name, use_cases=seen, limit=queries.PAGE_MAX)
    else:
        found = queries.newest(tx, use_case=name, use_cases=seen, limit=queries.PAGE_MAX)
    named = sorted({one.use_case for one in found} | ({name} if name else set()))
    return View(
        title="Drafts",
        template="table_page.html",
        model=ListPage(
            lead="Answers of models that a person releases before anything follows from them, and samples of "
            "those that went out.",
            filters=(
                Filter(
                    name="state",
                    label="Show",
                    value=state,
                    options=(Option("waiting", "What waits"), Option("all", "All")),
                ),
                Filter(
                    name="use_case",
                    label="Use case",
                    value=name,
                    options=(Option("", "All"), *(Option(one, one) for one in named)),
                ),
            ),
        ),
        table=_table(call, found),
        active=DRAFTS,
        command="roadworthy draft list" + (f" --use-case {name}" if name else ""),
    )


def _table(call: Call, found: Sequence[Draft]) -> Table:
    may = call.who.may("draft.decide")
    rows: list[dict[str, Cell]] = [
        {
            "href": f"{DRAFTS}/{one.id}" if may else f"/traces/{one.call}",
            "draft": one.id,
            "made_at": one.made_at,
            "use_case": one.use_case,
            "form": one.form,
            "principal": one.principal,
            "state": _STATES[one.state(call.now)],
            "decided_by": one.decided_by or None,
        }
        for one in found
    ]
    columns = (
        Column(key="draft", title="Draft"),
        Column(key="made_at", title="Since"),
        Column(key="use_case", title="Use case"),
        Column(key="form", title="Form"),
        Column(key="principal", title="Caller"),
        Column(key="state", title="Stands"),
        Column(key="decided_by", title="Decided by"),
    )
    return Table(
        columns=columns,
        rows=rows,
        url=DRAFTS,
        empty=Empty(sentence="No answer waits for a person.", command="roadworthy draft list"),
    )


@router.page(f"{DRAFTS}/{{draft_id}}", permission="draft.decide", access="write")
def draft_page(tx: Tx, call: Call, draft_id: DraftId) -> View:
    """Show one draft to who decides about it; the reading of its texts is recorded."""
    found = queries.get(tx, clean(draft_id))
    draft_door.require(call, found)
    own = found.principal == call.who.principal
    said = (
        draft_door.Content(prompt="", texts=(), response="") if own else draft_door.content(tx, call, found)
    )
    state = found.state(call.now)
    return View(
        title="Draft",
        template="gateway/draft.html",
        model=DraftPage(
            id=found.id,
            status=_STATES[state],
            lead=_FORMS[found.form],
            facts=_facts(tx, found),
            prompt=said.prompt,
            texts=said.texts,
            response=said.response,
            whole=said.whole,
            note=_note(found, said, own=own),
            may_decide=state == "waiting" and not own,
            may_change=found.form == "withheld",
            sample=found.form == "sample",
        ),
        breadcrumbs=(Crumb("Drafts", DRAFTS),),
        active=DRAFTS,
        command=f"roadworthy draft release {found.id}",
    )


def _facts(tx: Tx, found: Draft) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [
        ("Draft", Code(found.id)),
        ("Call", Link(found.call, f"/traces/{found.call}")),
        ("When", found.made_at),
        ("Use case", Link(found.use_case, f"/use-cases/{found.use_case}#autonomy")),
        ("Caller", found.principal),
        ("Model", found.model),
        ("Can be decided until", found.expires_at),
    ]
    said = queries.decision(tx, found)
    if said is not None and found.verdict is not None:
        facts += [
            ("Decided", _WORDS[found.verdict]),
            ("Decided by", found.decided_by),
            ("Reason", said.fact.reason or None),
            ("Proof", Link(f"Audit entry {found.entry}", f"/audit/{found.entry}")),
        ]
    return facts


def _note(found: Draft, said: draft_door.Content, *, own: bool) -> str:
    if own:
        return "You made this call: somebody else decides about its answer."
    if said.whole or said.response:
        return "" if said.prompt else "What was asked is not kept: the use case logs metadata only."
    if found.form == "withheld":
        return "The answer is no longer kept."
    return (
        "The answer is not kept here: the use case logs metadata only. Look at it where its caller shows it."
    )


class DraftForm(BaseModel):
    """What a person decides about an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    decision: Literal["release", "edited", "reject"]
    reason: Annotated[str, Field(max_length=2000)] = ""
    texts: Annotated[list[str], Field(max_length=500)] = Field(default_factory=list)


_VERDICTS: dict[str, Verdict] = {"release": "accepted", "edited": "edited", "reject": "rejected"}


@router.form(f"{DRAFTS}/{{draft_id}}/decide", permission="draft.decide", body_limit=2 * 1024 * 1024)
def decide_draft(
    tx: Tx,
    call: Call,
    draft_id: DraftId,
    form: Annotated[DraftForm, Form()],
) -> Redirect:
    """Decide about a draft; one whose texts were changed is released with the changes."""
    found = queries.get(tx, clean(draft_id))
    draft_door.require(call, found)
    verdict, changed = _VERDICTS[form.decision], None
    if form.decision == "release" and found.form == "withheld" and form.texts:
        # Browsers send every end of a line as CR LF.
        sent = [one.replace("\r\n", "\n") for one in form.texts]
        known = [one.replace("\r\n", "\n") for one in draft_door.content(tx, call, found).texts]
        if sent != known:
            verdict, changed = "edited", draft_door.changed(tx, found, sent)
    autonomy_operations.decide_draft(
        tx,
        draft_id=found.id,
        verdict=verdict,
        reason=clean(form.reason),
        changed=changed,
        actor=actor_of(call),
        now=call.now,
    )
    following = queries.waiting(tx, now=call.now, use_case=found.use_case, limit=1)
    to = f"{DRAFTS}/{following[0].id}" if following else DRAFTS
    said = (
        "is reviewed"
        if found.form == "sample"
        else f"is {'rejected' if verdict == 'rejected' else 'released'}"
    )
    return Redirect(to, notice=f"The draft {said}." + (" This is the next one." if following else ""))
