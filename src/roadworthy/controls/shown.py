"""Pure: how controls are shown: chips, the matrix of use cases and areas, the list of one use case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from roadworthy.controls.catalogue import ControlCatalogue
from roadworthy.controls.control import STATES, Control, ControlState, State
from roadworthy.controls.piece import Piece
from roadworthy.controls.signal import spoken
from roadworthy.foundation.web.parts import Cell, Check, Code, Column, Empty, Link, Status, Table
from roadworthy.foundation.web.parts import State as Shape

CONTROLS = "/controls"
_SHAPES: Mapping[State, Shape] = {
    "holds": "good",
    "waived": "info",
    "stale": "warn",
    "unknown": "none",
    "fails": "bad",
}
_WORDS: Mapping[State, str] = {"fails": "fail", "stale": "stale", "unknown": "unknown", "waived": "waived"}
_EVIDENCE: Mapping[str, Shape] = {"counts": "good", "expired": "warn", "withdrawn": "none"}


def chip(one: ControlState) -> Status:
    """Return one state as shape and word."""
    word = one.state if one.waived_until is None else f"waived until {one.waived_until:%Y-%m-%d}"
    return Status(_SHAPES[one.state], word)


def summed(states: Iterable[ControlState]) -> Status | None:
    """Return the most pressing state of several with how many have it; None where none is asked."""
    held = list(states)
    if not held:
        return None
    worst = min((one.state for one in held), key=STATES.index)
    count = sum(one.state == worst for one in held)
    if worst == "holds":
        return Status("good", "holds" if count == 1 else f"all {count} hold")
    word = _WORDS[worst] if count > 1 or worst != "fails" else "fails"
    return Status(_SHAPES[worst], f"{count} {word}" if len(held) > 1 else word)


def matrix(
    rows: Sequence[tuple[str, str, str, Mapping[str, ControlState]]],
    book: ControlCatalogue,
    *,
    area: str,
    url: str,
    next_cursor: str,
) -> Table:
    """Return use cases by areas; of one area, by its controls. Rows are (name, title, tier, states)."""
    groups: dict[str, tuple[str, list[str]]] = {}
    for control in book.controls.values():
        if area and control.area == area:
            groups[control.id.lower()] = (control.id, [control.id])
        elif not area:
            key = control.area.lower().replace(" ", "_")
            groups.setdefault(key, (control.area, []))[1].append(control.id)
    asked = {control for *_, states in rows for control in states}
    # What is asked of none of these is no column: the others then fit beside each other.
    groups = {key: one for key, one in groups.items() if asked.intersection(one[1])} or groups
    columns = (
        Column(key="use_case", title="Use case"),
        Column(key="tier", title="Tier"),
        *(Column(key=key, title=title) for key, (title, _) in groups.items()),
    )
    shown: list[dict[str, Cell]] = [
        {
            "href": case_href(name),
            "use_case": title,
            "tier": tier or None,
            **{
                key: summed(states[control] for control in controls if control in states)
                for key, (_, controls) in groups.items()
            },
        }
        for name, title, tier, states in rows
    ]
    empty = Empty(sentence="No use case has such a control.", command="roadworthy controls list")
    return Table(
        caption="Controls by use case",
        columns=columns,
        rows=shown,
        url=url,
        next_cursor=next_cursor or None,
        empty=empty,
    )


def case_href(name: str) -> str:
    """Return the address of a use case's controls."""
    return f"/use-cases/{name}/controls"


def control_href(control: str) -> str:
    """Return the address of a control."""
    return f"{CONTROLS}/catalogue/{control}"


def checks(states: Mapping[str, ControlState], controls: Mapping[str, Control]) -> list[Check]:
    """Return what does not pass, with what to do about it, the most pressing first."""
    pressing = [one for one in states.values() if one.state != "holds"]
    return [
        Check(
            status=chip(one),
            what=f"{one.control}: {controls[one.control].title}",
            why=one.because,
            next_step=next_step(one, controls[one.control]),
            link=Link("Look at the control", control_href(one.control)),
        )
        for one in sorted(pressing, key=lambda one: (STATES.index(one.state), one.control))
    ]


def next_step(one: ControlState, control: Control) -> str:
    """Say what makes a control hold."""
    if one.state == "waived":
        return "Close the gap before the exception ends."
    wanted = one.missing or tuple(
        signal.name for signal in one.evidence if control.definitions[signal.name].evidence
    )
    kinds = sorted({kind for name in wanted for kind in control.definitions[name].evidence})
    if kinds:
        return f"File evidence of kind {' or '.join(kinds)}."
    side = control.owner.replace("_", " and ")
    return f"The {side} side answers for it; it turns as soon as what is named here is set right."


def states_table(states: Mapping[str, ControlState], controls: Mapping[str, Control]) -> Table:
    """Return every control of one use case."""
    ordered = sorted(states.values(), key=lambda one: (STATES.index(one.state), one.control))
    return Table(
        caption="Its controls",
        columns=(
            Column(key="control", title="Control"),
            Column(key="state", title="State"),
            Column(key="title", title="What holds"),
            Column(key="area", title="Area"),
            Column(key="because", title="Because"),
            Column(key="self_attested", title="Own word"),
            Column(key="holds_until", title="Holds until"),
        ),
        rows=[
            {
                "href": control_href(one.control),
                "control": one.control,
                "state": chip(one),
                "title": controls[one.control].title,
                "area": controls[one.control].area,
                "because": one.because,
                "self_attested": Status("info", "self-attested") if one.self_attested else None,
                "holds_until": one.holds_until,
            }
            for one in ordered
        ],
        empty=Empty(sentence="Neither its tier nor a rule asks for a control."),
    )


def evidence_table(pieces: Iterable[Piece], *, now: datetime) -> Table:
    """Return pieces of evidence, newest first."""
    rows: list[dict[str, Cell]] = [
        {
            "kind": one.fact.kind,
            "says": "; ".join(f"{name} is {spoken(value)}" for name, value in one.fact.values.items()),
            "state": Status(_EVIDENCE[one.state(now)], one.state(now)),
            "own": Status("info", "self-attested") if one.fact.self_attested else None,
            "about": Code(one.fact.about),
            "observed_at": one.fact.observed_at,
            "expires_at": one.fact.expires_at,
            "by": one.recorded.actor,
            "file": Link(one.fact.name or "file", f"/v1/evidence/{one.recorded.id}/file"),
            "entry": Link(f"Audit entry {one.recorded.audit_seq}", f"/audit/{one.recorded.audit_seq}"),
        }
        for one in sorted(pieces, key=lambda one: one.recorded.audit_seq, reverse=True)
    ]
    return Table(
        caption="Evidence from outside",
        columns=(
            Column(key="kind", title="Kind"),
            Column(key="says", title="Says"),
            Column(key="state", title="State"),
            Column(key="own", title="Own word"),
            Column(key="about", title="About"),
            Column(key="observed_at", title="As of"),
            Column(key="expires_at", title="Until"),
            Column(key="by", title="By"),
            Column(key="file", title="File"),
            Column(key="entry", title="Proof"),
        ),
        rows=rows,
        empty=Empty(
            sentence="Nothing was filed from outside.",
            command="roadworthy evidence add --kind KIND --use-case NAME FILE",
        ),
    )


def catalogue_table(book: ControlCatalogue, *, area: str, url: str) -> Table:
    """Return the catalogue."""
    return Table(
        caption="The catalogue",
        columns=(
            Column(key="control", title="Control"),
            Column(key="area", title="Area"),
            Column(key="title", title="What holds"),
            Column(key="question", title="Question"),
            Column(key="answered_by", title="Answered by"),
            Column(key="fresh_days", title="Fresh", numeric=True, unit="days"),
            Column(key="owner", title="Side"),
        ),
        rows=[
            {
                "href": control_href(one.id),
                "control": one.id,
                "area": one.area,
                "title": one.title,
                "question": one.question,
                "answered_by": answered(one),
                "fresh_days": None if one.fresh is None else one.fresh.days,
                "owner": one.owner.replace("_", " and "),
            }
            for one in book.controls.values()
            if not area or one.area == area
        ],
        url=url,
    )


def answered(control: Control) -> str:
    """Say who answers a control."""
    words = {"platform": "the platform", "both": "the platform, with evidence", "evidence": "evidence"}
    return words[control.answered_by]


def framework_table(book: ControlCatalogue, framework: str, *, url: str) -> Table:
    """Return each reference of a framework with the controls that answer it."""
    found: dict[str, list[Control]] = {}
    for one in book.controls.values():
        for number in one.references.get(framework, ()):
            found.setdefault(number, []).append(one)
    return Table(
        caption="References and the controls that answer them",
        columns=(
            Column(key="reference", title="Reference"),
            Column(key="controls", title="Controls"),
            Column(key="titles", title="What holds"),
        ),
        rows=[
            {
                "reference": number,
                "controls": ", ".join(one.id for one in held),
                "titles": "; ".join(one.title for one in held),
            }
            for number, held in sorted(found.items(), key=lambda item: _natural(item[0]))
        ],
        url=url,
    )


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort `MAP 2.10` behind `MAP 2.9`."""
    parts: list[tuple[int, int, str]] = []
    word = ""
    for letter in f"{text} ":
        if word and letter.isdigit() != word[-1].isdigit():
            parts.append((0, int(word), "") if word.isdigit() else (1, 0, word))
            word = ""
        word += letter
    return parts
