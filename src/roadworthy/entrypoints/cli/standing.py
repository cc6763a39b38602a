"""Pure: the standing of a use case as text for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roadworthy.entrypoints.cli.output import printable


def standing_text(found: dict[str, Any]) -> str:
    """Say what is between a use case and its calls, or what it may call until when."""
    return "\n".join(
        [
            f"{found['ref']}: {printable(found['title'])}",
            f"{found['state'].capitalize()} · stage {found['stage']} · outcome/{found['outcome']}",
            "",
            *_verdict(found),
            "",
            f"Risk tier: {printable(found['tier']['sentence'])}",
            *_tier(found["tier"]),
            "",
            "Pilot test: " + ("passed" if found["pilot_test"]["passed"] else "not passed"),
            *(
                f"  {'yes' if one['holds'] else 'NO '} {printable(one['what'])}"
                for one in found["pilot_test"]["points"]
            ),
            "",
            *_owners(found["ownership"]["gaps"]),
            "",
            *_approvals(found["approvals"]),
        ]
    )


def _verdict(found: dict[str, Any]) -> Iterator[str]:
    grant = found["grant"]
    if grant:
        named = [*(f"model/{one}" for one in grant["models"]), *(f"route/{one}" for one in grant["routes"])]
        yield f"It may call {', '.join(named)} until {grant['expires_at'][:10]}."
        yield f"The grant is made of: {'; '.join(map(printable, grant['made_of']))}"
        for one in grant["warnings"]:
            yield f"  warning: {printable(one)}"
        return
    yield "Between it and its next call:"
    for place, one in enumerate(found["block"], 1):
        yield f"  {place}. {printable(one['message'])}"
        yield f"     do: {printable(one['next_step'])}"
        if one["who_can_change"]:
            yield f"     who: {', '.join(map(printable, one['who_can_change']))}"
        yield f"     from: {printable(one['declaration'])}"


def _tier(tier: dict[str, Any]) -> Iterator[str]:
    for one in tier["fired"]:
        answers = ", ".join(f"{answer['fact']}: {answer['value']}" for answer in one["answers"])
        yield f"  {one['rule']}: {printable(one['title'])}{f' ({printable(answers)})' if answers else ''}"
        if one["because"]:
            yield f"      {printable(one['because'])}"
    for one in tier["questions"]:
        yield f"  open: {one['fact']}: {printable(one['question'])}"


def _owners(gaps: list[dict[str, Any]]) -> Iterator[str]:
    if not gaps:
        yield "Owners: all five sides have an owner and a deputy"
        return
    yield "Owners:"
    for one in gaps:
        yield f"  {'missing' if one['blocks'] else 'warning'}: {printable(one['message'])}"


def _approvals(approvals: dict[str, Any]) -> Iterator[str]:
    if approvals["approves_itself"]:
        yield "Approvals: nobody has to approve; it approves itself once nothing is missing"
    else:
        yield "Approvals:" if approvals["needed"] else "Approvals: none would help"
    for need in approvals["needed"]:
        held = ", ".join(need["held_by"])
        if not need["missing"]:
            yield f"  {need['role']}: {printable(held)}"
        else:
            can = ", ".join(need["can_give"]) or "nobody"
            yield f"  {need['role']}: {need['missing']} missing; can give it: {printable(can)}"
        for one in need["because"]:
            if not one.startswith("its tier"):
                yield f"      asked because {printable(one)}"
        for one in need["cannot"]:
            yield f"      not {printable(one['person'])}, who {printable(one['why'])}"
    for one in approvals["refused"]:
        yield f"  refused by {one['person']} as {one['role']}: {printable(one['comment'])}"
    for one in approvals["dissents"]:
        yield f"  dissent of {one['person']} as {one['role']}: {printable(one['comment'])}"
