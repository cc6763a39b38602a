"""Pure: where a use case stands, as the parts of a console page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Code,
    Column,
    Empty,
    Event,
    Link,
    State,
    Status,
    Tab,
    Table,
)
from roadworthy.governance.approvals import Approval, Need
from roadworthy.governance.autonomy_panel import AutonomyPanel
from roadworthy.governance.estate import Estate
from roadworthy.governance.standing import Standing
from roadworthy.rules.tier import TierVerdict
from roadworthy.use_cases.kinds import UseCase
from roadworthy.use_cases.ownership import SIDE_TITLES, SIDES

_STATES: dict[str, Status] = {
    "granted": Status("good", "granted"),
    "waiting for approval": Status("warn", "waiting for approval"),
    "not ready": Status("warn", "not ready"),
    "prohibited": Status("bad", "prohibited"),
    "stopped": Status("none", "stopped"),
}
_TIERS: dict[str, State] = {"minimal": "info", "limited": "info", "high": "warn", "prohibited": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalForm:
    """One role in which the reader may decide now."""

    role: str
    digest: str
    valid_days: int
    command: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """The model of `use_case.html`."""

    name: str
    status: Status
    summary: str
    action: Link | None
    tabs: Sequence[Tab]
    facts: Sequence[tuple[str, Cell]]
    headline: Status
    headline_text: str
    checks: Sequence[Check]
    tier: Sequence[Check]
    approvals: Table
    forms: Sequence[ApprovalForm]
    withdrawable: Sequence[Approval]
    owners: Table
    calls: Sequence[tuple[str, Cell]]
    curl: str
    python: str
    events: Sequence[Event]
    yaml: str
    managed: str
    publish: str
    """What to press to let others start from it; empty where it cannot be published, or not by the reader."""
    autonomy: AutonomyPanel


_URGENCY: dict[str, int] = {"bad": 0, "none": 1, "warn": 2, "info": 3, "good": 4}


def state_status(standing: Standing) -> Status:
    """Return the chip of where it stands."""
    return _STATES[standing.state]


def tier_status(tier: TierVerdict) -> Status:
    """Return the chip of a tier; a provisional one says so."""
    if tier.provisional:
        return Status("none", f"at least {tier.tier}")
    return Status(_TIERS[tier.tier], tier.tier)


def tier_name(tier: str) -> Status:
    """Return the chip of a settled tier."""
    return Status(_TIERS[tier], tier)


def headline(standing: Standing) -> tuple[Status, str]:
    """Say in one sentence whether it may call, and what is next if not."""
    grant, block = standing.grant, standing.block
    if grant is not None:
        what = ", ".join([*grant.models, *grant.routes])
        return Status("good", "It may call"), f"{what}, until {grant.expires_at:%Y-%m-%d %H:%M} UTC."
    assert block is not None
    count = len(block.reasons)
    things = "1 thing is" if count == 1 else f"{count} things are"
    return (
        Status("bad" if standing.state == "prohibited" else "warn", "It may not call yet"),
        f"{things} between it and its next call. First: {block.reasons[0].next_step}",
    )


def checklist(standing: Standing) -> list[Check]:
    """List what is between a use case and its first call: what is missing first, what holds last."""
    found = [
        Check(
            status=Status("good", "holds") if point.holds else Status("bad", "missing"),
            what=point.what,
            why=point.why,
            next_step="" if point.holds else point.next_step,
        )
        for point in standing.pilot.points
    ]
    found += _ownership(standing)
    found.append(_tier_check(standing))
    found += [_need_check(need) for need in standing.needs]
    if standing.asked.approves_itself and not standing.needs:
        why = "A use case of minimal risk needs nobody's approval once nothing else is missing."
        found.append(Check(status=Status("good", "by itself"), what="Approves itself", why=why))
    found += [
        Check(
            status=Status("warn", "dissent"),
            what=f"{one.person} is against it as {one.role}",
            why=one.comment,
            next_step="It blocks nothing; the grant names it.",
        )
        for one in standing.said.dissents
    ]
    found += [
        Check(
            status=Status("bad", "refused"),
            what=f"{one.person} refused it as {one.role}",
            why=one.comment,
            next_step="Change what they object to, or ask them to approve it after all.",
        )
        for one in standing.said.refusals
    ]
    others = standing.block.reasons if standing.block else ()
    found += [
        Check(status=Status("bad", "missing"), what=one.message, next_step=one.next_step)
        for one in others
        if one.code in {"nothing-to-call", "stopped"}
    ]
    return sorted(found, key=lambda one: _URGENCY[one.status.state])


def _ownership(standing: Standing) -> list[Check]:
    if not standing.ownership.gaps:
        return [Check(status=Status("good", "holds"), what="Owners and deputies on all five sides")]
    blocks = standing.asked.deputies == "block"
    found = []
    for side in SIDES:  # one line for each side, so that a bare declaration is not ten complaints
        gaps = [gap for gap in standing.ownership.gaps if gap.side == side]
        if gaps:
            missing = blocks or any(gap.about_owner for gap in gaps)
            found.append(
                Check(
                    status=Status("bad", "missing") if missing else Status("warn", "gap"),
                    what=" ".join(gap.message for gap in gaps),
                    next_step=" ".join(gap.next_step for gap in gaps),
                )
            )
    return found


def _tier_check(standing: Standing) -> Check:
    tier = standing.tier
    if tier.tier == "prohibited":
        status, step = Status("bad", "prohibited"), "Nobody can approve it. Change what it does, or stop it."
    elif tier.provisional:
        asked = ", ".join(question.fact for question in tier.questions)
        status, step = Status("none", "open questions"), f"Answer under `intake.facts`: {asked}."
    else:
        status, step = Status("good", "settled"), ""
    return Check(status=status, what="Risk tier", why=tier.sentence(), next_step=step)


def _need_check(need: Need) -> Check:
    if not need.missing:
        until = min(one.expires_at for one in need.held)
        by = ", ".join(one.by for one in need.held)
        why = f"By {by}, until {until:%Y-%m-%d}. {_asked_because(need)}".strip()
        return Check(status=Status("good", "given"), what=f"Approval as {need.role}", why=why)
    can = " or ".join(need.can_give[:5])
    step = f"Ask {can}." if can else f"Nobody can give it: bind {need.role} to somebody who did not write it."
    cannot = "; ".join(f"{person} cannot, who {reason}" for person, reason in need.cannot[:5])
    why = ". ".join(part.rstrip(".") for part in (_asked_because(need), cannot) if part)
    return Check(status=Status("bad", "missing"), what=f"Approval as {need.role}", why=why, next_step=step)


def _asked_because(need: Need) -> str:
    duties = [one for one in need.because if not one.startswith("its tier")]
    return f"Asked because {duties[0]}." if duties else ""


def tier_reasons(tier: TierVerdict) -> list[Check]:
    """List the rules that hold with the answers they rest on, and the open ones with what they ask."""
    found = [
        Check(
            status=Status(_TIERS[one.tier], one.tier),
            what=one.title,
            why=one.because,
            next_step="",
        )
        if not one.answers
        else Check(
            status=Status(_TIERS[one.tier], one.tier),
            what=one.title,
            why=f"{one.because} ({'; '.join(f'{name}: {value}' for name, value in one.answers)})",
        )
        for one in tier.fired
    ]
    return found + [
        Check(
            status=Status("none", f"could be {one.tier}"),
            what=one.title,
            why=f"Open: {', '.join(one.missing)}.",
        )
        for one in tier.open
    ]


def publishing(standing: Standing, *, may: bool, published: bool) -> str:
    """Say what publishing it as a blueprint would be; empty where it may not call, or the reader may not."""
    if standing.grant is None or not may:
        return ""
    return "Publish it again" if published else "Publish as a blueprint"


def approvals_table(standing: Standing) -> Table:
    """List every approval that was given, and whether it counts."""
    return Table(
        columns=[
            Column(key="role", title="Role"),
            Column(key="person", title="Who"),
            Column(key="state", title="Counts"),
            Column(key="at", title="Given"),
            Column(key="expires_at", title="Until"),
            Column(key="comment", title="Comment"),
        ],
        rows=[
            {
                "role": one.role,
                "person": one.by,
                "state": Status("good", "yes") if one.counts else Status("none", f"no: {one.why}"),
                "at": one.at,
                "expires_at": one.expires_at,
                "comment": one.comment or None,
            }
            for one in reversed(standing.said.approvals)
        ],
        caption="Approvals given",
        empty=Empty(
            sentence="Nobody has approved it yet.", command=f"roadworthy approve {standing.ref} --as ROLE"
        ),
    )


def approval_forms(standing: Standing, principal: str) -> list[ApprovalForm]:
    """Return the roles in which a person may decide about it now."""
    if standing.tier.provisional:
        return []
    return [
        ApprovalForm(
            role=need.role,
            digest=standing.digest,
            valid_days=need.valid_days,
            command=f"roadworthy approve {standing.ref} --as {need.role}",
            id=f"approve-{need.role}",
        )
        for need in standing.needs
        if principal in need.can_give
    ]


def owners_table(spec: UseCase, estate: Estate) -> Table:
    """List the five sides with who owns them and who stands in."""

    def shown(name: str | None) -> Cell:
        return None if name is None else Link(estate.display(f"person/{name}"), f"/declared/person/{name}")

    return Table(
        columns=[
            Column(key="side", title="Side"),
            Column(key="owner", title="Owner"),
            Column(key="deputy", title="Deputy"),
        ],
        rows=[
            {
                "side": SIDE_TITLES[side].capitalize(),
                "owner": shown(getattr(spec.owners, side).owner),
                "deputy": shown(getattr(spec.owners, side).deputy),
            }
            for side in SIDES
        ],
        caption="Who answers for it",
    )


def calls(spec: UseCase, standing: Standing) -> list[tuple[str, Cell]]:
    """List what it may call and how its calls are kept."""
    named: list[tuple[str, Cell]] = [
        *(("Model", Link(name, f"/declared/model/{name}")) for name in spec.models),
        *(("Route", Link(name, f"/declared/route/{name}")) for name in spec.routes),
    ]
    grant = standing.grant
    return [
        *(named or [("Models", None)]),
        ("Grant", Code(grant.id) if grant else Status("none", "none")),
        ("Grant ends", grant.expires_at if grant else None),
        ("Texts of calls", "kept" if spec.logging == "full" else "not kept"),
        ("Records kept", f"{spec.retention_days} days"),
        ("Autonomy", f"{standing.autonomy.effective} (declared: {spec.autonomy})"),
    ]


def snippets(spec: UseCase, *, gateway_url: str) -> tuple[str, str]:
    """Return how to call it with curl and with the stock client; the key is the reader's own."""
    called = (*spec.models, *spec.routes, "MODEL")[0]
    curl = (
        f"curl {gateway_url}/v1/chat/completions \\\n"
        '  -H "Authorization: Bearer $ROADWORTHY_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f'  -d \'{{"model": "{called}", "messages": [{{"role": "user", "content": "Hello"}}]}}\''
    )
    python = (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{gateway_url}/v1", api_key=os.environ["ROADWORTHY_KEY"])\n'
        "answer = client.chat.completions.create(\n"
        f'    model="{called}", messages=[{{"role": "user", "content": "Hello"}}]\n)\n'
        "print(answer.choices[0].message.content)"
    )
    return curl, python


def events(standing: Standing, spec: UseCase, history: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Put declarations, decisions and dates in one line of time, newest first."""
    base = f"/declared/{standing.ref}?tab=history"
    found = [
        Event(
            at=datetime.fromisoformat(one["at"]),
            what=f"{str(one['action']).capitalize()}d" if one["action"] != "adopt" else "Adopted",
            by=one["actor"],
            why=f"generation {one['generation']}"
            + (f": {_paths(one['changed'])}" if one["action"] == "update" and one["changed"] else ""),
            href=base,
        )
        for one in history
    ]
    found += [
        Event(at=one.at, what=f"Approved as {one.role}", by=one.by, state="good", why=one.comment)
        for one in standing.said.approvals
    ]
    found += [
        Event(at=one.at, what=f"Dissented as {one.role}", by=one.person, state="warn", why=one.comment)
        for one in standing.said.dissents
    ]
    found += [
        Event(at=one.at, what=f"Refused as {one.role}", by=one.person, state="bad", why=one.comment)
        for one in standing.said.refusals
    ]
    found += [
        Event(
            at=datetime.combine(one.date, time(), UTC),
            what=one.event.capitalize(),
            state="warn" if one.event in {"rollback", "stop"} else "info",
            why=one.note or "",
        )
        for one in spec.timeline
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _paths(changed: Sequence[str]) -> str:
    named = ", ".join(path.removeprefix("spec.") for path in changed[:6])
    return named + (f" and {len(changed) - 6} more" if len(changed) > 6 else "")


def portfolio_table(standings: Sequence[Standing], *, url: str, buckets: Mapping[str, str]) -> Table:
    """List use cases with where each stands."""
    return Table(
        columns=[
            Column(key="title", title="Use case"),
            Column(key="state", title="Grant"),
            Column(key="tier", title="Risk tier"),
            Column(key="stage", title="Stage"),
            Column(key="unit", title="Unit"),
            Column(key="bucket", title="Bucket"),
            Column(key="outcome", title="Outcome"),
            Column(key="grant_until", title="Until"),
        ],
        rows=[
            {
                "title": one.title,
                "state": state_status(one),
                "tier": tier_status(one.tier),
                "stage": one.stage,
                "unit": one.namespace,
                "bucket": buckets.get(one.use_case) or None,
                "outcome": Link(one.outcome, f"/outcomes/{one.outcome}"),
                "grant_until": one.grant.expires_at if one.grant else None,
                "href": f"/use-cases/{one.use_case}",
            }
            for one in standings
        ],
        caption="Use cases",
        url=url,
        empty=Empty(
            sentence="No use case is declared here. It begins with the outcome that it serves.",
            command="roadworthy apply -f use-case.yaml",
            link=Link("Declare a use case", "/use-cases/new"),
        ),
    )
